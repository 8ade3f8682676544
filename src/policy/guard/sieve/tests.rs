use super::super::detector::{Detector, Wanted};
use super::super::pattern::Pattern;
use super::super::rule::{Action, Asker, Direction, Guard, Scope, Words};
use super::*;

const ANYBODY: Asker<'_> = Asker { key: "", owner: "", model: "m" };

fn guard(name: &str, detect: Wanted, action: Action) -> Guard {
    Guard::new(name, detect, action)
}

fn watch(guards: Vec<Guard>, direction: Direction, masked: &[(String, String)]) -> Arc<Watch> {
    let guards: Vec<_> = guards.into_iter().map(Arc::new).collect();
    Arc::new(Watch::over(&guards, direction, &ANYBODY, |a, b| a == b, masked).unwrap())
}

/// What goes on of a text cut in two at each place, and letter by letter; the same each time.
fn through(watch: &Arc<Watch>, form: Form, text: &str) -> String {
    let run = |pieces: &[&str]| {
        let (mut strand, mut memory) = (Strand::new(Arc::clone(watch), form), Memory::default());
        let mut out: String = pieces.iter().map(|piece| strand.push(piece, &mut memory)).collect();
        out.push_str(&strand.finish(&mut memory));
        (out, memory.verdicts)
    };
    let whole = run(&[text]);
    for (cut, _) in text.char_indices() {
        assert_eq!(run(&[&text[..cut], &text[cut..]]), whole, "{cut}");
    }
    assert_eq!(run(&text.split_inclusive(|_| true).collect::<Vec<_>>()), whole);
    whole.0
}

#[test]
fn what_is_masked_is_restored_however_the_model_writes_it_and_the_answer_is_cut() {
    let pii = || guard("pii", Wanted::PII, Action::MaskAndRestore);
    let request = watch(vec![pii()], Direction::Request, &[]);
    let mut memory = Memory::default();
    let text = "Write to anna@example.com, not bob@example.com; anna@example.com, [EMAIL_1] is taken.";
    let sent = sift(&request, Form::Plain, text, text.as_bytes(), &mut memory).unwrap();
    assert_eq!(sent, "Write to [EMAIL_2], not [EMAIL_3]; [EMAIL_2], [EMAIL_1] is taken.");
    let answer = watch(Vec::new(), Direction::Answer, memory.masked());
    let said = "Dear [EMAIL_2], [email_3] [EMAIL\\_2] EMAIL_3. [EMAIL_21] [EMAIL 2] \\[EMAIL_2\\] \
                my_EMAIL_3 EMAIL_3_A email_3 xEMAIL_3 EMAIL\\_3x [EMAIL_2";
    assert_eq!(
        through(&answer, Form::Plain, said),
        "Dear anna@example.com, bob@example.com anna@example.com bob@example.com. [EMAIL_21] anna@example.com \
         anna@example.com my_EMAIL_3 EMAIL_3_A email_3 xEMAIL_3 EMAIL\\_3x anna@example.com"
    );
}

#[test]
fn a_restored_value_is_written_as_json_in_json() {
    let masked = [("[SECRET_1]".to_owned(), "a\"b\nc".to_owned())];
    let answer = watch(Vec::new(), Direction::Answer, &masked);
    assert_eq!(through(&answer, Form::Json, r#"{"x":"[SECRET_1]"}"#), r#"{"x":"a\"b\nc"}"#);
}

#[test]
fn arguments_stay_json_whatever_is_taken_out_of_them() {
    let mut pii = guard("pii", Wanted::PII.with(Detector::Exfiltration), Action::Mask);
    let pattern = |expression| Arc::new(Pattern::new(expression).unwrap());
    pii.patterns = vec![("rest".into(), pattern("SECRET.*")), ("nines".into(), pattern("9{3}"))];
    let pii = watch(vec![pii], Direction::Answer, &[]);
    for (text, expected) in [
        (r#"{"a":"x\njohn@example.com\u00e9 b"}"#, r#"{"a":"x\n[EMAIL] b"}"#),
        (r#"{"to":"\u0061nna@example.com\n"}"#, r#"{"to":"[EMAIL]\n"}"#),
        (r#"{"to":"M\u00fcller@example.de"}"#, r#"{"to":"[EMAIL]"}"#),
        (r#"{"u":"![x](https:\/\/e.test\/?d=0123456789abcdef0)"}"#, r#"{"u":"[LINK]"}"#),
        (r#"{"a":"4111\u00201111 1111\u00a0"}"#, r#"{"a":"4111\u00201111 1111\u00a0"}"#),
        (r#"{"a":"4111\u00201111 1111 1111\"}"}"#, r#"{"a":"[CARD]\"}"}"#),
        (
            r#"  {"card": 4111111111111111, "n":[1,-2.5e3,true , 12999.5,"999"]}"#,
            r#"  {"card": "[CARD]", "n":[1,-2.5e3,true , "[REDACTED]","[REDACTED]"]}"#,
        ),
        (r#"{"phone":5552345678,"id":5552345678}"#, r#"{"phone":"[PHONE]","id":"[PHONE]"}"#),
        (
            r#"{"a":"a SECRET b","c":["d\"",1,{"e":null}],"f":""}"#,
            r#"{"a":"a [REDACTED]","c":["[REDACTED]","[REDACTED]",{"e":"[REDACTED]"}],"f":""}"#,
        ),
        (r#"{"anna@example.com":{"SECRET":2}}"#, r#"{"[EMAIL]":{"SECRET":"[REDACTED]"}}"#),
        ("no JSON: \"4111111111111111\\n\"", "no JSON: \"[CARD]\\n\""),
    ] {
        let out = through(&pii, Form::Json, text);
        assert_eq!(out, expected);
        let whole = sift(&pii, Form::Json, text, b"", &mut Memory::default());
        assert_eq!(whole.as_deref().unwrap_or(text), expected);
        assert!(!text.contains('{') || crate::wire::json::parse(out.as_bytes()).is_ok(), "{out}");
    }
}

#[test]
fn what_is_hidden_by_what_nobody_sees_is_found_once_that_is_taken_out() {
    let wanted = Wanted::PII.with(Detector::Invisible);
    for action in [Action::Mask, Action::MaskAndRestore] {
        let unseen = watch(vec![guard("g", wanted, action)], Direction::Answer, &[]);
        for (form, text, expected) in [
            (Form::Plain, "pay 4111\u{200b}111111111111 n\u{ad}ow \u{e0041}!", "pay [CARD] now !"),
            (Form::Plain, "an\u{200b}na@ex\u{200b}\u{200b}ample.com\u{200b}x", "[EMAIL]"),
            (Form::Plain, "no\u{200b}thing \u{200b}here, 👩\u{200d}💻", "nothing \u{200b}here, 👩\u{200d}💻"),
            (
                Form::Json,
                r#"{"a":"x\u200by\u200b\n","b":4111111111111111}"#,
                r#"{"a":"xy\u200b\n","b":"[CARD]"}"#,
            ),
            (Form::Json, r#"{"a":"4111\u200b1111\u200b11111111 \u00e4"}"#, r#"{"a":"[CARD] \u00e4"}"#),
        ] {
            assert_eq!(through(&unseen, form, text), expected);
            let whole = sift(&unseen, form, text, b"", &mut Memory::default());
            assert_eq!(whole.as_deref(), Some(expected));
        }
    }
    let told = watch(vec![guard("g", wanted, Action::Tag)], Direction::Answer, &[]);
    let text = "4111\u{200b}111111111111";
    assert_eq!(through(&told, Form::Plain, text), text);
    let request = watch(vec![guard("g", wanted, Action::MaskAndRestore)], Direction::Request, &[]);
    let mut memory = Memory::default();
    assert_eq!(sift(&request, Form::Plain, text, b"", &mut memory).as_deref(), Some("[CARD_1]"));
    assert_eq!(memory.masked(), [("[CARD_1]".to_owned(), "4111111111111111".to_owned())]);
}

#[test]
fn long_arguments_are_looked_at_piece_by_piece() {
    let pii = watch(vec![guard("pii", Wanted::PII, Action::Mask)], Direction::Answer, &[]);
    let one = r#""\u00e4 anna@example.com","#;
    let text = format!("[{}1]", one.repeat(3000));
    let anew = sift(&pii, Form::Json, &text, b"", &mut Memory::default()).unwrap();
    assert_eq!(anew, format!("[{}1]", r#""\u00e4 [EMAIL]","#.repeat(3000)));
}

#[test]
fn a_number_is_explained_by_its_name_and_goes_as_words() {
    let watch = watch(vec![guard("pii", Wanted::PII, Action::MaskAndRestore)], Direction::Request, &[]);
    let mut memory = Memory::default();
    let mut of = |name, number| sift_number(&watch, name, number, b"", &mut memory);
    assert_eq!(of("phone_number", "5552345678").as_deref(), Some("[PHONE_1]"));
    assert_eq!(of("card", "4111111111111111").as_deref(), Some("[CARD_1]"));
    assert_eq!(of("count", "5552345678"), None);
    assert_eq!(of("anna@example.com", "12"), None);
    assert_eq!(memory.masked()[1].1, "4111111111111111");
}

#[test]
fn what_overlaps_is_masked_as_one_and_the_strongest_action_counts() {
    let secrets = guard("keys", Wanted::NONE.with(Detector::Secret), Action::Mask);
    let mut topic = guard("topic", Wanted::NONE, Action::Monitor);
    topic.words = Words::new(&[("names", &["db".to_owned(), "hunter".to_owned()])]);
    let watch = watch(vec![secrets, topic], Direction::Answer, &[]);
    let out = through(&watch, Form::Plain, "see postgres://app:hunter-2-x@db/x on db");
    assert_eq!(out, "see postgres://app:[SECRET]@db/x on db");
}

#[test]
fn a_block_names_the_rule_and_never_the_match() {
    let secrets = guard("keys", Wanted::NONE.with(Detector::Secret), Action::Block);
    let watch = watch(vec![secrets], Direction::Request, &[]);
    let mut memory = Memory::default();
    let token = "glpat-aB3dE5fG7hI9jK1lM3nO";
    assert_eq!(sift(&watch, Form::Plain, token, b"", &mut memory), None);
    assert_eq!(memory.blocked, Some(("keys".into(), "gitlab-token".into())));
    assert_eq!(memory.verdicts[0].to_string(), "keys/gitlab-token=block;request;1");
}

#[test]
fn sealed_words_are_looked_at_and_never_changed() {
    let watch = watch(vec![guard("pii", Wanted::PII, Action::Mask)], Direction::Answer, &[]);
    assert_eq!(through(&watch, Form::Sealed, "ask john@example.com"), "ask john@example.com");
}

#[test]
fn a_guard_is_for_whom_it_is_for() {
    let mut one = guard("g", Wanted::PII, Action::Mask);
    one.scope =
        Scope { keys: vec!["web".into()], owners: vec!["acme/shop".into()], models: vec!["m".into()] };
    let guards = [Arc::new(one)];
    let covers = |key, owner, model| {
        let asker = Asker { key, owner, model };
        Watch::over(&guards, Direction::Request, &asker, |a, b| a == b, &[]).is_some()
    };
    assert!(covers("web", "acme/shop", "m") && covers("web", "acme/shop/cart", "m"));
    assert!(!covers("app", "acme/shop", "m") && !covers("web", "acme/shopping", "m"));
    assert!(!covers("web", "acme/shop", "n"));
}

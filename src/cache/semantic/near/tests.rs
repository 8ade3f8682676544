use super::*;
use crate::cache::semantic::{Turn, forms};

fn sketch(question: &str) -> Sketch {
    Sketch::of(&forms(question, Turn::First).unwrap()[0]).unwrap()
}

/// Whether each of two questions would get the other's answer.
fn shares(one: &str, other: &str) -> bool {
    let (one, other) = (sketch(one), sketch(other));
    let there = score(&one, &other).is_some();
    assert_eq!(there, score(&other, &one).is_some(), "{one:?} {other:?}");
    there
}

#[test]
fn words_that_mean_the_same_share_an_answer() {
    for (one, other) in [
        ("How do I cancel a gym contract early?", "How do I terminate a gym contract early?"),
        ("What is the salary of a nurse in Oslo?", "What is the wage of a nurse in Oslo?"),
        ("How do I remove moss on a lawn?", "How do I get rid of moss on the lawn?"),
        ("Is there a pool at the hotel?", "Do you have a pool at the hotel?"),
        ("How do I pay my electricity bill?", "How do I pay my electrcity bill?"),
    ] {
        assert!(shares(one, other), "{one} / {other}");
    }
}

#[test]
fn other_words_are_other_questions() {
    for (one, other) in [
        ("How do I cancel a gym contract early?", "How do I renew a gym contract early?"),
        ("Is the museum open on Monday mornings?", "Is the museum open on Tuesday mornings?"),
        ("What is the refund policy for events?", "What is the privacy policy for events?"),
        ("How do I get a refund on a gift?", "How do I get a refund on a gift card?"),
        // Opposites, by a list, by a beginning and in their degrees.
        ("Why is the front tyre of my bike soft?", "Why is the front tyre of my bike hard?"),
        ("How do I mute a user in the chat?", "How do I unmute a user in the chat?"),
        ("Which is the longest river in Asia?", "Which is the shortest river in Asia?"),
        // Alone, a word has more meanings than one.
        ("What is trash collection?", "What is garbage collection?"),
        // One and many.
        ("Recommend a good book on stoicism", "Recommend good books on stoicism"),
    ] {
        assert!(!shares(one, other), "{one} / {other}");
    }
}

#[test]
fn what_tells_who_whom_and_how_much_must_be_equal() {
    for (one, other) in [
        ("How do I convert a table to a chart?", "How do I convert a chart to a table?"),
        ("How do I get from Leeds to York by coach?", "How do I get from York to Leeds by coach?"),
        ("Does the plan include 10 calls?", "Does the plan include 100 calls?"),
        ("Can I park outside the station?", "Can I not park outside the station?"),
        (
            "Can I travel with a passport but without a visa?",
            "Can I travel without a passport but with a visa?",
        ),
        ("Should I stay if it does not rain?", "Should I not stay if it does rain?"),
        ("How do I pay for parking at a meter?", "How do I pay at parking for a meter?"),
        ("Can you repair the kettle for her?", "Can you repair the kettle for him?"),
        ("How do I use grindr safely abroad?", "How do I use grinder safely abroad?"),
        ("How do I import contacts from mailchimp?", "How do I import contacts from klaviyo?"),
    ] {
        assert!(!shares(one, other), "{one} / {other}");
    }
}

#[test]
fn what_is_compared_letter_by_letter_has_no_sketch() {
    for form in ["= wer bist du?", "translate \"good morning\"", "what is", "about 1 paris^"] {
        assert_eq!(Sketch::of(form), None, "{form}");
    }
}

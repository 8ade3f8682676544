//! What is logged of bodies.

use super::*;
use crate::account::Entry;
use crate::account::Said;
use crate::store::ledger::bodies::Bodies;

fn said(pieces: &[&str], most: usize) -> Said {
    let mut said = Said::default();
    for piece in pieces {
        said.push(piece.as_bytes(), most);
    }
    said
}

/// What is kept of such a request, whose guards have masked something.
fn kept(folder: &Folder, id: &str, at: u64, (request, response): (Said, Said), masked: &[(&str, &str)]) {
    let journal = journal(folder);
    let masked = masked.iter().map(|(name, hidden)| ((*name).to_owned(), (*hidden).to_owned())).collect();
    journal.bodies.leave(Bodies {
        id: (id.to_owned(), false),
        at,
        request,
        response,
        masked,
        held: Box::new(()),
    });
    journal.bodies.write(&mut schema::open(folder.path()).unwrap()).unwrap();
}

fn found(folder: &Folder, id: &str) -> Option<(Said, Said)> {
    let entry = Entry { id: id.to_owned(), ..Entry::default() };
    Reader::open(folder.path()).unwrap().bodies(&entry).unwrap()
}

#[test]
fn the_beginning_of_a_body_is_kept_up_to_a_whole_letter() {
    let said = |pieces: &[&str], most| said(pieces, most);
    assert_eq!((said(&["ab", "cd"], 4).text(), said(&["ab", "cd"], 4).is_cut()), (Some("abcd"), false));
    assert_eq!((said(&["ab", "cd"], 3).text(), said(&["ab", "cd"], 3).is_cut()), (Some("abc"), true));
    assert_eq!(said(&["gr\u{fc}n"], 3).text(), Some("gr"));
    assert_eq!(said(&[], 3).text(), None);
    let mut binary = Said::default();
    binary.push(b"PNG\xff\xfe rest", 100);
    assert_eq!(binary.text(), None);
}

#[test]
fn what_guards_restored_for_the_client_is_logged_by_its_name() {
    let folder = Folder::new();
    let told = r#"{"a": "write to ann@x.org", "b": "{\"c\": \"say \\\"hi\\\"\"}"}"#;
    let masked = [("[EMAIL_1]", "ann@x.org"), ("[WORD_1]", "say \"hi\"")];
    kept(&folder, "one", 1, (said(&["to [EMAIL_1]"], 100), said(&[told], 1000)), &masked);
    let (request, response) = found(&folder, "one").unwrap();
    assert_eq!(request.text(), Some("to [EMAIL_1]"));
    assert_eq!(response.text(), Some(r#"{"a": "write to [EMAIL_1]", "b": "{\"c\": \"[WORD_1]\"}"}"#));
    // Not even the beginning of it, where the rest was cut off.
    let begun = said(&["write to ann@x.org"], 13);
    kept(&folder, "two", 1, (Said::default(), begun), &masked);
    assert_eq!(found(&folder, "two").unwrap().1.text(), Some("write to "));
}

#[test]
fn bodies_have_a_time_of_their_own() {
    let folder = Folder::new();
    for hour in 0..10 {
        kept(&folder, &hour.to_string(), hour * HOUR, (said(&["ask"], 9), said(&["tell"], 9)), &[]);
    }
    let connection = schema::open(folder.path()).unwrap();
    let keep = Keep { bodies: Some(Duration::from_secs(3 * 3600)), ..Keep::default() };
    retention::bite(&connection, keep, 10 * HOUR).unwrap();
    let left: Vec<_> = (0..10).filter(|hour| found(&folder, &hour.to_string()).is_some()).collect();
    assert_eq!(left, [7, 8, 9]);
}

#[test]
fn no_more_waits_than_there_is_room_for() {
    let folder = Folder::new();
    let journal = journal(&folder);
    for number in 0..1000 {
        let id = (number.to_string(), false);
        let (request, response) = (said(&["ask"], 9), Said::default());
        journal.bodies.leave(Bodies { id, at: 1, request, response, masked: vec![], held: Box::new(()) });
    }
    journal.bodies.write(&mut schema::open(folder.path()).unwrap()).unwrap();
    assert!(found(&folder, "0").is_some() && found(&folder, "999").is_none());
}

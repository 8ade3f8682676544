//! Texts made of what a token says: `{org}/{groups.0}/{sub}`.

use std::fmt::Write as _;
use std::str::FromStr;

use ring::digest::{SHA256, digest};

use crate::policy::token::Invalid;
use crate::wire::json::{Json, Kind};

/// A part of an owner, or a label, has no more letters than this.
const LONGEST: usize = 128;
/// And what a claim says elsewhere no more than this.
const LONGEST_PLAIN: usize = 256;

/// A text with claims in it: `{name}`, `{name.0}`, `{name.field}`, `{name:-default}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Claim { name: String, default: Option<String> },
}

/// What is wrong with a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected claims in braces such as {{org}}/{{groups.0}}/{{sub}}")]
pub struct BadTemplate;

impl FromStr for Template {
    type Err = BadTemplate;

    fn from_str(text: &str) -> Result<Self, BadTemplate> {
        let mut pieces = Vec::new();
        let mut rest = text.trim();
        while let Some((before, after)) = rest.split_once('{') {
            let (claim, after) = after.split_once('}').ok_or(BadTemplate)?;
            if !before.is_empty() {
                pieces.push(Piece::Plain(before.to_owned()));
            }
            let (name, default) = match claim.split_once(":-") {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (claim, None),
            };
            if name.trim().is_empty() || name.contains('{') {
                return Err(BadTemplate);
            }
            pieces.push(Piece::Claim { name: name.trim().to_owned(), default });
            rest = after;
        }
        if rest.contains('}') {
            return Err(BadTemplate);
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        if pieces.is_empty() { Err(BadTemplate) } else { Ok(Self(pieces)) }
    }
}

impl Template {
    /// What comes of it at least: the default of each claim that has one, else a letter.
    #[must_use]
    pub fn example(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Plain(plain) => plain.clone(),
            Piece::Claim { default, .. } => default.clone().unwrap_or_else(|| "x".to_owned()),
        };
        self.0.iter().map(piece).collect()
    }

    /// The text for a token, fit to be part of an owner's path: what a claim says can add no slash and
    /// no letter that such a path has not.
    ///
    /// # Errors
    /// When the token does not have a claim.
    pub(super) fn fill(&self, claims: &Json<'_>) -> Result<String, Invalid> {
        let fine = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '@');
        self.with(claims, |value| {
            marked(value, LONGEST, |letter| Some(if fine(letter) { letter } else { '_' }))
        })
    }

    /// The text for a token, as its claims say it, within bounds.
    ///
    /// # Errors
    /// When the token does not have a claim.
    pub(super) fn plain(&self, claims: &Json<'_>) -> Result<String, Invalid> {
        self.with(claims, |value| {
            marked(value, LONGEST_PLAIN, |letter| Some(letter).filter(|letter| !letter.is_control()))
        })
    }

    /// The same where it is all said by the token itself, and so may tell one from another.
    pub(super) fn said(&self, claims: &Json<'_>) -> Option<String> {
        let claimed = |piece: &Piece| match piece {
            Piece::Plain(_) => None,
            Piece::Claim { name, .. } => {
                Some(find(claims, name).is_some_and(|value| !value.trim().is_empty()))
            }
        };
        let mut claims_of_it = self.0.iter().filter_map(claimed).peekable();
        let tells = claims_of_it.peek().is_some() && claims_of_it.all(|is_there| is_there);
        if tells { self.plain(claims).ok() } else { None }
    }

    fn with(&self, claims: &Json<'_>, fit: impl Fn(&str) -> String) -> Result<String, Invalid> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Claim { name, default } => {
                    let value = find(claims, name).filter(|value| !value.trim().is_empty());
                    let value = value.or_else(|| default.clone());
                    let value = value.ok_or_else(|| Invalid::Missing(name.clone()))?;
                    text.push_str(&fit(value.trim()));
                }
            }
        }
        Ok(text)
    }
}

/// What a claim says in letters that fit. Where these are others or fewer, a part of its hash follows, so
/// that nobody is taken for another whose claim would look the same.
fn marked(value: &str, longest: usize, fit: impl Fn(char) -> Option<char>) -> String {
    let mut text: String = value.chars().filter_map(fit).collect();
    if text == value && text.chars().nth(longest).is_none() {
        return text;
    }
    let mut mark = String::from("-");
    for byte in digest(&SHA256, value.as_bytes()).as_ref().iter().take(4) {
        // Writing to a string cannot fail.
        let _ = write!(mark, "{byte:02x}");
    }
    if let Some((end, _)) = text.char_indices().nth(longest.saturating_sub(mark.len())) {
        text.truncate(end);
    }
    text + &mark
}

/// The claim of this name, which may hold dots itself; else the way through objects and lists.
pub(super) fn find(claims: &Json<'_>, name: &str) -> Option<String> {
    let mut found = claims.field(name);
    if found.is_none() {
        found = Some(claims);
        for step in name.split('.') {
            let node = found?;
            found = match step.parse::<usize>() {
                Ok(place) if node.is_array() => node.elements().get(place),
                Ok(_) | Err(_) => node.field(step),
            };
        }
    }
    let found = found?;
    match found.kind() {
        Kind::String(text) => Some(text.clone().into_owned()),
        Kind::Number(_) | Kind::Bool(_) => Some(found.raw().to_owned()),
        Kind::Null | Kind::Array(_) | Kind::Object(_) => None,
    }
}

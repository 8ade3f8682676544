//! Cuts a question into words, numbers and signs, and notes what its letters' sizes may tell.

use crate::cache::semantic::Unfit;

/// The most pieces of a question that is folded; what is longer says too much to be the same by chance.
const MOST_TOKENS: usize = 64;
/// The most bytes of one.
const MOST_BYTES: usize = 2048;
/// Words in letters of both sizes up to so many keep them.
const SHORTEST: usize = 3;
/// Signs that programs are written with. Their blanks and cases matter, so nothing is folded.
const CODE: &str = "`{}[]\\_|~^<>=";

/// What a piece of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache::semantic) enum Kind {
    /// Letters.
    Word,
    /// Digits, with what stands between them.
    Number,
    /// A sign that means something: `$`, `%`, `+`.
    Sign,
    /// What stands between quotation marks, as it stands there.
    Quote,
    /// A comma, a dash or a bracket: it parts, and may be left out.
    Comma,
    /// A colon.
    Colon,
    /// The end of a sentence.
    Stop,
}

/// How large the letters of a word are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache::semantic) enum Case {
    /// All small.
    Lower,
    /// The first one large.
    Title,
    /// All large, at least two.
    Upper,
    /// Anything else, such as `kWh`.
    Odd,
}

/// One piece of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cache::semantic) struct Token {
    /// What it is.
    pub(in crate::cache::semantic) kind: Kind,
    /// Its text; of words in small letters.
    pub(in crate::cache::semantic) text: String,
    /// How large its letters were.
    pub(in crate::cache::semantic) case: Case,
    /// What its letters tell beyond its text: that a common word is a name here, or nothing.
    pub(in crate::cache::semantic) name: &'static str,
}

impl Token {
    /// A word of small letters.
    pub(in crate::cache::semantic) fn word(text: &str) -> Self {
        Self::of(Kind::Word, text)
    }

    fn of(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), case: Case::Lower, name: "" }
    }

    /// Whether it is this word.
    pub(in crate::cache::semantic) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// Whether it is one of these words.
    pub(in crate::cache::semantic) fn is_in(&self, words: &[&str]) -> bool {
        self.kind == Kind::Word && words.contains(&self.text.as_str())
    }

    /// Whether it only parts others.
    pub(in crate::cache::semantic) const fn parts(&self) -> bool {
        matches!(self.kind, Kind::Comma | Kind::Colon | Kind::Stop)
    }
}

/// The pieces of `text`.
///
/// # Errors
/// It looks like a program or an address, or is too long.
pub(in crate::cache::semantic) fn tokens(text: &str) -> Result<Vec<Token>, Unfit> {
    if text.len() > MOST_BYTES {
        return Err(Unfit::Long);
    }
    if text.contains("://") || text.contains("()") || text.contains(|c| CODE.contains(c)) {
        return Err(Unfit::Code);
    }
    let chars: Vec<char> = text.trim().chars().map(plain).collect();
    let mut reader = Reader { chars: &chars, at: 0, tokens: Vec::new() };
    while let Some(c) = reader.here() {
        if reader.tokens.len() >= MOST_TOKENS {
            return Err(Unfit::Long);
        }
        reader.read(c)?;
    }
    Ok(reader.tokens)
}

/// The plainer form of a letter or mark that is typeset in several.
const fn plain(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{2bc}' | '\u{b4}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{ab}' | '\u{bb}' => '"',
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '\u{2010}' | '\u{2011}' => '-',
        _ => c,
    }
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn look(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn here(&self) -> Option<char> {
        self.look(0)
    }

    fn before(&self) -> Option<char> {
        self.chars.get(self.at.checked_sub(1)?).copied()
    }

    fn push(&mut self, kind: Kind, text: impl Into<String>) {
        self.tokens.push(Token::of(kind, text));
        self.at += 1;
    }

    fn read(&mut self, c: char) -> Result<(), Unfit> {
        let after_digit = self.before().is_some_and(|c| c.is_ascii_digit());
        let digit_next = self.look(1).is_some_and(|c| c.is_ascii_digit());
        let alone = self.before().is_none_or(char::is_whitespace);
        let spaced = self.look(1).is_none_or(char::is_whitespace);
        let rest = self.chars.get(self.at + 1..).unwrap_or_default();
        let more = rest.iter().any(|c| c.is_alphanumeric());
        match c {
            '\n' => self.push(Kind::Stop, "."),
            _ if c.is_whitespace() => self.at += 1,
            _ if c.is_alphabetic() => self.word(),
            _ if c.is_ascii_digit() => self.number(),
            // Inches, feet, primes and factorials.
            '"' | '\'' | '!' if after_digit => self.push(Kind::Sign, c),
            '\'' if self.is_prime() => self.push(Kind::Sign, c),
            '"' => self.quoted('"'),
            '\'' if alone => self.quoted('\''),
            '\'' => self.at += 1,
            '.' if self.look(1).is_some_and(char::is_alphabetic) && alone => self.word(),
            // What stands apart before more words is asked about, such as *the ? operator*.
            '.' | '!' | '?' | ';' if alone && more => self.marks(),
            ',' | ':' if alone && more => self.push(Kind::Sign, c),
            '.' | '!' | '?' | '\u{2026}' | ';' => self.push(Kind::Stop, "."),
            ',' if after_digit && digit_next => self.push(Kind::Sign, ","),
            ':' if !spaced && self.before().is_some_and(char::is_alphanumeric) => self.push(Kind::Sign, ":"),
            ':' => self.push(Kind::Colon, ":"),
            '(' if !alone => return Err(Unfit::Code),
            ')' if self.is_open() => self.push(Kind::Sign, c),
            ',' | ')' => self.push(Kind::Comma, ","),
            '-' if alone && rest.iter().find(|c| **c != '-').is_some_and(|c| c.is_alphabetic()) => {
                return Err(Unfit::Code);
            }
            '-' | '\u{2013}' | '\u{2014}' | '\u{2212}' => self.dash(c),
            '&' if alone && spaced && !self.is_named() => self.push(Kind::Word, "and"),
            _ => self.push(Kind::Sign, c),
        }
        Ok(())
    }

    /// Marks that stand apart, each as it is.
    fn marks(&mut self) {
        while let Some(c) = self.here().filter(|c| matches!(c, '.' | '!' | '?' | ';')) {
            self.push(Kind::Sign, c);
        }
    }

    /// Whether a bracket was opened and is not closed yet.
    fn is_open(&self) -> bool {
        let count = |sign| self.tokens.iter().filter(|t| t.kind == Kind::Sign && t.text == sign).count();
        count("(") > count(")")
    }

    /// Whether the last piece is a number, or a single letter such as of a variable.
    fn is_term(&self) -> bool {
        self.tokens.last().is_some_and(|last| {
            last.kind == Kind::Number || last.kind == Kind::Word && last.text.chars().count() == 1
        })
    }

    /// Whether the apostrophe here follows a single letter, or a number's or letter's other marks.
    fn is_prime(&self) -> bool {
        let letter = self.before().is_some_and(char::is_alphabetic) && self.is_term();
        letter || self.before() == Some('\'') && self.tokens.last().is_some_and(|last| last.text == "'")
    }

    /// Whether the sign that comes is itself what is spoken of, such as in *the & operator*.
    fn is_named(&self) -> bool {
        self.tokens.last().is_none_or(|last| {
            last.is_in(&[
                "a", "an", "and", "are", "do", "does", "is", "mean", "of", "or", "the", "use", "with",
            ])
        })
    }

    /// A dash: a sign beside numbers and single letters, behind a word that it does not join to another,
    /// and where it is spoken of; nothing inside a word, else a break.
    fn dash(&mut self, c: char) {
        let spaced = self.look(1).is_none_or(char::is_whitespace);
        let alone = self.before().is_none_or(char::is_whitespace);
        let next = self.chars.iter().skip(self.at + 1).find(|c| !c.is_whitespace());
        let digit_next = next.is_some_and(char::is_ascii_digit);
        let after_number = self.tokens.last().is_some_and(|token| token.kind == Kind::Number);
        let mut rest = self.chars.iter().skip(self.at + 1).skip_while(|c| c.is_whitespace());
        let letter_next =
            rest.next().is_some_and(|c| c.is_alphabetic()) && rest.next().is_none_or(|c| !c.is_alphabetic());
        let joins = self.look(1).is_some_and(char::is_alphanumeric);
        let behind = c != '\u{2014}' && !joins && self.before().is_some_and(char::is_alphanumeric);
        let between = self.is_term() && (digit_next || letter_next);
        let named =
            alone && spaced && c == '-' && next.is_some() && self.is_named() && !self.tokens.is_empty();
        if digit_next && (after_number || alone) || behind || between || named {
            self.push(Kind::Sign, "-");
        } else if spaced || alone {
            self.push(Kind::Comma, ",");
        } else {
            self.at += 1;
        }
    }

    /// What stands up to the closing mark; without one, the mark is a sign, but for that of *'90s*.
    fn quoted(&mut self, mark: char) {
        let rest = self.chars.get(self.at + 1..).unwrap_or_default();
        let closes = |at: usize| mark == '"' || rest.get(at + 1).is_none_or(|c| !c.is_alphanumeric());
        match (1..rest.len()).find(|&at| rest.get(at) == Some(&mark) && closes(at)) {
            Some(end) => {
                let inner: String = rest.iter().take(end).collect();
                self.tokens.push(Token::of(Kind::Quote, format!("\"{inner}\"")));
                self.at += end + 2;
            }
            None if mark == '\'' && rest.first().is_some_and(|c| c.is_alphanumeric()) => self.at += 1,
            None => self.push(Kind::Sign, mark),
        }
    }

    fn number(&mut self) {
        let mut text = String::new();
        while let Some(c) = self.here() {
            let joins = matches!(c, '.' | ',' | ':') && self.look(1).is_some_and(|c| c.is_ascii_digit());
            if !c.is_ascii_digit() && !joins {
                break;
            }
            text.push(c);
            self.at += 1;
        }
        let text = if is_grouped(&text) { text.replace(',', "") } else { text };
        self.tokens.push(Token::of(Kind::Number, text));
    }

    fn word(&mut self) {
        let start = self.at;
        while let Some(c) = self.here() {
            let letter_next = self.look(1).is_some_and(char::is_alphabetic);
            let joins = matches!(c, '\'' | '.') && letter_next;
            if !c.is_alphabetic() && !joins {
                break;
            }
            self.at += 1;
        }
        let letters = self.chars.get(start..self.at).unwrap_or_default();
        let mut text: String = letters.iter().collect();
        // U.S. and e.g. are one word, and their last point is no end.
        let initials = text.contains('.') && text.split('.').all(|part| part.chars().count() == 1);
        if initials {
            text.retain(|c| c != '.');
            self.at += usize::from(self.here() == Some('.'));
        }
        let case = case(&text);
        let text = match (unit(&text), case) {
            (Some(unit), _) => unit.to_owned(),
            (None, Case::Lower) => text,
            // A unit, such as mJ, is another in other letters; more than one PC is none.
            (None, Case::Odd) if letters.len() <= SHORTEST && !text.ends_with('s') && text != "PhD" => text,
            (None, Case::Title | Case::Upper | Case::Odd) => text.to_lowercase(),
        };
        self.tokens.push(Token { kind: Kind::Word, text, case, name: "" });
    }
}

/// Whether these are thousands, parted by commas.
fn is_grouped(text: &str) -> bool {
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or_default();
    let mut count = 0;
    let whole = groups.all(|group| {
        count += 1;
        group.len() == 3 && group.bytes().all(|c| c.is_ascii_digit())
    });
    whole && count > 0 && (1..=3).contains(&first.len()) && first.bytes().all(|c| c.is_ascii_digit())
}

fn case(text: &str) -> Case {
    let upper = text.chars().filter(|c| c.is_uppercase()).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let first = text.chars().next().is_some_and(char::is_uppercase);
    match upper {
        0 => Case::Lower,
        _ if upper == letters && letters > 1 => Case::Upper,
        1 if first => Case::Title,
        _ => Case::Odd,
    }
}

/// Units whose meaning hangs on the size of a letter.
fn unit(text: &str) -> Option<&'static str> {
    Some(match text {
        "Kb" => "kbit",
        "Mb" => "mbit",
        "Gb" => "gbit",
        "Tb" => "tbit",
        "MBps" => "mbyteps",
        "GBps" => "gbyteps",
        "mW" => "milliwatt",
        "mPa" => "millipascal",
        "mHz" => "millihertz",
        _ => return None,
    })
}

/// How many tokens a phrase is that `tokens` begin with.
pub(in crate::cache::semantic) fn begins(tokens: &[Token], phrase: &str) -> Option<usize> {
    let mut count = 0;
    // Most phrases begin otherwise, which is seen without cutting them up.
    if !phrase.starts_with(tokens.first()?.text.as_str()) {
        return None;
    }
    for word in phrase.split(' ') {
        if !tokens.get(count)?.is(word) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// How many tokens a phrase is that `tokens` end with.
pub(in crate::cache::semantic) fn ends(tokens: &[Token], phrase: &str) -> Option<usize> {
    let count = phrase.split(' ').count();
    let from = tokens.len().checked_sub(count)?;
    begins(tokens.get(from..)?, phrase)
}

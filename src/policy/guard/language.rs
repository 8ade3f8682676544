//! Which language a text is in, roughly: by its script, and in Latin letters by its commonest words.

/// A text with fewer letters is in no language that could be told.
const LEAST: u32 = 40;

/// No more letters are looked at: the beginning tells.
const MOST: u32 = 400;

/// The commonest short words that few other languages have.
const COMMON: &[(&str, &[&str])] = &[
    (
        "en",
        &["the", "and", "of", "is", "that", "with", "for", "this", "are", "you", "was", "have", "what", "it"],
    ),
    (
        "de",
        &[
            "der", "die", "und", "das", "ist", "nicht", "ein", "eine", "mit", "auf", "für", "ich", "sie",
            "zu", "den", "wie",
        ],
    ),
    (
        "fr",
        &[
            "le", "les", "et", "est", "des", "une", "pas", "pour", "dans", "que", "vous", "je", "sur", "du",
            "avec",
        ],
    ),
    (
        "es",
        &[
            "el", "los", "las", "es", "una", "por", "que", "para", "con", "del", "como", "está", "pero", "y",
            "su",
        ],
    ),
    (
        "it",
        &["il", "di", "che", "è", "per", "una", "non", "sono", "della", "con", "gli", "nel", "anche", "ma"],
    ),
    ("pt", &["os", "uma", "não", "que", "para", "com", "você", "é", "do", "da", "em", "mais", "mas", "seu"]),
    ("nl", &["de", "het", "een", "van", "en", "niet", "dat", "op", "voor", "zijn", "met", "ik", "je", "aan"]),
    ("pl", &["i", "nie", "się", "jest", "na", "że", "do", "to", "jak", "czy", "dla", "od", "przez"]),
    ("sv", &["och", "att", "det", "är", "som", "en", "inte", "för", "på", "med", "jag", "har"]),
    ("da", &["og", "det", "er", "ikke", "af", "til", "en", "på", "jeg", "har", "med", "som"]),
    ("tr", &["bir", "ve", "bu", "için", "ile", "çok", "ne", "da", "mi", "var", "olan"]),
    ("id", &["yang", "dan", "di", "ini", "untuk", "dengan", "tidak", "dari", "itu", "saya"]),
    ("vi", &["và", "của", "là", "có", "không", "được", "cho", "một", "những", "tôi"]),
];

/// The languages that can be told, in the codes of ISO 639-1.
pub const KNOWN: &[&str] = &[
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "tr", "id", "vi", "ru", "uk", "el", "ar",
    "he", "hi", "th", "ko", "ja", "zh",
];

/// Gathers what tells the language of a text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Language {
    word: String,
    letters: u32,
    common: [u32; COMMON.len()],
    /// Letters by script, in the order of `SCRIPTS`.
    scripts: [u32; SCRIPTS.len()],
}

const SCRIPTS: [&str; 11] = ["", "ru", "uk", "el", "ar", "he", "hi", "th", "ko", "ja", "zh"];

const fn script(letter: char) -> Option<usize> {
    Some(match letter {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => 0,
        'і' | 'ї' | 'є' | 'ґ' => 2,
        '\u{400}'..='\u{52f}' => 1,
        '\u{370}'..='\u{3ff}' => 3,
        '\u{600}'..='\u{6ff}' => 4,
        '\u{590}'..='\u{5ff}' => 5,
        '\u{900}'..='\u{97f}' => 6,
        '\u{e00}'..='\u{e7f}' => 7,
        '\u{ac00}'..='\u{d7af}' | '\u{1100}'..='\u{11ff}' => 8,
        '\u{3040}'..='\u{30ff}' => 9,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' => 10,
        _ => return None,
    })
}

impl Language {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &str) {
        for letter in piece.chars() {
            if self.letters >= MOST {
                return;
            }
            match script(letter) {
                Some(script) => {
                    self.letters += 1;
                    if let Some(count) = self.scripts.get_mut(script) {
                        *count += 1;
                    }
                    if script == 0 && self.word.len() < 16 {
                        self.word.extend(letter.to_lowercase());
                    }
                }
                None => self.count(),
            }
        }
    }

    fn count(&mut self) {
        for ((_, words), count) in COMMON.iter().zip(&mut self.common) {
            *count += u32::from(words.contains(&self.word.as_str()));
        }
        self.word.clear();
    }

    /// The language, now that the text is whole; `None` where it cannot be told.
    pub(super) fn finish(&mut self) -> Option<&'static str> {
        self.count();
        if self.letters < LEAST {
            return None;
        }
        let [latin, russian, ukrainian, .., japanese, chinese] = self.scripts;
        let most = self.scripts.iter().enumerate().max_by_key(|(_, count)| **count)?.0;
        if most == 0 {
            let (place, count) = self.common.iter().enumerate().max_by_key(|(_, count)| **count)?;
            // A word in ten or so is a common one; far fewer, and it is code or a list.
            return (*count * 60 >= latin).then(|| COMMON.get(place)).flatten().map(|(name, _)| *name);
        }
        let name = match SCRIPTS.get(most).copied()? {
            "ru" if ukrainian * 20 > russian => "uk",
            "zh" if japanese * 10 > chinese => "ja",
            name => name,
        };
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart() {
        let texts = [
            ("en", "The quick brown fox jumps over the lazy dog, and that is what it does with you."),
            ("de", "Ich weiß nicht, wie das geht, aber die Antwort ist einfach und mit der Zeit kommt sie."),
            ("fr", "Je ne sais pas comment faire, mais les réponses sont dans le livre que vous avez."),
            ("es", "No sé cómo hacerlo, pero las respuestas están en el libro que usted tiene para los dos."),
            ("nl", "Ik weet niet hoe dat moet, maar het antwoord staat in een van de boeken voor je."),
            ("ru", "Я не знаю, как это сделать, но ответ находится в книге, которая лежит на столе."),
            (
                "ja",
                "これはペンです。日本語の文章をここに書いています。答えは本の中にありますので、読んでください。どうぞ。",
            ),
            (
                "zh",
                "我不知道怎么做，但是答案在桌子上的那本书里面，请你自己去看一看吧，谢谢你的帮助，祝你今天过得愉快，再见朋友。",
            ),
        ];
        for (name, text) in texts {
            let mut language = Language::default();
            language.push(text);
            assert_eq!(language.finish(), Some(name), "{text}");
            let mut pieces = Language::default();
            text.split_inclusive(|_| true).for_each(|piece| pieces.push(piece));
            assert_eq!(pieces.finish(), Some(name), "{text}");
            assert!(KNOWN.contains(&name));
        }
        let mut short = Language::default();
        short.push("fn main() {}");
        assert_eq!(short.finish(), None);
    }
}

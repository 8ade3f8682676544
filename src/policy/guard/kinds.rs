//! What a number is: its form, its check digits, and the words before it where those say little.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::checks;
use super::code::Code;
use super::detector::{Detector, Wanted};

/// So many bytes before a number are read for a word that explains it.
pub(super) const CONTEXT: usize = 48;

/// How sure a form makes us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// It is none.
    No,
    /// With a word before it that says what it is.
    Told,
    /// In itself.
    Yes,
}

struct Kind {
    detector: Detector,
    least: u8,
    most: u8,
    is: fn(&Code) -> Sure,
    words: &'static [&'static str],
}

const fn kind_of(
    detector: Detector,
    (least, most): (u8, u8),
    is: fn(&Code) -> Sure,
    words: &'static [&'static str],
) -> Kind {
    Kind { detector, least, most, is, words }
}

/// In the order in which they are asked: what is surest first.
const KINDS: &[Kind] = &[
    kind_of(Detector::Iban, (15, 34), iban, &[]),
    kind_of(
        Detector::Card,
        (13, 19),
        card,
        &[
            "card",
            "karte",
            "carte",
            "tarjeta",
            "carta",
            "visa",
            "mastercard",
            "amex",
            "credit",
            "debit",
            "pan",
            "kaart",
        ],
    ),
    kind_of(Detector::ItFiscal, (16, 16), |code| sure(checks::italian(code.text())), &[]),
    kind_of(Detector::InGstin, (15, 15), |code| sure(code.in_one() && checks::gstin(code.text())), &[]),
    kind_of(Detector::FrNir, (15, 15), |code| sure(checks::french_nir(code.text())), &[]),
    kind_of(Detector::DePension, (12, 12), |code| sure(checks::german_pension(code.text())), &[]),
    kind_of(Detector::DeTax, (11, 11), german_tax, &["steuer", "idnr", "tin", "tax", "finanzamt"]),
    kind_of(
        Detector::PlPesel,
        (11, 11),
        |code| bare(code, checks::pesel, 0xb),
        &["pesel", "ewidenc", "identyf"],
    ),
    kind_of(Detector::AuAbn, (11, 11), |code| bare(code, checks::abn, 0x2333), &["abn", "business number"]),
    kind_of(Detector::UsMbi, (11, 11), american_medicare, &["medicare", "mbi", "beneficiary"]),
    kind_of(Detector::InAadhaar, (12, 12), aadhaar, &["aadhaar", "aadhar", "uidai", "uid"]),
    kind_of(Detector::UkNino, (9, 9), nino, &["nino", "insurance", "ni number", "ni no"]),
    kind_of(Detector::CaSin, (9, 9), canadian, &["sin", "social insurance", "nas"]),
    kind_of(Detector::UsSsn, (9, 9), social_security, &["ssn", "social", "soc sec", "ss#"]),
    kind_of(Detector::UsItin, (9, 9), itin, &["itin", "taxpayer", "tax id", "tin"]),
    kind_of(Detector::EsDni, (9, 9), |code| sure(checks::spanish(code.text())), &[]),
    kind_of(
        Detector::DeHealth,
        (10, 10),
        |code| told(checks::german_health(code.text())),
        &["versicher", "kranken", "kvnr", "gesundheits", "health insurance"],
    ),
    kind_of(
        Detector::DeIdCard,
        (9, 10),
        german_card,
        &["ausweis", "personal", "reisepass", "pass", "id card", "identity"],
    ),
    kind_of(
        Detector::InPan,
        (10, 10),
        |code| told(code.in_one() && checks::pan(code.text())),
        &["pan", "permanent account", "income tax"],
    ),
    kind_of(Detector::UkNhs, (10, 10), |code| bare(code, checks::nhs, 0x334), &["nhs", "patient", "health"]),
    kind_of(
        Detector::NlBsn,
        (9, 9),
        |code| told(checks::dutch(code.text())),
        &["bsn", "burger", "sofi", "service number"],
    ),
    kind_of(Detector::AuTfn, (9, 9), |code| told(checks::tfn(code.text())), &["tfn", "tax file"]),
    kind_of(Detector::AuAcn, (9, 9), |code| told(checks::acn(code.text())), &["acn", "company number"]),
    kind_of(
        Detector::UsAba,
        (9, 9),
        |code| told(checks::aba(code.text())),
        &["routing", "aba", "rtn", "transit"],
    ),
    kind_of(Detector::AuMedicare, (10, 11), |code| told(checks::medicare(code.text())), &["medicare"]),
    kind_of(
        Detector::UsNpi,
        (10, 10),
        |code| told(checks::npi(code.text())),
        &["npi", "provider", "prescriber"],
    ),
    kind_of(
        Detector::Phone,
        (7, 15),
        phone,
        &[
            "phone",
            "tel",
            "mobile",
            "cell",
            "call",
            "fax",
            "whatsapp",
            "sms",
            "text me",
            "dial",
            "ring",
            "handy",
            "mobil",
            "móvil",
            "movil",
            "rufnummer",
            "reach me",
            "numero",
            "numéro",
            "telefon",
            "teléfono",
            "portable",
            "komórk",
            "contact",
        ],
    ),
];

/// The words that explain a number, each with the kinds that it speaks for.
struct Words {
    automaton: AhoCorasick,
    /// For each word its length and a bit for each kind.
    speaks: Vec<(usize, u64)>,
}

static WORDS: LazyLock<Option<Words>> = LazyLock::new(|| {
    let mut words: Vec<(&str, u64)> = Vec::new();
    for (place, kind) in KINDS.iter().enumerate() {
        for word in kind.words {
            match words.iter_mut().find(|(known, _)| known == word) {
                Some((_, kinds)) => *kinds |= 1 << place,
                None => words.push((word, 1 << place)),
            }
        }
    }
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(words.iter().map(|(word, _)| word))
        .ok()?;
    Some(Words { automaton, speaks: words.iter().map(|(word, kinds)| (word.len(), *kinds)).collect() })
});

/// What a number is, of what is wanted, with the text before it.
pub(super) fn kind(code: &Code, wanted: Wanted, context: &[u8]) -> Option<Detector> {
    if code.length < 7 {
        return None;
    }
    let mut explained = None;
    KINDS.iter().enumerate().find_map(|(place, kind)| {
        if !(kind.least..=kind.most).contains(&code.length) || !wanted.has(kind.detector) {
            return None;
        }
        let is = match (kind.is)(code) {
            Sure::No => false,
            Sure::Told => *explained.get_or_insert_with(|| explanations(context)) >> place & 1 == 1,
            Sure::Yes => true,
        };
        is.then_some(kind.detector)
    })
}

/// The kinds of number that the words in the text before speak for.
fn explanations(context: &[u8]) -> u64 {
    let Some(words) = &*WORDS else { return 0 };
    let letter = |at: Option<usize>| at.and_then(|at| context.get(at)).is_some_and(u8::is_ascii_alphabetic);
    let found = words.automaton.find_overlapping_iter(context);
    found.fold(0, |explained, found| {
        let (length, kinds) = words.speaks.get(found.pattern().as_usize()).copied().unwrap_or_default();
        // A short word is one only alone: `tin` is not in `tint`. A long one may have an ending.
        let inside = letter(found.start().checked_sub(1)) || (length <= 4 && letter(Some(found.end())));
        if inside { explained } else { explained | kinds }
    })
}

/// Whether the character before this place, which is not of ASCII, is a letter of an alphabet.
pub(super) fn is_letter_before(text: &[u8], at: usize) -> bool {
    let from = at.saturating_sub(4);
    let tail = text.get(from..at).unwrap_or_default();
    let start = tail.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
    let last = tail
        .get(start..)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next());
    // Words of Chinese, Japanese and Thai are not set apart from numbers.
    last.is_some_and(|letter| letter.is_alphabetic() && u32::from(letter) < 0x0e00)
}

const fn sure(is: bool) -> Sure {
    if is { Sure::Yes } else { Sure::No }
}

const fn told(is: bool) -> Sure {
    if is { Sure::Told } else { Sure::No }
}

/// Sure when written in its usual groups, to be explained when bare.
fn bare(code: &Code, check: fn(&[u8]) -> bool, groups: u64) -> Sure {
    if !check(code.text()) {
        return Sure::No;
    }
    if code.grouped(groups) && matches!(code.gap, None | Some(b' ')) { Sure::Yes } else { Sure::Told }
}

/// Whether one digit is all there is.
fn monotonous(digits: &[u8]) -> bool {
    digits.iter().all(|digit| Some(digit) == digits.first())
}

fn iban(code: &Code) -> Sure {
    /// How long accounts are where many are; others have any length.
    const LENGTHS: &[(&[u8; 2], u8)] = &[
        (b"AT", 20),
        (b"BE", 16),
        (b"BG", 22),
        (b"CH", 21),
        (b"CZ", 24),
        (b"DE", 22),
        (b"DK", 18),
        (b"EE", 20),
        (b"ES", 24),
        (b"FI", 18),
        (b"FR", 27),
        (b"GB", 22),
        (b"GR", 27),
        (b"HR", 21),
        (b"HU", 28),
        (b"IE", 22),
        (b"IT", 27),
        (b"LT", 20),
        (b"LU", 20),
        (b"LV", 21),
        (b"NL", 18),
        (b"NO", 15),
        (b"PL", 28),
        (b"PT", 25),
        (b"RO", 24),
        (b"SE", 24),
        (b"SI", 19),
        (b"SK", 24),
        (b"TR", 26),
        (b"AE", 23),
        (b"SA", 24),
        (b"BR", 29),
    ];
    let [a @ b'A'..=b'Z', b @ b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9', ..] = code.text() else {
        return Sure::No;
    };
    let length = LENGTHS.iter().find(|(country, _)| *country == &[*a, *b]).map(|(_, length)| *length);
    sure(length.is_none_or(|length| length == code.length) && checks::iban(code.text()))
}

fn card(code: &Code) -> Sure {
    let digits = code.text();
    if code.letters || code.plus || monotonous(digits) || !checks::luhn(digits) {
        return Sure::No;
    }
    let head = checks::modulo(digits.get(..4).unwrap_or_default(), 10_000).unwrap_or(0);
    let issued = matches!(
        (head, code.length),
        (4000..=4999, 13 | 16 | 19)
            | (5100..=5599 | 2221..=2720, 16)
            | (3400..=3499 | 3700..=3799, 15)
            | (3000..=3059 | 3095 | 3600..=3699 | 3800..=3999, 14)
            | (6011 | 6440..=6599 | 3528..=3589 | 6200..=6299, 16..=19)
            | (5000..=5099 | 5600..=5899 | 6304 | 6759..=6763, 13..=19)
    );
    let written = code.in_one() || matches!(code.groups, 0x4444 | 0x465 | 0x464 | 0x44443) && !code.mixed;
    match (issued && written, code.length) {
        (true, 14..=16) => Sure::Yes,
        (true, _) => Sure::Told,
        (false, _) => Sure::No,
    }
}

fn german_tax(code: &Code) -> Sure {
    if !checks::german_tax(code.text()) {
        return Sure::No;
    }
    if code.grouped(0x2333) { Sure::Yes } else { Sure::Told }
}

fn american_medicare(code: &Code) -> Sure {
    /// Capitals are letters but S, L, O, I, B and Z; a zero is any digit, an X either.
    const SHAPE: &[u8; 11] = b"1AX0AX0AA00";
    let letter = |byte: u8| byte.is_ascii_uppercase() && !b"SLOIBZ".contains(&byte);
    let fits = code.text().iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'1' => matches!(byte, b'1'..=b'9'),
        b'0' => byte.is_ascii_digit(),
        b'X' => byte.is_ascii_digit() || letter(*byte),
        _ => letter(*byte),
    });
    if !fits {
        return Sure::No;
    }
    if code.grouped(0x434) { Sure::Yes } else { Sure::Told }
}

fn aadhaar(code: &Code) -> Sure {
    let digits = code.text();
    if !matches!(digits.first(), Some(b'2'..=b'9')) || !checks::verhoeff(digits) {
        return Sure::No;
    }
    if code.grouped(0x444) { Sure::Yes } else { Sure::Told }
}

fn nino(code: &Code) -> Sure {
    let [a, b, digits @ .., last] = code.text() else { return Sure::No };
    let lead = |byte: &u8| byte.is_ascii_uppercase() && !b"DFIQUV".contains(byte);
    let shape = lead(a)
        && lead(b)
        && *b != b'O'
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(last, b'A'..=b'D');
    let never = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[*a, *b]);
    sure(shape && !never)
}

fn social_security(code: &Code) -> Sure {
    let digits = code.text();
    let part = |range: std::ops::Range<usize>| checks::modulo(digits.get(range)?, 10_000);
    let (Some(area), Some(group), Some(serial)) = (part(0..3), part(3..5), part(5..9)) else {
        return Sure::No;
    };
    let printed = [b"078051120", b"219099999", b"123456789"].iter().any(|known| digits == *known);
    if area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0 || monotonous(digits) {
        return Sure::No;
    }
    if code.grouped(0x324) && code.gap == Some(b'-') && !printed { Sure::Yes } else { Sure::Told }
}

fn itin(code: &Code) -> Sure {
    let digits = code.text();
    let group = digits.get(3..5).and_then(|group| checks::modulo(group, 100));
    let is = !code.letters
        && digits.first() == Some(&b'9')
        && group.is_some_and(|group| matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99));
    if is && code.grouped(0x324) && code.gap == Some(b'-') { Sure::Yes } else { told(is) }
}

fn german_card(code: &Code) -> Sure {
    let text = code.text();
    let lead = text.first().is_some_and(|first| b"CFGHJKLMNPRTVWXYZ".contains(first));
    let body = text.iter().all(|byte| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte));
    told(code.in_one() && lead && body && (code.length == 9 || checks::document(text)))
}

fn canadian(code: &Code) -> Sure {
    let digits = code.text();
    if code.letters
        || matches!(digits.first(), Some(b'0' | b'8'))
        || monotonous(digits)
        || !checks::luhn(digits)
    {
        return Sure::No;
    }
    Sure::Told
}

fn phone(code: &Code) -> Sure {
    let digits = code.text();
    if code.letters || monotonous(digits) || code.count > 6 {
        return Sure::No;
    }
    if code.plus {
        // `+44 (0)20 …`: what is in parentheses is dialled at home only.
        let shorter = digits.get(..digits.len().saturating_sub(1)).unwrap_or_default();
        let home = code.paren && is_international(shorter);
        return sure(is_international(digits) || home);
    }
    // Areas and exchanges of North America begin with 2 to 9.
    let national = if digits.len() == 11 { digits.strip_prefix(b"1") } else { Some(digits) };
    let american = national.is_some_and(|digits| {
        let part = |place: usize| matches!(digits.get(place), Some(b'2'..=b'9'));
        digits.len() == 10 && part(0) && part(3)
    });
    let written = matches!(code.groups, 0x334 | 0x1334);
    if american && written && (code.paren || !code.mixed) {
        return Sure::Yes;
    }
    // A date is none, and neither is a version or an address of a machine.
    let dated = matches!(code.groups, 0x422 | 0x224 | 0x4224 | 0x42222) || code.gap == Some(b'/');
    let dotted = code.gap == Some(b'.') && !matches!(code.groups, 0x22222 | 0x334);
    told(!dated && !dotted)
}

/// Whether a number behind a plus has the length that its country's numbers have.
fn is_international(digits: &[u8]) -> bool {
    const LENGTHS: &[(&[u8], std::ops::RangeInclusive<usize>)] = &[
        (b"1", 11..=11),
        (b"44", 11..=12),
        (b"33", 11..=11),
        (b"34", 11..=11),
        (b"31", 11..=11),
        (b"48", 11..=11),
        (b"91", 12..=12),
        (b"61", 11..=11),
        (b"41", 11..=11),
        (b"32", 10..=11),
        (b"351", 12..=12),
        (b"39", 9..=13),
        (b"49", 9..=14),
        (b"43", 9..=14),
    ];
    let length = digits.len();
    match LENGTHS.iter().find(|(country, _)| digits.starts_with(country)) {
        Some((_, lengths)) => lengths.contains(&length),
        None => (8..=15).contains(&length) && digits.first() != Some(&b'0'),
    }
}

//! Says text in plain small letters, so that words are known however they are dressed up.

use super::invisible::is_unseen;

/// Appends a text with its disguises taken off: wide, ornamental and foreign letters that look like those
/// of ASCII become them, accents and what takes no room go, tags say what they spell.
pub(super) fn fold(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len());
    if !text.is_ascii() {
        return text.chars().for_each(|letter| push_letter(letter, out));
    }
    // Most of a text has no two white spaces side by side, and then nothing depends on what was before.
    for block in text.as_bytes().chunks(256) {
        let beside = block.iter().zip(block.iter().skip(1));
        let twice = beside.fold(0, |twice, (a, b)| twice | u8::from(*a <= b' ') & u8::from(*b <= b' '));
        if twice == 0 {
            let joined =
                block.first().is_some_and(|first| plain(*first) == b' ') && out.last() == Some(&b' ');
            out.extend(block.iter().skip(usize::from(joined)).map(|byte| plain(*byte)));
        } else {
            for byte in block {
                push(*byte, out);
            }
        }
    }
}

/// Appends a byte of ASCII; any white space is one space.
fn push(byte: u8, out: &mut Vec<u8>) {
    let byte = plain(byte);
    if byte != b' ' || out.last() != Some(&b' ') {
        out.push(byte);
    }
}

fn push_letter(letter: char, out: &mut Vec<u8>) {
    match (u8::try_from(letter).ok().filter(u8::is_ascii), like(letter)) {
        (None, Some(0)) => {}
        (Some(byte), _) | (None, Some(byte)) => push(byte, out),
        (None, None) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

const fn plain(byte: u8) -> u8 {
    match byte {
        b'\n' | b'\r' | b'\t' => b' ',
        _ => byte.to_ascii_lowercase(),
    }
}

/// The byte of ASCII that a letter looks like; 0 for what is not seen at all.
fn like(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    let nth =
        |from: u32, by: u32, first: u8| u8::try_from((code - from) % by).ok().map(|place| first + place);
    match code {
        0xe0020..=0xe007e => nth(0xe0020, 95, b' '),
        0x0300..=0x036f => Some(0),
        _ if is_unseen(letter) => Some(0),
        0xa0 | 0x2000..=0x200a | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000 => Some(b' '),
        0xff01..=0xff5e => nth(0xff01, 94, b'!'),
        0x24b6..=0x24e9 => nth(0x24b6, 26, b'a'),
        0x1f130..=0x1f189 => (code < 0x1f14a || (0x1f150..0x1f16a).contains(&code) || code >= 0x1f170)
            .then(|| nth(0x1f130, 32, b'a'))
            .flatten()
            .filter(u8::is_ascii_lowercase),
        0x1d400..=0x1d6a3 => nth(0x1d400, 26, b'a'),
        0x1d7ce..=0x1d7ff => nth(0x1d7ce, 10, b'0'),
        0xc0..=0xc5 | 0xe0..=0xe5 | 0x0100..=0x0105 => Some(b'a'),
        0xc7 | 0xe7 | 0x0106..=0x010d => Some(b'c'),
        0xc8..=0xcb | 0xe8..=0xeb | 0x0112..=0x011b => Some(b'e'),
        0xcc..=0xcf | 0xec..=0xef | 0x0128..=0x0131 => Some(b'i'),
        0xd1 | 0xf1 | 0x0143..=0x0148 => Some(b'n'),
        0xd2..=0xd6 | 0xd8 | 0xf2..=0xf6 | 0xf8 => Some(b'o'),
        0xd9..=0xdc | 0xf9..=0xfc | 0x0168..=0x0173 => Some(b'u'),
        _ => Some(match letter {
            'а' | 'А' | 'α' | 'Α' => b'a',
            'В' | 'Β' | 'ь' => b'b',
            'с' | 'С' | 'ϲ' => b'c',
            'ԁ' => b'd',
            'е' | 'Е' | 'Ε' | 'ё' => b'e',
            'ɡ' => b'g',
            'һ' | 'Н' | 'Η' => b'h',
            'і' | 'І' | 'Ι' | 'ι' => b'i',
            'ј' | 'Ј' => b'j',
            'К' | 'к' | 'Κ' | 'κ' => b'k',
            'М' | 'м' | 'Μ' => b'm',
            'Ν' | 'ո' => b'n',
            'о' | 'О' | 'ο' | 'Ο' | 'օ' => b'o',
            'р' | 'Р' | 'ρ' | 'Ρ' => b'p',
            'ѕ' | 'Ѕ' => b's',
            'Т' | 'т' | 'Τ' | 'τ' => b't',
            'υ' | 'ս' => b'u',
            'ν' | 'ѵ' => b'v',
            'ѡ' | 'ω' => b'w',
            'х' | 'Х' | 'Χ' | 'χ' => b'x',
            'у' | 'У' | 'Υ' | 'γ' => b'y',
            'Ζ' => b'z',
            _ => return None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_taken_off() {
        let folded = |text: &str| {
            let mut out = Vec::new();
            fold(text, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(folded("Ｉｇｎｏｒｅ ⓐⓛⓛ 𝐢𝐧𝐬𝐭𝐫\nuct"), "ignore all instr uct");
        assert_eq!(folded("i\u{200b}gnоrе рrevïous"), "ignore previous");
        assert_eq!(folded("\u{e0049}\u{e0067}nore"), "ignore");
        assert_eq!(folded("日本"), "日本");
    }
}

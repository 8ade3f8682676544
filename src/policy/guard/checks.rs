//! Check digits: what tells a number of a kind from any number that is as long.
//!
//! Every function takes digits (or letters and digits) in ASCII without separators, and says `false`
//! of what is too short or holds anything else.

/// The value of a digit.
pub(super) const fn digit(byte: u8) -> Option<u32> {
    if byte.is_ascii_digit() { Some((byte - b'0') as u32) } else { None }
}

/// The sum of the digits, each times its weight; `None` when something is no digit.
fn weighted(code: &[u8], weights: &[u32]) -> Option<u32> {
    let mut sum = 0;
    for (byte, weight) in code.iter().zip(weights) {
        sum += digit(*byte)? * weight;
    }
    (code.len() >= weights.len()).then_some(sum)
}

/// The number that the digits say, modulo another.
pub(super) fn modulo(code: &[u8], by: u64) -> Option<u64> {
    code.iter().try_fold(0, |rest, byte| Some((rest * 10 + u64::from(digit(*byte)?)) % by))
}

/// Luhn's check (ISO/IEC 7812): payment cards, SIN, NPI.
pub(super) fn luhn(code: &[u8]) -> bool {
    let sum = code.iter().rev().enumerate().try_fold(0, |sum, (place, byte)| {
        let doubled = digit(*byte)? << (place % 2);
        Some(sum + doubled / 10 + doubled % 10)
    });
    code.len() > 1 && sum.is_some_and(|sum| sum % 10 == 0)
}

/// The check of an IBAN (ISO 13616): moved by four and read as a number, it is 1 modulo 97.
pub(super) fn iban(code: &[u8]) -> bool {
    let Some((head, tail)) = code.split_at_checked(4) else { return false };
    let rest = tail.iter().chain(head).try_fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => Some((rest * 10 + u32::from(byte - b'0')) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    });
    rest == Some(1)
}

/// Verhoeff's check: India's Aadhaar.
pub(super) fn verhoeff(code: &[u8]) -> bool {
    const TURNS: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // The product in the group of a pentagon's turns and reflections.
    let joined = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let rest = code.iter().rev().enumerate().try_fold(0, |rest, (place, byte)| {
        let turned = TURNS.get(place % 8)?.get(digit(*byte)? as usize)?;
        Some(joined(rest, *turned))
    });
    !code.is_empty() && rest == Some(0)
}

/// ISO 7064, mod 11,10: Germany's tax number.
pub(super) fn mod_11_10(code: &[u8]) -> bool {
    let Some((last, body)) = code.split_last() else { return false };
    let product = body.iter().try_fold(10, |product, byte| {
        let sum = (digit(*byte)? + product) % 10;
        Some(if sum == 0 { 20 } else { sum * 2 } % 11)
    });
    product.is_some_and(|product| digit(*last) == Some((11 - product) % 10))
}

/// Germany's tax number: eleven digits, of whose first ten one stands twice or three times.
pub(super) fn german_tax(code: &[u8]) -> bool {
    let Some(first) = code.get(..10).filter(|_| code.len() == 11) else { return false };
    let mut times = [0_u8; 10];
    for byte in first {
        let Some(count) = digit(*byte).and_then(|digit| times.get_mut(digit as usize)) else { return false };
        *count += 1;
    }
    let more = times.iter().filter(|count| **count > 1).count();
    let most = times.iter().max().copied().unwrap_or(0);
    first.first() != Some(&b'0') && more == 1 && matches!(most, 2 | 3) && mod_11_10(code)
}

/// Germany's pension number: area, birthday, letter of the name, serial, check digit.
pub(super) fn german_pension(code: &[u8]) -> bool {
    const WEIGHTS: [u32; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let [head @ .., last] = code else { return false };
    let Some(letter) = head.get(8).copied().filter(u8::is_ascii_uppercase) else { return false };
    if head.len() != 11 || !is_date(code.get(2..4), code.get(4..6)) {
        return false;
    }
    let place = u32::from(letter - b'A') + 1;
    let before = head.iter().take(8).map(|byte| digit(*byte));
    let after = head.iter().skip(9).map(|byte| digit(*byte));
    let digits = before.chain([Some(place / 10), Some(place % 10)]).chain(after);
    let sum = digits.zip(WEIGHTS).try_fold(0, |sum, (digit, weight)| {
        let product = digit? * weight;
        Some(sum + product / 10 + product % 10)
    });
    sum.is_some_and(|sum| digit(*last) == Some(sum % 10))
}

/// Germany's health insurance number: a letter, eight digits, and a check digit as Luhn's.
pub(super) fn german_health(code: &[u8]) -> bool {
    let [letter @ b'A'..=b'Z', digits @ .., last] = code else { return false };
    let place = u32::from(letter - b'A') + 1;
    let all = [Some(place / 10), Some(place % 10)].into_iter().chain(digits.iter().map(|byte| digit(*byte)));
    let sum = all.enumerate().try_fold(0, |sum, (place, digit)| {
        let product = digit? * if place % 2 == 0 { 1 } else { 2 };
        Some(sum + product / 10 + product % 10)
    });
    digits.len() == 8 && sum.is_some_and(|sum| digit(*last) == Some(sum % 10))
}

/// What the machine-readable numbers of German identity cards and passports end in: weights 7, 3, 1.
pub(super) fn document(code: &[u8]) -> bool {
    let Some((last, body)) = code.split_last() else { return false };
    let sum = body.iter().zip([7, 3, 1].into_iter().cycle()).try_fold(0, |sum, (byte, weight)| {
        let value = match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'A'..=b'Z' => u32::from(byte - b'A') + 10,
            _ => return None,
        };
        Some(sum + value * weight)
    });
    sum.is_some_and(|sum| digit(*last) == Some(sum % 10))
}

/// The United Kingdom's NHS number: ten digits, modulo 11.
pub(super) fn nhs(code: &[u8]) -> bool {
    let sum = weighted(code, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let check = sum.map(|sum| (11 - sum % 11) % 11);
    code.len() == 10 && check.is_some() && check == code.last().and_then(|last| digit(*last))
}

/// France's NIR: thirteen characters and a key of two digits; Corsica's departments hold a letter.
pub(super) fn french_nir(code: &[u8]) -> bool {
    let (Some(body), Some(key)) = (code.get(..13), code.get(13..15)) else { return false };
    let mut digits: Vec<u8> = body.to_vec();
    let mut less = 0;
    if let [.., b'2', letter @ (b'A' | b'B')] = body.get(..7).unwrap_or_default() {
        less = if *letter == b'A' { 1_000_000 } else { 2_000_000 };
        if let Some(place) = digits.get_mut(6) {
            *place = b'0';
        }
    }
    let number = digits.iter().try_fold(0_u64, |sum, byte| Some(sum * 10 + u64::from(digit(*byte)?)));
    let key = modulo(key, 1000);
    let month = modulo(body.get(3..5).unwrap_or_default(), 100);
    // Births of unknown month are said with 20 and more.
    let dated = month.is_some_and(|month| matches!(month, 1..=12 | 20..=42 | 50..=99));
    code.len() == 15
        && matches!(code.first(), Some(b'1' | b'2' | b'3' | b'4' | b'7' | b'8'))
        && dated
        && number.is_some_and(|number| Some(97 - (number.saturating_sub(less)) % 97) == key)
}

/// Spain's DNI and NIE: a number and a letter that follows from it; an NIE's first letter is a digit too.
pub(super) fn spanish(code: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let [first, middle @ .., last] = code else { return false };
    let lead = match first {
        b'X' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        byte => *byte,
    };
    let rest = digit(lead).and_then(|lead| {
        middle.iter().try_fold(lead, |rest, byte| Some((rest * 10 + digit(*byte)?) % 23_000))
    });
    code.len() == 9 && rest.is_some_and(|rest| LETTERS.get(rest as usize % 23) == Some(last))
}

/// Italy's codice fiscale: sixteen characters, the last a letter over the others.
pub(super) fn italian(code: &[u8]) -> bool {
    const SHAPE: &[u8; 16] = b"AAAAAANNANNANNNA";
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    if code.len() != SHAPE.len() {
        return false;
    }
    let fits = code.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'A' => byte.is_ascii_uppercase(),
        // Of two people with one code the other's digits become letters.
        _ => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
    });
    let month = code.get(8).is_some_and(|month| b"ABCDEHLMPRST".contains(month));
    let sum = code.iter().take(15).enumerate().try_fold(0, |sum, (place, byte)| {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A',
            _ => return None,
        };
        let worth = if place % 2 == 0 { *ODD.get(usize::from(value))? } else { u32::from(value) };
        Some(sum + worth)
    });
    fits && month && sum.is_some_and(|sum| code.last().is_some_and(|last| u32::from(last - b'A') == sum % 26))
}

/// The Netherlands' BSN: nine digits, weights 9 to 2 and -1, modulo 11.
pub(super) fn dutch(code: &[u8]) -> bool {
    let sum = weighted(code, &[9, 8, 7, 6, 5, 4, 3, 2]);
    let last = code.get(8).and_then(|last| digit(*last));
    code.len() == 9
        && code.iter().any(|byte| *byte != b'0')
        && sum.zip(last).is_some_and(|(sum, last)| sum % 11 == last)
}

/// Poland's PESEL: a birthday whose month tells the century, a serial, a check digit.
pub(super) fn pesel(code: &[u8]) -> bool {
    let sum = weighted(code, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    let last = code.get(10).and_then(|last| digit(*last));
    let month =
        code.get(2..4).and_then(|month| modulo(month, 20)).is_some_and(|month| matches!(month, 1..=12));
    let day = code.get(4..6).and_then(|day| modulo(day, 100)).is_some_and(|day| matches!(day, 1..=31));
    code.len() == 11 && month && day && sum.zip(last).is_some_and(|(sum, last)| (10 - sum % 10) % 10 == last)
}

/// India's GSTIN: a state, a PAN, and a check character in base 36.
pub(super) fn gstin(code: &[u8]) -> bool {
    const BASE: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let place = |byte: &u8| BASE.iter().position(|known| known == byte);
    let sum = code.iter().take(14).enumerate().try_fold(0, |sum, (at, byte)| {
        let product = place(byte)? * (1 + at % 2);
        Some(sum + product / 36 + product % 36)
    });
    let state =
        code.get(..2).and_then(|state| modulo(state, 100)).is_some_and(|state| matches!(state, 1..=38));
    code.len() == 15
        && state
        && code.get(2..12).is_some_and(pan)
        && code.get(13) == Some(&b'Z')
        && sum.is_some_and(|sum| code.last().and_then(place) == Some((36 - sum % 36) % 36))
}

/// India's PAN: five letters, of which the fourth names the kind of holder, four digits, a letter.
pub(super) fn pan(code: &[u8]) -> bool {
    let shape = code.iter().enumerate().all(|(place, byte)| match place {
        5..=8 => byte.is_ascii_digit(),
        _ => byte.is_ascii_uppercase(),
    });
    code.len() == 10 && shape && code.get(3).is_some_and(|kind| b"ABCFGHJLPT".contains(kind))
}

/// Australia's ABN: one less in front, weights, modulo 89.
pub(super) fn abn(code: &[u8]) -> bool {
    let sum = weighted(code, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    code.len() == 11
        && code.first().is_some_and(|first| *first != b'0')
        && sum.is_some_and(|sum| (sum.saturating_sub(10)) % 89 == 0)
}

/// Australia's ACN: eight digits and one that makes ten of the rest.
pub(super) fn acn(code: &[u8]) -> bool {
    let sum = weighted(code, &[8, 7, 6, 5, 4, 3, 2, 1]);
    let last = code.get(8).and_then(|last| digit(*last));
    code.len() == 9 && sum.zip(last).is_some_and(|(sum, last)| (10 - sum % 10) % 10 == last)
}

/// Australia's tax file number, of nine digits.
pub(super) fn tfn(code: &[u8]) -> bool {
    let sum = weighted(code, &[1, 4, 3, 7, 5, 8, 6, 9, 10]);
    code.len() == 9 && sum.is_some_and(|sum| sum > 0 && sum % 11 == 0)
}

/// Australia's Medicare number: the ninth digit checks the first eight.
pub(super) fn medicare(code: &[u8]) -> bool {
    let sum = weighted(code, &[1, 3, 7, 9, 1, 3, 7, 9]);
    let check = code.get(8).and_then(|last| digit(*last));
    matches!(code.len(), 10 | 11)
        && matches!(code.first(), Some(b'2'..=b'6'))
        && sum.zip(check).is_some_and(|(sum, check)| sum % 10 == check)
}

/// An American bank's routing number.
pub(super) fn aba(code: &[u8]) -> bool {
    let sum = weighted(code, &[3, 7, 1, 3, 7, 1, 3, 7, 1]);
    let area = code.get(..2).and_then(|area| modulo(area, 100));
    code.len() == 9
        && area.is_some_and(|area| matches!(area, 1..=12 | 21..=32 | 61..=72 | 80))
        && sum.is_some_and(|sum| sum > 0 && sum % 10 == 0)
}

/// An American health provider's number: Luhn's, behind the prefix 80840.
pub(super) fn npi(code: &[u8]) -> bool {
    code.len() == 10
        && matches!(code.first(), Some(b'1' | b'2'))
        && luhn(&[b"80840".as_slice(), code].concat())
}

/// Whether these can be a day and a month.
pub(super) fn is_date(day: Option<&[u8]>, month: Option<&[u8]>) -> bool {
    let day = day.and_then(|day| modulo(day, 100));
    let month = month.and_then(|month| modulo(month, 100));
    day.is_some_and(|day| matches!(day, 1..=31)) && month.is_some_and(|month| matches!(month, 1..=12))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that authorities and standards print as their examples.
    #[test]
    fn published_examples_pass_and_one_other_digit_fails() {
        type Check = fn(&[u8]) -> bool;
        let cases: &[(Check, &str)] = &[
            (luhn, "4111111111111111"),
            (luhn, "378282246310005"),
            (luhn, "046454286"),
            (iban, "GB82WEST12345698765432"),
            (iban, "DE89370400440532013000"),
            (iban, "FR1420041010050500013M02606"),
            (verhoeff, "2363"),
            (verhoeff, "234123412346"),
            (german_tax, "86095742719"),
            (german_pension, "15070649C103"),
            (german_health, "A123456780"),
            (document, "T220001293"),
            (nhs, "9434765919"),
            (french_nir, "255081416802538"),
            (spanish, "12345678Z"),
            (spanish, "X1234567L"),
            (italian, "RSSMRA85T10A562S"),
            (dutch, "111222333"),
            (pesel, "44051401359"),
            (gstin, "27AAPFU0939F1ZV"),
            (abn, "51824753556"),
            (acn, "004085616"),
            (tfn, "123456782"),
            (medicare, "2123456701"),
            (aba, "021000021"),
            (npi, "1234567893"),
        ];
        for (check, code) in cases {
            assert!(check(code.as_bytes()), "{code}");
            assert!(!check(b"") && !check("٣".as_bytes()), "{code}");
            let mut other = code.as_bytes().to_vec();
            // The checked part ends at the last digit that the check covers.
            let place = if *code == "2123456701" { 8 } else { code.len() - 1 };
            other[place] = match other[place] {
                b'9' => b'0',
                b'Z' => b'A',
                byte => byte + 1,
            };
            assert!(!check(&other), "{code}");
        }
    }
}

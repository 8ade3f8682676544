//! Prices as others write them: USD for one token, perhaps with an exponent.

/// USD per million tokens, to the sixth decimal place, of USD a token; whether some of it was cut off.
pub(super) fn per_million(per_token: &str) -> Option<(String, bool)> {
    let text = per_token.trim().to_ascii_lowercase();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 40 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Six places to a million, and six that are kept.
    let places = i32::try_from(fraction.len()).ok()? - exponent - 12;
    let number: u128 = digits.parse().ok()?;
    let (kept, cut) = if places <= 0 {
        let factor = 10_u128.checked_pow(places.unsigned_abs())?;
        (number.checked_mul(factor)?, false)
    } else {
        let factor = 10_u128.checked_pow(places.unsigned_abs()).unwrap_or(u128::MAX);
        (number / factor, !number.is_multiple_of(factor))
    };
    let text = format!("{}.{:06}", kept / 1_000_000, kept % 1_000_000);
    let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
    Some((text, cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_for_a_token_is_one_for_a_million() {
        for (written, expected) in [
            ("0.0000025", "2.5"),
            ("1.25e-6", "1.25"),
            ("3E-07", "0.3"),
            ("0", "0"),
            ("0.0", "0"),
            ("1e-5", "10"),
            ("0.000000075", "0.075"),
            (".00001", "10"),
        ] {
            assert_eq!(per_million(written), Some((expected.to_owned(), false)), "{written}");
        }
        assert_eq!(per_million("1.2345678e-12"), Some(("0.000001".to_owned(), true)));
        for wrong in ["", "x", "-1", "1e", "free", "1e999999999999"] {
            assert_eq!(per_million(wrong), None, "{wrong}");
        }
    }
}

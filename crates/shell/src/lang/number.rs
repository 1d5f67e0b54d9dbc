//! Numbers as MDB writes them: `0x1f`, `0t25`, `0o17`, `0i1011`, and bare digits in the default radix.

/// Why some text is no number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// A digit that the radix does not have.
    #[error("digit '{digit}' is not valid in radix {radix}")]
    Digit {
        /// The digit.
        digit: char,
        /// The radix.
        radix: u32,
    },
    /// More than 64 bits.
    #[error("number {0} does not fit in 64 bits")]
    Overflow(String),
    /// No digit at all.
    #[error("'{0}' is not a number")]
    NotANumber(String),
}

/// The radix that a prefix (`0x`, `0t`, `0o`, `0i`) stands for, and the text behind the prefix.
pub fn prefixed(text: &str) -> Option<(u32, &str)> {
    let radix = match text.as_bytes().get(..2)? {
        b"0x" | b"0X" => 16,
        b"0t" | b"0T" => 10,
        b"0o" | b"0O" => 8,
        b"0i" | b"0I" => 2,
        _ => return None,
    };
    Some((radix, &text[2..]))
}

/// The value of `digits` in `radix` (2 to 16); underscores between digits are ignored.
///
/// # Errors
/// No digits, a digit the radix does not have, or a value over 64 bits.
pub fn digits(digits: &str, radix: u32) -> Result<u64, NumberError> {
    let mut value: Option<u64> = None;
    for c in digits.chars().filter(|&c| c != '_') {
        let digit = match c.to_digit(16) {
            Some(digit) if digit < radix => digit,
            Some(_) => return Err(NumberError::Digit { digit: c, radix }),
            None => return Err(NumberError::NotANumber(digits.to_owned())),
        };
        value = value
            .unwrap_or(0)
            .checked_mul(u64::from(radix))
            .and_then(|value| value.checked_add(u64::from(digit)))
            .map(Some)
            .ok_or_else(|| NumberError::Overflow(digits.to_owned()))?;
    }
    value.ok_or_else(|| NumberError::NotANumber(digits.to_owned()))
}

/// A number with or without prefix, and with an optional minus sign; `default_radix` for bare digits.
///
/// # Errors
/// As [`digits`].
pub fn parse(text: &str, default_radix: u32) -> Result<u64, NumberError> {
    match text.strip_prefix('-') {
        Some(positive) => unsigned(positive, default_radix).map(u64::wrapping_neg),
        None => unsigned(text, default_radix),
    }
}

fn unsigned(text: &str, default_radix: u32) -> Result<u64, NumberError> {
    match prefixed(text) {
        Some((10, rest)) if is_float(rest) => {
            rest.parse::<f64>().map(f64::to_bits).map_err(|_| NumberError::NotANumber(text.to_owned()))
        }
        Some((radix, rest)) => digits(rest, radix),
        None => digits(text, default_radix),
    }
}

fn is_float(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['.', 'e', 'E'])
}

/// `value` in a radix of 2 to 16, without prefix.
pub fn in_radix(value: u64, radix: u32) -> String {
    let radix = u64::from(radix.clamp(2, 16));
    let mut digits = Vec::new();
    let mut rest = value;
    while rest > 0 || digits.is_empty() {
        let digit = u32::try_from(rest % radix).unwrap_or(0);
        digits.extend(char::from_digit(digit, 16));
        rest /= radix;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_choose_the_radix() {
        for (text, value) in [
            ("0x1f", 31),
            ("0X1F", 31),
            ("0t25", 25),
            ("0T25", 25),
            ("0o17", 15),
            ("0i1011", 11),
            ("1f", 31),
            ("25", 37),
            ("fc45e249", 0xfc45_e249),
            ("0x7fff_ffff_e000", 0x7fff_ffff_e000),
            ("-1", u64::MAX),
            ("0t12.5", 0x4029_0000_0000_0000),
            ("ffffffffffffffff", u64::MAX),
        ] {
            assert_eq!(parse(text, 16), Ok(value), "{text}");
        }
        assert_eq!(parse("25", 10), Ok(25));
    }

    #[test]
    fn what_is_no_number_says_why() {
        assert_eq!(parse("0o18", 16), Err(NumberError::Digit { digit: '8', radix: 8 }));
        assert_eq!(parse("1f", 10), Err(NumberError::Digit { digit: 'f', radix: 10 }));
        assert!(matches!(parse("0x10000000000000000", 16), Err(NumberError::Overflow(_))));
        for text in ["", "0x", "_", "xyz", "0tdeadbeef.q", "-"] {
            assert!(parse(text, 16).is_err(), "{text:?}");
        }
    }
}

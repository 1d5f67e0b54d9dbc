//! Numbers as JavaScript prints them.
//!
//! A double is printed with the fewest digits that read back as the same double, in the form of `Number.prototype.toString`;
//! only -0, which that prints as 0, keeps its sign. A BigInt is printed in decimal with an `n` behind it, as programs write it;
//! one of more than [`MOST_DECIMAL_DIGITS`] 64-bit digits in hexadecimal, as converting takes time that grows with the square of
//! its length.

use std::fmt::Write;

/// A double.
pub(crate) fn double(value: f64) -> String {
    if value == 0.0 && value.is_sign_negative() {
        return "-0".to_owned();
    }
    ryu_js::Buffer::new().format(value).to_owned()
}

/// BigInts up to this many 64-bit digits are printed in decimal: some 20,000 digits.
const MOST_DECIMAL_DIGITS: usize = 1024;

/// The largest power of ten in 64 bits.
const CHUNK: u64 = 10_000_000_000_000_000_000;

/// A BigInt from its 64-bit digits, least significant first.
pub(crate) fn bigint(negative: bool, mut digits: Vec<u64>) -> String {
    while digits.last() == Some(&0) {
        digits.pop();
    }
    if digits.is_empty() {
        return "0n".to_owned();
    }
    let mut text = String::from(if negative { "-" } else { "" });
    if digits.len() > MOST_DECIMAL_DIGITS {
        let (first, rest) = digits.split_last().unwrap_or((&0, &[]));
        let mut written = write!(text, "0x{first:x}");
        for digit in rest.iter().rev() {
            written = written.and_then(|()| write!(text, "{digit:016x}"));
        }
        debug_assert!(written.is_ok(), "a String takes all text");
        text.push('n');
        return text;
    }
    // 19 decimal digits at a time, least significant first.
    let mut chunks = Vec::new();
    while !digits.is_empty() {
        let mut rest = 0u64;
        for digit in digits.iter_mut().rev() {
            let dividend = u128::from(rest) << 64 | u128::from(*digit);
            *digit = (dividend / u128::from(CHUNK)) as u64;
            rest = (dividend % u128::from(CHUNK)) as u64;
        }
        chunks.push(rest);
        while digits.last() == Some(&0) {
            digits.pop();
        }
    }
    for (index, chunk) in chunks.iter().rev().enumerate() {
        text.push_str(&if index == 0 { chunk.to_string() } else { format!("{chunk:019}") });
    }
    text.push('n');
    text
}

/// The largest time value of a Date, in milliseconds to either side of 1970.
const LATEST: f64 = 8.64e15;

/// A Date from its time value: milliseconds, then the same as `Date.prototype.toISOString` gives it.
pub(crate) fn date(time: f64) -> String {
    if !(-LATEST..=LATEST).contains(&time) {
        return "Invalid Date".to_owned();
    }
    let milliseconds = time as i64;
    let days = milliseconds.div_euclid(86_400_000);
    let in_day = milliseconds.rem_euclid(86_400_000);
    let (year, month, day) = civil(days);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        ..0 => format!("-{:06}", -year),
        _ => format!("+{year:06}"),
    };
    format!(
        "{} ({year}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z)",
        double(time),
        in_day / 3_600_000,
        in_day / 60_000 % 60,
        in_day / 1000 % 60,
        in_day % 1000
    )
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years are counted from March, so that the leap day comes last, and in eras of 400 years, which all have the same number of
/// days.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    /// Days from 0000-03-01 to 1970-01-01.
    const SHIFT: i64 = 719_468;
    let shifted = days + SHIFT;
    let era = shifted.div_euclid(ERA);
    let day_of_era = shifted.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// A half-precision float (IEEE 754 binary16), exactly.
pub(super) fn half(bits: u16) -> f64 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What `String(value)` gives in Node.js, apart from -0.
    #[test]
    fn doubles_print_as_in_javascript() {
        for (value, text) in [
            (4.7, "4.7"),
            (1.0 / 3.0, "0.3333333333333333"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (1e-7, "1e-7"),
            (0.000001, "0.000001"),
            (-2_147_483_649.0, "-2147483649"),
            (-0.0, "-0"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn big_integers_print_in_decimal() {
        assert_eq!(bigint(false, vec![]), "0n");
        assert_eq!(bigint(true, vec![5, 0]), "-5n");
        assert_eq!(bigint(false, vec![0, 1]), "18446744073709551616n", "2 ** 64");
        assert_eq!(bigint(false, vec![CHUNK]), "10000000000000000000n");
        // 2 ** 200
        assert_eq!(
            bigint(false, vec![0, 0, 0, 256]),
            "1606938044258990275541962092341162602522202993782792835301376n"
        );
    }

    #[test]
    fn the_largest_big_integers_print_in_hexadecimal() {
        let mut digits = vec![0; MOST_DECIMAL_DIGITS];
        digits.push(0x1f);
        assert_eq!(bigint(true, digits), format!("-0x1f{}n", "0".repeat(16 * MOST_DECIMAL_DIGITS)));
    }

    // What `new Date(value).toISOString()` gives in Node.js.
    #[test]
    fn dates_print_as_iso_strings() {
        for (time, text) in [
            (1_336_242_600_000.0, "1336242600000 (2012-05-05T18:30:00.000Z)"),
            (0.0, "0 (1970-01-01T00:00:00.000Z)"),
            (-1.0, "-1 (1969-12-31T23:59:59.999Z)"),
            (951_782_400_000.0, "951782400000 (2000-02-29T00:00:00.000Z)"),
            (4_107_542_400_000.0, "4107542400000 (2100-03-01T00:00:00.000Z)"),
            (LATEST, "8640000000000000 (+275760-09-13T00:00:00.000Z)"),
            (-LATEST, "-8640000000000000 (-271821-04-20T00:00:00.000Z)"),
            (-62_167_219_200_001.0, "-62167219200001 (-000001-12-31T23:59:59.999Z)"),
            (f64::NAN, "Invalid Date"),
            (8.64e15 + 2.0, "Invalid Date"),
        ] {
            assert_eq!(date(time), text);
        }
    }

    // The examples of IEEE 754 binary16.
    #[test]
    fn half_precision_numbers_are_exact() {
        assert_eq!(half(0x3c00), 1.0);
        assert_eq!(half(0xc000), -2.0);
        assert_eq!(half(0x7bff), 65504.0);
        assert_eq!(half(0x0001), 5.960464477539063e-8);
        assert_eq!(half(0x3555), 0.333251953125);
        assert_eq!(half(0xfc00), f64::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
    }
}

//! Bytes as text, one format character at a time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::letters::Radix;
use crate::output::escape;

/// `value`, of whose bytes the low `size` count, as the radix says; `default_radix` is 2 to 16.
pub fn number(radix: Radix, value: u64, size: usize, default_radix: u32) -> String {
    let unused = 64 - 8 * u32::try_from(size.clamp(1, 8)).unwrap_or(8);
    let unsigned = value << unused >> unused;
    let signed = (value << unused).cast_signed() >> unused;
    match radix {
        Radix::Signed => signed.to_string(),
        Radix::Unsigned => unsigned.to_string(),
        Radix::Octal => octal(unsigned),
        Radix::SignedOctal if signed < 0 => format!("-{}", octal(signed.unsigned_abs())),
        Radix::SignedOctal => octal(unsigned),
        Radix::Hexadecimal => format!("{unsigned:x}"),
        Radix::Swapped => format!("{:x}", unsigned.swap_bytes() >> unused),
        Radix::Binary => format!("{unsigned:b}"),
        Radix::Default => crate::lang::number::in_radix(unsigned, default_radix),
    }
}

fn octal(value: u64) -> String {
    if value == 0 { "0".to_owned() } else { format!("0{value:o}") }
}

/// A floating point number with its exponent: 7 significant digits for 4 bytes, 16 for 8.
pub fn float(bits: u64, size: usize) -> String {
    if size == 4 {
        let value = f32::from_bits(u32::try_from(bits & 0xffff_ffff).unwrap_or(0));
        exponent_form(f64::from(value), 6)
    } else {
        exponent_form(f64::from_bits(bits), 15)
    }
}

/// As C's `%.Ne`: at least two digits in the exponent, and its sign.
fn exponent_form(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{value:.decimals$e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, power) = match exponent.strip_prefix('-') {
                Some(power) => ('-', power),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{power:0>2}")
        }
        None => text,
    }
}

/// Seconds since 1970 as `2012 May  5 18:30:00` in the zone; the bare number if there is no such time.
pub fn time(seconds: i64, zone: &TimeZone) -> String {
    match Timestamp::from_second(seconds) {
        Ok(moment) => moment.to_zoned(zone.clone()).strftime("%Y %b %e %H:%M:%S").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// Bytes as the text that they are; what could steer a terminal, and what is no UTF-8, is escaped.
pub fn raw(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Bytes with the escapes of C: letters for the usual controls, octal digits for whatever else is not printable ASCII.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            0x07 => text.push_str("\\a"),
            0x08 => text.push_str("\\b"),
            0x0c => text.push_str("\\f"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x0b => text.push_str("\\v"),
            0 => text.push_str("\\0"),
            b'\\' => text.push_str("\\\\"),
            b'"' => text.push_str("\\\""),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_printf_writes_them() {
        // From `printf '%d %u %o %x'` on the low bytes of 0xfedcba9876543210 and of 0x80ff.
        for (radix, size, value, expected) in [
            (Radix::Signed, 8, 0xfedc_ba98_7654_3210, "-81985529216486896"),
            (Radix::Unsigned, 8, 0xfedc_ba98_7654_3210, "18364758544493064720"),
            (Radix::Octal, 8, 0xfedc_ba98_7654_3210, "01773345651416625031020"),
            (Radix::SignedOctal, 8, 0xfedc_ba98_7654_3210, "-04432126361152746760"),
            (Radix::Hexadecimal, 4, 0xfedc_ba98_7654_3210, "76543210"),
            (Radix::Signed, 2, 0x80ff, "-32513"),
            (Radix::Unsigned, 2, 0x80ff, "33023"),
            (Radix::Octal, 2, 0x80ff, "0100377"),
            (Radix::SignedOctal, 2, 0x80ff, "-077401"),
            (Radix::Swapped, 2, 0x80ff, "ff80"),
            (Radix::Swapped, 4, 0x0102_0304, "4030201"),
            (Radix::Signed, 1, 0xff, "-1"),
            (Radix::Unsigned, 1, 0xff, "255"),
            (Radix::Octal, 1, 0xff, "0377"),
            (Radix::Octal, 1, 0, "0"),
            (Radix::Binary, 8, 5, "101"),
            (Radix::Default, 2, 0x1_0007, "7"),
            (Radix::Default, 4, 100, "144"),
        ] {
            assert_eq!(number(radix, value, size, 8), expected, "{radix:?} {size} {value:#x}");
        }
    }

    #[test]
    fn floating_point_is_as_printf_writes_it() {
        // `printf '%.6e\n'` and `printf '%.15e\n'`.
        assert_eq!(float(12.5f64.to_bits(), 8), "1.250000000000000e+01");
        assert_eq!(float((-1e-300f64).to_bits(), 8), "-1.000000000000000e-300");
        assert_eq!(float(0, 8), "0.000000000000000e+00");
        assert_eq!(float(u64::from(1.5f32.to_bits()), 4), "1.500000e+00");
        assert_eq!(float(u64::from(0.1f32.to_bits()), 4), "1.000000e-01");
        assert_eq!(float(f64::NAN.to_bits(), 8), "nan");
        assert_eq!(float(f64::NEG_INFINITY.to_bits(), 8), "-inf");
    }

    #[test]
    fn times_are_as_date_writes_them() {
        // `TZ=UTC date -d @1336242600 '+%Y %b %e %T'`, and the same in Tokyo.
        assert_eq!(time(1_336_242_600, &TimeZone::UTC), "2012 May  5 18:30:00");
        assert_eq!(time(-1, &TimeZone::UTC), "1969 Dec 31 23:59:59");
        let tokyo = TimeZone::fixed(jiff::tz::offset(9));
        assert_eq!(time(1_336_242_600, &tokyo), "2012 May  6 03:30:00");
        assert_eq!(time(i64::MAX, &TimeZone::UTC), "9223372036854775807");
    }

    #[test]
    fn text_cannot_steer_the_terminal() {
        assert_eq!(raw(b"gr\xc3\xbc\xff\x1b[2J"), "gr\u{fc}\\xff\\x1b[2J");
        assert_eq!(escaped(b"a\tb\n\"\\\x1b\x80\0"), "a\\tb\\n\\\"\\\\\\033\\200\\0");
    }
}

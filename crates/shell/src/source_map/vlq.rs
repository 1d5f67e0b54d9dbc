//! `mappings`: segments as text.
//!
//! ```text
//!   AAAA,IAAM,CAAC;;EAAE
//!   line 0: three segments     line 1: none     line 2: one
//! ```
//!
//! A segment is one, four or five numbers: column in the script, source, line and column there, name. All are differences to the
//! one before in the whole map, the column to the one before in its line. A number is groups of five bits in base 64, least
//! significant first, with a sixth bit that says whether more follow, and the sign in the lowest bit (ECMA-426, "Base64 VLQ").

use super::Segment;

/// Decodes all segments, sorted by their place in the script.
///
/// # Errors
/// What is wrong, and where in the text.
pub(super) fn segments(mappings: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    // Source, line, column, name: they run through all lines.
    let mut running = [0_i64; 4];
    let mut sorted = true;
    for (line, text) in mappings.split(';').enumerate() {
        let line = u32::try_from(line).map_err(|_| "too many lines".to_owned())?;
        let mut column = 0_i64;
        for segment in text.split(',').filter(|segment| !segment.is_empty()) {
            let mut numbers = [0_i64; 5];
            let count = numbers_of(segment, &mut numbers)
                .ok_or_else(|| format!("segment '{}' of line {line} is malformed", shown(segment)))?;
            if !matches!(count, 1 | 4 | 5) {
                return Err(format!("segment '{}' of line {line} has {count} fields", shown(segment)));
            }
            column = column.saturating_add(numbers[0]);
            for (sum, step) in running.iter_mut().zip(&numbers[1..count]) {
                *sum = sum.saturating_add(*step);
            }
            let place = |number: i64| {
                u32::try_from(number)
                    .map_err(|_| format!("segment '{}' of line {line} leads to {number}", shown(segment)))
            };
            let [source, original_line, original_column, name] = running;
            let original = match count {
                1 => None,
                _ => Some((place(source)?, place(original_line)?, place(original_column)?)),
            };
            let name = if count == 5 { Some(place(name)?) } else { None };
            let segment = Segment { line, column: place(column)?, original, name };
            sorted &= segments.last().is_none_or(|last: &Segment| last.place() <= segment.place());
            segments.push(segment);
        }
    }
    if !sorted {
        segments.sort_by_key(Segment::place);
    }
    Ok(segments)
}

fn shown(segment: &str) -> String {
    segment.chars().take(20).collect()
}

/// The numbers of one segment; `None` if it is none.
fn numbers_of(segment: &str, numbers: &mut [i64; 5]) -> Option<usize> {
    let (mut count, mut value, mut shift) = (0, 0_u64, 0);
    for byte in segment.bytes() {
        let digit = u64::from(digit(byte)?);
        // No number of a map takes more than 32 bits.
        if shift > 30 {
            return None;
        }
        value |= (digit & 31) << shift;
        shift += 5;
        if digit & 32 == 0 {
            let magnitude = (value >> 1) as i64;
            *numbers.get_mut(count)? = if value & 1 == 1 { -magnitude } else { magnitude };
            count += 1;
            (value, shift) = (0, 0);
        }
    }
    (shift == 0).then_some(count)
}

/// The value of a digit of base 64.
pub(super) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(place: (u32, u32), original: Option<(u32, u32, u32)>, name: Option<u32>) -> Segment {
        Segment { line: place.0, column: place.1, original, name }
    }

    // By the table of digits of ECMA-426: A 0, C 1, D -1, E 2, g 0 with more to follow.
    #[test]
    fn numbers_add_up_over_segments_and_columns_start_anew_on_each_line() {
        assert_eq!(
            segments("AAAA,EACCC;;CADD").unwrap(),
            [
                segment((0, 0), Some((0, 0, 0)), None),
                segment((0, 2), Some((0, 1, 1)), Some(1)),
                segment((2, 1), Some((0, 0, 0)), None),
            ]
        );
        assert_eq!(segments("gBAAA").unwrap()[0].column, 16, "two digits");
        assert_eq!(segments("E").unwrap(), [segment((0, 2), None, None)], "text from no source");
        assert_eq!(segments("").unwrap(), []);
    }

    #[test]
    fn segments_out_of_order_are_put_in_order() {
        let places: Vec<_> = segments("EAAA,DAAC").unwrap().iter().map(Segment::place).collect();
        assert_eq!(places, [(0, 1), (0, 2)]);
    }

    #[test]
    fn malformed_text_is_refused_and_named() {
        for text in ["AA", "AAAAAA", "g", "A!AA", "DAAA", "gggggggggA", "ADAA"] {
            let error = segments(text).unwrap_err();
            assert!(error.contains(&format!("segment '{text}'")), "{text}: {error}");
        }
    }
}

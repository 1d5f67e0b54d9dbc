//! What a function returns that does nothing else.

/// No such function has more instructions.
const MOST_STEPS: usize = 8;

/// The number or address that the function with this code, at this address, returns; nothing if it does anything besides. (Arm
/// Architecture Reference Manual, C4.1.)
pub(super) fn constant(code: &[u8], at: u64) -> Option<u64> {
    let mut value: Option<u64> = None;
    for (index, word) in code.as_chunks::<4>().0.iter().take(MOST_STEPS).enumerate() {
        let (word, place) = (u32::from_le_bytes(*word), at.wrapping_add(4 * index as u64));
        // Those that follow write to register 0.
        if word == 0xd65f_03c0 {
            return value;
        } else if word & 0xffff_f01f == 0xd503_201f {
            // Hints, such as those for branch targets.
        } else if word & 0x9f00_001f == 0x9000_0000 {
            // adrp
            value = Some((place & !0xfff).wrapping_add((page_or_byte(word) << 12) as u64));
        } else if word & 0x9f00_001f == 0x1000_0000 {
            // adr
            value = Some(place.wrapping_add(page_or_byte(word) as u64));
        } else if word & 0xffc0_03ff == 0x9100_0000 {
            // add x0, x0, immediate
            value = Some(value?.wrapping_add(u64::from(word >> 10 & 0xfff)));
        } else if word & 0x7f80_001f == 0x5280_0000 {
            // movz
            value = Some(u64::from(word >> 5 & 0xffff) << (16 * (word >> 21 & 3)));
        } else if word & 0x7f80_001f == 0x7280_0000 {
            // movk
            let shift = 16 * (word >> 21 & 3);
            value = Some(value? & !(0xffff << shift) | u64::from(word >> 5 & 0xffff) << shift);
        } else {
            return None;
        }
    }
    None
}

/// The signed immediate of 21 bits of `adr` and `adrp`.
fn page_or_byte(word: u32) -> i64 {
    let bits = i64::from(word >> 5 & 0x7_ffff) << 2 | i64::from(word >> 29 & 3);
    bits << 43 >> 43
}

#[cfg(test)]
mod tests {
    use super::constant;

    fn of(words: &[u32], at: u64) -> Option<u64> {
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        constant(&code, at)
    }

    #[test]
    fn functions_that_return_a_constant_are_told_from_others() {
        // bti c; mov w0, #480; ret
        assert_eq!(of(&[0xd503_245f, 0x5280_3c00, 0xd65f_03c0], 0), Some(480));
        // adrp x0, +1 page; add x0, x0, #0x10; ret
        assert_eq!(of(&[0xb000_0000, 0x9100_4000, 0xd65f_03c0], 0x40_0123), Some(0x40_1010));
        // adr x0, -4; ret
        assert_eq!(of(&[0x10ff_ffe0, 0xd65f_03c0], 0x1000), Some(0xffc));
        // movz w0, #2, lsl #16; movk w0, #1; ret
        assert_eq!(of(&[0x52a0_0040, 0x7280_0020, 0xd65f_03c0], 0), Some(0x2_0001));
        // ldr x0, [x0, #8]; ret
        assert_eq!(of(&[0xf940_0400, 0xd65f_03c0], 0), None);
        assert_eq!(of(&[0xd65f_03c0], 0), None);
    }
}

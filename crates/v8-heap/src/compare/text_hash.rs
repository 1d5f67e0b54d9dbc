//! Hashes of texts of which all parts can be told as fast as the whole.
//!
//! A text is a polynomial whose coefficients are its code units, and its hash the value of that at two points that are drawn at
//! random, modulo the prime 2^61 - 1. Two texts of n units have the same value at a point with a chance of n / 2^61 at most, whatever
//! they say, as nobody knows the points. The value of a part follows from those of the text up to its beginning and up to its end; so
//! the ropes in a text cost what the text costs.

use crate::code_units::Piece;

/// A prime, and what numbers are taken modulo of.
const PRIME: u64 = (1 << 61) - 1;

/// The points: of each the first to the fourth power.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextHash([[u64; 4]; 2]);

/// The values of a text, as far as it has been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values([u64; 2]);

impl Values {
    /// As one number.
    pub fn fingerprint(self) -> u128 {
        u128::from(self.0[0]) << 64 | u128::from(self.0[1])
    }
}

fn reduce(number: u128) -> u64 {
    // 2^61 is 1; twice, as a product has up to 122 bits, and a sum of four a few more.
    let once = (number & u128::from(PRIME)) + (number >> 61);
    let twice = (once as u64 & PRIME) + (once >> 61) as u64;
    if twice >= PRIME { twice - PRIME } else { twice }
}

fn times(one: u64, other: u64) -> u64 {
    reduce(u128::from(one) * u128::from(other))
}

fn power(base: u64, mut exponent: usize) -> u64 {
    let (mut square, mut product) = (base, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            product = times(product, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    product
}

impl TextHash {
    /// With points from random numbers.
    pub fn new(random: [u64; 2]) -> TextHash {
        // No small ones, which would make short texts smaller than the prime.
        let points = random.map(|number| (1 << 32) + number % (PRIME - (1 << 33)));
        TextHash(points.map(|point| [1, 2, 3, 4].map(|exponent| power(point, exponent))))
    }

    /// The values with a piece behind.
    pub fn add(&self, values: Values, piece: Piece<'_>) -> Values {
        let mut of = values.0;
        for (value, powers) in of.iter_mut().zip(&self.0) {
            // So that zeros count.
            let term = |unit: u16, power: u64| (u128::from(unit) + 1) * u128::from(power);
            let mut four = |units: [u16; 4]| {
                let [a, b, c, d] = units;
                let sum = term(a, powers[2]) + term(b, powers[1]) + term(c, powers[0]);
                *value = reduce(u128::from(*value) * u128::from(powers[3]) + sum + u128::from(d) + 1);
            };
            let rest = match piece {
                Piece::OneByte(bytes) => {
                    let (fours, _) = bytes.as_chunks::<4>();
                    fours.iter().for_each(|bytes| four(bytes.map(u16::from)));
                    piece.behind(4 * fours.len())
                }
                Piece::TwoByte(bytes) => {
                    let (fours, _) = bytes.as_chunks::<8>();
                    for bytes in fours {
                        let unit = |at: usize| u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]);
                        four([0, 1, 2, 3].map(unit));
                    }
                    piece.behind(4 * fours.len())
                }
            };
            for unit in rest.units() {
                *value = reduce(u128::from(*value) * u128::from(powers[0]) + u128::from(unit) + 1);
            }
        }
        Values(of)
    }

    /// The values of the last `len` units of a text: from its own values, and those of it without them.
    pub fn last(&self, whole: Values, before: Values, len: usize) -> Values {
        let mut of = [0; 2];
        for (at, value) in of.iter_mut().enumerate() {
            let left = times(before.0[at], power(self.0[at][0], len));
            *value = (whole.0[at] + PRIME - left) % PRIME;
        }
        Values(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_values_that_they_have_alone() {
        let hash = TextHash::new([0x1234_5678_9abc_def0, 42]);
        let of = |piece| hash.add(Values::default(), piece);
        let text: Vec<u8> = (0..200).map(|n| (n * n % 251) as u8).collect();
        let wide: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
        for from in 0..20 {
            for to in from..text.len() {
                let alone = of(Piece::OneByte(&text[from..to]));
                let (whole, before) = (of(Piece::OneByte(&text[..to])), of(Piece::OneByte(&text[..from])));
                assert_eq!(hash.last(whole, before, to - from), alone, "{from}..{to}");
                assert_eq!(of(Piece::TwoByte(&wide[2 * from..2 * to])), alone, "in either width");
                assert_eq!(hash.add(before, Piece::OneByte(&text[from..to])), whole, "in pieces");
            }
        }
        assert_ne!(of(Piece::OneByte(&[0])), of(Piece::OneByte(&[0, 0])));
        assert_ne!(of(Piece::OneByte(b"ab")), of(Piece::OneByte(b"ba")));
        assert_ne!(
            of(Piece::OneByte(b"ab")),
            TextHash::new([7, 8]).add(Values::default(), Piece::OneByte(b"ab"))
        );
    }

    #[test]
    fn numbers_are_taken_modulo_the_prime() {
        assert_eq!(reduce(u128::from(PRIME)), 0);
        assert_eq!(reduce(u128::from(PRIME) + 5), 5);
        assert_eq!(times(PRIME - 1, PRIME - 1), 1);
        assert_eq!(power(3, 5), 243);
        assert_eq!(power(2, 61), 1);
        assert_eq!(reduce((1 << 125) - 1), ((1_u128 << 125) - 1).rem_euclid(u128::from(PRIME)) as u64);
    }
}

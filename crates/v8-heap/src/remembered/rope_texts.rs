//! Ropes that have been written out, and where in their texts their parts are.

use std::collections::HashMap;

use crate::Error;
use crate::code_units::Piece;

/// Longer ropes are not written out, in code units.
pub(crate) const LONGEST: usize = 1 << 26;
/// Bytes of texts, and number of parts, that are remembered: more is forgotten before the next rope.
const MOST_BYTES: usize = 1 << 28;
pub(crate) const MOST_PARTS: usize = 1 << 23;

/// Ropes that have been written out.
#[derive(Debug, Default)]
pub(crate) struct Ropes {
    pub(crate) texts: Vec<Text>,
    pub(crate) places: HashMap<u64, Place>,
    /// Parts in the order in which they were placed.
    order: Vec<u64>,
    /// Of ropes that are too long: a shorter one that they begin with.
    pub(crate) beginnings: HashMap<u64, u64>,
    /// Bytes of all texts.
    pub(crate) bytes: usize,
}

/// Where a rope is written out.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) text: usize,
    /// The first of its code units there.
    pub from: usize,
    /// How many of them are there.
    pub len: usize,
    /// Why the rest is not.
    pub damage: Option<Box<Error>>,
}

/// Code units: of one byte as long as all fit.
#[derive(Debug)]
pub(crate) enum Text {
    OneByte(Vec<u8>),
    /// Little-endian, two bytes each.
    TwoByte(Vec<u8>),
}

impl Text {
    pub(crate) fn len(&self) -> usize {
        self.piece(0, usize::MAX).len()
    }

    pub(crate) fn piece(&self, from: usize, to: usize) -> Piece<'_> {
        match self {
            Text::OneByte(bytes) => Piece::OneByte(&bytes[from..to.min(bytes.len())]),
            Text::TwoByte(bytes) => Piece::TwoByte(&bytes[2 * from..to.saturating_mul(2).min(bytes.len())]),
        }
    }

    pub(crate) fn push(&mut self, piece: Piece<'_>) {
        if let (Text::OneByte(bytes), Piece::TwoByte(_)) = (&*self, piece) {
            *self = Text::TwoByte(bytes.iter().flat_map(|byte| [*byte, 0]).collect());
        }
        match (self, piece) {
            (Text::OneByte(bytes), Piece::OneByte(own)) | (Text::TwoByte(bytes), Piece::TwoByte(own)) => {
                bytes.extend_from_slice(own);
            }
            (Text::TwoByte(bytes), Piece::OneByte(own)) => {
                bytes.extend(own.iter().flat_map(|byte| [*byte, 0]));
            }
            (Text::OneByte(_), Piece::TwoByte(_)) => {}
        }
    }

    /// Repeats a part of it at its end.
    pub(crate) fn repeat(&mut self, from: usize, len: usize) {
        match self {
            Text::OneByte(bytes) => bytes.extend_from_within(from..from + len),
            Text::TwoByte(bytes) => bytes.extend_from_within(2 * from..2 * (from + len)),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Text::OneByte(bytes) | Text::TwoByte(bytes) => bytes.len(),
        }
    }
}

impl Ropes {
    /// Where a rope is, if it has been written out.
    pub fn place(&self, rope: u64) -> Option<&Place> {
        self.places.get(&rope)
    }

    /// Code units of a place, counted from its own first one.
    pub fn piece(&self, place: &Place, from: usize, to: usize) -> Piece<'_> {
        let end = place.from + to.min(place.len);
        self.texts[place.text].piece((place.from + from).min(end), end)
    }

    /// Parts that have been placed, those before `since` left out.
    pub fn placed(&self, since: usize) -> &[u64] {
        &self.order[since.min(self.order.len())..]
    }

    /// Number of parts that have been placed.
    pub fn count(&self) -> usize {
        self.order.len()
    }

    /// Forgets all, if it has become too much.
    pub fn forget_if_full(&mut self) {
        if self.bytes > MOST_BYTES || self.order.len() > MOST_PARTS || self.beginnings.len() > MOST_PARTS {
            *self = Ropes::default();
        }
    }

    pub(crate) fn put(&mut self, rope: u64, text: usize, from: usize, damage: &Option<Box<Error>>) {
        let len = self.texts[text].len() - from;
        self.places.insert(rope, Place { text, from, len, damage: damage.clone() });
        self.order.push(rope);
    }
}

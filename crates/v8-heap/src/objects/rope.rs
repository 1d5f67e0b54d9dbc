//! Long ropes, each part of them read once.
//!
//! A string that was made of n pieces, one after the other, leaves n ropes behind, and each holds all that was before it: read one by
//! one they cost n². And a rope that refers to its parts several times says far more than it takes. So what is not read in a few
//! steps is written out in full, once, and it is remembered where in that text each of its parts is:
//!
//! ```text
//!   rope 4 ── rope 3 ── rope 2 ── "ab"        text:   a b c d e
//!     └ "e"     └ "d"     └ "c"                       rope 2 is [0, 3), rope 3 [0, 4), rope 4 [0, 5)
//! ```
//!
//! A part that comes again is copied; a rope that begins with the whole of a text goes on in that text. What is remembered is
//! bounded: it is forgotten, and read anew, where that is too much.

use std::collections::HashMap;

use crate::heap::Heap;
use crate::layout::StringShape;
use crate::objects::string::{Allowed, Piece, cycle};
use crate::{Error, Result, Tagged};

/// Longer ropes are not written out, in code units.
pub(crate) const LONGEST: usize = 1 << 26;
/// Bytes of texts, and number of parts, that are remembered: more is forgotten before the next rope.
const MOST_BYTES: usize = 1 << 28;
const MOST_PARTS: usize = 1 << 23;

/// Ropes that have been written out.
#[derive(Debug, Default)]
pub(crate) struct Ropes {
    texts: Vec<Text>,
    places: HashMap<u64, Place>,
    /// Parts in the order in which they were placed.
    order: Vec<u64>,
    /// Of ropes that are too long: a shorter one that they begin with.
    beginnings: HashMap<u64, u64>,
    /// Bytes of all texts.
    bytes: usize,
}

/// Where a rope is written out.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    text: usize,
    /// The first of its code units there.
    pub from: usize,
    /// How many of them are there.
    pub len: usize,
    /// Why the rest is not.
    pub damage: Option<Box<Error>>,
}

/// Code units: of one byte as long as all fit.
#[derive(Debug)]
enum Text {
    OneByte(Vec<u8>),
    /// Little-endian, two bytes each.
    TwoByte(Vec<u8>),
}

impl Text {
    fn len(&self) -> usize {
        self.piece(0, usize::MAX).len()
    }

    fn piece(&self, from: usize, to: usize) -> Piece<'_> {
        match self {
            Text::OneByte(bytes) => Piece::OneByte(&bytes[from..to.min(bytes.len())]),
            Text::TwoByte(bytes) => Piece::TwoByte(&bytes[2 * from..to.saturating_mul(2).min(bytes.len())]),
        }
    }

    fn push(&mut self, piece: Piece<'_>) {
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
    fn repeat(&mut self, from: usize, len: usize) {
        match self {
            Text::OneByte(bytes) => bytes.extend_from_within(from..from + len),
            Text::TwoByte(bytes) => bytes.extend_from_within(2 * from..2 * (from + len)),
        }
    }

    fn bytes(&self) -> usize {
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

    fn put(&mut self, rope: u64, text: usize, from: usize, damage: &Option<Box<Error>>) {
        let len = self.texts[text].len() - from;
        self.places.insert(rope, Place { text, from, len, damage: damage.clone() });
        self.order.push(rope);
    }
}

/// Work of [`Heap::write_out`].
enum Task {
    /// Write a string out.
    Read(u64, Allowed),
    /// What comes here cannot be read.
    Fail(Error),
    /// All of a rope has been written, from this unit on.
    End(u64, usize),
}

impl Heap<'_> {
    /// Writes the rope at `root` out, unless it has been; gives its place. What cannot be read ends it.
    ///
    /// # Errors
    /// It is no rope, is longer than [`LONGEST`], or has too many parts.
    pub(crate) fn write_out(&self, ropes: &mut Ropes, root: u64) -> Result<Place> {
        if let Some(place) = ropes.place(root) {
            return Ok(place.clone());
        }
        let refused =
            |found: String| Error::Implausible { what: "length", object: Tagged::pointer(root), found };
        let length = self.length_at(root)?;
        if length > LONGEST {
            return Err(refused(format!("{length}, too long for a rope")));
        }
        ropes.forget_if_full();
        let mut text = ropes.texts.len();
        ropes.texts.push(Text::OneByte(Vec::new()));
        let most = ropes.count() + MOST_PARTS;
        let mut damage = None;
        let mut tasks = vec![Task::Read(root, Allowed::Rope)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::End(rope, from) => ropes.put(rope, text, from, &damage),
                Task::Read(..) | Task::Fail(_) if damage.is_some() => {}
                Task::Fail(error) => damage = Some(Box::new(error)),
                Task::Read(string, allowed) => {
                    let read = self.write_part(ropes, &mut text, string, allowed, &mut tasks);
                    damage = read.err().map(Box::new);
                }
            }
            if ropes.count() > most {
                *ropes = Ropes::default();
                return Err(refused("more parts than can be remembered".to_owned()));
            }
        }
        ropes.bytes += ropes.texts[text].bytes();
        match ropes.place(root) {
            Some(place) => Ok(place.clone()),
            None => {
                Err(damage
                    .map_or_else(|| self.wrong_type(Tagged::pointer(root), "ConsString"), |error| *error))
            }
        }
    }

    fn write_part(
        &self,
        ropes: &mut Ropes,
        text: &mut usize,
        string: u64,
        allowed: Allowed,
        tasks: &mut Vec<Task>,
    ) -> Result<()> {
        if let Some(place) = ropes.places.get(&string) {
            let (place, written) = (place.clone(), ropes.texts[*text].len());
            if place.text == *text {
                ropes.texts[*text].repeat(place.from, place.len);
            } else if written == 0 && place.from == 0 && place.len == ropes.texts[place.text].len() {
                // It is all of another text: go on there.
                ropes.texts.pop();
                ropes.bytes -= ropes.texts[place.text].bytes();
                *text = place.text;
            } else {
                let mut own = std::mem::replace(&mut ropes.texts[*text], Text::OneByte(Vec::new()));
                own.push(ropes.texts[place.text].piece(place.from, place.from + place.len));
                ropes.texts[*text] = own;
            }
            return place.damage.map_or(Ok(()), |error| Err(*error));
        }
        let (_, map) = self.map_at(string)?;
        match StringShape::of(map.instance_type) {
            Some(StringShape::Cons) if allowed == Allowed::Rope => {
                let length = self.length_at(string)?;
                let part = |at: u64| {
                    let part = self.words().tagged(string + at, "part of a String")?;
                    let address = part.strong().ok_or(Error::NotAnObject(part))?;
                    Ok((address, self.length_at(address)?))
                };
                let (first, head) = part(self.fields().cons_first)?;
                // Parts are shorter than the whole; only a rope that was flattened is all in its first part.
                let allowed = |part| if part < length { Allowed::Rope } else { Allowed::Thin };
                let wrong = |tail: Option<usize>| Error::Implausible {
                    what: "length",
                    object: Tagged::pointer(string),
                    found: match tail {
                        Some(tail) => format!("{length}, although its parts have {head} and {tail}"),
                        None => format!("{length}, although its first part has {head}"),
                    },
                };
                if head > length {
                    return Err(wrong(None));
                }
                tasks.push(Task::End(string, ropes.texts[*text].len()));
                // What is in front of a part that cannot be read is written all the same.
                tasks.push(match part(self.fields().cons_second) {
                    Ok((second, tail)) if tail == length - head => Task::Read(second, allowed(tail)),
                    Ok((_, tail)) => Task::Fail(wrong(Some(tail))),
                    Err(error) => Task::Fail(error),
                });
                tasks.push(Task::Read(first, allowed(head)));
                Ok(())
            }
            Some(StringShape::Cons | StringShape::Sliced) if allowed != Allowed::Rope => {
                Err(cycle(Tagged::pointer(string)))
            }
            Some(_) => {
                let own = &mut ropes.texts[*text];
                let length = self.length_at(string)?;
                self.walk_pieces(string, 0, length, allowed, usize::MAX, &mut |piece| {
                    own.push(piece);
                    true
                })?;
                Ok(())
            }
            None => Err(self.wrong_type(Tagged::pointer(string), "String")),
        }
    }

    /// The rope at `root`, or a shorter one with the same first `wanted` code units, if it is too long to be written out.
    pub(crate) fn beginning(&self, ropes: &mut Ropes, root: u64, wanted: usize) -> Result<u64> {
        let mut passed = Vec::new();
        let mut rope = root;
        while self.length_at(rope)? > LONGEST {
            if let Some(known) = ropes.beginnings.get(&rope)
                && self.length_at(*known)? >= wanted
            {
                rope = *known;
                break;
            }
            let (_, map) = self.map_at(rope)?;
            let first = self.words().tagged(rope + self.fields().cons_first, "part of a String")?;
            let Some(first) = first.strong() else { break };
            // Each is shorter than the one before, so that this ends.
            let first_length = self.length_at(first)?;
            let is_rope = StringShape::of(map.instance_type) == Some(StringShape::Cons);
            if !is_rope || first_length < wanted || first_length >= self.length_at(rope)? {
                break;
            }
            passed.push(rope);
            rope = first;
        }
        ropes.beginnings.extend(passed.into_iter().map(|passed| (passed, rope)));
        Ok(rope)
    }

    /// Number of code units that the string at an address says it has.
    fn length_at(&self, string: u64) -> Result<usize> {
        Ok(self.words().word32(string + self.fields().string_length, "length of a String")? as usize)
    }
}

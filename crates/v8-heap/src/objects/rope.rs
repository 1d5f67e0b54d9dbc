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

use crate::layout::StringShape;
use crate::objects::string::{Allowed, cycle};
use crate::remembered::rope_texts::{LONGEST, MOST_PARTS, Place, Ropes, Text};
use crate::view::View;
use crate::{Error, Result, Tagged};

/// Work of [`View::write_out`].
enum Task {
    /// Write a string out.
    Read(u64, Allowed),
    /// What comes here cannot be read.
    Fail(Error),
    /// All of a rope has been written, from this unit on.
    End(u64, usize),
}

impl View<'_> {
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
        match map.string_shape() {
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
            let is_rope = map.string_shape() == Some(StringShape::Cons);
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

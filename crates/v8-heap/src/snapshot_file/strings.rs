//! The strings of a snapshot: where each is, and what has to be known of all of them.

use super::contents::Contents;
use super::json::{end_of_string, unescaped};
use crate::{Error, Monitor, Result};

/// Strings between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 16;
/// Bytes that are read before the pages that they are in are given back.
const READ_AHEAD: usize = 1 << 22;

/// What begins the names of V8's own objects.
const SYSTEM: &[u8] = b"system / ";
/// What V8's own objects are called of which a way to an object says nothing: shapes, code, and what it has learnt of the program.
const INTERNAL: [&[u8]; 24] = [
    b"Map",
    b"DescriptorArray",
    b"NativeContext",
    b"ScopeInfo",
    b"SharedFunctionInfo",
    b"Script",
    b"AccessorInfo",
    b"FunctionTemplateInfo",
    b"AllocationSite",
    b"BytecodeArray",
    b"ClosureFeedbackCellArray",
    b"Code",
    b"DebugInfo",
    b"EnumCache",
    b"FeedbackCell",
    b"FeedbackVector",
    b"InstructionStream",
    b"LoadHandler",
    b"ObjectTemplateInfo",
    b"PrototypeInfo",
    b"StoreHandler",
    b"TransitionArray",
    b"WeakArrayList",
    b"WeakFixedArray",
];

/// It begins with `system / `.
pub(super) const IS_SYSTEM: u8 = 1;
/// It is the name of one of V8's objects that ways do not lead through.
pub(super) const IS_INTERNAL: u8 = 2;
/// It names the edge to a value of a WeakMap.
pub(super) const IS_PAIR: u8 = 4;

/// The strings of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Strings {
    /// Where the opening quote of each is; and where the last one ends.
    places: Vec<u64>,
    /// What is known of each.
    marks: Vec<u8>,
    /// Where the file ends, if it does so before the strings do.
    pub cut: Option<u64>,
    /// Whether the array has been read.
    pub is_there: bool,
}

impl Strings {
    /// Reads the array behind `at`, its opening bracket; gives where it ends. What is missing at the end is missing.
    ///
    /// # Errors
    /// [`Error::SnapshotDamaged`]; [`Error::Interrupted`].
    pub fn read(contents: &Contents, mut at: usize, monitor: &dyn Monitor) -> Result<(Strings, usize)> {
        let bytes: &[u8] = contents;
        monitor.begin("reading strings", (bytes.len() - at.min(bytes.len())) as u64);
        let mut strings = Strings { is_there: true, ..Strings::default() };
        let (mut given_back, mut told) = (at, at);
        loop {
            while let Some(b' ' | b'\n' | b'\r' | b'\t' | b',') = bytes.get(at) {
                at += 1;
            }
            let end = match bytes.get(at) {
                Some(b'"') => end_of_string(bytes, at + 1),
                Some(b']') => break,
                Some(byte) => {
                    let found = format!("{:?} among its strings", char::from(*byte));
                    return Err(Error::SnapshotDamaged { part: "strings", at: at as u64, found });
                }
                None => None,
            };
            let Some(end) = end else {
                strings.cut = Some(bytes.len() as u64);
                break;
            };
            strings.places.push(at as u64);
            strings.marks.push(marks_of(&bytes[at + 1..end]));
            at = end + 1;
            if strings.marks.len().is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance((at - told) as u64);
                told = at;
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
            if at - given_back >= READ_AHEAD {
                contents.release(given_back, at);
                given_back = at;
            }
        }
        strings.places.push(at as u64);
        Ok((strings, at))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// What is known of a string; nothing of one that is not there.
    #[inline]
    pub fn marks(&self, index: u32) -> u8 {
        self.marks.get(index as usize).copied().unwrap_or(0)
    }

    /// A string as it stands in the file; `None` if it is not there.
    pub fn raw<'a>(&self, contents: &'a Contents, index: u32) -> Option<&'a [u8]> {
        self.marks.get(index as usize)?;
        let start = *self.places.get(index as usize)? as usize + 1;
        let end = end_of_string(contents, start)?;
        contents.get(start..end)
    }

    /// What a string says; `None` if it is not there.
    pub fn text(&self, contents: &Contents, index: u32) -> Option<String> {
        self.raw(contents, index).map(unescaped)
    }

    /// The string that says `wanted`.
    pub fn find(&self, contents: &Contents, wanted: &str) -> Option<u32> {
        if wanted.bytes().any(|byte| !(b' '..=b'~').contains(&byte) || matches!(byte, b'"' | b'\\')) {
            let numbers = 0..self.len() as u32;
            let mut escaped = numbers.filter(|index| {
                self.raw(contents, *index)
                    .is_some_and(|raw| raw.iter().any(|byte| *byte == b'\\' || *byte > b'~'))
            });
            return escaped.find(|index| self.text(contents, *index).as_deref() == Some(wanted));
        }
        let length = wanted.len() as u64;
        // Between two opening quotes lie two more characters at least, and blanks.
        let fits = |pair: &[u64]| (length + 2..length + 8).contains(&(pair[1] - pair[0]));
        let mut candidates = self.places.windows(2).enumerate().filter(|(_, pair)| fits(pair));
        let found =
            candidates.find(|(index, _)| self.raw(contents, *index as u32) == Some(wanted.as_bytes()));
        found.map(|(index, _)| index as u32)
    }

    /// The id of the table in the name of an edge to a value of a WeakMap.
    pub fn table_of_pair(&self, contents: &Contents, index: u32) -> Option<u64> {
        pair_of(self.raw(contents, index)?)
    }
}

fn marks_of(raw: &[u8]) -> u8 {
    match raw.first() {
        Some(b's') => match raw.strip_prefix(SYSTEM) {
            Some(name) if INTERNAL.contains(&name) => IS_SYSTEM | IS_INTERNAL,
            Some(_) => IS_SYSTEM,
            None => 0,
        },
        Some(b'(') if raw == b"(map descriptors)" => IS_INTERNAL,
        Some(b'0'..=b'9') if pair_of(raw).is_some() => IS_PAIR,
        _ => 0,
    }
}

/// `4 / part of key (Session @81) -> value (Object @83) pair in WeakMap (table @79)`: the id of the table. V8 gives such a name to the edge
/// from the key and to that from the table.
fn pair_of(raw: &[u8]) -> Option<u64> {
    const TABLE: &[u8] = b") pair in WeakMap (table @";
    let digits = raw.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !raw.get(digits..)?.starts_with(b" / part of key (") {
        return None;
    }
    let open = raw.strip_suffix(b")")?;
    let before = open.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (head, id) = open.split_at(open.len() - before);
    if !head.ends_with(TABLE) {
        return None;
    }
    std::str::from_utf8(id).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unattended;

    #[test]
    fn strings_are_found_behind_all_escapes() {
        let contents = Contents::Owned(br#"["<dummy>","a\"b\\",
"","\\","system / Map","system / Context","3 / part of key (A @1) -> value (B @3) pair in WeakMap (table @77)","Function"]}"#.to_vec());
        let (strings, end) = Strings::read(&contents, 1, &Unattended).unwrap();
        let texts: Vec<String> = (0..8).map(|index| strings.text(&contents, index).unwrap()).collect();
        assert_eq!(texts[..6], ["<dummy>", "a\"b\\", "", "\\", "system / Map", "system / Context"]);
        assert_eq!(strings.len(), 8);
        assert_eq!(strings.text(&contents, 8), None);
        assert_eq!(contents[end], b']');
        assert_eq!(strings.marks(4), IS_SYSTEM | IS_INTERNAL);
        assert_eq!(strings.marks(5), IS_SYSTEM);
        assert_eq!(strings.marks(6), IS_PAIR);
        assert_eq!(strings.table_of_pair(&contents, 6), Some(77));
        assert_eq!(strings.find(&contents, "Function"), Some(7));
        assert_eq!(strings.find(&contents, "Functio"), None);
        assert_eq!(strings.find(&contents, "a\"b\\"), Some(1));
        assert_eq!(strings.find(&contents, "\\"), Some(3));
        assert_eq!(strings.find(&contents, "\u{e9}"), None);
        assert_eq!(strings.cut, None);
    }

    #[test]
    fn what_is_cut_off_is_missing() {
        for text in ["[\"a\",\"b", "[\"a\",", "[\"a\"", "[\"a\",\"b\\"] {
            let contents = Contents::Owned(text.as_bytes().to_vec());
            let (strings, _) = Strings::read(&contents, 1, &Unattended).unwrap();
            assert_eq!((strings.len(), strings.cut), (1, Some(text.len() as u64)), "{text}");
        }
        let wrong = Contents::Owned(b"[\"a\",7]".to_vec());
        assert!(matches!(Strings::read(&wrong, 1, &Unattended), Err(Error::SnapshotDamaged { at: 5, .. })));
    }
}

//! Which V8, and which Node.js, the process ran.
//!
//! V8 keeps its version in four integers (`v8::internal::Version::major_`, `minor_`, `build_`, `patch_`; V8:
//! `src/utils/version.cc`), Node.js keeps its own in `node::per_process::metadata`, whose first member is a
//! `std::string` (Node.js: `src/node_metadata.h`). In a stripped binary neither has a name; then the version string
//! that both put into read-only data is looked for. Where the binary is gone the heap still has `process.versions`.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use core_reader::{Address, Contents, Memory, Symbols};
use memchr::memmem;

use crate::Tagged;
use crate::layout::{Fields, Layout};

/// The symbols that tell the versions.
pub(crate) const VERSION_SYMBOLS: [&str; 6] = [
    "_ZN2v88internal7Version6major_E",
    "_ZN2v88internal7Version6minor_E",
    "_ZN2v88internal7Version6build_E",
    "_ZN2v88internal7Version6patch_E",
    EMBEDDER,
    NODE_METADATA,
];

/// `v8::internal::Version::embedder_`, a pointer to text.
const EMBEDDER: &str = "_ZN2v88internal7Version9embedder_E";
/// `node::per_process::metadata`
const NODE_METADATA: &str = "_ZN4node11per_process8metadataE";

/// Version of V8, as in `12.4.254.21-node.33`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct V8Version {
    pub major: u32,
    pub minor: u32,
    pub build: u32,
    pub patch: u32,
    /// `-node.33`, or empty.
    pub embedder: String,
}

impl fmt::Display for V8Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}{}", self.major, self.minor, self.build, self.patch, self.embedder)
    }
}

/// What runs V8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedder {
    /// Its name.
    pub name: &'static str,
    /// Its version, as in `24.21.0`.
    pub version: String,
}

impl Embedder {
    /// The name of Node.js.
    pub const NODE: &'static str = "Node.js";

    /// What embedders call themselves in `process.versions`, those that pretend to be a version of Node.js first.
    const KEYS: [(&'static str, &'static str); 2] = [("deno", "Deno"), ("node", Embedder::NODE)];

    pub(crate) fn node(version: String) -> Embedder {
        Embedder { name: Embedder::NODE, version }
    }

    /// What runs V8 by its `process.versions`.
    pub(crate) fn of_versions(versions: &[(String, String)]) -> Option<Embedder> {
        Embedder::KEYS.into_iter().find_map(|(key, name)| {
            let (_, version) = versions.iter().find(|(own, _)| own == key)?;
            Some(Embedder { name, version: version.clone() })
        })
    }
}

impl V8Version {
    /// The version of the V8 in the process, if its executable tells. Where the text of its embedder's suffix is not in the core,
    /// a string of the heap completes it.
    pub fn of_executable(memory: &dyn Memory, symbols: &dyn Symbols) -> Option<V8Version> {
        let version = Self::from_symbols(memory, symbols).or_else(|| Self::from_version_string(memory))?;
        if !version.embedder.is_empty() {
            return Some(version);
        }
        let numbers = |version: &V8Version| (version.major, version.minor, version.build, version.patch);
        let whole = Self::in_heap(memory).into_iter().find(|other| numbers(other) == numbers(&version));
        Some(whole.unwrap_or(version))
    }

    /// The versions that strings of a V8 heap speak of, the most frequent first: one of them is that of the process, which
    /// keeps it in `process.versions`. A program may know others.
    ///
    /// A string is recognised without any layout: its map, length and characters have stood at the same places since V8 7.
    pub(crate) fn in_heap(memory: &dyn Memory) -> Vec<V8Version> {
        let fields = Layout::fields_of_every_version();
        let mut found: HashMap<String, usize> = HashMap::new();
        for range in memory.ranges() {
            if range.file.is_some() || range.contents != Contents::Dumped || !range.permissions.write {
                continue;
            }
            let Ok(bytes) = memory.bytes_from(range.start) else { continue };
            let bytes = &bytes[..bytes.len().min((range.end.0 - range.start.0) as usize)];
            for text in version_texts(bytes) {
                if is_string(memory, &fields, bytes, &text) {
                    let text = String::from_utf8_lossy(&bytes[text]).into_owned();
                    *found.entry(text).or_default() += 1;
                }
                if found.len() > MOST_VERSIONS {
                    break;
                }
            }
        }
        let mut found: Vec<(String, usize)> = found.into_iter().collect();
        found.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
        found.into_iter().filter_map(|(text, _)| Self::parse(&text)).collect()
    }

    fn from_symbols(memory: &dyn Memory, symbols: &dyn Symbols) -> Option<V8Version> {
        let part = |name: &str| {
            let symbol = symbols.find(&format!("_ZN2v88internal7Version{}{name}E", name.len()))?;
            memory.read_u32(symbol.address).ok()
        };
        let (major, minor, build, patch) =
            (part("major_")?, part("minor_")?, part("build_")?, part("patch_")?);
        // A data segment that was not dumped would read as zeros.
        if major == 0 || major > 1000 {
            return None;
        }
        let embedder = symbols
            .find(EMBEDDER)
            .and_then(|symbol| memory.read_u64(symbol.address).ok())
            .and_then(|text| read_c_string(memory, text, 32))
            .unwrap_or_default();
        Some(V8Version { major, minor, build, patch, embedder })
    }

    fn from_version_string(memory: &dyn Memory) -> Option<V8Version> {
        for range in memory.ranges() {
            if range.file.is_none() || !matches!(range.contents, Contents::Dumped | Contents::FromBinary) {
                continue;
            }
            let Ok(bytes) = memory.bytes_from(range.start) else { continue };
            let bytes = &bytes[..bytes.len().min((range.end.0 - range.start.0) as usize)];
            let version =
                version_texts(bytes).find_map(|text| Self::parse(std::str::from_utf8(&bytes[text]).ok()?));
            let version = version.or_else(|| Self::of_chromium(bytes));
            if version.is_some() {
                return version;
            }
        }
        None
    }

    /// The version of V8 in the binary of a Chromium: V8 14.1 is that of Chromium 141, and both versions are texts of it. A patch
    /// level of 0 is left out (V8: `src/utils/version.cc`).
    fn of_chromium(bytes: &[u8]) -> Option<V8Version> {
        /// No version is longer.
        const LONGEST: usize = 24;
        let whole = |start: usize| {
            let text = bytes.get(start..bytes.len().min(start + LONGEST))?;
            let text = &text[..memchr::memchr(0, text)?];
            text.iter()
                .all(|byte| byte.is_ascii_digit() || *byte == b'.')
                .then(|| std::str::from_utf8(text).ok())?
        };
        let numbers =
            |text: &str| -> Option<Vec<u32>> { text.split('.').map(|part| part.parse().ok()).collect() };
        let mut tried = Vec::new();
        memmem::find_iter(bytes, b".0.").find_map(|at| {
            let digits = bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).take(4).count();
            let start = at - digits;
            let before = start.checked_sub(1).map(|before| bytes[before]);
            if digits != 3 || !matches!(before, Some(0 | b'/')) {
                return None;
            }
            let milestone = match *numbers(whole(start)?)?.as_slice() {
                [milestone, 0, _, _] => milestone,
                _ => return None,
            };
            if tried.contains(&milestone) {
                return None;
            }
            tried.push(milestone);
            let (major, minor) = (milestone / 10, milestone % 10);
            let head = format!("\0{major}.{minor}.");
            memmem::find_iter(bytes, head.as_bytes()).find_map(|at| {
                let (build, patch) = match *numbers(whole(at + 1)?)?.as_slice() {
                    [_, _, build] => (build, 0),
                    [_, _, build, patch] => (build, patch),
                    _ => return None,
                };
                Some(V8Version { major, minor, build, patch, embedder: String::new() })
            })
        })
    }

    /// Parses `12.4.254.21-node.33`.
    pub fn parse(text: &str) -> Option<V8Version> {
        let dash = text.find('-').unwrap_or(text.len());
        let mut parts = text[..dash].split('.').map(|part| part.parse::<u32>().ok());
        let mut next = || parts.next().flatten();
        let version = V8Version {
            major: next()?,
            minor: next()?,
            build: next()?,
            patch: next()?,
            embedder: text[dash..].to_owned(),
        };
        Some(version)
    }
}

/// More versions than this are not looked at.
const MOST_VERSIONS: usize = 64;

/// What embedders add to the version of their V8 (`V8_EMBEDDER_STRING` of its build): Node.js a number behind it, Deno none.
const MARKS: [&[u8]; 2] = [b"-node.", b"-rusty"];

/// Where bytes have the form of a version of V8 in an embedder: `12.4.254.21-node.33`, `15.0.245.2-rusty`.
fn version_texts(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    /// Longer texts are none.
    const LONGEST: usize = 32;
    let of_mark = move |mark: &'static [u8]| {
        memmem::find_iter(bytes, mark).map(move |at| {
            let head = &bytes[at.saturating_sub(LONGEST)..at];
            let digits = head.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
            let tail = bytes[at + mark.len()..].iter().take(LONGEST).take_while(|byte| byte.is_ascii_digit());
            at - digits..at + mark.len() + tail.count()
        })
    };
    MARKS.into_iter().flat_map(of_mark)
}

/// Whether a text in memory is all of a sequential one-byte string of V8: map, hash, length, characters.
fn is_string(memory: &dyn Memory, fields: &Fields, bytes: &[u8], text: &Range<usize>) -> bool {
    /// `kStringRepresentationAndEncodingMask` of a sequential string with bytes, and the bits of strings altogether.
    const SEQUENTIAL_ONE_BYTE: (u16, u16) = (0xff8f, 8);
    let Some(start) = text.start.checked_sub(fields.string_characters as usize) else { return false };
    let word = u64::from_le_bytes(bytes[start..start + 8].try_into().expect("eight bytes"));
    let length = start + fields.string_length as usize;
    let length = u32::from_le_bytes(bytes[length..length + 4].try_into().expect("four bytes"));
    let Some(map) = Tagged(word).strong().filter(|_| length as usize == text.len()) else { return false };
    let (mask, sequential) = SEQUENTIAL_ONE_BYTE;
    let mut instance_type = [0; 2];
    memory.read_into(Address(map + fields.map_instance_type), &mut instance_type).is_ok()
        && u16::from_le_bytes(instance_type) & mask == sequential
}

/// The Node.js version, as in `22.23.3`, if the process has one and its data was dumped.
pub fn detect_node(memory: &dyn Memory, symbols: &dyn Symbols) -> Option<String> {
    let metadata = symbols.find(NODE_METADATA)?;
    // std::string of libstdc++: pointer, length, inline buffer.
    let pointer = memory.read_u64(metadata.address).ok()?;
    let length = memory.read_u64(metadata.address.checked_add(8)?).ok()?;
    if length > 32 {
        return None;
    }
    let text = read_c_string(memory, pointer, length as usize)?;
    text.bytes().next()?.is_ascii_digit().then_some(text)
}

/// Printable ASCII up to a NUL or `limit` bytes; `None` if there is anything else.
fn read_c_string(memory: &dyn Memory, at: u64, limit: usize) -> Option<String> {
    let bytes = memory.bytes_from(Address(at)).ok()?;
    let bytes = &bytes[..bytes.len().min(limit)];
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    text.bytes().all(|b| b.is_ascii_graphic()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedder_that_pretends_to_be_node_is_called_by_its_own_name() {
        let versions = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
        };
        let deno = Embedder::of_versions(&versions(&[("node", "26.3.0"), ("v8", "15"), ("deno", "2.9.6")]));
        assert_eq!(deno, Some(Embedder { name: "Deno", version: "2.9.6".to_owned() }));
        let node = Embedder::of_versions(&versions(&[("v8", "14"), ("node", "26.12.1")]));
        assert_eq!(node, Some(Embedder::node("26.12.1".to_owned())));
        assert_eq!(Embedder::of_versions(&versions(&[("v8", "14")])), None);
    }

    #[test]
    fn versions_are_found_by_what_embedders_add() {
        let bytes = b"\x0015.0.245.2-rusty\0 -rusty 12.4.254.21-node.33, ";
        let found: Vec<&[u8]> = version_texts(bytes).map(|text| &bytes[text]).collect();
        assert_eq!(found, [&b"12.4.254.21-node.33"[..], b"15.0.245.2-rusty", b"-rusty"]);
        assert_eq!(V8Version::parse("-rusty"), None);
    }

    #[test]
    fn the_version_of_a_chromium_tells_that_of_its_v8() {
        let of = |bytes: &[u8]| V8Version::of_chromium(bytes).map(|version| version.to_string());
        let found = of(b"1.0\0v0.0\0Chrome/141.0.7390.0\x00212.60.61.246\x0014.1.146\0FLAGS");
        assert_eq!(found.as_deref(), Some("14.1.146.0"));
        let found = of(b"\x0015.6.75.63\0\x15Invalid\x00156.0.8078.114\0ecma-114\0");
        assert_eq!(found.as_deref(), Some("15.6.75.63"));
        for other in [
            &b"\x00141.0.7390.0\x0014.2.146\0"[..],
            b"\x00141.0.7390\x0014.1.146\0",
            b"\x0014.1.146\0",
            b"141.0.1.2",
        ] {
            assert_eq!(of(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn versions_parse_and_print_as_node_reports_them() {
        for text in ["12.4.254.21-node.33", "11.3.244.8-node.30", "14.6.202.34"] {
            assert_eq!(V8Version::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(V8Version::parse("12.4.254"), None);
        assert_eq!(V8Version::parse(".1.2.3-node.1"), None);
    }
}

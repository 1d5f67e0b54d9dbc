//! Which V8, and which Node.js, the process ran.
//!
//! V8 keeps its version in four integers (`v8::internal::Version::major_`, `minor_`, `build_`, `patch_`; V8:
//! `src/utils/version.cc`), Node.js keeps its own in `node::per_process::metadata`, whose first member is a
//! `std::string` (Node.js: `src/node_metadata.h`). In a stripped binary neither has a name; then the version string
//! that both put into read-only data is looked for.

use std::fmt;

use core_reader::{Address, Contents, Memory, Symbols};
use memchr::memmem;

use crate::{Error, Result};

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

impl V8Version {
    /// Finds the version of the V8 in the process.
    ///
    /// # Errors
    /// [`Error::NoV8`] if nothing in the process tells.
    pub fn detect(memory: &dyn Memory, symbols: &dyn Symbols) -> Result<V8Version> {
        Self::from_symbols(memory, symbols).or_else(|| Self::from_version_string(memory)).ok_or_else(|| {
            Error::NoV8(
                "neither V8's version symbols nor its version string were found; if this is a Node.js process, \
                 give its executable (v8mdb OBJECT CORE)"
                    .to_owned(),
            )
        })
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
        const MARK: &[u8] = b"-node.";
        let finder = memmem::Finder::new(MARK);
        for range in memory.ranges() {
            if range.file.is_none() || !matches!(range.contents, Contents::Dumped | Contents::FromBinary) {
                continue;
            }
            let Ok(bytes) = memory.bytes_from(range.start) else { continue };
            let bytes = &bytes[..bytes.len().min((range.end.0 - range.start.0) as usize)];
            for at in finder.find_iter(bytes) {
                let start =
                    at - bytes[..at].iter().rev().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
                let tail = bytes[at + MARK.len()..].iter().take_while(|b| b.is_ascii_digit()).count();
                let text = std::str::from_utf8(&bytes[start..at + MARK.len() + tail]).ok()?;
                if let Some(version) = Self::parse(text) {
                    return Some(version);
                }
            }
        }
        None
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
    fn versions_parse_and_print_as_node_reports_them() {
        for text in ["12.4.254.21-node.33", "11.3.244.8-node.30", "14.6.202.34"] {
            assert_eq!(V8Version::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(V8Version::parse("12.4.254"), None);
        assert_eq!(V8Version::parse(".1.2.3-node.1"), None);
    }
}

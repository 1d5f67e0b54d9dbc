//! Why a gathering may be meant to be as large as it is: what its own objects say.
//!
//! Four things say so: each member names a source file of its own, or is part of what does (modules of a bundler, trees of a compiler);
//! what the members are in says how many it takes at most; the memory is that of WebAssembly, which grows and never shrinks; or the members
//! are timers that run once, and soon.

use std::collections::{HashMap, HashSet};

use crate::graph::{Gatherer, Suspect};
use crate::heap::Heap;
use crate::index::ObjectId;
use crate::layout::Kind;
use crate::objects::array_buffer::StoreKind;
use crate::objects::properties::PropertyValue;
use crate::objects::value::{HeapObject, Value};
use crate::{Monitor, Result, Tagged};

/// Why a gathering may be meant to be as large as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Each member names a source file of its own, or is part of an object that does.
    Files {
        /// The property that leads from a member to what it is part of, again and again; none if the member names the file itself.
        part_by: Option<Box<str>>,
        /// The property that has the name.
        name: Box<str>,
    },
    /// What they have gathered in says how many it takes at most.
    Bounded {
        /// The property that says so.
        by: Box<str>,
        /// How many.
        most: u64,
    },
    /// It is the memory of an instance of WebAssembly.
    WebAssembly,
    /// They are timers that run once, after so many milliseconds at most.
    Timers {
        /// The longest of them.
        milliseconds: u64,
    },
}

/// Timers that run later say nothing.
const SOON: u64 = 300_000;
/// Of a hundred members that are looked at, so many have to say the same.
const MOST: usize = 75;
/// Steps from a part to its whole.
const MOST_PARTS: usize = 256;
/// Longer names are no names of files.
const LONGEST_NAME: usize = 4096;
/// More properties of an object are not looked at.
const MOST_PROPERTIES: usize = 256;
/// Endings of the names of source files.
const ENDINGS: [&str; 15] = [
    "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json", "css", "scss", "less", "html", "vue",
    "svelte",
];

impl Heap<'_> {
    /// Why a gathering may be meant to be as large as it is, as far as its members and what they are in tell.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn meant(&self, suspect: &Suspect, monitor: &dyn Monitor) -> Result<Option<Meant>> {
        let table = self.objects(monitor)?;
        let object = |id: u32| self.object_by_id(table, ObjectId(id));
        let members: Vec<HeapObject<'_>> = suspect.some.iter().filter_map(|id| object(*id)).collect();
        if members.is_empty() {
            return Ok(None);
        }
        if members.iter().all(|member| self.is_wasm_memory(*member)) {
            return Ok(Some(Meant::WebAssembly));
        }
        if let Some(timers) = self.soon_over(&members) {
            return Ok(Some(timers));
        }
        let path = suspect.path.as_ref().map_or(&[][..], |path| &path.objects);
        if let Gatherer::Owner(_) | Gatherer::Holder(_) = suspect.gatherer {
            let is_js = |id: &u32| object(*id).is_some_and(|object| object.kind().is_js_object());
            let holders = path.iter().rev().copied().filter(is_js).take(2);
            for holder in holders.filter_map(object) {
                if let Some(bound) = self.bound(holder, suspect.count) {
                    return Ok(Some(bound));
                }
            }
        }
        Ok(self.of_files(&members))
    }

    fn is_wasm_memory(&self, object: HeapObject<'_>) -> bool {
        object.kind() == Kind::JsArrayBuffer
            && self.array_buffer(object).is_ok_and(|buffer| buffer.kind == StoreKind::WebAssembly)
    }

    /// Node.js: `lib/internal/timers.js`, class `Timeout`.
    fn soon_over(&self, members: &[HeapObject<'_>]) -> Option<Meant> {
        let mut longest = 0;
        for member in members {
            if self.name(self.constructor_name(*member)) != "Timeout" {
                return None;
            }
            let value = |name: &str| match self.own_property(*member, name) {
                Ok(Some(PropertyValue::Data(value))) => self.value(value).ok(),
                _ => None,
            };
            let (Some(Value::Null), Some(milliseconds)) = (value("_repeat"), value("_idleTimeout")) else {
                return None;
            };
            longest = longest.max(whole(&milliseconds)?);
        }
        (longest <= SOON).then_some(Meant::Timers { milliseconds: longest })
    }

    /// The property by which an object says how many it takes at most, if it has no more.
    fn bound(&self, holder: HeapObject<'_>, count: u64) -> Option<Meant> {
        let properties = self.own_properties(holder).ok()?;
        properties.into_iter().take(MOST_PROPERTIES).find_map(|property| {
            let PropertyValue::Data(value) = property.value else { return None };
            let most = whole(&self.value(value).ok()?)?;
            let name = self.name_text(property.name)?;
            (says_how_many(&name) && most >= count)
                .then(|| Meant::Bounded { by: name.into_boxed_str(), most })
        })
    }

    fn of_files(&self, members: &[HeapObject<'_>]) -> Option<Meant> {
        let first = members.iter().take(4);
        let mut ways: HashSet<(Option<String>, String)> = HashSet::new();
        for member in first {
            ways.extend(self.file_property(*member).map(|(name, _)| (None, name)));
            for property in self.own_properties(*member).unwrap_or_default().into_iter().take(MOST_PROPERTIES)
            {
                let Some(by) = self.name_text(property.name) else { continue };
                if let PropertyValue::Data(value) = property.value
                    && let Ok(Value::Object(_)) = self.value(value)
                    && let Some(whole) = self.whole_of(*member, &by)
                    && let Some((name, _)) = self.file_property(whole)
                {
                    ways.insert((Some(by), name));
                }
            }
        }
        let mut ways: Vec<_> = ways.into_iter().collect();
        ways.sort();
        // Members that name a file themselves are judged by that, and not by what they are part of.
        let names_itself = ways.first().is_some_and(|(part_by, _)| part_by.is_none());
        ways.retain(|(part_by, _)| part_by.is_none() || !names_itself);
        let (part_by, name) = ways.into_iter().find(|(part_by, name)| {
            let mut files: HashMap<String, Tagged> = HashMap::new();
            let mut named = 0;
            for member in members {
                let whole = match part_by {
                    None => Some(*member),
                    Some(by) => self.whole_of(*member, by),
                };
                let file = whole.and_then(|whole| Some((whole, self.source_file(whole, name)?)));
                let Some((whole, file)) = file else { continue };
                named += 1;
                // Two for one file are two versions of it.
                if files.insert(file, whole.value()).is_some_and(|other| other != whole.value()) {
                    return false;
                }
            }
            100 * named >= MOST * members.len() && (part_by.is_some() || files.len() > 1)
        })?;
        Some(Meant::Files { part_by: part_by.map(String::into_boxed_str), name: name.into_boxed_str() })
    }

    /// Where a property leads that is followed until there is none; nothing if it leads nowhere, or round and round.
    fn whole_of<'h>(&'h self, part: HeapObject<'h>, by: &str) -> Option<HeapObject<'h>> {
        let mut at = part;
        for step in 0..MOST_PARTS {
            let next = match self.own_property(at, by) {
                Ok(Some(PropertyValue::Data(value))) => self.value(value).ok(),
                _ => None,
            };
            match next {
                Some(Value::Object(next)) if next.kind() == Kind::JsObject => at = next,
                _ => return (step > 0).then_some(at),
            }
        }
        None
    }

    /// The first property that names a source file, and that name.
    fn file_property(&self, object: HeapObject<'_>) -> Option<(String, String)> {
        let properties = self.own_properties(object).ok()?;
        properties.into_iter().take(MOST_PROPERTIES).find_map(|property| {
            let name = self.name_text(property.name)?;
            let PropertyValue::Data(value) = property.value else { return None };
            Some((name, self.file_name(value)?))
        })
    }

    fn source_file(&self, object: HeapObject<'_>, property: &str) -> Option<String> {
        match self.own_property(object, property) {
            Ok(Some(PropertyValue::Data(value))) => self.file_name(value),
            _ => None,
        }
    }

    /// A string that is the path or address of a source file, without a query.
    fn file_name(&self, value: Tagged) -> Option<String> {
        let Ok(Value::String(_)) = self.value(value) else { return None };
        let text = self.string(value, LONGEST_NAME).ok().filter(|text| !text.is_cut())?.to_text();
        let path = text.split(['?', '#']).next()?;
        let (folder, file) = path.rsplit_once('/')?;
        let is_path = ["/", "./", "file:"].iter().any(|start| path.starts_with(start)) || folder.is_empty();
        let ending = file.rsplit_once('.')?.1;
        (is_path && ENDINGS.contains(&ending)).then(|| path.to_owned())
    }
}

/// Whether a property of this name says how many something takes at most: `max`, `maxEntries`, `#limit`, `max_size`. Others limit something
/// else: `maxAge` a time, `maxListeners` nothing.
fn says_how_many(name: &str) -> bool {
    const WORDS: [&str; 5] = ["maximum", "max", "limit", "capacity", "highwatermark"];
    const OF_WHAT: [&str; 10] =
        ["", "size", "length", "count", "entries", "items", "keys", "elements", "values", "objects"];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    WORDS.iter().filter_map(|word| plain.strip_prefix(word)).any(|rest| OF_WHAT.contains(&rest))
}

/// A whole number that is not negative.
fn whole(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Smi(number) => u64::try_from(*number).ok(),
        Value::Double(number) if *number >= 0.0 && number.fract() == 0.0 && *number < 9e15 => {
            Some(*number as u64)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::says_how_many;

    #[test]
    fn a_bound_is_one_of_how_many() {
        for name in
            ["max", "#max", "_max", "maxSize", "max_entries", "limit", "capacity", "maxItems", "MAX_KEYS"]
        {
            assert!(says_how_many(name), "{name}");
        }
        // Times, rates, bytes of one, warnings, and what only begins so.
        for name in [
            "maxAge",
            "maxAgeMs",
            "limitMs",
            "maxListeners",
            "_maxListeners",
            "maxRequestsPerSocket",
            "maxHeaderSize",
            "maximize",
            "limited",
            "capacityUnits",
            "maxTTL",
            "size",
            "",
        ] {
            assert!(!says_how_many(name), "{name}");
        }
    }
}

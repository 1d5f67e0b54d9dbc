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
use crate::{Monitor, Result};

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
        /// How many; nothing if that number is not told.
        most: Option<u64>,
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
pub(crate) const LONGEST_NAME: usize = 4096;
/// More properties of an object are not looked at.
const MOST_PROPERTIES: usize = 256;
/// Endings of the names of source files.
const ENDINGS: [&str; 15] = [
    "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json", "css", "scss", "less", "html", "vue",
    "svelte",
];

/// What a property is, as far as it matters here.
pub(crate) enum Said<O> {
    /// A whole number that is not negative.
    Whole(u64),
    /// A number that is not told.
    Untold,
    /// A string, unless it is a long one.
    Text(String),
    /// An object.
    Object(O),
    /// `null`
    Null,
    /// Anything else.
    Other,
}

/// Objects that say what they are for: of a heap, or of a snapshot of one.
pub(crate) trait Members {
    /// An object.
    type Object: Copy;

    /// Tells two objects apart.
    fn identity(&self, object: Self::Object) -> u64;

    /// The name of its constructor.
    fn constructor_of(&self, object: Self::Object) -> String;

    /// Its own properties, so many at most.
    fn properties_of(&self, object: Self::Object, most: usize) -> Vec<(String, Said<Self::Object>)>;

    /// One of them; nothing if there is none.
    fn property_of(&self, object: Self::Object, name: &str) -> Option<Said<Self::Object>>;

    /// Whether it is made by `{}` or a constructor of the program.
    fn is_plain_object(&self, object: Self::Object) -> bool;

    /// Whether it is the memory of an instance of WebAssembly.
    fn is_wasm_memory(&self, object: Self::Object) -> bool;
}

/// Why `count` objects of which `members` are some may be meant, gathered in the nearest of `holders`.
pub(crate) fn meant<M: Members>(
    all: &M,
    members: &[M::Object],
    holders: &[M::Object],
    count: u64,
) -> Option<Meant> {
    if members.is_empty() {
        return None;
    }
    if members.iter().all(|member| all.is_wasm_memory(*member)) {
        return Some(Meant::WebAssembly);
    }
    soon_over(all, members)
        .or_else(|| holders.iter().take(2).find_map(|holder| bound(all, *holder, count)))
        .or_else(|| of_files(all, members))
}

impl Heap<'_> {
    /// Why a gathering may be meant to be as large as it is, as far as its members and what they are in tell.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn meant(&self, suspect: &Suspect, monitor: &dyn Monitor) -> Result<Option<Meant>> {
        let table = self.objects(monitor)?;
        let object = |id: u32| self.object_by_id(table, ObjectId(id));
        let members: Vec<HeapObject<'_>> = suspect.some.iter().filter_map(|id| object(*id)).collect();
        let path = suspect.path.as_ref().map_or(&[][..], |path| &path.objects);
        let is_in_one = matches!(suspect.gatherer, Gatherer::Owner(_) | Gatherer::Holder(_));
        let holders = path.iter().rev().filter_map(|id| object(*id)).filter(|_| is_in_one);
        let holders: Vec<HeapObject<'_>> = holders.filter(|holder| holder.kind().is_js_object()).collect();
        Ok(meant(&OfHeap(self), &members, &holders, suspect.count))
    }
}

/// The objects of a heap in a core.
struct OfHeap<'a, 'h>(&'a Heap<'h>);

impl<'a> OfHeap<'a, '_> {
    fn said(&self, value: PropertyValue) -> Said<HeapObject<'a>> {
        let (value, read) = match value {
            PropertyValue::Data(value) => (value, self.0.value(value)),
            PropertyValue::Double(number) => return number_said(number),
            PropertyValue::Accessor { .. } | PropertyValue::Native => return Said::Other,
        };
        match read {
            Ok(Value::Smi(number)) => u64::try_from(number).map_or(Said::Other, Said::Whole),
            Ok(Value::Double(number)) => number_said(number),
            Ok(Value::Null) => Said::Null,
            Ok(Value::Object(object)) => Said::Object(object),
            Ok(Value::String(_)) => {
                let text = self.0.string(value, LONGEST_NAME).ok().filter(|text| !text.is_cut());
                text.map_or(Said::Other, |text| Said::Text(text.to_text()))
            }
            _ => Said::Other,
        }
    }
}

impl<'a> Members for OfHeap<'a, '_> {
    type Object = HeapObject<'a>;

    fn identity(&self, object: HeapObject<'a>) -> u64 {
        object.address
    }

    fn constructor_of(&self, object: HeapObject<'a>) -> String {
        self.0.name(self.0.constructor_name(object)).to_owned()
    }

    fn properties_of(&self, object: HeapObject<'a>, most: usize) -> Vec<(String, Said<HeapObject<'a>>)> {
        let properties = self.0.own_properties(object).unwrap_or_default().into_iter().take(most);
        properties
            .filter_map(|property| Some((self.0.name_text(property.name)?, self.said(property.value))))
            .collect()
    }

    fn property_of(&self, object: HeapObject<'a>, name: &str) -> Option<Said<HeapObject<'a>>> {
        Some(self.said(self.0.own_property(object, name).ok()??))
    }

    fn is_plain_object(&self, object: HeapObject<'a>) -> bool {
        object.kind() == Kind::JsObject
    }

    fn is_wasm_memory(&self, object: HeapObject<'a>) -> bool {
        object.kind() == Kind::JsArrayBuffer
            && self.0.array_buffer(object).is_ok_and(|buffer| buffer.kind == StoreKind::WebAssembly)
    }
}

/// A number as what it says.
pub(crate) fn number_said<O>(number: f64) -> Said<O> {
    match number >= 0.0 && number.fract() == 0.0 && number < 9e15 {
        true => Said::Whole(number as u64),
        false => Said::Other,
    }
}

/// Node.js: `lib/internal/timers.js`, class `Timeout`.
fn soon_over<M: Members>(all: &M, members: &[M::Object]) -> Option<Meant> {
    let mut longest = 0;
    for member in members {
        if all.constructor_of(*member) != "Timeout" {
            return None;
        }
        let (Some(Said::Null), Some(Said::Whole(milliseconds))) =
            (all.property_of(*member, "_repeat"), all.property_of(*member, "_idleTimeout"))
        else {
            return None;
        };
        longest = longest.max(milliseconds);
    }
    (longest <= SOON).then_some(Meant::Timers { milliseconds: longest })
}

/// The property by which an object says how many it takes at most, if it has no more.
fn bound<M: Members>(all: &M, holder: M::Object, count: u64) -> Option<Meant> {
    let named = all.properties_of(holder, MOST_PROPERTIES);
    let mut named = named.into_iter().filter(|(name, _)| says_how_many(name));
    named.find_map(|(name, said)| {
        let most = match said {
            Said::Whole(most) if most >= count => Some(most),
            Said::Untold => None,
            _ => return None,
        };
        Some(Meant::Bounded { by: name.into_boxed_str(), most })
    })
}

fn of_files<M: Members>(all: &M, members: &[M::Object]) -> Option<Meant> {
    let first = members.iter().take(4);
    let mut ways: HashSet<(Option<String>, String)> = HashSet::new();
    for member in first {
        ways.extend(file_property(all, *member).map(|(name, _)| (None, name)));
        for (by, said) in all.properties_of(*member, MOST_PROPERTIES) {
            if let Said::Object(_) = said
                && let Some(whole) = whole_of(all, *member, &by)
                && let Some((name, _)) = file_property(all, whole)
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
        let mut files: HashMap<String, u64> = HashMap::new();
        let mut named = 0;
        for member in members {
            let whole = match part_by {
                None => Some(*member),
                Some(by) => whole_of(all, *member, by),
            };
            let file = whole.and_then(|whole| match all.property_of(whole, name) {
                Some(Said::Text(text)) => Some((all.identity(whole), file_name(&text)?)),
                _ => None,
            });
            let Some((whole, file)) = file else { continue };
            named += 1;
            // Two for one file are two versions of it.
            if files.insert(file, whole).is_some_and(|other| other != whole) {
                return false;
            }
        }
        100 * named >= MOST * members.len() && (part_by.is_some() || files.len() > 1)
    })?;
    Some(Meant::Files { part_by: part_by.map(String::into_boxed_str), name: name.into_boxed_str() })
}

/// Where a property leads that is followed until there is none; nothing if it leads nowhere, or round and round.
fn whole_of<M: Members>(all: &M, part: M::Object, by: &str) -> Option<M::Object> {
    let mut at = part;
    for step in 0..MOST_PARTS {
        match all.property_of(at, by) {
            Some(Said::Object(next)) if all.is_plain_object(next) => at = next,
            _ => return (step > 0).then_some(at),
        }
    }
    None
}

/// The first property that names a source file, and that name.
fn file_property<M: Members>(all: &M, object: M::Object) -> Option<(String, String)> {
    all.properties_of(object, MOST_PROPERTIES).into_iter().find_map(|(name, said)| match said {
        Said::Text(text) => Some((name, file_name(&text)?)),
        _ => None,
    })
}

/// A text that is the path or address of a source file, without a query.
fn file_name(text: &str) -> Option<String> {
    let path = text.split(['?', '#']).next()?;
    let (folder, file) = path.rsplit_once('/')?;
    let is_path = ["/", "./", "file:"].iter().any(|start| path.starts_with(start)) || folder.is_empty();
    let ending = file.rsplit_once('.')?.1;
    (is_path && ENDINGS.contains(&ending)).then(|| path.to_owned())
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

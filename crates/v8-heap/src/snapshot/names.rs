//! Names as text, and the list of all of them at the end of the file, each once.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::address_map::AddressHasher;
use crate::code_units::Units;
use crate::heap::Heap;
use crate::index::{ObjectId, ObjectTable};
use crate::layout::{Kind, StringShape};
use crate::{Tagged, objects::value::HeapObject};

use super::builtins::Builtins;
use super::natives::Natives;
use super::node::Namer;
use super::pairs::Pairs;
use super::reference::Name;

/// Longest text of a string, in UTF-16 code units (`--heap-snapshot-string-limit`).
const LONGEST: usize = 1024;

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (sort, value) = match *self {
            Name::Static(text) => (1, text.as_ptr() as u64),
            Name::System(text) => (2, text.as_ptr() as u64),
            Name::StringMap(instance_type) => (3, u64::from(instance_type)),
            Name::Number(number) => (4, u64::from(number)),
            Name::Text(address) => (5, address),
            Name::Getter(address) => (6, address),
            Name::Setter(address) => (7, address),
            Name::Argument(number) => (8, u64::from(number)),
            Name::Constructor(id) => (9, u64::from(id.0)),
            Name::CodeOf(address) => (10, address),
            Name::InstructionsOf(address) => (11, address),
            Name::Builtin(address) => (12, address),
            Name::Native(number) => (14, u64::from(number)),
            Name::Pair(pair, before) => (13, u64::from(pair) << 24 ^ u64::from(before)),
        };
        state.write_u64(value ^ sort << 58);
    }
}

/// Turns names into text.
pub(super) struct Texts<'a, 't> {
    pub heap: &'a Heap<'t>,
    pub table: &'a ObjectTable,
    pub namer: &'a Namer<'a, 't>,
    pub pairs: &'a Pairs,
    pub natives: &'a Natives,
    pub builtins: Builtins,
}

impl Texts<'_, '_> {
    /// Writes the text of a name in UTF-16 code units.
    pub fn write(&self, name: Name, units: &mut Vec<u16>) {
        match name {
            Name::Static(text) => push(units, text),
            Name::System(class) => {
                push(units, "system / ");
                push(units, class);
            }
            Name::StringMap(instance_type) => {
                let later = !self.heap.layout().facts.snapshots.code_is_handle;
                push(units, &string_map_name(instance_type, later));
            }
            Name::Number(number) => push(units, &number.to_string()),
            Name::Text(address) => self.text(address, units),
            Name::Getter(address) => self.accessor("get ", address, units),
            Name::Setter(address) => self.accessor("set ", address, units),
            Name::Argument(number) => push(units, &format!("bound_argument_{number}")),
            Name::Constructor(id) => push(units, self.heap.name(id)),
            Name::CodeOf(shared) => self.code(shared, "(code for ", "(BASELINE code)", units),
            Name::InstructionsOf(shared) => {
                self.code(shared, "(instruction stream for ", "(BASELINE instruction stream)", units);
            }
            Name::Builtin(code) => {
                let code = self.heap.object(Tagged::pointer(code)).ok();
                let name = code.and_then(|code| self.builtins.name(self.heap, code));
                let sort = self.heap.layout().facts.snapshots.own.builtin;
                match name {
                    Some(name) => push(units, &format!("({name}{sort})")),
                    None => push(units, &format!("({})", sort.trim_start())),
                }
            }
            Name::Native(number) => push(units, self.natives.text(number)),
            Name::Pair(pair, before) => {
                let pair = self.pairs.get(pair);
                push(units, &format!("{before} / part of key ("));
                self.node(pair.key, units);
                push(units, ") -> value (");
                self.node(pair.value, units);
                push(units, ") pair in WeakMap (table @");
                push(units, &self.node_id(pair.table).to_string());
                push(units, ")");
            }
        }
    }

    /// Which accessor of a property it is, is not said of those whose name is a symbol.
    fn accessor(&self, which: &str, address: u64, units: &mut Vec<u16>) {
        if self.heap.is_string(Tagged::pointer(address)) {
            push(units, which);
        }
        self.text(address, units);
    }

    /// A string, or a symbol by its description: that of a private member is its name.
    fn text(&self, address: u64, units: &mut Vec<u16>) {
        let Ok(object) = self.heap.object(Tagged::pointer(address)) else { return };
        match object.kind() {
            Kind::Symbol => {
                let is_described = self.heap.layout().facts.snapshots.own.describe_symbols;
                let description = self.heap.symbol_description(object).ok().flatten();
                let description = description.filter(|_| is_described);
                match (description, self.heap.is_private_name(object)) {
                    (Some(description), true) => self.string(description, units),
                    (Some(description), false) => {
                        push(units, "<symbol ");
                        self.string(description, units);
                        push(units, ">");
                    }
                    (None, _) => push(units, "<symbol>"),
                }
            }
            _ => self.string(object.value(), units),
        }
    }

    fn string(&self, value: Tagged, units: &mut Vec<u16>) {
        if let Ok(string) = self.heap.string(value, LONGEST) {
            match &string.units {
                Units::OneByte(bytes) => units.extend(bytes.iter().map(|byte| u16::from(*byte))),
                Units::TwoByte(own) => units.extend_from_slice(own),
            }
        }
    }

    fn code(&self, shared: u64, before: &str, without: &str, units: &mut Vec<u16>) {
        let shared = self.heap.object(Tagged::pointer(shared));
        let name = shared.and_then(|shared| match self.heap.shared_name(shared)? {
            Some(name) => Ok(Some(name)),
            None => self.heap.shared_inferred_name(shared),
        });
        match name {
            Ok(Some(name)) => {
                push(units, before);
                self.string(name, units);
                push(units, ")");
            }
            _ => push(units, without),
        }
    }

    /// `Session @123`
    fn node(&self, address: u64, units: &mut Vec<u16>) {
        if let Some((id, object)) = self.object(address) {
            let is_read_only = self.heap.spaces().page_of(address).is_some_and(|page| page.is_read_only());
            match self.namer.of(id.0, object, is_read_only).1 {
                Name::Pair(..) => {}
                name => self.write(name, units),
            }
        }
        push(units, &format!(" @{}", self.node_id(address)));
    }

    fn object(&self, address: u64) -> Option<(ObjectId, HeapObject<'_>)> {
        let id = self.table.id_at(self.heap.spaces(), address)?;
        Some((id, self.heap.object_by_id(self.table, id)?))
    }

    fn node_id(&self, address: u64) -> u64 {
        self.table.id_at(self.heap.spaces(), address).map_or(0, |id| super::node_id(id.0))
    }
}

fn push(units: &mut Vec<u16>, text: &str) {
    units.extend(text.encode_utf16());
}

/// The map of some sort of strings (`STRING_TYPE_LIST` of `src/objects/objects-definitions.h`): from V8 12 on
/// `ExternalInternalizedOneByteString`, before that `ExternalOneByteInternalizedString`, and not a word of what goes without
/// saying.
fn string_map_name(instance_type: u16, is_later: bool) -> String {
    let mut text = "system / Map (".to_owned();
    let bit = |bit: u16| instance_type >> bit & 1 == 1;
    let is_internalized = !bit(5);
    let shape = StringShape::of_type(instance_type);
    if bit(6) && !is_internalized {
        text += "Shared";
    }
    text += match shape {
        Some(StringShape::External { uncached: true, .. }) => "UncachedExternal",
        Some(StringShape::External { .. }) => "External",
        Some(StringShape::Cons) => "Cons",
        Some(StringShape::Sliced) => "Sliced",
        Some(StringShape::Thin) => "Thin",
        _ if is_internalized || !is_later => "",
        _ => "Seq",
    };
    let internalized = if is_internalized { "Internalized" } else { "" };
    match (is_later, bit(3)) {
        (true, true) => text += &format!("{internalized}OneByteString)"),
        (true, false) => text += &format!("{internalized}TwoByteString)"),
        (false, true) => text += &format!("OneByte{internalized}String)"),
        (false, false) => text += &format!("{internalized}String)"),
    }
    text
}

/// Names used in one part of the file.
#[derive(Default)]
pub(super) struct PartNames {
    numbers: HashMap<Name, u32, BuildHasherDefault<AddressHasher>>,
    /// Each with the hash of its text.
    pub names: Vec<(Name, u64)>,
}

impl PartNames {
    /// The number of a name in this part.
    pub fn number(&mut self, name: Name, texts: &Texts<'_, '_>, buffer: &mut Vec<u16>) -> u32 {
        if let Some(&number) = self.numbers.get(&name) {
            return number;
        }
        let number = self.names.len() as u32;
        // A string is the name of one node.
        self.numbers.insert(name, number);
        self.names.push((name, hash(name, texts, buffer)));
        number
    }
}

fn hash(name: Name, texts: &Texts<'_, '_>, buffer: &mut Vec<u16>) -> u64 {
    buffer.clear();
    texts.write(name, buffer);
    let mut hasher = DefaultHasher::new();
    buffer.hash(&mut hasher);
    hasher.finish()
}

/// All names of the file: each text once.
#[derive(Default)]
pub(super) struct Names {
    by_hash: HashMap<u64, u32, BuildHasherDefault<AddressHasher>>,
    pub names: Vec<Name>,
}

/// Different texts with one hash: more than this happens only in memory made for it. Some texts are in the list twice then.
const MOST_COLLISIONS: u64 = 8;

impl Names {
    /// The number of a name, whose text has this hash.
    pub fn number(&mut self, name: Name, hash: u64, texts: &Texts<'_, '_>) -> u32 {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for attempt in 0..MOST_COLLISIONS {
            let next = self.names.len() as u32;
            match self.by_hash.entry(hash.wrapping_add(attempt)) {
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(next);
                    self.names.push(name);
                    return next;
                }
                std::collections::hash_map::Entry::Occupied(known) => {
                    let known = *known.get();
                    if self.names[known as usize] == name {
                        return known;
                    }
                    if attempt == 0 {
                        texts.write(name, &mut own);
                    }
                    other.clear();
                    texts.write(self.names[known as usize], &mut other);
                    if own == other {
                        return known;
                    }
                }
            }
        }
        self.names.push(name);
        self.names.len() as u32 - 1
    }
}

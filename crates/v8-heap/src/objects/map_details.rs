//! What only a reader of V8's own structures asks of a map: its descriptors in full, and where it stands in the tree of
//! transitions.
//!
//! ```text
//!   root map {}  --"x"-->  {x}  --"y"-->  {x, y}      transitions_or_prototype_info: a weak pointer, or a
//!                <--back--      <--back--             TransitionArray of keys and weak pointers
//! ```
//!
//! A prototype's map has no transitions; it keeps a `PrototypeInfo` in their place (V8: `src/objects/transitions.h`,
//! `property-details.h`).

use crate::objects::properties::details;
use crate::objects::value::HeapObject;
use crate::shape::map::Map;
use crate::view::View;
use crate::{Result, Tagged};

/// A property as a descriptor array describes it.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// A string or symbol.
    pub name: Tagged,
    /// An accessor; else data.
    pub is_accessor: bool,
    /// Has not been assigned since it was made, as far as V8 knows.
    pub is_const: bool,
    /// Can be assigned.
    pub is_writable: bool,
    /// `for in` shows it.
    pub is_enumerable: bool,
    /// Can be deleted and redefined.
    pub is_configurable: bool,
    /// Number of the field with the value, counted from the first inside the object; none if the descriptor has it.
    pub field: Option<u64>,
    /// How V8 represents the value.
    pub representation: Representation,
    /// The value, or the map that all values have so far, or another note of V8's on the field.
    pub value: Tagged,
}

/// What values a field can hold (`Representation::Kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // V8's own names
pub enum Representation {
    None,
    Smi,
    Double,
    HeapObject,
    Tagged,
    Unknown(u32),
}

/// Where a map leads to.
#[derive(Clone, Debug, Default)]
pub struct Transitions {
    /// The properties that lead on, and the maps they lead to.
    pub targets: Vec<(Tagged, Tagged)>,
    /// What stands in the place of transitions, if it is something else: a `PrototypeInfo`, ...
    pub instead: Option<Tagged>,
}

/// No map has more (`TransitionsAccessor::kMaxNumberOfTransitions` is 1536).
const MOST_TRANSITIONS: u64 = 1 << 12;

impl View<'_> {
    /// V8's name for an elements kind.
    pub fn elements_kind_name(&self, kind: u8) -> String {
        let (untyped, typed) = (self.layout().facts.elements_kinds, self.layout().facts.typed_elements);
        if let Some(name) = untyped.get(usize::from(kind)) {
            return (*name).to_owned();
        }
        let index = usize::from(kind) - untyped.len();
        let upper = |index: usize| format!("{:?}_ELEMENTS", typed[index]).to_uppercase();
        match index.checked_sub(typed.len()) {
            None => upper(index),
            Some(resizable) if resizable < typed.len() => format!("RAB_GSAB_{}", upper(resizable)),
            Some(_) => match index - 2 * typed.len() {
                0 => "WASM_ARRAY_ELEMENTS".to_owned(),
                1 => "NO_ELEMENTS".to_owned(),
                _ => format!("elements kind {kind}"),
            },
        }
    }

    /// The properties that a map describes, in the order of their creation; empty for dictionary maps.
    pub fn descriptors(&self, map: &Map) -> Vec<Descriptor> {
        let mut all = Vec::new();
        self.for_each_descriptor(map, |name, bits, value| {
            all.push(Descriptor {
                name,
                is_accessor: bits & details::ACCESSOR != 0,
                is_const: bits & details::CONST != 0,
                is_writable: bits & details::READ_ONLY == 0,
                is_enumerable: bits & details::DONT_ENUM == 0,
                is_configurable: bits & details::DONT_DELETE == 0,
                field: (bits & details::IN_DESCRIPTOR == 0).then(|| self.field_number(map, bits)).flatten(),
                representation: match bits >> 6 & 7 {
                    0 => Representation::None,
                    1 => Representation::Smi,
                    2 => Representation::Double,
                    3 => Representation::HeapObject,
                    4 => Representation::Tagged,
                    other => Representation::Unknown(other),
                },
                value,
            });
            true
        });
        all
    }

    /// The map that a map was made from by adding a property; none for the root of its tree.
    pub fn back_pointer(&self, map: &Map) -> Option<HeapObject<'_>> {
        let object = self.object(map.constructor_or_back_pointer).ok()?;
        (object.kind() == crate::layout::Kind::Map).then_some(object)
    }

    /// A map that is an object, decoded as what it is to its instances.
    ///
    /// # Errors
    /// If it cannot be read, or is no map.
    pub fn decoded_map(&self, address: u64) -> Result<(crate::MapId, &Map)> {
        self.maps
            .intern(&self.words(), self.layout(), Tagged::pointer(address))
            .map(|id| (id, self.maps.get(id)))
            .ok_or_else(|| self.wrong_type(Tagged::pointer(address), "Map"))
    }

    /// Where a map leads to.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn transitions(&self, map: &Map) -> Result<Transitions> {
        let words = self.words();
        let raw = words.tagged(map.address + self.fields().map_transitions, "transitions of a Map")?;
        let mut transitions = Transitions::default();
        let Ok(object) = self.object(raw) else { return Ok(transitions) };
        if object.kind() == crate::layout::Kind::Map {
            transitions.targets.extend(self.transition_to(object.address));
            return Ok(transitions);
        }
        if self.class_name(raw) != "TransitionArray" {
            transitions.instead = Some(raw);
            return Ok(transitions);
        }
        let first = self.layout().facts.transition_array_first;
        let element = |index: u64| {
            words.tagged(self.fields().transition(object.address, index), "element of a TransitionArray")
        };
        let count = element(first - 1)?.smi().and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        for index in 0..count.min(MOST_TRANSITIONS) {
            let (key, target) = (element(first + 2 * index)?, element(first + 2 * index + 1)?);
            if target.object().is_some() {
                transitions.targets.push((key, target));
            }
        }
        Ok(transitions)
    }

    /// The property by which the map at `address` differs from the one that leads to it, and the map.
    fn transition_to(&self, address: u64) -> Option<(Tagged, Tagged)> {
        let (_, map) = self.decoded_map(address).ok()?;
        let last = self.descriptors(map).pop()?;
        Some((last.name, Tagged::pointer(address)))
    }
}

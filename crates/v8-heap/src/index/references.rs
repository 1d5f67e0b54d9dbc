//! Who refers to an object, in terms a JavaScript programmer knows.
//!
//! Two steps, neither of which needs an index of all references. First, whoever holds the address of a target is found by
//! looking at every word of every page; if the holder is no JavaScript object but the storage of one (an elements array, a
//! property array, a hash table, a context), it becomes a target in turn, for a few rounds:
//!
//! ```text
//!   JSArray --> FixedArray --> target         JSFunction --> Context --> target
//!   JSMap --> OrderedHashMap --> target       JSObject --> PropertyArray --> target
//!   JSObject --> Map --> DescriptorArray --> AccessorPair --> getter
//! ```
//!
//! Of maps only those count that were reached through their descriptors: what else a map refers to (its prototype) is not
//! in its objects.
//!
//! Second, every JavaScript object found that way is asked for all its references, and says what they are: a property, an
//! element, a variable that a closure captured. So an accidental bit pattern is never reported.

use std::collections::HashSet;

use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::index::parallel::in_turns;
use crate::isolate::PageState;
use crate::layout::{Kind, offset};
use crate::map::AddressMap;
use crate::objects::context::VariableValue;
use crate::objects::value::HeapObject;
use crate::properties::PropertyValue;
use crate::{Error, Monitor, Result, Tagged};

/// How an object refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    /// A named property.
    Property(Tagged),
    /// An indexed element.
    Element(u64),
    /// The getter of a property.
    Getter(Tagged),
    /// The setter of a property.
    Setter(Tagged),
    /// A variable that a function captured, by its name.
    Variable(Tagged),
    /// A key of a Map or WeakMap.
    MapKey,
    /// A value of a Map or WeakMap, and its key.
    MapValue(Tagged),
    /// An entry of a Set or WeakSet.
    SetEntry,
    /// The function that a bound function calls.
    BoundTarget,
    /// The `this` of a bound function.
    BoundThis,
    /// An argument of a bound function, counted from 0.
    BoundArgument(u64),
    /// What a promise was fulfilled or rejected with.
    PromiseResult,
    /// The target of a proxy.
    ProxyTarget,
    /// The handler of a proxy.
    ProxyHandler,
    /// The primitive in a wrapper object.
    WrappedValue,
    /// The function of a suspended generator or async function.
    GeneratorFunction,
    /// The `this` of a suspended generator or async function.
    GeneratorReceiver,
    /// A parameter or local of a suspended generator or async function, by register.
    GeneratorLocal(u64),
    /// The target of a WeakRef, which does not keep it alive.
    WeakRefTarget,
    /// What an iterator goes through.
    Iterated,
    /// A variable of the global scope of a script.
    ScriptVariable(Tagged),
    /// The object of a `with` statement around a function.
    WithObject,
}

/// A reference that was found.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// What is referred to.
    pub target: Tagged,
    /// Who refers to it.
    pub holder: Tagged,
    /// How.
    pub kind: ReferenceKind,
}

/// Rounds of search through storage: the getter in an accessor pair in a descriptor array of the map of an object is the
/// deepest nesting there is.
const ROUNDS: usize = 4;

/// Steps between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 14;

/// Nested contexts followed from a function.
const MOST_CONTEXTS: usize = 256;

mod field {
    //! Offsets that are the same in all supported versions.
    pub const PROMISE_RESULT: u64 = 24;
    pub const PROXY_TARGET: u64 = 16;
    pub const PROXY_HANDLER: u64 = 24;
    pub const GENERATOR_FUNCTION: u64 = 24;
    pub const GENERATOR_CONTEXT: u64 = 32;
    pub const GENERATOR_RECEIVER: u64 = 40;
    pub const GENERATOR_REGISTERS: u64 = 72;
    pub const ITERATED: u64 = 24;
}

impl Heap<'_> {
    /// All references to `targets` from JavaScript objects, by target in the order given, then by address of the holder.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn references_to(&self, targets: &[Tagged], monitor: &dyn Monitor) -> Result<Vec<Reference>> {
        let table = self.objects(monitor)?;
        let look = |index: usize| match index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
            true => Err(Error::Interrupted),
            false => Ok(()),
        };
        let mut order: AddressMap<usize> = AddressMap::default();
        order.reserve(targets.len());
        for (index, target) in targets.iter().filter_map(|target| target.strong()).enumerate() {
            look(index)?;
            order.entry(target).or_insert(index);
        }
        let mut sought: AddressSet = AddressSet::new(order.keys().copied());
        let mut holders: HashSet<u64> = HashSet::new();
        let mut contexts: HashSet<u64> = HashSet::new();
        let mut seen: HashSet<u64> = HashSet::new();
        for _ in 0..ROUNDS {
            if sought.is_empty() {
                break;
            }
            let found = self.holders_of(table, &sought, monitor)?;
            let mut storage = Vec::new();
            for (index, address) in found.into_iter().enumerate() {
                look(index)?;
                let Ok((_, map)) = self.map_at(address) else { continue };
                if map.kind.is_js_object() {
                    holders.insert(address);
                } else if (is_storage(map.kind) || self.is_map_of(address, map.kind, &sought))
                    && !order.contains_key(&address)
                    && seen.insert(address)
                {
                    if map.kind == Kind::Context {
                        contexts.insert(address);
                    }
                    storage.push(address);
                }
            }
            sought = AddressSet::new(storage.into_iter());
        }
        let mut holders: Vec<u64> = holders.into_iter().collect();
        holders.sort_unstable();
        // Each with the place of its target in the order given.
        let mut references: Vec<(usize, Reference)> = Vec::new();
        let mut explained: HashSet<u64> = HashSet::new();
        monitor.begin("reading references", holders.len() as u64);
        for (index, holder) in holders.iter().enumerate() {
            if index % 256 == 0 {
                monitor.advance(256);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
            let Ok(object) = self.object(Tagged::pointer(*holder)) else { continue };
            // One object can hold millions of references.
            let mut visited = 0usize;
            let mut visit = |kind, target: Tagged| {
                if let Some(&place) = target.strong().and_then(|target| order.get(&target)) {
                    references.push((place, Reference { target, holder: object.value(), kind }));
                }
                visited += 1;
                look(visited).is_ok()
            };
            self.for_each_reference_once(object, &mut explained, &mut visit);
        }
        if monitor.cancelled() {
            return Err(Error::Interrupted);
        }
        // Contexts that no function has at hand: top-level variables, or a function that is gone.
        for context in contexts.difference(&explained) {
            let Ok(object) = self.object(Tagged::pointer(*context)) else { continue };
            for variable in self.context_variables(object).unwrap_or_default() {
                if let VariableValue::Tagged(target) = variable.value
                    && let Some(&place) = target.strong().and_then(|target| order.get(&target))
                {
                    let kind = ReferenceKind::ScriptVariable(variable.name);
                    references.push((place, Reference { target, holder: object.value(), kind }));
                }
            }
        }
        references.sort_by_key(|(place, reference)| (*place, reference.holder));
        Ok(references.into_iter().map(|(_, reference)| reference).collect())
    }

    /// Whether there is a map at `address` whose descriptors are among `sought`.
    fn is_map_of(&self, address: u64, kind: Kind, sought: &AddressSet) -> bool {
        kind == Kind::Map
            && self
                .words()
                .tagged(address + offset::MAP_DESCRIPTORS, "descriptors of a map")
                .is_ok_and(|descriptors| sought.has_tagged(descriptors.0))
    }

    /// Untagged addresses of all objects that hold the address of one of `sought`.
    fn holders_of(
        &self,
        table: &ObjectTable,
        sought: &AddressSet,
        monitor: &dyn Monitor,
    ) -> Result<Vec<u64>> {
        let spaces = self.spaces();
        let pages: Vec<_> =
            spaces.pages().iter().filter(|page| page.state == PageState::InUse && page.heap != 0).collect();
        monitor.begin("searching the heap", pages.iter().map(|page| page.present()).sum());
        let search = |own: &mut Vec<u64>, turn: usize| {
            let page = pages[turn];
            for piece in &page.pieces {
                for (index, word) in piece.bytes.chunks_exact(8).enumerate() {
                    let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
                    if !sought.has_tagged(word) {
                        continue;
                    }
                    let at = piece.start + 8 * index as u64;
                    if let Some(holder) = table.start_before(spaces, at)
                        && own.last() != Some(&holder)
                    {
                        own.push(holder);
                    }
                }
            }
            page.present()
        };
        let mut found = in_turns(pages.len(), monitor, Vec::new, search)?.concat();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Calls `visit` with every reference that a JavaScript object has, as far as a program could follow it. What cannot be
    /// read is left out. A visit of many of a kind (elements, entries) that returns false ends these.
    pub fn for_each_reference(
        &self,
        object: HeapObject<'_>,
        visit: &mut dyn FnMut(ReferenceKind, Tagged) -> bool,
    ) {
        self.for_each_reference_once(object, &mut HashSet::new(), visit);
    }

    /// [`Heap::for_each_reference`], but variables of contexts that are in `explained` are left out, and those that are not are
    /// added to it: many functions share a context.
    fn for_each_reference_once(
        &self,
        object: HeapObject<'_>,
        explained: &mut HashSet<u64>,
        visit: &mut dyn FnMut(ReferenceKind, Tagged) -> bool,
    ) {
        for property in self.own_properties(object).unwrap_or_default() {
            match property.value {
                PropertyValue::Data(value) => {
                    visit(ReferenceKind::Property(property.name), value);
                }
                PropertyValue::Accessor { getter, setter } => {
                    visit(ReferenceKind::Getter(property.name), getter);
                    visit(ReferenceKind::Setter(property.name), setter);
                }
                PropertyValue::Double(_) | PropertyValue::Native => {}
            }
        }
        if let Ok(elements) = self.elements(object) {
            // What can be read before an error has been seen.
            let _ = self.for_each_element(&elements, |index, value| match value {
                PropertyValue::Data(value) => visit(ReferenceKind::Element(index), value),
                _ => true,
            });
        }
        let mut field = |kind, at| {
            if let Ok(value) = self.field(object, at) {
                visit(kind, value);
            }
        };
        match object.kind() {
            Kind::JsFunction => {
                if let Ok(context) = self.function_context(object) {
                    self.for_each_variable(context, explained, visit);
                }
            }
            Kind::JsGenerator => {
                field(ReferenceKind::GeneratorFunction, field::GENERATOR_FUNCTION);
                field(ReferenceKind::GeneratorReceiver, field::GENERATOR_RECEIVER);
                if let Ok(context) = self.field(object, field::GENERATOR_CONTEXT) {
                    self.for_each_variable(context, explained, visit);
                }
                if let Ok(registers) = self.field(object, field::GENERATOR_REGISTERS) {
                    self.for_each_slot(registers, &mut |index, value| {
                        visit(ReferenceKind::GeneratorLocal(index), value);
                    });
                }
            }
            Kind::JsBoundFunction => {
                if let Ok(bound) = self.bound_function(object) {
                    visit(ReferenceKind::BoundTarget, bound.target);
                    visit(ReferenceKind::BoundThis, bound.this);
                    self.for_each_slot(bound.arguments, &mut |index, value| {
                        visit(ReferenceKind::BoundArgument(index), value);
                    });
                }
            }
            Kind::JsMap | Kind::JsWeakMap => {
                let _ = self.for_each_collection_entry(object, |key, value| {
                    visit(ReferenceKind::MapKey, key) && visit(ReferenceKind::MapValue(key), value)
                });
            }
            Kind::JsSet | Kind::JsWeakSet => {
                let _ = self.for_each_collection_entry(object, |key, _| visit(ReferenceKind::SetEntry, key));
            }
            Kind::JsPromise => field(ReferenceKind::PromiseResult, field::PROMISE_RESULT),
            Kind::JsProxy => {
                field(ReferenceKind::ProxyTarget, field::PROXY_TARGET);
                field(ReferenceKind::ProxyHandler, field::PROXY_HANDLER);
            }
            Kind::JsPrimitiveWrapper => field(ReferenceKind::WrappedValue, offset::FIRST_FIELD),
            Kind::JsWeakRef => field(ReferenceKind::WeakRefTarget, offset::FIRST_FIELD),
            Kind::JsArrayIterator => field(ReferenceKind::Iterated, field::ITERATED),
            _ => {}
        }
    }

    /// Variables of a context and of all around it.
    fn for_each_variable(
        &self,
        context: Tagged,
        explained: &mut HashSet<u64>,
        visit: &mut dyn FnMut(ReferenceKind, Tagged) -> bool,
    ) {
        let mut context = self.object(context).ok();
        for _ in 0..MOST_CONTEXTS {
            let Some(current) = context.filter(|context| context.kind() == Kind::Context) else { break };
            if !explained.insert(current.address) {
                break;
            }
            match self.with_object(current) {
                // Its properties are its own.
                Ok(Some(object)) => {
                    visit(ReferenceKind::WithObject, object);
                }
                _ => {
                    for variable in self.scope(current).map(|scope| scope.variables).unwrap_or_default() {
                        if let VariableValue::Tagged(value) = variable.value {
                            visit(ReferenceKind::Variable(variable.name), value);
                        }
                    }
                }
            }
            context = self.previous_context(current).ok().flatten();
        }
    }

    fn for_each_slot(&self, array: Tagged, visit: &mut dyn FnMut(u64, Tagged)) {
        let Ok(array) = self.object(array) else { return };
        if array.kind() != Kind::FixedArray {
            return;
        }
        for index in 0..self.fixed_array_length(array.address).unwrap_or(0) {
            match self.field(array, offset::ARRAY_ELEMENTS + 8 * index) {
                Ok(value) => visit(index, value),
                Err(_) => break,
            }
        }
    }
}

/// Whether objects of this kind only store what belongs to a JavaScript object.
fn is_storage(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::FixedArray
            | Kind::PropertyArray
            | Kind::NameDictionary
            | Kind::NumberDictionary
            | Kind::GlobalDictionary
            | Kind::PropertyCell
            | Kind::OrderedHashMap
            | Kind::OrderedHashSet
            | Kind::EphemeronHashTable
            | Kind::SloppyArgumentsElements
            | Kind::AccessorPair
            | Kind::DescriptorArray
            | Kind::Context
            | Kind::ContextCell
    )
}

/// Untagged addresses, quick to say no to nearly every word.
struct AddressSet {
    filter: Vec<u64>,
    /// Sorted.
    exact: Vec<u64>,
    lowest: u64,
    span: u64,
}

impl AddressSet {
    fn new(addresses: impl Iterator<Item = u64>) -> AddressSet {
        let mut exact: Vec<u64> = addresses.collect();
        exact.sort_unstable();
        exact.dedup();
        let lowest = exact.first().copied().unwrap_or(0);
        let highest = exact.last().copied().unwrap_or(0);
        let bits = (exact.len() * 16).next_power_of_two().clamp(1 << 10, 1 << 26);
        let mut filter = vec![0u64; bits / 64];
        for address in &exact {
            let bit = Self::bit(*address, bits);
            filter[bit / 64] |= 1 << (bit % 64);
        }
        AddressSet { filter, exact, lowest, span: highest - lowest }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    #[inline]
    fn bit(address: u64, bits: usize) -> usize {
        (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (bits - 1)
    }

    /// Whether `word` is a pointer, strong or weak, to one of the addresses.
    #[inline]
    fn has_tagged(&self, word: u64) -> bool {
        let address = word & !3;
        if address.wrapping_sub(self.lowest) > self.span || word & 1 == 0 {
            return false;
        }
        let bit = Self::bit(address, self.filter.len() * 64);
        self.filter[bit / 64] >> (bit % 64) & 1 == 1 && self.exact.binary_search(&address).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_addresses_hold_what_was_put_in_and_nothing_else() {
        let inside: Vec<u64> = (0..1000).map(|i| 0x1000_0000 + i * 40).collect();
        let set = AddressSet::new(inside.iter().copied());
        assert!(inside.iter().all(|address| set.has_tagged(address | 1)));
        assert!(inside.iter().all(|address| set.has_tagged(address | 3)), "weak pointers count");
        assert!(inside.iter().all(|address| !set.has_tagged(*address)), "an untagged word is no pointer");
        assert!(inside.iter().all(|address| !set.has_tagged((address + 8) | 1)));
        assert!(!AddressSet::new(std::iter::empty()).has_tagged(1));
    }
}

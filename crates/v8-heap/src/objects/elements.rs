//! Indexed elements: what arrays hold, and what other objects hold under integer keys.
//!
//! `JSObject::elements_` points to a store of one of four forms (V8: `src/objects/elements.cc`): a `FixedArray` of
//! tagged words, a `FixedDoubleArray`, a `NumberDictionary`, or `SloppyArgumentsElements` whose mapped entries live in
//! a context.

use crate::layout::{Count, Kind};
use crate::objects::collection::HashTableShape;
use crate::objects::properties::PropertyValue;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Error, Result, Tagged};

/// A missing element of a `FixedDoubleArray` (V8: `kHoleNanInt64`).
pub(crate) const HOLE_NAN: u64 = 0xfff7_ffff_fff7_ffff;

/// Words of an array of mapped arguments in front of these: the context, and the store of the others.
const PLAIN_ARGUMENTS_HEADER: u64 = 2;

/// Indexed elements of one object, decoded on demand.
#[derive(Clone, Debug)]
pub struct Elements {
    store: Store,
    /// Number of slots, holes included. For dictionaries the number of entries.
    pub capacity: u64,
}

#[derive(Clone, Debug)]
enum Store {
    /// Tagged words at this address.
    Tagged(u64),
    /// Doubles at this address.
    Double(u64),
    /// Entries by index, sorted.
    Dictionary(Vec<(u32, PropertyValue)>),
    /// Mapped arguments: slots of a context, then the store of the others.
    Arguments {
        mapped: u64,
        count: u64,
        context: u64,
        rest: Box<Elements>,
    },
    None,
}

/// What one index of an object holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot {
    /// A value; for a missing element the hole.
    Value(Tagged),
    /// A number in a store of unboxed numbers.
    Number(f64),
    /// A missing element of a store of unboxed numbers.
    Hole,
    /// What is called on access.
    Accessor(PropertyValue),
}

impl Elements {
    const EMPTY: Elements = Elements { store: Store::None, capacity: 0 };

    /// Whether the elements are in a dictionary.
    pub fn is_dictionary(&self) -> bool {
        matches!(self.store, Store::Dictionary(_))
    }

    /// The dictionary of arguments that are no longer in a row.
    fn rest_entries(&self) -> Option<&[(u32, PropertyValue)]> {
        match &self.store {
            Store::Arguments { rest, .. } => match &rest.store {
                Store::Dictionary(entries) => Some(entries),
                _ => None,
            },
            _ => None,
        }
    }
}

impl View<'_> {
    /// The elements of a JavaScript object (typed arrays aside, whose elements lie outside the heap).
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn elements(&self, object: HeapObject<'_>) -> Result<Elements> {
        if !object.kind().is_js_object() || matches!(object.kind(), Kind::JsProxy | Kind::JsTypedArray) {
            return Ok(Elements::EMPTY);
        }
        let store = self.words().tagged(object.address + self.fields().elements, "elements")?;
        let mut elements = match self.has_plain_arguments(object) {
            false => self.elements_of_store(store, true)?,
            true => self.elements_of_arguments(self.object(store)?, PLAIN_ARGUMENTS_HEADER)?,
        };
        if object.kind() == Kind::JsArray
            && let Some(length) = self.array_length(object)
            && !elements.is_dictionary()
        {
            // What lies behind the length is spare room.
            elements.capacity = elements.capacity.min(length);
        }
        Ok(elements)
    }

    fn elements_of_store(&self, store: Tagged, arguments_allowed: bool) -> Result<Elements> {
        let fields = self.fields();
        let object = self.object(store)?;
        let length = || self.fixed_array_length(object.address);
        match object.kind() {
            Kind::FixedArray => Ok(Elements {
                store: Store::Tagged(self.fields().element(object.address, 0)),
                capacity: length()?,
            }),
            Kind::FixedDoubleArray => Ok(Elements {
                store: Store::Double(object.address + fields.double_elements),
                capacity: length()?,
            }),
            Kind::NumberDictionary => {
                let mut entries = Vec::new();
                self.for_each_entry(object.address, HashTableShape::NUMBER_DICTIONARY, |entry| {
                    let key = self.number(entry[0]).filter(|key| *key >= 0.0 && *key <= f64::from(u32::MAX));
                    if let Some(key) = key {
                        let details = entry[2].smi().unwrap_or(0) as u32;
                        entries.push((key as u32, self.property_value(entry[1], details)));
                    }
                    true
                })?;
                entries.sort_unstable_by_key(|(index, _)| *index);
                let capacity = entries.len() as u64;
                Ok(Elements { store: Store::Dictionary(entries), capacity })
            }
            Kind::SloppyArgumentsElements if arguments_allowed => self.elements_of_arguments(object, 0),
            // The empty store of some objects is another kind of empty array.
            _ => Ok(Elements::EMPTY),
        }
    }

    /// Whether the elements of an object are mapped arguments that have no class of their own (V8 up to 8).
    fn has_plain_arguments(&self, object: HeapObject<'_>) -> bool {
        let facts = &self.layout().facts;
        facts.arguments_are_plain_arrays
            && object.kind() == Kind::JsArguments
            && facts
                .elements_kinds
                .get(usize::from(object.map.elements_kind))
                .is_some_and(|kind| kind.ends_with("_SLOPPY_ARGUMENTS_ELEMENTS"))
    }

    /// Mapped arguments, whose length counts `header` more words than there are mapped ones.
    fn elements_of_arguments(&self, object: HeapObject<'_>, header: u64) -> Result<Elements> {
        let (words, fields) = (self.words(), self.fields());
        let context = words.tagged(object.address + fields.arguments_context, "context of arguments")?;
        let rest = words.tagged(object.address + fields.arguments_rest, "arguments")?;
        let rest = self.elements_of_store(rest, false)?;
        let count = self.fixed_array_length(object.address)?.saturating_sub(header);
        let capacity = rest.capacity.max(count);
        let context = context.strong().ok_or(Error::NotAnObject(context))?;
        let mapped = object.address + fields.arguments_mapped;
        let store = Store::Arguments { mapped, count, context, rest: Box::new(rest) };
        Ok(Elements { store, capacity })
    }

    /// Length of a `FixedArray` or anything laid out like one. Its elements all lie in its page.
    pub(crate) fn fixed_array_length(&self, address: u64) -> Result<u64> {
        self.plausible_length(address, self.fields().array_length)
    }

    /// How many slots a context has. They all lie in its page.
    pub(crate) fn context_length(&self, address: u64) -> Result<u64> {
        self.plausible_length(address, self.fields().context_length)
    }

    /// What a field says of the number of words behind it, unless the page of the object has no room for so many.
    pub(crate) fn plausible_length(&self, address: u64, count: Count) -> Result<u64> {
        let length = self.words().count(address, count, "length of an array")?;
        let room = self.spaces().page_of(address).map_or(u64::MAX, |page| page.area_end - address);
        length.filter(|length| self.fields().element(0, *length) <= room).ok_or_else(|| Error::Implausible {
            what: "length",
            object: Tagged::pointer(address),
            found: length.map_or_else(|| "no number".to_owned(), |length| length.to_string()),
        })
    }

    /// `length` of a JavaScript array.
    pub fn array_length(&self, array: HeapObject<'_>) -> Option<u64> {
        let length =
            self.words().tagged(array.address + self.fields().js_array_length, "length of a JSArray").ok()?;
        self.number(length).filter(|length| *length >= 0.0).map(|length| length as u64)
    }

    /// Calls `visit` for every element that is there, in index order, until it returns false.
    ///
    /// # Errors
    /// If the store cannot be read to its end.
    pub fn for_each_element(
        &self,
        elements: &Elements,
        mut visit: impl FnMut(u64, PropertyValue) -> bool,
    ) -> Result<()> {
        if let Store::Dictionary(entries) = &elements.store {
            for &(index, value) in entries {
                if !visit(u64::from(index), value) {
                    break;
                }
            }
            return Ok(());
        }
        if let (Store::Arguments { count, .. }, Some(rest)) = (&elements.store, elements.rest_entries()) {
            let mut keys: Vec<u64> = (0..*count).chain(rest.iter().map(|(key, _)| u64::from(*key))).collect();
            keys.sort_unstable();
            keys.dedup();
            for index in keys {
                if let Some(value) = self.element(elements, index)?
                    && !visit(index, value)
                {
                    break;
                }
            }
            return Ok(());
        }
        for index in 0..elements.capacity {
            if let Some(value) = self.element(elements, index)?
                && !visit(index, value)
            {
                break;
            }
        }
        Ok(())
    }

    /// Calls `visit` with what is at every index, missing elements included, until it returns false. A dictionary has
    /// those only that are there.
    ///
    /// # Errors
    /// If the store cannot be read to its end.
    pub fn for_each_index(
        &self,
        elements: &Elements,
        mut visit: impl FnMut(u64, Slot) -> bool,
    ) -> Result<()> {
        let words = self.words();
        if elements.is_dictionary() {
            return self.for_each_element(elements, |index, value| {
                visit(
                    index,
                    match value {
                        PropertyValue::Data(value) => Slot::Value(value),
                        PropertyValue::Double(number) => Slot::Number(number),
                        accessor => Slot::Accessor(accessor),
                    },
                )
            });
        }
        let raw = |store: &Store, index: u64| match store {
            Store::Tagged(base) => words
                .tagged(base + self.fields().words.tagged * index, "element")
                .map(|word| Some(Slot::Value(word))),
            Store::Double(_) => Ok(Some(Slot::Hole)),
            _ => Ok(None),
        };
        for index in 0..elements.capacity {
            let slot = match self.element(elements, index)? {
                Some(PropertyValue::Data(value)) => Some(Slot::Value(value)),
                Some(PropertyValue::Double(number)) => Some(Slot::Number(number)),
                Some(accessor) => Some(Slot::Accessor(accessor)),
                None => match &elements.store {
                    Store::Arguments { rest, .. } if index < rest.capacity => raw(&rest.store, index)?,
                    store => raw(store, index)?,
                },
            };
            if let Some(slot) = slot
                && !visit(index, slot)
            {
                break;
            }
        }
        Ok(())
    }

    /// The element at `index`; `None` for a hole.
    ///
    /// # Errors
    /// If the store cannot be read there.
    pub fn element(&self, elements: &Elements, index: u64) -> Result<Option<PropertyValue>> {
        let words = self.words();
        if index >= elements.capacity && !elements.is_dictionary() && elements.rest_entries().is_none() {
            return Ok(None);
        }
        match &elements.store {
            Store::None => Ok(None),
            Store::Tagged(base) => {
                let value = words.tagged(base + self.fields().words.tagged * index, "element")?;
                Ok((!self.is_hole(value)).then_some(PropertyValue::Data(value)))
            }
            Store::Double(base) => {
                let bits = words.word(base + 8 * index, "element")?;
                if self.layout().facts.undefined_double == Some(bits) {
                    let undefined = self.well_known().undefined.first().copied().map(PropertyValue::Data);
                    return undefined.map(Some).ok_or_else(|| Error::Implausible {
                        what: "element",
                        object: Tagged::pointer(*base),
                        found: "undefined, which the core does not show".to_owned(),
                    });
                }
                Ok((bits != HOLE_NAN).then(|| PropertyValue::Double(f64::from_bits(bits))))
            }
            Store::Dictionary(entries) => {
                let Ok(index) = u32::try_from(index) else { return Ok(None) };
                Ok(entries.binary_search_by_key(&index, |(key, _)| *key).ok().map(|at| entries[at].1))
            }
            Store::Arguments { mapped, count, context, rest } => {
                if index < *count {
                    let slot =
                        words.tagged(mapped + self.fields().words.tagged * index, "mapped argument")?;
                    if let Some(slot) = slot.smi().and_then(|slot| u64::try_from(slot).ok()) {
                        let value =
                            words.tagged(self.fields().context_slot(*context, slot), "context slot")?;
                        return Ok(Some(PropertyValue::Data(value)));
                    }
                }
                let value = self.element(rest, index)?;
                if let Some(PropertyValue::Data(value)) = value
                    && let Ok(entry) = self.object(value)
                    && self.layout().type_name(entry.map.instance_type) == "AliasedArgumentsEntry"
                {
                    let slot = words
                        .tagged(entry.address + self.fields().aliased_slot, "AliasedArgumentsEntry")?
                        .smi();
                    let Some(slot) = slot.and_then(|slot| u64::try_from(slot).ok()) else { return Ok(None) };
                    let at = self.fields().context_slot(*context, slot);
                    return Ok(Some(PropertyValue::Data(words.tagged(at, "context slot")?)));
                }
                Ok(value)
            }
        }
    }
}

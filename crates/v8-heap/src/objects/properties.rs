//! Own named properties.
//!
//! A *fast* object's map has a descriptor array that gives each property a name, details, and either its value or the
//! number of a field; fields are in the object itself while there is room, then in a `PropertyArray`. A *dictionary*
//! object keeps name, value and details in a hash table of its own. The global object has a dictionary of cells.
//!
//! ```text
//!   details, fast:        | field index 28-19 | ... | repr 8-6 | in descriptor 5 | attributes 4-2 | . | accessor 0 |
//!   details, dictionary:  | enumeration index 30-8 |        ...                  | attributes 4-2 | . | accessor 0 |
//! ```
//!
//! (V8: `src/objects/property-details.h`, `descriptor-array.tq`, `dictionary.h`.)

use crate::layout::Kind;
use crate::objects::collection::HashTableShape;
use crate::objects::value::HeapObject;
use crate::shape::map::Map;
use crate::shape::named_properties::{Shape, ShapeProperty};
use crate::view::View;
use crate::{Error, Result, Tagged};

/// An own property of an object.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Its name: a string or symbol.
    pub name: Tagged,
    /// Its value.
    pub value: PropertyValue,
    /// `for in` and `Object.keys` show it.
    pub enumerable: bool,
    /// It can be assigned.
    pub writable: bool,
    /// It can be deleted, and defined anew.
    pub configurable: bool,
}

impl Property {
    fn new(name: Tagged, details: u32, value: PropertyValue) -> Property {
        Property {
            name,
            value,
            enumerable: details & details::DONT_ENUM == 0,
            writable: details & details::READ_ONLY == 0,
            configurable: details & details::DONT_DELETE == 0,
        }
    }
}

/// What a property holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PropertyValue {
    /// A value.
    Data(Tagged),
    /// A number in an array of unboxed numbers, or unboxed in its object.
    Double(f64),
    /// Functions that are called on access; the hole or null where there is none.
    Accessor {
        /// `get`
        getter: Tagged,
        /// `set`
        setter: Tagged,
    },
    /// A value that V8 computes on access.
    Native,
}

/// Bits of property details.
pub(crate) mod details {
    pub const ACCESSOR: u32 = 1;
    pub const CONST: u32 = 1 << 1;
    pub const READ_ONLY: u32 = 1 << 2;
    pub const DONT_ENUM: u32 = 2 << 2;
    pub const DONT_DELETE: u32 = 4 << 2;
    pub const IN_DESCRIPTOR: u32 = 1 << 5;

    /// The field holds a number (`Representation::Double`).
    pub fn is_double(details: u32) -> bool {
        const DOUBLE: u32 = 2;
        details >> 6 & 7 == DOUBLE
    }

    pub fn enumeration_index(details: u32) -> u32 {
        details >> 8 & 0x7f_ffff
    }
}

impl View<'_> {
    /// The named properties of a fast map; empty for dictionary maps and for maps of anything but JavaScript objects.
    pub fn shape<'m>(&self, map: &'m Map) -> &'m Shape {
        map.shape.get_or_init(|| {
            let mut properties = Vec::new();
            if map.kind.is_js_object() && !map.is_dictionary {
                self.for_each_descriptor(map, |name, details, value| {
                    if !self.is_property_name(name) {
                        return true;
                    }
                    let text = self.name_text(name).unwrap_or_else(|| "<unreadable name>".to_owned()).into();
                    properties.push(ShapeProperty { name, text, details, value });
                    true
                });
            }
            Shape { properties: properties.into() }
        })
    }

    /// Calls `visit` with name, details and value word of each own descriptor, until it returns false or the array
    /// cannot be read.
    pub(crate) fn for_each_descriptor(&self, map: &Map, mut visit: impl FnMut(Tagged, u32, Tagged) -> bool) {
        let words = self.words();
        let Some(array) = map.descriptors.strong() else { return };
        let fields = self.fields();
        let Ok(count) = words.word16(array + self.fields().descriptor_array_count, "number of descriptors")
        else {
            return;
        };
        for index in 0..u64::from(map.own_descriptors.min(count)) {
            let at = array + fields.descriptor_array_header + fields.descriptor_size * index;
            let (Some(name), Some(details), Some(value)) = (
                words.heap_tagged(at + fields.descriptor_key),
                words.heap_tagged(at + fields.descriptor_details),
                words.heap_tagged(at + fields.descriptor_value),
            ) else {
                return;
            };
            let details = self.layout().property_details(details.smi().unwrap_or(0) as u32);
            if !visit(name, details, value) {
                return;
            }
        }
    }

    /// Which of the fields of its instances has the property with these details, those inside the object first; `None` if there is
    /// no such place.
    pub(crate) fn field_number(&self, map: &Map, details: u32) -> Option<u64> {
        let start = u64::from(map.inobject_start_words);
        self.layout().field_number(details, start, map.inobject_properties())
    }

    /// The name of the property that instances of a fast map keep in this slot inside the object, counted from 0.
    pub(crate) fn property_in_slot(&self, map: &Map, slot: u64) -> Option<Tagged> {
        if map.is_dictionary || slot >= map.inobject_properties() {
            return None;
        }
        let mut found = None;
        self.for_each_descriptor(map, |name, details, _| {
            if details & details::IN_DESCRIPTOR == 0 && self.field_number(map, details) == Some(slot) {
                found = Some(name);
            }
            found.is_none()
        });
        found
    }

    /// Own named properties, in order of creation. Objects that have none by nature give none.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn own_properties(&self, object: HeapObject<'_>) -> Result<Vec<Property>> {
        if !object.kind().is_js_object() || object.kind() == Kind::JsProxy {
            return Ok(Vec::new());
        }
        if object.map.is_dictionary {
            return self.dictionary_properties(object);
        }
        let shape = self.shape(object.map);
        shape
            .properties
            .iter()
            .map(|property| {
                let value = self.described_value(object, property.details, property.value)?;
                Ok(Property::new(property.name, property.details, value))
            })
            .collect()
    }

    /// Number of own named properties.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn own_property_count(&self, object: HeapObject<'_>) -> Result<usize> {
        if object.map.is_dictionary && object.kind().is_js_object() {
            return Ok(self.own_properties(object)?.len());
        }
        Ok(self.shape(object.map).properties.len())
    }

    /// The own property called `name`.
    ///
    /// # Errors
    /// If the properties cannot be read.
    pub fn own_property(&self, object: HeapObject<'_>, name: &str) -> Result<Option<PropertyValue>> {
        if !object.kind().is_js_object() {
            return Ok(None);
        }
        if object.map.is_dictionary {
            let found = self
                .dictionary_properties(object)?
                .into_iter()
                .find(|p| self.name_text(p.name).is_some_and(|text| text == name));
            return Ok(found.map(|property| property.value));
        }
        match self.shape(object.map).properties.iter().find(|property| &*property.text == name) {
            Some(property) => self.described_value(object, property.details, property.value).map(Some),
            None => Ok(None),
        }
    }

    /// The value of the own data property called `name`.
    pub fn data_property(&self, object: HeapObject<'_>, name: &str) -> Option<Tagged> {
        match self.own_property(object, name).ok()?? {
            PropertyValue::Data(value) => Some(value),
            _ => None,
        }
    }

    /// The number of the property called `name` among those of a map's [`Shape`], if objects of the map have one.
    pub fn property_number(&self, map: &Map, name: &str) -> Option<usize> {
        self.shape(map).properties.iter().position(|property| &*property.text == name)
    }

    /// What a fast object holds in the property of that number in its map's [`Shape`]; nothing if the map has not so many.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn property_at(&self, object: HeapObject<'_>, number: usize) -> Result<Option<PropertyValue>> {
        let Some(property) = self.shape(object.map).properties.get(number) else { return Ok(None) };
        self.described_value(object, property.details, property.value).map(Some)
    }

    /// The data property whose name is one of these very objects, without building lists (V8:
    /// `JSReceiver::GetDataProperty` of own properties: accessors count as absent).
    pub(crate) fn own_data_property(&self, object: HeapObject<'_>, keys: &[Tagged]) -> Option<Tagged> {
        match self.own_property_named(object, keys)? {
            PropertyValue::Data(value) => Some(value),
            _ => None,
        }
    }

    /// The property whose name is one of these very objects, without building lists.
    pub(crate) fn own_property_named(
        &self,
        object: HeapObject<'_>,
        keys: &[Tagged],
    ) -> Option<PropertyValue> {
        if !object.kind().is_js_object() || object.kind() == Kind::JsProxy {
            return None;
        }
        let mut found = None;
        if object.map.is_dictionary {
            self.for_each_dictionary_entry(object, |name, details, value| {
                let is_it = keys.contains(&name);
                if is_it {
                    found = Some(self.property_value(value, details));
                }
                !is_it
            })
            .ok()?;
        } else {
            self.for_each_descriptor(object.map, |name, details, value| {
                let is_it = keys.contains(&name);
                if is_it {
                    found = self.described_value(object, details, value).ok();
                }
                !is_it
            });
        }
        found
    }

    /// What an object keeps under private symbols without description, in the order of creation.
    pub(crate) fn hidden_values(&self, object: HeapObject<'_>) -> Vec<Tagged> {
        self.hidden_properties(object).into_iter().map(|(_, value)| value).collect()
    }

    /// What V8 keeps on an object under symbols of its own, in the order of creation: symbol and value. These have no
    /// description, and no other property has such a name.
    pub fn hidden_properties(&self, object: HeapObject<'_>) -> Vec<(Tagged, Tagged)> {
        let mut found: Vec<(u32, Tagged, Tagged)> = Vec::new();
        let is_hidden = |name: Tagged| {
            self.object(name).is_ok_and(|name| name.kind() == Kind::Symbol) && !self.is_property_name(name)
        };
        if object.map.is_dictionary {
            let _ = self.for_each_table_entry(object, |name, details, value| {
                if is_hidden(name) && details & details::ACCESSOR == 0 {
                    found.push((details::enumeration_index(details), name, value));
                }
                true
            });
            found.sort_by_key(|(index, ..)| *index);
        } else {
            self.for_each_descriptor(object.map, |name, details, value| {
                if is_hidden(name)
                    && let Ok(PropertyValue::Data(value)) = self.described_value(object, details, value)
                {
                    found.push((0, name, value));
                }
                true
            });
        }
        found.into_iter().map(|(_, name, value)| (name, value)).collect()
    }

    fn described_value(
        &self,
        object: HeapObject<'_>,
        details: u32,
        in_descriptor: Tagged,
    ) -> Result<PropertyValue> {
        if details & details::IN_DESCRIPTOR != 0 {
            return Ok(self.property_value(in_descriptor, details));
        }
        let words = self.words();
        let index = self.field_number(object.map, details).ok_or_else(|| Error::Implausible {
            what: "field index",
            object: object.value(),
            found: format!("the details {details:#x}"),
        })?;
        let inobject = object.map.inobject_properties();
        let word = if index < inobject {
            let at = object.address
                + self.fields().words.tagged * (u64::from(object.map.inobject_start_words) + index);
            if self.layout().facts.doubles_are_in_objects && details::is_double(details) {
                return Ok(PropertyValue::Double(f64::from_bits(words.word(at, "in-object number")?)));
            }
            words.tagged(at, "in-object property")?
        } else {
            let array = words.tagged(object.address + self.fields().properties, "properties")?;
            let array = self.object(array)?;
            if array.kind() != Kind::PropertyArray {
                return Err(self.wrong_type(array.value(), "PropertyArray"));
            }
            let length = words
                .tagged(array.address + self.fields().property_array_length, "length of a PropertyArray")?;
            let length = self.bits().property_array_length.of(length.smi().unwrap_or(0) as u32 as u64);
            let index = index - inobject;
            if index >= length {
                return Err(Error::Implausible {
                    what: "field index",
                    object: object.value(),
                    found: format!("{index} in a PropertyArray of {length}"),
                });
            }
            words.tagged(self.fields().property(array.address, index), "property")?
        };
        Ok(self.property_value(word, details))
    }

    /// A property's value, from the word that stands for it and its details.
    pub(crate) fn property_value(&self, word: Tagged, details: u32) -> PropertyValue {
        if details & details::ACCESSOR == 0 {
            return PropertyValue::Data(word);
        }
        match self.object(word) {
            Ok(pair) if pair.kind() == Kind::AccessorPair => {
                let words = self.words();
                let getter =
                    words.tagged(pair.address + self.fields().accessor_getter, "getter").unwrap_or_default();
                let setter =
                    words.tagged(pair.address + self.fields().accessor_setter, "setter").unwrap_or_default();
                PropertyValue::Accessor { getter, setter }
            }
            _ => PropertyValue::Native,
        }
    }

    fn dictionary_properties(&self, object: HeapObject<'_>) -> Result<Vec<Property>> {
        let mut properties: Vec<(u32, Property)> = Vec::new();
        self.for_each_dictionary_entry(object, |name, details, value| {
            let property = Property::new(name, details, self.property_value(value, details));
            properties.push((details::enumeration_index(details), property));
            true
        })?;
        properties.sort_by_key(|(index, _)| *index);
        Ok(properties.into_iter().map(|(_, property)| property).collect())
    }

    /// Names of the properties of a dictionary object, in order of creation.
    pub(crate) fn dictionary_names(
        &self,
        object: HeapObject<'_>,
        names: &mut Vec<(u32, Tagged)>,
    ) -> Result<()> {
        names.clear();
        self.for_each_dictionary_entry(object, |name, details, _| {
            names.push((details::enumeration_index(details), name));
            true
        })?;
        names.sort_unstable_by_key(|(index, _)| *index);
        Ok(())
    }

    /// Calls `visit` with name, details and value of every property in a dictionary, in table order, until it returns
    /// false.
    fn for_each_dictionary_entry(
        &self,
        object: HeapObject<'_>,
        mut visit: impl FnMut(Tagged, u32, Tagged) -> bool,
    ) -> Result<()> {
        self.for_each_table_entry(object, |name, details, value| {
            !self.is_property_name(name) || visit(name, details, value)
        })
    }

    /// The same for every entry, whatever its name.
    pub(crate) fn for_each_table_entry(
        &self,
        object: HeapObject<'_>,
        mut visit: impl FnMut(Tagged, u32, Tagged) -> bool,
    ) -> Result<()> {
        let words = self.words();
        let table = words.tagged(object.address + self.fields().properties, "properties")?;
        // An object that never had a property keeps its hash (a Smi) or an empty array here.
        let Ok(table) = self.object(table) else { return Ok(()) };
        match table.kind() {
            Kind::NameDictionary => {
                self.for_each_entry(table.address, HashTableShape::name_dictionary(self.layout()), |entry| {
                    let details = self.layout().property_details(entry[2].smi().unwrap_or(0) as u32);
                    visit(entry[0], details, entry[1])
                })
            }
            Kind::GlobalDictionary => {
                self.for_each_entry(table.address, HashTableShape::GLOBAL_DICTIONARY, |entry| {
                    let Some(cell) = entry[0].strong() else { return true };
                    let (Some(name), Some(details), Some(value)) = (
                        words.heap_tagged(cell + self.fields().property_cell_name),
                        words.heap_tagged(cell + self.fields().property_cell_details),
                        words.heap_tagged(cell + self.fields().property_cell_value),
                    ) else {
                        return true;
                    };
                    // A deleted property leaves its cell behind.
                    if self.is_hole(value) {
                        return true;
                    }
                    let details = self.layout().property_details(details.smi().unwrap_or(0) as u32);
                    visit(name, details, value)
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether a word names a property: a string or symbol, but none of the private symbols without description, under
    /// which V8 keeps notes of its own.
    fn is_property_name(&self, word: Tagged) -> bool {
        let Ok(name) = self.object(word) else { return false };
        match name.kind() {
            Kind::String => true,
            Kind::Symbol => {
                let flags = self
                    .words()
                    .word32(name.address + self.fields().symbol_flags, "flags of a Symbol")
                    .unwrap_or(0);
                let private = self.bits().symbol_private.is_set(flags);
                !private || self.symbol_description(name).is_ok_and(|description| description.is_some())
            }
            _ => false,
        }
    }
}

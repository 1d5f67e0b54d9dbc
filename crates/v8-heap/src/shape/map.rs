//! Maps: what V8 knows of the shape of an object, and what a reader precomputes from it.
//!
//! The first word of every heap object points to its map. A map is itself a heap object whose map is a *meta map*, and
//! a meta map is its own map: that makes maps recognisable without any list of them. V8 up to 11 has one meta map,
//! later versions one in read-only space and one for each native context (V8: `src/objects/map.h`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use bytemuck::{Pod, Zeroable};

use crate::address_map::AddressMap;
use crate::layout::{Kind, Layout, SizeFormula, StringShape};
use crate::remembered::names::Naming;
use crate::shape::body::Body;
use crate::shape::named_properties::Shape;
use crate::words::Words;
use crate::{Error, Result, Tagged};

/// Dense number of a map in this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Pod, Zeroable)]
#[repr(transparent)]
pub struct MapId(pub u32);

/// A map, decoded.
#[derive(Debug)]
pub struct Map {
    /// Untagged address.
    pub address: u64,
    /// V8's number for the type of its instances.
    pub instance_type: u16,
    /// What kind of object its instances are.
    pub kind: Kind,
    /// How large its instances are; `None` if the type is of variable size by a rule that is not known.
    pub size: Option<SizeFormula>,
    /// In words; 0 for types of variable size.
    pub instance_size_words: u8,
    /// First word of in-object properties; for primitives, something else.
    pub inobject_start_words: u8,
    /// V8's `ElementsKind`.
    pub elements_kind: u8,
    /// Properties are in a dictionary.
    pub is_dictionary: bool,
    /// The one instance serves as a prototype.
    pub is_prototype: bool,
    /// Instances can be called.
    pub is_callable: bool,
    /// Instances were made by the constructor itself, not by a derived class.
    pub new_target_is_base: bool,
    /// Number of entries of the descriptor array that are this map's own.
    pub own_descriptors: u16,
    /// `Map::prototype_`
    pub prototype: Tagged,
    /// `Map::constructor_or_back_pointer_`
    pub constructor_or_back_pointer: Tagged,
    /// `Map::instance_descriptors_`
    pub descriptors: Tagged,
    /// Instances may have one of the well-known symbols among their properties, such as `Symbol.toStringTag`.
    pub may_have_interesting_properties: bool,
    pub(crate) shape: OnceLock<Shape>,
    pub(crate) body: OnceLock<Body>,
    pub(crate) naming: OnceLock<Naming>,
}

impl Map {
    /// How its instances are stored, if they are strings.
    pub fn string_shape(&self) -> Option<StringShape> {
        StringShape::of_type(self.instance_type).filter(|_| self.kind == Kind::String)
    }

    /// Reads the map at the untagged `address`, which must be one.
    fn read(words: &Words<'_>, layout: &Layout, address: u64) -> Result<Map> {
        let (fields, bits) = (&layout.fields, &layout.bits);
        let byte = |at: u64| words.bytes::<1>(address + at, "Map").map(|[byte]| byte);
        let tagged = |at: u64| words.tagged(address + at, "Map");
        let instance_type = words.word16(address + fields.map_instance_type, "Map")?;
        let info = layout.type_info(instance_type).ok_or_else(|| Error::Implausible {
            what: "instance type",
            object: Tagged::pointer(address),
            found: instance_type.to_string(),
        })?;
        let instance_size_words = byte(fields.map_instance_size)?;
        let inobject_start_words = byte(fields.map_inobject_start)?;
        let size = match (&*info.name, instance_size_words) {
            ("WasmStruct", _) => {
                Some(SizeFormula::of_wasm_struct(inobject_start_words, byte(fields.map_used_size)?))
            }
            ("WasmArray", _) => Some(SizeFormula::of_wasm_array(fields, inobject_start_words)),
            (_, 0) => info.variable_size,
            (_, words) => Some(SizeFormula::fixed(u32::from(words) * fields.words.tagged as u32)),
        };
        let bit_field = u32::from(byte(fields.map_bit_field)?);
        let bit_field2 = u32::from(byte(fields.map_bit_field2)?);
        let bit_field3 = words.word32(address + fields.map_bit_field3, "Map")?;
        Ok(Map {
            address,
            instance_type,
            kind: info.kind,
            size,
            instance_size_words,
            inobject_start_words,
            elements_kind: bits.map_elements_kind.of(bit_field2.into()) as u8,
            is_dictionary: bits.map_dictionary.is_set(bit_field3),
            is_prototype: bits.map_prototype.is_set(bit_field3),
            is_callable: bits.map_callable.is_set(bit_field),
            new_target_is_base: bits.map_new_target_is_base.is_set(bit_field2),
            own_descriptors: bits.map_own_descriptors.of(bit_field3.into()) as u16,
            prototype: tagged(fields.map_prototype)?,
            constructor_or_back_pointer: tagged(fields.map_constructor)?,
            descriptors: tagged(fields.map_descriptors)?,
            may_have_interesting_properties: bits.map_interesting.is_set(bit_field3),
            shape: OnceLock::new(),
            body: OnceLock::new(),
            naming: OnceLock::new(),
        })
    }

    /// Number of properties that fit into the object itself.
    pub fn inobject_properties(&self) -> u64 {
        u64::from(self.instance_size_words.saturating_sub(self.inobject_start_words))
    }
}

/// All maps met so far, numbered in the order of meeting.
#[derive(Debug, Default)]
pub struct Maps {
    maps: boxcar::Vec<Map>,
    ids: RwLock<AddressMap<Option<MapId>>>,
    recent: Recent,
}

/// The numbers of maps that were asked for lately, by address, to be read without a lock: most objects have one of a few maps.
#[derive(Debug)]
struct Recent {
    /// In each the address, divided by [`ALIGNMENT`], above the number; 0 if there is none.
    slots: Box<[AtomicU64; 1 << RECENT_BITS]>,
}

/// Logarithm of the maps that are remembered.
const RECENT_BITS: u32 = 10;
/// Maps are at multiples of this, in bytes.
const ALIGNMENT: u64 = 4;
/// Bits of a number in a slot; larger ones are not remembered.
const NUMBER_BITS: u32 = 19;

impl Default for Recent {
    fn default() -> Recent {
        Recent { slots: Box::new([const { AtomicU64::new(0) }; 1 << RECENT_BITS]) }
    }
}

impl Recent {
    /// A slot and the one beside it, either of which a map can be in: two that are met in turns do not drive each other out.
    fn slots(&self, address: u64) -> [&AtomicU64; 2] {
        // Fibonacci hashing: maps lie at like distances.
        let hash = address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT_BITS);
        [hash, hash ^ 1].map(|slot| &self.slots[slot as usize])
    }

    #[inline]
    fn find(&self, address: u64) -> Option<MapId> {
        let slots = self.slots(address).into_iter().map(|slot| slot.load(Ordering::Relaxed));
        let found =
            slots.filter(|slot| *slot != 0).find(|slot| slot >> NUMBER_BITS == address / ALIGNMENT)?;
        Some(MapId((found & ((1 << NUMBER_BITS) - 1)) as u32))
    }

    fn remember(&self, address: u64, id: MapId) {
        let fits = address / ALIGNMENT < 1 << (64 - NUMBER_BITS) && u64::from(id.0) < 1 << NUMBER_BITS;
        if fits && address != 0 {
            let [slot, other] = self.slots(address);
            other.store(slot.load(Ordering::Relaxed), Ordering::Relaxed);
            slot.store((address / ALIGNMENT) << NUMBER_BITS | u64::from(id.0), Ordering::Relaxed);
        }
    }
}

impl Maps {
    /// The map that the first word of an object points to; `None` if it points to none.
    pub(crate) fn intern(&self, words: &Words<'_>, layout: &Layout, map_word: Tagged) -> Option<MapId> {
        let granule = layout.fields.words.tagged;
        let address = map_word.strong().filter(|address| address.is_multiple_of(granule))?;
        if let Some(recent) = self.recent.find(address) {
            return Some(recent);
        }
        if let Some(&known) = self.ids.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
            if let Some(id) = known {
                self.recent.remember(address, id);
            }
            return known;
        }
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&known) = ids.get(&address) {
            return known;
        }
        let id = is_map(words, layout, address)
            .then(|| Map::read(words, layout, address).ok())
            .flatten()
            .map(|map| MapId(self.maps.push(map) as u32));
        // Remembering what is no map costs memory that hostile input controls.
        if id.is_some() || ids.len() < MOST_NON_MAPS {
            ids.insert(address, id);
        }
        id
    }

    /// The map with this number.
    ///
    /// # Panics
    /// If the number did not come from this heap.
    pub fn get(&self, id: MapId) -> &Map {
        self.maps.get(id.0 as usize).expect("map numbers are given out by this table")
    }

    /// All of them; what another thread is just adding may be left out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MapId, &Map)> {
        self.maps.iter().map(|(id, map)| (MapId(id as u32), map))
    }

    /// How many maps have been met.
    pub fn count(&self) -> usize {
        self.maps.count()
    }
}

/// How many addresses that are no maps are remembered.
const MOST_NON_MAPS: usize = 1 << 16;

/// Whether the object at `address` is a map: its map is a meta map, which is its own map and of type `MAP_TYPE`. Maps
/// live in heap pages only.
fn is_map(words: &Words<'_>, layout: &Layout, address: u64) -> bool {
    let Some(meta) = words.heap_tagged(address).and_then(Tagged::strong) else { return false };
    words.heap_tagged(meta) == Some(Tagged::pointer(meta))
        && words
            .spaces
            .slice(meta + layout.fields.map_instance_type, 2)
            .is_some_and(|found| found == layout.map_type().to_le_bytes())
}

//! C++ objects behind objects of the heap.
//!
//! ```text
//!   object in the heap --embedder field--> C++ object { table of functions, persistent, ... }
//!        ^                                                                     |
//!        '--------------- word in a node of the global handles <---------------'
//!
//!   object in the heap <--word-- node of the global handles, weak --parameter--> C++ object { ..., persistent, ... }
//!                                      ^                                                               |
//!                                      '---------------------------------------------------------------'
//! ```
//!
//! An object made from a template of the embedder has the address of its C++ object in one of its fields, and the C++ object has a
//! persistent handle, whose place in V8's global handles holds the object (Node.js: `src/base_object.h`; add-ons:
//! `node_object_wrap.h`). What has a handle to any other object, and wants to know when that dies, has told V8 where it is: what
//! add-ons wrap by Node-API and put behind an external value (`v8impl::Reference` in `src/js_native_api_v8.h`), and what V8
//! itself has behind objects of `Intl` and of WebAssembly (`ManagedPtrDestructor` in `src/objects/managed.h`). That the circle closes is the
//! proof: neither symbols nor the places of fields are needed for it.

use std::collections::HashSet;

use core_reader::Address;

use crate::graph::GlobalHandles;
use crate::heap::Heap;
use crate::index::MapSet;
use crate::layout::Kind;
use crate::layout::native::memory_retainer;
use crate::objects::value::HeapObject;
use crate::tagged::ADDRESS_LIMIT;
use crate::{Monitor, Result, Tagged};

/// Words at the start of a C++ object among which its handle is: behind the tables of its bases.
const HANDLE_WORDS: u64 = 4;
/// The same where it has told V8 where it is.
const MOST_WORDS: u64 = 16;
/// Bytes of blocks of handles that are read.
const MOST_BYTES: u64 = 1 << 30;

/// A C++ object with its object in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeObject {
    /// The object that JavaScript knows.
    pub object: Tagged,
    /// Address of the C++ object.
    pub address: u64,
}

/// What a C++ object of Node.js says of its class (`MemoryRetainer`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retainer {
    /// `ZlibStream`
    pub name: String,
    /// In bytes.
    pub size: u64,
}

impl Heap<'_> {
    /// All C++ objects that objects in the heap stand for and that hold on to them, in the order of the objects.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub fn native_objects(&self, monitor: &dyn Monitor) -> Result<Vec<NativeObject>> {
        let table = self.objects(monitor)?;
        let mut found = Vec::new();
        let of_embedder = MapSet::of_kind(self, Kind::JsApiObject);
        for page in 0..table.page_count() {
            if monitor.cancelled() {
                return Err(crate::Error::Interrupted);
            }
            for (_, object) in of_embedder.on_page(self, table, page) {
                let native = self.native_side_of(object);
                found.extend(native.map(|address| NativeObject { object: object.value(), address }));
            }
        }
        Ok(found)
    }

    /// The C++ objects that are told when an object dies, and have a weak handle to it, in the order of these handles: no search.
    pub fn natives_told_of_death(&self) -> Vec<NativeObject> {
        let memory = self.memory();
        let mut budget = MOST_BYTES;
        let mut may_read = |bytes: u64| {
            budget = budget.saturating_sub(bytes);
            budget > 0
        };
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for isolate in self.spaces().isolates() {
            for handles in GlobalHandles::of(memory, isolate, &mut may_read) {
                for node in handles.nodes(memory).flatten().filter(|node| !node.is_strong) {
                    let Some(address) = self.told(node.parameter, node.at) else { continue };
                    if seen.insert(address) {
                        found.push(NativeObject { object: Tagged(node.object), address });
                    }
                }
            }
        }
        found
    }

    /// The C++ object with the handle at `place` whose owner is called with a parameter: that is the object, or leads to it
    /// (`SecondPassCallParameterRef`).
    fn told(&self, parameter: u64, place: u64) -> Option<u64> {
        let word = |at: u64| self.words().word(at, "C++ object").ok();
        let has_handle = |address: &u64| {
            let places = (0..MOST_WORDS).map_while(|index| address.checked_add(8 * index));
            *address != 0 && address.is_multiple_of(8) && places.map_while(word).any(|word| word == place)
        };
        // Only what has bits of user space: a word of anything is no address.
        let leads_to = || word(parameter).filter(|_| parameter.is_multiple_of(8));
        Some(parameter).filter(has_handle).or_else(|| leads_to().filter(has_handle))
    }

    /// What the C++ object of Node.js at an address says of its class: the name and the size that its functions return. Nothing of one whose
    /// functions work them out, or where the core lacks the executable.
    pub fn retainer(&self, address: u64) -> Option<Retainer> {
        let memory = self.memory();
        let word = |at: u64| memory.read_u64(Address(at)).ok();
        let table = word(address).filter(|table| table.is_multiple_of(8) && *table < ADDRESS_LIMIT)?;
        let returned = |place: u64| memory.architecture().constant_of(memory, word(table + place)?);
        let size =
            returned(memory_retainer::SIZE).filter(|size| (1..memory_retainer::LARGEST).contains(size))?;
        let text = memory.bytes_from(Address(returned(memory_retainer::NAME)?)).ok()?;
        let text = &text[..text.iter().take(memory_retainer::LONGEST_NAME).position(|byte| *byte == 0)?];
        let is_name = text.first().is_some_and(u8::is_ascii_alphabetic)
            && text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        let name = std::str::from_utf8(text).ok().filter(|_| is_name)?;
        Some(Retainer { name: name.to_owned(), size })
    }

    /// The address of the C++ object that an object stands for and that holds on to it.
    pub fn native_side_of(&self, object: HeapObject<'_>) -> Option<u64> {
        let data = (object.kind() == Kind::JsApiObject).then(|| self.embedder_fields(object).ok())??;
        data.fields.iter().copied().find(|field| self.holds(*field, object.value()))
    }

    /// Whether the C++ object at an address has a handle to an object.
    fn holds(&self, address: u64, object: Tagged) -> bool {
        let word = |at: Option<u64>| at.and_then(|at| self.words().word(at, "C++ object").ok());
        address != 0
            && address.is_multiple_of(8)
            && (1..HANDLE_WORDS).any(|index| {
                let place = word(address.checked_add(8 * index))
                    .filter(|place| *place != 0 && place.is_multiple_of(8));
                word(place) == Some(object.0)
            })
    }
}

//! One process as a reader of single objects sees it: its memory, its layout, its pages, and the shapes it has met.
//!
//! All that decodes an object is a method of [`View`], in the file of the object's class ([`crate::objects`]). Whatever needs all
//! objects at once stands above it: [`crate::index`], [`crate::graph`], and [`crate::Heap`], which keeps what they compute.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use core_reader::{Memory, Thread};

use crate::isolate::{Isolate, Owner, Spaces, thread};
use crate::layout::{Bits, Classes, Fields, Layout};
use crate::remembered::lines::KnownLines;
use crate::remembered::locals::KnownLocals;
use crate::remembered::names::Constructors;
use crate::remembered::rope_texts::Ropes;
use crate::remembered::well_known::WellKnown;
use crate::shape::heap_object::HeapObject;
use crate::shape::map::{Map, MapId, Maps};
use crate::version::V8Version;
use crate::words::Words;
use crate::{Error, Result, Tagged};

/// The memory of a process, and how to read objects in it.
pub struct View<'t> {
    memory: &'t dyn Memory,
    threads: &'t [Thread],
    /// The isolates that threads say they are in, by the number of the thread.
    current_isolates: HashMap<u32, u64>,
    /// The threads of isolates, in their order: index of the thread, and whether it is known by its stack only.
    owners: OnceLock<Vec<Option<(usize, bool)>>>,
    version: V8Version,
    layout: Layout,
    /// What the first word of an `ArrayBuffer::Allocator` of Node.js can be, by its symbols.
    node_allocators: Vec<u64>,
    spaces: Spaces<'t>,
    pub(crate) maps: Maps,
    pub(crate) constructors: Constructors,
    pub(crate) lines: KnownLines,
    pub(crate) locals: KnownLocals,
    pub(crate) ropes: Mutex<Ropes>,
    pub(crate) well_known: OnceLock<WellKnown>,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("version", &self.version).finish_non_exhaustive()
    }
}

impl<'t> View<'t> {
    pub(crate) fn new(
        memory: &'t dyn Memory,
        threads: &'t [Thread],
        current_isolates: HashMap<u32, u64>,
        version: V8Version,
        layout: Layout,
        node_allocators: Vec<u64>,
        spaces: Spaces<'t>,
    ) -> View<'t> {
        View {
            memory,
            threads,
            current_isolates,
            owners: OnceLock::new(),
            version,
            layout,
            node_allocators,
            spaces,
            maps: Maps::default(),
            constructors: Constructors::default(),
            lines: KnownLines::default(),
            locals: KnownLocals::default(),
            ropes: Mutex::default(),
            well_known: OnceLock::new(),
        }
    }

    /// The same view, which knows the pages and the objects that every V8 has, if they have been found, and no others.
    pub(crate) fn again(&self) -> View<'t> {
        let again = View::new(
            self.memory,
            self.threads,
            self.current_isolates.clone(),
            self.version.clone(),
            self.layout.clone(),
            self.node_allocators.clone(),
            self.spaces.clone(),
        );
        View { well_known: self.well_known.clone(), ..again }
    }

    /// The memory of the process.
    pub(crate) fn memory(&self) -> &'t dyn Memory {
        self.memory
    }

    /// The threads of the process, as far as they are known.
    pub(crate) fn threads(&self) -> &'t [Thread] {
        self.threads
    }

    /// What the first word of an `ArrayBuffer::Allocator` of Node.js can be; nothing if the executable does not say.
    pub(crate) fn node_allocators(&self) -> &[u64] {
        &self.node_allocators
    }

    /// Version of V8.
    pub fn version(&self) -> &V8Version {
        &self.version
    }

    /// How this V8 lays out its heap.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The classes of heap objects, with their fields.
    pub fn classes(&self) -> &Classes {
        self.layout.classes()
    }

    /// Where fields are.
    #[inline]
    pub fn fields(&self) -> &Fields {
        &self.layout.fields
    }

    /// Which bits of flags mean what.
    #[inline]
    pub fn bits(&self) -> &Bits {
        &self.layout.bits
    }

    /// Pages and isolates.
    pub fn spaces(&self) -> &Spaces<'t> {
        &self.spaces
    }

    /// Looks at the header of a page again; says whether there still is a page.
    pub(crate) fn recognise_again(&mut self, page: usize) -> bool {
        self.spaces.recognise_again(self.memory, &self.layout, page)
    }

    pub(crate) fn words(&self) -> Words<'_> {
        Words { memory: self.memory, spaces: &self.spaces }
    }

    /// The thread that runs an isolate; none if no thread is in it.
    pub fn thread_of(&self, isolate: &Isolate) -> Option<Owner<'t>> {
        let isolates = self.spaces.isolates();
        let index = isolates.iter().position(|other| other.heap == isolate.heap)?;
        self.owners()[index].map(|(thread, by_stack)| Owner { thread: &self.threads[thread], by_stack })
    }

    /// The isolate that a thread runs; none if it runs none.
    pub fn isolate_of_thread(&self, thread: &Thread) -> Option<&Isolate> {
        let runs_it = |owner: &Option<(usize, bool)>| {
            owner.is_some_and(|(index, _)| self.threads[index].id == thread.id)
        };
        Some(&self.spaces.isolates()[self.owners().iter().position(runs_it)?])
    }

    fn owners(&self) -> &[Option<(usize, bool)>] {
        self.owners.get_or_init(|| {
            let find = |isolate| thread::find(self.memory, self.threads, &self.current_isolates, isolate);
            self.spaces.isolates().iter().map(find).collect()
        })
    }

    /// A map by its number.
    pub fn map(&self, id: MapId) -> &Map {
        self.maps.get(id)
    }

    /// How many maps have been met so far.
    pub fn map_count(&self) -> usize {
        self.maps.count()
    }

    /// All maps met so far.
    pub(crate) fn maps_met(&self) -> impl Iterator<Item = (MapId, &Map)> {
        self.maps.iter()
    }

    /// The map of the object at the untagged `address`.
    ///
    /// # Errors
    /// If the memory cannot be read or there is no object.
    pub fn map_at(&self, address: u64) -> Result<(MapId, &Map)> {
        let word = self.words().tagged(address, "map")?;
        let id = self
            .maps
            .intern(&self.words(), &self.layout, word)
            .ok_or(Error::NoMap { object: Tagged::pointer(address), word: word.0 })?;
        Ok((id, self.maps.get(id)))
    }

    /// The map that a word leads to; nothing if that is no map.
    pub(crate) fn map_of(&self, word: Tagged) -> Option<(MapId, &Map)> {
        let id = self.maps.intern(&self.words(), &self.layout, word)?;
        Some((id, self.maps.get(id)))
    }

    /// The heap object that a word points to, strongly or weakly.
    ///
    /// # Errors
    /// If it is no pointer, or there is no object.
    pub fn object(&self, value: Tagged) -> Result<HeapObject<'_>> {
        let address = value.object().ok_or(Error::NotAnObject(value))?;
        let (map_id, map) = self.map_at(address)?;
        Ok(HeapObject { address, map_id, map })
    }
}

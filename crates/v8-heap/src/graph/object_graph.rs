//! The graph itself: whom each object holds, read page by page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytemuck::{Pod, Zeroable};

use crate::index::parallel::in_turns;
use crate::index::{MapSet, ObjectId, ObjectTable};
use crate::isolate::Spaces;
use crate::layout::{FieldKind, Kind};
use crate::objects::value::HeapObject;
use crate::shape::body::EPHEMERON_COUNTS;
use crate::shape::map::MapId;
use crate::store::Array;
use crate::tagged::{Caged, Encoding, TaggedWords, Whole};
use crate::view::View;
use crate::{Error, Monitor, Result, Tagged};

use super::cpp_objects::CppObjects;
use super::plan::{DispatchTable, Outside, Plan, Rest};

/// Adjacency of all objects in one direction.
#[derive(Debug, Default)]
pub struct Rows {
    pub(super) starts: Array<u32>,
    pub(super) targets: Array<u32>,
}

impl Rows {
    /// The neighbours of an object.
    #[inline]
    pub fn of(&self, id: u32) -> &[u32] {
        &self.targets[self.starts[id as usize] as usize..self.starts[id as usize + 1] as usize]
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.targets.len()
    }

    /// Rows of `targets`, those of each object from where `starts` says.
    pub(crate) fn new(starts: Vec<u32>, targets: Vec<u32>) -> Rows {
        Rows { starts: starts.into(), targets: targets.into() }
    }

    /// Leaves only the edges that `keeps` says.
    pub(crate) fn retain(&mut self, keeps: impl Fn(u32, u32) -> bool) {
        let nodes = self.len();
        let (starts, targets) = (self.starts.to_mut(), self.targets.to_mut());
        let mut kept = 0;
        for holder in 0..nodes {
            let (first, end) = (starts[holder] as usize, starts[holder + 1] as usize);
            starts[holder] = kept as u32;
            for at in first..end {
                let target = targets[at];
                targets[kept] = target;
                kept += usize::from(keeps(holder as u32, target));
            }
        }
        if let Some(end) = starts.last_mut() {
            *end = kept as u32;
        }
        targets.truncate(kept);
    }

    /// Rows from a list of edges, each a pair of holder and target.
    pub fn from_edges(nodes: usize, edges: &[(u32, u32)]) -> Rows {
        let mut starts = vec![0u32; nodes + 1];
        for (from, _) in edges {
            starts[*from as usize + 1] += 1;
        }
        for index in 0..nodes {
            starts[index + 1] += starts[index];
        }
        let mut cursors = starts.clone();
        let mut targets = vec![0; edges.len()];
        for &(from, to) in edges {
            let cursor = &mut cursors[from as usize];
            targets[*cursor as usize] = to;
            *cursor += 1;
        }
        Rows { starts: starts.into(), targets: targets.into() }
    }

    /// The same edges the other way round; the holders of each object in ascending order. On all processors: each takes a
    /// range of targets.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn reversed(&self, monitor: &dyn Monitor) -> Result<Rows> {
        let nodes = self.len();
        monitor.begin("turning references around", 2 * self.edges() as u64);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(nodes.max(1));
        let cancelled = AtomicBool::new(false);
        let share = nodes.div_ceil(threads).max(1);
        // Entry n + 1 counts the edges of n, then is where they end, and, once they are filled in from their ends, where
        // they start: which is what entry n has to be.
        let mut ends = vec![0u32; nodes + 1];
        let look = |from: usize| {
            if from.is_multiple_of(BETWEEN_LOOKS) {
                if monitor.cancelled() {
                    cancelled.store(true, Ordering::Relaxed);
                }
                return cancelled.load(Ordering::Relaxed);
            }
            false
        };
        let count = |turn: usize, counts: &mut [u32]| {
            let low = (turn * share) as u32;
            for chunk in self.targets.chunks(BETWEEN_LOOKS) {
                if look(0) {
                    return;
                }
                for &target in chunk {
                    if let Some(count) = counts.get_mut(target.wrapping_sub(low) as usize) {
                        *count += 1;
                    }
                }
                monitor.advance((chunk.len() / threads) as u64);
            }
        };
        crossbeam::thread::scope(|scope| {
            for (turn, counts) in ends[..nodes].chunks_mut(share).enumerate() {
                let count = &count;
                scope.spawn(move |_| count(turn, counts));
            }
        })
        .expect("counting does not panic");
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut targets = vec![0u32; self.edges()];
        let fill = |turn: usize, ends: &mut [u32], first: u32, targets: &mut [u32]| {
            let low = (turn * share) as u32;
            for from in (0..nodes).rev() {
                if look(from) {
                    return;
                }
                if from.is_multiple_of(BETWEEN_LOOKS) {
                    monitor.advance((self.edges() * BETWEEN_LOOKS / nodes.max(1) / threads) as u64);
                }
                for &target in self.of(from as u32) {
                    if let Some(end) = ends.get_mut(target.wrapping_sub(low) as usize) {
                        *end -= 1;
                        targets[(*end - first) as usize] = from as u32;
                    }
                }
            }
        };
        crossbeam::thread::scope(|scope| {
            let mut rest = targets.as_mut_slice();
            let mut first = 0;
            for (turn, ends) in ends[..nodes].chunks_mut(share).enumerate() {
                let last = ends.last().copied().unwrap_or(first);
                let (own, others) = std::mem::take(&mut rest).split_at_mut((last - first) as usize);
                rest = others;
                let (fill, start) = (&fill, first);
                scope.spawn(move |_| fill(turn, ends, start, own));
                first = last;
            }
        })
        .expect("filling does not panic");
        if cancelled.into_inner() {
            return Err(Error::Interrupted);
        }
        Ok(Rows { starts: ends.into(), targets: targets.into() })
    }
}

/// Objects between two looks at whether to stop.
pub(crate) const BETWEEN_LOOKS: usize = 1 << 16;

/// An entry of a WeakMap or the like: the value lives as long as key and table do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct Ephemeron {
    /// The key.
    pub key: u32,
    /// The value.
    pub value: u32,
    /// The `EphemeronHashTable`.
    pub table: u32,
}

/// Bytes that an object owns outside of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The object.
    pub owner: u32,
    /// Where the bytes are.
    pub address: u64,
    /// How many.
    pub bytes: u64,
}

/// Which objects are in a list, up to the last one: most are asked about in vain.
#[derive(Debug, Default)]
pub(super) struct Listed(Vec<u64>);

impl Listed {
    /// Those with these numbers.
    pub fn of(ids: impl Iterator<Item = u32>) -> Listed {
        let mut has = Vec::new();
        for id in ids {
            let word = id as usize / 64;
            if has.len() <= word {
                has.resize(word + 1, 0);
            }
            has[word] |= 1 << (id % 64);
        }
        Listed(has)
    }

    #[inline]
    pub fn has(&self, id: u32) -> bool {
        self.0.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }
}

/// What objects own outside of the heap, by owner; of two owners of the same bytes only the first.
#[derive(Debug, Default)]
pub struct AllOwned {
    list: Vec<Owned>,
    owners: Listed,
}

impl From<Vec<Owned>> for AllOwned {
    /// Of a list that is sorted by owner.
    fn from(list: Vec<Owned>) -> AllOwned {
        AllOwned { owners: Listed::of(list.iter().map(|owned| owned.owner)), list }
    }
}

impl std::ops::Deref for AllOwned {
    type Target = [Owned];

    fn deref(&self) -> &[Owned] {
        &self.list
    }
}

impl AllOwned {
    /// Bytes that an object owns.
    fn of(&self, id: u32) -> u64 {
        if !self.owners.has(id) {
            return 0;
        }
        let at = self.list.partition_point(|owned| owned.owner < id);
        self.list[at..].iter().take_while(|owned| owned.owner == id).map(|owned| owned.bytes).sum()
    }
}

/// Sizes, of the graph or of whoever made it.
#[derive(Clone, Debug)]
pub(super) enum Sizes {
    Own(Array<u32>),
    Shared(Arc<Vec<u32>>),
}

impl std::ops::Deref for Sizes {
    type Target = [u32];

    #[inline]
    fn deref(&self) -> &[u32] {
        match self {
            Sizes::Own(sizes) => sizes,
            Sizes::Shared(sizes) => sizes,
        }
    }
}

/// Who holds whom, and how large each object is.
#[derive(Debug)]
pub struct Graph {
    /// Whom each object holds.
    pub holds: Rows,
    /// Entries of weak collections, by key.
    pub ephemerons: Array<Ephemeron>,
    /// What objects own outside of the heap.
    pub owned: AllOwned,
    /// Size of each object, in units.
    pub(super) sizes: Sizes,
    /// Bytes of a unit: a word in a core; in a snapshot, where sizes of all sorts are told, one.
    pub(super) unit: u64,
    /// Whether the code of functions could be followed, where V8 keeps it outside of the view.
    pub follows_code: bool,
    /// Memory of V8's table of functions' code, as `[start, end)`.
    pub(crate) code_table: Option<(u64, u64)>,
}

impl Graph {
    /// Bytes of an object in the view.
    #[inline]
    pub fn size(&self, id: u32) -> u64 {
        self.unit * u64::from(self.sizes[id as usize])
    }

    /// Bytes that an object owns outside of the view.
    pub fn outside(&self, id: u32) -> u64 {
        self.owned.of(id)
    }

    /// The entries of weak collections that have `key`.
    pub fn ephemerons_of(&self, key: u32) -> &[Ephemeron] {
        let start = self.ephemerons.partition_point(|ephemeron| ephemeron.key < key);
        let end = self.ephemerons[start..].partition_point(|ephemeron| ephemeron.key == key);
        &self.ephemerons[start..start + end]
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The graph of a heap snapshot: sizes are in bytes.
    pub(crate) fn of_file(holds: Rows, owned: Vec<Owned>, sizes: Arc<Vec<u32>>) -> Graph {
        Graph {
            holds,
            ephemerons: Array::default(),
            owned: owned.into(),
            sizes: Sizes::Shared(sizes),
            unit: 1,
            follows_code: true,
            code_table: None,
        }
    }

    /// V8's table of functions' code, if it has one outside of the view.
    pub(crate) fn dispatch_table(&self) -> Option<DispatchTable> {
        self.code_table.map(|(base, _)| DispatchTable::at(base))
    }

    /// Bytes of memory it takes.
    pub fn memory(&self) -> usize {
        4 * (self.holds.starts.len() + self.holds.targets.len() + self.sizes.len())
            + size_of::<Ephemeron>() * self.ephemerons.len()
            + size_of::<Owned>() * self.owned.len()
    }

    /// Reads all references of all objects.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so; [`Error::TooManyReferences`].
    pub(crate) fn build(view: &View<'_>, table: &ObjectTable, monitor: &dyn Monitor) -> Result<Graph> {
        let plans = Plan::all(view);
        let dispatch = DispatchTable::find(view, &sample_handles(view, table, &plans));
        let has_handles = plans.iter().any(|plan| matches!(plan.outside, Outside::Dispatch(_)));
        let spaces = view.spaces();
        let total: u64 = spaces.pages().iter().map(|page| page.present()).sum();
        monitor.begin("reading references", total);
        let cpp_objects = &CppObjects::find(view, table);
        let reader = Reader {
            view,
            table,
            spaces,
            plans: &plans,
            dispatch,
            cpp_objects,
            code_encoding: spaces.code_encoding(),
        };
        let read = |done: &mut Vec<(usize, PageEdges)>, page: usize| {
            if !table.page_maps(page).1.is_empty() {
                done.push((page, reader.read(page)));
            }
            spaces.pages()[page].present()
        };
        let workers = in_turns(table.page_count(), monitor, Vec::new, read)?;
        let mut pages: Vec<(usize, PageEdges)> = workers.into_iter().flatten().collect();
        pages.sort_unstable_by_key(|(page, _)| *page);
        let edges: usize = pages.iter().map(|(_, page)| page.targets.len()).sum();
        if u32::try_from(edges).is_err() {
            return Err(Error::TooManyReferences);
        }
        let (mut ephemerons, mut owned) = (Vec::new(), Vec::new());
        for (_, page) in &mut pages {
            ephemerons.append(&mut page.ephemerons);
            owned.append(&mut page.owned);
        }
        let (rows, sizes) = put_together(pages.into_iter().map(|(_, page)| page).collect(), edges);
        ephemerons.sort_unstable();
        owned.sort_unstable_by_key(|owned: &Owned| (owned.address, owned.owner));
        owned.dedup_by_key(|owned| owned.address);
        owned.sort_unstable_by_key(|owned| (owned.owner, owned.address));
        Ok(Graph {
            holds: rows,
            ephemerons: ephemerons.into(),
            owned: owned.into(),
            sizes: Sizes::Own(sizes.into()),
            unit: view.fields().words.tagged,
            follows_code: dispatch.is_some() || !has_handles,
            code_table: dispatch.map(|table| table.memory(view)),
        })
    }
}

/// The references and sizes of all pages one behind the other: on all processors, since memory is touched here for the first time.
fn put_together(mut pages: Vec<PageEdges>, edges: usize) -> (Rows, Vec<u32>) {
    let nodes = pages.iter().map(|page| page.degrees.len()).sum();
    let (mut starts, mut targets, mut sizes) = (vec![0u32; nodes + 1], vec![0u32; edges], vec![0u32; nodes]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = pages.len().div_ceil(threads).max(1);
    crossbeam::thread::scope(|scope| {
        let (mut ends, mut free_targets, mut free_sizes) =
            (&mut starts[1..], &mut targets[..], &mut sizes[..]);
        let mut first = 0;
        while !pages.is_empty() {
            let rest = pages.split_off(share.min(pages.len()));
            let own = std::mem::replace(&mut pages, rest);
            let nodes = own.iter().map(|page| page.degrees.len()).sum();
            let edges = own.iter().map(|page| page.targets.len()).sum();
            let (own_ends, own_targets, own_sizes);
            (own_ends, ends) = std::mem::take(&mut ends).split_at_mut(nodes);
            (own_targets, free_targets) = std::mem::take(&mut free_targets).split_at_mut(edges);
            (own_sizes, free_sizes) = std::mem::take(&mut free_sizes).split_at_mut(nodes);
            let start = first;
            first += edges as u32;
            scope.spawn(move |_| fill(own, start, own_ends, own_targets, own_sizes));
        }
    })
    .expect("copying does not panic");
    (Rows { starts: starts.into(), targets: targets.into() }, sizes)
}

/// Writes the references of pages, of which `end` are before them.
fn fill(pages: Vec<PageEdges>, mut end: u32, ends: &mut [u32], targets: &mut [u32], sizes: &mut [u32]) {
    let (mut node, mut edge) = (0, 0);
    for page in pages {
        for (degree, place) in page.degrees.iter().zip(&mut ends[node..]) {
            end += degree;
            *place = end;
        }
        targets[edge..edge + page.targets.len()].copy_from_slice(&page.targets);
        sizes[node..node + page.sizes.len()].copy_from_slice(&page.sizes);
        node += page.degrees.len();
        edge += page.targets.len();
    }
}

/// Whether optimized code holds such objects weakly: it is thrown away when they die (V8: `Code::IsWeakObjectInOptimizedCode`).
pub(crate) fn code_holds_weakly(kind: Kind) -> bool {
    kind.is_js_object()
        || matches!(kind, Kind::Map | Kind::Context | Kind::NativeContext | Kind::PropertyCell)
}

/// Words in instructions that look like strong pointers: in x86-64 code a `mov` of 64 bits into a register.
pub(crate) fn embedded_words(code: &[u8]) -> impl Iterator<Item = u64> + '_ {
    placed_words(code).map(|(_, word)| word)
}

/// The same, each with where it is in the code, in bytes.
pub(crate) fn placed_words(code: &[u8]) -> impl Iterator<Item = (usize, u64)> + '_ {
    memchr::memchr2_iter(0x48, 0x49, code).filter_map(|at| {
        let &[_, operation, ref immediate @ ..] = code.get(at..at + 10)? else { return None };
        let word = u64::from_le_bytes(immediate.try_into().expect("eight bytes"));
        (operation & 0xf8 == 0xb8 && word & 3 == 1).then_some((at + 2, word))
    })
}

impl DispatchTable {
    /// The table that functions of a heap call through.
    pub fn of(view: &View<'_>, table: &ObjectTable) -> Option<DispatchTable> {
        DispatchTable::find(view, &sample_handles(view, table, &Plan::all(view)))
    }
}

/// How many references the objects of one page have, as [`Graph::build`] reads them.
pub(crate) fn references_of_page(
    view: &View<'_>,
    table: &ObjectTable,
    cpp_objects: &CppObjects,
    page: usize,
) -> usize {
    let plans = &Plan::all(view);
    let spaces = view.spaces();
    let code_encoding = spaces.code_encoding();
    let reader = Reader { view, table, spaces, plans, dispatch: None, cpp_objects, code_encoding };
    reader.read(page).targets.len()
}

/// Dispatch handles of some functions.
fn sample_handles(view: &View<'_>, table: &ObjectTable, plans: &[Plan]) -> Vec<u32> {
    /// More are not looked at.
    const MOST: usize = 4096;
    let mut handles = Vec::new();
    let functions = MapSet::of_kind(view, Kind::JsFunction);
    for page in 0..table.page_count() {
        for (_, function) in functions.on_page(view, table, page) {
            if let Outside::Dispatch(at) = plans[function.map_id.0 as usize].outside
                && let Ok(handle) = view.words().word32(function.address + u64::from(at), "dispatch handle")
            {
                handles.push(handle);
            }
        }
        if handles.len() >= MOST {
            break;
        }
    }
    handles
}

/// The references of the objects of one page.
#[derive(Debug, Default)]
pub(super) struct PageEdges {
    pub degrees: Vec<u32>,
    pub targets: Vec<u32>,
    pub sizes: Vec<u32>,
    pub ephemerons: Vec<Ephemeron>,
    pub owned: Vec<Owned>,
}

pub(super) struct Reader<'a, 't> {
    pub view: &'a View<'t>,
    pub table: &'a ObjectTable,
    pub spaces: &'a Spaces<'t>,
    pub plans: &'a [Plan],
    pub dispatch: Option<DispatchTable>,
    pub cpp_objects: &'a CppObjects,
    pub code_encoding: Encoding,
}

impl Reader<'_, '_> {
    pub fn read(&self, index: usize) -> PageEdges {
        match self.spaces.pages()[index].encoding {
            Encoding::Whole => self.read_page(index, Whole),
            Encoding::Caged(base) => self.read_page(index, Caged(base)),
        }
    }

    fn read_page<W: TaggedWords>(&self, index: usize, tagged: W) -> PageEdges {
        let page = &self.spaces.pages()[index];
        let (first, maps) = self.table.page_maps(index);
        let mut edges = PageEdges {
            degrees: Vec::with_capacity(maps.len()),
            sizes: Vec::with_capacity(maps.len()),
            targets: Vec::with_capacity(maps.len() * 2),
            ..PageEdges::default()
        };
        let mut pieces = page.pieces.iter();
        let mut piece = pieces.next();
        for (number, (address, map)) in self.table.page_objects(index).enumerate() {
            while piece.is_some_and(|piece| piece.end() <= address) {
                piece = pieces.next();
            }
            let bytes = match piece {
                Some(piece) if piece.start <= address => &piece.bytes[(address - piece.start) as usize..],
                _ => &[],
            };
            let before = edges.targets.len();
            // Nothing of an object is outside of its page.
            let room = page.area_end - address;
            let id = first.0 + number as u32;
            let size = self.read_object(tagged, &mut edges, id, (address, map), bytes, room);
            // What is read-only refers to nothing that is not. Whoever says otherwise is no witness.
            if page.is_read_only() {
                edges.targets.truncate(before);
            }
            edges.sizes.push((size / W::SIZE as u64) as u32);
            edges.degrees.push((edges.targets.len() - before) as u32);
        }
        if page.is_read_only() {
            edges.ephemerons.clear();
        }
        edges
    }

    /// Returns the size of the object, in bytes. `bytes` are those from its start to the end of what the core holds there.
    #[inline]
    fn read_object<W: TaggedWords>(
        &self,
        tagged: W,
        edges: &mut PageEdges,
        id: u32,
        (address, map): (u64, MapId),
        bytes: &[u8],
        room: u64,
    ) -> u64 {
        let plan = &self.plans[map.0 as usize];
        let size = match plan.size {
            Some(size) if size.mask == 0 => u64::from(size.base),
            Some(size) => match bytes.get(usize::from(size.offset)..).and_then(|bytes| bytes.first_chunk()) {
                Some(count) => size.apply(u32::from_le_bytes(*count), W::SIZE as u64),
                None => W::SIZE as u64,
            },
            None => {
                let object = HeapObject { address, map_id: map, map: self.view.map(map) };
                self.view.object_size(object).unwrap_or(W::SIZE as u64)
            }
        };
        let size = size.min(room);
        let bytes = &bytes[..bytes.len().min(size as usize)];
        for &(start, end) in &plan.runs {
            self.add_words(tagged, edges, bytes, start as usize, end as usize);
        }
        match &plan.rest {
            Rest::Nothing => {}
            Rest::From(start) => self.add_words(tagged, edges, bytes, *start as usize, usize::MAX / W::SIZE),
            Rest::Entries(start, length, which) => {
                let body = bytes.get(W::SIZE * *start as usize..).unwrap_or_default();
                for entry in body.chunks(W::SIZE * *length as usize) {
                    for &index in which {
                        self.add_words(tagged, edges, entry, index as usize, index as usize + 1);
                    }
                }
            }
            Rest::Ephemerons(start) => self.add_ephemerons(tagged, edges, id, bytes, *start as usize),
            Rest::Machine(start) => {
                self.add_embedded(edges, bytes.get(W::SIZE * *start as usize..).unwrap_or(&[]));
            }
            Rest::Various => {
                let object = HeapObject { address, map_id: map, map: self.view.map(map) };
                self.view.for_each_holding_word(object, &mut |_, _, word| self.add(edges, word));
            }
        }
        match &plan.outside {
            Outside::Nothing => {}
            &Outside::Dispatch(at) => {
                if let Some(table) = self.dispatch
                    && let Some(handle) = bytes
                        .get(at as usize..)
                        .and_then(|bytes| bytes.first_chunk())
                        .map(|b| u32::from_le_bytes(*b))
                    && let Some(code) = table.code(&self.view.words(), handle)
                {
                    self.add(edges, Tagged::pointer(code).0);
                }
            }
            Outside::Apart(fields) => {
                for (at, kind) in fields {
                    let word =
                        bytes.get(*at as usize..).and_then(|bytes| self.word_apart(address, *kind, bytes));
                    self.add(edges, word.unwrap_or_default().0);
                }
            }
            Outside::Protected(start) => {
                let encoding = self.spaces.trusted_encoding();
                for word in encoding.each(bytes.get(*start as usize..).unwrap_or_default()) {
                    self.add(edges, word.0);
                }
            }
            &Outside::CppObject(start, end) => {
                let words = bytes.get(start as usize..end as usize).unwrap_or_default();
                let memory = self.view.memory();
                self.cpp_objects.for_each_held(memory, words, &mut |target| edges.targets.push(target));
            }
            Outside::Buffer => {
                let fields = self.view.fields();
                let word = |at: u64| {
                    bytes
                        .get(at as usize..)
                        .and_then(|b| b.first_chunk())
                        .map_or(0, |b| u64::from_le_bytes(*b))
                };
                let (data, length) =
                    (word(fields.array_buffer_backing_store), word(fields.array_buffer_byte_length));
                let (data, length) = match self.spaces.sandbox_at(address) {
                    Some(sandbox) => (sandbox.address(data), sandbox.length(length)),
                    None => (data, length),
                };
                self.add_owned(edges, id, data, length);
            }
            &Outside::Characters(unit) => {
                let word = |at: u64| {
                    bytes
                        .get(at as usize..)
                        .and_then(|b| b.first_chunk())
                        .map_or(0, |b| u64::from_le_bytes(*b))
                };
                let fields = self.view.fields();
                let length = word(fields.string_length) as u32;
                let bytes = u64::from(length) * u64::from(unit);
                let resource = match self.spaces.sandbox_at(address) {
                    Some(sandbox) => sandbox
                        .shared_external(self.view.memory(), word(fields.external_resource) as u32)
                        .unwrap_or(0),
                    None => word(fields.external_resource),
                };
                self.add_owned(edges, id, resource, bytes);
            }
        }
        size
    }

    /// What a field of the object at `address` leads to that is no tagged word.
    fn word_apart(&self, address: u64, kind: FieldKind, bytes: &[u8]) -> Option<Tagged> {
        match kind {
            FieldKind::InCodeCage => self.code_encoding.first(bytes),
            FieldKind::Protected => self.spaces.trusted_encoding().first(bytes),
            FieldKind::Trusted => {
                let handle = u32::from_le_bytes(*bytes.first_chunk()?);
                self.spaces.sandbox_at(address)?.trusted_object(self.view.memory(), handle)
            }
            _ => None,
        }
    }

    /// Bytes that no process has are not owned either.
    fn add_owned(&self, edges: &mut PageEdges, owner: u32, address: u64, bytes: u64) {
        if address != 0 && bytes > 0 && bytes < crate::tagged::ADDRESS_LIMIT {
            edges.owned.push(Owned { owner, address, bytes });
        }
    }

    /// Words `[start, end)` of an object.
    #[inline]
    fn add_words<W: TaggedWords>(
        &self,
        tagged: W,
        edges: &mut PageEdges,
        bytes: &[u8],
        start: usize,
        end: usize,
    ) {
        let from = (W::SIZE * start).min(bytes.len());
        let to = (W::SIZE * end).min(bytes.len());
        for word in bytes[from..to].chunks_exact(W::SIZE) {
            self.add(edges, tagged.word(word).0);
        }
    }

    #[inline]
    fn add(&self, edges: &mut PageEdges, word: u64) {
        if word & 3 == 1
            && let Some(id) = self.target(word)
        {
            edges.targets.push(id);
        }
    }

    #[inline]
    fn target(&self, word: u64) -> Option<u32> {
        self.table.mortal_target(self.spaces, word)
    }

    fn add_ephemerons<W: TaggedWords>(
        &self,
        tagged: W,
        edges: &mut PageEdges,
        table: u32,
        bytes: &[u8],
        start: usize,
    ) {
        let entries = bytes.get(W::SIZE * (start + EPHEMERON_COUNTS as usize)..).unwrap_or_default();
        for entry in entries.chunks_exact(2 * W::SIZE) {
            let (key, value) = entry.split_at(W::SIZE);
            let (key, value) = (tagged.word(key).0, tagged.word(value).0);
            if value & 3 != 1 {
                continue;
            }
            let Some(value) = self.target(value) else { continue };
            match (key & 3 == 1).then(|| self.target(key)).flatten() {
                Some(key) => edges.ephemerons.push(Ephemeron { key, value, table }),
                // The key never dies.
                None => edges.targets.push(value),
            }
        }
    }

    /// Objects whose addresses are in instructions.
    fn add_embedded(&self, edges: &mut PageEdges, code: &[u8]) {
        for word in embedded_words(code) {
            let Some(target) = self.target(word) else { continue };
            let kind = self.table.map_of(ObjectId(target)).map(|map| self.view.map(map).kind);
            if !kind.is_some_and(code_holds_weakly) {
                edges.targets.push(target);
            }
        }
    }
}

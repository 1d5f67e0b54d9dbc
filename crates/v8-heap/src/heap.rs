//! The V8 heaps of one process.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use core_reader::{Address, Memory, Symbols, Thread};

use crate::graph::{
    DispatchTable, Dominators, Graph, Liveness, ObjectSet, RetainedByKind, Root, Roots, Rows, Suspects, Tally,
};
use crate::index::{Buffers, Functions, GroupId, Kinds, NodeProcess, ObjectTable};
use crate::isolate::{Spaces, thread};
use crate::layout::{Layout, WordModel};
use crate::node_runtime;
use crate::remembered::module_variables::KnownModuleVariables;
use crate::self_check;
use crate::store::{Decoder, KeptPart, Part, Store, Unusable};
use crate::version::{Embedder, V8Version, detect_node};
use crate::view::View;
use crate::{Error, Monitor, Result, Unattended};

/// The V8 of one process: its layout, its heaps, and what has been computed of them so far.
///
/// Opening reads the version and the layout and finds isolates and pages; objects are indexed when the first question over all
/// of them is asked.
pub struct Heap<'t> {
    view: View<'t>,
    /// As soon as somebody asks, where the executable does not tell.
    embedder: OnceLock<Option<Embedder>>,
    store: OnceLock<Box<dyn Store>>,
    /// A part of the store was not of this heap.
    store_is_wrong: AtomicBool,
    table: OnceLock<ObjectTable>,
    kinds: OnceLock<Kinds>,
    functions: OnceLock<Functions>,
    buffers: OnceLock<Buffers>,
    graph: OnceLock<Graph>,
    roots: OnceLock<Roots>,
    reached: OnceLock<Arc<ObjectSet>>,
    garbage: OnceLock<HashMap<GroupId, Tally>>,
    liveness: OnceLock<Liveness>,
    all_roots: OnceLock<Vec<Root>>,
    held_by: OnceLock<Rows>,
    dominators: OnceLock<Dominators>,
    pub(crate) retained_by_kind: OnceLock<RetainedByKind>,
    pub(crate) suspects: OnceLock<Suspects>,
    pub(crate) dispatch: OnceLock<Option<DispatchTable>>,
    pub(crate) module_variables: KnownModuleVariables,
}

impl std::fmt::Debug for Heap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heap").field("version", self.version()).finish_non_exhaustive()
    }
}

impl<'t> Deref for Heap<'t> {
    type Target = View<'t>;

    fn deref(&self) -> &View<'t> {
        &self.view
    }
}

impl<'t> Heap<'t> {
    /// Finds the V8 in a process, whose threads keep objects alive by their stacks.
    ///
    /// # Errors
    /// [`Error::NoV8`] if there is none, or nothing tells its version; [`Error::Unsupported`] if that is too old.
    pub fn open(memory: &'t dyn Memory, symbols: &dyn Symbols, threads: &'t [Thread]) -> Result<Heap<'t>> {
        if let Some(version) = V8Version::of_executable(memory, symbols) {
            return Heap::open_as(version, memory, symbols, threads);
        }
        let versions = V8Version::in_heap(memory);
        let is_only = versions.len() == 1;
        let mut first = None;
        for version in versions {
            let own = version.to_string();
            let opened = Heap::open_as(version, memory, symbols, threads);
            // A program may know versions of other processes; that of its own V8 is what `process.versions` says.
            if is_only || opened.as_ref().is_ok_and(|heap| heap.says_its_v8_is(&own)) {
                return opened;
            }
            first.get_or_insert(opened);
        }
        first.unwrap_or_else(|| {
            Err(Error::NoV8(
                "no version of V8 was found, neither in its executable nor as a string of a JavaScript heap; if this is a \
                 Node.js process, give its executable (v8mdb OBJECT CORE)"
                    .to_owned(),
            ))
        })
    }

    /// Whether a `process` of this heap has this version of V8 among its versions.
    fn says_its_v8_is(&self, version: &str) -> bool {
        self.node_processes(&Unattended).is_ok_and(|processes| {
            let mut versions = processes.iter().flat_map(|process| &process.versions);
            versions.any(|(name, said)| name == "v8" && said == version)
        })
    }

    fn open_as(
        version: V8Version,
        memory: &'t dyn Memory,
        symbols: &dyn Symbols,
        threads: &'t [Thread],
    ) -> Result<Heap<'t>> {
        let node_version = detect_node(memory, symbols);
        let current_isolates = thread::current_isolates(memory, symbols, threads);
        let current: Vec<u64> = current_isolates.values().copied().collect();
        let read_int = |at: u64| memory.read_u32(Address(at)).ok().map(|word| word as i32);
        let fitting = |words: WordModel| -> Result<(Layout, Spaces<'t>)> {
            let candidates = Layout::candidates(&version, words, memory.architecture(), symbols, &read_int)
                .map_err(|error| match error {
                Error::Unsupported { node, v8, supported } => {
                    Error::Unsupported { node: node_version.clone().or(node), v8, supported }
                }
                other => other,
            })?;
            let mut tried = candidates.into_iter().map(|mut layout| {
                let spaces = Spaces::discover(memory, &mut layout, &current);
                (layout, spaces)
            });
            let first = tried.next().ok_or_else(|| Error::NoV8("no layout is known".to_owned()))?;
            // The first of those that fit equally well: the older.
            Ok(match tried.next() {
                None => first,
                Some(second) => [first, second]
                    .into_iter()
                    .min_by_key(|(layout, spaces)| self_check::misfit(memory, layout, spaces))
                    .expect("there are two"),
            })
        };
        // Pages say what they are in the same way with compressed pointers and without; that they are in a cage says which it is.
        let (layout, spaces) = match fitting(WordModel::FULL)? {
            (_, spaces) if spaces.cage(memory, WordModel::FULL).is_some() => fitting(WordModel::COMPRESSED)?,
            // In a sandbox they have numbers for it.
            whole if whole.1.pages().is_empty() => match fitting(WordModel::SANDBOXED)? {
                sandboxed if !sandboxed.1.pages().is_empty() => sandboxed,
                _ => whole,
            },
            whole => whole,
        };
        let view = View::new(
            memory,
            threads,
            current_isolates,
            version,
            layout,
            node_runtime::allocators(symbols),
            spaces,
        );
        Ok(Heap::of(
            view,
            node_version.map_or_else(OnceLock::new, |version| OnceLock::from(Some(Embedder::node(version)))),
        ))
    }

    /// A heap of which nothing has been computed yet.
    fn of(view: View<'t>, embedder: OnceLock<Option<Embedder>>) -> Heap<'t> {
        Heap {
            view,
            embedder,
            store: OnceLock::new(),
            store_is_wrong: AtomicBool::new(false),
            kinds: OnceLock::new(),
            functions: OnceLock::new(),
            buffers: OnceLock::new(),
            table: OnceLock::new(),
            graph: OnceLock::new(),
            roots: OnceLock::new(),
            reached: OnceLock::new(),
            garbage: OnceLock::new(),
            liveness: OnceLock::new(),
            all_roots: OnceLock::new(),
            held_by: OnceLock::new(),
            dominators: OnceLock::new(),
            retained_by_kind: OnceLock::new(),
            suspects: OnceLock::new(),
            dispatch: OnceLock::new(),
            module_variables: KnownModuleVariables::default(),
        }
    }

    /// The same heap, of which only the pages are known.
    pub(crate) fn again(&self) -> Heap<'t> {
        Heap::of(self.view.again(), self.embedder.clone())
    }

    /// Looks at the header of a page again; says whether there still is a page.
    pub(crate) fn recognise_again(&mut self, page: usize) -> bool {
        self.view.recognise_again(page)
    }

    /// Reads bytes as the part of this name beside all others, which are computed if they are not there; says whether that could
    /// be read.
    pub(crate) fn reads_part(&self, name: &str, bytes: Vec<u8>) -> Result<bool> {
        fn reads<P: Part>(known: P::Known<'_>, bytes: Vec<u8>) -> Result<bool> {
            let mut decoder = Decoder::new(bytes.into());
            let read = P::read(known, &mut decoder, &Unattended).and_then(|_| decoder.finish());
            Ok(read.is_ok())
        }
        let monitor = &Unattended;
        let view = &self.view;
        let table = self.objects(monitor)?;
        match name {
            ObjectTable::NAME => reads::<ObjectTable>(view, bytes),
            Kinds::NAME => reads::<Kinds>((view, table), bytes),
            Graph::NAME => reads::<Graph>((view, table), bytes),
            Roots::NAME => reads::<Roots>((view, table), bytes),
            <Arc<ObjectSet>>::NAME => {
                reads::<Arc<ObjectSet>>((self.graph(monitor)?, self.roots(monitor)?), bytes)
            }
            <HashMap<GroupId, Tally>>::NAME => {
                let known = (view, table, self.kinds(monitor)?, &**self.reached(monitor)?);
                reads::<HashMap<GroupId, Tally>>(known, bytes)
            }
            Liveness::NAME => {
                reads::<Liveness>((view, table, self.graph(monitor)?, self.reached(monitor)?), bytes)
            }
            Rows::NAME => reads::<Rows>(self.graph(monitor)?, bytes),
            Dominators::NAME => reads::<Dominators>((view, self.graph(monitor)?), bytes),
            RetainedByKind::NAME => reads::<RetainedByKind>((view, self.kinds(monitor)?), bytes),
            Suspects::NAME => reads::<Suspects>((view, table), bytes),
            _ => Ok(false),
        }
    }

    /// Asks `store` from now on for what it has kept, before that is computed. Only the first one counts.
    pub fn use_store(&self, store: Box<dyn Store>) {
        // Who comes second changes nothing.
        let _ = self.store.set(store);
    }

    /// All that has been computed or read so far and can be kept.
    pub fn computed_parts(&self) -> Vec<KeptPart<'_>> {
        fn kept<'a, P: Part>(heap: &'a Heap<'_>, slot: &'a OnceLock<P>) -> Option<KeptPart<'a>> {
            slot.get().map(|part| part.kept(&heap.view))
        }
        let parts = [
            kept(self, &self.table),
            kept(self, &self.kinds),
            kept(self, &self.graph),
            kept(self, &self.roots),
            kept(self, &self.reached),
            kept(self, &self.garbage),
            kept(self, &self.liveness),
            kept(self, &self.held_by),
            kept(self, &self.dominators),
            kept(self, &self.retained_by_kind),
            kept(self, &self.suspects),
        ];
        parts.into_iter().flatten().collect()
    }

    /// A part: there already, kept and compared with what is `known`, or else computed.
    pub(crate) fn obtain<'h, P: Part>(
        &'h self,
        slot: &'h OnceLock<P>,
        monitor: &dyn Monitor,
        known: impl FnOnce() -> Result<P::Known<'h>>,
        compute: impl FnOnce() -> Result<P>,
    ) -> Result<&'h P> {
        if let Some(there) = slot.get() {
            return Ok(there);
        }
        let part = match self.read_part(monitor, known)? {
            Some(kept) => kept,
            None => compute()?,
        };
        Ok(slot.get_or_init(|| part))
    }

    fn read_part<'h, P: Part>(
        &'h self,
        monitor: &dyn Monitor,
        known: impl FnOnce() -> Result<P::Known<'h>>,
    ) -> Result<Option<P>> {
        if self.store_is_wrong.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let Some(store) = self.store.get() else { return Ok(None) };
        let Some(bytes) = store.part(P::NAME, monitor) else { return Ok(None) };
        let mut decoder = Decoder::new(bytes);
        match P::read(known()?, &mut decoder, monitor).and_then(|part| decoder.finish().map(|()| part)) {
            Ok(part) => {
                store.accept(P::NAME);
                Ok(Some(part))
            }
            Err(Unusable::Damaged(reason)) => {
                // Whoever is wrong once is asked no more.
                self.store_is_wrong.store(true, Ordering::Relaxed);
                store.refuse(P::NAME, reason);
                Ok(None)
            }
            Err(Unusable::Failed(error)) => Err(error),
        }
    }

    /// Version of Node.js, if this is one. Where the executable does not tell, `process.versions` does, for which the heap is
    /// indexed.
    pub fn node_version(&self) -> Option<&str> {
        self.embedder().filter(|embedder| embedder.name == Embedder::NODE).map(|node| &*node.version)
    }

    /// What runs V8, if the executable tells, or `process.versions`.
    pub fn embedder(&self) -> Option<&Embedder> {
        let said = || {
            let processes = self.node_processes(&Unattended).ok()?;
            processes.iter().find_map(|process| Embedder::of_versions(&process.versions))
        };
        self.embedder.get_or_init(said).as_ref()
    }

    /// The `process` objects of all contexts that have one; indexes the heap first if need be.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn node_processes(&self, monitor: &dyn Monitor) -> Result<Vec<NodeProcess>> {
        NodeProcess::all(&self.view, self.objects(monitor)?, self.kinds(monitor)?, monitor)
    }

    /// All objects; walks the heap when first asked.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor stops the walk; the next call starts it again.
    /// [`Error::LayoutMismatch`] if what was found shows that the layout does not fit this heap.
    pub fn objects(&self, monitor: &dyn Monitor) -> Result<&ObjectTable> {
        let started = Instant::now();
        let compute = || {
            let view = &self.view;
            let mut table = ObjectTable::build(view.words(), view.layout(), &view.maps, monitor)?;
            table.summary.elapsed = started.elapsed();
            view.check_before_use(&table)?;
            Ok(table)
        };
        self.obtain(&self.table, monitor, || Ok(&self.view), compute)
    }

    /// The table of objects, if it has been built.
    pub fn objects_if_built(&self) -> Option<&ObjectTable> {
        self.table.get()
    }

    /// All JavaScript objects by kind; indexes the heap first if need be.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor stops the work; the next call starts it again.
    pub fn kinds(&self, monitor: &dyn Monitor) -> Result<&Kinds> {
        let known = || Ok((&self.view, self.objects(monitor)?));
        let compute = || Kinds::build(&self.view, self.objects(monitor)?, monitor);
        self.obtain(&self.kinds, monitor, known, compute)
    }

    /// All objects and their kinds, if they have been asked for before: does no work.
    pub fn known_kinds(&self) -> Option<(&ObjectTable, &Kinds)> {
        Some((self.table.get()?, self.kinds.get()?))
    }

    /// All functions by definition; indexes the heap first if need be.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor stops the work; the next call starts it again.
    pub fn functions(&self, monitor: &dyn Monitor) -> Result<&Functions> {
        if let Some(functions) = self.functions.get() {
            return Ok(functions);
        }
        let functions = Functions::build(&self.view, self.objects(monitor)?, monitor)?;
        Ok(self.functions.get_or_init(|| functions))
    }

    /// All backing stores of ArrayBuffers; indexes the heap first if need be.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor stops the work; the next call starts it again.
    pub fn buffers(&self, monitor: &dyn Monitor) -> Result<&Buffers> {
        if let Some(buffers) = self.buffers.get() {
            return Ok(buffers);
        }
        let buffers = Buffers::build(&self.view, self.objects(monitor)?, monitor)?;
        Ok(self.buffers.get_or_init(|| buffers))
    }

    /// Who holds whom; indexes the heap first if need be.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor stops the work; the next call starts it again.
    /// [`Error::TooManyReferences`].
    pub fn graph(&self, monitor: &dyn Monitor) -> Result<&Graph> {
        let known = || Ok((&self.view, self.objects(monitor)?));
        let compute = || Graph::build(&self.view, self.objects(monitor)?, monitor);
        self.obtain(&self.graph, monitor, known, compute)
    }

    /// What holds objects from outside of the heap; indexes the heap first if need be.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor stops the work; the next call starts it again.
    pub fn roots(&self, monitor: &dyn Monitor) -> Result<&Roots> {
        let known = || Ok((&self.view, self.objects(monitor)?));
        let compute = || Roots::find(&self.view, self.objects(monitor)?, monitor);
        self.obtain(&self.roots, monitor, known, compute)
    }

    /// Which objects the roots reach; reads all references first if need be. V8's own snapshots list exactly these.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn reached(&self, monitor: &dyn Monitor) -> Result<&Arc<ObjectSet>> {
        let known = || Ok((self.graph(monitor)?, self.roots(monitor)?));
        let compute = || {
            let (graph, roots) = known()?;
            ObjectSet::reached(&self.view, self.objects(monitor)?, graph, roots, monitor).map(Arc::new)
        };
        self.obtain(&self.reached, monitor, known, compute)
    }

    /// How many objects of each kind the roots do not reach; kinds of which they reach all are left out.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub(crate) fn garbage(&self, monitor: &dyn Monitor) -> Result<&HashMap<GroupId, Tally>> {
        let known = || {
            let (table, kinds) = (self.objects(monitor)?, self.kinds(monitor)?);
            Ok((&self.view, table, kinds, &**self.reached(monitor)?))
        };
        let compute = || {
            let (view, table, kinds, reached) = known()?;
            Tally::garbage(view, table, kinds, self.graph(monitor)?, reached, monitor)
        };
        self.obtain(&self.garbage, monitor, known, compute)
    }

    /// Which objects are alive, garbage, or only held by a word of native memory.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn liveness(&self, monitor: &dyn Monitor) -> Result<&Liveness> {
        let known = || Ok((&self.view, self.objects(monitor)?, self.graph(monitor)?, self.reached(monitor)?));
        let compute = || {
            let (view, table, graph, reached) = known()?;
            Liveness::find(view, table, graph, self.roots(monitor)?, Arc::clone(reached), monitor)
        };
        self.obtain(&self.liveness, monitor, known, compute)
    }

    /// The roots, and the words of native memory that hold what nothing else does, by target.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn all_roots(&self, monitor: &dyn Monitor) -> Result<&[Root]> {
        if let Some(roots) = self.all_roots.get() {
            return Ok(roots);
        }
        let roots = self.roots(monitor)?.with(self.liveness(monitor)?.native.clone());
        Ok(self.all_roots.get_or_init(|| roots))
    }

    /// By whom each object is held, if that has been asked for before: does no work.
    pub(crate) fn known_holders(&self) -> Option<&Rows> {
        self.held_by.get()
    }

    /// By whom each object is held: the graph turned around.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn held_by(&self, monitor: &dyn Monitor) -> Result<&Rows> {
        let compute = || self.graph(monitor)?.holds.reversed(monitor);
        self.obtain(&self.held_by, monitor, || self.graph(monitor), compute)
    }

    /// Which objects would die with which, and how large that is. What only native memory leads to is not in it, and holds
    /// nothing.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn dominators(&self, monitor: &dyn Monitor) -> Result<&Dominators> {
        let compute = || {
            let roots = self.roots(monitor)?.all();
            Dominators::find(self.graph(monitor)?, self.held_by(monitor)?, roots, monitor)
        };
        self.obtain(&self.dominators, monitor, || Ok((&self.view, self.graph(monitor)?)), compute)
    }
}

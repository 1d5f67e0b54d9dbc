//! What C++ objects of Node.js consist of, and what they refer to: as Node.js itself tells V8.
//!
//! When V8 writes a heap snapshot, it asks its embedder for a graph (`v8::EmbedderGraph`). Node.js goes through all its objects from the
//! `Environment` on, and each adds nodes and edges (`MemoryRetainer::MemoryInfo`, `src/memory_tracker-inl.h`). Which parts an object has,
//! and where, only its code knows, and that differs from release to release. So the code is asked: it is followed over the memory of the
//! core ([`core_reader::Emulator`]), with a graph of ours, whose functions note what they are called with.
//!
//! ```text
//!   Environment::BuildEmbedderGraph(isolate, graph, environment)
//!       MemoryInfo of each object ...
//!           graph->AddNode(node)          --> noted; at the end node->Name(), SizeInBytes(), ...
//!           graph->V8Node(object)         --> noted
//!           graph->AddEdge(from, to, "x") --> noted
//! ```
//!
//! C++ objects that V8 collects itself V8 adds by a function of its own, which is asked as well.
//!
//! ```text
//!   CppGraphBuilder::Run(isolate, graph, CppHeap)
//!       every object: header --> number of its class --> GCInfo { finalize, trace, name }
//!           graph->AddNode(node), and node->WrapperNode() is that of its JavaScript object
//! ```
//!
//! Where an object cannot be asked, as its memory is damaged or an instruction is not known, all are asked once more without it.

mod parts;
mod telling;
#[cfg(test)]
mod tests;

use core_reader::{Contents, Emulator, Halt, Limits, Symbols};

use crate::graph::cpp_heap_of;
use crate::heap::Heap;
use crate::isolate::Isolate;
use crate::layout::native::{embedder_graph, memory_retainer};
use crate::pending::Environment;
use crate::{Error, Monitor, Result, Tagged};

use telling::Telling;

/// Instructions that are followed for all threads together: some hundreds an object, so that it is enough for millions of them.
const MOST_STEPS: u64 = 1 << 32;
/// Bytes of memory that is written to for a thread, at least and at most; in between as many as the core has.
const MEMORY: (u64, u64) = (64 << 20, 1 << 30);
/// So often all are asked again without an object that could not be.
const MOST_AGAIN: usize = 16;
/// Of one class, so many objects that cannot be asked mean that none can.
const MOST_OF_CLASS: usize = 2;

/// A node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A C++ object, or part of one.
    Native {
        /// `Node / ZlibStream`, as a number of [`EmbedderGraph::texts`].
        name: u32,
        /// In bytes.
        size: u64,
        /// Alive by itself.
        is_root: bool,
        /// Number of the node of the value that V8 takes for the same node.
        merged: Option<u32>,
    },
    /// A value of JavaScript.
    Value(Tagged),
}

/// That a node refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Number of a node.
    pub from: u32,
    /// Number of a node.
    pub to: u32,
    /// A number of [`EmbedderGraph::texts`]; none for an element of a list.
    pub name: Option<u32>,
}

/// What Node.js says of its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbedderGraph {
    /// All nodes; a value may have several.
    pub nodes: Vec<Node>,
    /// All edges, in the order in which Node.js tells them.
    pub edges: Vec<Edge>,
    /// Names of nodes and edges, each once.
    pub texts: Vec<String>,
    /// What is missing.
    pub told: Told,
    /// Why V8 could not be asked for the objects that it collects itself.
    pub lacks_collected: Option<Reason>,
}

/// How much Node.js could be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Everything.
    #[default]
    All,
    /// Everything but what these objects consist of, and what only they lead to.
    Without {
        /// How many.
        objects: usize,
        /// Why the first of them could not be asked.
        reason: Halt,
    },
    /// Nothing, or not to the end.
    Nothing(Reason),
}

/// Why Node.js could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There is no function to ask.
    #[error("the function that tells V8 more is not at hand")]
    Function,
    /// The threads of Node.js are not to be seen.
    #[error("the core does not tell where Node.js's Environment is")]
    Environment,
    /// No emulator.
    #[error("code of this processor is not followed")]
    Processor,
    /// It ended early.
    #[error(transparent)]
    Halt(#[from] Halt),
}

impl Heap<'_> {
    /// What Node.js says of the C++ objects of all its threads.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn embedder_graph(&self, symbols: &dyn Symbols, monitor: &dyn Monitor) -> Result<EmbedderGraph> {
        let nothing = |reason| EmbedderGraph { told: Told::Nothing(reason), ..EmbedderGraph::default() };
        let Some(builder) = symbols.find(embedder_graph::BUILDER) else {
            return Ok(nothing(Reason::Function));
        };
        let environments = self.environments(symbols, monitor)?.list;
        if environments.is_empty() {
            return Ok(nothing(Reason::Environment));
        }
        let dumped = self.memory().ranges().iter().filter(|range| range.contents == Contents::Dumped);
        let bytes: u64 = dumped.map(|range| range.end.0 - range.start.0).sum();
        let mut asking = Asking {
            heap: self,
            symbols,
            monitor,
            builder: builder.address.0,
            collected: None,
            limits: Limits { steps: MOST_STEPS, bytes: bytes.clamp(MEMORY.0, MEMORY.1) },
        };
        asking.collected = collected(symbols);
        let mut graph = EmbedderGraph::default();
        monitor.begin("asking Node.js's objects", environments.len() as u64);
        for environment in &environments {
            asking.ask(environment, &mut graph)?;
            monitor.advance(1);
        }
        Ok(graph)
    }
}

/// What V8 is asked with for the C++ objects that it collects itself.
struct Collected {
    builder: u64,
    /// What a `CppHeap` begins with.
    functions: u64,
    /// What goes through the stack.
    stack: Option<u64>,
}

/// What all threads are asked with.
struct Asking<'a, 't> {
    heap: &'a Heap<'t>,
    symbols: &'a dyn Symbols,
    monitor: &'a dyn Monitor,
    builder: u64,
    collected: Option<Collected>,
    limits: Limits,
}

/// An object that cannot be asked, by its function.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Silent {
    function: u64,
    object: u64,
}

impl Asking<'_, '_> {
    /// Adds what a thread says.
    fn ask(&mut self, environment: &Environment, graph: &mut EmbedderGraph) -> Result<()> {
        let isolates = self.heap.spaces().isolates();
        let Some(isolate) = isolates.iter().find(|isolate| isolate.heap == environment.heap) else {
            graph.lacks(Reason::Environment);
            return Ok(());
        };
        let owner = self.heap.thread_of(isolate);
        let pointer = owner.map_or(0, |owner| owner.thread.registers.thread_pointer());
        let mut silent: Vec<Silent> = Vec::new();
        let mut first = None;
        loop {
            let emulator = Emulator::new(self.heap.memory(), self.symbols, pointer, self.limits);
            let Some(mut emulator) = emulator else {
                graph.lacks(Reason::Processor);
                return Ok(());
            };
            let mut telling = match Telling::new(&mut emulator, self.limits.bytes, &silent, self.monitor) {
                Ok(telling) => telling,
                Err(halt) => {
                    graph.lacks(halt.into());
                    return Ok(());
                }
            };
            let arguments = [isolate.address, telling.graph(), environment.address];
            let said = emulator.call(self.builder, &arguments, &mut telling);
            self.limits.steps = emulator.steps_left();
            if said.is_err() && self.monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            if said.is_ok() {
                self.ask_collector(isolate, &mut emulator, &mut telling, graph)?;
                self.limits.steps = emulator.steps_left();
            }
            if let Err(halt) = said {
                first.get_or_insert(halt);
                let may_go_on = !matches!(halt, Halt::Steps | Halt::Room) && silent.len() < MOST_AGAIN;
                if let Some(found) = asked(&mut emulator).filter(|found| may_go_on && !silent.contains(found))
                {
                    silent.push(found);
                    continue;
                }
                graph.lacks(halt.into());
                emulator.abandon();
            }
            telling.finish(&mut emulator, graph);
            self.limits.steps = emulator.steps_left();
            if let (Some(reason), Told::All) = (first, &graph.told) {
                graph.told = Told::Without { objects: telling.passed_over(), reason };
            }
            return Ok(());
        }
    }
}

/// What there is to ask V8 with, if its functions have names.
fn collected(symbols: &dyn Symbols) -> Option<Collected> {
    let at = |name: &str| symbols.find(name).map(|found| found.address.0);
    let builder = embedder_graph::CPP_BUILDERS.into_iter().find_map(at)?;
    let functions = at(embedder_graph::CPP_HEAP)?.wrapping_add(embedder_graph::CPP_HEAP_FUNCTIONS);
    Some(Collected { builder, functions, stack: at(embedder_graph::STACK) })
}

impl Asking<'_, '_> {
    /// Adds the C++ objects that V8 collects itself. If it does not say them all, what it said is left as it is.
    fn ask_collector(
        &mut self,
        isolate: &Isolate,
        emulator: &mut Emulator<'_>,
        telling: &mut Telling<'_>,
        graph: &mut EmbedderGraph,
    ) -> Result<()> {
        let Some(collected) = &self.collected else {
            graph.lacks_collected = Some(Reason::Function);
            return Ok(());
        };
        let heap = cpp_heap_of(self.heap, isolate, collected.functions);
        // An isolate need not have one.
        let Some(heap) = heap else { return Ok(()) };
        if let Some(stack) = collected.stack {
            telling.pass_over(emulator, stack);
        }
        let said = empty_set(emulator).and_then(|set| {
            let arguments = [isolate.address, telling.graph(), heap, set];
            emulator.call(collected.builder, &arguments, telling)
        });
        match said {
            Ok(_) => Ok(()),
            Err(_) if self.monitor.cancelled() => Err(Error::Interrupted),
            Err(halt) => {
                graph.lacks_collected = Some(halt.into());
                emulator.abandon();
                Ok(())
            }
        }
    }
}

/// An empty `std::unordered_set`.
fn empty_set(emulator: &mut Emulator<'_>) -> std::result::Result<u64, Halt> {
    use embedder_graph::empty_set::{BUCKET, BUCKETS, COUNT, LOAD, SIZE};
    let set = emulator.allocate(SIZE)?;
    emulator.set_word(set + BUCKETS, set + BUCKET)?;
    emulator.set_word(set + COUNT, 1)?;
    emulator.set_word(set + LOAD, u64::from(1_f32.to_bits()))?;
    Ok(set)
}

impl EmbedderGraph {
    fn lacks(&mut self, reason: Reason) {
        if !matches!(self.told, Told::Nothing(_)) {
            self.told = Told::Nothing(reason);
        }
    }
}

/// The innermost object that was being asked what it consists of when it ended.
fn asked(emulator: &mut Emulator<'_>) -> Option<Silent> {
    let calls = emulator.calls().to_vec();
    calls.iter().rev().find_map(|call| {
        let table = emulator.word(call.first).ok()?;
        let function = emulator.word(table.checked_add(memory_retainer::PARTS)?).ok()?;
        (function == call.function).then_some(Silent { function, object: call.first })
    })
}

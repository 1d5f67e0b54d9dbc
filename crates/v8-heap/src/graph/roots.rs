//! Roots: what keeps objects alive from outside of the heap.
//!
//! How they are found is told in `handles` and `background_handles` (what V8 lists), `stacks` and `native_memory` (what nobody lists).

/// What holds an object from outside of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RootKind {
    /// V8's table of strong roots.
    RootsTable,
    /// Another field of the isolate.
    Isolate,
    /// A handle of a native function that is running.
    HandleScope,
    /// A strong handle of Node.js or an addon.
    GlobalHandle,
    /// A handle of Node.js that is never given back.
    EternalHandle,
    /// A reference of a C++ object that has a garbage collector of its own.
    TracedHandle,
    /// A task that waits in a microtask queue: the continuation of a promise.
    Microtask,
    /// The cache of what the startup snapshot holds.
    ObjectCache,
    /// The cache of compiled scripts.
    CompilationCache,
    /// A list that V8 keeps of roots of its own parts.
    StrongRoots,
    /// A handle of work for a background thread that waits or runs: of a compiler, mostly.
    Job,
    /// A frame of V8 on the stack of a thread, by its number.
    Stack(u32),
    /// A register of a thread that runs code of V8, by its number.
    Register(u32),
    /// A frame of a native function on the stack of a thread, by its number, or such a function's register: mostly left over.
    NativeFrame(u32),
    /// Some word of native memory, of which it is not known what it is.
    NativeMemory,
}

impl RootKind {
    /// Whether V8 lists it; of the others, which are found by what they look like, some may be left over.
    pub fn is_listed(self) -> bool {
        !matches!(
            self,
            RootKind::Stack(_) | RootKind::Register(_) | RootKind::NativeFrame(_) | RootKind::NativeMemory
        )
    }
}

/// A word outside of the heap that holds an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Root {
    /// Number of the object.
    pub target: u32,
    /// What holds it.
    pub kind: RootKind,
    /// Where the word is; of a register, nothing.
    pub at: u64,
}

/// All roots, by target.
#[derive(Debug, Default)]
pub struct Roots {
    pub(super) roots: Vec<Root>,
    /// Words on stacks and in registers that are the addresses of objects, in frames that are not V8's.
    pub(super) leftovers: Vec<Root>,
    /// What could not be found, in words: nothing if all is there.
    pub missing: Vec<String>,
    /// Memory outside of the pages that tells what the roots are, as `[start, end)`.
    pub(super) memory: Vec<(u64, u64)>,
}

impl Roots {
    /// All roots, by target.
    pub fn all(&self) -> &[Root] {
        &self.roots
    }

    /// The roots that hold an object; those that certainly do come first.
    pub fn of(&self, target: u32) -> &[Root] {
        let start = self.roots.partition_point(|root| root.target < target);
        let end = self.roots[start..].partition_point(|root| root.target == target);
        &self.roots[start..start + end]
    }

    /// Whether an object is held by one at least.
    pub fn hold(&self, target: u32) -> bool {
        !self.of(target).is_empty()
    }

    /// The same with `others`.
    pub(crate) fn with(&self, others: Vec<Root>) -> Vec<Root> {
        let mut all = self.roots.clone();
        all.extend(others);
        all.sort_unstable();
        all
    }

    /// Memory outside of the pages that tells what the roots are, as `[start, end)`.
    pub(crate) fn memory(&self) -> &[(u64, u64)] {
        &self.memory
    }

    /// Whether everything that V8 counts as a root could be looked at. If not, what seems dead may be alive.
    pub fn are_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// The same stretches of memory, sorted, none of which overlap.
pub(super) fn merged(mut stretches: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    stretches.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(stretches.len());
    for (start, end) in stretches {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    merged
}

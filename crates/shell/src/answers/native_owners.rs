//! Which C++ objects own how much native memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use core_reader::{Block, BlockId, BlockState, Malloc, Owner};
use v8_heap::Monitor;
use v8_heap::objects::value::Value;

use crate::answers::native_memory::{class_of, malloc};
use crate::answers::search::Watched;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;

/// C++ objects of a class behind objects of a constructor, and what they own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnerClass {
    /// How many.
    pub(crate) objects: u64,
    /// Blocks that they own, those that they are included.
    pub(crate) blocks: u64,
    /// Bytes of these, with headers.
    pub(crate) bytes: u64,
}

/// Native memory by owner: all blocks in use, each once.
#[derive(Debug, Default)]
pub(crate) struct NativeOwners {
    /// By constructor in JavaScript and class in C++ (nothing if the binary has no symbol for it).
    pub(crate) classes: BTreeMap<(String, Option<String>), OwnerClass>,
    /// Buffers of JavaScript: blocks and bytes.
    pub(crate) buffers: (u64, u64),
    /// Blocks that several owners come to at once.
    pub(crate) shared: (u64, u64),
    /// Blocks of data, stacks and other memory.
    pub(crate) elsewhere: (u64, u64),
    /// Blocks that only V8's pages lead to, or nothing.
    pub(crate) nobody: (u64, u64),
    /// Blocks of the allocator itself.
    pub(crate) own: (u64, u64),
}

impl NativeOwners {
    /// The class whose objects own most.
    pub(crate) fn greatest(&self) -> Option<(&(String, Option<String>), &OwnerClass)> {
        self.classes.iter().max_by_key(|(_, class)| class.bytes)
    }
}

/// Finds out whose the blocks are.
///
/// # Errors
/// There is no heap, or no allocator that is known; or the user interrupts.
pub(crate) fn native_owners(context: &Context) -> Result<NativeOwners, DcmdError> {
    let heap = context.heap()?;
    let malloc = malloc(context)?;
    let progress = context.progress();
    let (owners, names) = owning(context, malloc)?;
    let mut apart = Vec::new();
    let mut seen = HashSet::new();
    for store in &heap.buffers(&progress)?.stores {
        let block = malloc.blocks().around(store.address).filter(|block| block.state.is_used());
        apart.extend(block.map(|block| block.id).filter(|id| store.kind.is_allocated() && seen.insert(*id)));
    }
    let pages: Vec<(u64, u64)> =
        heap.spaces().pages().iter().map(|page| (page.base, page.base.saturating_add(page.size))).collect();
    progress.begin("finding owners of native memory", 0);
    let core = context.target()?.core();
    let found =
        malloc.owners(core, &owners, &apart, &pages, &Watched(&progress)).ok_or(DcmdError::Interrupted)?;
    let mut all = NativeOwners::default();
    for name in &names {
        all.classes.entry(name.clone()).or_default().objects += 1;
    }
    for block in malloc.blocks().iter().filter(|block| block.state.is_used()) {
        context.check_interrupt()?;
        let sum = match found.of(block.id) {
            _ if block.state == BlockState::Own => &mut all.own,
            _ if seen.contains(&block.id) => &mut all.buffers,
            Owner::Of(number) => {
                let class = names.get(number as usize).and_then(|name| all.classes.get_mut(name));
                let Some(class) = class else { continue };
                class.blocks += 1;
                class.bytes += block.chunk_bytes;
                continue;
            }
            Owner::Several => &mut all.shared,
            Owner::Elsewhere => &mut all.elsewhere,
            Owner::Nobody => &mut all.nobody,
        };
        *sum = (sum.0 + 1, sum.1 + block.chunk_bytes);
    }
    Ok(all)
}

/// What an owner is called: its constructor in JavaScript, and its class in C++.
type Name = (String, Option<String>);

/// The blocks of C++ objects behind objects of the heap, with their names.
fn owning(context: &Context, malloc: &Malloc) -> Result<(Vec<BlockId>, Vec<Name>), DcmdError> {
    let heap = context.heap()?;
    let (mut blocks, mut names) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    let mut classes: HashMap<u64, Option<String>> = HashMap::new();
    for native in heap.native_objects(&context.progress())? {
        context.check_interrupt()?;
        // An object may lie within a larger one: the block is that of the whole.
        let Some(block) = malloc.blocks().around(native.address).filter(|block| block.state.is_used()) else {
            continue;
        };
        if !seen.insert(block.id) {
            continue;
        }
        let constructor = match heap.value(native.object) {
            Ok(Value::Object(object)) => escape(heap.name(heap.constructor_name(object))).into_owned(),
            _ => String::new(),
        };
        let class = class(context, &block, &mut classes);
        blocks.push(block.id);
        names.push((constructor, class));
    }
    Ok((blocks, names))
}

fn class(context: &Context, block: &Block, known: &mut HashMap<u64, Option<String>>) -> Option<String> {
    let first = crate::answers::native_memory::table_word(context, block)?;
    known.entry(first).or_insert_with(|| class_of(context, block)).clone()
}

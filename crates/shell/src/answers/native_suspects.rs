//! Classes of objects that own much native memory, and who keeps them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use core_reader::{BlockId, Memory};
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::{Heap, Tagged};

use crate::answers::merged_ways::{MergedWay, merged_ways};
use crate::answers::native_memory::{malloc, malloc_in};
use crate::answers::native_owners::{Name, NativeOwner, NativeOwners, native_owners};
use crate::answers::share::{is_percent, percent};
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::Progress;

/// Objects of a class whose native memory is worth a word.
#[derive(Debug)]
pub(crate) struct NativeSuspect {
    /// The constructor in JavaScript, and the class in C++.
    pub(crate) name: Name,
    /// How many objects.
    pub(crate) count: u64,
    /// Blocks and bytes that they own; estimated: each block is of the nearest owner.
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    /// Part of all native memory in use.
    pub(crate) percent: u64,
    /// The one that owns most, and how much.
    pub(crate) largest: Tagged,
    pub(crate) largest_bytes: u64,
    /// The ways to them, those that read alike once, the most frequent first.
    pub(crate) ways: Vec<MergedWay>,
    /// How many of them C++ objects of other classes keep, the most first: in C++ they are held where JavaScript shows no more than a
    /// handle.
    pub(crate) keepers: Vec<(Name, u64)>,
}

/// Less native memory than this is no suspect,
const LEAST_BYTES: u64 = 1 << 20;
/// nor is a smaller part of it,
const LEAST_PERCENT: u64 = 10;
/// nor of the JavaScript heap and what is outside of it.
const LEAST_PERCENT_OF_HEAP: u64 = 5;

/// The classes whose objects own much native memory, the largest first. Nothing if the allocator is not known.
///
/// `heap_bytes`: the living heap and what it owns outside.
///
/// # Errors
/// The user interrupts, or a graph cannot be had.
pub(crate) fn native_suspects(
    context: &Context,
    heap: &Heap<'_>,
    table: &ObjectTable,
    heap_bytes: u64,
    monitor: &Progress,
) -> Result<Vec<NativeSuspect>, DcmdError> {
    // Whose the blocks are is asked only where they can be much.
    let Some(malloc) = malloc_in(context.target()?, monitor)? else { return Ok(Vec::new()) };
    let blocks = malloc.blocks().iter().filter(|block| block.state.is_used());
    let used = blocks.map(|block| block.chunk_bytes).fold(0, u64::saturating_add);
    if used < LEAST_BYTES || !is_percent(used, LEAST_PERCENT_OF_HEAP, heap_bytes) {
        return Ok(Vec::new());
    }
    let all = match native_owners(context) {
        Ok(all) => all,
        Err(DcmdError::Failed(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let others = [all.buffers, all.shared, all.elsewhere, all.nobody];
    let bytes = all.classes.values().map(|class| class.bytes).chain(others.iter().map(|sum| sum.1));
    let total = bytes.fold(0, u64::saturating_add);
    let is_much = |bytes: u64| {
        bytes >= LEAST_BYTES
            && is_percent(bytes, LEAST_PERCENT, total)
            && is_percent(bytes, LEAST_PERCENT_OF_HEAP, heap_bytes)
    };
    let mut found = Vec::new();
    for (name, class) in all.classes.iter().filter(|(_, class)| is_much(class.bytes)) {
        let own = || all.owners.iter().filter(|owner| owner.name == *name);
        let Some(largest) = own().max_by_key(|owner| owner.bytes) else { continue };
        let ids: Vec<ObjectId> =
            own().filter_map(|owner| table.id_at(heap.spaces(), owner.object.object()?)).collect();
        let (ways, _) = merged_ways(context, heap, table, &ids, monitor)?;
        found.push(NativeSuspect {
            name: name.clone(),
            count: class.objects,
            blocks: class.blocks,
            bytes: class.bytes,
            percent: percent(class.bytes, total),
            largest: largest.object,
            largest_bytes: largest.bytes,
            ways,
            keepers: keepers(context, &all, name)?,
        });
    }
    found.sort_by_key(|suspect| Reverse(suspect.bytes));
    Ok(found)
}

/// Which objects of other classes have blocks with a pointer to the C++ objects of a class, and to how many of these.
fn keepers(context: &Context, all: &NativeOwners, name: &Name) -> Result<Vec<(Name, u64)>, DcmdError> {
    let malloc = malloc(context)?;
    let memory = context.memory()?;
    let number_of: HashMap<BlockId, usize> =
        all.owners.iter().enumerate().map(|(number, owner)| (owner.block, number)).collect();
    let is_own = |owner: &NativeOwner| owner.name == *name;
    let mut kept: BTreeMap<&Name, HashSet<BlockId>> = BTreeMap::new();
    let mut bytes = Vec::new();
    for (block, number) in &all.of_blocks {
        context.check_interrupt()?;
        let owner = &all.owners[*number as usize];
        if is_own(owner) {
            continue;
        }
        let Some(block) = malloc.blocks().get(*block) else { continue };
        bytes.resize(block.bytes.min(LARGEST_READ) as usize / 8 * 8, 0);
        if memory.read_into(block.start, &mut bytes).is_err() {
            continue;
        }
        for word in bytes.as_chunks::<8>().0 {
            let Some(target) = malloc.blocks().around(u64::from_le_bytes(*word)) else { continue };
            if number_of.get(&target.id).is_some_and(|number| is_own(&all.owners[*number])) {
                kept.entry(&owner.name).or_default().insert(target.id);
            }
        }
    }
    let mut kept: Vec<(Name, u64)> =
        kept.into_iter().map(|(name, blocks)| (name.clone(), blocks.len() as u64)).collect();
    kept.sort_by_key(|(_, count)| Reverse(*count));
    Ok(kept)
}

/// Larger blocks hold data, not pointers to objects; so much of one is looked at.
const LARGEST_READ: u64 = 1 << 16;

/// What C++ objects of Node.js that JavaScript never sees are for, in words of who uses them.
const PURPOSES: &[(&str, &str)] = &[("node::BlobBindingData", "what URL.createObjectURL registers")];

/// `Zlib (node::ZlibStream)`; of an object that only stands for C++, the class: `node::BlobBindingData, what ...`
pub(crate) fn keeper((constructor, class): &Name) -> String {
    let purpose = |class: &str| PURPOSES.iter().find(|(of, _)| *of == class).map(|(_, purpose)| *purpose);
    match class {
        Some(class) => match purpose(class) {
            Some(purpose) => format!("{class} ({purpose})"),
            None => class.clone(),
        },
        None => constructor.clone(),
    }
}

/// `Zlib (node::ZlibStream)`
pub(crate) fn shown((constructor, class): &Name) -> String {
    match class {
        Some(class) => format!("{constructor} ({class})"),
        None => constructor.clone(),
    }
}

//! Classes of objects that own much native memory, and who keeps them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use core_reader::{Block, BlockId, Memory};
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::questions::ClassHolders;
use v8_heap::{Heap, Tagged};

use crate::answers::calling_place::calling_places;
use crate::answers::excerpt::SourceLine;
use crate::answers::explained::LEAST_BYTES;
use crate::answers::merged_ways::{MergedWay, merged_ways};
use crate::answers::native_memory::{malloc, malloc_in};
use crate::answers::native_owners::{Name, NativeOwners, native_owners};
use crate::answers::native_sums::NativeSums;
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
    /// How many of them C++ objects of other classes lead to, the most first: in C++ they are held where JavaScript shows no more than a
    /// handle.
    pub(crate) keepers: Vec<(Name, u64)>,
    /// Objects of the program's classes that hold a few of them each, those that hold most first.
    pub(crate) holders: Vec<ClassHolders>,
    /// The function that puts them where C++ keeps them, and the lines that call it.
    pub(crate) registered: Option<Registered>,
}

/// A function of Node.js that registers objects, and who calls it.
#[derive(Debug)]
pub(crate) struct Registered {
    /// `URL.createObjectURL`
    pub(crate) by: &'static str,
    /// Lines of the program that call it.
    pub(crate) calls: Vec<SourceLine>,
}

/// What native memory says of leaks.
#[derive(Debug, Default)]
pub(crate) struct NativeLeaks {
    /// The classes whose objects own much of it, the largest first.
    pub(crate) suspects: Vec<NativeSuspect>,
    /// How much of it goes with objects; nothing if the allocator is not known, or there is little.
    pub(crate) sums: Option<NativeSums>,
}

/// A smaller part of native memory is no suspect,
const LEAST_PERCENT: u64 = 10;
/// nor of the JavaScript heap and what is outside of it.
const LEAST_PERCENT_OF_HEAP: u64 = 5;

/// The classes whose objects own much native memory, and how much goes with which objects.
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
) -> Result<NativeLeaks, DcmdError> {
    // Whose the blocks are is asked only where they can be much.
    let Some(malloc) = malloc_in(context.target()?, monitor)? else { return Ok(NativeLeaks::default()) };
    let blocks = malloc.blocks().iter().filter(|block| block.state.is_used());
    let used = blocks.map(|block| block.chunk_bytes).fold(0, u64::saturating_add);
    if used < LEAST_BYTES || !is_percent(used, LEAST_PERCENT_OF_HEAP, heap_bytes) {
        return Ok(NativeLeaks::default());
    }
    let all = match native_owners(context) {
        Ok(all) => all,
        Err(DcmdError::Failed(_)) => return Ok(NativeLeaks::default()),
        Err(error) => return Err(error),
    };
    let others = [all.buffers, all.strings, all.shared, all.elsewhere, all.nobody];
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
        let keepers = keepers(context, &all, name)?;
        let is_most = |keeper: &&(Name, u64)| 2 * keeper.1 > class.objects;
        let purpose = keepers.iter().find(is_most).and_then(|(keeper, _)| purpose(keeper));
        let registered = match purpose {
            Some(Purpose { by, .. }) => Some(Registered { by, calls: calling_places(context, heap, by)? }),
            None => None,
        };
        found.push(NativeSuspect {
            name: name.clone(),
            count: class.objects,
            blocks: class.blocks,
            bytes: class.bytes,
            percent: percent(class.bytes, total),
            largest: largest.object,
            largest_bytes: largest.bytes,
            ways,
            keepers,
            holders: heap.class_holders(&ids, monitor)?,
            registered,
        });
    }
    found.sort_by_key(|suspect| Reverse(suspect.bytes));
    let sums = NativeSums::of(heap, table, &all, monitor)?;
    Ok(NativeLeaks { suspects: found, sums: Some(sums) })
}

/// Which objects of other classes lead to the C++ objects of a class, and to how many of these: by pointers of their own, or by way of
/// blocks that they own and small ones that are nobody else's, as nodes of a list or of a hash table are.
fn keepers(context: &Context, all: &NativeOwners, name: &Name) -> Result<Vec<(Name, u64)>, DcmdError> {
    let malloc = malloc(context)?;
    let memory = context.memory()?;
    let own: HashSet<BlockId> =
        all.owners.iter().filter(|owner| owner.name == *name).map(|owner| owner.block).collect();
    let is_shared = |block: &Block| all.shared_blocks.binary_search(&block.id).is_ok();
    let leads_on = |block: &Block, keeper: &Name| match all.owner_of(block.id).map(|owner| &owner.name) {
        Some(owner) if owner == keeper => true,
        Some(owner) => owner == name && (own.contains(&block.id) || block.bytes <= LARGEST_NODE),
        None => is_shared(block) && block.bytes <= LARGEST_NODE,
    };
    let mut starts: BTreeMap<&Name, Vec<BlockId>> = BTreeMap::new();
    for owner in all.owners.iter().filter(|owner| owner.name != *name) {
        starts.entry(&owner.name).or_default().push(owner.block);
    }
    let mut kept = Vec::new();
    let mut bytes = Vec::new();
    for (keeper, mut waiting) in starts {
        let mut reached: HashSet<BlockId> = waiting.iter().copied().collect();
        let mut count = 0;
        while let Some(id) = waiting.pop() {
            context.check_interrupt()?;
            let Some(block) = malloc.blocks().get(id) else { continue };
            bytes.resize(block.bytes.min(LARGEST_READ) as usize / 8 * 8, 0);
            if memory.read_into(block.start, &mut bytes).is_err() {
                continue;
            }
            for word in bytes.as_chunks::<8>().0 {
                let Some(target) = malloc.blocks().around(u64::from_le_bytes(*word)) else { continue };
                if !leads_on(&target, keeper) || !reached.insert(target.id) {
                    continue;
                }
                match own.contains(&target.id) {
                    true => count += 1,
                    false => waiting.push(target.id),
                }
            }
        }
        kept.extend((count > 0).then(|| (keeper.clone(), count)));
    }
    kept.sort_by_key(|(_, count)| Reverse(*count));
    Ok(kept)
}

/// Larger blocks hold data, not pointers to objects; so much of one is looked at.
const LARGEST_READ: u64 = 1 << 16;
/// Larger blocks are no nodes of a list or of a table.
const LARGEST_NODE: u64 = 512;

/// What a C++ object of Node.js that JavaScript never sees is for.
struct Purpose {
    /// Its class.
    of: &'static str,
    /// What it is for, in words of who uses it.
    says: &'static str,
    /// The function that adds to it.
    by: &'static str,
}

/// Those that keep objects for the program.
const PURPOSES: &[Purpose] = &[Purpose {
    of: "node::BlobBindingData",
    says: "what URL.createObjectURL registers",
    by: "URL.createObjectURL",
}];

fn purpose((_, class): &Name) -> Option<&'static Purpose> {
    PURPOSES.iter().find(|purpose| class.as_deref() == Some(purpose.of))
}

/// `Zlib (node::ZlibStream)`; of an object that only stands for C++, the class: `node::BlobBindingData, what ...`
pub(crate) fn keeper(name: &Name) -> String {
    let (constructor, class) = name;
    match (class, purpose(name)) {
        (Some(class), Some(purpose)) => format!("{class} ({})", purpose.says),
        (Some(class), None) => class.clone(),
        (None, _) => constructor.clone(),
    }
}

/// `Zlib (node::ZlibStream)`
pub(crate) fn shown((constructor, class): &Name) -> String {
    match class {
        Some(class) => format!("{constructor} ({class})"),
        None => constructor.clone(),
    }
}

//! Which C++ objects own how much native memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use core_reader::{
    Address, Block, BlockId, BlockState, CountedOthers, Malloc, Memory, Others, Owner, OwnerBlock,
};
use v8_heap::objects::value::Value;
use v8_heap::{Monitor, Tagged};

use crate::answers::buffer_memory::{BufferMemory, memory_of};
use crate::answers::native_memory::{class_in, malloc, malloc_in, table_word};
use crate::answers::search::Watched;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{Progress, escape};
use crate::print::named_class;
use crate::target::Target;

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

/// A C++ object behind an object of the heap, and what it owns.
#[derive(Clone, Debug)]
pub(crate) struct NativeOwner {
    /// The object of the heap.
    pub(crate) object: Tagged,
    /// The block that the C++ object is in.
    pub(crate) block: BlockId,
    /// What it is called.
    pub(crate) name: Name,
    /// Bytes of the blocks that it owns, with headers.
    pub(crate) bytes: u64,
}

/// Native memory by owner: all blocks in use, each once.
#[derive(Debug, Default)]
pub(crate) struct NativeOwners {
    /// One by one.
    pub(crate) owners: Vec<NativeOwner>,
    /// The blocks that one of them owns, by address, with its number.
    pub(crate) of_blocks: Vec<(BlockId, u32)>,
    /// By constructor in JavaScript and class in C++ (nothing if the binary has no symbol for it).
    pub(crate) classes: BTreeMap<Name, OwnerClass>,
    /// Buffers of JavaScript: blocks and bytes.
    pub(crate) buffers: (u64, u64),
    /// Characters of strings that JavaScript has outside of its heap.
    pub(crate) strings: (u64, u64),
    /// Blocks that several owners come to at once.
    pub(crate) shared: (u64, u64),
    /// These blocks.
    pub(crate) shared_blocks: Vec<BlockId>,
    /// The blocks of buffers and of strings.
    pub(crate) buffer_blocks: Vec<BlockId>,
    pub(crate) string_blocks: Vec<BlockId>,
    /// Blocks of data, stacks and other memory.
    pub(crate) elsewhere: (u64, u64),
    /// Blocks that only V8's pages lead to, or nothing.
    pub(crate) nobody: (u64, u64),
    /// Blocks of the allocator itself.
    pub(crate) own: (u64, u64),
}

impl NativeOwners {
    /// Who owns a block.
    pub(crate) fn owner_of(&self, block: BlockId) -> Option<&NativeOwner> {
        let index = self.of_blocks.binary_search_by_key(&block, |(block, _)| *block).ok()?;
        self.owners.get(self.of_blocks[index].1 as usize)
    }

    /// The class whose objects own most.
    pub(crate) fn greatest(&self) -> Option<(&Name, &OwnerClass)> {
        self.classes.iter().max_by_key(|(_, class)| class.bytes)
    }
}

/// Constructors of objects whose C++ object is mostly room for text, which is not cleared before it is used, and which owns nothing of
/// any size beside that (Node.js: `StringPtrAllocator` in `src/node_http_parser.cc`).
const WITH_ROOM: [&str; 1] = ["HTTPParser"];

/// What objects of a class have by way of objects of others, beside blocks of no class on that way.
struct Chain {
    owner: &'static str,
    /// Parts of the names of these classes.
    by: &'static [&'static str],
}

/// A Blob has a queue of entries, which have the stores of their data (Node.js: `src/node_blob.h`, `src/dataqueue/queue.cc`):
///
/// ```text
///   Blob --> counted DataQueueImpl --> vector --> InMemoryEntry --> BackingStore --> data
///                                                     '--> counted BackingStore --^
/// ```
const CHAINS: [Chain; 1] =
    [Chain { owner: "Blob", by: &["DataQueueImpl", "InMemoryEntry", "v8::internal::BackingStore"] }];
/// Steps of a chain.
const MOST_LINKS: usize = 8;
/// Blocks that belong to one owner by a chain.
const MOST_CERTAIN: usize = 1 << 16;
/// The data at the end of a chain leads nowhere: blocks of no class that are larger are not read.
const LARGEST_LINK: u64 = 1 << 12;

/// Classes whose objects have a stream of zlib. Its state begins with the address of the stream, and has the window and tables (zlib:
/// `internal_state` in `deflate.h`, `inflate_state` in `inflate.h`; Node.js: `ZlibContext` in `src/node_zlib.cc`, whose allocator puts a word in
/// front).
///
/// ```text
///   ZlibStream --> state --> window, tables
///        ^           |
///        '-----------'
/// ```
const WITH_STREAM: [&str; 1] = ["ZlibStream"];
/// The words at the start of a block among which the first of a state is.
const STATE_WORDS: u64 = 3;
/// No window or table is smaller, in bytes.
const SMALLEST_TABLE: u64 = 1 << 9;

/// The state of the stream that an owner has, and what it has.
fn stream_of(target: &Target, malloc: &Malloc, owner: &NativeOwner) -> Vec<BlockId> {
    let own = owner.name.1.as_deref().and_then(|class| class.rsplit("::").next());
    let own = own.filter(|class| WITH_STREAM.contains(class)).and_then(|_| malloc.blocks().get(owner.block));
    let Some(own) = own else { return Vec::new() };
    let mut found = Vec::new();
    for (state, _) in malloc.leads_to(target.core(), own.id, None) {
        let mut words = (0..STATE_WORDS).map(|index| Address(state.start.0.saturating_add(8 * index)));
        let leads_back = words.any(|at| target.memory().read_u64(at).is_ok_and(|word| own.contains(word)));
        if leads_back && state.id != own.id {
            let tables = malloc.leads_to(target.core(), state.id, None).into_iter();
            let tables = tables.filter(|(block, _)| block.bytes >= SMALLEST_TABLE && block.id != own.id);
            found.push(state.id);
            found.extend(tables.map(|(block, _)| block.id));
        }
    }
    found
}

/// Blocks that are an owner's for certain: its class has them in a known way. Words that are left over from who had the memory of an
/// object before lead to objects of other classes.
fn certain_of(
    target: &Target,
    malloc: &Malloc,
    owner: &NativeOwner,
    classes: &mut HashMap<u64, Option<String>>,
) -> Vec<BlockId> {
    let own = owner.name.1.as_deref().map(|class| class.trim_start_matches("node::"));
    let Some(chain) = CHAINS.iter().find(|chain| own == Some(chain.owner)) else {
        return stream_of(target, malloc, owner);
    };
    let mut found: HashSet<BlockId> = HashSet::new();
    let mut links = vec![(owner.block, None)];
    for step in 0..MOST_LINKS {
        let mut next = Vec::new();
        for (link, used) in links {
            for (block, used) in malloc.leads_to(target.core(), link, used) {
                if block.id == owner.block || found.contains(&block.id) || found.len() >= MOST_CERTAIN {
                    continue;
                }
                let is_link = match class(target, &block, classes) {
                    Some(class) => chain.by.iter().any(|part| class.contains(part)),
                    // A table of functions without a name is of some class.
                    None => step > 0 && table_word(target.core(), &block).is_none(),
                };
                if is_link {
                    found.insert(block.id);
                    next.extend((block.bytes <= LARGEST_LINK).then_some((block.id, used)));
                }
            }
        }
        links = next;
    }
    found.into_iter().collect()
}

/// Classes of objects that give a library an allocator, which counts what it gives out: all of that is theirs, whatever else leads to it
/// (Node.js: `NgLibMemoryManager` in `src/node_mem.h`). Their streams lead to some of it, and what was freed by one and taken by
/// another has words of both.
const WITH_ALLOCATOR: [&str; 1] = ["Http2Session"];

/// Rounds in which such blocks are looked for.
const MOST_ROUNDS: usize = 8;

/// Whether an owner has an allocator of its own.
fn has_allocator(owner: &NativeOwner) -> bool {
    let class = owner.name.1.as_deref().and_then(|class| class.rsplit("::").next());
    class.is_some_and(|class| WITH_ALLOCATOR.contains(&class))
}

/// The blocks that owners have by allocators of their own, by the owners' blocks. An owner knows how much that is: where the blocks that are
/// found make up just as much, they are its own for certain, and no other's.
fn pieces(target: &Target, malloc: &Malloc, owners: &[NativeOwner]) -> HashMap<BlockId, Vec<BlockId>> {
    let blocks = owners.iter().filter(|owner| has_allocator(owner));
    let mut pending: Vec<Block> = blocks.filter_map(|owner| malloc.blocks().get(owner.block)).collect();
    let addresses: HashSet<u64> = pending.iter().map(|block| block.start.0).collect();
    let mut found = HashMap::new();
    let mut taken = HashSet::new();
    for _ in 0..MOST_ROUNDS {
        let before = pending.len();
        pending.retain(|block| {
            let others = CountedOthers { owners: &addresses, taken: &taken };
            let pieces = malloc.counted(target.core(), block.id, &others);
            let sum: u64 = pieces.iter().filter_map(|piece| piece.counted).sum();
            let own: Vec<BlockId> = pieces.iter().map(|piece| piece.block).collect();
            let is_all = sum > 0 && has_word(target, block, sum);
            if is_all {
                taken.extend(own.iter().copied());
            }
            found.insert(block.id, own);
            !is_all
        });
        if pending.is_empty() || pending.len() == before {
            break;
        }
    }
    for block in &pending {
        if let Some(own) = found.get_mut(&block.id) {
            own.retain(|piece| !taken.contains(piece));
        }
    }
    found
}

/// Whether a block has a word.
fn has_word(target: &Target, block: &Block, word: u64) -> bool {
    let words = (0..block.bytes / 8).map(|index| Address(block.start.0.saturating_add(8 * index)));
    words.map_while(|at| target.memory().read_u64(at).ok()).any(|own| own == word)
}

/// Classes of objects that a thread has one of, and that lead to all that it has: what only they lead to is no one owner's (Node.js:
/// `src/env.h`, `src/node_realm.h`, `src/js_native_api_v8.h`).
const COMMON: [&str; 6] =
    ["Environment", "IsolateData", "PrincipalRealm", "ShadowRealm", "node_napi_env__", "napi_env__"];
/// A thread has few of each.
const MOST_COMMON: usize = 1 << 12;

/// Words at the start of an owner among which its handle is.
const HANDLE_WORDS: u64 = 4;

/// V8's block of handles that an owner has its handle in. An owner with the first one leads to the start of the block, and so to all of V8.
fn handles_of(target: &Target, malloc: &Malloc, owner: &NativeOwner) -> Option<Block> {
    let start = malloc.blocks().get(owner.block)?.start.0;
    let word = |at: u64| target.memory().read_u64(Address(at)).ok();
    let mut places = (1..HANDLE_WORDS).filter_map(|index| word(start.checked_add(8 * index)?));
    let place = places.find(|place| *place != 0 && word(*place) == Some(owner.object.0))?;
    malloc.blocks().around(place).filter(|block| block.state.is_used())
}

/// The blocks in which V8 keeps what it knows of its pages (from V8 13 on: `MutablePageMetadata`).
pub(crate) fn of_pages(target: &Target, malloc: &Malloc) -> Vec<BlockId> {
    let Ok(heap) = target.heap() else { return Vec::new() };
    let blocks = heap.spaces().pages().iter().filter_map(|page| malloc.blocks().around(page.handle()));
    blocks.filter(|block| block.state.is_used()).map(|block| block.id).collect()
}

/// The blocks of such objects: every owner leads to some of them, and they lead to one another. V8's blocks of handles are such, too, and what it
/// keeps for each of its pages.
fn common(
    target: &Target,
    malloc: &Malloc,
    owners: &[NativeOwner],
    classes: &mut HashMap<u64, Option<String>>,
) -> Vec<BlockId> {
    let mut found: Vec<BlockId> = Vec::new();
    let mut seen: HashSet<BlockId> = HashSet::new();
    let handles = owners.iter().filter_map(|owner| handles_of(target, malloc, owner)).map(|block| block.id);
    found.extend(handles.chain(of_pages(target, malloc)).filter(|id| seen.insert(*id)));
    let mut waiting: Vec<BlockId> = owners.iter().map(|owner| owner.block).collect();
    while let Some(id) = waiting.pop() {
        for (block, _) in malloc.leads_to(target.core(), id, Some(LARGEST_COMMON)) {
            if !seen.insert(block.id) || found.len() >= MOST_COMMON {
                continue;
            }
            // With symbols the namespace is named, too.
            let class = class(target, &block, classes);
            if class.is_some_and(|class| COMMON.contains(&class.trim_start_matches("node::"))) {
                found.push(block.id);
                waiting.push(block.id);
            }
        }
    }
    found
}

/// None of these objects is larger, and none is named further behind in an owner.
const LARGEST_COMMON: u64 = 1 << 14;

/// Finds out whose the blocks are.
///
/// # Errors
/// There is no heap, or no allocator that is known; or the user interrupts.
pub(crate) fn native_owners(context: &Context) -> Result<NativeOwners, DcmdError> {
    malloc(context)?;
    native_owners_in(context.target()?, &context.progress())
}

/// As [`native_owners`], of a process that need not be the session's.
///
/// # Errors
/// As [`native_owners`].
pub(crate) fn native_owners_in(target: &Target, monitor: &Progress) -> Result<NativeOwners, DcmdError> {
    let heap = target.heap().map_err(DcmdError::Failed)?;
    let Some(malloc) = malloc_in(target, monitor)? else {
        return Err(DcmdError::failed("no allocator that is known is in the core"));
    };
    let (owners, of_owners) = owning(target, malloc, monitor)?;
    let mut apart = Vec::new();
    let mut kinds = vec![Kind::Any; malloc.blocks().len()];
    let mut set_apart = |block: &Block, kind: Kind| {
        let known = &mut kinds[block.id.0 as usize];
        if *known == Kind::Any {
            *known = kind;
            apart.push(block.id);
        }
    };
    for store in &heap.buffers(monitor)?.stores {
        if let Some(BufferMemory::Block(block)) = memory_of(target, Some(malloc), store) {
            set_apart(&block, Kind::Buffer);
        }
    }
    for (start, _) in heap.external_characters(monitor)? {
        if let Some(block) = malloc.blocks().around(start).filter(|block| block.state.is_used()) {
            set_apart(&block, Kind::String);
        }
    }
    let pages: Vec<(u64, u64)> =
        heap.spaces().pages().iter().map(|page| (page.base, page.base.saturating_add(page.size))).collect();
    monitor.begin("finding owners of native memory", 0);
    let leads_on = |owner: &NativeOwner| !WITH_ROOM.contains(&&*owner.name.0);
    let mut classes = HashMap::new();
    let mut pieces = pieces(target, malloc, &owners);
    let blocks: Vec<OwnerBlock> = of_owners
        .iter()
        .filter_map(|(block, number, is_of_node)| {
            let owner = owners.get(*number as usize)?;
            let certain = match owner.block == *block {
                true => {
                    pieces.remove(block).unwrap_or_else(|| certain_of(target, malloc, owner, &mut classes))
                }
                false => Vec::new(),
            };
            Some(OwnerBlock {
                block: *block,
                of: *number,
                leads_on: leads_on(owner),
                leads_beyond: !is_of_node,
                certain,
            })
        })
        .collect();
    let common = common(target, malloc, &owners, &mut classes);
    let others = Others { apart: &apart, common: &common, left_out: &pages };
    let found =
        malloc.owners(target.core(), &blocks, &others, &Watched(monitor)).ok_or(DcmdError::Interrupted)?;
    let mut all = NativeOwners { owners, ..NativeOwners::default() };
    for owner in &all.owners {
        all.classes.entry(owner.name.clone()).or_default().objects += 1;
    }
    for block in malloc.blocks().iter().filter(|block| block.state.is_used()) {
        if monitor.cancelled() {
            return Err(DcmdError::Interrupted);
        }
        let kind = kinds[block.id.0 as usize];
        let sum = match found.of(block.id) {
            _ if block.state == BlockState::Own => &mut all.own,
            _ if kind == Kind::Buffer => {
                all.buffer_blocks.push(block.id);
                &mut all.buffers
            }
            _ if kind == Kind::String => {
                all.string_blocks.push(block.id);
                &mut all.strings
            }
            Owner::Of(number) => {
                let Some(owner) = all.owners.get_mut(number as usize) else { continue };
                owner.bytes += block.chunk_bytes;
                all.of_blocks.push((block.id, number));
                let Some(class) = all.classes.get_mut(&owner.name) else { continue };
                class.blocks += 1;
                class.bytes += block.chunk_bytes;
                continue;
            }
            Owner::Several => {
                all.shared_blocks.push(block.id);
                &mut all.shared
            }
            Owner::Elsewhere => &mut all.elsewhere,
            Owner::Nobody => &mut all.nobody,
        };
        *sum = (sum.0 + 1, sum.1 + block.chunk_bytes);
    }
    Ok(all)
}

/// What is known of a block before owners are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Buffer,
    String,
}

/// What an owner is called: its constructor in JavaScript, and its class in C++.
pub(crate) type Name = (String, Option<String>);

/// Blocks that C++ objects are in, with the numbers of these, and whether they are Node.js's own, which has no allocator beside the C library's.
type BlocksOfOwners = Vec<(BlockId, u32, bool)>;

/// The C++ objects behind objects of the heap, and all blocks of each; what they own is not known yet. Of several behind one object the first
/// that has a class gives the name: beside what an external value leads to stands what Node-API keeps of it.
fn owning(
    target: &Target,
    malloc: &Malloc,
    monitor: &Progress,
) -> Result<(Vec<NativeOwner>, BlocksOfOwners), DcmdError> {
    let heap = target.heap().map_err(DcmdError::Failed)?;
    let mut owners: Vec<NativeOwner> = Vec::new();
    let mut blocks = Vec::new();
    let mut of_objects: HashMap<Tagged, u32> = HashMap::new();
    let mut seen = HashSet::new();
    let mut classes: HashMap<u64, Option<String>> = HashMap::new();
    let of_node = heap.native_objects(monitor)?.into_iter().map(|native| (native, true));
    let others = heap.natives_told_of_death().into_iter().map(|native| (native, false));
    for (native, is_of_node) in of_node.chain(others) {
        // An object may lie within a larger one: the block is that of the whole.
        let Some(block) = malloc.blocks().around(native.address).filter(|block| block.state.is_used()) else {
            continue;
        };
        if !seen.insert(block.id) {
            continue;
        }
        if let Some(number) = of_objects.get(&native.object) {
            blocks.push((block.id, *number, is_of_node));
            let owner = &mut owners[*number as usize];
            if owner.name.1.is_none() {
                owner.name.1 = class(target, &block, &mut classes);
            }
            continue;
        }
        let class_name = heap.class_name(native.object);
        let constructor = match heap.value(native.object) {
            // Of what has no constructor of its own, `Object` says little.
            Ok(Value::Object(object)) => match named_class(class_name) {
                Some(name) => name.to_owned(),
                None => escape(heap.name(heap.constructor_name(object))).into_owned(),
            },
            Ok(_) => escape(class_name).into_owned(),
            // What died, and is not collected yet.
            Err(_) => continue,
        };
        let class = class(target, &block, &mut classes);
        let name = (constructor, class);
        let number = owners.len() as u32;
        of_objects.insert(native.object, number);
        blocks.push((block.id, number, is_of_node));
        owners.push(NativeOwner { object: native.object, block: block.id, name, bytes: 0 });
    }
    Ok((owners, blocks))
}

/// The class of what is at the start of a block, by its table of functions: as a symbol calls that, or as the class calls itself.
fn class(target: &Target, block: &Block, known: &mut HashMap<u64, Option<String>>) -> Option<String> {
    let first = table_word(target.core(), block)?;
    let find = || {
        let own = || target.heap().ok()?.retainer(block.start.0).filter(|own| own.size <= block.bytes);
        class_in(target, block).or_else(|| own().map(|own| escape(&own.name).into_owned()))
    };
    known.entry(first).or_insert_with(find).clone()
}

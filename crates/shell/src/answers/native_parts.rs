//! Native memory by the part of the process that it is of: objects of JavaScript, V8, Node.js, ICU, OpenSSL, other libraries.
//!
//! What C++ objects behind objects of JavaScript own is taken out first ([`native_owners`](crate::answers::native_owners)). Of the rest, a
//! block that begins with an object whose class is known is of that class's library for certain, and so are V8's own `Isolate` and what it
//! keeps for each page. Any other block goes by what leads to it first: the variable of a library, or such an object. That is an
//! estimate.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use core_reader::{Beginnings, Block, BlockId, BlockMarks, BlockState, Core, Malloc, Memory};
use v8_heap::Monitor;

use crate::answers::native_library::{self, LIBRARIES, NODE, OPENSSL, V8, Variable};
use crate::answers::native_memory::{malloc_in, table_at, table_word};
use crate::answers::native_owners::{NativeOwners, native_owners_in, of_pages};
use crate::answers::search::Watched;
use crate::error::DcmdError;
use crate::output::{Progress, escape};
use crate::target::Target;

/// A part of the process that has native memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    /// C++ objects behind objects of JavaScript, and what they own.
    Objects,
    /// Characters of strings of JavaScript.
    Strings,
    /// One of [`LIBRARIES`].
    Library(usize),
    /// Another file: an add-on, a library, or what is not known of the executable.
    File(String),
    /// Only stacks or memory of no known use lead to it.
    Elsewhere,
    /// Nothing leads to it that is not old.
    Unknown,
}

impl Part {
    /// For users.
    pub(crate) fn name(&self) -> &str {
        match self {
            Part::Objects => "objects of JavaScript",
            Part::Strings => "strings that JavaScript has outside of its heap",
            Part::Library(index) => LIBRARIES[*index].name,
            Part::File(name) => name,
            Part::Elsewhere => "stacks and other memory",
            Part::Unknown => "not known",
        }
    }
}

/// Blocks of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartSum {
    pub(crate) blocks: u64,
    /// With headers.
    pub(crate) bytes: u64,
    /// Bytes of those that are its own for certain.
    pub(crate) certain: u64,
}

/// All blocks that the program has, each in one part, but for buffers of JavaScript, and for what nothing leads to.
#[derive(Debug, Default)]
pub(crate) struct NativeParts {
    parts: Vec<Part>,
    /// By the numbers of blocks.
    of_blocks: Vec<OfBlock>,
    /// The sums of parts.
    pub(crate) sums: BTreeMap<Part, PartSum>,
}

impl NativeParts {
    /// The blocks, by address, each with its part, and whether that is certain.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (BlockId, &Part, bool)> {
        let told = self.of_blocks.iter().enumerate();
        told.filter_map(|(index, of)| {
            Some((BlockId(index as u32), self.parts.get(of.part()? as usize)?, of.is_certain()))
        })
    }

    /// The part of a block, by its number.
    pub(crate) fn number_of(&self, block: BlockId) -> Option<usize> {
        let part = self.of_blocks.get(block.0 as usize)?.part()? as usize;
        (part < self.parts.len()).then_some(part)
    }

    /// The parts, by number.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The sums of parts, the largest first.
    pub(crate) fn by_bytes(&self) -> Vec<(&Part, PartSum)> {
        let mut rows: Vec<_> = self.sums.iter().map(|(part, sum)| (part, *sum)).collect();
        rows.sort_by_key(|(part, sum)| (Reverse(sum.bytes), *part));
        rows
    }

    /// Finds out which part each block is of.
    ///
    /// # Errors
    /// There is no allocator that is known; or the user interrupts.
    pub(crate) fn of(target: &Target, monitor: &Progress) -> Result<NativeParts, DcmdError> {
        let Some(malloc) = malloc_in(target, monitor)? else {
            return Err(DcmdError::failed("no allocator that is known is in the core"));
        };
        let owners = match target.heap() {
            Ok(_) => native_owners_in(target, monitor)?,
            Err(_) => NativeOwners::default(),
        };
        monitor.begin("finding what leads to native memory", 0);
        let unreached = target.unreached(&Watched(monitor)).ok_or(DcmdError::Interrupted)?;
        let mut numbers = Numbers::default();
        let mut of = vec![OfBlock::NONE; malloc.blocks().len()];
        let objects = numbers.of(Part::Objects);
        for (block, _) in &owners.of_blocks {
            of[block.0 as usize] = OfBlock::new(objects, false);
        }
        for owner in &owners.owners {
            let of = &mut of[owner.block.0 as usize];
            if of.part().is_some() {
                *of = OfBlock::new(objects, true);
            }
        }
        let strings = numbers.of(Part::Strings);
        let v8 = numbers.of(Part::Library(V8));
        for block in &owners.string_blocks {
            of[block.0 as usize] = OfBlock::new(strings, true);
        }
        // Buffers, and what nothing leads to, are in no part.
        let mut left_out = BlockMarks::new(malloc.blocks().len());
        for block in &owners.buffer_blocks {
            left_out.set(block.0 as usize);
        }
        for block in malloc.blocks().iter().filter(|block| unreached.is_leaked(block.id)) {
            left_out.set(block.id.0 as usize);
        }
        let used = |block: &Block| block.state == BlockState::Used && !left_out.has(block.id.0 as usize);
        let mut apart = left_out.clone();
        for block in owners.of_blocks.iter().map(|(block, _)| block).chain(&owners.string_blocks) {
            apart.set(block.0 as usize);
        }
        let mut known = Vec::new();
        let isolates = target.heap().iter().flat_map(|heap| heap.spaces().isolates()).collect::<Vec<_>>();
        let isolates = isolates.into_iter().filter_map(|isolate| malloc.blocks().around(isolate.address));
        let of_pages = of_pages(target, malloc);
        let of_pages = of_pages.into_iter().filter_map(|block| malloc.blocks().get(block));
        for block in isolates.chain(of_pages) {
            let block = Some(block).filter(used);
            if let Some(block) = block.filter(|block| of[block.id.0 as usize].part().is_none()) {
                of[block.id.0 as usize] = OfBlock::new(v8, true);
                known.push((block.id, v8));
            }
        }
        let libraries = Libraries::of(target.core());
        let mut tables: HashMap<u64, Option<u32>> = HashMap::new();
        for Sign { block, has_constants } in signs(target.core(), malloc, &libraries, &used) {
            let of = &mut of[block.0 as usize];
            let Some(block) = malloc.blocks().get(block).filter(|_| of.part().is_none()) else { continue };
            let find = || part_of_class(target, &block).map(|part| numbers.of(part));
            let table = table_word(target.core(), &block);
            let by_class = table.and_then(|word| *tables.entry(word).or_insert_with(find));
            let mut by_constants = || has_constants.then(|| (numbers.of(Part::Library(OPENSSL)), false));
            let of_class = by_class.map(|part| (part, true));
            if let Some((part, is_certain)) = of_class.or_else(&mut by_constants) {
                *of = OfBlock::new(part, is_certain);
                known.push((block.id, part));
            }
        }
        let turns = turns(target, malloc, &libraries, &mut numbers);
        let beginnings =
            Beginnings { known: &known, apart: Some(&apart), turns: &turns[..2], old: &turns[2..] };
        let led_to =
            malloc.led_to(target.core(), &beginnings, &Watched(monitor)).ok_or(DcmdError::Interrupted)?;
        let unknown = numbers.of(Part::Unknown);
        let shared: HashSet<BlockId> = owners.shared_blocks.iter().copied().collect();
        let mut found = NativeParts::default();
        let mut sums = vec![PartSum::default(); numbers.parts.len()];
        for block in malloc.blocks().iter() {
            let of = &mut of[block.id.0 as usize];
            if !used(&block) {
                *of = OfBlock::NONE;
                continue;
            }
            if of.part().is_none() {
                let part = led_to.number(block.id).unwrap_or(if shared.contains(&block.id) {
                    objects
                } else {
                    unknown
                });
                *of = OfBlock::new(part, false);
            }
            let Some(sum) = of.part().and_then(|part| sums.get_mut(part as usize)) else { continue };
            sum.blocks += 1;
            sum.bytes += block.chunk_bytes;
            sum.certain += if of.is_certain() { block.chunk_bytes } else { 0 };
        }
        let rows = numbers.parts.iter().cloned().zip(sums);
        found.sums = rows.filter(|(_, sum)| sum.blocks > 0).collect();
        found.of_blocks = of;
        found.parts = numbers.parts;
        Ok(found)
    }
}

/// The part of a block, as an index, and whether that is certain; or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OfBlock(u32);

impl OfBlock {
    const NONE: OfBlock = OfBlock(u32::MAX);

    fn new(part: u32, is_certain: bool) -> OfBlock {
        OfBlock(part << 1 | u32::from(is_certain))
    }

    fn part(self) -> Option<u32> {
        (self != OfBlock::NONE).then_some(self.0 >> 1)
    }

    fn is_certain(self) -> bool {
        self.0 & 1 == 1
    }
}

/// Parts by number: of several parts that a block is as near to, it gets the one that was named first.
#[derive(Debug, Default)]
struct Numbers {
    parts: Vec<Part>,
}

impl Numbers {
    fn of(&mut self, part: Part) -> u32 {
        let index = self.parts.iter().position(|known| *known == part).unwrap_or_else(|| {
            self.parts.push(part);
            self.parts.len() - 1
        });
        index as u32
    }
}

/// A block that says something of itself: its first word may be a table of functions, or it has constants.
struct Sign {
    block: BlockId,
    /// It has constants of OpenSSL, whose objects have no such tables.
    has_constants: bool,
}

/// The blocks that say something of themselves, of those that are wanted; looked for on all processors.
fn signs(
    core: &Core,
    malloc: &Malloc,
    libraries: &Libraries,
    is_wanted: &(dyn Fn(&Block) -> bool + Sync),
) -> Vec<Sign> {
    let count = malloc.blocks().len();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sign = |block: Block| {
        let has_constants = libraries.has_constants_of(core, &block, OPENSSL);
        let says = has_constants || table_word(core, &block).is_some();
        says.then_some(Sign { block: block.id, has_constants })
    };
    std::thread::scope(|scope| {
        let starts = (0..count).step_by(count.div_ceil(threads).max(1));
        let parts: Vec<_> = starts
            .map(|start| {
                let blocks = malloc.blocks().some(start..start + count.div_ceil(threads));
                scope.spawn(|| blocks.filter(is_wanted).filter_map(sign).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("looking does not panic")).collect()
    })
}

/// The part that the class of a block is of: by the symbol of its table of functions, or by what objects of Node.js say of themselves.
fn part_of_class(target: &Target, block: &Block) -> Option<Part> {
    if let Some(symbol) = table_at(target, block.start.0) {
        return native_library::of_symbol(&symbol).map(Part::Library);
    }
    let own = target.heap().ok()?.retainer(block.start.0);
    own.filter(|own| own.size <= block.bytes).map(|_| Part::Library(NODE))
}

/// The variables and constants of each module, by library.
struct Libraries {
    of_modules: Vec<Vec<Variable>>,
    /// By library, in what stretch of memory all of them are.
    bounds: HashMap<usize, (u64, u64)>,
}

impl Libraries {
    fn of(core: &Core) -> Libraries {
        let modules = core.modules().iter().enumerate();
        let of_modules: Vec<_> = modules.map(|(index, _)| native_library::variables(core, index)).collect();
        let mut bounds: HashMap<usize, (u64, u64)> = HashMap::new();
        for variable in of_modules.iter().flatten() {
            let (start, end) = bounds.entry(variable.library).or_insert((variable.start, variable.end));
            (*start, *end) = ((*start).min(variable.start), (*end).max(variable.end));
        }
        Libraries { of_modules, bounds }
    }

    /// Whether a block leads to constants of a library without classes, near its start: what describes an object is in the library that made it. A
    /// certificate has the kinds of its algorithms so.
    fn has_constants_of(&self, core: &Core, block: &Block, library: usize) -> bool {
        /// Bytes that are looked at.
        const NEAR: u64 = 0x100;
        let Some(&(start, end)) = self.bounds.get(&library) else { return false };
        let Ok(bytes) = core.memory().bytes_from(block.start) else { return false };
        let length = block.bytes.min(NEAR).min(bytes.len() as u64) as usize;
        bytes[..length].as_chunks::<8>().0.iter().any(|word| {
            let word = u64::from_le_bytes(*word);
            word.is_multiple_of(8)
                && (start..end).contains(&word)
                && self.of_modules.iter().any(|variables| {
                    let behind = variables.partition_point(|variable| variable.start <= word);
                    behind.checked_sub(1).is_some_and(|index| {
                        let variable = variables[index];
                        variable.library == library && word < variable.end
                    })
                })
        })
    }
}

/// Memory in which ways begin, by turn: variables of libraries; V8's pages, and variables of which only the file is known; stacks and the
/// rest.
fn turns(
    target: &Target,
    malloc: &Malloc,
    libraries: &Libraries,
    numbers: &mut Numbers,
) -> [Vec<(u64, u64, u32)>; 3] {
    let core = target.core();
    let pages: Vec<(u64, u64)> = target
        .heap()
        .iter()
        .flat_map(|heap| heap.spaces().pages())
        .map(|page| (page.base, page.base.saturating_add(page.size)))
        .collect();
    let mut stretches = malloc.outside(core, &pages);
    let mut turns = [Vec::new(), Vec::new(), Vec::new()];
    let v8 = numbers.of(Part::Library(V8));
    for (index, module) in core.modules().iter().enumerate() {
        let Some((data, size)) = module.data() else { continue };
        let (start, end) = (data.0, data.0.saturating_add(size));
        let (of_module, others): (Vec<_>, Vec<_>) =
            cut(&stretches, start, end).into_iter().partition(|(from, _)| (start..end).contains(from));
        stretches = others;
        match native_library::of_module(module) {
            Some(library) => {
                let part = numbers.of(Part::Library(library));
                turns[0].extend(of_module.iter().map(|(from, to)| (*from, *to, part)));
            }
            None => {
                let variables = &libraries.of_modules[index];
                let rest = with_parts(&of_module, variables, numbers, &mut turns[0]);
                let part = numbers.of(Part::File(escape(module.name()).into_owned()));
                let turn = if variables.is_empty() { 0 } else { 1 };
                turns[turn].extend(rest.iter().map(|(from, to)| (*from, *to, part)));
            }
        }
    }
    turns[1].extend(pages.iter().map(|(from, to)| (*from, *to, v8)));
    let elsewhere = numbers.of(Part::Elsewhere);
    turns[2].extend(stretches.iter().map(|(from, to)| (*from, *to, elsewhere)));
    turns
}

/// Stretches, those that go beyond `start` or `end` cut there.
fn cut(stretches: &[(u64, u64)], start: u64, end: u64) -> Vec<(u64, u64)> {
    let mut parts = Vec::new();
    for (from, to) in stretches {
        let mut at = *from;
        for border in [start, end] {
            if at < border && border < *to {
                parts.push((at, border));
                at = border;
            }
        }
        parts.push((at, *to));
    }
    parts
}

/// Puts the parts of stretches that are variables of libraries into `found`, and gives what is left.
fn with_parts(
    stretches: &[(u64, u64)],
    variables: &[Variable],
    numbers: &mut Numbers,
    found: &mut Vec<(u64, u64, u32)>,
) -> Vec<(u64, u64)> {
    let mut left = Vec::new();
    for (from, to) in stretches {
        let mut at = *from;
        let first = variables.partition_point(|variable| variable.end <= *from);
        for variable in variables[first..].iter().take_while(|variable| variable.start < *to) {
            let (start, end) = (variable.start.max(at), variable.end.min(*to));
            if at < start {
                left.push((at, start));
            }
            if start < end {
                found.push((start, end, numbers.of(Part::Library(variable.library))));
                at = end;
            }
        }
        if at < *to {
            left.push((at, *to));
        }
    }
    left
}

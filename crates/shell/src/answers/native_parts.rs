//! Native memory by the part of the process that it is of: objects of JavaScript, V8, Node.js, ICU, OpenSSL, other libraries.
//!
//! What C++ objects behind objects of JavaScript own is taken out first ([`native_owners`](crate::answers::native_owners)). Of the rest, a
//! block that begins with an object whose class is known is of that class's library for certain, and so is V8's own `Isolate`. Any other
//! block goes by what leads to it first: the variable of a library, or such an object. That is an estimate.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use core_reader::{Beginnings, Block, BlockId, BlockState, Core, Malloc, Memory};
use v8_heap::Monitor;

use crate::answers::native_library::{self, LIBRARIES, NODE, OPENSSL, V8, Variable};
use crate::answers::native_memory::{malloc_in, table_at, table_word};
use crate::answers::native_owners::{NativeOwners, native_owners_in};
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
    /// For each block of these its part, as an index, and whether that is certain.
    of_blocks: Vec<(BlockId, u32, bool)>,
    /// The sums of parts.
    pub(crate) sums: BTreeMap<Part, PartSum>,
}

impl NativeParts {
    /// The blocks, by address, each with its part, and whether that is certain.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (BlockId, &Part, bool)> {
        self.of_blocks
            .iter()
            .map(|(block, part, is_certain)| (*block, &self.parts[*part as usize], *is_certain))
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
        let mut of: HashMap<BlockId, (u32, bool)> = HashMap::new();
        let objects = numbers.of(Part::Objects);
        let own: HashSet<BlockId> = owners.owners.iter().map(|owner| owner.block).collect();
        for (block, _) in &owners.of_blocks {
            of.insert(*block, (objects, own.contains(block)));
        }
        let strings = numbers.of(Part::Strings);
        let v8 = numbers.of(Part::Library(V8));
        of.extend(owners.string_blocks.iter().map(|block| (*block, (strings, true))));
        let buffers: HashSet<BlockId> = owners.buffer_blocks.iter().copied().collect();
        let used = |block: &Block| {
            block.state == BlockState::Used
                && !buffers.contains(&block.id)
                && unreached.head_of(block.id).is_none()
        };
        let isolates: HashSet<BlockId> = target
            .heap()
            .iter()
            .flat_map(|heap| heap.spaces().isolates())
            .filter_map(|isolate| malloc.blocks().around(isolate.address))
            .map(|block| block.id)
            .collect();
        let mut apart: Vec<BlockId> = of.keys().chain(&buffers).copied().collect();
        let mut known = Vec::new();
        let libraries = Libraries::of(target.core());
        let mut tables: HashMap<u64, Option<u32>> = HashMap::new();
        for block in malloc.blocks().iter() {
            if !used(&block) {
                apart.extend(unreached.head_of(block.id).map(|_| block.id));
                continue;
            }
            if of.contains_key(&block.id) {
                continue;
            }
            let mut by_class = || {
                let word = table_word(target, &block)?;
                let find = || part_of_class(target, &block).map(|part| numbers.of(part));
                *tables.entry(word).or_insert_with(find)
            };
            let is_isolate = isolates.contains(&block.id);
            let part = if is_isolate { Some(v8) } else { by_class() };
            if let Some(part) = part {
                of.insert(block.id, (part, true));
                known.push((block.id, part));
            } else if libraries.has_constants_of(target, &block, OPENSSL) {
                let part = numbers.of(Part::Library(OPENSSL));
                of.insert(block.id, (part, false));
                known.push((block.id, part));
            }
        }
        let turns = turns(target, malloc, &libraries, &mut numbers);
        let beginnings = Beginnings { known: &known, apart: &apart, turns: &turns };
        let led_to =
            malloc.led_to(target.core(), &beginnings, &Watched(monitor)).ok_or(DcmdError::Interrupted)?;
        let unknown = numbers.of(Part::Unknown);
        let shared: HashSet<BlockId> = owners.shared_blocks.iter().copied().collect();
        let mut found = NativeParts::default();
        for block in malloc.blocks().iter().filter(used) {
            let led = || {
                let part = led_to.get(block.id.0 as usize).copied().flatten();
                (part.unwrap_or(if shared.contains(&block.id) { objects } else { unknown }), false)
            };
            let (part, is_certain) = of.get(&block.id).copied().unwrap_or_else(led);
            found.of_blocks.push((block.id, part, is_certain));
            let sum = found.sums.entry(numbers.parts[part as usize].clone()).or_default();
            sum.blocks += 1;
            sum.bytes += block.chunk_bytes;
            sum.certain += if is_certain { block.chunk_bytes } else { 0 };
        }
        found.parts = numbers.parts;
        Ok(found)
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
    fn has_constants_of(&self, target: &Target, block: &Block, library: usize) -> bool {
        /// Bytes that are looked at.
        const NEAR: u64 = 0x100;
        let Some(&(start, end)) = self.bounds.get(&library) else { return false };
        let Ok(bytes) = target.memory().bytes_from(block.start) else { return false };
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

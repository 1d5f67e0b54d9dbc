//! Which blocks lead to which: the words of all blocks in use, read once.
//!
//! Whoever follows blocks, to find what is leaked ([`super::unreached`]), whose a block is ([`super::owners`]) or what leads to it
//! ([`super::led_to`]), goes through the same words. They are read here on all processors, and kept as numbers of blocks:
//!
//! ```text
//!   first     0          2  2     3 ...    where the links of each block begin
//!   targets   17 4000001    9     ...      the blocks that they lead to, in the order of words, each with its kind
//! ```
//!
//! That is four bytes for a block and four for a link. While it is made, a link takes as much once more, and four bytes for its place.
//!
//! A word is an address for all that is known, or a number that looks like one: where the heap lies below 4 GiB, every pair of a number
//! and a zero may. What an object has stands at the same place in all objects like it; such a number does not. So where most of a thousand blocks of a
//! size or more lead to a block by one and the same word, as the nodes of a list do, any other word that leads there is [`LinkKind::Doubtful`]: else
//! a number that leads into the middle of a list of a million nodes would have half of it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;

use super::blocks::Block;
use super::marks::BlockMarks;
use super::words::is_near;
use super::{Malloc, words, zlib};
use crate::scan::Watch;
use crate::{Address, Core, Memory};

/// Which words lead to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those that lead to its start, or little behind it.
    Start,
    /// These, and such as hardly are addresses.
    Doubtful,
    /// Those that lead anywhere in it.
    Inside,
    /// These, and such as are left over.
    Anything,
}

/// What a word that leads to a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkKind {
    /// It leads to the start of the block, or little behind it.
    Start,
    /// As [`LinkKind::Start`], but most likely it is no address.
    Doubtful,
    /// It leads further inside.
    Inside,
    /// It lies behind what a vector or a deque uses of its memory, and is left over.
    LeftOver,
}

impl LinkKind {
    const ALL: [LinkKind; 4] = [LinkKind::Start, LinkKind::Doubtful, LinkKind::Inside, LinkKind::LeftOver];

    /// Whether who goes by some words goes by this one.
    fn is_within(self, reach: Reach) -> bool {
        match reach {
            Reach::Start => self == LinkKind::Start,
            Reach::Doubtful => matches!(self, LinkKind::Start | LinkKind::Doubtful),
            Reach::Inside => self != LinkKind::LeftOver,
            Reach::Anything => true,
        }
    }
}

/// In front of a block's number is the kind of the link.
const NUMBER: u32 = (1 << KIND) - 1;
const KIND: u32 = 30;

fn packed(target: u32, kind: LinkKind) -> u32 {
    let kind = LinkKind::ALL.iter().position(|other| *other == kind).unwrap_or(0) as u32;
    target & NUMBER | kind << KIND
}

fn kind_of(link: u32) -> LinkKind {
    LinkKind::ALL[(link >> KIND) as usize]
}

/// Which blocks lead to which.
#[derive(Debug, Default)]
pub(super) struct Links {
    first: Firsts,
    targets: Vec<u32>,
    /// The blocks with links that do not lead to a start without a doubt.
    odd: Vec<u32>,
}

/// Where the links of each block begin, and one more.
#[derive(Debug, Default)]
struct Firsts {
    /// The lower half.
    low: Vec<u32>,
    /// For each time that it begins again at 0, the first block of which it has.
    turns: Vec<u32>,
}

impl Firsts {
    /// Of blocks with so many links, each at the place behind its own.
    fn of_counts(mut counts: Vec<u32>) -> Firsts {
        let (mut sum, mut turns) = (0_u64, Vec::new());
        for (block, count) in (0_u32..).zip(&mut counts) {
            let before = sum >> 32;
            sum += u64::from(*count);
            turns.extend((before..sum >> 32).map(|_| block));
            *count = sum as u32;
        }
        Firsts { low: counts, turns }
    }

    /// Blocks, and one more.
    fn len(&self) -> usize {
        self.low.len()
    }

    fn of(&self, block: usize) -> Option<usize> {
        let low = *self.low.get(block)?;
        let turns = if self.turns.is_empty() {
            0
        } else {
            self.turns.partition_point(|turn| *turn as usize <= block)
        };
        Some(turns << 32 | low as usize)
    }

    /// The first block whose links begin at a place or behind it.
    fn block_from(&self, place: u64) -> usize {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from.midpoint(to);
            match self.of(middle) {
                Some(first) if (first as u64) < place => from = middle + 1,
                _ => to = middle,
            }
        }
        from
    }
}

/// Bytes that are read at a time.
const TASK: u64 = 1 << 20;

/// Some blocks, or a part of one.
struct Task {
    blocks: Range<usize>,
    part: Option<(u64, u64)>,
}

/// What was read for a task.
#[derive(Default)]
struct Found {
    targets: Vec<u32>,
    /// For each link the number of its word in its block; [`FAR`] for all from that on.
    places: Vec<u16>,
    /// How many bytes vectors and deques use of blocks.
    vectors: Vec<(u32, u64)>,
}

/// A place in a block that is not kept.
const FAR: u16 = u16::MAX;

impl Links {
    /// Reads all blocks in use. `None` if `watch` has stopped it.
    pub fn of(malloc: &Malloc, core: &Core, watch: &dyn Watch) -> Option<Links> {
        let mut counts = vec![0_u32; malloc.blocks().len() + 1];
        let silent = zlib::tables(malloc, core);
        let mut found = read_all((malloc, core), &silent, &mut counts[1..], watch)?;
        found.sort_unstable_by_key(|(number, _)| *number);
        let count = found.iter().map(|(_, found)| found.targets.len()).sum();
        let mut links =
            Links { first: Firsts::of_counts(counts), targets: Vec::with_capacity(count), odd: Vec::new() };
        let mut places = Vec::with_capacity(count);
        let mut vectors = HashMap::new();
        for (_, of_task) in found {
            links.targets.extend_from_slice(&of_task.targets);
            places.extend_from_slice(&of_task.places);
            for (block, used) in of_task.vectors {
                // Of two that seem to be its vector, the one with more.
                let most: &mut u64 = vectors.entry(block).or_default();
                *most = (*most).max(used);
            }
        }
        links.mark_doubtful(malloc, &places);
        links.mark_left_over(&mut Reader::of(malloc, core, &silent), &places, &vectors);
        let odd = in_parts(&links.parts(), |blocks| {
            let is_odd = |block: &usize| {
                links.targets[links.range(*block)].iter().any(|link| kind_of(*link) != LinkKind::Start)
            };
            blocks.clone().filter(is_odd).map(|block| block as u32).collect::<Vec<_>>()
        });
        links.odd = odd.concat();
        Some(links)
    }

    /// The blocks that a block leads to, by the order of its words.
    pub fn of_block(&self, block: usize, reach: Reach) -> impl Iterator<Item = usize> + '_ {
        self.added(block, None, reach)
    }

    /// The blocks, by number, that lead on by words which [`Reach::Start`] is without.
    pub fn odd(&self) -> &[u32] {
        &self.odd
    }

    /// As [`Links::of_block`], without those that who goes by fewer words has come to before.
    pub fn added(
        &self,
        block: usize,
        before: Option<Reach>,
        reach: Reach,
    ) -> impl Iterator<Item = usize> + '_ {
        let is_known = move |kind: LinkKind| before.is_some_and(|before| kind.is_within(before));
        self.targets[self.range(block)]
            .iter()
            .filter(move |link| kind_of(**link).is_within(reach) && !is_known(kind_of(**link)))
            .map(|link| (*link & NUMBER) as usize)
    }

    fn range(&self, block: usize) -> Range<usize> {
        match (self.first.of(block), self.first.of(block + 1)) {
            (Some(from), Some(to)) => from..to,
            _ => 0..0,
        }
    }

    /// Finds words that are hardly addresses.
    fn mark_doubtful(&mut self, malloc: &Malloc, places: &[u16]) {
        let mut fields = Fields::of(malloc);
        let parts = self.parts();
        let starts = |links: &Links, block: &Block, found: &mut dyn FnMut(usize)| {
            let links_of = links.range(block.id.0 as usize);
            links_of.filter(|link| kind_of(links.targets[*link]) == LinkKind::Start).for_each(found);
        };
        let counts = in_parts(&parts, |blocks| {
            let mut counts = fields.counts();
            for block in malloc.blocks().some(blocks.clone()) {
                let Some(number) = fields.number(block.bytes) else { continue };
                starts(self, &block, &mut |link| {
                    if let Some(count) = counts[number].get_mut(usize::from(places[link])) {
                        *count += 1;
                    }
                });
            }
            counts
        });
        counts.into_iter().for_each(|counts| fields.add(&counts));
        let fields = &fields;
        let marked = in_parts(&parts, |blocks| {
            let mut has_field = BlockMarks::new(malloc.blocks().len());
            for block in malloc.blocks().some(blocks.clone()) {
                let Some(number) = fields.number(block.bytes) else { continue };
                starts(self, &block, &mut |link| {
                    if fields.is_field(number, places[link]) {
                        has_field.set((self.targets[link] & NUMBER) as usize);
                    }
                });
            }
            has_field
        });
        let has_field = BlockMarks::all(marked);
        let doubtful = in_parts(&parts, |blocks| {
            let mut doubtful = Vec::new();
            for block in malloc.blocks().some(blocks.clone()) {
                let number = fields.number(block.bytes);
                starts(self, &block, &mut |link| {
                    let is_field = || number.is_some_and(|number| fields.is_field(number, places[link]));
                    if has_field.has((self.targets[link] & NUMBER) as usize) && !is_field() {
                        doubtful.push(link);
                    }
                });
            }
            doubtful
        });
        for link in doubtful.into_iter().flatten() {
            self.targets[link] = packed(self.targets[link], LinkKind::Doubtful);
        }
    }

    /// All blocks, a part for each processor with as many links as the others.
    fn parts(&self) -> Vec<Range<usize>> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let count = self.first.len().saturating_sub(1);
        let each = (self.targets.len() as u64).div_ceil(threads).max(1);
        let border = |part: u64| self.first.block_from(part * each).min(count);
        let borders: Vec<usize> = std::iter::once(0).chain((1..threads).map(border)).chain([count]).collect();
        borders.windows(2).map(|pair| pair[0]..pair[1].max(pair[0])).collect()
    }

    /// BlockMarks what lies behind what vectors and deques use.
    fn mark_left_over(&mut self, reader: &mut Reader<'_>, places: &[u16], vectors: &HashMap<u32, u64>) {
        for (block, used) in vectors {
            let links = self.range(*block as usize);
            let behind = match u16::try_from(used.div_ceil(8)) {
                Ok(first) if first < FAR => links.clone().filter(|link| places[*link] >= first).count(),
                // Too far in for its place to be known.
                _ => reader.links_behind(reader.malloc.blocks().block(*block as usize), *used),
            };
            for link in links.rev().take(behind) {
                self.targets[link] = packed(self.targets[link], LinkKind::LeftOver);
            }
        }
    }
}

/// Reads the words of all blocks in use: what was found for each task, with its number. Adds to `counts` how many links each block has. `None` if
/// `watch` has stopped it.
fn read_all(
    (malloc, core): (&Malloc, &Core),
    silent: &BlockMarks,
    counts: &mut [u32],
    watch: &dyn Watch,
) -> Option<Vec<(usize, Found)>> {
    let tasks = tasks(malloc, core);
    let most = tasks.len().max(1);
    // Each task has the counts of its blocks to itself; of a block that is read in parts, the first one has them.
    let mut left = &mut *counts;
    let mut behind = 0;
    let shares = tasks.into_iter().enumerate().map(|(number, task)| {
        let (_, from) = std::mem::take(&mut left).split_at_mut(task.blocks.start.saturating_sub(behind));
        let length = task.blocks.end.saturating_sub(task.blocks.start.max(behind));
        let (share, rest) = from.split_at_mut(length);
        (left, behind) = (rest, behind.max(task.blocks.end));
        (number, task, share)
    });
    let shares = Mutex::new(shares);
    let run = || {
        let mut reader = Reader::of(malloc, core, silent);
        let (mut found, mut parts) = (Vec::new(), Vec::new());
        loop {
            let next = shares.lock().ok().and_then(|mut shares| shares.next());
            let Some((number, task, share)) = next.filter(|_| !watch.cancelled()) else { break };
            let of_task = reader.read(&task, share, watch);
            if share.is_empty() && !task.blocks.is_empty() {
                parts.push((task.blocks.start, of_task.targets.len() as u32));
            }
            found.push((number, of_task));
        }
        (found, parts)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(most);
    let read: Vec<_> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        readers.into_iter().map(|reader| reader.join().expect("reading does not panic")).collect()
    });
    drop(shares);
    let mut all = Vec::new();
    for (found, parts) in read {
        all.extend(found);
        for (block, links) in parts {
            counts[block] += links;
        }
    }
    (!watch.cancelled()).then_some(all)
}

/// All blocks in use, cut where enough bytes are together.
fn tasks(malloc: &Malloc, core: &Core) -> Vec<Task> {
    let mut tasks = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for block in malloc.blocks().iter() {
        let index = block.id.0 as usize;
        let own = if block.state.is_used() { block.bytes } else { 0 };
        if bytes + own > TASK && from < index {
            tasks.push(Task { blocks: from..index, part: None });
            (from, bytes) = (index, 0);
        }
        bytes += own;
        if own > TASK {
            // A block may be larger than all that the core has of it.
            for (start, length) in core.memory().stored(block.start, block.end()) {
                let end = start.0 + length;
                let parts = (start.0.next_multiple_of(8)..end).step_by(TASK as usize);
                tasks.extend(
                    parts.map(|at| Task { blocks: index..index + 1, part: Some((at, end.min(at + TASK))) }),
                );
            }
            (from, bytes) = (index + 1, 0);
        }
    }
    if from < malloc.blocks().len() {
        tasks.push(Task { blocks: from..malloc.blocks().len(), part: None });
    }
    tasks
}

/// Reads words.
struct Reader<'a> {
    malloc: &'a Malloc,
    core: &'a Core,
    bounds: (u64, u64),
    /// Blocks that hold no addresses.
    silent: &'a BlockMarks,
    /// The run that the word before led to: the next one does as well, most often.
    run: usize,
}

impl<'a> Reader<'a> {
    fn of(malloc: &'a Malloc, core: &'a Core, silent: &'a BlockMarks) -> Reader<'a> {
        Reader { malloc, core, bounds: malloc.bounds(), silent, run: 0 }
    }

    /// Reads the blocks of a task; sets how many links each has, as far as there is room for that.
    fn read(&mut self, task: &Task, counts: &mut [u32], watch: &dyn Watch) -> Found {
        let mut found = Found::default();
        let mut read = 0;
        let mut counts = counts.iter_mut();
        for block in self.malloc.blocks().some(task.blocks.clone()) {
            let before = found.targets.len();
            if block.state.is_used() && !self.silent.has(block.id.0 as usize) {
                let (from, to) = task.part.unwrap_or((block.start.0, block.end().0));
                self.read_block(&block, from, to, &mut found);
                read += to - from;
            }
            if let Some(count) = counts.next() {
                *count = (found.targets.len() - before) as u32;
            }
        }
        watch.advance(read);
        found.targets.shrink_to_fit();
        found.places.shrink_to_fit();
        found
    }

    /// How many links a block has behind so many bytes of it.
    fn links_behind(&mut self, block: Block, bytes: u64) -> usize {
        let mut found = Found::default();
        let from = block.start.0.saturating_add(bytes.next_multiple_of(8)).min(block.end().0);
        self.read_block(&block, from, block.end().0, &mut found);
        found.targets.len()
    }

    fn read_block(&mut self, block: &Block, from: u64, to: u64, found: &mut Found) {
        let (malloc, core, bounds) = (self.malloc, self.core, self.bounds);
        let first = (from - block.start.0) / 8;
        words::each(core.memory(), from, to, |place, words| {
            let word = u64::from_le_bytes(words[0]);
            if word < bounds.0 || word >= bounds.1 {
                return;
            }
            let Some(target) = malloc.blocks().holding_near(&mut self.run, word) else { return };
            if target == block.id.0 as usize || !malloc.blocks().state(target).is_used() {
                return;
            }
            let is_near = is_near(word, malloc.blocks().start_in(self.run, target));
            let kind = if is_near { LinkKind::Start } else { LinkKind::Inside };
            found.targets.push(packed(target as u32, kind));
            found.places.push(u16::try_from(first + place).unwrap_or(FAR));
            let used = if is_near { malloc.used_by_container(core, words, target) } else { None };
            found.vectors.extend(used.map(|used| (target as u32, used)));
        });
    }
}

impl Malloc {
    /// The least and the greatest address of blocks.
    pub(super) fn bounds(&self) -> (u64, u64) {
        let runs = self.blocks.runs();
        let start = runs.first().map_or(0, |run| run.start.0);
        (start, runs.last().map_or(0, |run| run.end.0))
    }

    /// The block in use that a word leads to.
    pub(super) fn target(&self, word: u64, (from, to): (u64, u64)) -> Option<usize> {
        if word < from || word >= to {
            return None;
        }
        self.blocks.holding(word).filter(|index| self.blocks.state(*index).is_used())
    }

    /// The block in use that a word leads to, if to its start or little behind it.
    pub(super) fn near(&self, word: u64, bounds: (u64, u64)) -> Option<usize> {
        self.target(word, bounds).filter(|index| is_near(word, self.blocks.block(*index).start.0))
    }

    /// The block in use that a word leads to.
    pub(super) fn led_by(&self, word: u64, reach: Reach, bounds: (u64, u64)) -> Option<usize> {
        match reach {
            Reach::Start | Reach::Doubtful => self.near(word, bounds),
            Reach::Inside | Reach::Anything => self.target(word, bounds),
        }
    }

    /// The number of the first word of a block that leads to another.
    pub(super) fn place_of(&self, core: &Core, (from, to): (usize, usize), reach: Reach) -> Option<u32> {
        let (bounds, block) = (self.bounds(), self.blocks.block(from));
        let mut found = None;
        words::each(core.memory(), block.start.0, block.end().0, |place, words| {
            if found.is_none() && self.led_by(u64::from_le_bytes(words[0]), reach, bounds) == Some(to) {
                found = Some(place as u32);
            }
        });
        found
    }

    /// How many bytes of a block are used by the vector that `words` begin with, or by the deque that they are a place of, if they are.
    pub(super) fn used_by_container(&self, core: &Core, words: &[[u8; 8]], block: usize) -> Option<u64> {
        let leads_to = |at: u64| core.memory().read_u64(Address(at)).ok();
        let three: [u64; 3] = words.first_chunk()?.map(u64::from_le_bytes);
        // Most words are of neither: that shows before the block is looked up.
        if three.is_sorted()
            && let Some(used) = used_by_vector(three, &self.blocks.block(block))
        {
            // A place in a deque looks alike, but has a fourth word, which leads to what leads to the block.
            let node = words.get(3).and_then(|node| leads_to(u64::from_le_bytes(*node)));
            return (node != Some(three[1])).then_some(used);
        }
        if words.get(4) != words.first() {
            return None;
        }
        used_by_deque(words, &self.blocks.block(block), leads_to)
    }
}

/// How many bytes of a block a vector uses, if three words are one that has the block: where its elements begin, where they end, and
/// where there is room to (`_M_start`, `_M_finish`, `_M_end_of_storage` in libstdc++'s `stl_vector.h`).
fn used_by_vector([start, finish, end_of_storage]: [u64; 3], block: &Block) -> Option<u64> {
    let is_one = start == block.start.0
        && start <= finish
        && finish <= end_of_storage
        && end_of_storage <= block.end().0
        && start < end_of_storage;
    is_one.then(|| finish - start)
}

/// How many of the blocks of each size have a link at each word.
struct Fields {
    sizes: Vec<OfSize>,
    /// The number of each size: of those below [`LARGEST_OFTEN`] in units of eight bytes, and of others.
    often: Vec<u32>,
    others: HashMap<u64, u32>,
}

/// Blocks of one size.
struct OfSize {
    blocks: u32,
    /// In so many of them the word of a number leads to the start of a block.
    links: Vec<u32>,
}

/// Of fewer blocks nothing is said: who has a part of them by chance has little.
const LEAST_ALIKE: u32 = 1 << 10;
/// Sizes that are looked up without further ado, in bytes.
const LARGEST_OFTEN: u64 = 1 << 16;
/// No larger block is an object with fields, in bytes: places of words in it are not kept.
const LARGEST: u64 = 8 * FAR as u64 - 8;
const NO_SIZE: u32 = u32::MAX;

impl Fields {
    /// The tables take a sixteenth of the memory of the blocks, at most.
    fn of(malloc: &Malloc) -> Fields {
        // By size in units of eight bytes: chunks are multiples of 16, so that no two sizes are one here.
        let mut counts = vec![0; (LARGEST_OFTEN / 8) as usize];
        let mut rare: HashMap<u64, u32> = HashMap::new();
        for block in malloc.blocks().iter().filter(|block| block.state.is_used()) {
            match counts.get_mut((block.bytes / 8) as usize) {
                Some(count) => *count += 1,
                None => *rare.entry(block.bytes / 8).or_default() += 1,
            }
        }
        let often = vec![NO_SIZE; counts.len()];
        let mut fields = Fields { sizes: Vec::new(), often, others: HashMap::new() };
        let often = (0..).zip(counts);
        let many = often.chain(rare).filter(|(size, blocks)| *blocks >= LEAST_ALIKE && 8 * size <= LARGEST);
        for (size, blocks) in many {
            let number = fields.sizes.len() as u32;
            match fields.often.get_mut(size as usize) {
                Some(often) => *often = number,
                None => drop(fields.others.insert(size, number)),
            }
            fields.sizes.push(OfSize { blocks, links: vec![0; size as usize + 1] });
        }
        fields
    }

    /// The number of a size.
    fn number(&self, size: u64) -> Option<usize> {
        let number = match self.often.get((size / 8) as usize) {
            Some(number) => *number,
            None => *self.others.get(&(size / 8))?,
        };
        ((number as usize) < self.sizes.len()).then_some(number as usize)
    }

    /// For each size the links of each word: none yet.
    fn counts(&self) -> Vec<Vec<u32>> {
        self.sizes.iter().map(|of_size| vec![0; of_size.links.len()]).collect()
    }

    fn add(&mut self, counts: &[Vec<u32>]) {
        for (of_size, counts) in self.sizes.iter_mut().zip(counts) {
            of_size.links.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }

    /// Whether most blocks of a size lead to another by a word.
    fn is_field(&self, number: usize, place: u16) -> bool {
        const MOST: u64 = 50;
        let of_size = &self.sizes[number];
        let links = of_size.links.get(usize::from(place)).copied().unwrap_or(0);
        100 * u64::from(links) >= MOST * u64::from(of_size.blocks)
    }
}

/// What `find` finds in each part, all at once.
fn in_parts<T: Send>(parts: &[Range<usize>], find: impl Fn(&Range<usize>) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let running: Vec<_> = parts.iter().map(|part| scope.spawn(|| find(part))).collect();
        running.into_iter().map(|part| part.join().expect("reading does not panic")).collect()
    })
}

/// How many bytes of a block a deque uses, if words are such that it has no other block: from the second word on of the place where its elements
/// begin, and then the place where they end, which is in the same block (`_M_cur`, `_M_first`, `_M_last` and `_M_node` of both in libstdc++'s
/// `stl_deque.h`).
fn used_by_deque(words: &[[u8; 8]], block: &Block, leads_to: impl Fn(u64) -> Option<u64>) -> Option<u64> {
    let [first, last, node, end, first_of_end, last_of_end, node_of_end] =
        words.first_chunk()?.map(u64::from_le_bytes);
    let is_one = first == block.start.0
        && (first, last, node) == (first_of_end, last_of_end, node_of_end)
        && (first..=last).contains(&end)
        && last <= block.end().0
        && leads_to(node) == Some(first);
    is_one.then(|| end - first)
}

#[cfg(test)]
mod tests {
    use super::super::block_state::BlockState;
    use super::super::blocks::{Block, BlockId};
    use super::{Firsts, used_by_deque, used_by_vector};
    use crate::Address;

    #[test]
    fn links_are_found_where_they_begin_beyond_32_bits() {
        let many = 3_000_000_000_u32;
        let first = Firsts::of_counts(vec![0, many, 0, many, many, 5]);
        let places: Vec<Option<usize>> = (0..7).map(|block| first.of(block)).collect();
        let many = many as usize;
        assert_eq!(
            places,
            [Some(0), Some(many), Some(many), Some(2 * many), Some(3 * many), Some(3 * many + 5), None]
        );
        assert_eq!(first.block_from(0), 0);
        assert_eq!(first.block_from(1), 1);
        assert_eq!(first.block_from(many as u64 + 1), 3);
        assert_eq!(first.block_from(2 * many as u64 + 1), 4);
        assert_eq!(first.block_from(u64::MAX), 6);
    }

    #[test]
    fn a_vector_uses_what_is_before_its_end() {
        let block = Block {
            id: BlockId(0),
            start: Address(0x1000),
            bytes: 40,
            chunk_bytes: 48,
            state: BlockState::Used,
            run: 0,
        };
        let used = |words| used_by_vector(words, &block);
        assert_eq!(used([0x1000, 0x1008, 0x1008]), Some(8));
        assert_eq!(used([0x1000, 0x1000, 0x1028]), Some(0), "an empty one with room");
        assert_eq!(used([0x1000, 0x1028, 0x1028]), Some(40));
        assert_eq!(used([0x1000, 0x1000, 0x1000]), None, "no room at all is three equal words");
        assert_eq!(used([0x1000, 0x1010, 0x1030]), None, "room beyond the block");
        assert_eq!(used([0x1000, 0x1010, 0x1008]), None);
        assert_eq!(used([0x1008, 0x1010, 0x1018]), None, "not at its start");
        assert_eq!(used([0x1000, 0, 0]), None);
    }

    #[test]
    fn a_deque_with_one_block_uses_what_is_before_its_end() {
        let block = Block {
            id: BlockId(0),
            start: Address(0x1000),
            bytes: 520,
            chunk_bytes: 528,
            state: BlockState::Used,
            run: 0,
        };
        let used = |words: [u64; 7]| {
            let words = words.map(u64::to_le_bytes);
            used_by_deque(&words, &block, |at| (at == 0x2018).then_some(0x1000))
        };
        assert_eq!(used([0x1000, 0x1200, 0x2018, 0x1000, 0x1000, 0x1200, 0x2018]), Some(0), "an empty one");
        assert_eq!(used([0x1000, 0x1200, 0x2018, 0x1040, 0x1000, 0x1200, 0x2018]), Some(0x40));
        assert_eq!(used([0x1000, 0x1200, 0x2018, 0x3040, 0x3000, 0x3200, 0x2020]), None, "two blocks");
        assert_eq!(used([0x1000, 0x1200, 0x2018, 0x1240, 0x1000, 0x1200, 0x2018]), None, "behind the block");
        assert_eq!(
            used([0x1000, 0x1200, 0x2020, 0x1000, 0x1000, 0x1200, 0x2020]),
            None,
            "no list leads here"
        );
    }
}

//! musl's allocator (`mallocng`, from musl 1.2.1 on): groups of equal slots.
//!
//! Source: `src/malloc/mallocng/meta.h`, `glue.h` and `malloc.c` of musl 1.2.5.
//!
//! ```text
//!   malloc_context (.bss)   secret ... meta_area_head --> meta_area --next--> meta_area (a page each)
//!                                                         secret, next, number of slots, meta[]
//!   meta (40 bytes)         prev, next, mem, free masks, last slot | size class | pages
//!                                        |  ^
//!                                        v  | first word
//!   group                               [meta, ...][slot][slot][slot] ... up to 32, 16 bytes behind its start
//!   slot                                ... offset, number | the program's memory ... | how much of it is spare
//! ```
//!
//! Everything proves itself: a page of metas begins with the secret of the process, and a group with the address of its meta. A slot
//! is in use if it is in none of the masks of its meta. The program's memory need not begin where the slot does: freed memory is given
//! out again some multiple of 16 further on, and says so in front of the slot. A small group lies in a slot of a larger one; that slot is
//! no block.

use std::sync::OnceLock;

use super::arena::Arena;
use super::block_state::BlockState;
use super::blocks::{Blocks, MOST};
use super::chunks::{Chunks, base_of};
use super::run::{Run, RunKind, SLOT_FOOTER as FOOTER};
use super::words::Words;
use super::{Library, Malloc, PAGE};
use crate::scan::Watch;
use crate::{Address, Core, Memory};

/// `UNIT`: sizes and offsets are multiples of it, and slots begin so far behind the start of a group.
const UNIT: u64 = 16;
/// `size_classes`, in units.
const SIZES: [u16; 48] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 20, 25, 31, 36, 42, 50, 63, 72, 84, 102, 127, 146, 170, 204,
    255, 292, 340, 409, 511, 584, 682, 818, 1023, 1169, 1364, 1637, 2047, 2340, 2730, 3276, 4095, 4680, 5460,
    6552, 8191,
];
/// From the secret of a `malloc_context` to its `meta_area_head` and `meta_area_tail`: where the size of a page is a constant, and where
/// it is a member.
const HEADS: [u64; 2] = [56, 64];
/// `sizeof (struct meta)`, and where they begin in a page of them.
const META: u64 = 40;
const METAS: u64 = 24;
/// No mapping is larger, in bytes.
const MOST_MAPPED: u64 = 1 << 47;
/// The variables of a library that are looked at, in bytes.
const MOST_DATA: u64 = 64 << 20;
/// From so many spare bytes on their number stands at the end of them.
const SPARE_IN_FOOTER: u8 = 5;
/// What the offset of a slot's memory is kept with: number 0, seven spare bytes.
const HAS_OFFSET: u8 = 7 << 5;

/// A group.
struct Group {
    start: u64,
    stride: u64,
    slots: u64,
    /// Slots that are free.
    free: u32,
    /// Bytes of the mapping that it has to itself; 0 if it lies in a slot of another.
    mapped: u64,
}

impl Group {
    /// The group of the meta at `at`, if it has one.
    fn of(words: &mut Words<'_>, at: u64) -> Option<Found> {
        let start = words.word(at.checked_add(16)?)?;
        if start == 0 {
            return Some(Found::None);
        }
        let (masks, shape) = (words.word(at.checked_add(24)?)?, words.word(at.checked_add(32)?)?);
        let (last, class, pages) = (shape & 31, shape >> 6 & 63, shape >> 12);
        let mapped = pages.checked_mul(PAGE).filter(|mapped| *mapped <= MOST_MAPPED)?;
        let stride = match (last, pages) {
            (0, 1..) => mapped - UNIT,
            _ => UNIT * u64::from(*SIZES.get(class as usize)?),
        };
        let free = (masks | masks >> 32) as u32;
        let group = Group { start, stride, slots: last + 1, free, mapped };
        let is_one = start.is_multiple_of(UNIT)
            && words.word(start) == Some(at)
            && group.end().is_some_and(|end| {
                (mapped == 0 || end <= start.saturating_add(mapped)) && words.word(end - 8).is_some()
            });
        Some(if is_one { Found::Group(group) } else { Found::Broken { start, mapped } })
    }

    /// Where its last slot ends.
    fn end(&self) -> Option<u64> {
        self.start.checked_add(UNIT)?.checked_add(self.stride * self.slots)
    }
}

/// What a meta tells.
enum Found {
    None,
    Group(Group),
    /// What should be its group is none, or is not in the core.
    Broken {
        start: u64,
        mapped: u64,
    },
}

/// The allocator of a process that has musl's.
pub(super) fn find(core: &Core, watch: &dyn Watch) -> Option<Malloc> {
    let memory = core.memory();
    let (context, secret, first) = context(core)?;
    let mut arena = Arena { address: Address(context), is_main: true, ..Arena::default() };
    let mut words = Words::of(memory);
    let (mut groups, mut broken, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    let mut area = first;
    while area != 0 && area.is_multiple_of(PAGE) && words.word(area) == Some(secret) {
        if runs.len() + groups.len() > MOST || watch.cancelled() {
            break;
        }
        let mut metas = Chunks::default();
        metas.push(0, BlockState::Own);
        runs.push((run((area, area.saturating_add(PAGE)), PAGE), metas));
        arena.system = arena.system.saturating_add(PAGE);
        let count = words.word(area.saturating_add(16)).unwrap_or(0) & 0xffff_ffff;
        for number in 0..count.min((PAGE - METAS) / META) {
            match Group::of(&mut words, area.saturating_add(METAS + number * META)) {
                Some(Found::Group(group)) => groups.push(group),
                Some(Found::Broken { start, mapped }) => {
                    arena.system = arena.system.saturating_add(mapped);
                    broken.push(start);
                }
                Some(Found::None) | None => {}
            }
        }
        watch.advance(PAGE);
        let next = words.word(area.saturating_add(8)).unwrap_or(0);
        // A ring would never end.
        area = if runs.iter().any(|(run, _)| run.start.0 == next) { 0 } else { next };
    }
    groups.sort_unstable_by_key(|group| group.start);
    groups.dedup_by_key(|group| group.start);
    for (index, group) in groups.iter().enumerate() {
        arena.system = arena.system.saturating_add(group.mapped);
        runs.extend(runs_of(&mut words, group, &groups[index + 1..]));
        if index.is_multiple_of(1 << 10) && watch.cancelled() {
            break;
        }
    }
    let mut blocks = Blocks::new(runs);
    blocks.mark_broken(&broken);
    arena.most_system = arena.system;
    arena.count(&blocks, 0);
    Some(Malloc {
        arenas: vec![arena],
        parameters: None,
        blocks,
        library: Library::Musl,
        links: OnceLock::new(),
    })
}

/// The address of the `malloc_context`, the secret, and the first page of metas.
fn context(core: &Core) -> Option<(u64, u64, u64)> {
    let memory = core.memory();
    let mut words = Words::of(memory);
    core.modules().iter().find_map(|module| {
        let (start, size) = module.data()?;
        let from = start.0.checked_next_multiple_of(8)?;
        (from..start.0.checked_add(size.min(MOST_DATA))?).step_by(8).find_map(|at| {
            let secret = words.word(at).filter(|secret| *secret != 0)?;
            HEADS.iter().find_map(|head| {
                let mut page = |offset: u64| {
                    let page = words.word(at.checked_add(offset)?)?;
                    (page != 0 && page.is_multiple_of(PAGE)).then_some(page)
                };
                let (first, last) = (page(*head)?, page(head + 8)?);
                // Looked up elsewhere, so that `words` stays where it is.
                let begins = |page| memory.read_u64(Address(page)).ok() == Some(secret);
                (begins(first) && begins(last)).then_some((at, secret, first))
            })
        })
    })
}

fn run((start, end): (u64, u64), taken: u64) -> Run {
    Run {
        start: Address(start),
        end: Address(end),
        kind: RunKind::Slots,
        taken,
        broken_at: None,
        base: base_of(start),
        first: 0,
        count: 0,
        last_end: end,
    }
}

/// The slots of a group, in as many runs as the groups in some of them leave. `later` are the groups behind it.
fn runs_of(words: &mut Words<'_>, group: &Group, later: &[Group]) -> Vec<(Run, Chunks)> {
    let mut runs: Vec<(Run, Chunks)> = Vec::new();
    let (mut from, mut chunks, mut taken) = (group.start, Chunks::default(), group.mapped);
    let mut next = 0;
    for number in 0..group.slots {
        let slot = group.start + UNIT + number * group.stride;
        while later.get(next).is_some_and(|other| other.start < slot) {
            next += 1;
        }
        if later.get(next).is_some_and(|other| other.start < slot + group.stride) {
            if !chunks.is_empty() || taken > 0 {
                runs.push((run((from, slot), std::mem::take(&mut taken)), std::mem::take(&mut chunks)));
            }
            from = slot + group.stride;
            continue;
        }
        let is_free = group.free >> number & 1 == 1;
        let place = slot - base_of(from);
        match is_free {
            true => chunks.push(place, BlockState::Free),
            false => chunks.push_inside(place, used(words, slot, group.stride), BlockState::Used),
        }
    }
    let end = group.start + UNIT + group.slots * group.stride;
    if !chunks.is_empty() || taken > 0 {
        runs.push((run((from, end), taken), chunks));
    }
    runs
}

/// Of a slot in use: how far in it the program's memory begins, and how much of it the program did not ask for, in bytes.
fn used(words: &mut Words<'_>, slot: u64, stride: u64) -> (u64, u64) {
    // In front of the memory: 0, number and spare bytes, offset from the first slot.
    let mut head = |at: u64| words.word(at - 8).map(|word| ((word >> 32) as u32).to_le_bytes());
    let offset = match head(slot) {
        Some([_, HAS_OFFSET, low, high]) => UNIT * u64::from(u16::from_le_bytes([low, high])),
        _ => 0,
    };
    let offset = if offset < stride && offset < UNIT << 8 { offset } else { 0 };
    let spare = match head(slot + offset).map(|head| head[1] >> 5) {
        Some(spare @ 0..SPARE_IN_FOOTER) => u64::from(spare),
        // The number itself is in the last four bytes, which are the next word's first half.
        _ => words.word(slot + stride - FOOTER - 4).map_or(0, |word| word & 0xffff_ffff),
    };
    let room = stride - offset - FOOTER;
    (offset, if spare < room { spare } else { 0 })
}

//! Chunks of one run by address, five bytes each: how far they are behind its start, and what they are.
//!
//! A chunk is a multiple of 16, so 32 bits reach 64 GiB; what is longer is several runs. Chunks of musl say more: how far in the chunk the
//! program's memory begins, and how much behind it is spare, eight bits each in units of 16. Two more bytes have that where there is such a chunk.

use super::ALIGNMENT;
use super::block_state::BlockState;

/// How far behind the start of its run a chunk may be, in bytes.
pub(super) const REACH: u64 = ALIGNMENT << 32;

/// Chunks, by address.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    /// How far each is behind the start of its run, in units of 16.
    places: Vec<u32>,
    /// Numbers of [`BlockState::ALL`].
    states: Vec<u8>,
    /// How far in the chunk the program's memory begins, and what is spare behind it, in units of 16; nothing if that is 0 for all.
    insides: Vec<[u8; 2]>,
}

/// Where a run's places are counted from.
pub(super) fn base_of(start: u64) -> u64 {
    start & !(ALIGNMENT - 1)
}

impl Chunks {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How far a chunk is behind the start of its run, in bytes.
    pub fn place(&self, index: usize) -> u64 {
        u64::from(self.places[index]) * ALIGNMENT
    }

    pub fn state(&self, index: usize) -> BlockState {
        BlockState::of_number(self.states[index])
    }

    pub fn set_state(&mut self, index: usize, state: BlockState) {
        self.states[index] = state.number();
    }

    /// How far in the chunk the program's memory begins, beyond what it does in others, and how much behind it is spare, in bytes.
    pub fn inside(&self, index: usize) -> (u64, u64) {
        let [offset, spare] = self.insides.get(index).copied().unwrap_or_default();
        (u64::from(offset) * ALIGNMENT, u64::from(spare) * ALIGNMENT)
    }

    /// Of those with these numbers, how many are at most so far behind the start of their run, in bytes.
    pub fn up_to(&self, range: std::ops::Range<usize>, place: u64) -> usize {
        let place = place / ALIGNMENT;
        self.places.get(range).map_or(0, |places| places.partition_point(|own| u64::from(*own) <= place))
    }

    /// The one that is so far behind the start of its run, in bytes.
    pub fn at(&self, place: u64) -> Option<usize> {
        let place = u32::try_from(place / ALIGNMENT).ok()?;
        self.places.binary_search(&place).ok()
    }

    /// Adds one that is so far behind the start of its run, less than [`REACH`].
    pub fn push(&mut self, place: u64, state: BlockState) {
        self.push_inside(place, (0, 0), state);
    }

    /// Adds one in which the program's memory begins so many bytes further on than in others, and of which so many behind it are spare.
    pub fn push_inside(&mut self, place: u64, (offset, spare): (u64, u64), state: BlockState) {
        let units = |bytes: u64| u8::try_from(bytes / ALIGNMENT).unwrap_or(u8::MAX);
        self.places.push(u32::try_from(place / ALIGNMENT).unwrap_or(u32::MAX));
        self.states.push(state.number());
        let inside = [units(offset), units(spare)];
        if inside != [0; 2] {
            self.insides.resize(self.places.len() - 1, [0; 2]);
        }
        if inside != [0; 2] || !self.insides.is_empty() {
            self.insides.push(inside);
        }
    }

    /// The last one is something else.
    pub fn set_last(&mut self, state: BlockState) {
        self.states.last_mut().into_iter().for_each(|last| *last = state.number());
    }

    /// Adds those of another from a number on, whose run begins so many bytes behind this one's.
    pub fn append(&mut self, other: &Chunks, from: usize, ahead: u64) {
        let ahead = u32::try_from(ahead / ALIGNMENT).unwrap_or(u32::MAX);
        let from = from.min(other.len());
        let before = self.len();
        self.places.extend(other.places[from..].iter().map(|place| place.saturating_add(ahead)));
        self.states.extend_from_slice(&other.states[from..]);
        if !(self.insides.is_empty() && other.insides.is_empty()) {
            self.insides.resize(before, [0; 2]);
            self.insides.extend_from_slice(other.insides.get(from..).unwrap_or_default());
            self.insides.resize(self.places.len(), [0; 2]);
        }
    }

    /// Gives back what there is more room for than is needed.
    pub fn shrink_to_fit(&mut self) {
        self.places.shrink_to_fit();
        self.states.shrink_to_fit();
        self.insides.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_what_they_are_and_where() {
        let mut chunks = Chunks::default();
        chunks.push(0, BlockState::Used);
        chunks.push(0x40, BlockState::Free);
        chunks.push_inside(0x60, (0x20, 0x10), BlockState::Used);
        chunks.push(REACH - 16, BlockState::Top);
        let mut all = Chunks::default();
        all.push(0x10, BlockState::Own);
        all.append(&chunks, 1, 0);
        assert_eq!(all.len(), 4);
        let places: Vec<u64> = (0..4).map(|index| all.place(index)).collect();
        assert_eq!(places, [0x10, 0x40, 0x60, REACH - 16]);
        let states: Vec<BlockState> = (0..4).map(|index| all.state(index)).collect();
        assert_eq!(states, [BlockState::Own, BlockState::Free, BlockState::Used, BlockState::Top]);
        assert_eq!(all.inside(2), (0x20, 0x10));
        assert_eq!(all.inside(1), (0, 0));
        assert_eq!((all.at(0x60), all.at(0x50)), (Some(2), None));
        assert_eq!((all.up_to(0..4, 0x5f), all.up_to(2..4, 0x5f), all.up_to(0..4, u64::MAX)), (2, 0, 4));
    }
}

//! Room for an entry for each of many objects, for as long as something is worked out. Where the system has huge pages for those who ask
//! (`/sys/kernel/mm/transparent_hugepage/enabled` is `madvise`), it is in such: millions of objects are otherwise some ten thousand page
//! faults for each array, and as many entries of the processor's table of pages when it is read here and there.

use bytemuck::Pod;
use memmap2::MmapMut;

/// Less is not worth a mapping of its own, in bytes.
const LEAST: usize = 4 << 20;

/// An array of zeros, to be written to.
pub(super) struct Scratch<T> {
    memory: Memory<T>,
    length: usize,
}

enum Memory<T> {
    Small(Vec<T>),
    Large(MmapMut),
}

impl<T: Pod> Scratch<T> {
    /// So many zeros.
    pub fn zeroed(length: usize) -> Scratch<T> {
        let map = length.checked_mul(size_of::<T>()).filter(|bytes| *bytes >= LEAST).map(MmapMut::map_anon);
        let memory = match map {
            Some(Ok(map)) => {
                // Without them it works as well.
                #[cfg(target_os = "linux")]
                let _ = map.advise(memmap2::Advice::HugePage);
                Memory::Large(map)
            }
            _ => Memory::Small(vec![T::zeroed(); length]),
        };
        Scratch { memory, length }
    }

    /// A copy of other elements.
    pub fn of(elements: &[T]) -> Scratch<T> {
        let mut copy = Scratch::zeroed(elements.len());
        copy.elements().copy_from_slice(elements);
        copy
    }

    /// The elements. Who needs many of them keeps the slice.
    pub fn elements(&mut self) -> &mut [T] {
        match &mut self.memory {
            Memory::Small(elements) => elements,
            // A mapping begins at a page, and ends behind the last element.
            Memory::Large(map) => &mut bytemuck::cast_slice_mut(map)[..self.length],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_ones_are_zeros_and_keep_what_is_written() {
        for length in [0, 1, 1000, LEAST / 8, LEAST / 4 + 3] {
            let mut scratch = Scratch::<u64>::zeroed(length);
            assert_eq!(scratch.elements().len(), length);
            assert!(scratch.elements().iter().all(|element| *element == 0));
            for (index, element) in scratch.elements().iter_mut().enumerate() {
                *element = index as u64;
            }
            let mut copy = Scratch::of(scratch.elements());
            scratch.elements().fill(7);
            assert!(copy.elements().iter().copied().eq(0..length as u64));
        }
    }
}

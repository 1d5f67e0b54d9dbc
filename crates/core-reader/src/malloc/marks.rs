//! Bits, one for each block.

/// Bits, one for each block.
pub(super) struct Marks(Vec<u64>);

impl Marks {
    pub fn new(count: usize) -> Marks {
        Marks(vec![0; count.div_ceil(64)])
    }

    pub fn has(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 == 1
    }

    /// Whether it is new.
    pub fn set(&mut self, index: usize) -> bool {
        let is_new = !self.has(index);
        self.0[index / 64] |= 1 << (index % 64);
        is_new
    }

    /// What is in one of them.
    pub fn all(some: Vec<Marks>) -> Marks {
        let together = some.into_iter().reduce(|mut all, other| {
            all.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
            all
        });
        together.unwrap_or_else(|| Marks::new(0))
    }
}

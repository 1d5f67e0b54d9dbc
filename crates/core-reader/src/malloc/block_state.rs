//! What a block is for the allocator.

/// What a block is for the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockState {
    /// The program has it.
    Used,
    /// The allocator's own: the cache of a thread (`tcache_perthread_struct`).
    Own,
    /// In a bin.
    Free,
    /// In a fast bin: free, and not joined with its neighbours.
    Fast,
    /// In the cache of a thread: free.
    Cached,
    /// What is left at the end of an arena's newest run.
    Top,
}

impl BlockState {
    const ALL: [BlockState; 6] = [
        BlockState::Used,
        BlockState::Own,
        BlockState::Free,
        BlockState::Fast,
        BlockState::Cached,
        BlockState::Top,
    ];

    pub(super) fn number(self) -> u8 {
        BlockState::ALL.iter().position(|other| *other == self).unwrap_or(0) as u8
    }

    pub(super) fn of_number(number: u8) -> BlockState {
        BlockState::ALL.get(usize::from(number)).copied().unwrap_or(BlockState::Used)
    }

    /// The program has it, or the allocator needs it: its contents are meant.
    pub fn is_used(self) -> bool {
        matches!(self, BlockState::Used | BlockState::Own)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            BlockState::Used => "used",
            BlockState::Own => "malloc's own",
            BlockState::Free => "free",
            BlockState::Fast => "free, in a fast bin",
            BlockState::Cached => "free, in the cache of a thread",
            BlockState::Top => "top: what is left at the end of the arena",
        }
    }
}

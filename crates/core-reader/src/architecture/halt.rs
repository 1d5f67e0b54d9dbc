//! Where code that is followed ended, and why.

use crate::{Address, MemoryError};

/// Why code could not be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Halt {
    /// The instruction here is not one of those that are known.
    #[error("the instruction at {0:#x} is not known")]
    Unknown(Address),
    /// Memory that the core does not tell, code or data.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The program would have ended itself here: `abort`, a failed check, a division by zero.
    #[error("the program would have ended itself at {0:#x}")]
    Trap(Address),
    /// As many instructions as were allowed.
    #[error("too many instructions")]
    Steps,
    /// As much memory as was allowed.
    #[error("too much memory")]
    Room,
    /// Whoever follows the code does not want to know any more.
    #[error("interrupted")]
    Interrupted,
    /// A function of a library that is neither known nor at hand.
    #[error("a function that is not at hand, through {0:#x}")]
    Missing(Address),
}

/// A call that has not returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFrame {
    /// Where the called function begins.
    pub function: u64,
    /// What it was called with first: `this` of a method.
    pub first: u64,
    /// Where its return address is.
    pub stack: u64,
}

//! What is being debugged: a core with its binaries, and the heap in it once somebody asks.

use core_reader::{Memory, Symbols, Thread};

use crate::options::Options;

/// An opened target.
pub struct Target {
    memory: Box<dyn Memory>,
    symbols: Box<dyn Symbols>,
    threads: Vec<Thread>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Target {
    /// Opens what the command line names.
    ///
    /// # Errors
    /// What cannot be opened, and why.
    pub fn open(_options: &Options) -> Result<Target, String> {
        Err("cores cannot be opened yet".to_owned())
    }

    /// The memory of the process.
    pub fn memory(&self) -> &dyn Memory {
        &*self.memory
    }

    /// Its symbols.
    pub fn symbols(&self) -> &dyn Symbols {
        &*self.symbols
    }

    /// Its threads; the first one is current.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }
}

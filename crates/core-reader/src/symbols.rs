//! Symbols of the executable and its libraries, at their addresses in the dumped process.

use crate::{Address, Thread};

/// A symbol at its run-time address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name as the symbol table spells it (C++ names mangled).
    pub name: String,
    /// Its address in the process (load bias added).
    pub address: Address,
    /// Its size in bytes; 0 if the table does not say.
    pub size: u64,
}

/// Looks up symbols. Names are as in the symbol table: C++ names mangled.
pub trait Symbols: Sync {
    /// The symbol called `name`, from the executable first, then the libraries in load order.
    fn find(&self, name: &str) -> Option<Symbol>;

    /// All symbols whose name starts with `prefix`, in no particular order.
    fn with_prefix(&self, prefix: &str) -> Vec<Symbol>;

    /// The address of the thread-local variable `name` in `thread`.
    fn thread_local(&self, name: &str, thread: &Thread) -> Option<Address>;

    /// The symbol that covers `address`.
    fn at(&self, address: Address) -> Option<Symbol>;
}

//! Symbols of the executable and its libraries, at their addresses in the dumped process.

use std::borrow::Cow;

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

/// One entry of a symbol table as it stands there, definition or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolEntry<'a> {
    /// Its number in the table.
    pub number: u32,
    /// Its name; invalid UTF-8 is replaced.
    pub name: Cow<'a, str>,
    /// Its address in the process (load bias added); what the table says for symbols without an address.
    pub value: u64,
    /// Its size in bytes.
    pub size: u64,
    /// `STT_*`: what it stands for.
    pub kind: u8,
    /// `STB_*`: who sees it.
    pub binding: u8,
    /// `st_other`: its visibility.
    pub other: u8,
    /// `st_shndx`: its section, or one of `SHN_*`.
    pub section: u16,
}

impl SymbolEntry<'_> {
    /// `SHN_UNDEF`: another object defines it.
    pub fn is_undefined(&self) -> bool {
        self.section == 0
    }
}

/// Which symbol table of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// `.symtab`: all symbols; strip removes it.
    Static,
    /// `.dynsym`: what other objects can link with.
    Dynamic,
}

/// The symbol at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolAt {
    /// The symbol.
    pub symbol: Symbol,
    /// Its module, as an index in [`crate::Core::modules`]; `None` for a symbol that the core itself carries.
    pub module: Option<usize>,
}

/// Why a name stands for no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No object is called so.
    #[error("unknown object file name")]
    Object,
    /// No object, or not the one asked for, defines the name.
    #[error("unknown symbol name")]
    Symbol,
    /// Several functions have the name.
    #[error("{0} different symbols are called that; use the mangled name, or the parameters as well")]
    Ambiguous(usize),
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

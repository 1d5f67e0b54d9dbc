//! Symbols of the executable and its libraries, at their addresses in the dumped process.

use std::borrow::Cow;

use crate::{Address, Thread};

/// A symbol at its run-time address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name as the symbol table spells it (C++ names mangled); what no name holds, control characters among them, is
    /// replaced.
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
    /// Its name; what no name holds is replaced, as in [`Symbol::name`].
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

/// The name that these bytes spell. Symbol tables are read from cores, whose bytes may be anything: what is neither a letter, a digit
/// nor a printable sign of ASCII becomes U+FFFD, so that a name steers no terminal wherever it is shown.
pub(crate) fn symbol_name(bytes: &[u8]) -> Cow<'_, str> {
    let is_kept = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ';
    let name = String::from_utf8_lossy(bytes);
    if name.chars().all(is_kept) {
        name
    } else {
        name.chars().map(|c| if is_kept(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
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

    /// Words through which modules call functions of other modules, and the names of these; nothing where no binary is at hand.
    fn imports(&self) -> Vec<(Address, String)> {
        Vec::new()
    }

    /// The symbol that covers `address`.
    fn at(&self, address: Address) -> Option<Symbol>;
}

#[cfg(test)]
mod tests {
    use super::symbol_name;

    #[test]
    fn names_are_as_the_table_spells_them() {
        for name in
            ["_ZN2v88internal4HeapD1Ev", "operator new(unsigned long)", "größe_大", "memcpy@@GLIBC_2.14"]
        {
            assert_eq!(symbol_name(name.as_bytes()), name);
        }
    }

    #[test]
    fn what_steers_a_terminal_is_no_part_of_a_name() {
        assert_eq!(symbol_name(b"JSGlob\0\x1b[2J"), "JSGlob\u{fffd}\u{fffd}[2J");
        assert_eq!(symbol_name("a\u{9b}b\u{202e}c\u{200b}d".as_bytes()), "a\u{fffd}b\u{fffd}c\u{fffd}d");
        assert_eq!(symbol_name(b"a\xffb\nc\td"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
    }
}

//! Names for addresses and addresses for names, as the language has them.
//!
//! A name is looked for among the symbols that the user added with `::nmadd`, then in the executable, then in the libraries in
//! the order of the dynamic linker; `` object`name `` asks one object only. An address is shown as `symbol+0x1c`, with
//! `` object` `` in front unless the symbol is the executable's.

use std::collections::BTreeMap;

use core_reader::{Address, NameError, Symbols};

use crate::context::Context;
use crate::lang::SymbolError;

/// A symbol that the user added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivateSymbol {
    /// Its address.
    pub value: u64,
    /// Its size in bytes.
    pub size: u64,
    /// It names a function; else an object.
    pub function: bool,
}

/// The symbols that the user added.
#[derive(Debug, Default)]
pub struct PrivateSymbols {
    by_name: BTreeMap<String, PrivateSymbol>,
}

impl PrivateSymbols {
    /// Adds a symbol, or replaces the one of that name.
    pub fn add(&mut self, name: &str, symbol: PrivateSymbol) {
        self.by_name.insert(name.to_owned(), symbol);
    }

    /// Removes a symbol; gives whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.by_name.remove(name).is_some()
    }

    /// The symbol called `name`.
    pub fn get(&self, name: &str) -> Option<PrivateSymbol> {
        self.by_name.get(name).copied()
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, PrivateSymbol)> {
        self.by_name.iter().map(|(name, symbol)| (name.as_str(), *symbol))
    }

    /// The symbol nearest in front of `address` that reaches it; `distance` as in [`in_reach`].
    fn at(&self, address: u64, distance: u64) -> Option<(&str, PrivateSymbol)> {
        self.iter()
            .filter(|(_, symbol)| in_reach(address, symbol.value, symbol.size, distance))
            .max_by_key(|(_, symbol)| symbol.value)
    }
}

/// Whether a symbol at `start` names `address`: its size covers it, or, for a `distance` that is not 0, the address is at most
/// that far behind the start.
fn in_reach(address: u64, start: u64, size: u64, distance: u64) -> bool {
    let reach = if distance == 0 { size.max(1) - 1 } else { distance };
    address.checked_sub(start).is_some_and(|behind| behind <= reach)
}

impl Context {
    /// The address of the symbol called `name`: `malloc`, `` libc.so.6`malloc ``.
    ///
    /// # Errors
    /// Which part of the name is unknown.
    pub fn find_symbol(&self, name: &str) -> Result<u64, SymbolError> {
        if let Some(symbol) = self.private_symbols.borrow().get(name) {
            return Ok(symbol.value);
        }
        let Ok(target) = self.target() else { return Err(SymbolError::Name) };
        let (object, name) = match name.rsplit_once('`') {
            // A link-map prefix says nothing on Linux.
            Some((object, name)) => (Some(object.strip_prefix("LM0`").unwrap_or(object)), name),
            None => (None, name),
        };
        target.symbols().resolve(object, name).map(|symbol| symbol.address.0).map_err(|error| match error {
            NameError::Symbol => SymbolError::Name,
            NameError::Object => SymbolError::Object,
            NameError::Ambiguous(count) => SymbolError::Ambiguous(count),
        })
    }

    /// The symbol that `name` was probably meant to be, among those that begin alike.
    pub fn symbol_like(&self, name: &str) -> Option<String> {
        /// Letters that are taken to be right.
        const BEGINNING: usize = 3;
        if let Some(near) =
            crate::spelling::nearest(name, self.private_symbols.borrow().iter().map(|(name, _)| name))
        {
            return Some(near.to_owned());
        }
        let beginning = name.get(..BEGINNING)?;
        let symbols = self.target().ok()?.symbols().with_prefix(beginning);
        crate::spelling::nearest(name, symbols.iter().map(|symbol| symbol.name.as_str())).map(str::to_owned)
    }

    /// The symbol at `address` with the distance from its start: `main+0x1c`, `` libc.so.6`raise+0x20 ``. Nothing if no symbol
    /// is in reach, or if the user wants plain addresses. Not escaped.
    pub fn symbolic(&self, address: u64) -> Option<String> {
        self.symbolic_from(address, address)
    }

    /// As [`Context::symbolic`], with the symbol that `lookup` belongs to: of a return address behind the last call of a
    /// function, the symbol is that of the call.
    pub fn symbolic_from(&self, lookup: u64, address: u64) -> Option<String> {
        if !self.settings.symbolic.get() {
            return None;
        }
        let distance = self.settings.symbol_distance.get();
        let with_offset = |name: String, start: u64| match address - start {
            0 => name,
            offset => format!("{name}+{offset:#x}"),
        };
        if let Some((name, symbol)) = self.private_symbols.borrow().at(lookup, distance) {
            return Some(with_offset(name.to_owned(), symbol.value));
        }
        let target = self.target().ok()?;
        let found = target.symbols().nearest(Address(lookup), distance)?;
        let name = self.symbol_name(&found.symbol.name);
        let module = found.module.and_then(|index| target.core().modules().get(index));
        let name = match module.filter(|module| !module.executable) {
            Some(module) => format!("{}`{name}", module.name()),
            None => name,
        };
        Some(with_offset(name, found.symbol.address.0))
    }

    /// The name of a symbol as it is to be shown: as in the source, or as in the symbol table. Not escaped.
    pub fn symbol_name(&self, name: &str) -> String {
        let demangled = self.settings.demangle.get().then(|| core_reader::demangle(name)).flatten();
        demangled.unwrap_or_else(|| name.to_owned())
    }

    /// [`Context::symbolic`], or the address in hexadecimal with its prefix. Escaped: it may go to a terminal.
    pub fn show_address(&self, address: u64) -> String {
        match self.symbolic(address) {
            Some(symbol) => crate::output::escape(&symbol).into_owned(),
            None => format!("{address:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_symbol_reaches_as_far_as_its_size_or_the_distance() {
        let mut symbols = PrivateSymbols::default();
        symbols.add("small", PrivateSymbol { value: 0x1000, size: 8, function: false });
        symbols.add("bare", PrivateSymbol { value: 0x2000, size: 0, function: false });
        let name = |address, distance| symbols.at(address, distance).map(|(name, _)| name);
        assert_eq!(name(0x1007, 0), Some("small"));
        assert_eq!(name(0x1008, 0), None);
        assert_eq!(name(0x1008, 0x10), Some("small"));
        assert_eq!((name(0x2000, 0), name(0x2001, 0)), (Some("bare"), None));
        assert_eq!(name(0x2010, 0x2000), Some("bare"), "the nearest");
        assert!(symbols.remove("small") && !symbols.remove("small"));
    }
}

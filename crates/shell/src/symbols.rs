//! Names for addresses and addresses for names, as the language has them.
//!
//! A name is looked for among the symbols that the user added with `::nmadd`, then in the executable, then in the libraries in
//! the order of the dynamic linker; `` object`name `` asks one object only. An address is shown as `symbol+0x1c`, with
//! `` object` `` in front unless the symbol is the executable's.

use core_reader::{Address, NameError, Symbols};

use crate::lang::SymbolError;
use crate::session::Session;

impl Session {
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

    /// As [`Session::symbolic`], with the symbol that `lookup` belongs to: of a return address behind the last call of a
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

    /// [`Session::symbolic`], or the address in hexadecimal with its prefix. Escaped: it may go to a terminal.
    pub fn show_address(&self, address: u64) -> String {
        match self.symbolic(address) {
            Some(symbol) => crate::output::escape(&symbol).into_owned(),
            None => format!("{address:#x}"),
        }
    }
}

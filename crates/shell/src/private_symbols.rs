//! Symbols that the user added.

use std::collections::BTreeMap;

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
    pub fn at(&self, address: u64, distance: u64) -> Option<(&str, PrivateSymbol)> {
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

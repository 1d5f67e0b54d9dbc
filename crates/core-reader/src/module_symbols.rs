//! Symbols of all modules together, at their addresses in the dumped process.
//!
//! Sources, in this order: the symbols embedded in the core, the dynamic tables of the executable and the libraries,
//! their static tables. A dynamic table that no file supplies is read from the core's memory where the core holds
//! it. A name is looked for in every dynamic table before the first static one, because that costs a microsecond and
//! the first look-up in a static table of 150,000 names some milliseconds.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::address_space::AddressSpace;
use crate::binaries::debug_file;
use crate::binary::Binary;
use crate::elf::Segment;
use crate::fields::Fields;
use crate::modules::Module;
use crate::notes::embedded_symbols::EmbeddedSymbols;
use crate::symbol_table::{Definition, SymbolTable};
use crate::symbols::symbol_name;
use crate::thread_local::TlsBlock;
use crate::{
    Address, Memory, NameError, OpenOptions, Symbol, SymbolAt, SymbolEntry, Symbols, TableKind, Thread,
    demangle,
};

/// More bytes of a table of relocations are not read.
const RELOCATIONS_LIMIT: u64 = 24 << 22;
/// Entries of a dynamic section: where the tables of relocations are, and how long (System V ABI, chapter 5).
const DT_PLTRELSZ: u64 = 2;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const DT_JMPREL: u64 = 23;
/// A dynamic section larger than this is cut.
const DYNAMIC_SIZE_LIMIT: u64 = 1 << 16;

/// The symbols of a dumped process.
#[derive(Debug)]
pub struct ModuleSymbols {
    memory: Arc<AddressSpace>,
    embedded: EmbeddedSymbols,
    /// Index in `embedded.symbols` by name.
    embedded_by_name: HashMap<String, usize>,
    modules: Vec<ModuleTables>,
    copies: Vec<Copied>,
}

/// Code of a module that the process has mapped a second time, outside of the module. V8 does that with its builtins
/// (`CodeRange::RemapEmbeddedBuiltins`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    pub start: u64,
    pub end: u64,
    /// What to add to an address in the copy to get the one in the module; wraps.
    pub distance: u64,
}

#[derive(Debug)]
struct ModuleTables {
    module: Module,
    binary: Option<Binary>,
    /// Read when first asked for: finding the size of the table alone touches half a megabyte.
    dynamic: OnceLock<Option<SymbolTable>>,
    full: Option<SymbolTable>,
    by_address: OnceLock<AddressIndex>,
    tls: OnceLock<Option<TlsBlock>>,
}

impl ModuleSymbols {
    pub(crate) fn new(
        memory: Arc<AddressSpace>,
        modules: &[Module],
        binaries: Vec<Option<Binary>>,
        mut embedded: EmbeddedSymbols,
        copies: Vec<Copied>,
        options: &OpenOptions,
    ) -> ModuleSymbols {
        embedded.thread_locals.sort_by_key(|local| local.thread);
        let mut embedded_by_name = HashMap::with_capacity(embedded.symbols.len());
        for (index, symbol) in embedded.symbols.iter().enumerate() {
            embedded_by_name.entry(symbol.name.clone()).or_insert(index);
        }
        let modules = modules
            .iter()
            .zip(binaries)
            .map(|(module, binary)| ModuleTables::new(module.clone(), binary, options))
            .collect();
        ModuleSymbols { memory, embedded, embedded_by_name, modules, copies }
    }

    /// The symbols that the core itself carries.
    pub fn embedded(&self) -> &EmbeddedSymbols {
        &self.embedded
    }

    /// The address that `name` stands for: in the object called `object`, or else in the first that defines it, the
    /// executable before the libraries. Both are symbols' own names or demangled C++ names, these with or without their
    /// parameters. An object is called by its path, its last part, that part cut at a dot, or `a.out` for the executable.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn resolve(&self, object: Option<&str>, name: &str) -> Result<Symbol, NameError> {
        let wanted = |tables: &&ModuleTables| object.is_none_or(|object| tables.module.is_called(object));
        if object.is_some() && !self.modules.iter().any(|tables| wanted(&tables)) {
            return Err(NameError::Object);
        }
        if object.is_none()
            && let Some(index) = self.embedded_by_name.get(name)
        {
            return Ok(self.embedded.symbols[*index].clone());
        }
        let defined = |tables: &ModuleTables| {
            let both = [tables.dynamic(&self.memory), tables.full.as_ref()];
            both.into_iter().flatten().find_map(|table| tables.symbol(&table.find(name.as_bytes())?))
        };
        if let Some(symbol) = self.modules.iter().filter(wanted).find_map(defined) {
            return Ok(symbol);
        }
        let called = |symbol: &Symbol| demangle::is_called(&symbol.name, name);
        let part = demangle::is_demangled_form(name).then(|| demangle::mangled_part(name)).flatten();
        let Some(part) = part else { return Err(NameError::Symbol) };
        let embedded = self.embedded.symbols.iter().filter(|symbol| object.is_none() && called(symbol));
        let found = one_of(embedded.cloned().collect())?;
        if let Some(symbol) = found {
            return Ok(symbol);
        }
        for tables in self.modules.iter().filter(wanted) {
            for table in [tables.dynamic(&self.memory), tables.full.as_ref()].into_iter().flatten() {
                let found = table.containing(part.as_bytes());
                let symbols = found.iter().filter_map(|found| tables.symbol(found)).filter(called).collect();
                if let Some(symbol) = one_of(symbols)? {
                    return Ok(symbol);
                }
            }
        }
        Err(NameError::Symbol)
    }

    /// The symbol that `address` belongs to: that covers it, or, if `distance` is not 0, that begins no more than
    /// `distance` bytes before it. Of several that begin nearest to it, the one with a size, of a function or variable,
    /// global before weak before local, with fewer leading underscores.
    pub fn nearest(&self, address: Address, distance: u64) -> Option<SymbolAt> {
        let reaches = |symbol: &&Symbol| {
            let reach = if distance == 0 { symbol.size.max(1) } else { distance.saturating_add(1) };
            address.0.checked_sub(symbol.address.0).is_some_and(|behind| behind < reach)
        };
        let embedded = self.embedded.symbols.iter().filter(reaches).max_by_key(|symbol| symbol.address);
        if let Some(symbol) = embedded {
            return Some(SymbolAt { symbol: symbol.clone(), module: None });
        }
        let in_module = |at: u64| {
            let index = self.modules.iter().position(|tables| tables.module.contains(Address(at)))?;
            let tables = &self.modules[index];
            let table = tables.full.as_ref().or_else(|| tables.dynamic(&self.memory))?;
            let by_address = tables.by_address.get_or_init(|| AddressIndex::new(tables, table));
            let number =
                if distance == 0 { by_address.covering(at) } else { by_address.before(at, distance) };
            Some(SymbolAt { symbol: tables.symbol(&table.get(number?)?)?, module: Some(index) })
        };
        in_module(address.0).or_else(|| {
            let copy = self.copies.iter().find(|copy| (copy.start..copy.end).contains(&address.0))?;
            let mut found = in_module(address.0.wrapping_add(copy.distance))?;
            found.symbol.address = Address(found.symbol.address.0.wrapping_sub(copy.distance));
            Some(found)
        })
    }

    /// All entries of a symbol table of the module with this index in [`crate::Core::modules`], in the order of the
    /// table. None if the module has no such table.
    pub fn entries(&self, module: usize, kind: TableKind) -> impl Iterator<Item = SymbolEntry<'_>> {
        let tables = self.modules.get(module);
        let table = tables.and_then(|tables| match kind {
            TableKind::Static => tables.full.as_ref(),
            TableKind::Dynamic => tables.dynamic(&self.memory),
        });
        let bias = tables.map_or(0, |tables| tables.module.bias);
        table.into_iter().flat_map(SymbolTable::entries).map(move |entry| {
            let has_address = entry.section != 0 && entry.section < 0xff00 && entry.kind != 6;
            SymbolEntry {
                number: entry.number,
                name: symbol_name(entry.name),
                value: if has_address { entry.value.wrapping_add(bias) } else { entry.value },
                size: entry.size,
                kind: entry.kind,
                binding: entry.binding,
                other: entry.other,
                section: entry.section,
            }
        })
    }

    fn find_definition(&self, name: &str) -> Option<(&ModuleTables, Definition<'_>)> {
        for tables in &self.modules {
            if let Some(found) = tables.dynamic(&self.memory).and_then(|table| table.find(name.as_bytes())) {
                return Some((tables, found));
            }
        }
        self.modules.iter().find_map(|tables| Some((tables, tables.full.as_ref()?.find(name.as_bytes())?)))
    }
}

impl Symbols for ModuleSymbols {
    fn find(&self, name: &str) -> Option<Symbol> {
        if let Some(index) = self.embedded_by_name.get(name) {
            return Some(self.embedded.symbols[*index].clone());
        }
        let (tables, found) = self.find_definition(name)?;
        tables.symbol(&found)
    }

    fn with_prefix(&self, prefix: &str) -> Vec<Symbol> {
        let embedded: Vec<Symbol> =
            self.embedded.symbols.iter().filter(|symbol| symbol.name.starts_with(prefix)).cloned().collect();
        if !embedded.is_empty() {
            return embedded;
        }
        let all = |tables: &ModuleTables, table: Option<&SymbolTable>| -> Vec<Symbol> {
            let found = table.map(|table| table.with_prefix(prefix.as_bytes())).unwrap_or_default();
            found.iter().filter_map(|found| tables.symbol(found)).collect()
        };
        let modules = || self.modules.iter();
        let dynamic: Vec<Symbol> =
            modules().flat_map(|tables| all(tables, tables.dynamic(&self.memory))).collect();
        if dynamic.is_empty() {
            modules().flat_map(|tables| all(tables, tables.full.as_ref())).collect()
        } else {
            dynamic
        }
    }

    fn thread_local(&self, name: &str, thread: &Thread) -> Option<Address> {
        if !thread.has_user_stack() {
            return None;
        }
        let embedded = &self.embedded.thread_locals;
        let first = embedded.partition_point(|local| local.thread < thread.id);
        let own = embedded[first..].iter().take_while(|local| local.thread == thread.id);
        if let Some(local) = own.into_iter().find(|local| local.name == name) {
            return Some(local.address);
        }
        let (tables, found) = self.find_definition(name).filter(|(_, found)| found.thread_local)?;
        let block = (*tables.tls.get_or_init(|| tables.tls_block(&self.memory)))?;
        let places = &self.memory.architecture().thread_locals;
        block.address(places, &self.memory, thread.registers.thread_pointer(), found.value)
    }

    fn imports(&self) -> Vec<(Address, String)> {
        let kinds = self.memory.architecture().import_relocations;
        self.modules.iter().flat_map(|tables| tables.imports(kinds, &self.memory)).collect()
    }

    fn at(&self, address: Address) -> Option<Symbol> {
        self.nearest(address, 0).map(|found| found.symbol)
    }
}

/// The only one of some symbols; those at one address are one.
fn one_of(mut symbols: Vec<Symbol>) -> Result<Option<Symbol>, NameError> {
    symbols.sort_by_key(|symbol| symbol.address);
    symbols.dedup_by_key(|symbol| symbol.address);
    match symbols.len() {
        0 | 1 => Ok(symbols.pop()),
        count => Err(NameError::Ambiguous(count)),
    }
}

impl ModuleTables {
    fn new(module: Module, binary: Option<Binary>, options: &OpenOptions) -> ModuleTables {
        let table = |binary: &Binary| {
            let (symbols, names) = binary.static_symbols()?;
            Some(SymbolTable::new(Arc::clone(&binary.map), symbols, names))
        };
        // A stripped library's own symbols are in the file with its debug information.
        let full = binary.as_ref().and_then(table).or_else(|| table(&debug_file(&module, options)?));
        ModuleTables {
            module,
            binary,
            dynamic: OnceLock::new(),
            full,
            by_address: OnceLock::new(),
            tls: OnceLock::new(),
        }
    }

    fn dynamic(&self, memory: &AddressSpace) -> Option<&SymbolTable> {
        let read = || match self.binary.as_ref().filter(|binary| !binary.symbols_only) {
            Some(binary) => dynamic_table_of_file(binary),
            None => dynamic_table_in_memory(memory, &self.module),
        };
        self.dynamic.get_or_init(read).as_ref()
    }

    fn address(&self, found: &Definition<'_>) -> Option<u64> {
        match (found.thread_local, found.absolute) {
            (true, _) => None,
            (false, true) => Some(found.value),
            (false, false) => Some(found.value.wrapping_add(self.module.bias)),
        }
    }

    fn symbol(&self, found: &Definition<'_>) -> Option<Symbol> {
        // Linkers write the version of a symbol behind its name: `pthread_cond_wait@@GLIBC_2.3.2`.
        let name = &found.name[..memchr::memchr(b'@', found.name).unwrap_or(found.name.len())];
        let name = if name.is_empty() { found.name } else { name };
        Some(Symbol {
            name: symbol_name(name).into_owned(),
            address: Address(self.address(found)?),
            size: found.size,
        })
    }

    /// Words that the dynamic linker fills with addresses of functions, by relocations of two types.
    fn imports(&self, kinds: [u64; 2], memory: &AddressSpace) -> Vec<(Address, String)> {
        let read = || {
            let binary = self.binary.as_ref().filter(|binary| !binary.symbols_only)?;
            let dynamic = dynamic_section_of_file(binary)?;
            let entry = |wanted: u64| {
                let entries = dynamic.chunks_exact(16).map(Fields);
                entries.filter(|entry| entry.u64(0) == Some(wanted)).find_map(|entry| entry.u64(8))
            };
            let table = |(start, size): (u64, u64)| {
                let start = binary.offset_of(entry(start)?)?;
                let size = entry(size)?.min(RELOCATIONS_LIMIT);
                binary.map.get(start..start.checked_add(usize::try_from(size).ok()?)?)
            };
            let mut by_number: HashMap<u64, Vec<Address>> = HashMap::new();
            for table in [(DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)].into_iter().filter_map(table) {
                for relocation in table.chunks_exact(24).map(Fields) {
                    let (Some(place), Some(info)) = (relocation.u64(0), relocation.u64(8)) else { continue };
                    if kinds.contains(&(info & 0xffff_ffff)) {
                        let slot = Address(place.wrapping_add(self.module.bias));
                        by_number.entry(info >> 32).or_default().push(slot);
                    }
                }
            }
            let names = self.dynamic(memory)?.entries().flat_map(|entry| {
                let slots = by_number.remove(&u64::from(entry.number)).unwrap_or_default();
                slots.into_iter().map(move |slot| (slot, symbol_name(entry.name).into_owned()))
            });
            Some(names.collect())
        };
        read().unwrap_or_default()
    }

    fn tls_block(&self, memory: &AddressSpace) -> Option<TlsBlock> {
        let places = &memory.architecture().thread_locals;
        if self.module.executable {
            return TlsBlock::of_executable(places, &self.module.segments);
        }
        let binary = self.binary.as_ref().filter(|binary| !binary.symbols_only)?;
        let dynamic = dynamic_section_of_file(binary)?;
        let relocations = |vaddr: u64, size: u64| {
            let start = binary.offset_of(vaddr)?;
            binary.map.get(start..start.checked_add(usize::try_from(size).ok()?)?)
        };
        let symbol_value = |number: u32| self.dynamic(memory)?.get(number).map(|found| found.value);
        TlsBlock::of_library(places, memory, &self.module, dynamic, relocations, symbol_value)
    }
}

fn dynamic_section_of_file(binary: &Binary) -> Option<&[u8]> {
    let segment = binary.headers.of_kind(Segment::DYNAMIC).next()?;
    let start = usize::try_from(segment.offset).ok()?;
    let size = segment.file_size.min(DYNAMIC_SIZE_LIMIT) as usize;
    binary.map.get(start..start.checked_add(size)?)
}

fn dynamic_table_of_file(binary: &Binary) -> Option<SymbolTable> {
    SymbolTable::dynamic(dynamic_section_of_file(binary)?, |vaddr| {
        let start = binary.offset_of(vaddr)?;
        let room = binary.map.len().checked_sub(start)?;
        Some((Arc::clone(&binary.map), start, room))
    })
}

/// The dynamic table as the process had it in memory. The dynamic linker has added the load bias to the addresses in
/// the dynamic section, unless the section is read-only: either form is understood.
fn dynamic_table_in_memory(memory: &AddressSpace, module: &Module) -> Option<SymbolTable> {
    let segment = module.segments.iter().find(|segment| segment.kind == Segment::DYNAMIC)?;
    let mut dynamic = vec![0; segment.memory_size.min(DYNAMIC_SIZE_LIMIT) as usize];
    memory.read_into(Address(segment.vaddr.wrapping_add(module.bias)), &mut dynamic).ok()?;
    SymbolTable::dynamic(&dynamic, |value| {
        let biased = Address(value.wrapping_add(module.bias));
        let address = if module.contains(Address(value)) { Address(value) } else { biased };
        memory.locate(address).map(|(image, start, room)| (Arc::clone(image), start, room))
    })
}

/// All symbols of a module by address, for the question what lies at an address. Built on the first question.
#[derive(Debug)]
struct AddressIndex {
    /// Sorted by start; among equals the best comes last.
    entries: Vec<Entry>,
    /// The greatest end among this entry and all before it: how far back a covering symbol can be.
    reach: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u64,
    end: u64,
    number: u32,
    /// [`Definition::rank`]
    rank: u8,
    /// A function whose size is not known.
    is_open: bool,
}

/// A function without a size is not believed to be longer, in bytes.
const LONGEST_WITHOUT_SIZE: u64 = 4096;

impl AddressIndex {
    fn new(tables: &ModuleTables, table: &SymbolTable) -> AddressIndex {
        let mut entries: Vec<Entry> = table
            .definitions()
            .filter_map(|(number, found)| {
                let start = tables.address(&found).filter(|start| tables.module.contains(Address(*start)))?;
                let end = start.saturating_add(found.size.max(1));
                // Assemblers need not say that a label is a function either: `_start` of musl.
                let is_label = || !found.typed && found.global && tables.module.has_code_at(Address(start));
                let is_open = found.size == 0 && (found.function || is_label());
                Some(Entry { start, end, number, rank: found.rank(), is_open })
            })
            .collect();
        entries.sort_unstable_by_key(|entry| (entry.start, entry.rank, std::cmp::Reverse(entry.number)));
        // A function that was written in assembly may have no size: it goes on to what follows.
        let mut next = tables.module.end.0;
        for entries in entries.chunk_by_mut(|one, other| one.start == other.start).rev() {
            // Its name with a size tells.
            let is_open = entries.iter().all(|entry| entry.end - entry.start <= 1);
            for entry in entries.iter_mut().filter(|entry| is_open && entry.is_open) {
                entry.end = next.min(entry.start.saturating_add(LONGEST_WITHOUT_SIZE));
            }
            next = entries[0].start;
        }
        let reach = entries
            .iter()
            .scan(0, |reach: &mut u64, entry| {
                *reach = entry.end.max(*reach);
                Some(*reach)
            })
            .collect();
        AddressIndex { entries, reach }
    }

    /// The number of the symbol that begins nearest before `address`, no more than `distance` bytes away.
    fn before(&self, address: u64, distance: u64) -> Option<u32> {
        let behind = self.entries.partition_point(|entry| entry.start <= address);
        let entry = self.entries[..behind].last()?;
        (address - entry.start <= distance).then_some(entry.number)
    }

    /// The number of the symbol that covers `address` and begins nearest to it.
    fn covering(&self, address: u64) -> Option<u32> {
        let behind = self.entries.partition_point(|entry| entry.start <= address);
        (0..behind)
            .rev()
            .take_while(|index| self.reach[*index] > address)
            .map(|index| self.entries[index])
            .find(|entry| entry.end > address)
            .map(|entry| entry.number)
    }
}

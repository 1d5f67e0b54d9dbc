//! Symbols of all modules together, at their addresses in the dumped process.
//!
//! Sources, in this order: the symbols embedded in the core, the dynamic tables of the executable and the libraries,
//! their static tables. A dynamic table that no file supplies is read from the core's memory where the core holds
//! it. A name is looked for in every dynamic table before the first static one, because that costs a microsecond and
//! the first look-up in a static table of 150,000 names some milliseconds.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::address_space::AddressSpace;
use crate::binary::Binary;
use crate::elf::Segment;
use crate::modules::Module;
use crate::notes::embedded_symbols::EmbeddedSymbols;
use crate::symbol_table::{Definition, SymbolTable};
use crate::thread_local::TlsBlock;
use crate::{Address, Memory, Symbol, Symbols, Thread};

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
        embedded: EmbeddedSymbols,
    ) -> ModuleSymbols {
        let mut embedded_by_name = HashMap::with_capacity(embedded.symbols.len());
        for (index, symbol) in embedded.symbols.iter().enumerate() {
            embedded_by_name.entry(symbol.name.clone()).or_insert(index);
        }
        let modules = modules
            .iter()
            .zip(binaries)
            .map(|(module, binary)| ModuleTables::new(module.clone(), binary))
            .collect();
        ModuleSymbols { memory, embedded, embedded_by_name, modules }
    }

    /// The symbols that the core itself carries.
    pub fn embedded(&self) -> &EmbeddedSymbols {
        &self.embedded
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
        let embedded = &self.embedded.thread_locals;
        if let Some(local) = embedded.iter().find(|local| local.thread == thread.id && local.name == name) {
            return Some(local.address);
        }
        let (tables, found) = self.find_definition(name).filter(|(_, found)| found.thread_local)?;
        let block = (*tables.tls.get_or_init(|| tables.tls_block(&self.memory)))?;
        block.address(&self.memory, thread.registers.fs_base, found.value)
    }

    fn at(&self, address: Address) -> Option<Symbol> {
        let covers = |symbol: &&Symbol| {
            address.0.checked_sub(symbol.address.0).is_some_and(|behind| behind < symbol.size.max(1))
        };
        if let Some(symbol) = self.embedded.symbols.iter().filter(covers).max_by_key(|symbol| symbol.address)
        {
            return Some(symbol.clone());
        }
        let tables = self.modules.iter().find(|tables| tables.module.contains(address))?;
        let table = tables.full.as_ref().or_else(|| tables.dynamic(&self.memory))?;
        let index = tables.by_address.get_or_init(|| AddressIndex::new(tables, table));
        tables.symbol(&table.get(index.covering(address.0)?)?)
    }
}

impl ModuleTables {
    fn new(module: Module, binary: Option<Binary>) -> ModuleTables {
        let full = binary.as_ref().and_then(|binary| {
            let (symbols, names) = binary.static_symbols()?;
            Some(SymbolTable::new(Arc::clone(&binary.map), symbols, names))
        });
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
        Some(Symbol {
            name: String::from_utf8_lossy(found.name).into_owned(),
            address: Address(self.address(found)?),
            size: found.size,
        })
    }

    fn tls_block(&self, memory: &AddressSpace) -> Option<TlsBlock> {
        if self.module.executable {
            return TlsBlock::of_executable(&self.module.segments);
        }
        let binary = self.binary.as_ref().filter(|binary| !binary.symbols_only)?;
        let dynamic = dynamic_section_of_file(binary)?;
        let relocations = |vaddr: u64, size: u64| {
            let start = binary.offset_of(vaddr)?;
            binary.map.get(start..start.checked_add(usize::try_from(size).ok()?)?)
        };
        let symbol_value = |number: u32| self.dynamic(memory)?.get(number).map(|found| found.value);
        TlsBlock::of_library(memory, &self.module, dynamic, relocations, symbol_value)
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
    /// Global symbols are preferred to local ones, sized ones to those without size.
    rank: u8,
}

impl AddressIndex {
    fn new(tables: &ModuleTables, table: &SymbolTable) -> AddressIndex {
        let mut entries: Vec<Entry> = table
            .definitions()
            .filter_map(|(number, found)| {
                let start = tables.address(&found).filter(|start| tables.module.contains(Address(*start)))?;
                let rank = u8::from(found.size > 0) * 2 + u8::from(found.global);
                Some(Entry { start, end: start.saturating_add(found.size.max(1)), number, rank })
            })
            .collect();
        entries.sort_unstable_by_key(|entry| (entry.start, entry.rank, std::cmp::Reverse(entry.number)));
        let reach = entries
            .iter()
            .scan(0, |reach: &mut u64, entry| {
                *reach = entry.end.max(*reach);
                Some(*reach)
            })
            .collect();
        AddressIndex { entries, reach }
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

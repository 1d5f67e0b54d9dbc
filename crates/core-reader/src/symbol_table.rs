//! One symbol table of one module: `.dynsym` with its hash table, or `.symtab`.
//!
//! Source: System V ABI, chapter 4 (symbol table) and 5 (dynamic section); the GNU hash table as glibc's
//! `do_lookup_x`, `elf/dl-lookup.c`, reads it. The dynamic table is found through the dynamic section and not through
//! section headers, so that it can be read in a stripped binary, and in the core itself where the core holds the
//! pages and the binary is gone.
//!
//! A Node binary has 40,000 to 90,000 dynamic and some 150,000 static symbols. Nothing here looks at more than a
//! handful until somebody asks a question that needs all of them.

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use object::LittleEndian as LE;
use object::ReadRef;
use object::elf::{self, Sym64};
use object::read::elf::Sym as _;

use crate::fields::Fields;
use crate::file_map::FileMap;

const SYMBOL_SIZE: usize = 24;
/// So many names are searched for one by one before an index is built.
const SEARCHES: usize = 8;

/// Where in the dynamic section (`DT_*`) the table's parts are, as addresses.
#[derive(Debug, Default)]
struct DynamicEntries {
    symbols: Option<u64>,
    names: Option<u64>,
    names_size: Option<u64>,
    gnu_hash: Option<u64>,
    hash: Option<u64>,
}

/// More dynamic entries than this are not read; a large library has 40.
const DYNAMIC_LIMIT: usize = 4096;

/// A symbol table as byte ranges of a mapped file.
#[derive(Debug)]
pub(crate) struct SymbolTable {
    image: Arc<FileMap>,
    symbols: Range<usize>,
    names: Range<usize>,
    gnu_hash: Option<Range<usize>>,
    /// Symbol numbers by hash of the name, for a table without hash table. Built when searching has become dearer.
    by_name: OnceLock<Vec<(u32, u32)>>,
    /// Names searched for without `by_name`, with the numbers of their symbols. The same few are asked for once a thread.
    searched: Mutex<Vec<Searched>>,
}

/// A name that was searched for.
#[derive(Debug)]
struct Searched {
    name: Box<[u8]>,
    /// The number of its symbol, if there is one.
    number: Option<u32>,
}

/// An entry that defines something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition<'a> {
    pub name: &'a [u8],
    /// Before the load bias is added; an offset in the TLS segment for a thread-local symbol.
    pub value: u64,
    pub size: u64,
    /// The value is not moved by the load bias (`SHN_ABS`).
    pub absolute: bool,
    pub thread_local: bool,
    pub global: bool,
    /// `STB_WEAK`; then also `global`.
    pub weak: bool,
    /// A function or a variable, not a mere label.
    pub typed: bool,
    /// `STT_FUNC`
    pub function: bool,
}

impl Definition<'_> {
    /// Which of several symbols at one address an address is shown as: one with a size, of a function or variable, global
    /// before weak before local, with fewer leading underscores. The greatest is the best.
    pub fn rank(&self) -> u8 {
        let underscores = self.name.iter().take(3).take_while(|byte| **byte == b'_').count() as u8;
        u8::from(self.size > 0) << 5
            | u8::from(self.typed) << 4
            | self.binding_rank() << 2
            | (3 - underscores)
    }

    /// Global before weak before local.
    pub fn binding_rank(&self) -> u8 {
        u8::from(self.global) + u8::from(self.global && !self.weak)
    }
}

/// An entry of a symbol table as it stands there, whatever it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawEntry<'a> {
    pub number: u32,
    pub name: &'a [u8],
    pub value: u64,
    pub size: u64,
    pub kind: u8,
    pub binding: u8,
    pub other: u8,
    pub section: u16,
}

impl SymbolTable {
    pub fn new(image: Arc<FileMap>, symbols: Range<usize>, names: Range<usize>) -> SymbolTable {
        SymbolTable {
            image,
            symbols,
            names,
            gnu_hash: None,
            by_name: OnceLock::new(),
            searched: Mutex::default(),
        }
    }

    /// The table that the dynamic section `dynamic` describes. `locate` says where in an image the bytes of an
    /// address are, and how many follow.
    pub fn dynamic(
        dynamic: &[u8],
        locate: impl Fn(u64) -> Option<(Arc<FileMap>, usize, usize)>,
    ) -> Option<SymbolTable> {
        let mut entries = DynamicEntries::default();
        for entry in dynamic.chunks_exact(16).take(DYNAMIC_LIMIT) {
            let (tag, value) = (Fields(entry).u64(0)?, Fields(entry).u64(8)?);
            match tag {
                0 => break,
                4 => entries.hash = Some(value),
                5 => entries.names = Some(value),
                6 => entries.symbols = Some(value),
                10 => entries.names_size = Some(value),
                0x6fff_fef5 => entries.gnu_hash = Some(value),
                _ => {}
            }
        }
        let (image, symbols, symbols_room) = locate(entries.symbols?)?;
        let (names_image, names, names_room) = locate(entries.names?)?;
        if !Arc::ptr_eq(&image, &names_image) {
            return None;
        }
        let names_size = usize::try_from(entries.names_size?).ok()?.min(names_room);
        let gnu_hash = entries
            .gnu_hash
            .and_then(&locate)
            .filter(|(hash_image, ..)| Arc::ptr_eq(&image, hash_image))
            .map(|(_, start, room)| start..start + room);
        let count = match &gnu_hash {
            Some(range) => GnuHash::parse(image.get(range.clone())?)?.symbol_count(),
            None => {
                let (hash_image, start, room) = locate(entries.hash?)?;
                Fields(hash_image.get(start..start + room)?).u32(4)? as usize // nchain
            }
        };
        let size = count.checked_mul(SYMBOL_SIZE)?.min(symbols_room);
        Some(SymbolTable {
            symbols: symbols..symbols + size,
            names: names..names + names_size,
            image,
            gnu_hash,
            by_name: OnceLock::new(),
            searched: Mutex::default(),
        })
    }

    fn symbols(&self) -> &[Sym64<LE>] {
        let bytes = self.image.get(self.symbols.clone()).unwrap_or_default();
        bytes.read_slice_at(0, bytes.len() / SYMBOL_SIZE).unwrap_or_default()
    }

    fn names(&self) -> &[u8] {
        self.image.get(self.names.clone()).unwrap_or_default()
    }

    fn name_of<'a>(names: &'a [u8], symbol: &Sym64<LE>) -> &'a [u8] {
        let rest = names.get(symbol.st_name(LE) as usize..).unwrap_or_default();
        &rest[..memchr::memchr(0, rest).unwrap_or(0)]
    }

    /// The name of `symbol` begins with `prefix`; cheaper than finding its end.
    fn name_begins(names: &[u8], symbol: &Sym64<LE>, prefix: &[u8]) -> bool {
        names.get(symbol.st_name(LE) as usize..).is_some_and(|rest| rest.starts_with(prefix))
    }

    fn name_is(names: &[u8], symbol: &Sym64<LE>, name: &[u8]) -> bool {
        let rest = names.get(symbol.st_name(LE) as usize..).unwrap_or_default();
        rest.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&0))
    }

    /// The symbol as a definition, or `None` if it defines nothing (undefined, a section, a file name).
    fn definition<'a>(names: &'a [u8], symbol: &Sym64<LE>) -> Option<Definition<'a>> {
        let kind = symbol.st_type();
        if symbol.is_undefined(LE) || kind == elf::STT_SECTION || kind == elf::STT_FILE {
            return None;
        }
        let name = Self::name_of(names, symbol);
        // Marks of the assembler for arm64, where code begins and where data does (ELF for the Arm 64-bit Architecture, 5.5.4).
        let is_mark = || {
            let rest = name.strip_prefix(b"$x").or_else(|| name.strip_prefix(b"$d"));
            kind == elf::STT_NOTYPE && rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'.')
        };
        (!name.is_empty() && !is_mark()).then(|| Definition {
            name,
            value: symbol.st_value(LE),
            size: symbol.st_size(LE),
            absolute: symbol.is_absolute(LE),
            thread_local: kind == elf::STT_TLS,
            global: symbol.st_bind() != elf::STB_LOCAL,
            weak: symbol.st_bind() == elf::STB_WEAK,
            typed: kind != elf::STT_NOTYPE,
            function: kind == elf::STT_FUNC,
        })
    }

    /// The definition of `name`.
    pub fn find(&self, name: &[u8]) -> Option<Definition<'_>> {
        if name.is_empty() || name.contains(&0) {
            return None;
        }
        let (symbols, names) = (self.symbols(), self.names());
        let matching = |index: usize| {
            let symbol = symbols.get(index).filter(|symbol| Self::name_is(names, symbol, name))?;
            Self::definition(names, symbol)
        };
        if let Some(range) = &self.gnu_hash {
            return GnuHash::parse(self.image.get(range.clone())?)?.candidates(name).find_map(matching);
        }
        if self.by_name.get().is_none() {
            let mut searched = self.searched.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = searched.iter().find(|known| *known.name == *name) {
                return self.get(known.number?);
            }
            if searched.len() < SEARCHES {
                let found = self.search(name);
                searched.push(Searched { name: name.into(), number: found.map(|(number, _)| number) });
                return found.map(|(_, definition)| definition);
            }
        }
        let index = self.by_name.get_or_init(|| {
            let mut index: Vec<(u32, u32)> = symbols
                .iter()
                .enumerate()
                .filter_map(|(number, symbol)| {
                    Self::definition(names, symbol).map(|found| (gnu_hash(found.name), number as u32))
                })
                .collect();
            index.sort_unstable();
            index
        });
        let hash = gnu_hash(name);
        let first = index.partition_point(|(other, _)| *other < hash);
        let found = best(
            index[first..]
                .iter()
                .take_while(|(other, _)| *other == hash)
                .filter_map(|(_, number)| Some((*number, matching(*number as usize)?))),
        );
        found.map(|(_, definition)| definition)
    }

    /// As `find`, from one end of the table to the other: first the name in the names, by a search at memory speed,
    /// then the symbols that have it. 3 ms in Node's 150,000 symbols, where the index takes 25 ms to build.
    fn search(&self, name: &[u8]) -> Option<(u32, Definition<'_>)> {
        let (symbols, names) = (self.symbols(), self.names());
        let mut with_end = name.to_vec();
        with_end.push(0);
        // More than one place: a linker may store a name as the tail of a longer one, or not.
        let places: Vec<u32> = memchr::memmem::find_iter(names, &with_end)
            .map_while(|place| u32::try_from(place).ok())
            .collect();
        if places.is_empty() {
            return None;
        }
        best(
            (0..)
                .zip(symbols)
                .filter(|(_, symbol)| places.binary_search(&symbol.st_name(LE)).is_ok())
                .filter_map(|(number, symbol)| Some((number, Self::definition(names, symbol)?))),
        )
    }

    /// All definitions whose name begins with `prefix`.
    pub fn with_prefix(&self, prefix: &[u8]) -> Vec<Definition<'_>> {
        let names = self.names();
        self.symbols()
            .iter()
            .filter(|symbol| Self::name_begins(names, symbol, prefix))
            .filter_map(|symbol| Self::definition(names, symbol))
            .collect()
    }

    /// All definitions with their numbers.
    pub fn definitions(&self) -> impl Iterator<Item = (u32, Definition<'_>)> {
        let names = self.names();
        self.symbols()
            .iter()
            .enumerate()
            .filter_map(move |(number, symbol)| Some((number as u32, Self::definition(names, symbol)?)))
    }

    /// All entries from number 1 on, definitions or not. (Entry 0 is reserved.)
    pub fn entries(&self) -> impl Iterator<Item = RawEntry<'_>> {
        let names = self.names();
        self.symbols().iter().enumerate().skip(1).map(move |(number, symbol)| RawEntry {
            number: number as u32,
            name: Self::name_of(names, symbol),
            value: symbol.st_value(LE),
            size: symbol.st_size(LE),
            kind: symbol.st_type().0,
            binding: symbol.st_bind().0,
            other: symbol.st_other.0,
            section: symbol.st_shndx(LE).0,
        })
    }

    /// The definitions whose name contains `part`: found in the names at the speed of memory, so that a few of 150,000
    /// cost a few milliseconds.
    pub fn containing(&self, part: &[u8]) -> Vec<Definition<'_>> {
        let (symbols, names) = (self.symbols(), self.names());
        let mut starts: Vec<u32> = memchr::memmem::find_iter(names, part)
            .map_while(|place| {
                let start = memchr::memrchr(0, &names[..place]).map_or(0, |zero| zero + 1);
                u32::try_from(start).ok()
            })
            .collect();
        starts.dedup();
        if starts.is_empty() {
            return Vec::new();
        }
        symbols
            .iter()
            .filter(|symbol| {
                // A name may also begin inside of another one, as its tail.
                let start = symbol.st_name(LE);
                starts.binary_search(&start).is_ok()
                    || names.get((start as usize).wrapping_sub(1)).is_some_and(|byte| *byte != 0)
            })
            .filter_map(|symbol| Self::definition(names, symbol))
            .filter(|found| memchr::memmem::find(found.name, part).is_some())
            .collect()
    }

    /// The definition with this number.
    pub fn get(&self, number: u32) -> Option<Definition<'_>> {
        Self::definition(self.names(), self.symbols().get(number as usize)?)
    }
}

/// Of several symbols of one name: the first global one, else the first weak one, else the first.
fn best<'a>(found: impl Iterator<Item = (u32, Definition<'a>)>) -> Option<(u32, Definition<'a>)> {
    let mut best: Option<(u32, Definition<'a>)> = None;
    for found in found {
        if best.is_none_or(|(_, best)| found.1.binding_rank() > best.binding_rank()) {
            best = Some(found);
        }
    }
    best
}

/// The hash function of `DT_GNU_HASH`.
fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// `DT_GNU_HASH`: four words (number of buckets, first hashed symbol, words in the Bloom filter, shift), the Bloom
/// filter in 64-bit words, the buckets, and one word per hashed symbol whose lowest bit ends a chain.
#[derive(Clone, Copy)]
struct GnuHash<'a> {
    buckets: &'a [u8],
    chains: &'a [u8],
    bloom: &'a [u8],
    first_symbol: u32,
    bloom_shift: u32,
}

impl<'a> GnuHash<'a> {
    fn parse(data: &'a [u8]) -> Option<GnuHash<'a>> {
        let fields = Fields(data);
        let bucket_bytes = (fields.u32(0)? as usize).checked_mul(4)?;
        let bloom_bytes = (fields.u32(8)? as usize).checked_mul(8)?;
        let bloom = fields.bytes(16, bloom_bytes)?;
        let buckets = fields.bytes(16 + bloom_bytes, bucket_bytes)?;
        let chains = &data[16 + bloom_bytes + bucket_bytes..];
        Some(GnuHash { buckets, chains, bloom, first_symbol: fields.u32(4)?, bloom_shift: fields.u32(12)? })
    }

    /// The chain word of a symbol.
    fn chain(&self, symbol: u32) -> Option<u32> {
        Fields(self.chains).u32((symbol.checked_sub(self.first_symbol)? as usize).checked_mul(4)?)
    }

    /// Numbers of the symbols whose name may be `name`.
    fn candidates(self, name: &[u8]) -> impl Iterator<Item = usize> + use<'a> {
        let hash = gnu_hash(name);
        let buckets = self.buckets.len() / 4;
        let start = (buckets > 0 && self.may_contain(hash))
            .then(|| Fields(self.buckets).u32(hash as usize % buckets * 4))
            .flatten()
            .filter(|symbol| *symbol != 0);
        // Each step goes one symbol up, so a chain ends with the table at the latest.
        let mut next = start;
        std::iter::from_fn(move || {
            let symbol = next?;
            let word = self.chain(symbol)?;
            next = if word & 1 == 0 { symbol.checked_add(1) } else { None };
            Some((symbol as usize, word))
        })
        .filter(move |(_, word)| word | 1 == hash | 1)
        .map(|(symbol, _)| symbol)
    }

    fn may_contain(&self, hash: u32) -> bool {
        let words = self.bloom.len() / 8;
        if words == 0 {
            return true;
        }
        let Some(word) = Fields(self.bloom).u64((hash / 64) as usize % words * 8) else { return true };
        let second = hash.checked_shr(self.bloom_shift).unwrap_or(0);
        word >> (hash % 64) & word >> (second % 64) & 1 == 1
    }

    /// The number of symbols in the table: behind the last chain.
    fn symbol_count(&self) -> usize {
        let last = self.buckets.chunks_exact(4).filter_map(|bucket| Fields(bucket).u32(0)).max();
        let Some(mut symbol) = last.filter(|symbol| *symbol >= self.first_symbol) else {
            return self.first_symbol as usize;
        };
        while self.chain(symbol).is_some_and(|word| word & 1 == 0) {
            symbol = symbol.saturating_add(1); // ends: `chain` is `None` long before
        }
        (symbol as usize + 1).min(self.first_symbol as usize + self.chains.len() / 4)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_hash_table_is_walked_to_an_end(
            header in [0..4_u32, 0..8_u32, 0..3_u32, 0..40_u32],
            words in prop::collection::vec(prop_oneof![0..12_u32, any::<u32>()], 0..64),
            name in "[a-c]{1,2}",
        ) {
            let bytes: Vec<u8> = header.iter().chain(&words).flat_map(|word| word.to_le_bytes()).collect();
            if let Some(table) = GnuHash::parse(&bytes) {
                prop_assert!(table.candidates(name.as_bytes()).count() <= words.len());
                prop_assert!(table.symbol_count() <= header[1] as usize + words.len());
            }
        }
    }

    #[test]
    fn hash_values_of_the_specification() {
        // Values from the description of the format in the gnu-gabi wiki.
        assert_eq!(gnu_hash(b""), 0x0000_1505);
        assert_eq!(gnu_hash(b"printf"), 0x156b_2bb8);
        assert_eq!(gnu_hash(b"exit"), 0x7c96_7e3f);
        assert_eq!(gnu_hash(b"flapenguin.me"), 0x8ae9_f18e);
    }
}

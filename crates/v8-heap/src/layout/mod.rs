//! How one V8 version lays out its heap: every offset and constant that differs between versions, or that a
//! reader has to know.
//!
//! A [`Layout`] is resolved once, when the target opens, and is plain data afterwards. Three sources feed it, and it
//! remembers which of them said what:
//!
//! 1. *Metadata symbols*: V8 publishes part of its layout as integers named `v8dbg_*`, for post-mortem debuggers
//!    (`tools/gen-postmortem-metadata.py`). They are right for the very binary that dumped, but incomplete.
//! 2. *Built-in tables* (`tables`): one per V8 version that a Node.js release line ships, checked on real cores.
//! 3. *The heap itself*: before use the result is checked against the heap ([`crate::Heap::self_check`]).
//!
//! Where a field is stands in one place: the description of its class ([`Classes`]), from which its offset is computed.
//! Decoders name the fields and bits they read in [`Fields`] and [`Bits`], which are looked up once.

mod accounting;
mod bits;
mod bytecode;
mod class;
mod context_bytecodes;
mod crash;
mod facts;
mod fields;
mod frames;
mod kind;
pub(crate) mod machine_code;
pub(crate) mod native;
mod native_context;
mod postmortem;
mod processor;
mod sandbox;
mod scope_info;
mod size;
mod tables;
mod types;
mod versions;
mod word_model;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use core_reader::{Architecture, Symbols};

pub use accounting::{AccountingLayout, BackingStoreLayout, ExternalBytes, PhysicalBytes};
pub use bits::Bits;
pub use bytecode::{Bytecode, Bytecodes, Jump, OperandKind, Scale};
pub use class::{Class, ClassId, Classes, Contradiction, Field, FieldKind, Flag, Part, Tail, TailLayout};
pub(crate) use context_bytecodes::ContextBytecode;
pub use context_bytecodes::ContextBytecodes;
pub use crash::{CrashLayout, LimitPlace};
use facts::{
    EARLY_TYPED_ELEMENTS, EARLY_TYPED_ELEMENTS_WITH_FLOAT16, ELEMENTS_KINDS, ELEMENTS_KINDS_10,
    TYPED_ELEMENTS,
};
pub use facts::{Facts, NamedReceivers, OwnObjects, SnapshotLayout, TypedElement};
pub use fields::{Count, Fields};
pub use frames::{ArgumentCount, ExitLayout, FrameLayout, WasmFrameLayout};
pub use kind::{Kind, StringShape};
pub use machine_code::DeoptimizationLayout;
pub use postmortem::METADATA_PREFIX;
pub(crate) use postmortem::telling_functions;
pub use processor::ProcessorLayout;
pub use sandbox::SandboxLayout;
pub(crate) use scope_info::ScopeInfoParts;
pub use scope_info::{ScopeInfoLayout, ScopeKind};
pub(crate) use size::ObjectBytes;
pub use size::{SizeFormula, SpecialSize};
pub use word_model::WordModel;

use crate::{Error, Result, V8Version};

/// Where a page keeps its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderPlace {
    /// At the start of the page (`MemoryChunk`, V8 up to 12).
    InPage,
    /// In a block of its own, found through a pointer at this offset in the page (`MutablePageMetadata`, V8 13 on).
    Metadata {
        /// Offset in the page of the pointer to the block.
        pointer: u64,
    },
}

/// A redundant word of the page header that tells a page from chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfCheck {
    /// The word at 0 repeats the size.
    SizeTwice,
    /// The word at 8 is the page's own address.
    OwnAddress,
    /// Every page names its heap, as each heap has read-only pages of its own.
    Heap,
    /// There is none; the pointer to the metadata block serves.
    None,
}

/// Offsets in a page header (`src/heap/memory-chunk*.h`, `basic-memory-chunk.h`, `page-metadata.h`): `flags` in the
/// page itself, all others in the header wherever it lives.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // V8's own field names
pub struct PageLayout {
    pub header: HeaderPlace,
    pub size: u64,
    pub flags: u64,
    pub heap: u64,
    pub area_start: u64,
    pub area_end: u64,
    pub owner: u64,
    /// Where a space object names its heap (`BaseSpace::heap_`), which space it is (`id_`), and how much memory it has (`committed_`).
    pub space_heap: u64,
    pub space_id: u64,
    pub space_committed: u64,
    /// Distance of the first object from the start of a regular page.
    pub first_object: u64,
    pub self_check: SelfCheck,
    /// Open allocation areas say where they begin, beside top and limit (`LinearAllocationArea::start_`).
    pub areas_have_start: bool,
}

/// What the size of a `FreeSpace` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FreeSpaceUnit {
    /// Bytes (V8 up to 13.6.233.10).
    Bytes,
    /// Words.
    Words,
}

impl FreeSpaceUnit {
    /// Bytes of one.
    pub const fn bytes(self, words: WordModel) -> u64 {
        match self {
            FreeSpaceUnit::Bytes => 1,
            FreeSpaceUnit::Words => words.tagged,
        }
    }
}

impl fmt::Display for FreeSpaceUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FreeSpaceUnit::Bytes => "bytes",
            FreeSpaceUnit::Words => "words",
        })
    }
}

/// What the free blocks of a heap say of their unit: of how many there is an object behind them only if they count the one,
/// or the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreeSpaceVote {
    /// Blocks that are right only if they count bytes.
    pub bytes: u32,
    /// Only if they count words.
    pub words: u32,
    /// In both ways: they tell nothing.
    pub both: u32,
    /// In neither: what is left of blocks, where memory is in use for something else.
    pub neither: u32,
}

impl FreeSpaceVote {
    /// The unit that it is for: nothing if no blocks tell, or if they are of two minds.
    pub fn unit(&self) -> Option<FreeSpaceUnit> {
        let (unit, most, least) = if self.words > self.bytes {
            (FreeSpaceUnit::Words, self.words, self.bytes)
        } else {
            (FreeSpaceUnit::Bytes, self.bytes, self.words)
        };
        (most > 4 * least).then_some(unit)
    }

    /// Whether many blocks tell, and a good part of them is for each of the units.
    pub fn is_mixed(&self) -> bool {
        const MANY: u32 = 32;
        self.bytes + self.words >= MANY && self.unit().is_none()
    }
}

/// Instance types of functions: a range, as each builtin constructor has its own.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct FunctionTypes {
    pub first: u16,
    pub last: u16,
}

/// Versions between two tables that are laid out like neither of them: while Torque began to number types, while the order of arguments
/// turned, while types were given out anew, and while machine code moved out of the `Code`.
const LIKE_NONE: [std::ops::RangeInclusive<(u32, u32)>; 4] =
    [(7, 9)..=(8, 3), (8, 5)..=(8, 9), (9, 5)..=(10, 1), (10, 3)..=(11, 2)];

/// Release lines of Node.js by the first version of V8 that they shipped (`deps/v8/include/v8-version.h`), and since which release they
/// have had it, if there are earlier ones.
const LINES: &[((u32, u32), u32, Option<&str>)] = &[
    ((7, 4), 12, None),
    ((7, 8), 12, Some("12.16")),
    ((7, 9), 13, None),
    ((8, 1), 14, None),
    ((8, 6), 15, None),
    ((9, 0), 16, None),
    ((9, 5), 17, None),
    ((10, 1), 18, None),
    ((10, 2), 18, Some("18.3")),
    ((10, 7), 19, None),
    ((11, 3), 20, None),
    ((11, 8), 21, None),
    ((12, 4), 22, None),
    ((12, 9), 23, None),
    ((13, 6), 24, None),
    ((14, 1), 25, None),
    ((14, 6), 26, None),
];

fn unsupported(version: &V8Version) -> Error {
    let wanted = (version.major, version.minor);
    let line = LINES.iter().rev().find(|(first, ..)| *first <= wanted).map(|(_, line, _)| *line);
    let mut lines: Vec<String> = LINES
        .iter()
        .filter(|(v8, ..)| tables::TABLES.iter().any(|table| table.v8 == *v8 && table.supported))
        .map(|(_, line, since)| match since {
            Some(since) => format!("{line} (from {since} on)"),
            None => line.to_string(),
        })
        .collect();
    let last = lines.pop().unwrap_or_default();
    let supported = lines.join(", ");
    Error::Unsupported {
        node: line.map(|line| format!("{line}.x")),
        v8: version.to_string(),
        supported: format!("{supported} and {last}"),
    }
}

/// A built-in layout: what one V8 version looks like.
#[derive(Debug)]
struct Table {
    v8: (u32, u32),
    /// The line of what ships this version.
    line: &'static str,
    /// Tests have judged every release of the line in everything.
    supported: bool,
    /// What is short of that, as it is told when a core is opened; empty for a line that is supported.
    shortcoming: &'static str,
    page: PageLayout,
    /// Bit of the page flags that marks a large page.
    large_page_flag: u32,
    /// Bit of the page flags that marks a read-only page.
    read_only_page_flag: u32,
    space_names: &'static [&'static str],
    accounting: AccountingLayout,
    frames: FrameLayout,
    deoptimization: &'static DeoptimizationLayout,
    crash: Option<CrashLayout>,
    /// The tables of a build with a sandbox; nothing if that is not known of this version.
    sandbox: Option<SandboxLayout>,
    facts: Facts,
}

/// What is known of one instance type.
#[derive(Clone, Debug)]
pub struct TypeInfo {
    /// Class name as V8 spells it, or `type N` where no source names it.
    pub name: Box<str>,
    /// What kind of object it is to a reader.
    pub kind: Kind,
    /// How to compute the size of an instance whose map does not give it.
    pub variable_size: Option<SizeFormula>,
    /// What its instances look like.
    pub class: Option<ClassId>,
}

/// Where a part of the layout came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A `v8dbg_*` symbol of the binary.
    Metadata,
    /// A table built into this program, made for this very V8 version.
    Table,
    /// A table built into this program, made for a neighbouring V8 version: the one that the heap agrees with most.
    NearestTable,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Metadata => "metadata symbols",
            Source::Table => "built-in table",
            Source::NearestTable => "the built-in table of a neighbouring version that fits best",
        })
    }
}

/// How many facts of one part of the layout came from which source.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// Part of the layout: `instance types`, `object fields`, ...
    pub part: &'static str,
    /// Number of facts per source, in order of trust; sources without facts are left out.
    pub sources: Vec<(Source, usize)>,
}

/// The resolved layout of one target.
#[derive(Clone, Debug)]
pub struct Layout {
    /// V8 version the built-in part was made for.
    pub table_version: (u32, u32),
    /// The line of Node.js, or of another embedder, that ships that version.
    pub table_line: &'static str,
    /// Whether the table is for the target's own version.
    pub exact: bool,
    /// What differs between processors.
    pub processor: &'static ProcessorLayout,
    /// Whether every release of that line is read right by tests; of another, some have been tried.
    pub supported: bool,
    /// What is short of that; empty for a line that is supported.
    pub shortcoming: &'static str,
    /// Page headers.
    pub page: PageLayout,
    /// Bit mask in the page flags of a large page.
    pub large_page: u64,
    /// Bit mask of read-only pages.
    pub read_only_page: u64,
    /// Bit mask of pages of the inactive semispace.
    pub from_page: u64,
    /// Bit mask of pages of the active semispace.
    pub to_page: u64,
    /// Names by `AllocationSpace`.
    pub space_names: &'static [&'static str],
    /// Where V8 keeps count of memory.
    pub accounting: AccountingLayout,
    /// Frames on the stack.
    pub frames: FrameLayout,
    /// How optimised machine code is left for bytecode; nothing if the binary contradicts what is known of its version.
    pub deoptimization: Option<&'static DeoptimizationLayout>,
    /// The tables of a sandbox; nothing if the build has none, or it is not known of this version.
    pub sandbox: Option<SandboxLayout>,
    /// What V8 remembers of its last collections; nothing if that is not known of this version.
    pub crash: Option<CrashLayout>,
    /// The bytecodes; nothing if the binary contradicts what is known of its version.
    pub bytecodes: Option<Bytecodes>,
    /// What these mean for contexts.
    pub context_bytecodes: Option<ContextBytecodes>,
    /// Instance types of functions.
    pub functions: FunctionTypes,
    /// Places of fields in objects.
    pub fields: Fields,
    /// Bits of flags.
    pub bits: Bits,
    /// What else differs between versions.
    pub facts: Facts,
    /// `JSDate::value_` is a raw double (else a tagged number).
    pub date_is_raw_double: bool,
    /// Slot of the `ScriptContextTable` in a native context.
    pub script_context_table_slot: u64,
    /// Slot of the `EmbedderDataArray` in a native context.
    pub embedder_data_slot: u64,
    scope_kinds: scope_info::ScopeKinds,
    types: Arc<Vec<TypeInfo>>,
    map_type: u16,
    classes: Arc<Classes>,
    frame_types: Vec<(i32, Box<str>)>,
    provenance: Vec<Provenance>,
    free_space_vote: FreeSpaceVote,
}

/// Instance types above this do not exist (`LAST_TYPE` is below 2200 in every version).
const TYPE_LIMIT: usize = 2304;

/// `JS_SPECIAL_API_OBJECT_TYPE`
const SPECIAL_API_OBJECT_TYPE: u16 = 1040;

impl Layout {
    /// The layout of `version`: metadata symbols over the table of that version. For a version without a table, one layout
    /// over the neighbour that it is known to be laid out like, or else one over each of its neighbours, the older first: which of
    /// them fits is for the heap to say.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for versions that no table can read.
    pub fn candidates(
        version: &V8Version,
        words: WordModel,
        architecture: &Architecture,
        symbols: &dyn Symbols,
        read_int: &dyn Fn(u64) -> Option<i32>,
    ) -> Result<Vec<Layout>> {
        let wanted = (version.major, version.minor);
        let metadata = postmortem::Metadata::load(symbols, read_int);
        let processor = ProcessorLayout::of(architecture);
        let assemble = |table: &Table, exact| {
            let mut layout = Layout::assembled(table, words, exact, processor, &metadata);
            layout.deoptimization.take_if(|known| !machine_code::agrees(known, symbols, read_int));
            layout.bytecodes.take_if(|known| !known.agrees(symbols, read_int));
            layout.context_bytecodes.take_if(|_| layout.bytecodes.is_none());
            layout
        };
        let newer = tables::TABLES.partition_point(|table| table.v8 <= wanted);
        let older = newer.checked_sub(1).map(|index| tables::TABLES[index]);
        let Some(older) = older.filter(|_| !LIKE_NONE.iter().any(|versions| versions.contains(&wanted)))
        else {
            return Err(unsupported(version));
        };
        if older.v8 == wanted {
            return Ok(vec![assemble(older, true)]);
        }
        let neighbours = [older].into_iter().chain(tables::TABLES.get(newer).copied());
        Ok(neighbours.map(|table| assemble(table, false)).collect())
    }

    /// Places of fields as the newest table has them. For maps and strings that is where every version has them, so they can be
    /// read before the version is known.
    pub(crate) fn fields_of_every_version() -> Fields {
        static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
            let newest = tables::TABLES.last().expect("there are tables");
            let classes = Classes::of(newest.v8, WordModel::FULL, &class::PublishedFields::default());
            Fields::resolve(&classes, WordModel::FULL).expect("a test resolves the fields of every version")
        });
        *FIELDS
    }

    /// Whether each page of a space holds one object only (V8: `LargeObjectSpace` and its kin).
    pub fn has_large_objects(&self, space: u8) -> bool {
        self.space_names.get(usize::from(space)).is_some_and(|name| name.ends_with("large_object"))
    }

    /// Whether a space is part of the young generation.
    pub fn is_young(&self, space: u8) -> bool {
        self.space_names.get(usize::from(space)).is_some_and(|name| name.starts_with("new"))
    }

    /// Whether a space is of objects that nobody in a sandbox can change (V8: `TrustedSpace` and its kin).
    pub(crate) fn is_trusted(&self, space: u8) -> bool {
        self.space_names.get(usize::from(space)).is_some_and(|name| name.contains("trusted"))
    }

    /// A hash over all of it but where it came from: two layouts with the same read a heap in the same way.
    pub fn fingerprint(&self) -> u128 {
        let head = (
            (self.table_version, self.table_line, self.exact, self.processor),
            (self.page, self.large_page, self.read_only_page, self.from_page, self.to_page),
            (self.space_names, self.accounting, self.functions),
            (self.frames, self.deoptimization, self.crash, &self.bytecodes, self.sandbox),
            (
                (self.fields, self.bits, self.facts),
                (self.script_context_table_slot, self.embedder_data_slot),
                &self.types,
                self.map_type,
                self.classes.iter().collect::<Vec<_>>(),
                &self.frame_types,
            ),
        );
        xxhash_rust::xxh3::xxh3_128(format!("{head:?}").as_bytes())
    }

    /// The layout over a table: one of those made last, if it was made of the same. A process that opens many cores of one program
    /// computes it once.
    fn assembled(
        table: &Table,
        words: WordModel,
        exact: bool,
        processor: &'static ProcessorLayout,
        metadata: &postmortem::Metadata,
    ) -> Layout {
        struct Assembled {
            metadata: postmortem::Metadata,
            layout: Layout,
        }
        /// Oldest first.
        static LAST: Mutex<VecDeque<Assembled>> = Mutex::new(VecDeque::new());
        /// Two neighbours' tables for each of a few programs.
        const KEPT: usize = 8;

        let lock = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &&Assembled| {
            known.layout.table_version == table.v8
                && known.layout.fields.words == words
                && known.layout.exact == exact
                && known.layout.processor == processor
                && known.metadata == *metadata
        };
        if let Some(known) = lock().iter().find(is_same) {
            return known.layout.clone();
        }
        let layout = Layout::assemble(table, words, exact, processor, metadata);
        let mut last = lock();
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(Assembled { metadata: metadata.clone(), layout: layout.clone() });
        layout
    }

    fn assemble(
        table: &Table,
        words: WordModel,
        exact: bool,
        processor: &'static ProcessorLayout,
        metadata: &postmortem::Metadata,
    ) -> Layout {
        let table_source = if exact { Source::Table } else { Source::NearestTable };
        let version = table.v8;
        let mut facts = table.facts;
        if let Some(kind) = metadata.undefined_kind() {
            facts.undefined_kind = kind;
        }
        let classes = Classes::of(version, words, &metadata.class_fields());
        // Publishing moves fields, and removes none.
        let fields = Fields::resolve(&classes, words).expect("a test resolves the fields of every version");
        let bits = Bits::resolve(version).expect("a test resolves the bits of every version");
        let (fields_total, fields_published) =
            (classes.iter().map(|class| class.fields.len()).sum::<usize>(), classes.published());
        let functions = metadata
            .function_types()
            .or_else(|| types::functions(version))
            .expect("a test finds them in every version");
        let published = metadata.types();
        // What has a sandbox is built as Chromium is.
        let by_default = facts.has_temporal || words.sandboxed;
        let has_temporal = metadata.has_temporal().unwrap_or(by_default);
        let named = merge_types(table, exact, &published, has_temporal);

        let bytecodes = Bytecodes::of(version);
        let sandbox = table.sandbox.filter(|_| words.sandboxed);
        let map_type = named.iter().find(|(_, name)| &**name == "Map").map_or(0, |(number, _)| *number);
        let sizes = size::Sizes { version, words, processor, facts: &facts, classes: &classes };
        let types = classify_types(&named, functions, &sizes);
        let from_metadata = named.iter().filter(|entry| published.contains(entry)).count();

        let count = |source, n| (n > 0).then_some((source, n));
        let provenance = vec![
            Provenance {
                part: "instance types",
                sources: [
                    count(Source::Metadata, from_metadata),
                    count(table_source, named.len().saturating_sub(from_metadata)),
                ]
                .into_iter()
                .flatten()
                .collect(),
            },
            Provenance {
                part: "object fields",
                sources: [
                    count(Source::Metadata, fields_published),
                    count(table_source, fields_total.saturating_sub(fields_published)),
                ]
                .into_iter()
                .flatten()
                .collect(),
            },
            Provenance { part: "page headers", sources: vec![(table_source, 10)] },
            Provenance { part: "counts of memory", sources: vec![(table_source, 27)] },
        ];
        Layout {
            table_version: table.v8,
            table_line: table.line,
            exact,
            supported: table.supported,
            shortcoming: table.shortcoming,
            processor,
            page: table.page,
            large_page: 1 << table.large_page_flag,
            // With compressed pointers read-only pages have no flag: they are where the cage begins.
            read_only_page: if words == WordModel::FULL { 1 << table.read_only_page_flag } else { 0 },
            from_page: 1 << 3,
            to_page: 1 << 4,
            space_names: table.space_names,
            accounting: AccountingLayout {
                backing_store: table.accounting.backing_store.in_sandbox(sandbox),
                ..table.accounting.with_mutexes(processor.mutex_growth)
            },
            frames: table
                .frames
                .published(|name| metadata.frame_type(name))
                .aligned(processor.stack_alignment),
            deoptimization: Some(table.deoptimization),
            crash: table.crash,
            sandbox,
            context_bytecodes: Some(ContextBytecodes::of(&bytecodes)),
            bytecodes: Some(bytecodes),
            functions,
            fields,
            bits,
            facts,
            date_is_raw_double: classes.kind("JSDate", "value") == Some(FieldKind::Double),
            script_context_table_slot: native_context::slot("script_context_table", version)
                .expect("a test finds it in every version"),
            embedder_data_slot: native_context::slot("embedder_data", version)
                .expect("it is in every version"),
            scope_kinds: scope_info::ScopeKinds::of(version),
            types: Arc::new(types),
            map_type,
            classes: Arc::new(classes),
            frame_types: metadata.frame_types(),
            provenance,
            free_space_vote: FreeSpaceVote::default(),
        }
    }

    /// Which field has the property with these details (V8: `src/objects/property-details.h`), if the fields inside the object begin
    /// at the word `start` and there are `inside` of them; those behind it follow. `None` if there is none at such a place.
    pub(crate) fn field_number(&self, details: u32, start: u64, inside: u64) -> Option<u64> {
        /// `PropertyDetails::FieldIndexField`; of an offset a bit more, and behind it whether that is in the object.
        const PLACE: u32 = 19;
        const IN_OBJECT: u32 = 1 << 30;
        if !self.facts.fields_go_by_offset {
            return Some(u64::from(details >> PLACE & 0x3ff));
        }
        let offset = u64::from(details >> PLACE & 0x7ff);
        match details & IN_OBJECT {
            0 => Some(
                inside
                    + offset.checked_sub(self.fields.property_array_elements / self.fields.words.tagged)?,
            ),
            _ => offset.checked_sub(start).filter(|number| *number < inside),
        }
    }

    /// What the size of a `FreeSpace` counts: what the heap has voted for, or else what the table says.
    pub fn free_space_unit(&self) -> FreeSpaceUnit {
        self.facts.free_space_unit
    }

    /// What the free blocks of the heap say of that.
    pub fn free_space_vote(&self) -> FreeSpaceVote {
        self.free_space_vote
    }

    /// Takes the vote of a heap's free blocks over the table.
    pub(crate) fn settle_free_space(&mut self, vote: FreeSpaceVote) {
        self.free_space_vote = vote;
        let Some(unit) = vote.unit() else { return };
        self.facts.free_space_unit = unit;
        let bytes = unit.bytes(self.fields.words) as u32;
        for info in Arc::make_mut(&mut self.types).iter_mut().filter(|info| info.kind == Kind::FreeSpace) {
            info.variable_size = info.variable_size.map(|formula| SizeFormula { unit: bytes, ..formula });
        }
    }

    /// What is known of an instance type; the unknown have a name that says so.
    pub fn type_info(&self, instance_type: u16) -> Option<&TypeInfo> {
        self.types.get(usize::from(instance_type))
    }

    /// All instance types, by number.
    pub fn types(&self) -> impl Iterator<Item = (u16, &TypeInfo)> {
        (0..).zip(&*self.types)
    }

    /// The types of stack frames that the binary publishes (`v8dbg_frametype_*`), sorted by number.
    pub fn published_frame_types(&self) -> &[(i32, Box<str>)] {
        &self.frame_types
    }

    /// Name of the class with this instance type, as V8 spells it.
    pub fn type_name(&self, instance_type: u16) -> &str {
        self.type_info(instance_type).map_or("unknown type", |info| &info.name)
    }

    /// The classes of heap objects, with their fields: the published offsets over the table of classes.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// The same without what the binary publishes: the table alone.
    pub fn classes_of_table_alone(&self) -> Classes {
        Classes::of(self.table_version, self.fields.words, &class::PublishedFields::default())
    }

    /// What machine code is aligned to, in bytes.
    pub(crate) fn code_alignment(&self) -> u64 {
        self.facts.code_alignment.unwrap_or(self.processor.code_alignment)
    }

    /// The details of a property, as later versions have them, from the bits that this version has (V8:
    /// `src/objects/property-details.h`, `PropertyDetails`).
    pub(crate) fn property_details(&self, bits: u32) -> u32 {
        if !self.facts.property_places_come_first {
            return bits;
        }
        // Kind; location, constness, attributes here; constness, attributes, location there; then the same again.
        bits & !0x3e | (bits >> 1 & 0x1e) | (bits << 4 & 0x20)
    }

    /// Whether objects of a type have machine code in them.
    pub(crate) fn is_machine_code(&self, instance_type: u16) -> bool {
        let class = self.type_info(instance_type).and_then(|info| info.class);
        let tail = class.and_then(|class| self.classes.class(class).tail.as_ref());
        tail.is_some_and(|tail| tail.layout == TailLayout::Machine)
    }

    /// What the bits of a field mean whose flags are called so; empty if that is not known.
    pub fn flags(&self, name: &str) -> Vec<Flag> {
        class::flags(name, self.table_version)
    }

    /// What a value of the bits `flag` of `flags` is called, if values of it have names.
    pub fn value_name(&self, flags: &str, flag: &str, value: u64) -> Option<&'static str> {
        class::value_name(flags, flag, value, self.table_version)
    }

    /// What a slot of a native context is for, by V8's name.
    pub fn native_context_slot(&self, slot: u64) -> Option<&'static str> {
        native_context::slot_name(slot, self.table_version)
    }

    /// Whether each native context has a meta map of its own.
    pub(crate) fn has_meta_maps(&self) -> bool {
        native_context::slot("meta_map", self.table_version).is_some()
    }

    /// `MAP_TYPE`
    pub fn map_type(&self) -> u16 {
        self.map_type
    }

    /// Where each part of the layout came from.
    pub fn provenance(&self) -> &[Provenance] {
        &self.provenance
    }
}

/// Names of all instance types: the metadata's where it has any; the table fills in what the metadata leaves out. In a
/// version without a table of its own the table's numbers do not hold, and only the distance to a published
/// neighbour does.
fn merge_types(
    table: &Table,
    exact: bool,
    published: &[(u16, Box<str>)],
    has_temporal: bool,
) -> Vec<(u16, Box<str>)> {
    let known_types = types::of(table.v8, has_temporal);
    if published.is_empty() || exact {
        let mut merged: Vec<(u16, Box<str>)> = published.to_vec();
        for &(number, name) in &known_types {
            if !merged.iter().any(|(known, _)| *known == number) {
                merged.push((number, name.into()));
            }
        }
        return merged;
    }
    let number_of = |name: &str| published.iter().find(|(_, known)| &**known == name).map(|(n, _)| *n);
    let mut merged = published.to_vec();
    for (index, &(number, name)) in known_types.iter().enumerate() {
        if number_of(name).is_some() {
            continue;
        }
        let anchor = known_types[..index].iter().rev().find_map(|&(n, anchor)| Some((n, number_of(anchor)?)));
        if let Some((table_number, here)) = anchor {
            let Some(guess) = here.checked_add(number - table_number) else { continue };
            if !merged.iter().any(|(known, _)| *known == guess) {
                merged.push((guess, name.into()));
            }
        }
    }
    merged
}

fn classify_types(
    named: &[(u16, Box<str>)],
    functions: FunctionTypes,
    sizes: &size::Sizes<'_>,
) -> Vec<TypeInfo> {
    let classes = sizes.classes;
    let number_of = |name: &str| named.iter().find(|(_, known)| &**known == name).map(|(n, _)| *n);
    let hash_tables = number_of("FixedArray").unwrap_or(u16::MAX)..number_of("ByteArray").unwrap_or(0);
    let first_type = types::first(sizes.version).expect("every version has types");
    let api_objects = types::api_objects(sizes.version).expect("a test finds them in every version");
    let first_receiver = number_of("JSProxy").unwrap_or(u16::MAX);
    let mut types = Vec::with_capacity(TYPE_LIMIT);
    for number in 0..TYPE_LIMIT as u16 {
        let name: Box<str> = match named.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => name.clone(),
            None if (functions.first..=functions.last).contains(&number) => "JSFunction".into(),
            None if api_objects.contains(&number) => "JSApiObject".into(),
            None if number == SPECIAL_API_OBJECT_TYPE => "JSSpecialApiObject".into(),
            None if hash_tables.contains(&number) => "HashTable".into(),
            None => format!("type {number}").into(),
        };
        let shape = StringShape::of_type(number).filter(|_| number < first_type);
        let kind = if shape.is_some() {
            Kind::String
        } else if (functions.first..=functions.last).contains(&number) {
            Kind::JsFunction
        } else {
            match Kind::of_class(&name) {
                Kind::Other if number >= first_receiver => Kind::JsOther,
                Kind::Other if is_fixed_array(classes, &name) => Kind::FixedArray,
                kind => kind,
            }
        };
        let name = match shape {
            Some(shape) => shape.class_name().into(),
            None => name,
        };
        let class = match kind {
            // Constructors of some classes have types of their own.
            Kind::JsFunction => classes.find("JSFunction"),
            _ => classes.find(&name),
        };
        let variable_size = sizes.of_variable_sized(&name, kind, class);
        types.push(TypeInfo { name, kind, variable_size, class });
    }
    types
}

/// Whether a class is `FixedArray` or extends it in this version.
fn is_fixed_array(classes: &Classes, name: &str) -> bool {
    classes.find(name).is_some_and(|class| classes.lineage(class).any(|class| class.name == "FixedArray"))
}

#[cfg(test)]
mod tests {
    use core_reader::X86_64;

    use super::*;

    fn layout_without_symbols(index: usize) -> Layout {
        Layout::assemble(
            tables::TABLES[index],
            WordModel::FULL,
            true,
            ProcessorLayout::of(&X86_64),
            &postmortem::Metadata::default(),
        )
    }

    #[test]
    fn tables_stand_alone_when_a_binary_publishes_nothing() {
        for index in 0..tables::TABLES.len() {
            let layout = layout_without_symbols(index);
            for class in
                ["Map", "FixedArray", "JSArray", "JSProxy", "NativeContext", "SharedFunctionInfo", "BigInt"]
            {
                assert!(
                    layout.types.iter().any(|info| &*info.name == class),
                    "{class} has no number in V8 {:?}",
                    layout.table_version
                );
            }
            assert_ne!(layout.map_type(), 0);
        }
    }

    #[test]
    fn what_is_read_before_the_version_is_known_never_moved() {
        let timeless = Layout::fields_of_every_version();
        for index in 0..tables::TABLES.len() {
            let fields = layout_without_symbols(index).fields;
            for (here, there) in [
                (fields.string_characters, timeless.string_characters),
                (fields.string_length, timeless.string_length),
                (fields.map_instance_type, timeless.map_instance_type),
            ] {
                assert_eq!(here, there);
            }
        }
    }

    /// Fields of `PropertyDetails` in V8 9.4: kind, location, constness, three attributes, then what is where it has stayed.
    #[test]
    fn details_of_properties_are_told_alike_in_all_versions() {
        let index_of = |version| tables::TABLES.iter().position(|table| table.v8 == version).unwrap();
        let (early, later) =
            (layout_without_symbols(index_of((9, 4))), layout_without_symbols(index_of((10, 2))));
        let rest = 5 << 6 | 77 << 19;
        let told = |accessor: u32, in_descriptor: u32, constant: u32, attributes: u32| {
            let early_bits = accessor | in_descriptor << 1 | constant << 2 | attributes << 3 | rest;
            let later_bits = accessor | constant << 1 | attributes << 2 | in_descriptor << 5 | rest;
            assert_eq!(early.property_details(early_bits), later_bits);
            assert_eq!(later.property_details(later_bits), later_bits);
        };
        for bits in 0..64 {
            told(bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3);
        }
    }

    /// `Context::MIN_CONTEXT_SLOTS` of V8 7.8, and `ScopeInfo::HasContextExtensionSlotBit` of V8 8.4.
    #[test]
    fn variables_are_behind_the_slots_that_their_version_has() {
        let first_local = |version, flags: i32| {
            let index = tables::TABLES.iter().position(|table| table.v8 == version).unwrap();
            // Flags, parameters, one variable: its name, and what is known of it.
            let words = [flags, 0, 1, 0, 0, 0, 0].map(crate::Tagged::from_smi);
            let word = |index: u64| words.get(index as usize).copied();
            let parts = ScopeInfoParts::parse(&layout_without_symbols(index), None, word).unwrap();
            (parts.has_extension_slot, parts.first_local)
        };
        const BLOCK: i32 = 6;
        assert_eq!(first_local((7, 8), BLOCK), (true, 4));
        assert_eq!(first_local((8, 4), BLOCK), (false, 2));
        assert_eq!(first_local((8, 4), BLOCK | 1 << 26), (true, 3));
    }

    #[test]
    fn versions_that_are_like_none_of_their_neighbours_are_refused() {
        let like_none = |version: (u32, u32)| LIKE_NONE.iter().any(|versions| versions.contains(&version));
        assert!([(8, 1), (8, 6), (10, 1)].into_iter().all(like_none));
        assert!(!tables::TABLES.iter().any(|table| like_none(table.v8)));
    }

    #[test]
    fn function_types_are_functions_whatever_their_constructor() {
        for (version, first, last) in [((14, 6), 2066, 2082), ((15, 0), 2064, 2081)] {
            let index = tables::TABLES.iter().position(|table| table.v8 == version).unwrap();
            let layout = layout_without_symbols(index);
            for number in first..=last {
                assert_eq!(layout.type_info(number).unwrap().kind, Kind::JsFunction, "{number}");
            }
            assert_ne!(layout.type_info(first - 1).unwrap().kind, Kind::JsFunction);
            assert_ne!(layout.type_info(last + 1).unwrap().kind, Kind::JsFunction);
        }
    }

    #[test]
    fn a_layout_is_taken_again_only_for_what_it_was_made_of() {
        let published = |offset| postmortem::Metadata::of(&[("class_Map__prototype__HeapObject", offset)]);
        let newest = tables::TABLES[tables::TABLES.len() - 1];
        let at = |offset| {
            let layout = Layout::assembled(
                newest,
                WordModel::FULL,
                true,
                ProcessorLayout::of(&X86_64),
                &published(offset),
            );
            layout.classes().offset("Map", "prototype")
        };
        // More of them than are kept.
        for _ in 0..2 {
            for offset in (64..192).step_by(8) {
                assert_eq!(at(offset), Some(offset as u64));
            }
        }
        assert!(
            !Layout::assembled(newest, WordModel::FULL, false, ProcessorLayout::of(&X86_64), &published(64))
                .exact
        );
    }

    #[test]
    fn tables_are_sorted() {
        let versions: Vec<_> = tables::TABLES.iter().map(|table| table.v8).collect();
        assert!(versions.is_sorted());
    }
}

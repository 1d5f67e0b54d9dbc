//! How to find the references of an object: for each map once, so that the loop over all objects decides nothing per word.
//!
//! What counts is what keeps an object alive. A word that may be weak holds a weak pointer or a strong one, and says so itself
//! in its low bits; so "tagged" and "may be weak" are read alike, and only the strong pointers found are edges.

use core_reader::{Address, Contents};

use crate::layout::{FieldKind, Kind, SizeFormula, StringShape, TailLayout};
use crate::objects::value::HeapObject;
use crate::shape::body::Word;
use crate::shape::map::{Map, MapId};
use crate::view::View;
use crate::words::Words;

/// Where the references of the instances of a map are.
#[derive(Debug)]
pub(super) struct Plan {
    /// `None`: [`View::object_size`] tells.
    pub size: Option<SizeFormula>,
    /// Runs of words to look at, as `[start, end)`.
    pub runs: Box<[(u32, u32)]>,
    pub rest: Rest,
    pub outside: Outside,
}

/// What follows the runs.
#[derive(Debug)]
pub(super) enum Rest {
    /// Nothing to look at.
    Nothing,
    /// All words from this one on.
    From(u32),
    /// Some words of each entry: first word, words of an entry, which of them.
    Entries(u32, u32, Box<[u32]>),
    /// Counts, then keys and values of ephemerons, from this word on.
    Ephemerons(u32),
    /// Machine code from this word on.
    Machine(u32),
    /// Words that differ from object to object: [`View::object_words`] tells.
    Various,
}

/// What an object refers to, or owns, outside of its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outside {
    Nothing,
    /// An entry of the dispatch table, whose handle is at this offset, in bytes.
    Dispatch(u32),
    /// Objects that fields at these offsets, in bytes, lead to by a handle, or by a word that is counted from another cage.
    Apart(Box<[(u32, FieldKind)]>),
    /// Objects in words from this offset on, in bytes, that are counted from the cage of trusted objects.
    Protected(u32),
    /// A C++ object on a heap of its own, whose address is among the words `[start, end)`, in bytes.
    CppObject(u32, u32),
    /// The bytes of a buffer.
    Buffer,
    /// The characters of an external string, of so many bytes each.
    Characters(u8),
}

impl Plan {
    pub fn of(view: &View<'_>, map: &Map) -> Plan {
        let body = view.body(map);
        let fixed = body.fixed();
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for (index, word) in fixed.iter().enumerate() {
            let index = index as u32;
            match runs.last_mut() {
                _ if !may_hold(*word) => {}
                Some((_, end)) if *end == index => *end = index + 1,
                _ => runs.push((index, index + 1)),
            }
        }
        let start = fixed.len() as u32;
        let rest = match body.repeated() {
            None if body.is_ephemeron_table() => Rest::Ephemerons(start),
            None => {
                runs.clear();
                Rest::Various
            }
            Some([]) => Rest::Nothing,
            Some([Word::Unknown]) if is_machine_code(view, map) => Rest::Machine(start),
            // A type that is outside of the heap tells which fields are references. A word that looks like one is next to
            // always one.
            Some([Word::Unknown]) if is_of_wasm(view, map) => Rest::From(start),
            Some(words) if words.iter().all(|word| !may_hold(*word)) => Rest::Nothing,
            Some([_]) => Rest::From(start),
            Some(words) => {
                let which = (0..words.len() as u32).filter(|index| may_hold(words[*index as usize]));
                Rest::Entries(start, words.len() as u32, which.collect())
            }
        };
        let outside = match map.kind {
            Kind::JsArrayBuffer => Outside::Buffer,
            Kind::JsApiObject => match view.embedder_range(map) {
                range if range.is_empty() => Outside::Nothing,
                range => Outside::CppObject(range.start, range.end),
            },
            Kind::String => match map.string_shape() {
                Some(StringShape::External { one_byte, .. }) => {
                    Outside::Characters(if one_byte { 1 } else { 2 })
                }
                _ => Outside::Nothing,
            },
            _ => dispatch_handle(view, map)
                .map(Outside::Dispatch)
                .or_else(|| protected_tail(view, map).map(Outside::Protected))
                .unwrap_or_else(|| match fields_apart(view, map) {
                    fields if fields.is_empty() => Outside::Nothing,
                    fields => Outside::Apart(fields),
                }),
        };
        let size = map.size.filter(|size| size.special.is_none());
        Plan { size, runs: runs.into(), rest, outside }
    }

    /// Plans for all maps met so far, by number.
    pub fn all(view: &View<'_>) -> Vec<Plan> {
        (0..view.map_count() as u32).map(|id| Plan::of(view, view.map(MapId(id)))).collect()
    }
}

/// Whether a word can hold a pointer that keeps its object alive.
fn may_hold(word: Word) -> bool {
    matches!(word, Word::Tagged | Word::Weak | Word::Embedder)
}

/// Whether the instances are structures or arrays of WebAssembly.
fn is_of_wasm(view: &View<'_>, map: &Map) -> bool {
    matches!(view.layout().type_name(map.instance_type), "WasmStruct" | "WasmArray")
}

fn is_machine_code(view: &View<'_>, map: &Map) -> bool {
    view.layout().is_machine_code(map.instance_type)
}

/// Offset of the dispatch handle of functions and feedback cells, if they have one.
fn dispatch_handle(view: &View<'_>, map: &Map) -> Option<u32> {
    let class = view.layout().type_info(map.instance_type)?.class?;
    let fields = view.classes().all_fields(class);
    let (owner, field) = fields.iter().find(|(_, field)| field.name == "dispatch_handle")?;
    // That of `Code` leads back to itself.
    (owner.name != "Code" && field.kind == FieldKind::Unsigned(4)).then_some(field.offset as u32)
}

/// The fields that lead to objects by other ways than tagged words do.
fn fields_apart(view: &View<'_>, map: &Map) -> Box<[(u32, FieldKind)]> {
    let Some(class) = view.layout().type_info(map.instance_type).and_then(|info| info.class) else {
        return Box::default();
    };
    let fields = view.classes().all_fields(class);
    let apart = fields.iter().filter(|(_, field)| field.kind.leads_apart());
    apart.map(|(_, field)| (field.offset as u32, field.kind)).collect()
}

/// Where the words begin that fill an object and are counted from the cage of trusted objects.
fn protected_tail(view: &View<'_>, map: &Map) -> Option<u32> {
    let class = view.layout().type_info(map.instance_type)?.class?;
    let tail = view.classes().class(class).tail.as_ref()?;
    let TailLayout::Entries(parts) = &tail.layout else { return None };
    (parts.len() == 1 && parts[0].kind == FieldKind::Protected).then_some(tail.offset as u32)
}

/// V8's table from functions to their code (`JSDispatchTable`, `src/sandbox/js-dispatch-table.h`; V8 13 and later): entries
/// of two words, an entry point and the address of a `Code` object shifted by 16 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DispatchTable {
    base: u64,
}

/// `kJSDispatchHandleShift`
const HANDLE_SHIFT: u32 = 8;
/// Bytes of an entry.
const ENTRY: u64 = 16;
/// `JSDispatchEntry::kObjectPointerShift`
const CODE_SHIFT: u32 = 16;
/// `ExternalEntityTable::kSegmentSize`, in bytes.
const SEGMENT: u64 = 1 << 16;
/// How many handles are tried; a table must explain most of them to be believed.
const SAMPLE: usize = 64;

impl DispatchTable {
    /// The table that was found to start at this address.
    pub fn at(base: u64) -> DispatchTable {
        DispatchTable { base }
    }

    /// Finds the table: the place from which the entries of most `handles` lead to code. Its first segment is never written,
    /// so that the memory in use begins with the first or the second. (Functions that are garbage have handles that were given
    /// back, and the entries of those lead nowhere.)
    pub fn find(view: &View<'_>, handles: &[u32]) -> Option<DispatchTable> {
        let step = (handles.len() / SAMPLE).max(1);
        let sample: Vec<u32> = handles.iter().copied().step_by(step).filter(|handle| *handle != 0).collect();
        if sample.is_empty() {
            return None;
        }
        let ranges = view.memory().ranges().iter().filter(|range| range.contents == Contents::Dumped);
        let bases = ranges.flat_map(|range| [range.start.0.saturating_sub(SEGMENT), range.start.0]);
        let explains = |table: &DispatchTable| {
            let leads_to_code = |handle: &&u32| {
                table.code(&view.words(), **handle).is_some_and(|code| {
                    let class = view.map_at(code).map(|(_, map)| view.layout().type_name(map.instance_type));
                    class.is_ok_and(|class| class == "Code")
                })
            };
            sample.iter().filter(leads_to_code).count()
        };
        let tables = bases.map(|base| DispatchTable { base });
        let (explained, table) =
            tables.map(|table| (explains(&table), table)).max_by_key(|(count, _)| *count)?;
        (2 * explained > sample.len()).then_some(table)
    }

    /// The memory that the table uses, as `[start, end)`.
    pub fn memory(&self, view: &View<'_>) -> (u64, u64) {
        let ranges = view.memory().ranges();
        let used = ranges.iter().find(|range| {
            range.permissions.write && [self.base, self.base + SEGMENT].contains(&range.start.0)
        });
        (self.base, used.map_or(self.base, |range| range.end.0))
    }

    /// Untagged address of the code of an entry.
    pub fn code(&self, words: &Words<'_>, handle: u32) -> Option<u64> {
        let at = self.base.checked_add(u64::from(handle >> HANDLE_SHIFT) * ENTRY + 8)?;
        let word = words.memory.read_u64(Address(at)).ok()?;
        let code = (word >> CODE_SHIFT) & !1;
        (code != 0 && code.is_multiple_of(4)).then_some(code)
    }
}

impl View<'_> {
    /// Calls `visit` with every word of an object that can keep another alive, and what it is: the long way, for
    /// one object at a time. The words of ephemeron tables are theirs to judge.
    pub(crate) fn for_each_holding_word(
        &self,
        object: HeapObject<'_>,
        visit: &mut dyn FnMut(u64, Word, u64),
    ) {
        let Ok(words) = self.object_words(object) else { return };
        let size = self.fields().words.tagged;
        for (index, (word, value)) in words.iter().enumerate() {
            if may_hold(word) || word == Word::EphemeronValue {
                visit(size * index as u64, word, value.0);
            }
        }
    }
}

//! Names that objects get from those that refer to them.
//!
//! Arrays, code, and functions without a name say nothing of themselves. V8 calls them after what they are for: `(object
//! elements)`, `(constant pool)`, `(code for total)`; and counts some as code, or as shapes of objects, that would
//! otherwise be V8's own affair (`V8HeapExplorer::TagObject`). Who comes first names it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::index::parallel::in_turns;
use crate::layout::{FieldKind, Kind};
use crate::objects::value::HeapObject;
use crate::shape::map::{Map, MapId};
use crate::{Monitor, Result, Tagged};

use super::essential::Essential;
use super::kinds::NodeKind;
use super::plan::Plans;
use super::reference::Name;
use super::{code_kind, tagged_field};

/// Names that the fields of a class give to what they hold, and what that counts as then.
static TAGS: &[(&str, &str, &str, Option<NodeKind>)] = &[
    ("JSBoundFunction", "bound_arguments", "(bound arguments)", None),
    ("JSFunction", "shared_function_info", "(shared function info)", None),
    ("ArrayBoilerplateDescription", "constant_elements", "(constant elements)", Some(NodeKind::Code)),
    ("JSReceiver", "properties_or_hash", "(object properties)", None),
    ("JSObject", "elements", "(object elements)", None),
    ("Map", "prototype_validity_cell", "(prototype validity cell)", Some(NodeKind::ObjectShape)),
    ("Script", "line_ends", "(script line ends)", Some(NodeKind::Code)),
    ("Script", "infos", "(infos)", Some(NodeKind::Code)),
    ("Script", "shared_function_infos", "(shared function infos)", Some(NodeKind::Code)),
    ("Script", "host_defined_options", "(host-defined options)", Some(NodeKind::Code)),
    ("InstructionStream", "code", "(code)", Some(NodeKind::Code)),
    ("InstructionStream", "relocation_info", "(code relocation info)", Some(NodeKind::Code)),
    (
        "PrototypeInfo",
        "prototype_chain_enum_cache",
        "(prototype chain enum cache)",
        Some(NodeKind::ObjectShape),
    ),
    ("PrototypeInfo", "prototype_users", "(prototype users)", Some(NodeKind::ObjectShape)),
    ("Code", "relocation_info", "(code relocation info)", Some(NodeKind::Code)),
    ("AllocationSite", "dependent_code", "(dependent code)", Some(NodeKind::Code)),
    ("RegExpBoilerplateDescription", "data", "(RegExp data)", Some(NodeKind::Code)),
    ("BytecodeArray", "handler_table", "(handler table)", Some(NodeKind::Code)),
    ("BytecodeArray", "source_position_table", "(source position table)", Some(NodeKind::Code)),
    ("EnumCache", "keys", "(enum cache)", Some(NodeKind::ObjectShape)),
    ("EnumCache", "indices", "(enum cache)", Some(NodeKind::ObjectShape)),
    ("SharedFunctionInfo", "name_or_scope_info", "(function scope info)", None),
];
/// Further names. Numbers of those of `TAGS` follow theirs: of several names, an object takes the one with the lowest number.
const CONSTANT_POOL: u8 = 0;
const FEEDBACK: u8 = CONSTANT_POOL + 1;
const LOCAL_NAMES: u8 = CONSTANT_POOL + 2;
const PROTOTYPE_TRANSITIONS: u8 = CONSTANT_POOL + 3;
const OFFSET_TABLE: u8 = CONSTANT_POOL + 4;
const DEOPT_DATA: u8 = CONSTANT_POOL + 5;
const POSITION_TABLE: u8 = CONSTANT_POOL + 6;
static OTHERS: &[(&str, NodeKind)] = &[
    ("(constant pool)", NodeKind::Code),
    ("(feedback)", NodeKind::Code),
    ("(context local names)", NodeKind::Code),
    ("(prototype transitions)", NodeKind::ObjectShape),
    ("(bytecode offset table)", NodeKind::Code),
    ("(code deopt data)", NodeKind::Code),
    ("(source position table)", NodeKind::Code),
];

/// The name with a number, and what it makes of an object.
fn described(number: u8) -> (&'static str, Option<NodeKind>) {
    match OTHERS.get(usize::from(number)) {
        Some(other) => (other.0, Some(other.1)),
        None => TAGS.get(usize::from(number) - OTHERS.len()).map_or(("", None), |tag| (tag.2, tag.3)),
    }
}

/// How deep constant pools are gone into (`RecursivelyTagConstantPool`).
const POOL_DEPTH: u32 = 3;
/// Constants looked at for each object of the heap: of those that bytecode has in common, again and again.
const MOST_CONSTANTS: u64 = 16;

/// The names and kinds that objects got.
pub(super) struct Tags {
    /// By object: 0 if none, else the number of the name plus 1.
    names: Vec<AtomicU8>,
    /// By object: 0 if none, else the kind plus 1.
    kinds: Vec<AtomicU8>,
    /// Code, by untagged address: its name.
    code: Mutex<HashMap<u64, Name>>,
}

/// What the objects of a map give names to.
#[derive(Default)]
struct MapTags {
    /// Offset and number of the name.
    fields: Vec<(u64, u8)>,
    more: More,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum More {
    #[default]
    Nothing,
    ConstantPool,
    Feedback,
    LocalNames,
    Transitions,
    Code,
    SharedFunctionInfo,
}

impl Tags {
    /// Looks at all objects, on all processors.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub fn find(
        heap: &Heap<'_>,
        table: &ObjectTable,
        plans: &Plans<'_, '_>,
        essential: &Essential,
        includes: &(dyn Fn(u32) -> bool + Sync),
        monitor: &dyn Monitor,
    ) -> Result<Tags> {
        let of_maps: Vec<MapTags> =
            (0..heap.map_count() as u32).map(|id| MapTags::of(heap, plans, heap.map(MapId(id)))).collect();
        let bytes = || (0..table.len()).map(|_| AtomicU8::new(0)).collect();
        let tags = Tags { names: bytes(), kinds: bytes(), code: Mutex::default() };
        let budget = AtomicU64::new(MOST_CONSTANTS * table.len() as u64);
        let finder = Finder { heap, table, essential, tags: &tags, budget };
        monitor.begin("naming objects", table.len() as u64);
        in_turns(
            table.page_count(),
            monitor,
            || (),
            |(), page| {
                let (first, maps) = table.page_maps(page);
                for (number, (address, map_id)) in table.page_objects(page).enumerate() {
                    let of_map = &of_maps[map_id.0 as usize];
                    if (of_map.fields.is_empty() && of_map.more == More::Nothing)
                        || !includes(first.0 + number as u32)
                    {
                        continue;
                    }
                    for &(at, tag) in &of_map.fields {
                        if let Some(word) = heap.words().heap_tagged(address + at) {
                            finder.tag(word, tag);
                        }
                    }
                    if of_map.more != More::Nothing {
                        finder.more(of_map.more, HeapObject { address, map_id, map: heap.map(map_id) });
                    }
                }
                maps.len() as u64
            },
        )?;
        Ok(tags)
    }

    /// Whether an object goes by the name that it got even if it has one of its own: constants of bytecode.
    pub fn overrides(&self, id: u32) -> bool {
        self.names[id as usize].load(Ordering::Relaxed) == CONSTANT_POOL + 1
    }

    /// The name that an object got, if it has none of its own.
    pub fn name(&self, id: u32) -> Option<Name> {
        let number = self.names[id as usize].load(Ordering::Relaxed);
        number.checked_sub(1).map(|number| Name::Static(described(number).0))
    }

    /// What code is called after.
    pub fn code_name(&self, address: u64) -> Option<Name> {
        self.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&address).copied()
    }

    /// What an object counts as, if another says so.
    pub fn kind(&self, id: u32) -> Option<NodeKind> {
        NodeKind::ALL
            .get(usize::from(self.kinds[id as usize].load(Ordering::Relaxed)).checked_sub(1)?)
            .copied()
    }
}

impl MapTags {
    fn of(heap: &Heap<'_>, plans: &Plans<'_, '_>, map: &Map) -> MapTags {
        let Some(class) = heap.layout().type_info(map.instance_type).and_then(|info| info.class) else {
            return MapTags::default();
        };
        let mut fields = Vec::new();
        // V8 looks into no proxy, and into no buffer.
        let is_dark = matches!(map.kind, Kind::JsGlobalProxy | Kind::JsArrayBuffer | Kind::JsProxy);
        let is_object = plans.is_js_object(map);
        if !is_dark && (is_object || !map.kind.is_js_object()) {
            for (class, field) in heap.classes().all_fields(class) {
                let is_named =
                    |(owner, name, ..): &&(&str, &str, _, _)| *owner == class.name && *name == field.name;
                let own = heap.layout().facts.snapshots.own;
                if own.nameless.contains(&(class.name, field.name)) {
                    continue;
                }
                let names_code = class.name == "InstructionStream" && field.name == "code";
                if names_code && heap.layout().facts.snapshots.code_is_handle {
                    continue;
                }
                if let Some(tag) =
                    TAGS.iter().position(|tag| is_named(&tag)).filter(|_| field.kind == FieldKind::Tagged)
                {
                    fields.push((field.offset, (OTHERS.len() + tag) as u8));
                }
            }
        }
        let more = match heap.layout().type_name(map.instance_type) {
            "Code" => More::Code,
            "SharedFunctionInfo" => More::SharedFunctionInfo,
            _ if !heap.layout().facts.snapshots.own.names_tell_kinds => More::Nothing,
            "BytecodeArray" => More::ConstantPool,
            "FeedbackVector" => More::Feedback,
            "ScopeInfo" => More::LocalNames,
            "TransitionArray" => More::Transitions,
            _ => More::Nothing,
        };
        MapTags { fields, more }
    }
}

struct Finder<'a, 't> {
    heap: &'a Heap<'t>,
    table: &'a ObjectTable,
    essential: &'a Essential,
    tags: &'a Tags,
    /// Constants that may still be looked at.
    budget: AtomicU64,
}

impl Finder<'_, '_> {
    fn tag(&self, word: Tagged, tag: u8) {
        let Some(address) = word.strong().filter(|address| self.essential.is(*address)) else { return };
        let Some(id) = self.table.id_at(self.heap.spaces(), address) else { return };
        let own = self.heap.layout().facts.snapshots.own;
        let is_told = |kind: &NodeKind| {
            own.names_tell_kinds && (*kind != NodeKind::ObjectShape || !own.shapes.is_empty())
        };
        let kind = described(tag).1.filter(is_told);
        if let Some(kind) = kind {
            self.tags.kinds[id.0 as usize].store(kind as u8 + 1, Ordering::Relaxed);
        }
        let name = &self.tags.names[id.0 as usize];
        let _ = name.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| {
            (known == 0 || known > tag + 1).then_some(tag + 1)
        });
    }

    fn more(&self, more: More, object: HeapObject<'_>) {
        let heap = self.heap;
        match more {
            More::Nothing => {}
            More::ConstantPool => {
                if let Some(pool) = tagged_field(heap, object, "constant_pool") {
                    self.constants(pool, POOL_DEPTH);
                }
            }
            More::Feedback => {
                let Ok(words) = heap.object_words(object) else { return };
                let header = (heap.fields().feedback_vector_header / heap.fields().words.tagged) as usize;
                for (_, word) in words.iter().skip(header) {
                    let Ok(target) = heap.object(word) else { continue };
                    if word.strong().is_some()
                        && matches!(
                            heap.layout().type_name(target.map.instance_type),
                            "WeakFixedArray" | "FixedArray"
                        )
                    {
                        self.tag(word, FEEDBACK);
                    }
                }
            }
            More::LocalNames => {
                let Some(parts) = heap.scope_info(object.address).filter(|parts| parts.names_are_hashed)
                else {
                    return;
                };
                if let Ok(table) = heap.scope_info_word(object.address, parts.names) {
                    self.tag(table, LOCAL_NAMES);
                }
            }
            More::Transitions => {
                // The first word behind the length, if there are any.
                let at = self.heap.fields().transition(object.address, 0);
                if let Some(word) = heap.words().heap_tagged(at) {
                    self.tag(word, PROTOTYPE_TRANSITIONS);
                }
            }
            More::Code => {
                let of_all = !heap.layout().facts.snapshots.own.names_tell_kinds;
                let (data, positions) = match code_kind(heap, object) {
                    Some("BASELINE") if of_all => (Some(DEOPT_DATA), OFFSET_TABLE),
                    _ if of_all => (Some(DEOPT_DATA), POSITION_TABLE),
                    Some("BASELINE") => (None, OFFSET_TABLE),
                    Some("MAGLEV" | "TURBOFAN" | "TURBOFAN_JS") => (Some(DEOPT_DATA), POSITION_TABLE),
                    _ => return,
                };
                if let Some((data, tag)) =
                    tagged_field(heap, object, "deoptimization_data_or_interpreter_data").zip(data)
                {
                    self.tag(data, tag);
                    if !of_all {
                        self.deopt_data(data);
                    }
                }
                if let Some(table) = tagged_field(heap, object, "source_position_table") {
                    self.tag(table, positions);
                }
            }
            More::SharedFunctionInfo => {
                let Ok(Some(code)) = heap.baseline_code(object) else { return };
                let mut names = self.tags.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let Ok(code) = heap.object(code) else { return };
                // Where there is none, the instructions are in the code itself.
                let stream = tagged_field(heap, code, "instruction_stream").and_then(Tagged::strong);
                let stream = stream.or(Some(code.address));
                let (code, of_stream) = match heap.layout().facts.snapshots.code_is_handle {
                    true => (None, Name::CodeOf(object.address)),
                    false => (Some(code.address), Name::InstructionsOf(object.address)),
                };
                for (address, name) in [(code, Name::CodeOf(object.address)), (stream, of_stream)] {
                    if let Some(address) = address {
                        names.entry(address).or_insert(name);
                    }
                }
            }
        }
    }

    /// Arrays in the data for leaving optimized code: of what holds positions, of literals.
    fn deopt_data(&self, data: Tagged) {
        let Ok(data) = self.heap.object(data) else { return };
        let Ok(words) = self.heap.object_words(data) else { return };
        for (_, word) in words.iter().skip(2).take(12) {
            if let Ok(target) = self.heap.object(word)
                && matches!(
                    self.heap.layout().type_name(target.map.instance_type),
                    "ByteArray" | "TrustedByteArray" | "WeakFixedArray" | "TrustedWeakFixedArray"
                )
            {
                self.tag(word, DEOPT_DATA);
            }
        }
    }

    fn constants(&self, pool: Tagged, depth: u32) {
        let Ok(array) = self.heap.object(pool) else { return };
        match self.heap.layout().type_name(array.map.instance_type) {
            "FixedArray" | "TrustedFixedArray" => {
                self.tag(pool, CONSTANT_POOL);
                let length = self.heap.fixed_array_length(array.address).unwrap_or(0);
                let may_go_on = self
                    .budget
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length));
                if depth <= 1 || may_go_on.is_err() {
                    return;
                }
                for index in 0..length {
                    let at = self.heap.fields().element(array.address, index);
                    if let Some(word) = self.heap.words().heap_tagged(at) {
                        self.constants(word, depth - 1);
                    }
                }
            }
            "NameDictionary" | "NumberDictionary" => self.tag(pool, CONSTANT_POOL),
            _ => {}
        }
    }
}

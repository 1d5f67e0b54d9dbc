//! What an object refers to, in the words of V8's heap snapshots.
//!
//! V8 goes through an object twice (`V8HeapExplorer::ExtractReferences` and `IndexedReferencesExtractor` in
//! `src/profiler/heap-snapshot-generator.cc`): first it names what it has a name for: properties, elements, variables,
//! some fields of its own classes. Then it numbers what is left of the tagged words: those are hidden references. What every
//! object has in common is left out: `undefined`, the empty array, and the like.
//!
//! ```text
//!   property "x"    internal "elements", "map"    context "total"    element 17    hidden 3    weak "target"
//! ```

use crate::NameId;
use crate::Tagged;
use crate::graph::{DispatchTable, code_holds_weakly, embedded_words};
use crate::heap::Heap;
use crate::layout::{FieldKind, Kind};
use crate::objects::collection::HashTableShape;
use crate::objects::context::GLOBAL_OBJECT;
use crate::objects::place::FieldValue;
use crate::objects::properties::{PropertyValue, details};
use crate::objects::value::HeapObject;

use super::code_kind;
use super::essential::Essential;
use super::kinds::EdgeKind;
use super::pairs::Pairs;
use super::plan::{Apart, Plan, Plans, Property, Slot, Store};

/// What a reference or a node is called: little enough to be kept for every one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A word of V8's.
    Static(&'static str),
    /// `system / ` and a class.
    System(&'static str),
    /// `system / Map (` and a sort of strings, by its instance type.
    StringMap(u16),
    /// A number as text.
    Number(u32),
    /// The text of a string, or `<symbol x>`, by its untagged address.
    Text(u64),
    /// `get x`
    Getter(u64),
    /// `set x`
    Setter(u64),
    /// `bound_argument_3`
    Argument(u32),
    /// A constructor.
    Constructor(NameId),
    /// `(code for x)` of a `SharedFunctionInfo`, by its untagged address.
    CodeOf(u64),
    /// `(instruction stream for x)`
    InstructionsOf(u64),
    /// `(x builtin code)` of a `Code`, by its untagged address.
    Builtin(u64),
    /// A name that Node.js gives a C++ object or a reference of one, by its number in [`super::natives::Natives`].
    Native(u32),
    /// An entry of a weak collection, by its place in [`super::pairs::Pairs`], and how many references precede it.
    Pair(u32, u32),
}

/// The name of a reference: a text, or the index of an element or a hidden word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Index(u32),
    Name(Name),
}

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An object, by its untagged address.
    Object(u64),
    /// Memory outside of the heap, by its address.
    Memory(u64),
    /// A C++ object, by its place in [`super::natives::Natives`].
    Native(u32),
}

/// A reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub kind: EdgeKind,
    pub label: Label,
    pub target: Target,
}

/// Tells references.
pub(super) struct Explorer<'a, 't> {
    pub heap: &'a Heap<'t>,
    pub plans: Plans<'a, 't>,
    pub essential: Essential,
    pub dispatch: Option<DispatchTable>,
    pub pairs: Pairs,
}

/// The references of one object on their way to whoever wants them.
struct Telling<'x> {
    essential: &'x Essential,
    knows_weak_words: bool,
    /// Words with a name that hold what is left out count among those without one.
    counts_left_out: bool,
    /// Number of the next hidden word.
    next: u32,
    visit: &'x mut dyn FnMut(Edge),
}

impl Telling<'_> {
    fn edge(&mut self, kind: EdgeKind, name: Name, target: u64) {
        (self.visit)(Edge { kind, label: Label::Name(name), target: Target::Object(target) });
    }

    /// A word without a name.
    fn hidden(&mut self, word: Tagged) {
        let Some(target) = word.object() else { return };
        let index = self.next;
        self.next += 1;
        if !self.essential.is(target) {
            return;
        }
        if word.0 & 3 == 1 || !self.knows_weak_words {
            let (kind, label) = (EdgeKind::Hidden, Label::Index(index));
            (self.visit)(Edge { kind, label, target: Target::Object(target) });
        } else {
            self.edge(EdgeKind::Weak, Name::Number(index), target);
        }
    }

    /// A word of V8's own with a name.
    fn internal(&mut self, name: Name, word: Tagged) {
        self.named(EdgeKind::Internal, name, word);
    }

    fn named(&mut self, kind: EdgeKind, name: Name, word: Tagged) {
        match word.object() {
            Some(target) if self.essential.is(target) => self.edge(kind, name, target),
            _ if self.counts_left_out => self.hidden(word),
            _ => {}
        }
    }

    /// A word that the name says is weak if it is, and strong if not.
    fn weak_or_strong(&mut self, name: Name, word: Tagged) {
        self.named(if word.0 & 3 == 3 { EdgeKind::Weak } else { EdgeKind::Internal }, name, word);
    }

    /// The value of a property, wherever it is.
    fn property(&mut self, name: Property, value: Tagged) {
        if let Some(target) = value.strong() {
            self.edge(kind_of(name), Name::Text(name.address), target);
        }
    }
}

/// What sort of edge a property of this name is.
fn kind_of(name: Property) -> EdgeKind {
    if name.is_empty { EdgeKind::Internal } else { EdgeKind::Property }
}

impl Explorer<'_, '_> {
    /// Calls `visit` with every reference of an object of `size` bytes.
    pub fn for_each(&self, object: HeapObject<'_>, size: u64, visit: &mut dyn FnMut(Edge)) {
        let plan = self.plans.of(object);
        let bytes = self.heap.words().present(object.address, size);
        let mut count = 0;
        let mut counted = |edge| {
            count += 1;
            visit(edge);
        };
        let own = self.heap.layout().facts.snapshots.own;
        let mut telling = Telling {
            essential: &self.essential,
            knows_weak_words: own.know_weak_words,
            counts_left_out: own.count_left_out,
            next: 0,
            visit: &mut counted,
        };
        let encoding = self.heap.spaces().encoding_at(object.address);
        let size = encoding.size() as usize;
        let word = |index: usize| {
            bytes.get(size * index..).and_then(|bytes| encoding.first(bytes)).unwrap_or_default()
        };
        for (index, slot) in plan.slots.iter().enumerate() {
            match *slot {
                Slot::Raw => {}
                Slot::Hidden => telling.hidden(word(index)),
                Slot::Twice => {
                    telling.hidden(word(index));
                    telling.hidden(word(index));
                }
                Slot::Passed => telling.next += u32::from(word(index).object().is_some()),
                Slot::Internal(name) => telling.internal(Name::Static(name), word(index)),
                Slot::Numbered(number) => telling.internal(Name::Number(number), word(index)),
                Slot::InCodeCage(name) => {
                    let bytes = bytes.get(size * index..).unwrap_or_default();
                    let word = self.heap.spaces().code_encoding().first(bytes).unwrap_or_default();
                    telling.internal(Name::Static(name), word);
                }
                Slot::Apart(name, kind) => {
                    let at = object.address + (size * index) as u64;
                    let word = match kind {
                        FieldKind::Trusted => self.heap.words().trusted(at, "trusted field"),
                        _ => self.heap.words().protected(at, "protected field"),
                    };
                    let word = word.unwrap_or_default();
                    match name {
                        Some(name) => telling.internal(Name::Static(name), word),
                        None => telling.hidden(word),
                    }
                }
                Slot::Weak(name) => telling.named(EdgeKind::Weak, Name::Static(name), word(index)),
                Slot::WeakOrStrong(name) => telling.weak_or_strong(Name::Static(name), word(index)),
                Slot::Property(property) => telling.property(property, word(index)),
                Slot::Special(name) => {
                    self.special(name, object, word(index), &mut telling);
                }
            }
        }
        let first = plan.slots.len();
        let rest = encoding.each(bytes.get(size * first..).unwrap_or_default());
        match &plan.store {
            Store::Nothing => {}
            Store::Hidden => rest.for_each(|word| telling.hidden(word)),
            Store::Numbered => {
                (0..).zip(rest).for_each(|(index, word)| telling.internal(Name::Number(index), word));
            }
            Store::WeakOrNumbered(length_at) => {
                let length = length_at
                    .and_then(|at| word(at / size).smi())
                    .and_then(|length| u32::try_from(length).ok());
                for (index, word) in (0..).zip(rest) {
                    match length {
                        Some(length) if index >= length => telling.hidden(word),
                        _ => telling.weak_or_strong(Name::Number(index), word),
                    }
                }
            }
            Store::Context => self.context(object, rest, &mut telling),
            Store::NativeContext => self.native_context(rest, &mut telling),
            Store::Ephemerons => {
                // Counts come first.
                for (index, word) in (0..).zip(rest) {
                    telling.named(EdgeKind::Weak, Name::Number(index), word);
                }
            }
            Store::Various => {
                if let Ok(words) = self.heap.object_words(object) {
                    words
                        .iter()
                        .skip(first)
                        .filter(|(word, _)| word.is_tagged())
                        .for_each(|(_, word)| telling.hidden(word));
                }
            }
            Store::Wasm => {
                let is_object = |word: &Tagged| self.heap.object(*word).is_ok();
                rest.filter(is_object).for_each(|word| telling.hidden(word));
            }
            Store::Machine => {
                for word in embedded_words(bytes.get(size * first..).unwrap_or_default()) {
                    let target = self.heap.object(Tagged(word));
                    let is_weak = target.is_ok_and(|target| code_holds_weakly(target.kind()));
                    // The low bits of a weak pointer.
                    telling.hidden(Tagged(if is_weak { word | 2 } else { word }));
                }
            }
        }
        self.apart(plan, object, &mut telling);
        // The value of an entry of a weak collection belongs to its table, and to its key.
        for pair in self.pairs.of_table(object.address).chain(self.pairs.of_key(object.address)) {
            count += 1;
            let label = Label::Name(Name::Pair(pair, count));
            let target = Target::Object(self.pairs.get(pair).value);
            visit(Edge { kind: EdgeKind::Internal, label, target });
        }
    }

    /// Words that are called by what they hold.
    fn special(&self, name: &str, object: HeapObject<'_>, word: Tagged, telling: &mut Telling<'_>) {
        let target = self.heap.object(word).ok();
        let type_name = |object: HeapObject<'_>| self.heap.layout().type_name(object.map.instance_type);
        match name {
            "map" => telling.internal(Name::Static("map"), Tagged::pointer(object.map.address)),
            "prototype_or_initial_map" => match target {
                Some(map) if map.kind() == Kind::Map => {
                    let at = map.address + self.heap.fields().map_prototype;
                    if let Some(prototype) = self.heap.words().heap_tagged(at).and_then(Tagged::strong) {
                        telling.edge(EdgeKind::Property, Name::Static("prototype"), prototype);
                    }
                    telling.internal(Name::Static("initial_map"), word);
                }
                Some(hole) if self.heap.is_hole(hole.value()) => telling.hidden(word),
                Some(prototype) => {
                    telling.edge(EdgeKind::Property, Name::Static("prototype"), prototype.address);
                }
                None => {}
            },
            "transitions_or_prototype_info" => {
                let name = match self.heap.object(Tagged::pointer(word.object().unwrap_or_default())) {
                    _ if word.0 & 3 == 3 => Some("transition"),
                    Ok(target) if type_name(target) == "TransitionArray" => Some("transitions"),
                    Ok(target) if target.kind() == Kind::FixedArray => Some("transition"),
                    Ok(_) => {
                        let described = self.heap.decoded_map(object.address);
                        described.is_ok_and(|(_, map)| map.is_prototype).then_some("prototype_info")
                    }
                    Err(_) => None,
                };
                match name {
                    Some(name) => telling.weak_or_strong(Name::Static(name), word),
                    None => telling.hidden(word),
                }
            }
            "instance_descriptors" => {
                let of_objects = || {
                    let described = self.heap.decoded_map(object.address);
                    described.is_ok_and(|(_, map)| self.plans.is_js_object(map))
                };
                if !self.heap.layout().facts.snapshots.hide_internal_descriptors || of_objects() {
                    telling.internal(Name::Static("descriptors"), word);
                } else {
                    telling.hidden(word);
                }
            }
            "constructor_or_back_pointer_or_native_context" => {
                let described = self.heap.decoded_map(object.address).map(|(_, map)| map.kind);
                let has_meta_maps = self.heap.layout().has_meta_maps();
                let name = match (described, target) {
                    (Ok(Kind::Context | Kind::NativeContext), _) => "native_context",
                    (Ok(Kind::Map), _) if has_meta_maps => "native_context",
                    (_, Some(target)) if target.kind() == Kind::Map => "back_pointer",
                    (_, Some(target)) if target.kind() == Kind::FunctionTemplateInfo => {
                        "constructor_function_data"
                    }
                    _ => "constructor",
                };
                telling.internal(Name::Static(name), word);
            }
            // Of code that came from bytecode, and of optimized code.
            "deoptimization_data_or_interpreter_data" | "source_position_table" => {
                let kind = code_kind(self.heap, object);
                let is_data = name == "deoptimization_data_or_interpreter_data";
                match kind {
                    // V8 9 names them in all code.
                    _ if !self.heap.layout().facts.snapshots.own.names_tell_kinds => {
                        telling.internal(
                            Name::Static(match kind {
                                _ if is_data => "deoptimization_data",
                                Some("BASELINE") => "bytecode_offset_table",
                                _ => "source_position_table",
                            }),
                            word,
                        );
                    }
                    Some("BASELINE") if is_data => telling.internal(Name::Static("interpreter_data"), word),
                    Some("BASELINE") => telling.internal(Name::Static("bytecode_offset_table"), word),
                    Some("OPTIMIZED_FUNCTION" | "MAGLEV" | "TURBOFAN" | "TURBOFAN_JS") if is_data => {
                        telling.internal(Name::Static("deoptimization_data"), word);
                    }
                    Some("OPTIMIZED_FUNCTION" | "MAGLEV" | "TURBOFAN" | "TURBOFAN_JS") => {
                        telling.internal(Name::Static("source_position_table"), word);
                    }
                    _ => telling.hidden(word),
                }
            }
            _ => telling.hidden(word),
        }
    }

    /// What is in no word of the object.
    fn apart(&self, plan: &Plan, object: HeapObject<'_>, telling: &mut Telling<'_>) {
        let words = self.heap.words();
        let strong_at = |at: u64| words.heap_tagged(at).and_then(Tagged::strong);
        for apart in &plan.apart {
            match *apart {
                Apart::OutOfObject(property, index) => {
                    let Some(array) = strong_at(object.address + self.heap.fields().properties) else {
                        continue;
                    };
                    if let Some(value) =
                        words.heap_tagged(self.heap.fields().property(array, u64::from(index)))
                    {
                        telling.property(property, value);
                    }
                }
                Apart::Constant(property, value) => telling.property(property, value),
                Apart::Accessors(property, pair) => self.accessors(property, pair, telling),
                Apart::Dictionary => {
                    let _ = self.heap.for_each_table_entry(object, |name, details, value| {
                        let Some(property) = Property::of(self.heap, name) else { return true };
                        match details & details::ACCESSOR != 0 {
                            true => self.accessors(property, value, telling),
                            false => telling.property(property, value),
                        }
                        true
                    });
                }
                Apart::Elements { is_array } => self.elements(object, is_array, telling),
                Apart::ElementDictionary => {
                    let Some(table) = strong_at(object.address + self.heap.fields().elements) else {
                        continue;
                    };
                    let _ = self.heap.for_each_entry(table, HashTableShape::NUMBER_DICTIONARY, |entry| {
                        if let (Some(key), Some(target)) = (self.heap.number(entry[0]), entry[1].strong()) {
                            let (kind, label) = (EdgeKind::Element, Label::Index(key as u32));
                            (telling.visit)(Edge { kind, label, target: Target::Object(target) });
                        }
                        true
                    });
                }
                Apart::Proto(prototype) => {
                    telling.edge(EdgeKind::Property, Name::Static("__proto__"), prototype);
                }
                Apart::Code => {
                    let Some(dispatch) = &self.dispatch else { continue };
                    let handle = self.heap.named_field(object, "dispatch_handle");
                    if let Ok(FieldValue::Unsigned(handle)) = handle
                        && let Some(code) = dispatch.code(&words, handle as u32)
                        && self.essential.is(code)
                    {
                        telling.edge(EdgeKind::Internal, Name::Static("code"), code);
                    }
                }
                Apart::BoundArguments => {
                    let Ok(bound) = self.heap.bound_function(object) else { continue };
                    for (index, argument) in (0..).zip(self.heap.bound_arguments(&bound).unwrap_or_default())
                    {
                        if let Some(target) = argument.strong() {
                            telling.edge(EdgeKind::Shortcut, Name::Argument(index), target);
                        }
                    }
                }
                Apart::BackingStore => {
                    let at = object.address + self.heap.fields().array_buffer_backing_store;
                    let target = Target::Memory(words.sandboxed_address(at, "backing store").unwrap_or(0));
                    let (kind, label) = (EdgeKind::Internal, Label::Name(Name::Static("backing_store")));
                    (telling.visit)(Edge { kind, label, target });
                }
                Apart::GlobalObject => {
                    let Some(context) = self.context_of_proxy(object) else { continue };
                    telling.edge(EdgeKind::Shortcut, Name::Static("native_context"), context);
                    let at = self.heap.fields().context_slot(context, GLOBAL_OBJECT);
                    if let Some(global) = strong_at(at) {
                        telling.edge(EdgeKind::Shortcut, Name::Static("global_object"), global);
                    }
                }
            }
        }
    }

    /// The native context of a global proxy: that of its map's map.
    fn context_of_proxy(&self, proxy: HeapObject<'_>) -> Option<u64> {
        let meta = self.heap.map_at(proxy.map.address).ok()?.1;
        let context = self.heap.words().heap_tagged(meta.address + self.heap.fields().map_constructor)?;
        let context = self.heap.object(context).ok()?;
        (context.kind() == Kind::NativeContext).then_some(context.address)
    }

    fn accessors(&self, property: Property, pair: Tagged, telling: &mut Telling<'_>) {
        let PropertyValue::Accessor { getter, setter } = self.heap.property_value(pair, details::ACCESSOR)
        else {
            return;
        };
        telling.property(property, pair);
        let is_function =
            |word: Tagged| self.heap.object(word).is_ok_and(|object| !matches!(object.kind(), Kind::Oddball));
        for (word, name) in
            [(getter, Name::Getter(property.address)), (setter, Name::Setter(property.address))]
        {
            if let Some(target) = word.strong().filter(|_| is_function(word)) {
                telling.edge(kind_of(property), name, target);
            }
        }
    }

    fn elements(&self, object: HeapObject<'_>, is_array: bool, telling: &mut Telling<'_>) {
        let words = self.heap.words();
        let Some(store) =
            words.heap_tagged(object.address + self.heap.fields().elements).and_then(Tagged::strong)
        else {
            return;
        };
        let Ok(mut length) = self.heap.fixed_array_length(store) else { return };
        if is_array {
            length = length.min(self.heap.array_length(object).unwrap_or(0));
        }
        let first = self.heap.fields().element(store, 0);
        let bytes = words.present(first, self.heap.fields().words.tagged * length);
        for (index, word) in (0..).zip(words.each_tagged(first, bytes)) {
            let Some(target) = word.strong() else { continue };
            if !self.heap.is_hole(word) {
                let (kind, label) = (EdgeKind::Element, Label::Index(index));
                (telling.visit)(Edge { kind, label, target: Target::Object(target) });
            }
        }
    }

    /// Slots of a context: those that the scope info names are variables.
    fn context(
        &self,
        context: HeapObject<'_>,
        slots: impl Iterator<Item = Tagged>,
        telling: &mut Telling<'_>,
    ) {
        let names = self.plans.variables(context);
        for (slot, word) in (0..).zip(slots) {
            match slot {
                0 => telling.internal(Name::Static("scope_info"), word),
                1 => telling.internal(Name::Static("previous"), word),
                2 if names.has_extension => telling.internal(Name::Static("extension"), word),
                slot => match names.names.binary_search_by_key(&slot, |(slot, _)| *slot) {
                    Ok(found) => {
                        if let Some(target) = word.strong() {
                            telling.edge(EdgeKind::Context, Name::Text(names.names[found].1), target);
                        }
                    }
                    Err(_) => telling.hidden(word),
                },
            }
        }
    }

    fn native_context(&self, slots: impl Iterator<Item = Tagged>, telling: &mut Telling<'_>) {
        let layout = self.heap.layout();
        let slots: Vec<Tagged> = slots.collect();
        // The last two: a link to the next context, and a native pointer.
        let named = slots.len().saturating_sub(2);
        for (slot, &word) in (0..).zip(&slots[..named]) {
            match slot {
                0 => telling.internal(Name::Static("scope_info"), word),
                1 => telling.internal(Name::Static("previous"), word),
                2 if layout.facts.snapshots.name_global_object => {
                    telling.internal(Name::Static("global_object"), word);
                }
                2 => telling.internal(Name::Static("extension"), word),
                slot => match layout.native_context_slot(slot) {
                    Some(name) => telling.internal(Name::Static(name), word),
                    None => telling.hidden(word),
                },
            }
        }
    }
}

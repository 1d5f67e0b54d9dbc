//! What an object is in a snapshot: its kind and its name (V8: `V8HeapExplorer::AddEntry`, `GetSystemEntryName`,
//! `GetSystemEntryType` in `src/profiler/heap-snapshot-generator.cc`).

use crate::Tagged;
use crate::heap::Heap;
use crate::layout::{Kind, StringShape};
use crate::objects::constructor::GENERATOR;
use crate::objects::symbol::Privacy;
use crate::objects::value::{HeapObject, Value};

use super::builtins::is_builtin;
use super::kinds::NodeKind;
use super::plan::Plans;
use super::reference::Name;
use super::tagged_field;
use super::tags::Tags;

/// Classes that count as code in later versions.
static WRAPPERS: &[&str] = &["BytecodeWrapper", "CodeWrapper"];
/// Classes of plain arrays, which have no name of their own.
static ARRAYS: &[&str] = &["FixedArray", "FixedDoubleArray", "ByteArray"];

/// Tells what objects are.
pub(super) struct Namer<'a, 't> {
    heap: &'a Heap<'t>,
    tags: &'a Tags,
    /// By map: the kind of V8's own objects, and whether they have a name of their own.
    own: Vec<(NodeKind, Option<&'static str>)>,
}

impl<'a, 't> Namer<'a, 't> {
    pub fn new(heap: &'a Heap<'t>, plans: &Plans<'a, 't>, tags: &'a Tags) -> Namer<'a, 't> {
        let snapshots = heap.layout().facts.snapshots;
        let mut own = Vec::with_capacity(heap.map_count());
        for id in 0..heap.map_count() as u32 {
            let map = heap.map(crate::shape::map::MapId(id));
            let is = |names: &[&str]| names.iter().any(|name| plans.descends_from(map, name));
            let name = match heap.layout().type_info(map.instance_type).and_then(|info| info.class) {
                Some(class) => heap.classes().class(class).name,
                None => "HeapObject",
            };
            let is_array = is(ARRAYS) || is(snapshots.own.arrays);
            let kind = if is(snapshots.own.code) || (snapshots.wrappers_are_code && is(WRAPPERS)) {
                NodeKind::Code
            } else if is_array {
                NodeKind::Array
            } else if is(snapshots.own.shapes) {
                NodeKind::ObjectShape
            } else {
                NodeKind::Hidden
            };
            own.push((kind, (!is_array).then_some(name)));
        }
        Namer { heap, tags, own }
    }

    /// Kind and name of an object.
    pub fn of(&self, id: u32, object: HeapObject<'_>, is_read_only: bool) -> (NodeKind, Name) {
        let (kind, name) = self.by_itself(object, is_read_only);
        let name = name.filter(|_| !self.tags.overrides(id)).or_else(|| self.tags.name(id));
        let name = name.unwrap_or(Name::Static(""));
        (self.tags.kind(id).unwrap_or(kind), name)
    }

    fn by_itself(&self, object: HeapObject<'_>, is_read_only: bool) -> (NodeKind, Option<Name>) {
        let heap = self.heap;
        let text = |word: Option<Tagged>| word.and_then(Tagged::strong).map(Name::Text);
        let (own_kind, own_name) = self.own[object.map_id.0 as usize];
        match object.kind() {
            Kind::JsFunction => {
                let name = heap.function_name(object).ok().flatten();
                (NodeKind::Closure, Some(text(name).unwrap_or(Name::Static(""))))
            }
            Kind::JsBoundFunction => (NodeKind::Closure, Some(Name::Static("native_bind"))),
            Kind::JsRegExp => (NodeKind::RegExp, text(heap.regexp(object).ok().map(|regexp| regexp.source))),
            Kind::JsProxy => (NodeKind::Hidden, Some(Name::System("JSProxy"))),
            Kind::JsGenerator if heap.is_async_function_call(object) => {
                (NodeKind::Object, Some(Name::Static(GENERATOR)))
            }
            kind if kind.is_js_object() => {
                (NodeKind::Object, Some(Name::Constructor(heap.constructor_name(object))))
            }
            Kind::String => match object.map.string_shape() {
                Some(StringShape::Cons) => {
                    (NodeKind::ConsString, Some(Name::Static("(concatenated string)")))
                }
                Some(StringShape::Sliced) => (NodeKind::SlicedString, Some(Name::Static("(sliced string)"))),
                _ => (NodeKind::String, Some(Name::Text(object.address))),
            },
            Kind::Symbol => match heap.symbol_privacy(object) {
                Ok(Privacy::Public) => (NodeKind::Symbol, Some(Name::Static("symbol"))),
                _ => (NodeKind::Hidden, Some(Name::Static("private symbol"))),
            },
            Kind::BigInt => (NodeKind::BigInt, Some(Name::Static("bigint"))),
            Kind::HeapNumber => {
                (NodeKind::Number, Some(Name::Static(heap.layout().facts.snapshots.own.number)))
            }
            Kind::SharedFunctionInfo => {
                let name = text(heap.shared_name(object).ok().flatten());
                let is_named = heap.layout().facts.snapshots.name_functions;
                let unnamed = is_named.then_some(Name::Static("(shared function info)"));
                (NodeKind::Code, name.or(unnamed))
            }
            Kind::Script => {
                let name = tagged_field(heap, object, "name").filter(|name| heap.is_string(*name));
                let name = name.filter(|name| heap.string_length(*name).is_ok_and(|length| length > 0));
                (NodeKind::Code, text(name))
            }
            Kind::NativeContext => (NodeKind::Hidden, Some(Name::System("NativeContext"))),
            Kind::Context => (NodeKind::Object, Some(Name::System("Context"))),
            Kind::Oddball if heap.layout().facts.snapshots.name_oddballs => {
                let name = match heap.value(object.value()) {
                    Ok(Value::Undefined) => "undefined",
                    Ok(Value::Null) => "null",
                    Ok(Value::Boolean(true)) => "true",
                    Ok(Value::Boolean(false)) => "false",
                    _ => return (NodeKind::Hidden, text(tagged_field(heap, object, "to_string"))),
                };
                (NodeKind::Hidden, Some(Name::Static(name)))
            }
            Kind::Map => {
                let kind = if is_read_only { NodeKind::Hidden } else { own_kind };
                (kind, Some(self.map_name(object)))
            }
            _ => match own_name {
                Some("Code") if is_builtin(heap, object) => (own_kind, Some(Name::Builtin(object.address))),
                Some("Code" | "InstructionStream") => (own_kind, self.tags.code_name(object.address)),
                name => (own_kind, name.map(Name::System)),
            },
        }
    }

    /// Maps of strings say of which.
    fn map_name(&self, object: HeapObject<'_>) -> Name {
        match self.heap.decoded_map(object.address) {
            Ok((_, map)) if map.kind == Kind::String => Name::StringMap(map.instance_type),
            _ => Name::System("Map"),
        }
    }
}

//! `::v8map`: print a map: the shape that V8 gives objects, and where it came from.
//!
//! Of a map, or of the map of any other object: the type and size of the instances, how many there are, prototype and
//! constructor, flags, and each property with where its value is: `field N` counts from the first property inside the object,
//! `in object` says that the object has room for it, `out of object` that it is in the property array. A property that no
//! instance has changed is `const`. Properties whose values the map itself holds, such as accessors, show it.
//!
//! The transitions are the tree of maps that lead to it and on from it: each property that an object got led to another map.
//! Branches that lead elsewhere are left out; `-t` prints the whole tree from the root. Attributes are shown where they are not
//! the usual ones: `read-only`, `not enumerable`, `not configurable`.
//!
//! In a pipe it hands on the map.

use serde_json::{Value, json};
use std::collections::HashSet;
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::map_details::{Descriptor, Representation};
use v8_heap::objects::place::FieldValue;
use v8_heap::{Heap, Map, MapId, Tagged};

use super::v8print::taken_apart;
use crate::answers::summary::summary;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{Facts, escape, hex};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "8ba8239fd91::v8map",
    r#"
map: 1950f7e1a2e1, of JSObject (0x421), elements HOLEY_ELEMENTS
instances: 800, of 0x40 bytes, 5 in-object properties, 0 unused
prototype: 1950f7e25d41 (JSObject: Object)
constructor: 1950f7e25d01 (JSFunction: UpstreamConnection)
back pointer: 1950f7e1a261
flags: new_target_is_base, owns_descriptors, is_in_retained_map_list, is_extensible
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8map",
    aliases: &[],
    summary: "print a map: the shape that V8 gives objects, and where it came from",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[Opt::flag('t', "print the whole tree of transitions"), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8map.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (whole_tree, as_json) = (args.has('t'), args.has('j'));
        let mut counts: Option<Vec<u64>> = None;
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let object = heap.object(Tagged(item.word))?;
            let address = if object.kind() == HeapKind::Map { object.address } else { object.map.address };
            if out.is_pipe() {
                return out.emit(Item::value(Tagged::pointer(address).0)).map(|_| ());
            }
            let (id, map) = heap.decoded_map(address)?;
            let counts = match &mut counts {
                Some(counts) => counts,
                none => none.insert(count_instances(context, heap)?),
            };
            let mut facts = describe(heap, id, map, counts)?;
            tree(context, heap, map, counts, whole_tree, &mut facts)?;
            Ok(facts.print(as_json, &mut out.text())?)
        }))
    },
};

/// Number of objects by number of their map.
fn count_instances(context: &Context, heap: &Heap<'_>) -> Result<Vec<u64>, DcmdError> {
    let table = heap.objects(&context.progress())?;
    let mut counts = vec![0; heap.map_count()];
    for page in 0..table.page_count() {
        context.check_interrupt()?;
        for id in table.page_maps(page).1 {
            if let Some(count) = counts.get_mut(id.0 as usize) {
                *count += 1;
            }
        }
    }
    Ok(counts)
}

fn instances(counts: &[u64], id: MapId) -> u64 {
    counts.get(id.0 as usize).copied().unwrap_or(0)
}

fn describe(heap: &Heap<'static>, id: MapId, map: &Map, counts: &[u64]) -> Result<Facts, DcmdError> {
    let object = heap.object(Tagged::pointer(map.address))?;
    let number = |name| match heap.named_field(object, name) {
        Ok(FieldValue::Unsigned(number)) => number,
        _ => 0,
    };
    let type_name = heap.layout().type_name(map.instance_type);
    let mut facts = Facts::new();
    facts.field("map", hex(object.value().0));
    facts.field("type", type_name);
    let mut line = format!("map: {}, of {} (0x{:x})", object.value(), escape(type_name), map.instance_type);
    let is_js = map.kind.is_js_object();
    if is_js {
        let elements = heap.elements_kind_name(map.elements_kind);
        facts.field("elementsKind", elements.as_str());
        line += &format!(", elements {elements}");
    }
    facts.line(line);
    let count = instances(counts, id);
    let words = u64::from(map.instance_size_words);
    let bytes = heap.fields().words.tagged * words;
    facts.field("size", Some(bytes).filter(|size| *size != 0));
    let sizes = match words {
        0 => "of different sizes".to_owned(),
        words if is_js => {
            let used = number("used_or_unused_instance_size_in_words");
            let inside = map.inobject_properties();
            // Less than the words of a JSObject is the room left in the property array.
            let (unused, outside) = if used < 3 { (0, used) } else { (words.saturating_sub(used), 0) };
            facts.field("inobjectProperties", inside);
            facts.field("unused", unused);
            facts.field("unusedOutside", outside);
            let outside = match used {
                0..3 => format!(", {used} unused in the property array"),
                _ => String::new(),
            };
            format!("of 0x{bytes:x} bytes, {inside} in-object properties, {unused} unused{outside}")
        }
        _ => format!("of 0x{bytes:x} bytes"),
    };
    facts.tell("instances", count, format!("instances: {count}, {sizes}"));
    let shown = |label: &str, value: Tagged| format!("{label}: {value} ({})", summary(heap, value));
    facts.tell("prototype", hex(map.prototype.0), shown("prototype", map.prototype));
    let mut constructor = map.constructor_or_back_pointer;
    for _ in 0..MOST_STEPS {
        match heap.object(constructor) {
            Ok(object) if object.kind() == HeapKind::Map => {
                constructor = heap.decoded_map(object.address)?.1.constructor_or_back_pointer;
            }
            _ => break,
        }
    }
    let what = if heap.class_name(constructor) == "NativeContext" { "native context" } else { "constructor" };
    facts.tell("constructor", hex(constructor.0), shown(what, constructor));
    match heap.back_pointer(map).map(|back| back.value()) {
        Some(back) => facts.tell("backPointer", hex(back.0), format!("back pointer: {back}")),
        None => facts.tell("backPointer", Value::Null, "back pointer: none"),
    }
    let class = heap.layout().type_info(object.map.instance_type).and_then(|info| info.class);
    let mut flags = Vec::new();
    if let Some(class) = class.map(|class| heap.classes().class(class)) {
        for (field, name) in
            [("bit_field", "MapBitFields1"), ("bit_field2", "MapBitFields2"), ("bit_field3", "MapBitFields3")]
        {
            let shown = taken_apart(heap, name, class, number(field));
            let shown = shown.trim_start_matches(" { ").trim_end_matches(" }");
            flags.extend(shown.split(", ").filter(|flag| is_told_as_flag(flag)).map(str::to_owned));
        }
    }
    let line = if flags.is_empty() { "none".to_owned() } else { flags.join(", ") };
    facts.tell("flags", flags, format!("flags: {line}"));
    match heap.named_field(object, "dependent_code") {
        Ok(FieldValue::Tagged(code)) => {
            let length = heap
                .object(code)
                .and_then(|list| heap.named_field(list, "length"))
                .ok()
                .and_then(|length| match length {
                    FieldValue::Tagged(length) => length.smi(),
                    _ => None,
                })
                .unwrap_or(0);
            match length {
                0 => facts.tell("dependentCode", Value::Null, "dependent code: none"),
                // Each code with what of the map it depends on.
                _ => {
                    let line = format!("dependent code: {code}, {} entries", length / 2);
                    facts.tell("dependentCode", hex(code.0), line);
                }
            }
        }
        _ => facts.line("dependent code: unknown"),
    }
    facts.field("dictionary", map.is_dictionary);
    if map.is_dictionary {
        facts.line("descriptors: none, properties are in a dictionary of each object");
        return Ok(facts);
    }
    let descriptors = heap.descriptors(map);
    facts.line(format!("descriptors: {}, {} own", map.descriptors, descriptors.len()));
    let mut listed = Vec::new();
    for descriptor in descriptors {
        let (name, parts) = (quoted(heap, descriptor.name), property(heap, map, &descriptor));
        facts.line(format!("    {name}: {}", parts.join(", ")));
        listed.push(json!({ "name": heap.name_text(descriptor.name), "is": parts }));
    }
    facts.field("descriptors", listed);
    Ok(facts)
}

/// What other lines say already is not repeated among the flags.
fn is_told_as_flag(flag: &str) -> bool {
    let told = ["elements_kind", "enum_length", "number_of_own_descriptors"];
    !flag.is_empty() && !told.iter().any(|name| flag.starts_with(name))
}

/// Maps between a map and its root, at most.
const MOST_STEPS: usize = 2048;

/// What there is to say of one property of a map.
fn property(heap: &Heap<'static>, map: &Map, descriptor: &Descriptor) -> Vec<String> {
    let mut parts = Vec::new();
    match descriptor.field {
        Some(field) if field < map.inobject_properties() => {
            let offset = heap.fields().words.tagged * (u64::from(map.inobject_start_words) + field);
            parts.push(format!("field {field} at +0x{offset:x} in object"));
        }
        Some(field) => {
            let slot = field - map.inobject_properties();
            parts.push(format!("field {field} out of object, slot {slot}"));
        }
        None => parts.push(format!(
            "in the descriptor, {} ({})",
            descriptor.value,
            summary(heap, descriptor.value)
        )),
    }
    if descriptor.field.is_some() {
        parts.push(match descriptor.representation {
            Representation::Unknown(number) => format!("representation {number}"),
            known => format!("{known:?}"),
        });
    }
    if descriptor.is_accessor {
        parts.push("accessor".to_owned());
    }
    if descriptor.is_const && descriptor.field.is_some() {
        parts.push("const".to_owned());
    }
    for (is_usual, otherwise) in [
        (descriptor.is_writable || descriptor.is_accessor, "read-only"),
        (descriptor.is_enumerable, "not enumerable"),
        (descriptor.is_configurable, "not configurable"),
    ] {
        if !is_usual {
            parts.push(otherwise.to_owned());
        }
    }
    parts
}

/// `"name"`, or a symbol as it is.
fn quoted(heap: &Heap<'_>, name: Tagged) -> String {
    let text = heap.name_text(name).unwrap_or_else(|| "<unreadable name>".to_owned());
    let text = escape(&text).into_owned();
    if heap.is_string(name) { format!("\"{text}\"") } else { text }
}

/// The maps that lead to one, and those that it leads to.
fn tree(
    context: &Context,
    heap: &Heap<'static>,
    map: &Map,
    counts: &[u64],
    whole: bool,
    facts: &mut Facts,
) -> Result<(), DcmdError> {
    let mut path = vec![map.address];
    let mut seen: HashSet<u64> = path.iter().copied().collect();
    let mut current = map;
    while let Some(back) = heap.back_pointer(current) {
        if !seen.insert(back.address) {
            break;
        }
        path.push(back.address);
        current = heap.decoded_map(back.address)?.1;
    }
    path.reverse();
    facts.line("transitions:");
    let mut tree = Tree { context, heap, counts, whole, path: &path, seen: HashSet::new(), own: map.address };
    let root = path[0];
    tree.tell(None, root, 1, facts)
}

struct Tree<'a> {
    context: &'a Context,
    heap: &'a Heap<'static>,
    counts: &'a [u64],
    whole: bool,
    /// From the root to the map that is printed.
    path: &'a [u64],
    seen: HashSet<u64>,
    own: u64,
}

impl Tree<'_> {
    fn tell(
        &mut self,
        key: Option<Tagged>,
        root: u64,
        depth: usize,
        facts: &mut Facts,
    ) -> Result<(), DcmdError> {
        let mut listed = Vec::new();
        // A stack of its own: trees are as deep as objects have properties.
        let mut open = vec![(key, root, depth, false)];
        while let Some((key, address, depth, is_below)) = open.pop() {
            self.context.check_interrupt()?;
            if !self.seen.insert(address) {
                continue;
            }
            let (id, map) = self.heap.decoded_map(address)?;
            let label = key.map_or(String::new(), |key| format!("{} ", quoted(self.heap, key)));
            let instances = instances(self.counts, id);
            let count = match instances {
                1 => "1 instance".to_owned(),
                count => format!("{count} instances"),
            };
            let is_own = address == self.own;
            let mark = if is_own { " <--" } else { "" };
            let value = Tagged::pointer(address);
            facts.line(format!("{:indent$}{label}{value} ({count}){mark}", "", indent = 4 * depth));
            listed.push(json!({
                "level": depth - 1,
                "key": key.and_then(|key| self.heap.name_text(key)),
                "map": hex(value.0),
                "instances": instances,
            }));
            let transitions = self.heap.transitions(map)?;
            if let Some(instead) = transitions.instead {
                let what = summary(self.heap, instead);
                facts.line(format!("{:indent$}{instead} ({what})", "", indent = 4 * (depth + 1)));
            }
            let is_below = is_below || is_own;
            for (key, target) in transitions.targets.into_iter().rev() {
                let Some(target) = target.object() else { continue };
                if self.whole || is_below || self.path.contains(&target) {
                    open.push((Some(key), target, depth + 1, is_below));
                }
            }
        }
        facts.field("transitions", listed);
        Ok(())
    }
}

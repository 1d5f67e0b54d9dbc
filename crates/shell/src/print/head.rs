//! What stands in front of the braces of an object, and what the language keeps inside it without a name.
//!
//! Objects made by a literal or a class and arrays have no head. The others say what they are: `function parse`, `Map(3)`,
//! `/ab+c/gi`. What the language's specification keeps in an *internal slot* is printed like a property, under the name that the
//! specification gives the slot: `[[PromiseResult]]`.

use v8_heap::Tagged;
use v8_heap::layout::Kind;
use v8_heap::objects::error::ErrorStack;
use v8_heap::objects::generator::{GeneratorState, Suspension};
use v8_heap::objects::promise::{Promise, Reaction};
use v8_heap::objects::symbol::Privacy;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::objects::wasm::WasmValue;
use v8_heap::{Heap, PropertyValue};

use super::{Place, Printer, Style, function, number, temporal};
use crate::error::{DcmdError, reasons};
use crate::output::{escape, number_of};

/// The internal slots of an object, by their names in the language's specification.
pub(super) type Slots = Vec<(&'static str, Place)>;

/// Names are printed up to this many characters.
const LONGEST_NAME: usize = 1 << 10;
/// A bound function bound again and again is followed so far.
const DEEPEST_BOUND: usize = 16;

impl Printer<'_> {
    /// Prints the head of an object.
    pub(super) fn head(&mut self, object: HeapObject<'_>) -> Result<(), DcmdError> {
        match self.head_text(object) {
            Ok(text) => self.out.write_all(text.as_bytes())?,
            Err(error) => self.fault(&error)?,
        }
        match object.kind() {
            Kind::JsRegExp => self.pattern(object),
            Kind::JsError => self.message(object),
            Kind::JsPrimitiveWrapper => match self.heap.wrapped_value(object) {
                Ok(value) => {
                    self.out.write_all(b": ")?;
                    self.value(value, 0)
                }
                Err(error) => self.fault(&error),
            },
            _ => Ok(()),
        }
    }

    /// The head, as far as it is short.
    fn head_text(&self, object: HeapObject<'_>) -> v8_heap::Result<String> {
        let heap = self.heap;
        let constructor = || escape(heap.name(heap.constructor_name(object))).into_owned();
        Ok(match object.kind() {
            Kind::JsFunction => function_head(heap, object)?,
            Kind::JsBoundFunction => bound_head(heap, object)?,
            Kind::JsDate => number::date(heap.date_value(object)?),
            Kind::JsError => constructor(),
            Kind::JsMap | Kind::JsSet | Kind::JsWeakMap | Kind::JsWeakSet => {
                format!("{}({})", constructor(), heap.collection_size(object)?)
            }
            Kind::JsWeakRef => "WeakRef".to_owned(),
            Kind::JsPromise => match heap.promise(object)? {
                Promise::Pending => "Promise (pending)".to_owned(),
                Promise::Fulfilled(_) => "Promise (fulfilled)".to_owned(),
                Promise::Rejected(_) => "Promise (rejected)".to_owned(),
            },
            Kind::JsProxy => match heap.proxy(object)? {
                Some(_) => "Proxy".to_owned(),
                None => "Proxy (revoked)".to_owned(),
            },
            Kind::JsTypedArray | Kind::JsDataView => {
                let view = heap.view(object)?;
                let size = view.element.map_or(1, |element| element.size());
                let state = heap.view_state(object)?;
                let note = if state.is_detached {
                    " (detached)"
                } else if state.is_out_of_bounds {
                    " (out of bounds)"
                } else if state.tracks_length {
                    " (length-tracking)"
                } else {
                    ""
                };
                format!("{}({}){note}", constructor(), view.byte_length / size)
            }
            Kind::JsArrayBuffer => {
                let state = heap.buffer_state(object)?;
                let mut notes = Vec::new();
                if state.is_detached {
                    notes.push("detached".to_owned());
                } else if let Some(longest) = state.max_byte_length {
                    let verb = if state.is_shared { "growable" } else { "resizable" };
                    notes.push(format!("{verb} to {longest}"));
                }
                if state.is_immutable {
                    notes.push("immutable".to_owned());
                }
                let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
                format!("{}({}){notes}", constructor(), heap.view(object)?.byte_length)
            }
            Kind::JsGenerator => {
                let generator = heap.generator(object)?;
                let class = match heap.class_name(object.value()) {
                    "JSAsyncGeneratorObject" => "AsyncGenerator",
                    "JSAsyncFunctionObject" => "AsyncFunction",
                    _ => "Generator",
                };
                let name = match heap.value(generator.function) {
                    Ok(Value::Object(function)) if function.kind() == Kind::JsFunction => {
                        function_name(heap, function)?
                    }
                    _ => "<unknown function>".to_owned(),
                };
                let state = match generator.state {
                    GeneratorState::Suspended => "suspended",
                    GeneratorState::Executing => "executing",
                    GeneratorState::Closed => "closed",
                };
                format!("{class} {name} ({state})")
            }
            Kind::JsPrimitiveWrapper => match heap.value(heap.wrapped_value(object)?)? {
                Value::Smi(_) | Value::Double(_) => "Number".to_owned(),
                Value::String(_) => "String".to_owned(),
                Value::Boolean(_) => "Boolean".to_owned(),
                Value::Symbol(_) => "Symbol".to_owned(),
                Value::BigInt(_) => "BigInt".to_owned(),
                _ => "Object".to_owned(),
            },
            Kind::JsArguments => "Arguments".to_owned(),
            Kind::JsModuleNamespace => "Module".to_owned(),
            Kind::JsMapIterator => "Map Iterator".to_owned(),
            Kind::JsSetIterator => "Set Iterator".to_owned(),
            Kind::JsArrayIterator => "Array Iterator".to_owned(),
            Kind::JsOther => other_head(heap, object, &constructor())?,
            _ if is_null_prototype(heap, object) => "[Object: null prototype]".to_owned(),
            _ => String::new(),
        })
    }

    /// `/pattern/flags`
    fn pattern(&mut self, object: HeapObject<'_>) -> Result<(), DcmdError> {
        let regexp = match self.heap.regexp(object) {
            Ok(regexp) => regexp,
            Err(error) => return self.fault(&error),
        };
        self.out.write_all(b"/")?;
        // A pattern is escaped already, as V8 keeps it in the form of a literal; what is left are odd characters.
        match self.heap.string(regexp.source, self.style.longest_string) {
            Ok(source) => {
                self.out.write_all(escape(&source.to_text()).as_bytes())?;
                if source.is_cut() {
                    self.out.write_all(b"[...]")?;
                }
            }
            Err(error) => self.fault(&error)?,
        }
        Ok(write!(self.out, "/{}", regexp.flags)?)
    }

    /// `: "message"`, if there is one.
    fn message(&mut self, error: HeapObject<'_>) -> Result<(), DcmdError> {
        match self.heap.own_property(error, "message") {
            Ok(Some(PropertyValue::Data(message))) if self.heap.is_string(message) => {
                self.out.write_all(b": ")?;
                self.string(message)
            }
            _ => Ok(()),
        }
    }
}

/// `bound function parse`
fn bound_head(heap: &Heap<'_>, object: HeapObject<'_>) -> v8_heap::Result<String> {
    let mut text = String::new();
    let mut current = object;
    for _ in 0..DEEPEST_BOUND {
        text += "bound ";
        match heap.value(heap.bound_function(current)?.target) {
            Ok(Value::Object(target)) => match target.kind() {
                Kind::JsFunction => return Ok(text + &function_head(heap, target)?),
                Kind::JsBoundFunction => current = target,
                Kind::JsProxy => return Ok(text + "Proxy"),
                _ => break,
            },
            _ => break,
        }
    }
    Ok(text + "function")
}

/// Names of classes of which V8 has many and this program no more to say than what they are; in the words of the language where
/// it has any.
const NAMED_CLASSES: &[(&str, &str)] = &[
    ("JSStringIterator", "String Iterator"),
    ("JSRegExpStringIterator", "RegExp String Iterator"),
    ("JSIteratorMapHelper", "Iterator Helper (map)"),
    ("JSIteratorFilterHelper", "Iterator Helper (filter)"),
    ("JSIteratorTakeHelper", "Iterator Helper (take)"),
    ("JSIteratorDropHelper", "Iterator Helper (drop)"),
    ("JSIteratorFlatMapHelper", "Iterator Helper (flatMap)"),
    ("JSIteratorConcatHelper", "Iterator Helper (concat)"),
    ("JSValidIteratorWrapper", "Wrap for valid Iterator"),
    ("JSAsyncFromSyncIterator", "Async-from-Sync Iterator"),
    ("JSSegments", "Segments"),
    ("JSSegmentIterator", "Segmenter String Iterator"),
    ("JSWrappedFunction", "wrapped function"),
    ("JSShadowRealm", "ShadowRealm"),
    ("JSRawJson", "RawJSON"),
    ("JSSharedArray", "SharedArray"),
    ("JSSharedStruct", "SharedStruct"),
    ("JSAtomicsMutex", "Atomics.Mutex"),
    ("JSAtomicsCondition", "Atomics.Condition"),
    ("JSExternalObject", "External"),
    ("JSDeferredModuleNamespace", "Deferred Module"),
    ("JSFinalizationRegistry", "FinalizationRegistry"),
    ("JSMessageObject", "Message"),
    ("JSContextExtensionObject", "Variables of eval"),
    ("JSV8BreakIterator", "Intl.v8BreakIterator"),
    ("WasmModuleObject", "WebAssembly.Module"),
    ("WasmInstanceObject", "WebAssembly.Instance"),
    ("WasmTagObject", "WebAssembly.Tag"),
    ("WasmExceptionPackage", "WebAssembly.Exception"),
    ("WasmSuspendingObject", "WebAssembly.Suspending"),
    ("WasmMemoryMapDescriptor", "WebAssembly.MemoryMapDescriptor"),
    ("WasmSuspenderObject", "WebAssembly.Suspender"),
    ("WasmStruct", "WebAssembly struct"),
    ("WasmArray", "WebAssembly array"),
];

/// What the objects of such a class are called.
pub(crate) fn named_class(class: &str) -> Option<&'static str> {
    NAMED_CLASSES.iter().find(|(known, _)| *known == class).map(|(_, name)| *name)
}

/// The head of an object of a class that has no kind of its own.
fn other_head(heap: &Heap<'_>, object: HeapObject<'_>, constructor: &str) -> v8_heap::Result<String> {
    let class = heap.class_name(object.value());
    if let Some(name) = named_class(class) {
        return Ok(name.to_owned());
    }
    if let Some(name) = class.strip_prefix("JSTemporal") {
        return Ok(match heap.temporal(object) {
            Some(value) => format!("Temporal.{name} {}", temporal::text(&value)),
            None => format!("Temporal.{name}"),
        });
    }
    if let Some(stack) = heap.disposable_stack(object)? {
        let state = if stack.is_disposed { "disposed" } else { "pending" };
        return Ok(format!("{constructor} ({state})"));
    }
    if let Some(memory) = heap.wasm_memory(object)? {
        let pages = memory.pages.map_or_else(|| "? pages".to_owned(), |pages| number_of(pages, "page"));
        let maximum = memory.maximum.map_or_else(String::new, |most| format!(", at most {most}"));
        return Ok(format!("WebAssembly.Memory ({pages}{maximum})"));
    }
    if let Some(table) = heap.wasm_table(object)? {
        let maximum = heap.number(table.maximum).map_or_else(String::new, |most| format!(", at most {most}"));
        return Ok(format!("WebAssembly.Table ({}{maximum})", number_of(table.length, "entry")));
    }
    if let Some(global) = heap.wasm_global(object)? {
        let mutable = if global.is_mutable { "mutable " } else { "" };
        return Ok(format!("WebAssembly.Global ({mutable}{})", wasm_type(&global.value)));
    }
    const INTL: &[&str] = &[
        "Collator",
        "DateTimeFormat",
        "DisplayNames",
        "DurationFormat",
        "ListFormat",
        "Locale",
        "NumberFormat",
        "PluralRules",
        "RelativeTimeFormat",
        "Segmenter",
    ];
    if let Some(name) = class.strip_prefix("JS").filter(|name| INTL.contains(name)) {
        return Ok(format!("Intl.{name}"));
    }
    Ok(format!("<{class}>"))
}

fn wasm_type(value: &WasmValue) -> &'static str {
    match value {
        WasmValue::I32(_) => "i32",
        WasmValue::I64(_) => "i64",
        WasmValue::F32(_) => "f32",
        WasmValue::F64(_) => "f64",
        WasmValue::Reference(_) => "reference",
        WasmValue::Unknown => "unknown type",
    }
}

/// Whether an ordinary object inherits from nothing.
pub(super) fn is_null_prototype(heap: &Heap<'_>, object: HeapObject<'_>) -> bool {
    object.kind() == Kind::JsObject && matches!(heap.value(object.map.prototype), Ok(Value::Null))
}

/// `function parse`, `class Session`
fn function_head(heap: &Heap<'_>, function: HeapObject<'_>) -> v8_heap::Result<String> {
    let noun = if heap.is_class(function)? { "class" } else { "function" };
    Ok(format!("{noun} {}", function_name(heap, function)?))
}

/// The name of a function: as the program set it, or from its declaration, or as the parser inferred it.
pub(super) fn function_name(heap: &Heap<'_>, function: HeapObject<'_>) -> v8_heap::Result<String> {
    let text = |name: Tagged| -> v8_heap::Result<String> {
        Ok(escape(&heap.string(name, LONGEST_NAME)?.to_text()).into_owned())
    };
    if let Some(name) = set_name(heap, function)? {
        return text(name);
    }
    if let Some(name) = heap.function_name(function)? {
        return text(name);
    }
    Ok(match heap.inferred_name(function)? {
        Some(name) => format!("<anonymous> (as {})", text(name)?),
        None => escape(&function::nameless(heap, heap.shared_function_info(function)?)).into_owned(),
    })
}

/// The name that a program gave a function, or the language a getter (`get x`): an own property in place of the accessor
/// that functions have otherwise.
pub(super) fn set_name(heap: &Heap<'_>, function: HeapObject<'_>) -> v8_heap::Result<Option<Tagged>> {
    Ok(match heap.own_property(function, "name")? {
        Some(PropertyValue::Data(name)) if heap.is_string(name) && heap.string_length(name)? > 0 => {
            Some(name)
        }
        _ => None,
    })
}

/// The internal slots of an object.
pub(super) fn slots(heap: &Heap<'_>, object: HeapObject<'_>) -> v8_heap::Result<Slots> {
    Ok(match object.kind() {
        Kind::JsBoundFunction => {
            let bound = heap.bound_function(object)?;
            vec![
                ("BoundTargetFunction", Place::Value(bound.target)),
                ("BoundThis", Place::Value(bound.this)),
                ("BoundArguments", values(heap.bound_arguments(&bound)?)),
            ]
        }
        Kind::JsWeakRef => vec![("WeakRefTarget", Place::Value(heap.weak_ref_target(object)?))],
        Kind::JsPromise => promise_slots(heap, object)?,
        Kind::JsGenerator => generator_slots(heap, object)?,
        Kind::JsProxy => match heap.proxy(object)? {
            Some(proxy) => {
                vec![
                    ("ProxyTarget", Place::Value(proxy.target)),
                    ("ProxyHandler", Place::Value(proxy.handler)),
                ]
            }
            None => Vec::new(),
        },
        Kind::JsDataView => vec![
            ("ByteOffset", Place::Number(heap.view(object)?.byte_offset as f64)),
            ("ViewedArrayBuffer", Place::Value(heap.viewed_buffer(object)?)),
        ],
        Kind::JsArrayIterator => iterator_slots(heap, object)?,
        Kind::JsOther => other_slots(heap, object)?,
        _ => Vec::new(),
    })
}

fn values(values: Vec<Tagged>) -> Place {
    Place::List(values.into_iter().map(Place::Value).collect())
}

fn iterator_slots(heap: &Heap<'_>, object: HeapObject<'_>) -> v8_heap::Result<Slots> {
    let slots = heap.iterator_slots(object)?;
    Ok(slots.into_iter().map(|(name, value)| (name, Place::Value(value))).collect())
}

fn promise_slots(heap: &Heap<'_>, promise: HeapObject<'_>) -> v8_heap::Result<Slots> {
    let mut slots = Slots::new();
    match heap.promise(promise)? {
        Promise::Pending => {
            let reactions = heap.promise_reactions(promise)?;
            if !reactions.is_empty() {
                let reactions = reactions.iter().map(reaction).collect();
                slots.push(("PromiseReactions", Place::List(reactions)));
            }
        }
        Promise::Fulfilled(value) => slots.push(("PromiseResult", Place::Value(value))),
        Promise::Rejected(value) => {
            slots.push(("PromiseResult", Place::Value(value)));
            slots.push(("PromiseIsHandled", Place::Boolean(heap.promise_is_handled(promise)?)));
        }
    }
    Ok(slots)
}

/// What waits for a promise.
fn reaction(reaction: &Reaction) -> Place {
    let fields = [
        ("awaitedBy", reaction.awaiting),
        ("onFulfilled", reaction.on_fulfilled),
        ("onRejected", reaction.on_rejected),
        ("promise", reaction.promise),
    ];
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Place::Value(value?))));
    Place::Record(there.collect())
}

fn generator_slots(heap: &Heap<'_>, object: HeapObject<'_>) -> v8_heap::Result<Slots> {
    let generator = heap.generator(object)?;
    let mut slots = vec![("GeneratorFunction", Place::Value(generator.function))];
    if let Some(suspension) = heap.suspension(object)? {
        slots.push(("GeneratorReceiver", Place::Value(suspension.receiver)));
        slots.push(("GeneratorLocation", location(heap, generator.function, &suspension)));
        if !suspension.variables.is_empty() {
            let variables = suspension.variables.iter().map(|variable| {
                let name = heap.name_text(variable.name).unwrap_or_default();
                (name, Place::of_variable(heap, variable.value))
            });
            slots.push(("GeneratorVariables", Place::Record(variables.collect())));
        }
        if !suspension.parameters.is_empty() {
            slots.push(("GeneratorParameters", values(suspension.parameters)));
        }
        // What V8 has not used yet, or no longer needs, says nothing; contexts are V8's own.
        let registers = suspension.registers.into_iter().enumerate().filter_map(|(index, value)| {
            let is_own = |value: &Value<'_>| {
                matches!(value, Value::Undefined | Value::Hole | Value::Marker | Value::Internal(_))
            };
            let is_used = value != object.value() && !heap.value(value).is_ok_and(|value| is_own(&value));
            is_used.then(|| (format!("r{index}"), Place::Value(value)))
        });
        let registers: Vec<_> = registers.collect();
        if !registers.is_empty() {
            slots.push(("GeneratorRegisters", Place::Record(registers)));
        }
    }
    if let Some(promise) = heap.async_function_promise(object) {
        slots.push(("AsyncFunctionPromise", Place::Value(promise)));
    }
    if let Some(requests) = heap.generator_requests(object)?
        && !requests.is_empty()
    {
        let requests = requests.iter().map(|request| {
            Place::Record(vec![
                (request.method.to_owned(), Place::Value(request.value)),
                ("promise".to_owned(), Place::Value(request.promise)),
            ])
        });
        slots.push(("AsyncGeneratorQueue", Place::List(requests.collect())));
    }
    Ok(slots)
}

/// Where a generator stopped: `"/srv/app.js:12:5"`.
fn location(heap: &Heap<'_>, function: Tagged, suspension: &Suspension) -> Place {
    let found =
        heap.object(function).and_then(|function| heap.shared_function_info(function)).map(|shared| {
            let of = heap.function_location(shared)?;
            let name = function::script_name(heap, &of.script);
            let place = suspension.position.and_then(|position| heap.script_location(&of.script, position));
            Some(match (place, of.place) {
                (Some(place), _) => format!("{name}:{}:{}", place.line, place.column),
                (None, Some(start)) => format!("{name}, somewhere in the function at line {}", start.line),
                (None, None) => name,
            })
        });
    match found {
        Ok(Some(text)) => Place::Text(text),
        Ok(None) => Place::Text("<no script>".to_owned()),
        Err(error) => Place::Unreadable(reasons(&error)),
    }
}

fn other_slots(heap: &Heap<'_>, object: HeapObject<'_>) -> v8_heap::Result<Slots> {
    let mut slots = iterator_slots(heap, object)?;
    if let Some(iterables) = heap.concatenated(object)? {
        slots.push(("Iterables", values(iterables)));
    }
    if let Some(cleanup) = heap.finalization_callback(object) {
        slots.push(("CleanupCallback", Place::Value(cleanup)));
        for (name, collected) in [("Cells", false), ("CellsOfCollected", true)] {
            let cells = heap.weak_cells(object, collected)?;
            if cells.is_empty() {
                continue;
            }
            let cells = cells.iter().rev().map(|cell| {
                let mut fields = vec![
                    ("target".to_owned(), Place::Value(cell.target)),
                    ("heldValue".to_owned(), Place::Value(cell.held_value)),
                ];
                if !matches!(heap.value(cell.token), Ok(Value::Undefined)) {
                    fields.push(("unregisterToken".to_owned(), Place::Value(cell.token)));
                }
                Place::Record(fields)
            });
            slots.push((name, Place::List(cells.collect())));
        }
    }
    if let Some(stack) = heap.disposable_stack(object)?
        && !stack.resources.is_empty()
    {
        let resources = stack.resources.iter().map(|(value, method)| {
            Place::Record(vec![
                ("value".to_owned(), Place::Value(*value)),
                ("method".to_owned(), Place::Value(*method)),
            ])
        });
        slots.push(("DisposeCapability", Place::List(resources.collect())));
    }
    if let Some(locale) = heap.intl_locale(object) {
        slots.push(("Locale", Place::Value(locale)));
    }
    if let Some(memory) = heap.wasm_memory(object)?
        && let Some(buffer) = memory.buffer
    {
        slots.push(("BufferObject", Place::Value(buffer)));
    }
    if let Some(table) = heap.wasm_table(object)? {
        slots.push(("Entries", values(table.entries)));
    }
    if let Some(global) = heap.wasm_global(object)? {
        slots.push((
            "Value",
            match global.value {
                WasmValue::I32(number) => Place::Number(f64::from(number)),
                WasmValue::I64(number) => Place::BigInt(format!("{number}n")),
                WasmValue::F32(number) => Place::Number(f64::from(number)),
                WasmValue::F64(number) => Place::Number(number),
                WasmValue::Reference(value) => Place::Value(value),
                WasmValue::Unknown => Place::Text("<unknown type>".to_owned()),
            },
        ));
    }
    if let Some((module, exports)) = heap.wasm_instance(object)? {
        slots.push(("Module", Place::Value(module)));
        slots.push(("Exports", Place::Value(exports)));
    }
    if let Some(url) = heap.wasm_module_url(object) {
        slots.push(("Url", Place::Value(url)));
    }
    Ok(slots)
}

/// The slots that are printed only when asked for.
pub(super) fn more_slots(heap: &Heap<'_>, object: HeapObject<'_>, style: &Style) -> v8_heap::Result<Slots> {
    let mut slots = Slots::new();
    if style.prototypes {
        slots.push(("Prototype", Place::Prototypes(object.map.prototype)));
    }
    if style.internals {
        slots.extend(internal_slots(heap, object)?);
    }
    Ok(slots)
}

/// What V8 and the embedder keep on an object for themselves, and what a class keeps for its instances.
fn internal_slots(heap: &Heap<'_>, object: HeapObject<'_>) -> v8_heap::Result<Slots> {
    let mut slots = Slots::new();
    let methods = heap.private_methods(object)?;
    if !methods.is_empty() {
        let methods = methods
            .into_iter()
            .map(|(name, value)| (heap.name_text(name).unwrap_or_default(), Place::of_property(heap, value)));
        slots.push(("PrivateMethods", Place::Record(methods.collect())));
    }
    let mut hidden: Vec<(String, Place)> = Vec::new();
    for property in heap.own_properties(object)? {
        if let Ok(Value::Symbol(symbol)) = heap.value(property.name)
            && matches!(heap.symbol_privacy(symbol), Ok(Privacy::Internal))
        {
            let name = heap.name_text(property.name).unwrap_or_default();
            hidden.push((name, Place::of_property(heap, property.value)));
        }
    }
    for (symbol, value) in heap.hidden_properties(object) {
        hidden.push((format!("private symbol {symbol}"), Place::Value(value)));
    }
    if !hidden.is_empty() {
        slots.push(("Hidden", Place::Record(hidden)));
    }
    let embedder = heap.embedder_fields(object)?;
    if let Some(wrappable) = embedder.wrappable {
        slots.push(("CppHeapWrappable", Place::Address(wrappable)));
    }
    if !embedder.fields.is_empty() {
        let fields = embedder.fields.iter().map(|word| embedder_field(heap, *word));
        slots.push(("EmbedderFields", Place::List(fields.collect())));
    }
    Ok(slots)
}

/// An embedder field: a value of V8's, or a native address.
fn embedder_field(heap: &Heap<'_>, word: u64) -> Place {
    if Tagged(word).smi().is_some_and(|smi| smi != 0) || heap.object(Tagged(word)).is_ok() {
        return Place::Value(Tagged(word));
    }
    Place::Address(word)
}

/// A slot by its name, whether it is printed or not.
pub(super) fn slot(heap: &Heap<'_>, object: HeapObject<'_>, name: &str) -> v8_heap::Result<Option<Place>> {
    if name == "Prototype" {
        return Ok(Some(Place::Value(object.map.prototype)));
    }
    if name == "PromiseIsHandled" && object.kind() == Kind::JsPromise {
        return Ok(Some(Place::Boolean(heap.promise_is_handled(object)?)));
    }
    let mut slots = slots(heap, object)?;
    slots.extend(internal_slots(heap, object)?);
    if let Some(at) = slots.iter().position(|(known, _)| *known == name) {
        return Ok(Some(slots.swap_remove(at).1));
    }
    Ok(match (name, object.kind()) {
        ("Entries", _) => entries(heap, object)?,
        _ => None,
    })
}

/// Keys and values of a Map, values of a Set, as programs see them in the debugger.
fn entries(heap: &Heap<'_>, object: HeapObject<'_>) -> v8_heap::Result<Option<Place>> {
    let mut found = Vec::new();
    let is_map = matches!(object.kind(), Kind::JsMap | Kind::JsWeakMap | Kind::JsMapIterator);
    let mut visit = |key: Tagged, value: Tagged| {
        let mut fields = Vec::new();
        if is_map {
            fields.push(("key".to_owned(), Place::Value(key)));
        }
        fields.push(("value".to_owned(), Place::Value(if is_map { value } else { key })));
        found.push(Place::Record(fields));
        true
    };
    match object.kind() {
        Kind::JsMap | Kind::JsSet | Kind::JsWeakMap | Kind::JsWeakSet => {
            heap.for_each_collection_entry(object, &mut visit)?;
        }
        Kind::JsMapIterator | Kind::JsSetIterator => {
            heap.for_each_remaining_entry(object, &mut visit)?;
        }
        _ => return Ok(None),
    }
    Ok(Some(Place::List(found)))
}

/// The stack trace of an error, if V8 computes it when it is asked for.
pub(super) fn error_stack(heap: &Heap<'_>, object: HeapObject<'_>) -> Option<Place> {
    if !matches!(object.kind(), Kind::JsError | Kind::JsObject | Kind::JsApiObject | Kind::JsOther) {
        return None;
    }
    let is_computed = match heap.own_property(object, "stack") {
        Ok(Some(PropertyValue::Data(_) | PropertyValue::Double(_))) => false,
        Ok(Some(_)) => true,
        // Otherwise a prototype has the accessor, or the program has deleted the property.
        _ => {
            object.kind() == Kind::JsError
                && matches!(
                    heap.inherited_property(object, "stack"),
                    Ok(Some(PropertyValue::Accessor { .. } | PropertyValue::Native))
                )
        }
    };
    if !is_computed {
        return None;
    }
    Some(match heap.error_stack(object)? {
        ErrorStack::Value(value) => Place::Value(value),
        ErrorStack::Captured(frames) => Place::Stack(heap.stack_text(object, &frames)),
    })
}

//! What stands in front of the braces of an object, and what the language keeps inside it without a name.
//!
//! Objects made by a literal or a class and arrays have no head. The others say what they are: `function parse`, `Map(3)`,
//! `/ab+c/gi`. What the language's specification keeps in an *internal slot* is printed like a property, under the name that the
//! specification gives the slot: `[[PromiseResult]]`.

use v8_heap::Tagged;
use v8_heap::layout::Kind;
use v8_heap::objects::generator::GeneratorState;
use v8_heap::objects::promise::Promise;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, PropertyValue};

use super::{Place, Printer, number};
use crate::error::DcmdError;
use crate::output::escape;

/// The internal slots of an object, by their names in the language's specification.
pub(super) type Slots = Vec<(&'static str, Place)>;

/// Names are printed up to this many characters.
const LONGEST_NAME: usize = 1 << 10;

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
            Kind::JsBoundFunction => {
                let target = heap.bound_function(object)?.target;
                match heap.value(target) {
                    Ok(Value::Object(target)) if target.kind() == Kind::JsFunction => {
                        format!("bound {}", function_head(heap, target)?)
                    }
                    _ => "bound function".to_owned(),
                }
            }
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
            Kind::JsTypedArray => {
                let view = heap.view(object)?;
                let size = view.element.map_or(1, |element| element.size());
                format!("{}({})", constructor(), view.byte_length / size)
            }
            Kind::JsArrayBuffer | Kind::JsDataView => {
                format!("{}({})", constructor(), heap.view(object)?.byte_length)
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
            Kind::JsOther => match heap.class_name(object.value()) {
                "JSStringIterator" => "String Iterator".to_owned(),
                "JSRegExpStringIterator" => "RegExp String Iterator".to_owned(),
                class => format!("<{class}>"),
            },
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

/// `function parse`, `class Session`
fn function_head(heap: &Heap<'_>, function: HeapObject<'_>) -> v8_heap::Result<String> {
    let noun = if heap.is_class(function)? { "class" } else { "function" };
    Ok(format!("{noun} {}", function_name(heap, function)?))
}

/// The name of a function: as the program set it, or from its declaration, or as the parser inferred it.
fn function_name(heap: &Heap<'_>, function: HeapObject<'_>) -> v8_heap::Result<String> {
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
        None => "<anonymous> (as <anon>)".to_owned(),
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
                ("BoundArguments", Place::List(heap.bound_arguments(&bound)?)),
            ]
        }
        Kind::JsWeakRef => vec![("WeakRefTarget", Place::Value(heap.weak_ref_target(object)?))],
        Kind::JsPromise => match heap.promise(object)? {
            Promise::Pending => Vec::new(),
            Promise::Fulfilled(value) | Promise::Rejected(value) => {
                vec![("PromiseResult", Place::Value(value))]
            }
        },
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
        Kind::JsArrayIterator | Kind::JsOther => heap
            .iterator_slots(object)?
            .into_iter()
            .map(|(name, value)| (name, Place::Value(value)))
            .collect(),
        _ => Vec::new(),
    })
}

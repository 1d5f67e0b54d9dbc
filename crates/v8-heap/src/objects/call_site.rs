//! Stack traces as text, for errors whose `stack` no program has read.
//!
//! The text is made when `stack` is first read, from the captured frames and from what the objects have become by then: the
//! error's name and message, the names under which receivers hold the functions. So what is given here is what a program would
//! get if it read `stack` at the moment of the core, unless it has an `Error.prepareStackTrace` of its own or source maps (V8:
//! `src/objects/call-site-info.cc`, `SerializeCallSiteInfo`; `src/execution/messages.cc`, `ErrorUtils::ToString`; Node.js:
//! `lib/internal/errors.js`, `defaultPrepareStackTrace`).

use crate::Tagged;
use crate::layout::{Kind, NamedReceivers};
use crate::objects::error::CallSite;
use crate::objects::properties::PropertyValue;
use crate::objects::script::{LineColumn, Script};
use crate::objects::shared_function_info::{FunctionCode, FunctionKind, SharedFunction};
use crate::objects::value::{HeapObject, Value};
use crate::view::View;

/// Longer strings are cut in a stack trace of ours.
const LONGEST_PART: usize = 1 << 16;
/// An `eval` in an `eval` in an `eval`: so many are named.
const DEEPEST_EVAL: usize = 8;
/// Longer prototype chains are taken for cycles.
const LONGEST_CHAIN: usize = 1000;

/// Text as UTF-16, which may hold what is no Unicode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackText {
    /// The code units.
    pub units: Vec<u16>,
    /// It lacks something: a position that V8 has not kept, a name that only a getter tells.
    pub is_incomplete: bool,
}

impl StackText {
    fn push(&mut self, text: &str) {
        self.units.extend(text.encode_utf16());
    }

    fn incomplete(&mut self, note: &str) {
        self.push(note);
        self.is_incomplete = true;
    }

    /// As text; surrogates without a partner become U+FFFD.
    pub fn to_text(&self) -> String {
        String::from_utf16_lossy(&self.units)
    }
}

/// What the names of a frame's method call are.
struct MethodCall {
    type_name: Option<String>,
    method: Option<String>,
}

impl View<'_> {
    /// The text of a captured stack trace.
    pub fn stack_text(&self, error: HeapObject<'_>, frames: &[CallSite]) -> StackText {
        let mut text = StackText::default();
        self.push_header(error, &mut text);
        for frame in frames {
            text.push("\n    at ");
            self.push_frame(frame, &mut text);
        }
        text
    }

    /// What V8 calls an error: `RangeError: out of bounds`, the first line of its stack trace.
    pub fn error_text(&self, error: HeapObject<'_>) -> StackText {
        let mut text = StackText::default();
        self.push_header(error, &mut text);
        text
    }

    /// One frame, as V8 writes it: `Server.accept (/srv/app.js:7:12)`.
    pub fn frame_text(&self, frame: &CallSite) -> StackText {
        let mut text = StackText::default();
        self.push_frame(frame, &mut text);
        text
    }

    /// What a frame's function is called, as V8 has it in stack traces, without what it is a method of.
    pub fn frame_name(&self, frame: &CallSite) -> Option<String> {
        let function = self.object(frame.function).ok()?;
        let shared = self.shared_of_frame(function)?;
        let script = shared.script.and_then(|script| self.script(script).ok());
        self.frame_function_name(function, script.as_ref())
    }

    /// The script that a frame is in, and where in its source, in code units; nothing if that is not known.
    pub fn frame_position(&self, frame: &CallSite) -> Option<(Script<'_>, u32)> {
        if frame.is_wasm || frame.is_builtin {
            return None;
        }
        let shared = self.shared_of_frame(self.object(frame.function).ok()?)?;
        let script = self.script(shared.script?).ok()?;
        Some((script, self.position_of(frame, shared.object)?))
    }

    fn shared_of_frame(&self, function: HeapObject<'_>) -> Option<SharedFunction<'_>> {
        // Of a closure that was never allocated only that is known.
        let shared = match function.kind() {
            Kind::SharedFunctionInfo => function,
            _ => self.shared_function_info(function).ok()?,
        };
        self.shared_function(shared).ok()
    }

    /// Where a frame is in the source of its script, in code units.
    fn position_of(&self, frame: &CallSite, shared: HeapObject<'_>) -> Option<u32> {
        if frame.is_position {
            Some(frame.offset)
        } else if frame.is_in_bytecode {
            self.source_position(shared, frame.offset).ok().flatten()
        } else {
            let bytecode = self.bytecode_array(shared).ok().flatten().map(|bytecode| bytecode.value());
            let offset = self.baseline_offset(frame.code, bytecode, frame.offset).ok().flatten();
            offset.and_then(|offset| self.source_position(shared, offset).ok().flatten())
        }
    }

    /// `RangeError: out of bounds`
    fn push_header(&self, error: HeapObject<'_>, text: &mut StackText) {
        let mut part = |name: &str, otherwise: &str| -> StackText {
            let mut part = StackText::default();
            match self.inherited_property(error, name) {
                Ok(None) => part.push(otherwise),
                Ok(Some(PropertyValue::Data(value))) => match self.value(value) {
                    Ok(Value::Undefined) => part.push(otherwise),
                    Ok(Value::String(_)) => self.push_string(value, &mut part),
                    Ok(Value::Smi(number)) => part.push(&number.to_string()),
                    Ok(Value::Boolean(truth)) => part.push(&truth.to_string()),
                    Ok(Value::Null) => part.push("null"),
                    _ => part.incomplete(&format!("<{name} is no string>")),
                },
                Ok(Some(_)) => part.incomplete(&format!("<{name} is computed>")),
                Err(_) => part.incomplete(&format!("<{name} cannot be read>")),
            }
            text.is_incomplete |= part.is_incomplete;
            part
        };
        let mut name = part("name", "Error");
        let message = part("message", "");
        // Errors of Node.js itself show their code, too.
        let node_error = matches!(self.inherited_property(error, "Symbol(kIsNodeError)"), Ok(Some(_)));
        if node_error {
            let code = part("code", "undefined");
            name.push(" [");
            name.units.extend(code.units);
            name.push("]");
        }
        match (name.units.is_empty(), message.units.is_empty()) {
            (true, _) => text.units.extend(message.units),
            (false, true) if !node_error => text.units.extend(name.units),
            (false, _) => {
                text.units.extend(name.units);
                text.push(": ");
                text.units.extend(message.units);
            }
        }
    }

    fn push_string(&self, value: Tagged, text: &mut StackText) {
        match self.string(value, LONGEST_PART) {
            Ok(string) => {
                match &string.units {
                    crate::code_units::Units::OneByte(units) => {
                        text.units.extend(units.iter().map(|unit| u16::from(*unit)));
                    }
                    crate::code_units::Units::TwoByte(units) => text.units.extend(units),
                }
                if string.is_cut() {
                    text.incomplete("...");
                }
            }
            Err(_) => text.incomplete("<cannot be read>"),
        }
    }

    fn push_frame(&self, frame: &CallSite, text: &mut StackText) {
        if frame.is_async {
            text.push("async ");
        }
        if frame.is_wasm {
            let index = frame.function.smi().unwrap_or(0);
            return text.incomplete(&format!("wasm-function[{index}] (<WebAssembly>)"));
        }
        if frame.is_builtin {
            let number = frame.function.smi().unwrap_or(0);
            return text.incomplete(&format!("<builtin {number} of V8> (<anonymous>)"));
        }
        let read = self.object(frame.function).ok();
        let read = read.and_then(|function| Some((function, self.shared_of_frame(function)?)));
        let Some((function, shared)) = read else { return text.incomplete("<function cannot be read>") };
        let script = shared.script.and_then(|script| self.script(script).ok());
        let is_builtin = matches!(shared.code, FunctionCode::Builtin(_)) && script.is_none();
        let name = self.frame_function_name(function, script.as_ref());
        if frame.is_async && is_builtin {
            text.push("Promise.");
            text.push(name.as_deref().unwrap_or("<anonymous>"));
            return text.push(&format!(" (index {})", frame.offset));
        }
        let place = |text: &mut StackText| {
            let position = if is_builtin { None } else { self.position_of(frame, shared.object) };
            self.push_place(script.as_ref(), position, shared.object, text);
        };
        let receiver = self.value(frame.receiver);
        let is_top_level = match &receiver {
            Ok(Value::Undefined | Value::Null) => true,
            Ok(Value::Object(object)) => object.kind() == Kind::JsGlobalProxy,
            _ => false,
        };
        if frame.is_constructor {
            text.push("new ");
            text.push(name.as_deref().unwrap_or("<anonymous>"));
        } else if !is_top_level {
            self.push_method_call(frame, function, shared.kind, name.as_deref(), text);
        } else if let Some(name) = &name {
            text.push(name);
        } else {
            return place(text);
        }
        text.push(" (");
        place(text);
        text.push(")");
    }

    /// `JSFunction::GetDebugName`, for a frame.
    fn frame_function_name(&self, function: HeapObject<'_>, script: Option<&Script<'_>>) -> Option<String> {
        let name = self.function_debug_name(function);
        name.or_else(|| script.is_some_and(|script| script.is_eval).then(|| "eval".to_owned()))
    }

    /// The name that a program gave a function, else that of its declaration, else what the parser inferred.
    fn function_debug_name(&self, function: HeapObject<'_>) -> Option<String> {
        let is_closure = function.kind() != Kind::SharedFunctionInfo;
        if is_closure
            && let Ok(Some(PropertyValue::Data(name))) = self.own_property(function, "name")
            && self.is_string(name)
        {
            return self.part(name).filter(|name| !name.is_empty());
        }
        let shared = if is_closure { self.shared_function_info(function).ok()? } else { function };
        match self.shared_function(shared).ok()?.kind {
            FunctionKind::FieldInitializer => Some("<instance_members_initializer>".to_owned()),
            FunctionKind::StaticInitializer => Some("<static_initializer>".to_owned()),
            _ => match self.shared_name(shared).ok()? {
                Some(name) => self.part(name),
                None => self.part(self.shared_inferred_name(shared).ok()??),
            },
        }
    }

    fn part(&self, value: Tagged) -> Option<String> {
        Some(self.string(value, LONGEST_PART).ok()?.to_text())
    }

    fn push_method_call(
        &self,
        frame: &CallSite,
        function: HeapObject<'_>,
        kind: FunctionKind,
        name: Option<&str>,
        text: &mut StackText,
    ) {
        let call = self.method_call(frame.receiver, function, kind);
        let type_name = call.type_name.filter(|name| !name.is_empty());
        let Some(name) = name else {
            if let Some(type_name) = type_name {
                text.push(&type_name);
                text.push(".");
            }
            return text.push(call.method.as_deref().unwrap_or("<anonymous>"));
        };
        let any_name = self.layout().facts.stack_traces_put_types_before_any_name;
        if let Some(type_name) = type_name
            && (if any_name {
                !name.starts_with(&type_name)
            } else {
                is_identifier(name) && name != type_name
            })
        {
            text.push(&type_name);
            text.push(".");
        }
        text.push(name);
        let ends = |method: &str| {
            let before = name.strip_suffix(method);
            before.is_some_and(|before| {
                before.is_empty()
                    || before.ends_with('.')
                    || self.layout().facts.stack_traces_end_names_at_blanks && before.ends_with(' ')
            })
        };
        if let Some(method) = call.method.filter(|method| !ends(method)) {
            text.push(&format!(" [as {method}]"));
        }
    }

    fn method_call(&self, receiver: Tagged, function: HeapObject<'_>, kind: FunctionKind) -> MethodCall {
        let only_type = |name: &str| MethodCall { type_name: Some(name.to_owned()), method: None };
        if let Some(name) = self.type_by_map(receiver) {
            return only_type(&name);
        }
        let receiver = match self.value(receiver) {
            Ok(Value::Object(receiver)) => receiver,
            Ok(Value::Smi(_) | Value::Double(_)) => return only_type("Number"),
            Ok(Value::String(_)) => return only_type("String"),
            Ok(Value::Boolean(_)) => return only_type("Boolean"),
            Ok(Value::Symbol(_)) => return only_type("Symbol"),
            Ok(Value::BigInt(_)) => return only_type("BigInt"),
            _ => return MethodCall { type_name: None, method: None },
        };
        let is_initializer = matches!(kind, FunctionKind::FieldInitializer | FunctionKind::StaticInitializer);
        let method = if is_initializer { None } else { self.method_name(receiver, function) };
        MethodCall { type_name: Some(self.receiver_type(receiver)), method }
    }

    /// The constructor's name for an object that was never allocated, in whose place is its map.
    fn type_by_map(&self, map: Tagged) -> Option<String> {
        let address = self.object(map).ok().filter(|object| object.kind() == Kind::Map)?.address;
        let (map_id, map) = self.map_of(map)?;
        // Of this only the map is read.
        let constructor = self.constructor_function(HeapObject { address, map_id, map })?;
        self.function_debug_name(self.object(constructor).ok()?)
    }

    /// `CallSiteInfo::GetTypeName`
    fn receiver_type(&self, receiver: HeapObject<'_>) -> String {
        if receiver.kind() == Kind::JsFunction {
            let by_name = match self.layout().facts.stack_traces_name {
                NamedReceivers::None => false,
                NamedReceivers::Classes => self.is_class(receiver).unwrap_or(false),
                NamedReceivers::Functions => true,
            };
            if let Some(name) = by_name.then(|| self.function_debug_name(receiver)).flatten() {
                return name;
            }
        }
        self.name(self.constructor_name(receiver)).to_owned()
    }

    /// `CallSiteInfo::GetMethodName`: the name under which the receiver has the function.
    fn method_name(&self, receiver: HeapObject<'_>, function: HeapObject<'_>) -> Option<String> {
        let shared = match function.kind() {
            Kind::SharedFunctionInfo => function,
            _ => self.shared_function_info(function).ok()?,
        };
        let declared = self.shared_name(shared).ok()?.and_then(|name| self.part(name));
        let name = match declared {
            Some(name) => {
                let bare = name.strip_prefix("get ").or_else(|| name.strip_prefix("set "));
                bare.map(str::to_owned).unwrap_or(name)
            }
            None => {
                let inferred = self.shared_inferred_name(shared).ok()?.and_then(|name| self.part(name));
                inferred.map_or_else(String::new, |name| name.rsplit('.').next().unwrap_or("").to_owned())
            }
        };
        let is_it = |value: &PropertyValue| match value {
            PropertyValue::Data(value) => *value == function.value(),
            PropertyValue::Accessor { getter, setter } => {
                *getter == function.value() || *setter == function.value()
            }
            _ => false,
        };
        if !name.is_empty()
            && self.inherited_property(receiver, &name).ok()?.is_some_and(|found| is_it(&found))
        {
            return Some(name);
        }
        // The only name of all that lead to it.
        let mut found: Option<Tagged> = None;
        let mut address = receiver.address;
        for _ in 0..LONGEST_CHAIN {
            let current = self.object(Tagged::pointer(address)).ok()?;
            if current.kind() == Kind::JsProxy {
                break;
            }
            for property in self.own_properties(current).ok()? {
                let is_symbol = matches!(self.value(property.name), Ok(Value::Symbol(_)));
                if is_symbol || !property.enumerable || !is_it(&property.value) {
                    continue;
                }
                if found.is_some_and(|found| found != property.name) {
                    return None;
                }
                found = Some(property.name);
            }
            match self.value(current.map.prototype) {
                Ok(Value::Object(prototype)) => address = prototype.address,
                _ => break,
            }
        }
        self.part(found?)
    }

    /// `/srv/app.js:7:12`
    fn push_place(
        &self,
        script: Option<&Script<'_>>,
        position: Option<u32>,
        shared: HeapObject<'_>,
        text: &mut StackText,
    ) {
        let Some(script) = script else { return text.push("<anonymous>") };
        let name = script.source_url.or(script.name);
        if name.is_none() && script.is_eval {
            self.push_eval_origin(script, text, DEEPEST_EVAL);
            text.push(", ");
        }
        match name {
            Some(name) => self.push_string(name, text),
            None => text.push("<anonymous>"),
        }
        match position.and_then(|position| self.script_location(script, position)) {
            Some(LineColumn { line, column }) => {
                // A comment that names the script says that it stands alone.
                let named = script.source_url.is_some();
                let line_offset = if named { i64::from(script.line_offset) } else { 0 };
                let in_first = i64::from(line) == i64::from(script.line_offset) + 1;
                let column_offset = if named && in_first { i64::from(script.column_offset) } else { 0 };
                text.push(&format!(
                    ":{}:{}",
                    i64::from(line) - line_offset,
                    i64::from(column) - column_offset
                ));
            }
            // V8 makes the table of positions when it needs it, and not all machine code can be followed.
            None => match self.function_location(shared).and_then(|location| location.place) {
                Some(start) => {
                    text.incomplete(&format!(", somewhere in the function at line {}", start.line));
                }
                None => text.incomplete(", position unknown"),
            },
        }
    }

    /// `eval at load (/srv/app.js:7:12)`
    fn push_eval_origin(&self, script: &Script<'_>, text: &mut StackText, levels: usize) {
        if let Some(name) = script.source_url.or(script.name) {
            return self.push_string(name, text);
        }
        text.push("eval at ");
        let caller = script.eval_from.and_then(|caller| self.object(caller).ok());
        let Some(caller) = caller else { return text.push("<anonymous>") };
        let name = match self.shared_name(caller) {
            Ok(None) => self.shared_inferred_name(caller),
            named => named,
        };
        match name.ok().flatten().and_then(|name| self.part(name)) {
            Some(name) => text.push(&name),
            None => text.push("<anonymous>"),
        }
        let of = self.shared_function(caller).ok().and_then(|caller| self.script(caller.script?).ok());
        let Some(of) = of else { return };
        text.push(" (");
        if of.is_eval && levels > 0 {
            self.push_eval_origin(&of, text, levels - 1);
        } else if let Some(name) = of.name {
            self.push_string(name, text);
            let place = script.eval_position.and_then(|position| self.bare_location(&of, position));
            match place {
                Some((line, column)) => text.push(&format!(":{line}:{column}")),
                None => text.incomplete(", position unknown"),
            }
        } else {
            text.push("unknown source");
        }
        text.push(")");
    }

    /// Line and column, from 1, without the offsets of the script.
    fn bare_location(&self, script: &Script<'_>, position: u32) -> Option<(u32, u32)> {
        let (line, column) = self.script_lines(script).ok()?.place(position)?;
        Some((line + 1, column + 1))
    }
}

/// `String::IsIdentifier`, as far as the letters of programs go.
fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let starts = |c: char| c.is_alphabetic() || matches!(c, '_' | '$');
    chars.next().is_some_and(starts)
        && chars.all(|c| starts(c) || c.is_numeric() || matches!(c, '\u{200c}' | '\u{200d}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_methods_are_identifiers_or_are_not() {
        assert!(is_identifier("ship"));
        assert!(is_identifier("$_1"));
        assert!(is_identifier("größe"));
        for name in ["", "1st", "get total", "Order.ship", "#secret", "<static_initializer>"] {
            assert!(!is_identifier(name), "{name}");
        }
    }
}

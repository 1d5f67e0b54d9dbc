//! The stack of a thread as V8 reads it, and its functions as text.

use std::io::Write;

use core_reader::Stack;
use v8_heap::objects::context::Scope;
use v8_heap::objects::frame::{FrameValue, JavaScriptFrame, JavaScriptStack, PhysicalFrame};
use v8_heap::objects::local_names::RegisterName;
use v8_heap::objects::shared_function_info::FunctionKind;
use v8_heap::{Heap, Tagged};

use crate::answers::summary::summary;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::function::{definition_name, origin, subject};
use crate::print::{Place, Printer, Style};

/// The JavaScript on a stack; its frames have the same numbers.
pub(crate) fn javascript_stack<'h>(heap: &'h Heap<'static>, stack: &Stack) -> JavaScriptStack<'h, 'static> {
    let frames = stack.frames.iter().map(|frame| PhysicalFrame {
        pointer: frame.frame_pointer.map(|pointer| pointer.0),
        instruction: frame.instruction.0,
        is_interrupted: frame.interrupted,
    });
    heap.javascript_stack(frames.collect())
}

/// `Order.total (/srv/app.js:2:96)`; a place that is near the right one says so. Not escaped.
pub(crate) fn text_of(heap: &Heap<'_>, frame: &JavaScriptFrame) -> String {
    if let Some(wasm) = &frame.wasm {
        return wasm.to_string();
    }
    let Some(site) = &frame.site else { return defined(heap, frame.function) };
    let text = heap.frame_text(site).to_text();
    if frame.is_exact { text } else { format!("{text}, approximate") }
}

/// `spin, place unknown (defined at /srv/app.js line 2)`
fn defined(heap: &Heap<'_>, function: Tagged) -> String {
    match subject(heap, function) {
        Ok(found) => {
            let name = definition_name(heap, &found.shared);
            format!("{name}, place unknown (defined at {})", origin(heap, &found.shared))
        }
        Err(_) => "(a function that cannot be read)".to_owned(),
    }
}

/// What can be printed of a value of a frame; else why not.
pub(crate) fn place_of(value: &FrameValue) -> Result<Place, &'static str> {
    Ok(match value {
        FrameValue::Value(value) => Place::Value(*value),
        FrameValue::Number(number) => Place::Number(*number),
        FrameValue::Boolean(truth) => Place::Boolean(*truth),
        FrameValue::BigInt(number) => Place::BigInt(format!("{number}n")),
        FrameValue::Unallocated(_) | FrameValue::Again(_) => {
            return Err("an object that was never allocated");
        }
        FrameValue::OptimizedOut => return Err("optimized away"),
        FrameValue::Unknown => return Err("unknown"),
    })
}

/// The scopes that a call has made contexts for, innermost first.
pub(crate) fn own_scopes<'h>(heap: &'h Heap<'static>, frame: &JavaScriptFrame) -> Vec<Scope<'h>> {
    let own = || {
        let context = heap.object(frame.context.tagged()?).ok()?;
        let outer = heap.closure_context(heap.object(frame.function).ok()?).ok()?;
        let chain = heap.context_chain(context);
        let end = chain.iter().position(|context| context.address == outer.address)?;
        // The context of a module is made before its code is called.
        let is_module =
            subject(heap, frame.function).is_ok_and(|own| own.shared.kind == FunctionKind::Module);
        let end = end + usize::from(is_module);
        Some(chain[..end].iter().filter_map(|context| heap.scope(*context).ok()).collect())
    };
    own().unwrap_or_default()
}

/// The names that the source gives the first parameters of a function, up to the first that is no plain name: a pattern, a default, a rest.
pub(crate) fn parameter_names(heap: &Heap<'static>, frame: &JavaScriptFrame) -> Vec<String> {
    /// Longer lists are cut, in code units.
    const LONGEST: u32 = 1 << 12;
    let list = || {
        let shared = subject(heap, frame.function).ok()?.shared;
        let range = heap.shared_range(&shared).ok()??;
        let script = heap.script(shared.script?).ok()?;
        let end = range.end.min(range.start.saturating_add(LONGEST));
        let units = heap.script_text(&script, range.start, end).ok()?;
        Some(String::from_utf16_lossy(&units))
    };
    list().map_or_else(Vec::new, |text| plain_names(&text))
}

/// `a, b` of `(a, b, { c }) {`, and `a` of `a => {`.
fn plain_names(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let is_name = |word: &str| {
        !word.is_empty() && word.chars().all(is_part) && !word.starts_with(|c: char| c.is_ascii_digit())
    };
    let Some(inside) = text.strip_prefix('(') else {
        let word = text.split("=>").next().unwrap_or_default().trim();
        return if text.contains("=>") && is_name(word) { vec![word.to_owned()] } else { Vec::new() };
    };
    let mut names: Vec<String> = Vec::new();
    for piece in inside.split_inclusive([',', ')']) {
        let Some(end) = piece.chars().last().filter(|end| matches!(end, ',' | ')')) else { break };
        let word = piece.trim_end_matches(end).trim();
        if !is_name(word) {
            break;
        }
        // A name that comes twice is that of the last.
        if let Some(first) = names.iter().position(|other| other == word) {
            names.truncate(first);
            break;
        }
        names.push(word.to_owned());
        if end == ')' {
            break;
        }
    }
    names
}

/// What is known of a value: what can be printed of it, else why not.
pub(crate) type Known = Result<Place, &'static str>;

/// What the registers of a call hold: variables by name, and by number intermediate results and whatever else has no name at the place
/// of the call.
pub(crate) fn registers(heap: &Heap<'static>, frame: &JavaScriptFrame) -> Vec<(String, Known)> {
    let names = heap.register_names(frame);
    let registers = frame.registers.iter().flatten().enumerate();
    let one = |(index, value): (usize, &FrameValue)| match names.get(index).and_then(Option::as_ref) {
        Some(RegisterName { name, has_value: true }) => (name.clone(), place_of(value)),
        Some(RegisterName { name, .. }) => (name.clone(), Ok(Place::Uninitialized)),
        None => (format!("r{index}"), place_of(value)),
    };
    registers.map(one).collect()
}

/// Prints `this`, arguments, registers and captured variables of a frame, a line each.
///
/// # Errors
/// Those of the output.
pub(crate) fn print_values(
    context: &Context,
    heap: &Heap<'static>,
    frame: &JavaScriptFrame,
    out: &mut dyn Write,
) -> Result<(), DcmdError> {
    let check = || context.check_interrupt();
    let style = Style { depth: 0, ..Style::default() };
    let mut line = |name: &str, value: Known| -> Result<(), DcmdError> {
        write!(out, "{:20} {name}: ", "")?;
        match value {
            // What it is, with its address: `2b1e00e00321 (JSObject: Server)`.
            Ok(Place::Value(value)) if value.smi().is_none() => {
                write!(out, "{value} ({})", summary(heap, value))?
            }
            Ok(place) => Printer::new(heap, style, out, &check).print(&place)?,
            Err(why) => write!(out, "{why}")?,
        }
        Ok(writeln!(out)?)
    };
    line("this", place_of(&frame.receiver))?;
    for (index, value) in frame.arguments.iter().enumerate() {
        let is_missing = frame.passed.is_some_and(|passed| index >= passed);
        let name = format!("arg{index}{}", if is_missing { " (not passed)" } else { "" });
        line(&name, place_of(value))?;
    }
    for (name, value) in registers(heap, frame) {
        line(&escape(&name), value)?;
    }
    for scope in own_scopes(heap, frame) {
        for variable in &scope.variables {
            let name = heap.name_text(variable.name).unwrap_or_default();
            line(&escape(&name), Ok(Place::of_variable(heap, variable.value)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_their_names_up_to_the_first_that_is_no_name() {
        assert_eq!(plain_names("(order, id) {\n return order(a, b) }"), ["order", "id"]);
        assert_eq!(plain_names("(order, { id }, other) {}"), ["order"]);
        assert_eq!(plain_names("(first, second = first, third) {}"), ["first"]);
        assert_eq!(plain_names("(first, ...rest) {}"), ["first"]);
        assert_eq!(plain_names("($next) => 1"), ["$next"]);
        assert_eq!(plain_names("line => line.price"), ["line"]);
        assert_eq!(plain_names("(/* nothing */) {}"), [""; 0]);
        assert_eq!(plain_names("() {}"), [""; 0]);
        assert_eq!(plain_names("(a /* b, c */, d) {}"), [""; 0]);
        assert_eq!(plain_names("(first, a, a) {}"), ["first"]);
        assert_eq!(plain_names("{ return 1 }"), [""; 0]);
    }
}

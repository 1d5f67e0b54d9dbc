//! Why a process ended, as far as the stack of the thread that ended it says: an exception that nobody caught, no memory left, a call of
//! its own.
//!
//! V8 makes a message object when it is about to report an exception, and a handle on the stack holds it; functions of V8 and Node.js
//! whose names are known are on the stack when no memory is left, with the words that they print. A check that failed has left there what
//! it says: V8 puts its message between two marks, for debuggers (V8: `src/base/logging.cc`, `FailureMessage`), and Node.js has three
//! texts of each of its assertions (Node.js: `src/util.h`, `AssertionInfo`). What is not found is not guessed.

use core_reader::{Address, Core, Memory};
use v8_heap::graph::RootKind;
use v8_heap::index::ObjectId;
use v8_heap::layout::Kind;
use v8_heap::objects::properties::PropertyValue;
use v8_heap::objects::shared_function_info::FunctionCode;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use crate::answers::javascript_stack::javascript_stack;
use crate::context::Context;
use crate::output::escape;
use crate::print::{Place, Printer, Style, function};

/// Words of the stack that are looked at, from its top on.
const MOST_WORDS: u64 = 4096;
/// Frames in which the functions that end a process are sought.
const MOST_FRAMES: usize = 16;
/// Longer texts are cut.
const LONGEST: usize = 200;
/// Texts of V8 and Node.js that are longer are not taken for such, in bytes.
const LONGEST_SAID: usize = 1 << 10;
/// Longer messages of exceptions are cut, in code units.
const LONGEST_TEXT: usize = 1 << 14;
/// Parts of the names of functions that are on the stack only if there is no memory left.
const OUT_OF_MEMORY: [&str; 3] = ["OOMErrorHandler", "ReportOOMFailure", "FatalProcessOutOfMemory"];
/// The function that is on the stack only if V8 is about to end on an exception that nobody catches.
const ABOUT_TO_REPORT: [&str; 1] = ["CreateMessageOrAbort"];
/// What V8 says then has one of these in it: where it gave up (V8: callers of `Heap::FatalProcessOutOfMemory`).
const WORDS_OF_IT: [&str; 7] = [
    "heap limit",
    "llocation failed",
    "out of memory",
    "CALL_AND_RETRY",
    "invalid array length",
    "invalid table size",
    "semi space",
];

/// Why a process ended.
#[derive(Debug)]
pub enum Ending {
    /// An exception that nobody caught.
    Exception {
        /// What was thrown.
        thrown: Tagged,
        /// The same as text, as V8 prints it: `TypeError: x is not a function`. Escaped.
        text: String,
        /// Where, with the line of the source: `app.js:2: total() { return this.lines.length; }`. Escaped.
        place: Option<String>,
    },
    /// No memory was left.
    OutOfMemory {
        /// What V8 said: `Reached heap limit`. Escaped.
        text: Option<String>,
    },
    /// It ended itself, or a check of its own failed: `process.abort()`. Escaped.
    Itself {
        /// What it called, or which check it was, as it was printed if that is known.
        text: String,
        /// Where that check is: `void node::fs::Open(...) at ../src/node_file.cc:2112`. Escaped.
        place: Option<String>,
    },
}

/// Functions that are on the stack only if the process ends itself, and what that is called.
const ENDS_ITSELF: [(&str, &str); 6] = [
    ("node::Abort(v8::FunctionCallbackInfo", "process.abort()"),
    ("node::Kill(v8::FunctionCallbackInfo", "a signal that it sent itself: process.kill()"),
    ("node::ReallyExit(v8::FunctionCallbackInfo", "process.exit()"),
    (ASSERTION, "an assertion of Node.js that failed"),
    ("node::OnFatalError(", "a fatal error that V8 reported"),
    (CHECK, "a check of V8 that failed"),
];
const ASSERTION: &str = "node::Assert(";
const CHECK: &str = "V8_Fatal(";
/// What stands before and behind the message of a check that failed: `FailureMessage::kStartMarker`, `kEndMarker`.
const MARKS: [u64; 2] = [0xdecade10, 0xdecade11];
/// Bytes between them: `kMessageBufferSize`.
const FAILURE_MESSAGE: u64 = 512;
/// The function that has an exception for its argument which nobody has caught.
const TRIGGERS: [&str; 1] = ["node::errors::TriggerUncaughtException("];
/// What Node.js adds to what V8 says.
const MESSAGE: &str = "Allocation failed - ";

/// Why the process ended; nothing if no signal ended it, or if its stack does not say.
pub fn ending(context: &Context) -> Option<Ending> {
    let core = context.target().ok()?.core();
    core.signal()?;
    let heap = context.heap().ok()?;
    if is_in(context, core, &OUT_OF_MEMORY) {
        return Some(Ending::OutOfMemory { text: words_of_it(core) });
    }
    if is_in(context, core, &TRIGGERS)
        && let Some(exception) = triggered(context, core, heap)
    {
        return Some(exception);
    }
    if !is_in(context, core, &ABOUT_TO_REPORT) {
        let found = ENDS_ITSELF.iter().find(|(function, _)| is_in(context, core, &[function]));
        return found.map(|(function, what)| {
            let said = match *function {
                ASSERTION => assertion(core),
                CHECK => failed_check(core).map(|text| (text, None)),
                _ => None,
            };
            let (text, place) = said.unwrap_or_else(|| {
                let caller = called_by(context, core, function)
                    .filter(|_| !function.contains("FunctionCallbackInfo"))
                    .map_or(String::new(), |caller| format!(", in {}", escape(&caller)));
                (format!("{what}{caller}"), None)
            });
            Ending::Itself { text, place }
        });
    }
    let monitor = context.progress();
    let table = heap.objects(&monitor).ok()?;
    let handles = heap.roots(&monitor).ok()?.all().iter().filter(|root| root.kind == RootKind::HandleScope);
    let mut messages = handles.filter_map(|root| {
        let word = Tagged::pointer(table.address_of(ObjectId(root.target))?);
        (heap.class_name(word) == "JSMessageObject").then_some((root.at, word))
    });
    // There is one, unless native code reports an exception while it handles another: the newest handle is this one's.
    let first = messages.next()?;
    let (_, message) = messages.fold(first, |newest, other| if other.0 > newest.0 { other } else { newest });
    drop(monitor);
    let thrown = heap.thrown(message).ok()?;
    Some(Ending::Exception {
        thrown: thrown.exception,
        text: text_of(context, heap, thrown.exception),
        place: place_of(heap, &thrown),
    })
}

/// The exception that Node.js ends on: the first argument of the function that JavaScript has called for it.
fn triggered(context: &Context, core: &'static Core, heap: &Heap<'static>) -> Option<Ending> {
    let stack = context.stack_of(core.threads().first()?, MOST_FRAMES).ok()?;
    let javascript = javascript_stack(heap, &stack);
    let frames = (0..stack.frames.len()).map(|index| javascript.functions(index));
    let innermost = frames.into_iter().find(|functions| !functions.is_empty())?;
    let thrown = innermost.first()?.arguments.first()?.tagged()?;
    Some(Ending::Exception { thrown, text: text_of(context, heap, thrown), place: None })
}

/// The function that has called one of these.
fn called_by(context: &Context, core: &'static Core, function: &str) -> Option<String> {
    let stack = context.stack_of(core.threads().first()?, MOST_FRAMES).ok()?;
    let name =
        |frame: &core_reader::Frame| context.symbolic_from(frame.lookup_address().0, frame.instruction.0);
    let mut names = stack
        .frames
        .iter()
        .map(name)
        .skip_while(|name| !name.as_ref().is_some_and(|name| name.contains(function)));
    names.nth(1)?
}

/// The words that Node.js prints when no memory is left, if both parts are on the stack: what V8 says, and what Node.js adds.
pub fn fatal_error(core: &'static Core) -> Option<String> {
    let location = words_of_it(core)?;
    let message =
        words_of_stack(core).filter_map(|word| text_at(core, word)).find(|text| text.starts_with(MESSAGE));
    Some(match message {
        Some(message) => format!("FATAL ERROR: {location} {}", escape(message.trim())),
        None => format!("FATAL ERROR: {location}"),
    })
}

/// What V8 says of a check that failed: `Check failed: index < length.`, which lies on the stack between two marks. Escaped.
fn failed_check(core: &'static Core) -> Option<String> {
    let top = core.threads().first()?.stack_pointer().0;
    let at = (0..).zip(words_of_stack(core)).find_map(|(index, word)| {
        let message = top.checked_add(8 * (index + 1))?;
        let end = number_at(core, message.checked_add(FAILURE_MESSAGE)?);
        (word == MARKS[0] && end == Some(MARKS[1])).then_some(message)
    })?;
    let mut bytes = [0; FAILURE_MESSAGE as usize];
    core.memory().read_into(Address(at), &mut bytes).ok()?;
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = escape(String::from_utf8_lossy(text).trim()).into_owned();
    (!text.is_empty()).then_some(text)
}

/// What Node.js says of an assertion that failed, and where that is. A word of the stack points to the three texts that make it up: file
/// and line, condition, function. Escaped.
fn assertion(core: &'static Core) -> Option<(String, Option<String>)> {
    words_of_stack(core).find_map(|word| {
        let text = |index: u64| text_at(core, number_at(core, word.checked_add(8 * index)?)?);
        let (place, condition, function) = (text(0)?, text(1)?, text(2)?);
        let (file, line) = place.rsplit_once(':')?;
        let is_one = !line.is_empty()
            && line.bytes().all(|digit| digit.is_ascii_digit())
            && file.contains('.')
            && !condition.is_empty()
            && function.contains('(');
        is_one.then(|| {
            let place = format!("{} at {}", escape(function), escape(place));
            (format!("Assertion failed: {}", escape(condition)), Some(place))
        })
    })
}

/// The words of the stack of the thread that ended the process, those of the innermost function first.
fn words_of_stack(core: &'static Core) -> impl Iterator<Item = u64> {
    let top = core.threads().first().map_or(0, |thread| thread.stack_pointer().0);
    let places = (0..MOST_WORDS).map_while(move |index| top.checked_add(8 * index));
    places.map_while(move |at| number_at(core, at))
}

fn number_at(core: &Core, address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    core.memory().read_into(Address(address), &mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// Whether one of these functions is on the stack of the thread that ended the process.
fn is_in(context: &Context, core: &'static Core, functions: &[&str]) -> bool {
    let Some(thread) = core.threads().first() else { return false };
    let Ok(stack) = context.stack_of(thread, MOST_FRAMES) else { return false };
    stack.frames.iter().any(|frame| {
        let name = context.symbolic_from(frame.lookup_address().0, frame.instruction.0);
        name.is_some_and(|name| functions.iter().any(|part| name.contains(part)))
    })
}

/// The first text to which the stack points that says so.
fn words_of_it(core: &'static Core) -> Option<String> {
    words_with_place(core).map(|(_, text)| text)
}

/// Where the memory is, outside of the heap and the stacks, that says why a process ended.
pub fn essential_memory(core: &'static Core) -> Option<(u64, u64)> {
    words_with_place(core).map(|(at, text)| (at, at.saturating_add(text.len() as u64 + 1)))
}

fn words_with_place(core: &'static Core) -> Option<(u64, String)> {
    words_of_stack(core).find_map(|word| {
        let text = text_at(core, word)?;
        let is_it = WORDS_OF_IT.iter().any(|part| text.contains(part)) && !text.starts_with(MESSAGE);
        is_it.then(|| (word, escape(text.trim()).into_owned()))
    })
}

/// The text at an address that ends with a zero.
fn text_at(core: &'static Core, address: u64) -> Option<&'static str> {
    let bytes = core.memory().bytes_from(Address(address)).ok()?;
    let bytes = &bytes[..bytes.len().min(LONGEST_SAID)];
    std::str::from_utf8(&bytes[..bytes.iter().position(|byte| *byte == 0)?]).ok()
}

/// What was thrown, as V8 prints it: an error's name and message, a string as it is, the constructor of another object (V8:
/// `Object::NoSideEffectsToString`). What V8 would call a function of the program for is shown as `::jsprint` shows it.
fn text_of(context: &Context, heap: &Heap<'static>, thrown: Tagged) -> String {
    let text = match heap.value(thrown) {
        Ok(Value::String(_)) => heap.string(thrown, LONGEST_TEXT).map(|text| match text.is_cut() {
            true => text.to_text() + "...",
            false => text.to_text(),
        }),
        Ok(Value::Object(object)) if object.kind() == Kind::JsError => Ok(heap.error_text(object).to_text()),
        Ok(Value::Object(object)) if object.kind() == Kind::JsArray => Ok("[object Array]".to_owned()),
        Ok(Value::Object(object)) if has_no_text_of_its_own(heap, object) => {
            Ok(format!("#<{}>", heap.name(heap.constructor_name(object))))
        }
        _ => return shown(context, heap, thrown),
    };
    match text {
        Ok(text) => escape(&text).into_owned(),
        Err(_) => shown(context, heap, thrown),
    }
}

/// Whether `toString` of an object is the one of all objects.
fn has_no_text_of_its_own(heap: &Heap<'static>, object: HeapObject<'_>) -> bool {
    let inherited = heap.inherited_property(object, "toString");
    let Ok(Some(PropertyValue::Data(function))) = inherited else { return false };
    let shared = heap.object(function).and_then(|function| heap.shared_function_info(function));
    let code = shared.and_then(|shared| Ok(heap.shared_function(shared)?.code));
    matches!(object.kind(), Kind::JsObject | Kind::JsApiObject)
        && matches!(code, Ok(FunctionCode::Builtin(_)))
}

/// `TypeError [...]`, as `::jsprint` shows it.
fn shown(context: &Context, heap: &Heap<'static>, thrown: Tagged) -> String {
    let mut out = Vec::new();
    let style = Style { depth: 0, longest_string: LONGEST, ..Style::default() };
    let check = || context.check_interrupt();
    match Printer::new(heap, style, &mut out, &check).print(&Place::Value(thrown)) {
        Ok(()) => {
            let text = String::from_utf8_lossy(&out).into_owned();
            text.trim_end_matches(" [...]").to_owned()
        }
        Err(_) => escape(heap.class_name(thrown)).into_owned(),
    }
}

/// `app.js:2: total() { return this.lines.length; }`
fn place_of(heap: &Heap<'static>, thrown: &v8_heap::objects::frame::Thrown) -> Option<String> {
    /// More characters of a line, and of a script, are not looked at.
    const LONGEST_LINE: usize = 70;
    const LONGEST_SOURCE: usize = 4 << 20;
    let script = heap.script(thrown.script?).ok()?;
    let position = thrown.position?;
    let location = heap.script_location(&script, position)?;
    let file = function::file_name(heap, &script);
    let place = format!("{}:{}", escape(&file), location.line);
    let source = script.source.and_then(|source| heap.string(source, LONGEST_SOURCE).ok())?.to_text();
    let line =
        usize::try_from(location.line).ok()?.checked_sub(1).and_then(|index| source.lines().nth(index));
    Some(match line.map(str::trim) {
        Some(line) if !line.is_empty() => {
            let cut: String = line.chars().take(LONGEST_LINE).collect();
            format!("{place}: {}", escape(&cut))
        }
        _ => place,
    })
}

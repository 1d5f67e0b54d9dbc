//! Why a process ended, as far as the stack of the thread that ended it says: an exception that nobody caught, or no memory left.
//!
//! V8 makes a message object when it is about to report an exception, and a handle on the stack holds it; functions of V8 and Node.js
//! whose names are known are on the stack when no memory is left, with the words that they print. What is not found is not guessed.

use core_reader::{Address, Core, Memory};
use v8_heap::graph::RootKind;
use v8_heap::index::ObjectId;
use v8_heap::{Heap, Tagged};

use crate::context::Context;
use crate::output::escape;
use crate::print::{Place, Printer, Style, function};

/// Words of the stack that are looked at, from its top on.
const MOST_WORDS: u64 = 4096;
/// Frames in which the functions that end a process are sought.
const MOST_FRAMES: usize = 16;
/// Longer texts are cut.
const LONGEST: usize = 200;
/// Parts of the names of functions that are on the stack only if there is no memory left.
const OUT_OF_MEMORY: [&str; 3] = ["OOMErrorHandler", "ReportOOMFailure", "FatalProcessOutOfMemory"];
/// The function that is on the stack only if V8 is about to end on an exception that nobody catches.
const ABOUT_TO_REPORT: [&str; 1] = ["CreateMessageOrAbort"];
/// What V8 says then has one of these in it.
const WORDS_OF_IT: [&str; 3] = ["heap limit", "llocation failed", "out of memory"];

/// Why a process ended.
#[derive(Debug)]
pub enum Ending {
    /// An exception that nobody caught.
    Exception {
        /// What was thrown.
        thrown: Tagged,
        /// The same as text: `TypeError: "x is not a function"`. Escaped.
        text: String,
        /// Where, with the line of the source: `app.js:2: total() { return this.lines.length; }`. Escaped.
        place: Option<String>,
    },
    /// No memory was left.
    OutOfMemory {
        /// What V8 said: `Reached heap limit`. Escaped.
        text: Option<String>,
    },
}

/// Why the process ended; nothing if no signal ended it, or if its stack does not say.
pub fn ending(context: &Context) -> Option<Ending> {
    let core = context.target().ok()?.core();
    core.signal()?;
    let heap = context.heap().ok()?;
    if is_in(context, core, &OUT_OF_MEMORY) {
        return Some(Ending::OutOfMemory { text: words_of_it(core) });
    }
    if !is_in(context, core, &ABOUT_TO_REPORT) {
        return None;
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
        let bytes = core.memory().bytes_from(Address(word)).ok()?;
        let bytes = &bytes[..bytes.len().min(LONGEST)];
        let text = std::str::from_utf8(&bytes[..bytes.iter().position(|byte| *byte == 0)?]).ok()?;
        let is_it = WORDS_OF_IT.iter().any(|part| text.contains(part));
        is_it.then(|| (word, escape(text.trim()).into_owned()))
    })
}

/// `TypeError: "x is not a function"`
fn text_of(context: &Context, heap: &Heap<'static>, thrown: Tagged) -> String {
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

//! What a session at a terminal begins with: what is debugged, how it ended, how far the heap can be read, what to type next.
//!
//! Only what costs next to nothing is said: headers, notes, and the headers of the pages. No object is looked at.

use std::io::Write;

use core_reader::{Contents, Core, Memory};
use v8_heap::Heap;

use crate::answers::ending::{Ending, ending};
use crate::answers::javascript_stack::javascript_stack;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{cut, escape};

/// What leads on in a heap.
const NEXT: &str = "::jsleaks (what gathers)  ::jsasync (what waits)  ::findjsobjects  ::help";
/// What leads on after a crash.
const NEXT_OF_CRASH: &str = "::jsstack (where it was)   $C (native stack)   ::jsleaks   ::help";
/// What leads on where no memory was left.
const NEXT_OF_FULL: &str = "::jsleaks (what gathers)   ::jsstack (where it was)   ::help";
/// What leads on where JavaScript was running.
const NEXT_OF_BUSY: &str = "::jsleaks  ::findjsobjects  ::jsstack (runs)  ::jsasync (waits)  ::help";
/// What stands in front of an error.
const UNCAUGHT: &str = "uncaught ";
/// Cells of a line of the banner.
const LONGEST_LINE: usize = 79;
/// What leads on without a heap.
const NEXT_OF_NATIVE: &str = "::status   $C (the stack)   ::ledger (its memory)   ::findleaks   ::help";

/// Longer command lines are cut.
const LONGEST: usize = 34;

/// Prints the banner.
///
/// # Errors
/// As the output's.
pub fn print(context: &Context) -> Result<(), DcmdError> {
    if context.snapshot().is_some() {
        return crate::of_snapshot::banner(context);
    }
    let core = context.target()?.core();
    let heap = context.heap();
    let program = program(core);
    let title = match &heap {
        Ok(heap) => {
            let embedder = heap.embedder().map(|embedder| {
                format!("{} {}, ", embedder.name, escape(embedder.version.trim_start_matches('v')))
            });
            format!("{}V8 {}: {program}", embedder.unwrap_or_default(), escape(&heap.version().to_string()))
        }
        Err(_) => program,
    };
    let mut text = context.text.borrow();
    writeln!(text, "{}", context.colours.bold(title))?;
    writeln!(text, "{}", end(core))?;
    match &heap {
        Ok(heap) => {
            writeln!(text, "{}", amounts(core, heap))?;
            writeln!(text, "{}", trust(core, heap))?;
            let next = match ending(context) {
                Some(Ending::Exception { thrown, text: what, place }) => {
                    let what = cut(&what, LONGEST_LINE.saturating_sub(UNCAUGHT.len())).into_owned();
                    writeln!(text, "{UNCAUGHT}{what}")?;
                    if let Some(place) = place {
                        writeln!(text, "thrown at {}", cut(&place, LONGEST_LINE.saturating_sub(10)))?;
                    }
                    format!("::jsstack (where it was)   {thrown}::jsprint (the error)   ::help")
                }
                Some(Ending::OutOfMemory { text: what }) => {
                    let what = what.map_or(String::new(), |what| format!(": {what}"));
                    writeln!(text, "out of memory{}", cut(&what, LONGEST_LINE.saturating_sub(13)))?;
                    NEXT_OF_FULL.to_owned()
                }
                Some(Ending::Itself { text: what, .. }) => {
                    writeln!(text, "ended on {}", cut(&what, LONGEST_LINE.saturating_sub(9)))?;
                    NEXT_OF_CRASH.to_owned()
                }
                None if core.signal().is_some() => NEXT_OF_CRASH.to_owned(),
                None if is_in_javascript(context, heap, core) => NEXT_OF_BUSY.to_owned(),
                None => NEXT.to_owned(),
            };
            writeln!(text, "next: {next}")?;
        }
        Err(reason) => {
            writeln!(text, "no JavaScript heap can be read: {}", escape(&reason.to_string()))?;
            writeln!(text, "only the commands for JavaScript need one: all others work")?;
            writeln!(text, "next: {NEXT_OF_NATIVE}")?;
        }
    }
    Ok(())
}

/// The command line.
fn program(core: &Core) -> String {
    let process = core.process();
    let line =
        if process.arguments.is_empty() { process.command_line.clone() } else { process.arguments.join(" ") };
    let line = if line.trim().is_empty() { process.name.clone() } else { line };
    // `node server.js`, wherever the two are.
    let last_part = |word: &str| match word.starts_with('/') {
        true => word.rsplit('/').next().unwrap_or(word).to_owned(),
        false => word.to_owned(),
    };
    let line = line.split(' ').map(last_part).collect::<Vec<_>>().join(" ");
    let mut cut: String = line.chars().take(LONGEST).collect();
    if cut.len() < line.len() {
        cut.push_str("...");
    }
    escape(&cut).into_owned()
}

/// The process, and how it ended.
fn end(core: &Core) -> String {
    let threads = core.threads().len();
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    let how = match core.signal() {
        None => "taken with gcore while it ran".to_owned(),
        Some(signal) => {
            // What lies in brackets is said by ::signal; a trap has no address.
            let what = signal.description.split(" (").next().unwrap_or(signal.description);
            let at = signal.fault_address.filter(|address| address.0 != 0);
            let at = at.map_or(String::new(), |address| format!(" at {:#x}", address.0));
            format!("ended by {} ({what}){at}", signal.name)
        }
    };
    format!("process {}, {threads}; {how}", core.process().id)
}

/// How much there is.
fn amounts(core: &Core, heap: &Heap<'_>) -> String {
    let spaces = heap.spaces();
    let bytes: u64 = spaces.isolates().iter().map(|isolate| isolate.page_bytes).sum();
    let dumped: u64 = core
        .memory()
        .ranges()
        .iter()
        .filter(|range| range.contents == Contents::Dumped)
        .map(|range| range.end.0 - range.start.0)
        .sum();
    let isolates = spaces.isolates().len();
    let workers = match isolates {
        0 | 1 => String::new(),
        2 => ", that of 1 worker included".to_owned(),
        more => format!(", those of {} workers included", more - 1),
    };
    format!("JavaScript heap: {}{workers}; memory in the core: {}", megabytes(bytes), megabytes(dumped))
}

/// How far the heap can be read.
fn trust(core: &Core, heap: &Heap<'_>) -> String {
    let layout = heap.layout();
    let (major, minor) = layout.table_version;
    let mut parts = vec![match (layout.exact, layout.supported) {
        (true, true) => "known layout".to_owned(),
        (true, false) => format!("layout of {}, tried on some releases", layout.table_line),
        (false, _) => format!("layout of V8 {major}.{minor}, a neighbour"),
    }];
    let missing = core.memory().truncated_bytes();
    if missing > 0 {
        parts.push(format!("the core lacks its last {}", megabytes(missing)));
    }
    let pages = heap.spaces().pages();
    let salvaged = pages.iter().filter(|page| page.salvaged).count();
    match salvaged {
        0 if missing == 0 => parts.push(format!("{} page headers agree", pages.len())),
        0 => {}
        some => parts.push(format!("{some} of {} pages without headers", pages.len())),
    }
    format!("heap: {} (::status checks all of it)", parts.join(", "))
}

/// Whether the main thread is in JavaScript: it does not wait for events.
fn is_in_javascript(context: &Context, heap: &Heap<'static>, core: &'static Core) -> bool {
    /// Frames that are looked at.
    const MOST_FRAMES: usize = 32;
    let Some(thread) = core.threads().first() else { return false };
    let Ok(stack) = context.stack_of(thread, MOST_FRAMES) else { return false };
    let javascript = javascript_stack(heap, &stack);
    (0..stack.frames.len()).any(|index| javascript.function(index).is_some())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

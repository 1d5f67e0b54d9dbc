//! `::threads`: list the threads.
//!
//! One line for each: its id in hexadecimal, as `id::stack` takes it, and in decimal, as the system shows it; the fatal
//! signal of the one that took it; the V8 isolate it is in; the function it was started with, which tells what it is for; and where it is.
//! The current thread, whose registers and stack are shown without asking for another, has a star.
//!
//! # Limits
//!
//! Linux does not record the names of threads in a core; the main thread's is in `::psinfo`. A worker's thread is in the
//! isolate of that worker. `(worker of the kernel)` is what io_uring starts for the process: it runs no code of the program and
//! has no stack in it.

use std::io::Write;

use core_reader::{Stack, signal_name};
use serde_json::json;

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::output::{self, Column, Table, escape};
use crate::stage::Flow;
use crate::value::{Item, Kind};

static TABLE: Table = Table::new(&[
    Column::right("ID", 10),
    Column::right("LWP", 8),
    Column::left("SIGNAL", 8),
    Column::left("ISOLATE", 16),
    Column::left("START", 0),
]);

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::threads",
    r#"
        ID      LWP SIGNAL   ISOLATE          START
*     3007    12295 -        1f430000         0x7ef4fe
                                              in libc.so.6`syscall+0x19
      3008    12296 -        -                0x9e3305
                                              in libc.so.6`epoll_pwait+0x6e
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "threads",
    aliases: &[],
    summary: "list the threads",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Thread),
    options: &[Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it")],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("threads.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let threads = context.target()?.threads();
            let current = context.thread()?.id;
            if !out.is_pipe() && !as_json {
                TABLE.heading(context.colours, &mut out.text())?;
            }
            for thread in threads {
                context.check_interrupt()?;
                if out.is_pipe() {
                    if out.emit(Item::thread(thread.id))? == Flow::Enough {
                        break;
                    }
                    continue;
                }
                let stack = context.stack_of(thread, usize::MAX)?;
                let mark = if thread.id == current { '*' } else { ' ' };
                let id = format!("{mark}{:>9x}", thread.id);
                // The kernel writes the fatal signal into the note of every thread; the first has taken it.
                let signal = match thread.signal {
                    number if number != 0 && thread.id == threads[0].id => signal_name(number),
                    _ => "-".to_owned(),
                };
                let isolate = context
                    .isolate_of(thread)
                    .map_or_else(|| "-".to_owned(), |isolate| format!("{isolate:x}"));
                let start = match thread.has_user_stack() {
                    true => start_function(context, &stack),
                    false => Some("(worker of the kernel)".to_owned()),
                };
                if as_json {
                    let line = json!({
                        "id": thread.id,
                        "current": thread.id == current,
                        "signal": Some(&signal).filter(|signal| *signal != "-"),
                        "isolate": context.isolate_of(thread).map(|isolate| format!("0x{isolate:x}")),
                        "start": start,
                        "in": stack.frames.first().map(|frame| context.show_frame(frame)),
                    });
                    writeln!(out.text(), "{}", output::json(&line))?;
                    continue;
                }
                let start = start.map_or_else(|| "?".to_owned(), |name| escape(&name).into_owned());
                let row: [&dyn std::fmt::Display; 5] = [&id, &thread.id, &signal, &isolate, &start];
                TABLE.row(&row, &mut out.text())?;
                if let Some(frame) = stack.frames.first() {
                    writeln!(out.text(), "{:46}in {}", "", context.show_frame(frame))?;
                }
            }
            Ok(())
        }))
    },
};

/// The outermost function that is not of the C library: what the thread was made for. Its address if it has no symbol.
pub(super) fn start_function(context: &Context, stack: &Stack) -> Option<String> {
    let target = context.target().ok()?;
    let modules = target.core().modules();
    let of_library = |at| {
        modules
            .iter()
            .any(|module| module.contains(at) && (module.is_called("libc") || module.is_called("libpthread")))
    };
    let frames = stack.frames.iter().rev().filter(|frame| !of_library(frame.lookup_address()));
    let names = frames.map(|frame| match target.symbols().nearest(frame.lookup_address(), 0) {
        Some(found) => found.symbol.name,
        None => format!("{:#x}", frame.instruction.0),
    });
    names.filter(|name| name != "_start").map(|name| context.symbol_name(&name)).next()
}

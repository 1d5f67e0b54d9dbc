//! `::stack`: print a native stack.
//!
//! Of the current thread, of the thread whose id stands in front, or the frames above the one whose frame pointer is the
//! address in front. Innermost frame first; all but the innermost show where a call returns to. A number limits the frames.
//! Called as `$C` it prints the frame pointer of each frame before it: the address that `addr::stack` goes on from, above
//! which the return address lies.
//!
//! # How frames are found
//!
//! By the unwind tables of the executable and the libraries. Code that V8 generated and its builtins have none, and keep a
//! frame pointer: their callers are found by that. A JavaScript function shows with the place that it has come to, as in `::jsstack`;
//! those that optimised code has merged into it stand before it, with `[merged]` behind them and without a frame of their own. Code of
//! V8's own is `Builtins_` and a name. A frame that is not known but guessed says so in brackets:
//!
//! ```text
//! [from the top of the stack]                the function had only begun, or a call led to nowhere
//! [a guess: found by searching the stack]    the next word that looks like a return address; it may be a stale one
//! [interrupted by a signal]                  no guess: the kernel saved this frame
//! ```
//!
//! # Limits
//!
//! Functions that the compiler merged into their callers do not show; gdb shows them where there is debug information. If V8's
//! generated code was interrupted (a fault, not a call) where it had no frame of its own, its caller is left out. Unwind tables
//! are found by their index (`.eh_frame_hdr`); a program linked statically may lack it, and is then walked by frame pointers,
//! as is one whose binary is not at hand. A number is a thread's id before it is an address.

use core_reader::Address;

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::print::stack::{Columns, print, warn_of_end};
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "$c 3",
        r#"
libc.so.6`syscall+0x19()
0x2645f59()
0x2646012()
"#,
    ),
    Example::on(
        "leak-24",
        "$C 3",
        r#"
00007ffdd6487ab0 libc.so.6`syscall+0x19()
00007ffdd6487b00 0x2645f59()
00007ffdd6487b30 0x2646012()
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "stack",
    aliases: &["$c", "$C"],
    summary: "print a native stack",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('a', "print the address of each instruction"),
        Opt::flag('v', "print frame pointers, as $C does"),
    ],
    operands: Operands::optional("[frames]"),
    needs: &[Capability::Core],
    manual: include_str!("stack.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let limit = limit(context, args)?;
        let columns =
            Columns { frame_pointer: args.called() == "$C" || args.has('v'), address: args.has('a') };
        Ok(for_each(move |context, item, out| {
            let thread = match item {
                Some(item) => context.thread_if_id(item)?,
                None => Some(context.thread()?),
            };
            let stack = match (thread, item) {
                (Some(thread), _) => context.stack_of(thread, limit)?,
                (None, Some(item)) => {
                    core_reader::Unwinder::new(context.target()?.core()).stack_at(Address(item.word), limit)
                }
                (None, None) => return Ok(()),
            };
            print(context, &stack, "", columns, out)?;
            warn_of_end(context, &stack, limit);
            Ok(())
        }))
    },
};

/// The number of frames that the only operand asks for.
pub(super) fn limit(context: &Context, args: &Args) -> Result<usize, DcmdError> {
    match args.operands().first() {
        None => Ok(usize::MAX),
        Some(word) => word
            .number(context.settings.radix.get())
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| DcmdError::usage("expected a number of frames")),
    }
}

//! `::ledger`: say what every byte of the process was for.
//!
//! Where has the memory gone? Each byte that the process could read or write is in one row, so the rows add up to all of it: the
//! JavaScript heap, by whether V8 would keep it; buffers; what native code has of malloc, by whose it is, what nothing leads to any more, and what
//! malloc keeps though it is free; stacks; machine code; files. A row says how much address space that is, and IN CORE how much of it
//! the core has bytes for, where its file still has the holes that tell: of a core that the kernel wrote and nobody copied that is what
//! was in memory (resident, without pages of files, which are in no core); else at least so much was. The percentages are of that, or
//! of the address space if it is not known. Reserved address space without
//! access is no memory and counts apart.
//!
//! Below the rows stands what they say, each with the command that shows more: a leak of native memory, fragmentation, buffers,
//! JavaScript.
//!
//! `-b` puts the same rows of the oldest core of `--base` beside it. `-v` adds the native memory of each part of the process, with what of it is certain
//! (see `::malloc -p`); the stack of each thread, how much of it is in use, and the function that the thread was started with, which tells what it is for;
//! and the largest mappings of which nobody knows the use.
//!
//! # What is exact
//!
//! Sizes of mappings, V8's pages and objects, blocks of malloc: they are counted. Whose a block is, is an estimate, but for what `-v` calls certain.
//! Leaked blocks are found as `::findleaks` does. A
//! buffer that is a block of malloc counts with the block's own header, whether Node.js or an add-on allocated it. Of a core that `gcore` took, memory that could only be read and
//! holds nothing but zeros counts as reserved: gdb writes memory without access so. What could not be told is said below the table, not guessed:
//! with another allocator than glibc's or musl's, native memory is in the row of other memory.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::answers::ledger::{Ledger, ThreadStack, Use};
use crate::answers::mapping_name::mapping_name;
use crate::answers::native_owners::native_owners;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Column, Table, escape, hex};
use crate::stage::Out;

use super::threads::start_function;

static TABLE: Table = Table::new(&[
    Column::right("BYTES", 15),
    Column::right("%", 5),
    Column::right("IN CORE", 15),
    Column::left("WHAT IT IS", 0),
]);
static GROWTH: Table = Table::new(&[
    Column::right("BEFORE", 15),
    Column::right("NOW", 15),
    Column::right("MORE", 15),
    Column::left("WHAT IT IS", 0),
]);

static PARTS: Table = Table::new(&[
    Column::right("BYTES", 15),
    Column::right("CERTAIN", 15),
    Column::right("BLOCKS", 10),
    Column::left("NATIVE MEMORY OF", 0),
]);
static STACKS: Table = Table::new(&[
    Column::right("STACK", 15),
    Column::right("IN USE", 15),
    Column::right("IN CORE", 15),
    Column::right("LWP", 8),
    Column::left("START", 0),
]);

/// Mappings of no known use that `-v` shows.
const UNKNOWN_SHOWN: usize = 10;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "native",
    "::ledger ! cut -c 1-15,38- | tail -n +2 | head -8",
    r#"
...
          64544 native memory: other libraries, add-ons
           5632 native memory: not known whose
          39552 native memory that is leaked
        2304656 native memory that is free (malloc keeps it)
           2256 malloc's own
         397312 stacks of threads
         106496 other memory of the process
          20480 data of the executable and libraries
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "ledger",
    aliases: &[],
    summary: "say what every byte of the process was for",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[
        Opt::flag('b', "beside the oldest core of --base"),
        Opt::flag(
            'v',
            "also native memory by part, stacks by thread, and the largest mappings of no known use",
        ),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("ledger.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (compare, verbose, as_json) = (args.has('b'), args.has('v'), args.has('j'));
        Ok(for_each(move |context, _, out| {
            let ledger = Ledger::of(context.target()?, &context.progress())?;
            context.check_interrupt()?;
            if compare {
                return growth(context, &ledger, as_json, out);
            }
            if as_json {
                return out.json(&json_of(context, &ledger));
            }
            table(context, &ledger, out)?;
            if verbose {
                parts(context, &ledger, out)?;
                stacks(context, &ledger, out)?;
                unknown(context, &ledger, out)?;
            }
            Ok(())
        }))
    },
};

/// The rows that are not empty, with what the core has bytes for, where that is known of the row alone.
fn rows(ledger: &Ledger) -> impl Iterator<Item = (Use, u64, Option<u64>)> + '_ {
    let stored = |of: Use| ledger.stored.as_ref()?.by_use.get(&of).copied();
    Use::ALL.into_iter().map(move |of| (of, ledger.of_use(of), stored(of))).filter(|(_, bytes, _)| *bytes > 0)
}

fn table(context: &Context, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let total = ledger.total();
    // Address space that was never touched is not where memory went.
    let whole = ledger.stored.as_ref().map_or(total, |stored| stored.all);
    TABLE.heading(context.colours, &mut out.text())?;
    let number = |stored: Option<u64>| stored.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    let row = |bytes: u64, stored: Option<u64>, name: &str| {
        let part = if ledger.stored.is_some() { stored } else { Some(bytes) };
        let share = part.map_or_else(
            || "-".to_owned(),
            |part| format!("{:.1}", 100.0 * part as f64 / whole.max(1) as f64),
        );
        TABLE.row(&[&bytes, &share, &number(stored), &name], &mut out.text())
    };
    for (of, bytes, stored) in rows(ledger) {
        row(bytes, stored, of.name())?;
    }
    let mut all = "all that the process could read or write".to_owned();
    if let Some(stored) = &ledger.stored {
        all += if stored.is_exact {
            "; IN CORE: resident, without files"
        } else {
            "; IN CORE: at least so much was resident"
        };
    }
    row(total, ledger.stored.as_ref().map(|stored| stored.all), &all)?;
    let mut text = out.text();
    writeln!(text, "reserved without access, no memory: {} bytes", ledger.reserved)?;
    drop(text);
    let verdicts = verdicts(ledger, &|| greatest_owner(context, ledger));
    let mut text = out.text();
    for verdict in verdicts {
        writeln!(text, "{} ({})", verdict.text, verdict.commands)?;
    }
    for untold in &ledger.untold {
        writeln!(text, "not told: {untold}")?;
    }
    Ok(())
}

/// What the rows say, in words, with the commands that show more.
struct Verdict {
    bytes: u64,
    text: String,
    commands: &'static str,
}

/// What the rows say, the most bytes first.
fn verdicts(ledger: &Ledger, owner: &dyn Fn() -> Option<String>) -> Vec<Verdict> {
    /// Less of all memory than one part in so many is not worth a word.
    const SHARE: u64 = 10;
    // Files and stacks do not grow with a leak; and address space that was perhaps never touched is not where memory went.
    let is_memory = |of: &Use| match of {
        Use::Files | Use::FileData | Use::Kernel | Use::Stacks => false,
        Use::Code | Use::Anonymous => ledger.stored.is_some(),
        _ => true,
    };
    let weight_of = |of: Use| match &ledger.stored {
        Some(stored) => stored.by_use.get(&of).copied().unwrap_or(0),
        None => ledger.of_use(of),
    };
    let own: u64 = Use::ALL.into_iter().filter(is_memory).map(weight_of).sum();
    let is_much = |bytes: u64| bytes.saturating_mul(SHARE) >= own.max(1);
    let mut said: Vec<Verdict> = Vec::new();
    let leaked = ledger.of_use(Use::Leaked);
    // A leak is one also while it is small.
    if leaked.saturating_mul(100) >= own.max(1) {
        let blocks = ledger.leaked_blocks;
        said.push(Verdict {
            bytes: leaked,
            text: format!("native leak: nothing leads to {leaked} bytes in {blocks} blocks"),
            commands: "::findleaks",
        });
    }
    let (whole, resident) = ledger.returnable;
    if is_much(resident.unwrap_or(whole)) {
        let how_much = match resident {
            Some(resident) => format!("{resident} bytes"),
            None => format!("up to {whole} bytes"),
        };
        said.push(Verdict {
            bytes: resident.unwrap_or(whole),
            text: format!(
                "fragmentation: {how_much} are whole pages in free blocks, which malloc_trim would give back"
            ),
            commands: "::malloc",
        });
    }
    for (of, what, commands) in [
        (Use::Living, "JavaScript: {} bytes of living objects", "::jsleaks"),
        (Use::Garbage, "garbage: {} bytes that the next full collection would free", "::findjsobjects -d"),
        (Use::FreeInPages, "V8 has {} bytes in its pages that it does not use", "::v8spaces"),
        (Use::Buffers, "buffers: {} bytes", "::jsbuffers, ::jsleaks"),
        (Use::WebAssembly, "memory of WebAssembly: {} bytes", "::jsbuffers"),
        (Use::Code, "machine code: {} bytes made at run time", "::mappings"),
        (Use::Anonymous, "other memory: {} bytes of no known use", "::ledger -v"),
    ] {
        let weight = weight_of(of);
        if is_memory(&of) && is_much(weight) && weight > 0 {
            let text = what.replace("{}", &weight.to_string());
            said.push(Verdict { bytes: weight, text, commands });
        }
    }
    let native: u64 = Use::NATIVE.into_iter().map(weight_of).sum();
    if native > 0 && is_much(native) {
        let owner = owner().unwrap_or_default();
        let text = format!("native code: {native} bytes of malloc in use{owner}");
        said.push(Verdict { bytes: native, text, commands: "::malloc -p, ::malloc -o" });
    }
    said.sort_by_key(|verdict| std::cmp::Reverse(verdict.bytes));
    said
}

/// Whose most of the native memory is, as far as that can be estimated and is worth a word.
fn greatest_owner(context: &Context, ledger: &Ledger) -> Option<String> {
    let owners = native_owners(context).ok()?;
    let ((constructor, _), class) = owners.greatest()?;
    let (objects, bytes) = (class.objects, class.bytes);
    let is_much = bytes.saturating_mul(4) >= ledger.native();
    is_much.then(|| format!(": some {bytes} are of {objects} {constructor} objects"))
}

/// The blocks of malloc that the program has, by part of the process.
fn parts(context: &Context, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), DcmdError> {
    if ledger.parts.sums.is_empty() {
        return Ok(());
    }
    PARTS.heading(context.colours, &mut out.text())?;
    for (part, sum) in ledger.parts.by_bytes() {
        PARTS.row(&[&sum.bytes, &sum.certain, &sum.blocks, &part.name()], &mut out.text())?;
    }
    Ok(())
}

fn stacks(context: &Context, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), DcmdError> {
    STACKS.heading(context.colours, &mut out.text())?;
    for stack in &ledger.stacks {
        context.check_interrupt()?;
        let in_core = stack.in_core.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        let start = start_of(context, stack)?.unwrap_or_else(|| "?".to_owned());
        let row: [&dyn std::fmt::Display; 5] =
            [&stack.bytes(), &stack.used, &in_core, &stack.thread, &escape(&start)];
        STACKS.row(&row, &mut out.text())?;
    }
    Ok(())
}

/// The function that the thread of a stack was started with.
fn start_of(context: &Context, stack: &ThreadStack) -> Result<Option<String>, DcmdError> {
    let threads = context.target()?.threads();
    let Some(thread) = threads.iter().find(|thread| thread.id == stack.thread) else { return Ok(None) };
    Ok(start_function(context, &context.stack_of(thread, usize::MAX)?))
}

fn unknown(context: &Context, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let core = context.target()?.core();
    for (start, bytes) in ledger.unknown.iter().take(UNKNOWN_SHOWN) {
        let name = core.memory().range_at(*start).map(|range| mapping_name(core, range)).unwrap_or_default();
        writeln!(out.text(), "{start:>16} {bytes:>15} {name}")?;
    }
    if let Some(more) = ledger.unknown.len().checked_sub(UNKNOWN_SHOWN).filter(|more| *more > 0) {
        writeln!(out.text(), "... {more} more")?;
    }
    Ok(())
}

fn growth(context: &Context, now: &Ledger, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let Some(path) = context.bases.given().first() else {
        return Err(DcmdError::usage("there is no older core: give one with --base"));
    };
    let warn = |text: &dyn std::fmt::Display| context.warn(text);
    let base =
        context.bases.open(Path::new(path), None, &context.interrupt, &warn).map_err(DcmdError::failed)?;
    let before = Ledger::of(&base.target, &context.progress())?;
    context.check_interrupt()?;
    if !as_json {
        GROWTH.heading(context.colours, &mut out.text())?;
    }
    let more = |old: u64, new: u64| i128::from(new) - i128::from(old);
    for of in Use::ALL {
        let (old, new) = (before.of_use(of), now.of_use(of));
        if as_json {
            out.json(&json!({ "use": of.key(), "before": old, "now": new }))?;
        } else if (old, new) != (0, 0) {
            GROWTH.row(&[&old, &new, &format!("{:+}", more(old, new)), &of.name()], &mut out.text())?;
        }
    }
    if !as_json {
        let (old, new) = (before.total(), now.total());
        GROWTH.row(&[&old, &new, &format!("{:+}", more(old, new)), &"all"], &mut out.text())?;
        for untold in
            before.untold.iter().map(|reason| format!("before: {reason}")).chain(now.untold.iter().cloned())
        {
            writeln!(out.text(), "not told: {untold}")?;
        }
    }
    Ok(())
}

fn json_of(context: &Context, ledger: &Ledger) -> serde_json::Value {
    let bytes: serde_json::Map<_, _> =
        Use::ALL.into_iter().map(|of| (of.key().to_owned(), json!(ledger.of_use(of)))).collect();
    json!({
        "total": ledger.total(),
        "bytes": bytes,
        "reserved": ledger.reserved,
        "inCore": ledger.stored.as_ref().map(|stored| {
            let by_use: serde_json::Map<_, _> =
                stored.by_use.iter().map(|(of, bytes)| (of.key().to_owned(), json!(bytes))).collect();
            json!({
                "exact": stored.is_exact, "all": stored.all, "pages": stored.pages, "malloc": stored.runs, "other": by_use,
            })
        }),
        "garbageTold": !ledger.is_garbage_unknown,
        "returnable": ledger.returnable.0,
        "returnableInCore": ledger.returnable.1,
        "leakedBlocks": ledger.leaked_blocks,
        "mallocUsed": ledger.native(),
        "parts": ledger.parts.by_bytes().iter().map(|(part, sum)| {
            json!({ "part": part.name(), "bytes": sum.bytes, "certain": sum.certain, "blocks": sum.blocks })
        }).collect::<Vec<_>>(),
        "stacksOfThreads": ledger.stacks.iter().map(|stack| {
            json!({
                "thread": stack.thread, "bytes": stack.bytes(), "inUse": stack.used, "inCore": stack.in_core,
                "start": start_of(context, stack).ok().flatten(),
            })
        }).collect::<Vec<_>>(),
        "largestUnknown": ledger.unknown.iter().take(UNKNOWN_SHOWN).map(|(start, bytes)| {
            json!({ "address": hex(start.0), "bytes": bytes })
        }).collect::<Vec<_>>(),
        "notTold": ledger.untold,
        "says": verdicts(ledger, &|| greatest_owner(context, ledger)).iter().map(|verdict| {
            json!({ "bytes": verdict.bytes, "text": verdict.text, "commands": verdict.commands })
        }).collect::<Vec<_>>(),
    })
}

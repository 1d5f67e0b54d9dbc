//! `::findleaks`: find blocks of malloc that nothing leads to.
//!
//! For native code what `::jsleaks` is for JavaScript, and what libumem's `::findleaks` was: memory that C or C++ has allocated, has
//! not freed, and can never free, since no pointer to it is left. One line for blocks of the same size with the same contents, those
//! that cost most first: how many, their bytes, the bytes of all that hangs on them (each leaked block is counted once), the first of
//! them, and what is in it: its C++ class, text, or its first words.
//!
//! `-v` lists every block on its own, with how many blocks hang on it. In a pipe the blocks flow on:
//! `::findleaks | ::dump` shows their contents, `ADDRESS::ugrep -d 100` whatever still holds a word like it.
//!
//! # How it is known
//!
//! From the registers and stacks of all threads, their own variables, the data of all libraries, V8's pages and whatever else the
//! process could write, every word that is an address inside of a block in use leads to it, and the words of that block lead on. What
//! is not reached is leaked. Blocks that malloc has in its caches are free, not leaked. A block that is only led to from another
//! leaked block hangs on that; of a ring the lowest is listed.
//!
//! # Limits
//!
//! A stale word may hide a leak: the list may be too short by a few blocks, hardly too long. Code that keeps its pointers
//! disguised (compressed, exclusive-or) has leaks here that are none. What a library still holds and never uses is no leak in this
//! sense: `::malloc -s` and `::malloc -c` count what there is.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::Write;

use core_reader::{Address, Block, Leak, Malloc, Memory, Unreached};
use serde_json::json;

use crate::answers::native_memory;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Column, Table, escape, hex};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

static TABLE: Table = Table::new(&[
    Column::right("COUNT", 10),
    Column::right("BYTES", 14),
    Column::right("HANGING", 14),
    Column::right("SIZE", 10),
    Column::right("BLOCK", 16),
    Column::left("CONTENTS", 0),
]);
static BLOCKS: Table = Table::new(&[
    Column::right("BLOCK", 16),
    Column::right("SIZE", 10),
    Column::right("HANGING", 14),
    Column::right("BLOCKS", 10),
    Column::left("CONTENTS", 0),
]);

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "native",
        "::findleaks",
        r#"
...
     COUNT          BYTES        HANGING       SIZE            BLOCK CONTENTS
       250          10000          20000         40     55c1117c02d0 0 55c1117c0300 "logged in"
        60          12000          12000        200     55c1117c6090 "GET /orders/0 HTTP/1.1"
        12           1440           2880        120     55c1117c9150 0 0 55c1117c91d0 0
584 blocks of 34880 bytes are leaked: nothing leads to them
"#,
    ),
    Example::on(
        "native",
        "::findleaks | ::head -1 | ::whatis",
        r#"
55c1117c02d0 is the start of a block [55c1117c02d0,55c1117c02f8) of malloc, used, arena main
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "findleaks",
    aliases: &[],
    summary: "find blocks of malloc that nothing leads to",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Address),
    options: &[Opt::flag('v', "list every block on its own"), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("findleaks.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (each, as_json) = (args.has('v'), args.has('j'));
        Ok(for_each(move |context, _, out| answer(context, each, as_json, out)))
    },
};

/// Words at the start of a block that tell what it is.
const WORDS: usize = 4;

/// Leaked blocks of the same size with the same contents.
struct Group {
    count: u64,
    bytes: u64,
    hanging: u64,
    first: Block,
    contents: String,
}

fn answer(context: &Context, each: bool, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let (malloc, unreached) = native_memory::unreached(context)?;
    if !as_json {
        let lost = native_memory::lost_stacks(context.target()?.core());
        for problem in lost.into_iter().chain(native_memory::not_found(malloc)) {
            context.warn(&problem);
        }
    }
    let (count, bytes) = unreached.total();
    if count == 0 {
        let used: u64 = malloc.arenas().iter().map(|arena| arena.used.0).sum::<u64>() + malloc.mapped().0;
        let text =
            format!("something leads to each of the {used} blocks of malloc: no leak of native memory");
        if !as_json && !out.is_pipe() {
            writeln!(out.text(), "{text}")?;
        }
        return Ok(());
    }
    if out.is_pipe() {
        for leak in unreached.heads(malloc) {
            if out.emit(Item::address(leak.block.start.0))? == Flow::Enough {
                break;
            }
        }
        return Ok(());
    }
    if each {
        return list(context, (malloc, unreached), as_json, out);
    }
    if !as_json {
        TABLE.heading(context.colours, &mut out.text())?;
    }
    for group in groups(context, unreached.heads(malloc))? {
        if as_json {
            out.json(&json!({
                "count": group.count,
                "bytes": group.bytes,
                "hanging": group.hanging,
                "size": group.first.bytes,
                "first": hex(group.first.start.0),
                "contents": group.contents,
            }))?;
        } else {
            let row: [&dyn std::fmt::Display; 6] = [
                &group.count,
                &group.bytes,
                &group.hanging,
                &group.first.bytes,
                &group.first.start,
                &escape(&group.contents),
            ];
            TABLE.row(&row, &mut out.text())?;
        }
    }
    if !as_json {
        writeln!(out.text(), "{count} blocks of {bytes} bytes are leaked: nothing leads to them")?;
    }
    Ok(())
}

fn list(
    context: &Context,
    (malloc, unreached): (&Malloc, &Unreached),
    as_json: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let mut leaks: Vec<Leak> = unreached.heads(malloc).collect();
    leaks.sort_unstable_by_key(|leak| (Reverse(leak.bytes), leak.block.start));
    if !as_json {
        BLOCKS.heading(context.colours, &mut out.text())?;
    }
    for leak in leaks {
        context.check_interrupt()?;
        let contents = contents_of(context, &leak.block);
        if as_json {
            out.json(&json!({
                "block": hex(leak.block.start.0),
                "size": leak.block.bytes,
                "hanging": leak.bytes,
                "blocks": leak.blocks,
                "contents": contents,
            }))?;
        } else {
            let row: [&dyn std::fmt::Display; 5] =
                [&leak.block.start, &leak.block.bytes, &leak.bytes, &leak.blocks, &escape(&contents)];
            BLOCKS.row(&row, &mut out.text())?;
        }
    }
    Ok(())
}

/// Leaks by size and kind of contents, those that cost most first.
fn groups(context: &Context, leaks: impl Iterator<Item = Leak>) -> Result<Vec<Group>, DcmdError> {
    let mut found: HashMap<(u64, Contents), Group> = HashMap::new();
    for leak in leaks {
        context.check_interrupt()?;
        let kind = kind_of(context, &leak.block);
        let group = found.entry((leak.block.bytes, kind)).or_insert_with(|| Group {
            count: 0,
            bytes: 0,
            hanging: 0,
            first: leak.block,
            contents: contents_of(context, &leak.block),
        });
        group.count += 1;
        group.bytes += leak.block.bytes;
        group.hanging += leak.bytes;
    }
    let mut groups: Vec<Group> = found.into_values().collect();
    groups.sort_by_key(|group| (Reverse(group.hanging), group.first.id));
    Ok(groups)
}

/// What makes blocks alike: their class, or their first words up to the first text.
#[derive(PartialEq, Eq, Hash)]
enum Contents {
    Class(String),
    Words([Option<Word>; WORDS]),
}

/// A word of a block; addresses of memory without a name, and texts, are all alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Word {
    Text,
    Address,
    /// A number, or the address of something with a name.
    Own(u64),
}

/// What makes a block like others.
fn kind_of(context: &Context, block: &Block) -> Contents {
    if let Some(class) = native_memory::class_of(context, block) {
        return Contents::Class(class);
    }
    let mut words = [None; WORDS];
    for (word, offset) in words.iter_mut().zip((0..block.bytes).step_by(8)) {
        if text_length(context, block, offset).is_some() {
            *word = Some(Word::Text);
            break;
        }
        let Some(value) = word_of(context, block, offset) else { break };
        let is_alike = is_address(context, value) && context.symbolic(value).is_none();
        *word = Some(if is_alike { Word::Address } else { Word::Own(value) });
    }
    Contents::Words(words)
}

/// What is in a block, in one line: its class, or its first words up to the first text.
fn contents_of(context: &Context, block: &Block) -> String {
    if let Some(class) = native_memory::class_of(context, block) {
        return class;
    }
    let mut said = Vec::new();
    for offset in (0..block.bytes).step_by(8).take(WORDS) {
        if let Some(text) = text_of(context, block, offset) {
            said.push(format!("{text:?}"));
            break;
        }
        let Some(word) = word_of(context, block, offset) else { break };
        let name = if word >= FIRST_ADDRESS { context.symbolic(word) } else { None };
        said.push(name.unwrap_or_else(|| format!("{word:x}")));
    }
    said.join(" ")
}

/// What is less is taken for a number.
const FIRST_ADDRESS: u64 = 0x1_0000;

/// A whole word of a block.
fn word_of(context: &Context, block: &Block, offset: u64) -> Option<u64> {
    let at = Address(block.start.0 + offset);
    context.memory().ok()?.read_u64(at).ok().filter(|_| offset + 8 <= block.bytes)
}

fn is_address(context: &Context, word: u64) -> bool {
    word >= FIRST_ADDRESS && context.memory().is_ok_and(|memory| memory.range_at(Address(word)).is_some())
}

/// Most characters of a text that are shown.
const MOST_TEXT: usize = 48;

/// The start of a block from `offset` on, and how many characters of text that is, if it is some.
fn text_length(context: &Context, block: &Block, offset: u64) -> Option<([u8; MOST_TEXT], usize)> {
    const FEWEST: usize = 6;
    let mut room = [0; MOST_TEXT];
    let length = usize::try_from(block.bytes.checked_sub(offset)?).ok()?.min(MOST_TEXT);
    let bytes = &mut room[..length];
    context.memory().ok()?.read_into(Address(block.start.0 + offset), bytes).ok()?;
    let printable = bytes.iter().take_while(|byte| (0x20..0x7f).contains(*byte)).count();
    let ends = bytes.get(printable).is_none_or(|byte| matches!(byte, 0 | b'\n' | b'\t' | b'\r'));
    (printable >= FEWEST && ends).then_some((room, printable))
}

/// The text in a block from `offset` on, if there is some.
fn text_of(context: &Context, block: &Block, offset: u64) -> Option<String> {
    let (bytes, length) = text_length(context, block, offset)?;
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

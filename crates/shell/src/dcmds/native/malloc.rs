//! `::malloc`: say what the C library's allocator has, and what of it is free.
//!
//! A line for each arena of glibc: how many blocks the program has of it and how many bytes they take, what is free in bins, what is
//! free but kept for threads or for the next request of its size (CACHED), what is left at its end (TOP), and what it has from the
//! system (SYSTEM), all in bytes, headers included. The last line has all, and the blocks that are so large that each has a mapping
//! of its own.
//!
//! WHOLE is what of the free memory are whole pages that `malloc_trim(3)` gives back to the system, as far as they are still in memory: those
//! of free blocks, and of what is left at the end of the main arena. Much there and little in use is fragmentation: the program did free
//! its memory, and the allocator keeps it.
//!
//! musl, the C library of Alpine, has one arena, here called main, whose blocks are slots in groups of equal size. It has no caches, no
//! top, and no way to give back more than it does by itself, so that these are 0.
//!
//! `-s` counts the blocks in use by size instead, those that take most first, `-c` those with a C++ class by class. `-o` counts all by
//! owner: by the objects of Node.js and of add-ons behind objects of JavaScript, such as the streams of zlib and sockets. `-p` counts all by the part
//! of the process that has them, `-pv` lists them so. With an address only
//! the block that holds it is described. `::walk malloc` and `::walk freed` walk the blocks, `::whatis` says what an address is in,
//! `::findleaks` lists those that nothing leads to.
//!
//! # How it is known
//!
//! Nothing is guessed: the arenas are recognised by their lists of free blocks, which lead back to them, and each is walked block by
//! block. Whether that found everything is known, as the allocator counts what it has from the system; if some of it was not found,
//! a warning says how much. musl's groups are listed on pages that begin with a secret of the process, and lead back to these pages.
//! Blocks that were being taken or given back when the core was taken may stand wrong.
//!
//! # Owners
//!
//! That a C++ object and an object of JavaScript belong together is certain: each leads to the other, or V8 tells the one when the other has
//! died. What it owns is an estimate: a
//! block belongs to the object that fewest steps lead from, to nobody if several are as near; what a Blob has by its queue, and a stream of zlib
//! by its state, is its own in any case. Sums of a class are right within a twentieth for streams of zlib and Blobs, where the binary has symbols and the C
//! library is glibc; musl's slots are up to an eighth larger than what is asked for. A single object's may be far off. Buffers of
//! JavaScript, and the characters of strings that it has outside of its heap, are taken out first.
//!
//! A session of HTTP/2 gives nghttp2 an allocator that writes in front of each block how large it is, and counts these: where what is found makes up
//! just that count, it is the session's for certain. Such a session has a tenth to a fourth more here than V8 counts in its snapshot (`::jsprint -i`
//! says both): V8 leaves out headers whose text JavaScript was given, room that C++ containers keep, and what a block takes beyond
//! what was asked for. A stream of HTTP/2 has four times as much: most of it is room for headers to come.
//!
//! # Parts of the process
//!
//! What is not of an object of JavaScript is of V8, Node.js, ICU, OpenSSL, another library, an add-on: certainly so (CERTAIN), where the block begins
//! with an object whose class is known, or is an isolate of V8; else by what leads to it first, a variable of a library or such an object. Whose a
//! variable is, its name tells or those of the variables around it; without symbols only its file is known. Of what was asked for by V8 and OpenSSL
//! themselves nine tenths are found so, and what is said to be theirs is so but for a twentieth. What leads to constants of OpenSSL, as a certificate
//! does, is OpenSSL's, whoever holds it. What nothing but stacks or memory of no known use leads to has a line of its own.
//!
//! # Limits
//!
//! Only glibc from 2.26 on (2.31 to 2.42 have been tried), and musl from 1.2.1 on. jemalloc, mimalloc and tcmalloc are named, not read. A class is
//! known where an object has virtual functions and the binary has symbols, and of classes of Node.js also where it has none: most blocks are
//! plain memory.

use std::cmp::Reverse;
use std::collections::HashMap;

use core_reader::{Arena, RunKind};
use serde_json::json;

use crate::answers::native_memory;
use crate::answers::native_owners::{OwnerClass, native_owners};
use crate::answers::native_parts::NativeParts;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Column, Table, hex};
use crate::stage::Out;
use crate::value::Kind;

static ARENAS: Table = Table::new(&[
    Column::left("ARENA", 16),
    Column::right("BLOCKS", 10),
    Column::right("USED", 14),
    Column::right("FREE", 14),
    Column::right("CACHED", 12),
    Column::right("TOP", 12),
    Column::right("SYSTEM", 14),
    Column::right("WHOLE", 14),
]);
static SIZES: Table =
    Table::new(&[Column::right("SIZE", 14), Column::right("BLOCKS", 10), Column::right("BYTES", 14)]);
static CLASSES: Table =
    Table::new(&[Column::right("BLOCKS", 10), Column::right("BYTES", 14), Column::left("CLASS", 0)]);

static OWNERS: Table = Table::new(&[
    Column::right("OBJECTS", 10),
    Column::right("BLOCKS", 10),
    Column::right("BYTES", 14),
    Column::left("OWNER", 0),
]);

static PARTS: Table = Table::new(&[
    Column::right("BLOCKS", 10),
    Column::right("BYTES", 14),
    Column::right("CERTAIN", 14),
    Column::left("PART", 0),
]);
static BLOCKS: Table = Table::new(&[
    Column::right("BLOCK", 16),
    Column::right("BYTES", 14),
    Column::left("", 9),
    Column::left("PART", 0),
]);

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "native",
        "::malloc",
        r#"
...
ARENA                BLOCKS           USED           FREE       CACHED          TOP         SYSTEM          WHOLE
main                   1595         105056        2044512            0       131904        2281472        2150400
7f47ec000030              2           4672              0            0       128240         135168              0
mappings                  0              0              0            0            0              0              0
all                    1597         109728        2044512            0       260144        2416640        2150400
"#,
    ),
    Example::on(
        "native",
        "::malloc -s ! head -4",
        r#"
          SIZE     BLOCKS          BYTES
            48       1000          48000
          3008          8          24064
            32        500          16000
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "malloc",
    aliases: &[],
    summary: "say what the C library's allocator has, and what of it is free",
    family: Family::Memory,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('s', "blocks in use by size"),
        Opt::flag('c', "blocks in use by C++ class"),
        Opt::flag('o', "blocks in use by owner, estimated"),
        Opt::flag('p', "blocks in use by part of the process, estimated"),
        Opt::flag('v', "with -p each block"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("malloc.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (by_size, by_class, by_owner, as_json) =
            (args.has('s'), args.has('c'), args.has('o'), args.has('j'));
        let (by_part, each) = (args.has('p'), args.has('v'));
        Ok(for_each(move |context, item, out| match item {
            Some(item) => block(context, item.word, as_json, out),
            None if by_size => sizes(context, as_json, out),
            None if by_class => classes(context, as_json, out),
            None if by_owner => owners(context, as_json, out),
            None if by_part => parts(context, each, as_json, out),
            None => arenas(context, as_json, out),
        }))
    },
};

/// Sums of an arena, or of all.
#[derive(Clone, Copy, Default)]
struct Sums {
    blocks: u64,
    used: u64,
    free: u64,
    cached: u64,
    top: u64,
    system: u64,
    whole: u64,
}

impl Sums {
    fn of(arena: &Arena, whole: u64) -> Sums {
        Sums {
            blocks: arena.used.0,
            used: arena.used.1,
            free: arena.free.1,
            cached: arena.fast.1 + arena.cached.1,
            top: arena.top,
            system: arena.system,
            whole,
        }
    }

    fn add(&mut self, other: Sums) {
        self.blocks += other.blocks;
        self.used += other.used;
        self.free += other.free;
        self.cached += other.cached;
        self.top += other.top;
        self.system += other.system;
        self.whole += other.whole;
    }

    fn json(self) -> serde_json::Value {
        json!({
            "blocks": self.blocks, "used": self.used, "free": self.free, "cached": self.cached, "top": self.top,
            "system": self.system, "wholePages": self.whole,
        })
    }

    fn row(self, name: &str, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let row: [&dyn std::fmt::Display; 8] =
            [&name, &self.blocks, &self.used, &self.free, &self.cached, &self.top, &self.system, &self.whole];
        Ok(ARENAS.row(&row, &mut out.text())?)
    }
}

fn arenas(context: &Context, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let malloc = native_memory::malloc(context)?;
    let whole = native_memory::whole_pages(malloc);
    if !as_json {
        ARENAS.heading(context.colours, &mut out.text())?;
    }
    let mut all = Sums::default();
    for (arena, whole) in malloc.arenas().iter().zip(&whole) {
        let sums = Sums::of(arena, *whole);
        let name = native_memory::arena_name(arena);
        if as_json {
            let mut json = sums.json();
            json["arena"] = json!(hex(arena.address.0));
            json["main"] = json!(arena.is_main);
            json["notFound"] = json!(arena.system.saturating_sub(arena.walked));
            out.json(&json)?;
        } else {
            sums.row(&name, out)?;
        }
        all.add(sums);
    }
    let (count, bytes) = malloc.mapped();
    let mapped = Sums { blocks: count, used: bytes, system: bytes, ..Sums::default() };
    all.add(mapped);
    if as_json {
        let mut json = mapped.json();
        json["arena"] = json!(null);
        out.json(&json)?;
    } else {
        mapped.row("mappings", out)?;
        all.row("all", out)?;
    }
    for problem in native_memory::not_found(malloc) {
        context.warn(&problem);
    }
    Ok(())
}

fn sizes(context: &Context, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let malloc = native_memory::malloc(context)?;
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for block in malloc.blocks().iter().filter(|block| block.state.is_used()) {
        *counts.entry(block.chunk_bytes).or_default() += 1;
    }
    let mut rows: Vec<(u64, u64)> = counts.into_iter().collect();
    rows.sort_unstable_by_key(|(size, count)| (Reverse(size * count), *size));
    if !as_json {
        SIZES.heading(context.colours, &mut out.text())?;
    }
    for (size, count) in rows {
        context.check_interrupt()?;
        if as_json {
            out.json(&json!({ "size": size, "blocks": count, "bytes": size * count }))?;
        } else {
            SIZES.row(&[&size, &count, &(size * count)], &mut out.text())?;
        }
    }
    Ok(())
}

fn classes(context: &Context, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let malloc = native_memory::malloc(context)?;
    let mut known: HashMap<u64, Option<String>> = HashMap::new();
    let mut counts: HashMap<String, (u64, u64)> = HashMap::new();
    for block in malloc.blocks().iter().filter(|block| block.state.is_used()) {
        context.check_interrupt()?;
        let Some(first) = native_memory::table_word(context.target()?.core(), &block) else { continue };
        let class = known.entry(first).or_insert_with(|| native_memory::class_of(context, &block));
        if let Some(class) = class {
            let sum = counts.entry(class.clone()).or_default();
            *sum = (sum.0 + 1, sum.1 + block.chunk_bytes);
        }
    }
    if counts.is_empty() {
        context.tell_of_nothing(
            &"no block starts with an object whose class is known: that needs the symbols of the executable",
        );
        return Ok(());
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_unstable_by(|one, other| other.1.1.cmp(&one.1.1).then_with(|| one.0.cmp(&other.0)));
    if !as_json {
        CLASSES.heading(context.colours, &mut out.text())?;
    }
    for (class, (count, bytes)) in rows {
        if as_json {
            out.json(&json!({ "class": class, "blocks": count, "bytes": bytes }))?;
        } else {
            CLASSES.row(&[&count, &bytes, &class], &mut out.text())?;
        }
    }
    Ok(())
}

fn owners(context: &Context, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let all = native_owners(context)?;
    if !as_json {
        OWNERS.heading(context.colours, &mut out.text())?;
    }
    let mut classes: Vec<_> = all.classes.iter().collect();
    classes.sort_by_key(|(_, class)| Reverse(class.bytes));
    for ((constructor, class), sums) in classes {
        let OwnerClass { objects, blocks, bytes } = sums;
        if as_json {
            out.json(&json!({
                "constructor": constructor, "class": class, "objects": objects, "blocks": blocks, "bytes": bytes,
            }))?;
            continue;
        }
        let name = match class {
            Some(class) => format!("{constructor} ({class})"),
            None => constructor.clone(),
        };
        OWNERS.row(&[objects, blocks, bytes, &name], &mut out.text())?;
    }
    for ((blocks, bytes), key, name) in [
        (all.buffers, "buffers", "buffers of JavaScript"),
        (all.strings, "strings", "strings that JavaScript has outside of its heap"),
        (all.shared, "shared", "as near to several owners"),
        (all.elsewhere, "elsewhere", "of data, stacks and other memory"),
        (all.nobody, "nobody", "only V8's pages lead to them, or nothing (::findleaks)"),
        (all.own, "own", "malloc's own"),
    ] {
        if as_json {
            out.json(&json!({ "other": key, "blocks": blocks, "bytes": bytes }))?;
        } else if blocks > 0 {
            OWNERS.row(&[&"-", &blocks, &bytes, &name], &mut out.text())?;
        }
    }
    Ok(())
}

fn parts(context: &Context, each: bool, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let malloc = native_memory::malloc(context)?;
    let parts = NativeParts::of(context.target()?, &context.progress())?;
    if each {
        if !as_json {
            BLOCKS.heading(context.colours, &mut out.text())?;
        }
        for (id, part, is_certain) in parts.blocks() {
            context.check_interrupt()?;
            let Some(block) = malloc.blocks().get(id) else { continue };
            if as_json {
                out.json(&json!({
                    "block": hex(block.start.0), "bytes": block.chunk_bytes, "part": part.name(), "certain": is_certain,
                }))?;
            } else {
                let certain = if is_certain { "" } else { "estimated" };
                BLOCKS.row(&[&block.start, &block.chunk_bytes, &certain, &part.name()], &mut out.text())?;
            }
        }
        return Ok(());
    }
    if !as_json {
        PARTS.heading(context.colours, &mut out.text())?;
    }
    for (part, sum) in parts.by_bytes() {
        if as_json {
            out.json(&json!({
                "part": part.name(), "blocks": sum.blocks, "bytes": sum.bytes, "certain": sum.certain,
            }))?;
        } else {
            PARTS.row(&[&sum.blocks, &sum.bytes, &sum.certain, &part.name()], &mut out.text())?;
        }
    }
    Ok(())
}

fn block(context: &Context, address: u64, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    use std::io::Write as _;
    let malloc = native_memory::malloc(context)?;
    let Some(block) = malloc.blocks().around(address) else {
        return Err(DcmdError::failed(format!("{address:x} is in no block of malloc")));
    };
    let class = native_memory::class_of(context, &block);
    if as_json {
        let run = malloc.blocks().runs().get(block.run).map(|run| run.kind);
        return out.json(&json!({
            "block": hex(block.start.0),
            "bytes": block.bytes,
            "state": block.state.name(),
            "class": class,
            "mapped": run == Some(RunKind::Mapped),
        }));
    }
    writeln!(
        out.text(),
        "{}: {} bytes, {}, {}{}",
        block.start,
        block.bytes,
        block.state.name(),
        native_memory::place_of(malloc, &block),
        class.map_or_else(String::new, |class| format!(", {class}"))
    )?;
    Ok(())
}

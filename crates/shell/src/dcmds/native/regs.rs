//! `::regs`: print the registers of a thread.
//!
//! Of the current thread, or of the one whose id stands in front. Where a register holds an address that has a symbol, the
//! symbol follows. The flags that are set are in capitals.
//!
//! `orig_rax` is the number of the system call that the thread was in; -1 if it was in none. Linux does not record the trap
//! number and error code of a fault in a core; `::signal` tells what happened.

use std::io::Write;

use core_reader::{Registers, Thread};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::stage::Out;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::regs",
        r#"
%rax = 0xfffffffffffffe00                 %r8  = 0x0000000000000000
%rbx = 0x0000000000000000                 %r9  = 0xffffffffffffffff
%rcx = 0x00007ff64bf1f829 libc.so.6`syscall+0x19 %r10 = 0x0000000000000000
...
"#,
    ),
    Example::on(
        "leak-24",
        "$r",
        r#"
%rax = 0xfffffffffffffe00                 %r8  = 0x0000000000000000
%rbx = 0x0000000000000000                 %r9  = 0xffffffffffffffff
%rcx = 0x00007ff64bf1f829 libc.so.6`syscall+0x19 %r10 = 0x0000000000000000
...
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "regs",
    aliases: &["$r"],
    summary: "print the registers of a thread",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("regs.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, item, out| {
            let thread = context.thread_of(item)?;
            if as_json {
                return out.json(&line_of(context, thread));
            }
            print(context, &thread.registers, out)
        }))
    },
};

/// All registers as one line, with the symbols of those that hold an address of one.
fn line_of(context: &Context, thread: &Thread) -> Value {
    let r = &thread.registers;
    let registers = [
        ("rax", r.rax),
        ("rbx", r.rbx),
        ("rcx", r.rcx),
        ("rdx", r.rdx),
        ("rsi", r.rsi),
        ("rdi", r.rdi),
        ("r8", r.r8),
        ("r9", r.r9),
        ("r10", r.r10),
        ("r11", r.r11),
        ("r12", r.r12),
        ("r13", r.r13),
        ("r14", r.r14),
        ("r15", r.r15),
        ("cs", r.cs),
        ("ds", r.ds),
        ("es", r.es),
        ("fs", r.fs),
        ("gs", r.gs),
        ("ss", r.ss),
        ("fsbase", r.fs_base),
        ("gsbase", r.gs_base),
        ("rip", r.rip),
        ("rbp", r.rbp),
        ("rsp", r.rsp),
        ("rflags", r.rflags),
        ("orig_rax", r.orig_rax),
    ];
    let symbol = |value| Some(Value::from(context.symbolic(value)?));
    let symbols: Map<String, Value> =
        registers.iter().filter_map(|(name, value)| Some(((*name).to_owned(), symbol(*value)?))).collect();
    let registers: Map<String, Value> =
        registers.iter().map(|(name, value)| ((*name).to_owned(), hex(*value))).collect();
    json!({ "thread": thread.id, "registers": registers, "symbols": symbols })
}

/// Column at which the second register of a line begins.
const SECOND: usize = 42;

/// Prints registers as `::regs` does.
pub(super) fn print(context: &Context, r: &Registers, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let shown = |value: u64| match context.symbolic(value) {
        Some(symbol) => format!("{value:#018x} {}", escape(&symbol)),
        None => format!("{value:#018x}"),
    };
    let pairs = [
        (Some(("rax", r.rax)), ("r8", r.r8)),
        (Some(("rbx", r.rbx)), ("r9", r.r9)),
        (Some(("rcx", r.rcx)), ("r10", r.r10)),
        (Some(("rdx", r.rdx)), ("r11", r.r11)),
        (Some(("rsi", r.rsi)), ("r12", r.r12)),
        (Some(("rdi", r.rdi)), ("r13", r.r13)),
        (None, ("r14", r.r14)),
        (None, ("r15", r.r15)),
    ];
    let mut text = out.text();
    for (left, (name, value)) in pairs {
        let left = left.map_or_else(String::new, |(name, value)| format!("%{name:<3} = {}", shown(value)));
        let gap = SECOND.saturating_sub(left.chars().count()).max(1);
        writeln!(text, "{left}{:gap$}%{name:<3} = {}", "", shown(value))?;
    }
    writeln!(text)?;
    writeln!(text, "%cs = {:#06x}    %fs = {:#06x}    %gs = {:#06x}", r.cs, r.fs, r.gs)?;
    writeln!(text, "%ds = {:#06x}    %es = {:#06x}    %ss = {:#06x}", r.ds, r.es, r.ss)?;
    writeln!(text, "%fsbase = {:#018x}    %gsbase = {:#018x}", r.fs_base, r.gs_base)?;
    writeln!(text)?;
    for (name, value) in [("rip", r.rip), ("rbp", r.rbp), ("rsp", r.rsp)] {
        writeln!(text, "%{name} = {}", shown(value))?;
    }
    writeln!(text)?;
    writeln!(text, "%rflags = {:#010x}", r.rflags)?;
    let bit = |bit: u32| r.rflags >> bit & 1;
    writeln!(
        text,
        "  id={} vip={} vif={} ac={} vm={} rf={} nt={} iopl={}",
        bit(21),
        bit(20),
        bit(19),
        bit(18),
        bit(17),
        bit(16),
        bit(14),
        r.rflags >> 12 & 3
    )?;
    let status: Vec<String> =
        [("of", 11), ("df", 10), ("if", 9), ("tf", 8), ("sf", 7), ("zf", 6), ("af", 4), ("pf", 2), ("cf", 0)]
            .iter()
            .map(|(name, number)| if bit(*number) == 1 { name.to_uppercase() } else { (*name).to_owned() })
            .collect();
    writeln!(text, "  status=<{}>", status.join(","))?;
    writeln!(text)?;
    Ok(writeln!(text, "%orig_rax = {:#018x}", r.orig_rax)?)
}

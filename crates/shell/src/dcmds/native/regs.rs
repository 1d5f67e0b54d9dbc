//! `::regs`: print the registers of a thread.
//!
//! Of the current thread, or of the one whose id stands in front. Where a register holds an address that has a symbol, the
//! symbol follows. The flags that are set are in capitals.
//!
//! `orig_rax` is the number of the system call that the thread was in; -1 if it was in none. Linux does not record the trap
//! number and error code of a fault in a core; `::signal` tells what happened.

use std::io::Write;

use core_reader::{AARCH64, Architecture, Registers, Thread, X86_64};
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
    let symbol = |value| Some(Value::from(context.symbolic(value)?));
    let registers = || thread.registers.named();
    let symbols: Map<String, Value> =
        registers().filter_map(|(name, value)| Some((name.to_owned(), symbol(value)?))).collect();
    let registers: Map<String, Value> =
        registers().map(|(name, value)| (name.to_owned(), hex(value))).collect();
    json!({ "thread": thread.id, "registers": registers, "symbols": symbols })
}

/// Column at which the second register of a line begins.
const SECOND: usize = 42;

/// How the registers of a processor are printed.
struct Form {
    of: &'static Architecture,
    /// Columns of a name.
    name_width: usize,
    /// Two to a line, with symbols.
    pairs: &'static [(&'static str, &'static str)],
    /// Lines of registers that hold no addresses, each with its digits.
    plain: &'static [&'static [(&'static str, usize)]],
    /// One to a line, with symbols.
    places: &'static [&'static str],
    /// The register of flags, its digits, its fields (name, lowest bit, bits), and its conditions (name, bit).
    flags: (&'static str, usize),
    fields: &'static [(&'static str, u32, u32)],
    conditions: &'static [(&'static str, u32)],
    /// What follows.
    last: &'static [(&'static str, usize)],
}

static FORMS: [Form; 2] = [
    Form {
        of: &X86_64,
        name_width: 3,
        pairs: &[
            ("rax", "r8"),
            ("rbx", "r9"),
            ("rcx", "r10"),
            ("rdx", "r11"),
            ("rsi", "r12"),
            ("rdi", "r13"),
            ("", "r14"),
            ("", "r15"),
        ],
        plain: &[
            &[("cs", 4), ("fs", 4), ("gs", 4)],
            &[("ds", 4), ("es", 4), ("ss", 4)],
            &[("fsbase", 16), ("gsbase", 16)],
        ],
        places: &["rip", "rbp", "rsp"],
        flags: ("rflags", 8),
        fields: &[
            ("id", 21, 1),
            ("vip", 20, 1),
            ("vif", 19, 1),
            ("ac", 18, 1),
            ("vm", 17, 1),
            ("rf", 16, 1),
            ("nt", 14, 1),
            ("iopl", 12, 2),
        ],
        conditions: &[
            ("of", 11),
            ("df", 10),
            ("if", 9),
            ("tf", 8),
            ("sf", 7),
            ("zf", 6),
            ("af", 4),
            ("pf", 2),
            ("cf", 0),
        ],
        last: &[("orig_rax", 16)],
    },
    Form {
        of: &AARCH64,
        name_width: 3,
        pairs: &[
            ("x0", "x15"),
            ("x1", "x16"),
            ("x2", "x17"),
            ("x3", "x18"),
            ("x4", "x19"),
            ("x5", "x20"),
            ("x6", "x21"),
            ("x7", "x22"),
            ("x8", "x23"),
            ("x9", "x24"),
            ("x10", "x25"),
            ("x11", "x26"),
            ("x12", "x27"),
            ("x13", "x28"),
            ("x14", "x29"),
        ],
        plain: &[&[("tpidr_el0", 16)]],
        places: &["pc", "x30", "sp"],
        flags: ("pstate", 8),
        fields: &[("ssbs", 12, 1), ("btype", 10, 2), ("el", 2, 2)],
        conditions: &[("n", 31), ("z", 30), ("c", 29), ("v", 28)],
        last: &[],
    },
];

/// Prints registers as `::regs` does.
pub(super) fn print(context: &Context, registers: &Registers, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let form = FORMS.iter().find(|form| form.of == registers.architecture()).unwrap_or(&FORMS[0]);
    let value = |name: &str| registers.get(name).unwrap_or(0);
    let shown = |name: &str| {
        let value = value(name);
        match context.symbolic(value) {
            Some(symbol) => format!("{value:#018x} {}", escape(&symbol)),
            None => format!("{value:#018x}"),
        }
    };
    let width = form.name_width;
    let mut text = out.text();
    for (left, right) in form.pairs {
        let left = match *left {
            "" => String::new(),
            left => format!("%{left:<width$} = {}", shown(left)),
        };
        let gap = SECOND.saturating_sub(left.chars().count()).max(1);
        writeln!(text, "{left}{:gap$}%{right:<width$} = {}", "", shown(right))?;
    }
    writeln!(text)?;
    let plain =
        |(name, digits): &(&str, usize)| format!("%{name} = {:#0width$x}", value(name), width = digits + 2);
    for line in form.plain {
        writeln!(text, "{}", line.iter().map(plain).collect::<Vec<_>>().join("    "))?;
    }
    writeln!(text)?;
    for name in form.places {
        writeln!(text, "%{name} = {}", shown(name))?;
    }
    writeln!(text)?;
    writeln!(text, "{}", plain(&form.flags))?;
    let flags = value(form.flags.0);
    let bits = |lowest: u32, count: u32| flags >> lowest & ((1 << count) - 1);
    let fields = form.fields.iter().map(|(name, lowest, count)| format!("{name}={}", bits(*lowest, *count)));
    writeln!(text, "  {}", fields.collect::<Vec<_>>().join(" "))?;
    let conditions = form.conditions.iter().map(|(name, number)| match bits(*number, 1) {
        1 => name.to_uppercase(),
        _ => (*name).to_owned(),
    });
    writeln!(text, "  status=<{}>", conditions.collect::<Vec<_>>().join(","))?;
    if !form.last.is_empty() {
        writeln!(text)?;
    }
    for register in form.last {
        writeln!(text, "{}", plain(register))?;
    }
    Ok(())
}

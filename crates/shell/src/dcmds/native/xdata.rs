//! `::xdata`: list what the core holds besides memory.
//!
//! Its notes: owner, type, name if it is known, size in bytes.

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::output::{Column, Hex, Table, escape};

static TABLE: Table = Table::new(&[
    Column::left("OWNER", 10),
    Column::right("TYPE", 8),
    Column::left("NAME", 14),
    Column::right("SIZE", 7),
    Column::left("", 0),
]);

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::xdata",
    r#"
OWNER          TYPE NAME              SIZE
CORE              3 prpsinfo           136 the process as ps shows it
CORE              1 prstatus           336 a thread: signal and registers
CORE       53494749 siginfo            128 the signal
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "xdata",
    aliases: &[],
    summary: "list what the core holds besides memory",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("xdata.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, _, out| {
            TABLE.heading(context.colours, &mut out.text())?;
            for note in context.target()?.core().raw_notes() {
                context.check_interrupt()?;
                let owner = String::from_utf8_lossy(note.owner);
                let known = NAMES.iter().find(|(kind, name, ..)| *kind == note.kind && *name == owner);
                let (name, meaning) = known.map_or(("", ""), |(_, _, name, meaning)| (*name, *meaning));
                let row: [&dyn std::fmt::Display; 5] =
                    [&escape(&owner), &Hex(u64::from(note.kind)), &name, &note.data.len(), &meaning];
                TABLE.row(&row, &mut out.text())?;
            }
            let origin = context.target()?.core().origin();
            if let Some(origin) = origin {
                writeln!(out.text(), "{}", escape(origin))?;
            }
            Ok(())
        }))
    },
};

/// `NT_*` of `elf.h`, and those of v8mdb.
const NAMES: [(u32, &str, &str, &str); 11] = [
    (1, "CORE", "prstatus", "a thread: signal and registers"),
    (2, "CORE", "fpregset", "floating point registers of the thread before"),
    (3, "CORE", "prpsinfo", "the process as ps shows it"),
    (6, "CORE", "auxv", "what the kernel told the program at its start"),
    (0x5349_4749, "CORE", "siginfo", "the signal"),
    (0x4649_4c45, "CORE", "file", "the mapped files"),
    (0x202, "LINUX", "xstate", "extended registers of the thread before"),
    (0x204, "LINUX", "shstk", "shadow stack of the thread before"),
    (0x205, "LINUX", "xsave_layout", "where the extended registers are"),
    (1, "v8mdb", "symbols", "symbols carried in the core"),
    (2, "v8mdb", "origin", "how the core was made"),
];

//! `::vars`: list the variables.
//!
//! All of them with their values; `-n`, and `$v`, only those that are not zero; `-t` only those that `::typeset -t` has marked;
//! `-p` in a form that can be read back. The registers of the current thread are variables too, which cannot be assigned to: they come
//! last, and `-p` and `-t` leave them out.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", "1234>x", ""),
    Example::on(
        "leak-24",
        "::vars -n",
        r#"
...
x = 1234
...
"#,
    ),
    Example::on(
        "leak-24",
        "::vars -np",
        r#"
...
0x1234>x
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "vars",
    aliases: &["$v"],
    summary: "list the variables",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[
        Opt::flag('n', "only variables that are not zero"),
        Opt::flag('p', "print assignments that can be read back"),
        Opt::flag('t', "only variables that are marked"),
    ],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("vars.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let non_zero = args.has('n') || args.called() == "$v";
        let (assignments, tagged) = (args.has('p'), args.has('t'));
        Ok(for_each(move |context, _, out| {
            for (name, variable) in context.variables.borrow().iter() {
                let value = variable.value;
                if (non_zero && value == 0) || (tagged && !variable.tagged) {
                    continue;
                }
                let name = escape(name);
                if assignments {
                    writeln!(out.text(), "{value:#x}>{name}")?;
                } else {
                    writeln!(out.text(), "{name} = {value:x}")?;
                }
            }
            let Ok(thread) = context.thread() else { return Ok(()) };
            let registers = &thread.registers;
            for name in registers.architecture().listed.iter().filter(|_| !assignments && !tagged) {
                let value = registers.get(name).unwrap_or(0);
                if value != 0 || !non_zero {
                    writeln!(out.text(), "{name} = {value:x}")?;
                }
            }
            Ok(())
        }))
    },
};

//! `::findsym`: find symbols by a part of their name.
//!
//! As it stands in the symbol table, or as in the source. With `-r` the text is a regular expression. Prints each with its
//! address; in a pipe the addresses flow on.
//!
//! Undefined symbols, files and sections are left out, and so are thread-local variables, which have no address of their own.

use std::collections::HashSet;
use std::io::Write;

use core_reader::{SymbolEntry, TableKind, demangle};
use regex::{Regex, RegexBuilder};
use serde_json::json;

use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::findsym pthread_cond_wait",
        r#"
0x7ff64bea4d40 libc.so.6`__pthread_cond_wait_2_0
0x7ff64bea63f0 libc.so.6`__GI___pthread_cond_wait
0x7ff64bea63f0 libc.so.6`___pthread_cond_wait
0x7ff64bea63f0 libc.so.6`pthread_cond_wait
0x7ff64bea4d40 libc.so.6`pthread_cond_wait
"#,
    ),
    Example::on(
        "leak-24",
        "::findsym -r '^epoll_.*wait$'",
        r#"
0x7ff64bf26ee0 libc.so.6`epoll_wait
0x7ff64bf26c40 libc.so.6`epoll_pwait
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "findsym",
    aliases: &[],
    summary: "find symbols by a part of their name",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Address),
    options: &[
        Opt::flag('i', "upper and lower case are the same"),
        Opt::flag('r', "the text is a regular expression"),
        Opt::text('o', "object", "only symbols of this object").filter(),
        Opt::JSON,
    ],
    operands: Operands::one("text").filter(),
    needs: &[Capability::Core],
    manual: include_str!("findsym.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = wanted(args)?;
        let as_json = args.has('j');
        let object = args.text('o').map(str::to_owned);
        Ok(for_each(move |context, _, out| {
            let target = context.target()?;
            let mut any_object = false;
            for (index, module) in target.core().modules().iter().enumerate() {
                if object.as_deref().is_some_and(|object| !module.is_called(object)) {
                    continue;
                }
                any_object = true;
                let mut seen = HashSet::new();
                // A stripped object has the dynamic table alone.
                let table = match target.symbols().entries(index, TableKind::Static).next() {
                    Some(_) => TableKind::Static,
                    None => TableKind::Dynamic,
                };
                for (number, entry) in target.symbols().entries(index, table).enumerate() {
                    if number % 1024 == 0 {
                        context.check_interrupt()?;
                    }
                    if !has_address(&entry) || !wanted.matches(&entry.name) {
                        continue;
                    }
                    let name = entry.name.split('@').next().unwrap_or_default().to_owned();
                    if !seen.insert((entry.value, name.clone())) {
                        continue;
                    }
                    if out.is_pipe() {
                        if out.emit(Item::address(entry.value))? == Flow::Enough {
                            return Ok(());
                        }
                        continue;
                    }
                    let shown = context.symbol_name(&name);
                    if as_json {
                        let object = module.name();
                        out.json(&json!({ "address": hex(entry.value), "name": shown, "object": object }))?;
                        continue;
                    }
                    let object =
                        if module.executable { String::new() } else { format!("{}`", module.name()) };
                    writeln!(out.text(), "{:#x} {}{}", entry.value, escape(&object), escape(&shown))?;
                }
            }
            match (&object, any_object) {
                (Some(object), false) => {
                    Err(DcmdError::failed(format!("{}: unknown object file name", escape(object))))
                }
                _ => Ok(()),
            }
        }))
    },
};

struct Wanted {
    regex: Regex,
    /// Every name that matches as in the source has this in the symbol table.
    spelt_out: Option<String>,
}

fn wanted(args: &Args) -> Result<Wanted, DcmdError> {
    let text = args.operand(0).ok_or_else(|| DcmdError::usage(""))?;
    let pattern = if args.has('r') { text.to_owned() } else { regex::escape(text) };
    let regex = RegexBuilder::new(&pattern).case_insensitive(args.has('i')).size_limit(1 << 22).build();
    let regex = regex.map_err(|error| DcmdError::abort(error.to_string().trim()))?;
    // Identifiers are spelt out in mangled names. All other words that demangling makes are in small letters, but for
    // `_Float16` and its like.
    let is_identifier = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.contains(|c: char| c.is_ascii_uppercase())
        && !text.contains('F');
    let spelt_out = (is_identifier && !args.has('r') && !args.has('i')).then(|| text.to_owned());
    Ok(Wanted { regex, spelt_out })
}

impl Wanted {
    fn matches(&self, name: &str) -> bool {
        let name = name.split('@').next().unwrap_or_default();
        if self.regex.is_match(name) {
            return true;
        }
        self.spelt_out.as_ref().is_none_or(|text| name.contains(text.as_str()))
            && demangle(name).is_some_and(|name| self.regex.is_match(&name))
    }
}

/// It is a function or variable, or a label among them.
fn has_address(entry: &SymbolEntry<'_>) -> bool {
    !entry.is_undefined() && !entry.name.is_empty() && !matches!(entry.kind, 3 | 4 | 6)
}

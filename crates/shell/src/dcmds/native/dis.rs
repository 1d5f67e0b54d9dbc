//! `::dis`: disassemble machine code.
//!
//! At the address of a function, or for its name: the whole function. At any other address: a window around it, ten
//! instructions before and after, the one at the address in bold. Without any address: eleven instructions from dot on. Dot
//! moves behind the last one.
//!
//! The syntax is that of the GNU tools: the destination comes last. Targets of branches and operands relative to the
//! instruction are followed by their symbols. A C++ function can be named as in the source, without its parameters, unless
//! several are called so.
//!
//! Of machine code that V8 has made of a JavaScript function it is as if that had a symbol, with offsets from its first instruction. A line
//! that begins with `;` says what made it, and where the instructions behind it come from: the function with file, line and column, and
//! those into which optimised code has merged it. `$C` and `::jsstack` say the same of calls.
//!
//! # Limits
//!
//! Instructions of x86 have no fixed length. Before an address in code without a symbol the bytes can be read in more than one way: what is
//! shown there is one that leads to the address. V8 keeps places of calls and of what may throw: an instruction between two belongs to
//! the first as far as that says.

use std::cell::RefCell;
use std::io::Write;

use core_reader::Address;
use serde_json::json;

use crate::answers::machine_code::JavaScriptCode;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::disassembly::{before, instruction, path};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::stage::Out;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "<rip::dis -n 2",
    r#"
libc.so.6`syscall+0x12:         mov    0x8(%rsp),%r9
libc.so.6`syscall+0x17:         syscall
libc.so.6`syscall+0x19:         cmp    $0xfffffffffffff001,%rax
libc.so.6`syscall+0x1f:         jae    0x7ff64bf1f832 <libc.so.6`syscall+0x22>
libc.so.6`syscall+0x21:         ret
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "dis",
    aliases: &[],
    summary: "disassemble machine code",
    family: Family::Memory,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('a', "print addresses without symbols"),
        Opt::flag('b', "print addresses and symbols"),
        Opt::flag('f', "accepted; code is read from the file where the core leaves it out"),
        Opt::flag('w', "a window around the address, even if a function begins there"),
        Opt::number('n', "instructions", "how many before and after the address"),
        Opt::JSON,
    ],
    operands: Operands::optional("[symbol | addr]"),
    needs: &[Capability::Core],
    manual: include_str!("dis.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let label = match (args.has('a'), args.has('b')) {
            (true, _) => Label::Address,
            (false, true) => Label::Both,
            (false, false) => Label::Symbol,
        };
        let (window, number, as_json) = (args.has('w'), args.number('n'), args.has('j'));
        let operand = args.operands().first().cloned();
        Ok(for_each(move |context, item, out| {
            let wanted = usize::try_from(number.unwrap_or(10)).unwrap_or(usize::MAX);
            let address = match (&operand, item) {
                (Some(word), _) => Some(match (word.text(), word.number(context.settings.radix.get())) {
                    (Some(text), _) if context.find_symbol(text).is_ok() => named(context, text)?,
                    (_, Some(number)) => number,
                    (Some(text), None) => named(context, text)?,
                    (None, None) => return Err(DcmdError::usage("")),
                }),
                (None, Some(item)) => Some(item.word),
                (None, None) => None,
            };
            let first = address.unwrap_or_else(|| context.dot());
            let symbol = context.target()?.symbols().nearest(Address(first), 0);
            let heap = if symbol.is_none() { context.heap().ok() } else { None };
            let code = heap.and_then(|heap| JavaScriptCode::at(heap, first));
            let range = code.as_ref().map(JavaScriptCode::range);
            let page = Page { context, label, as_json, code, last: RefCell::default() };
            let Some(address) = address else {
                return page.forward(first, wanted.saturating_add(1), None, out);
            };
            if let Some((start, end)) = range {
                if address == start && !window {
                    return match number {
                        Some(_) => page.forward(address, wanted.saturating_add(1), None, out),
                        None => page.until(address, end, out),
                    };
                }
                if let Some(starts) = path(context, start, address) {
                    let before = &starts[starts.len().saturating_sub(wanted)..];
                    let first = before.first().copied().unwrap_or(address);
                    let count = before.len().saturating_add(wanted).saturating_add(1);
                    return page.forward(first, count, Some(address), out);
                }
            }
            let function = symbol.filter(|found| found.symbol.address.0 == address && !window);
            match function {
                Some(_) if number.is_some() => page.forward(address, wanted.saturating_add(1), None, out),
                Some(found) => page.until(address, address.saturating_add(found.symbol.size.max(1)), out),
                None => {
                    let (starts, _) = before(context, address, wanted)?;
                    let first = starts.first().copied().unwrap_or(address);
                    let count = starts.len().saturating_add(wanted).saturating_add(1);
                    page.forward(first, count, Some(address), out)
                }
            }
        }))
    },
};

fn named(context: &Context, name: &str) -> Result<u64, DcmdError> {
    context.find_symbol(name).map_err(|reason| {
        DcmdError::failed(format!("failed to dereference symbol: {reason}: {}", escape(name)))
    })
}

#[derive(Clone, Copy)]
enum Label {
    Symbol,
    Address,
    Both,
}

struct Page<'c> {
    context: &'c Context,
    label: Label,
    as_json: bool,
    /// The code of JavaScript in which it begins.
    code: Option<JavaScriptCode<'c>>,
    /// Where the line before comes from.
    last: RefCell<Vec<String>>,
}

impl Page<'_> {
    /// `count` instructions from `at` on.
    fn forward(&self, at: u64, count: usize, bold: Option<u64>, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let mut next = at;
        for _ in 0..count {
            next = self.line(next, bold, out)?;
            if next <= at {
                break;
            }
        }
        Ok(())
    }

    /// The instructions that begin in `[at, end)`.
    fn until(&self, at: u64, end: u64, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let mut next = at;
        while next < end {
            let line = next;
            next = self.line(line, None, out)?;
            if next <= line {
                break;
            }
        }
        Ok(())
    }

    /// One line; gives the address behind the instruction.
    fn line(&self, at: u64, bold: Option<u64>, out: &mut Out<'_>) -> Result<u64, DcmdError> {
        self.context.check_interrupt()?;
        let decoded = instruction(self.context, at)?;
        let next = at.wrapping_add(decoded.length as u64);
        self.context.set_dot(next);
        let code = self.code.as_ref().filter(|code| (code.range().0..code.range().1).contains(&at));
        let places = match code {
            Some(code) => code.places(at, &self.context.progress())?,
            None => Vec::new(),
        };
        if self.as_json {
            out.json(&json!({
                "source": places,
                "address": hex(at),
                "symbol": self.context.symbolic(at),
                "length": decoded.length,
                "instruction": decoded.text,
                "wanted": bold == Some(at),
            }))?;
            return Ok(next);
        }
        if let Some(code) = code.filter(|_| *self.last.borrow() != places && !places.is_empty()) {
            let merged: Vec<String> = places.iter().map(|place| escape(place).into_owned()).collect();
            writeln!(out.text(), "; {}: {}", code.tier().name(), merged.join(" in "))?;
            self.last.replace(places.clone());
        }
        let of_code = || {
            let (start, _) = code?.range();
            let name = places.last()?.split(" (").next().unwrap_or_default();
            Some(format!("{name}+{:#x}", at - start))
        };
        let symbol = || {
            let symbol = self.context.symbolic(at).or_else(of_code);
            symbol.map(|symbol| escape(&symbol).into_owned())
        };
        let label = match self.label {
            Label::Address => format!("{at:x}:"),
            Label::Both => match symbol() {
                Some(symbol) => format!("{at:x} {symbol}:"),
                None => format!("{at:x}:"),
            },
            Label::Symbol => format!("{}:", symbol().unwrap_or_else(|| format!("{at:#x}"))),
        };
        let line = format!("{label:<31} {}", decoded.text);
        if bold == Some(at) {
            writeln!(out.text(), "{}", self.context.colours.bold(line))?;
        } else {
            writeln!(out.text(), "{line}")?;
        }
        Ok(next)
    }
}

//! `::dump`: print memory in hexadecimal and as characters.
//!
//! From the address, or from dot. A count in front is the number of bytes (`addr,40::dump`), as is `-l`; without either, one
//! line. Lines are whole and begin at a multiple of 16, unless the options say otherwise; in the heading `\/` and `v` mark the
//! column of the address. Dot moves behind what was printed, so that a bare `::dump` goes on.
//!
//! With `-e` the bytes of each group are reversed, as a number in memory reads.

use std::io::Write;

use core_reader::{Address, Memory, MemoryError};

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_counted,
};
use crate::error::DcmdError;
use crate::stage::Out;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "12fd195c4fb8,20::dump",
    r#"
                0 1 2 3  4 5 6 7 \/ 9 a b  c d e f  01234567v9abcdef
12fd195c4fb0:  c98d5c19 fd120000 e1a2e1f7 50190000  ..\.........P...
12fd195c4fc0:  f90c0c3c b8290000 f90c0c3c b8290000  ...<.).....<.)..
12fd195c4fd0:  f94f5c19 fd120000 f9f5e3f7 50190000  .O\.........P...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "dump",
    aliases: &[],
    summary: "print memory in hexadecimal and as characters",
    family: Family::Memory,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('e', "reverse the bytes of each group"),
        Opt::flag('f', "accepted; memory that the core leaves out is read from the file"),
        Opt::flag('p', "accepted; a core has one address space"),
        Opt::flag('q', "no characters"),
        Opt::flag('r', "offsets instead of addresses; implies -u"),
        Opt::flag('s', "print * for lines that repeat the one before"),
        Opt::flag('t', "blanks for bytes that were not asked for"),
        Opt::flag('u', "begin lines at the address, not at a multiple of 16"),
        Opt::flag('v', "addresses in full width"),
        Opt::number('g', "bytes", "bytes in a group: 1, 2, 4, 8 or 16"),
        Opt::number('l', "bytes", "how many bytes"),
        Opt::number('w', "paragraphs", "paragraphs of 16 bytes in a line, 1 to 10"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("dump.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let dump = Format::new(args)?;
        let length = args.number('l');
        Ok(for_each_counted(move |context, item, count, out| {
            let start = item.map_or(context.dot(), |item| item.word);
            dump.print(context, start, length.or(count).unwrap_or(1), out)
        }))
    },
};

struct Format {
    reversed: bool,
    characters: bool,
    relative: bool,
    squeezed: bool,
    trimmed: bool,
    unaligned: bool,
    wide: bool,
    group: usize,
    /// Bytes in a line.
    line: usize,
}

impl Format {
    fn new(args: &Args) -> Result<Format, DcmdError> {
        let paragraphs = args.number('w').unwrap_or(1);
        let group = args.number('g').unwrap_or(4);
        if !(1..=16).contains(&paragraphs) {
            return Err(DcmdError::usage("the number of paragraphs must be 1 to 10"));
        }
        if !group.is_power_of_two() || group > 16 {
            return Err(DcmdError::usage("the size of a group must be 1, 2, 4, 8 or 10"));
        }
        Ok(Format {
            reversed: args.has('e'),
            characters: !args.has('q'),
            relative: args.has('r'),
            squeezed: args.has('s'),
            trimmed: args.has('t'),
            unaligned: args.has('u') || args.has('r'),
            wide: args.has('v'),
            group: group as usize,
            line: 16 * paragraphs as usize,
        })
    }

    fn print(&self, context: &Context, start: u64, length: u64, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let line = self.line as u64;
        let first = if self.unaligned { start } else { start - start % line };
        let wanted_end = start.saturating_add(length.max(1));
        // The last line may reach the end of the address space, and not beyond.
        let lines = (wanted_end - first).div_ceil(line);
        let width = match (self.wide, self.relative) {
            (true, _) => 16,
            (false, true) => digits(lines.saturating_mul(line).saturating_sub(1)),
            (false, false) => digits(first.saturating_add(lines.saturating_mul(line).saturating_sub(1))),
        };
        self.heading(width, start, first, out)?;
        let memory = context.memory()?;
        let mut previous: Option<Vec<u8>> = None;
        let mut starred = false;
        for index in 0..lines {
            context.check_interrupt()?;
            let Some(at) = first.checked_add(index * line) else { break };
            let mut bytes = vec![0; self.line];
            // Bytes that were not asked for need not be there.
            let (from, to) = if self.trimmed {
                let from = start.max(at);
                (from, wanted_end.min(at.saturating_add(line)))
            } else {
                (at, at.saturating_add(line))
            };
            let wanted = (from - at) as usize..(to - at) as usize;
            memory.read_into(Address(from), &mut bytes[wanted.clone()]).map_err(|error| {
                context.set_dot(at);
                unreadable(error)
            })?;
            let last = index + 1 == lines;
            if self.squeezed && !last && previous.as_ref() == Some(&bytes) {
                if !std::mem::replace(&mut starred, true) {
                    writeln!(out.text(), "*")?;
                }
                continue;
            }
            starred = false;
            let shown = if self.relative { at - first } else { at };
            write!(out.text(), "{shown:0width$x}:  ")?;
            self.line(&bytes, &wanted, out)?;
            previous = Some(bytes);
        }
        context.set_dot(first.saturating_add(lines.saturating_mul(line)));
        Ok(())
    }

    /// The order in which the bytes of a line are shown.
    fn order(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.line).map(|index| {
            let (group, within) = (index / self.group, index % self.group);
            group * self.group + if self.reversed { self.group - 1 - within } else { within }
        })
    }

    fn heading(&self, width: usize, start: u64, first: u64, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let mark = (start - first) as usize % self.line;
        let base = if self.relative { 0 } else { (first % 16) as usize };
        let mut text = out.text();
        write!(text, "{:1$}", "", width + 3)?;
        for (index, place) in self.order().enumerate() {
            if index > 0 && index % self.group == 0 {
                write!(text, " ")?;
            }
            match place == mark {
                true => write!(text, "\\/")?,
                false => write!(text, "{:2x}", (base + place) % 16)?,
            }
        }
        if self.characters {
            write!(text, "  ")?;
            for place in 0..self.line {
                match place == mark {
                    true => write!(text, "v")?,
                    false => write!(text, "{:x}", (base + place) % 16)?,
                }
            }
        }
        Ok(writeln!(text)?)
    }

    fn line(
        &self,
        bytes: &[u8],
        wanted: &std::ops::Range<usize>,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        let mut line = String::with_capacity(bytes.len() * 4);
        for (index, place) in self.order().enumerate() {
            if index > 0 && index % self.group == 0 {
                line.push(' ');
            }
            match wanted.contains(&place) {
                true => line.push_str(&format!("{:02x}", bytes[place])),
                false => line.push_str("  "),
            }
        }
        if self.characters {
            line.push_str("  ");
            for (place, byte) in bytes.iter().enumerate() {
                line.push(match byte {
                    _ if !wanted.contains(&place) => ' ',
                    b' '..=b'~' => char::from(*byte),
                    _ => '.',
                });
            }
        }
        Ok(writeln!(out.text(), "{line}")?)
    }
}

/// Hexadecimal digits of a number.
fn digits(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(4)
}

fn unreadable(error: MemoryError) -> DcmdError {
    let at = error.address().0;
    DcmdError::failed(match error {
        MemoryError::Unmapped(_) => format!("failed to read data at {at:#x}: no mapping for address"),
        error => format!("failed to read data at {at:#x}: {error}"),
    })
}

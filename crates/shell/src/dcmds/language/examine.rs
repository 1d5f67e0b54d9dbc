//! `/`: print what memory holds in a format.
//!
//! The address stands in front, the format behind: characters that each print what is at the address and move it on, with a
//! decimal repeat count if wanted, and quoted text. With a count the whole format runs that often, each time where the last
//! one ended; `+/J` goes on there. `::formats` lists the characters.
//!
//! The address is printed once in front. `n` starts a line, `a` prints the address reached. In front of a `|` no address is
//! printed, and every value that is flows on.
//!
//! `/l`, `/L` and `/M` search upward for a value of 2, 4 or 8 bytes, and stop at what cannot be read; a second value is a
//! mask. They print the address and leave dot there, so that `.+8/M` finds the next one.
//!
//! `?` reads the files that were mapped instead of the memory of the process: what a variable was before the program changed
//! it. `\` and `@` are the same as `/`: a core has no physical memory. Nothing can be written.

use std::io::Write;

use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Takes, Yields};
use crate::error::DcmdError;
use crate::format::layout::Line;
use crate::format::{self, Format, Heading, Search, Source};
use crate::lang::Space;
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "12fd195c4fb9-1,2/K",
        r#"
0x12fd195c4fb8: 1950f7e1a2e1    29b83c0c0cf9
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9-1,2/naK",
        r#"
0x12fd195c4fb8:
0x12fd195c4fb8: 1950f7e1a2e1
0x12fd195c4fc0: 29b83c0c0cf9
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "/",
    aliases: &["\\", "?", "@"],
    summary: "print what memory holds in a format",
    family: Family::Memory,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Lines,
    options: &[],
    operands: Operands::any("format"),
    needs: &[Capability::Core],
    manual: include_str!("examine.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        refuse_writing(context, args)?;
        let space = if args.called() == "?" { Space::Object } else { Space::Memory };
        let search = format::search(context, args)?;
        let format = match search {
            Some(_) => None,
            None => Some(Format::parse(args)?).filter(|format| !format.is_empty()),
        };
        let format = match (format, search) {
            (None, None) => Some(Format::default_of_memory()),
            (format, _) => format,
        };
        Ok(Box::new(Examine { format, search, space, line: Line::default(), started: false }))
    },
};

/// `/W 5` would write.
fn refuse_writing(context: &Context, args: &Args) -> Result<(), DcmdError> {
    let Some((letter, operands)) = format::with_operands(args) else { return Ok(()) };
    if !"vwzWZ".contains(letter) {
        return Ok(());
    }
    let Some(value) = operands.first() else {
        return Err(DcmdError::Abort(format!("expected value to write following {letter}")));
    };
    let value = match value.text() {
        Some(text) => context.evaluate(text).map_err(DcmdError::abort)?,
        None => value.number(16).unwrap_or(0),
    };
    Err(DcmdError::Abort(format!(
        "failed to write {value:x} at address {:#x}: target is not open for writing",
        context.dot()
    )))
}

struct Examine {
    format: Option<Format>,
    search: Option<Search>,
    space: Space,
    line: Line,
    /// The address in front has been printed.
    started: bool,
}

impl Examine {
    /// One pass at dot; gives why it ended early.
    fn pass(&mut self, context: &Context, out: &mut Out<'_>) -> Result<Option<String>, DcmdError> {
        if let Some(search) = self.search {
            self.search(context, search, out)?;
            return Ok(None);
        }
        let Some(format) = &self.format else { return Ok(None) };
        if !std::mem::replace(&mut self.started, true) && !out.is_pipe() {
            let address = context.show_address(context.dot());
            let is_exact = !address.contains('+') && !address.starts_with("0x");
            match format.heading() {
                Heading::Line => writeln!(out.text(), "{address}:")?,
                Heading::Close => {
                    self.line.label(&address, out)?;
                    self.line.close_up();
                }
                Heading::Column => {
                    if is_exact {
                        writeln!(out.text(), "{address}:")?;
                    }
                    self.line.label(&address, out)?;
                }
            }
        }
        let start = context.dot();
        let pass = format.pass(context, Source::Target(self.space), &mut self.line, out)?;
        context.prompt.set_increment(pass.end.wrapping_sub(start));
        if pass.failure.is_some() {
            self.line.finish(out)?;
        }
        Ok(pass.failure)
    }

    fn search(&self, context: &Context, search: Search, out: &mut Out<'_>) -> Result<(), DcmdError> {
        match context.search(context.dot(), search)? {
            Ok(found) => {
                context.set_dot(found);
                context.prompt.set_increment(search.size as u64);
                let shown = if out.is_pipe() { format!("{found:x}") } else { context.show_address(found) };
                Ok(writeln!(out.text(), "{shown}")?)
            }
            Err(end) => {
                context.set_dot(end);
                Ok(())
            }
        }
    }
}

impl Stage for Examine {
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        match self.pass(context, out)? {
            Some(failure) => Err(DcmdError::Failed(failure)),
            None => Ok(()),
        }
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        for item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            if let Some(failure) = self.pass(context, out)? {
                out.fault(&failure);
                // A count goes on where the last pass ended: there is nothing there either.
                if out.is_counted() {
                    return Ok(Flow::Enough);
                }
            }
            if out.has_enough() || (self.search.is_some() && out.is_counted()) {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::Continue)
    }
}

//! `::cat`: print files, or read values from them.
//!
//! Copies the files to the output. In front of a `|` every line of them must be an expression, and its value flows on; blank
//! lines are skipped. A file that cannot be opened is named, and the others are still read.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::{DcmdError, reasons};
use crate::host_files;
use crate::output::escape;
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// A line longer than this is no expression.
const LONGEST_LINE: u64 = 64 * 1024;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", r#"! printf "8ba8239fd91\n12fd195c4fb9\n" > suspects"#, ""),
    Example::on(
        "leak-24",
        "::cat suspects | ::jsprint request.id",
        r#"
996
12
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "cat",
    aliases: &[],
    summary: "print files, or read values from them",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Number),
    options: &[],
    operands: Operands::between("file ...", 1, usize::MAX),
    needs: &[],
    manual: include_str!("cat.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        if args.operands().iter().any(|word| word.text().is_none()) {
            return Err(DcmdError::usage("expected the name of a file"));
        }
        let names: Vec<String> =
            args.operands().iter().filter_map(|word| word.text()).map(str::to_owned).collect();
        Ok(for_each(move |context, _, out| {
            context.settings.check_restriction()?;
            out.hold_back();
            for name in &names {
                match host_files::open(&context.settings, Path::new(name)) {
                    Ok(file) if out.is_pipe() => {
                        if emit_lines(context, BufReader::new(file), out)? == Flow::Enough {
                            return Ok(());
                        }
                    }
                    Ok(file) => copy(context, name, file, out)?,
                    Err(error) => out.fault(&format!("failed to open {}: {}", escape(name), reasons(&error))),
                }
            }
            Ok(())
        }))
    },
};

fn copy(context: &Context, name: &str, mut file: File, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        context.check_interrupt()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => out.text().write_all(&buffer[..length])?,
            Err(error) => {
                return Err(DcmdError::Failed(format!(
                    "failed to read {}: {}",
                    escape(name),
                    reasons(&error)
                )));
            }
        }
    }
}

/// Reads every line of `input` as an expression and emits its value.
///
/// # Errors
/// A line is no expression, or has no value: the pipeline is aborted.
pub(super) fn emit_lines(
    context: &Context,
    mut input: impl BufRead,
    out: &mut Out<'_>,
) -> Result<Flow, DcmdError> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut bytes);
        match read {
            Ok(0) => return Ok(Flow::Continue),
            Ok(length) if length as u64 == LONGEST_LINE && !bytes.ends_with(b"\n") => {
                return Err(DcmdError::abort(format!("a line of over {LONGEST_LINE} bytes is no value")));
            }
            Ok(_) => {}
            Err(error) => return Err(DcmdError::Abort(format!("failed to read values: {error}"))),
        }
        let line = String::from_utf8_lossy(&bytes);
        for text in line.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let value = context.evaluate(text).map_err(DcmdError::abort)?;
            if out.emit(Item::number(value))? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
    }
}

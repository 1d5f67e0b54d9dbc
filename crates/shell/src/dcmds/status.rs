//! `::status`: say what is being debugged.
//!
//! The program, its command line, why it ended, its threads, and what is missing from the core.
//!
//! ```text
//! > ::status
//! debugging core file of node (64-bit)
//! file: /opt/node/bin/node
//! initial argv: node --max-old-space-size=2048 server.js
//! threading model: native threads
//! status: process terminated by SIGABRT (aborted by the program itself), pid=4127 uid=1000
//! architecture: x86-64
//! threads: 11
//! ```

use std::io::Write;

use core_reader::{Core, Memory, Module};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;
use crate::pipeline::Out;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "status",
    aliases: &[],
    summary: "say what is being debugged",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("status.rs"),
    start: |_, _| {
        Ok(for_each(|context, _, out| {
            process(context, context.target()?.core(), out)?;
            heap(context, out)
        }))
    },
};

fn process(_: &Context, core: &Core, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut text = out.text();
    let process = core.process();
    let executable = core.modules().iter().find(|module| module.executable);
    let path = executable.map(|module| module.path.as_str()).or(process.executed_path.as_deref());
    let program = path.and_then(|path| path.rsplit('/').next()).unwrap_or(&process.name);
    writeln!(text, "debugging core file of {} (64-bit)", escape(program))?;
    writeln!(text, "file: {}", file_line(path, executable))?;
    let argv =
        if process.arguments.is_empty() { process.command_line.clone() } else { process.arguments.join(" ") };
    writeln!(text, "initial argv: {}", escape(&argv))?;
    writeln!(text, "threading model: native threads")?;
    write!(text, "status: ")?;
    match core.signal() {
        None => write!(text, "process core file generated with gcore")?,
        Some(signal) => {
            write!(text, "process terminated by {} ({})", signal.name, signal.description)?;
            if let Some(address) = signal.fault_address {
                write!(text, ", addr={:#x}", address.0)?;
            }
        }
    }
    writeln!(text, ", pid={} uid={}", process.id, process.user_id)?;
    writeln!(text, "architecture: x86-64")?;
    writeln!(text, "threads: {}", core.threads().len())?;
    let missing: u64 = core
        .memory()
        .ranges()
        .iter()
        .filter(|range| matches!(range.contents, core_reader::Contents::Truncated))
        .map(|range| range.end.0 - range.start.0)
        .sum();
    if missing > 0 {
        writeln!(text, "missing: {missing} bytes of memory lie beyond the end of the truncated core file")?;
    }
    Ok(())
}

/// The executable's path, and where it was found if that is elsewhere.
fn file_line(path: Option<&str>, executable: Option<&Module>) -> String {
    let path = escape(path.unwrap_or("unknown"));
    match executable.map(|module| &module.file) {
        Some(Ok(found)) if found.path.to_str() != executable.map(|module| module.path.as_str()) => {
            format!("{path} (read from {})", escape(&found.path.to_string_lossy()))
        }
        Some(Err(reason)) => format!("{path} ({})", escape(reason)),
        _ => path.into_owned(),
    }
}

/// What is known of the JavaScript heap.
fn heap(_: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
    Ok(())
}

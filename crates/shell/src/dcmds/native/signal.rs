//! `::signal`: say by which signal the process ended, and why.
//!
//! The signal, what its code means, the address of a fault and the symbol there, or who sent it; and the thread that took it.
//!
//! A core that `gcore` took has no such signal: the process lived on. For it, the signal with which the debugger had stopped
//! the process is shown, if the core records it.

use std::io::Write;

use core_reader::{Core, SignalInfo};
use serde_json::json;

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output;
use crate::stage::Out;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::signal",
    r#"
no signal ended the process; it was stopped by the debugger that took the core
signal: SIGSTOP (19), stopped
code: SI_KERNEL (128), raised by the kernel
thread: 3007, in libc.so.6`syscall+0x19
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "signal",
    aliases: &[],
    summary: "say by which signal the process ended, and why",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('j', "print one line of JSON, as docs/json.md describes it")],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("signal.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let core = context.target()?.core();
            if as_json {
                return print_json(context, core, out);
            }
            match (core.signal(), core.recorded_signal()) {
                (Some(signal), _) => print(context, signal, out)?,
                (None, Some(signal)) if signal.number != 0 => {
                    writeln!(
                        out.text(),
                        "no signal ended the process; it was stopped by the debugger that took the core"
                    )?;
                    print(context, &signal, out)?;
                }
                _ => {
                    writeln!(out.text(), "no signal ended the process")?;
                    return Ok(());
                }
            }
            let Some(thread) = core.threads().first() else { return Ok(()) };
            let stack = context.stack_of(thread, 1)?;
            let place = stack
                .frames
                .first()
                .map_or_else(String::new, |frame| format!(", in {}", context.show_frame(frame)));
            Ok(writeln!(out.text(), "thread: {:x}{place}", thread.id)?)
        }))
    },
};

/// The signal as one line.
fn print_json(context: &Context, core: &Core, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let ended = core.signal().cloned();
    let has_ended = ended.is_some();
    let signal = ended.or_else(|| core.recorded_signal().filter(|signal| signal.number != 0));
    let line = match signal {
        None => json!({ "ended": false, "name": null }),
        Some(signal) => json!({
            "ended": has_ended,
            "name": signal.name,
            "number": signal.number,
            "description": signal.description,
            "code": signal.code,
            "codeName": signal.code_name().map(|(name, _)| name),
            "address": signal.fault_address.map(|address| format!("0x{:x}", address.0)),
            "symbol": signal.fault_address.and_then(|address| context.symbolic(address.0)),
            "sender": signal.sender,
            "thread": core.threads().first().map(|thread| thread.id),
        }),
    };
    Ok(writeln!(out.text(), "{}", output::json(&line))?)
}

fn print(context: &Context, signal: &SignalInfo, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut text = out.text();
    writeln!(text, "signal: {} ({}), {}", signal.name, signal.number, signal.description)?;
    match (signal.code, signal.code_name()) {
        (Some(code), Some((name, meaning))) => writeln!(text, "code: {name} ({code}), {meaning}")?,
        (Some(code), None) => writeln!(text, "code: {code}")?,
        (None, _) => writeln!(text, "code: the core does not record it")?,
    }
    if let Some(errno) = signal.errno.filter(|errno| *errno != 0) {
        writeln!(text, "errno: {errno}")?;
    }
    if let Some(address) = signal.fault_address {
        match context.symbolic(address.0) {
            Some(symbol) => writeln!(text, "address: {address} {}", crate::output::escape(&symbol))?,
            None => writeln!(text, "address: {address}")?,
        }
    }
    if let Some(sender) = signal.sender {
        let own = context.target()?.core().process().id == sender;
        let own = if own { " (the process itself)" } else { "" };
        write!(text, "sender: pid {sender}{own}")?;
        if let Some(user) = signal.sender_user {
            write!(text, ", uid {user}")?;
        }
        writeln!(text)?;
    }
    Ok(())
}

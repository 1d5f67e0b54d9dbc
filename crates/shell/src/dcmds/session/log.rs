//! `::log`: keep a log of the session.
//!
//! From now on input and output are appended to the file. `-d` stops it, `-e` starts it (as no option does); `$>` alone stops
//! it too. Without arguments it says whether a log is kept. A file that is new can be read by its owner only. A log that can no
//! longer be written, as where the disk is full, ends with a message; the commands go on.

use std::path::Path;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::{DcmdError, reasons};
use crate::host_files;
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::log session.txt",
        r#"
v8mdb: logging to "session.txt"
"#,
    ),
    Example::on(
        "leak-24",
        "::log -d",
        r#"
v8mdb: logging to "session.txt" is now disabled
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "log",
    aliases: &["$>"],
    summary: "keep a log of the session",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('d', "stop logging"), Opt::flag('e', "start logging to the file")],
    operands: Operands::optional("[file]"),
    needs: &[],
    manual: include_str!("log.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let file = args.operand(0).map(str::to_owned);
        let stop = args.has('d') || (args.called() == "$>" && file.is_none());
        let start = args.has('e');
        if stop && (start || file.is_some()) {
            return Err(DcmdError::usage(""));
        }
        Ok(for_each(move |context, _, _| {
            context.settings.check_restriction()?;
            let terminal = &context.terminal;
            match &file {
                Some(name) => {
                    let log = host_files::append(&context.settings, Path::new(name)).map_err(|error| {
                        DcmdError::Failed(format!("failed to open {}: {}", escape(name), reasons(&error)))
                    })?;
                    // What was printed so far belongs to the log before this one.
                    context.text.flush()?;
                    terminal.set_log(Some((name.clone(), log)));
                    context.warn(&format!("logging to \"{}\"", escape(name)));
                }
                None if stop => {
                    context.text.flush()?;
                    match terminal.set_log(None) {
                        Some(name) => {
                            context.warn(&format!("logging to \"{}\" is now disabled", escape(&name)))
                        }
                        None => return Err(DcmdError::failed("logging is already disabled")),
                    }
                }
                None if start => return Err(DcmdError::failed("no log file has been selected")),
                None => match terminal.log_name() {
                    Some(name) => {
                        context.warn(&format!("logging to \"{}\" is currently enabled", escape(&name)));
                    }
                    None => context.warn(&"no log is active"),
                },
            }
            Ok(())
        }))
    },
};

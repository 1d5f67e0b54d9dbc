//! `$<`: run the commands in a file.
//!
//! Each line is run as if it had been typed; an error is reported with file and line, and the next command runs. With a count
//! the file is run that often: `,0$<file` does nothing.
//!
//! ```text
//! > !cat macros/first
//! ::echo the first macro
//! > $<macros/first
//! the first macro
//! ```

use crate::dcmd::{AddressUse, Dcmd, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::interpreter::{self, Source};
use crate::output::escape;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$<",
    aliases: &["$<<"],
    summary: "run the commands in a file",
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[],
    operands: Operands::optional("[file]"),
    needs: &[],
    manual: include_str!("source.rs"),
    start: |_, args| {
        let Some(name) = args.operand(0).map(str::to_owned) else {
            return Err(DcmdError::abort("input stack is empty"));
        };
        Ok(for_each(move |context, _, out| {
            let commands = interpreter::read_script(name.as_ref()).map_err(|reason| {
                DcmdError::Abort(format!("failed to open {}: {reason} (see ::help '$<')", escape(&name)))
            })?;
            let text = out.shared_text();
            let source = Source::Script { name: &name, line: 1 };
            context.nested(|| interpreter::run(context, &commands, source, &text)).map(|_| ())
        }))
    },
};

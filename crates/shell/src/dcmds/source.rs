//! `$<`: run the commands in a file.
//!
//! Each line is run as if it had been typed; an error is reported with file and line, and the next command runs. The file is
//! looked for in the directories that `-I` or `::set -I` name, else in the current one. The count is in the variable `9` while
//! it runs; with a count of 0 it does not run.
//!
//! In a file, `$<<file` runs another one and goes on behind it, `$<file` ends the present one with it, and `$<` alone ends the
//! present one.
//!
//! ```text
//! > !cat macros/first
//! ::echo the first macro
//! > $<macros/first
//! the first macro
//! ```

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each_counted};
use crate::error::DcmdError;
use crate::interpreter;
use crate::output::escape;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$<",
    aliases: &["$<<"],
    summary: "run the commands in a file",
    family: Family::Session,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[],
    operands: Operands::optional("[file]"),
    needs: &[],
    manual: include_str!("source.rs"),
    start: |_, args| {
        let name = args.operand(0).map(str::to_owned);
        let returns = args.called() == "$<<";
        Ok(for_each_counted(move |context, _, count, out| {
            context.settings.check_restriction()?;
            let macros = &context.macros;
            let Some(name) = &name else {
                if macros.depth.get() == 0 {
                    return Err(DcmdError::abort("input stack is empty"));
                }
                macros.leaving.set(true);
                return Ok(());
            };
            let commands = interpreter::read_script(&find(context, name)).map_err(|reason| {
                DcmdError::Abort(format!("failed to open {}: {reason} (see ::help '$<')", escape(name)))
            })?;
            context.assign("9", count.unwrap_or(1))?;
            interpreter::run_macro(context, &commands, name, &out.shared_text())?;
            if !returns && macros.depth.get() > 0 {
                macros.leaving.set(true);
            }
            Ok(())
        }))
    },
};

/// The path of a macro file.
fn find(context: &Context, name: &str) -> PathBuf {
    let path = context.settings.macro_path.borrow();
    if name.contains('/') {
        return name.into();
    }
    path.iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|file| file.exists())
        .unwrap_or_else(|| name.into())
}

//! `$<`: run the commands in a file.
//!
//! Each line is run as if it had been typed; an error is reported with file and line, and the next command runs. The file is
//! looked for in the directories that `-I` or `::set -I` name, else in the current one. The count is in the variable `9` while
//! it runs; with a count of 0 it does not run.
//!
//! In a file, `$<<file` runs another one and goes on behind it, `$<file` ends the present one with it, and `$<` alone ends the
//! present one.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each_counted};
use crate::error::DcmdError;
use crate::host_files;
use crate::interpreter;
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", r#"! echo "::echo the first macro" > first"#, ""),
    Example::on(
        "leak-24",
        "$<first",
        r#"
the first macro
"#,
    ),
];

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
    examples: EXAMPLES,
    start: |_, args| {
        let name = args.operand(0).map(str::to_owned);
        let returns = args.called() == "$<<";
        Ok(for_each_counted(move |context, _, count, out| {
            context.settings.check_restriction()?;
            let macros = &context.prompt.macros;
            let Some(name) = &name else {
                if macros.depth.get() == 0 {
                    return Err(DcmdError::abort("input stack is empty"));
                }
                macros.leaving.set(true);
                return Ok(());
            };
            let commands = interpreter::read_script(open(context, name)).map_err(|reason| {
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

/// Opens a macro file: the first of its name in the directories for them.
fn open(context: &Context, name: &str) -> io::Result<File> {
    let open = |path: &Path| host_files::open(&context.settings, path);
    if !name.contains('/') {
        for directory in context.settings.macro_path.borrow().iter() {
            match open(&Path::new(directory).join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
    }
    open(Path::new(name))
}

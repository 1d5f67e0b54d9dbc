//! `::help`: explain the debugger, or one dcmd.
//!
//! Alone it says how to find one's way. With a name it shows the manual page of that dcmd; names like `$q` and `>` need
//! quotes if the language gives them a meaning of their own.
//!
//! ```text
//! > ::help head
//!
//! NAME
//!   head - keep the first values of a pipe
//!
//! SYNOPSIS
//!   [ addr ] ::head [-N] [-n N]
//! ```

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Operands, Takes, Yields, for_each};
use crate::dcmds::{ALL, nearest, unsupported};
use crate::error::DcmdError;
use crate::manual::Page;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "help",
    aliases: &[],
    summary: "explain the debugger, or one dcmd",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::optional("[name]"),
    needs: &[],
    manual: include_str!("help.rs"),
    start: |_, args| {
        let name = args.operand(0).map(|name| name.trim_start_matches("::").to_owned());
        Ok(for_each(move |context, _, out| {
            let Some(name) = &name else {
                return Ok(out.text().write_all(OVERVIEW.as_bytes())?);
            };
            let Some(dcmd) = ALL.iter().find(|dcmd| dcmd.is_called(name)) else {
                if let Some(reason) = unsupported(name) {
                    return Err(DcmdError::Abort(reason.to_owned()));
                }
                let hint = match nearest(name, ALL.iter().map(|dcmd| dcmd.name)) {
                    Some(near) => format!(" (did you mean '{near}'?)"),
                    None => String::new(),
                };
                let shown = crate::output::escape(name);
                return Err(DcmdError::Abort(format!("unknown command: {shown}{hint}")));
            };
            Ok(Page::of(dcmd).write(name, context.colours, &mut *out.text())?)
        }))
    },
};

pub(crate) const OVERVIEW: &str = "
A command is a dcmd behind '::', with an address in front if it wants one:

  addr::dcmd [options]              run it on an address
  addr,count::dcmd                  ... count times
  ::dcmd | ::dcmd                   hand the values that one yields to the next
  ::dcmd ! grep text                hand the text to a command of the shell
  ::dcmd ! 'command' | ::dcmd       ... and read values from what it prints
  addr/J  addr,8/nap                print memory in a format; ::formats lists the characters
  expr=J                            print the value of an expression
  value>name   <name                assign and read a variable; registers are variables
  addr                              run the last line again, on this address
  $<file                            run the commands in a file
  ; and //                          between commands, and in front of a comment

Numbers are hexadecimal; 0t25 is decimal, 0o17 octal, 0i101 binary. '.' is the current address.

Objects of a constructor, those of which something is true, and how many there are of each:

  ::findjsobjects -c NAME | ::findjsobjects | ::where 'status == 404' | ::group url

  ::dcmds                           list the dcmds
  ::walkers                         list what ::walk can enumerate
  ::dmods -l                        the same by module
  ::help name                       explain one dcmd
  ::status                          what is being debugged
  ::quit, $q, ^D                    leave
";

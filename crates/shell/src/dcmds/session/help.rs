//! `::help`: explain the debugger, or one dcmd.
//!
//! Alone it says which command answers which question. With a name it shows the manual page of that dcmd; names like `$q` and `>`
//! need quotes if the language gives them a meaning of their own. `::help language` says how commands are put together.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::dcmds::{ALL, unsupported};
use crate::error::DcmdError;
use crate::manual::Page;
use crate::spelling::nearest;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::help head",
    r#"

NAME
  head - keep the first values of a pipe

SYNOPSIS
  [ addr ] ::head [-N] [-n N] [N]

DESCRIPTION
  Keeps ten values, or as many as the option says, in decimal. Then it has
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "help",
    aliases: &[],
    summary: "explain the debugger, or one dcmd",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::optional("[name | language]"),
    needs: &[],
    manual: include_str!("help.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let name = args.operand(0).map(|name| name.trim_start_matches("::").to_owned());
        Ok(for_each(move |context, _, out| {
            let Some(name) = &name else {
                return Ok(out.text().write_all(QUESTIONS.as_bytes())?);
            };
            if name == "language" {
                return Ok(out.text().write_all(LANGUAGE.as_bytes())?);
            }
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
            let width = context.row_width(&out.text()).unwrap_or(WIDTH);
            Ok(Page::of(dcmd).write(name, context.colours, width, &mut *out.text())?)
        }))
    },
};

/// Columns where nobody says how many there are.
const WIDTH: usize = 80;

/// What to type for which question: one screen of 24 rows and 80 columns, with the line that asks for it and the next prompt.
const QUESTIONS: &str = "\
ADDR is an address that a command has printed; CLASS and the like are yours.

  Why is it so large? ::jsleaks                 where many objects have gathered
                      ::findjsobjects           kinds of objects, largest first
                      ::jsdominators            what the memory hangs on
                      ::jsbuffers  ::jsstrings  buffers and strings
                      ::ledger  ::findleaks     all of the process, native leaks
  What has grown?     ::diff OLDER-CORE         what an older core had less of
  What is in it?      ADDR::jsprint             an object with its properties
                      ADDR::jsprint req.url     a member of it
                      ADDR::jsclosure           the variables of a function
  Who holds it?       ADDR::jspath              the way to it from a root
                      ADDR::findjsobjects -r    all objects that refer to it
                      ADDR::jsretained          what would be freed with it
  Which are they?     ::findjsobjects -c CLASS | ::findjsobjects | ::group url
  Why did it crash?   ::status  ::jsstack  $C   how it ended, and where
                      ::findjsobjects -c Error  errors that are still there
  Why does it hang?   ::jsstack  ::jsasync  ::jshttp   what it does, what waits
  Which code is it?   ADDR::jssource  ::jsfunctions

  ::help NAME   one command        ::help language   how lines are made
  ::dcmds       all commands       ::quit, Ctrl-D    leave
";

/// How lines are made.
pub(crate) const LANGUAGE: &str = "
A command is a dcmd behind '::', with an address in front if it wants one:

  addr::dcmd [options]          run it on an address
  addr,count::dcmd              ... count times
  ::dcmd | ::dcmd               hand the values that one yields to the next
  ::dcmd ! grep text            hand the text to a command of the shell
  ::dcmd ! 'command' | ::dcmd   ... and read values from what it prints
  addr/J  addr,8/nap            print memory in a format (see ::formats)
  expr=J                        print the value of an expression
  value>name   <name            assign and read a variable, or a register
  addr                          run the last line again, on this address
  $<file                        run the commands in a file
  ; and //                      between commands, and in front of a comment

Numbers are hexadecimal; 0t25 is decimal, 0o17 octal, 0i101 binary. '.' is the
current address.

  ::dcmds       list the commands       ::walkers   what ::walk can enumerate
  ::help name   explain one command     ::dmods -l  commands by module
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_fit_a_small_terminal() {
        for text in [QUESTIONS, LANGUAGE.trim_start()] {
            assert!(text.lines().count() <= 22, "{}", text.lines().count());
            for line in text.lines() {
                assert!(line.len() <= 80, "{line}");
            }
        }
    }

    #[test]
    fn what_they_name_is_there() {
        let names = regex::Regex::new("::([a-z0-9]+)").unwrap();
        for found in names.captures_iter(&format!("{QUESTIONS}{LANGUAGE}")) {
            assert!(&found[1] == "dcmd" || crate::dcmds::find(&found[1]).is_ok(), "{}", &found[1]);
        }
    }
}

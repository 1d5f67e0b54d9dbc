//! `::set`: show or change settings.
//!
//! Without arguments it lists them.
//!
//! # Settings of -o
//!
//! ```text
//! cache       what is computed of the heap is kept in a file beside the core, and read by the next session
//! pager       output longer than the screen goes through $PAGER; without one, a screen at a time is shown
//! repeatlast  an empty line runs the last line again, one step further
//! ignoreeof   ^D does not quit
//! restricted  no commands of the shell are run, and no files but the target's are read or written; cannot be undone
//! ```
//!
//! These have a value, may be given several times, and only on the command line, as they say how cores are opened:
//!
//! ```text
//! build-ids=DIR   look there for binaries under their build-ids: DIR/xx/yyyy..., as in /usr/lib/debug/.build-id
//! coresize=BYTES  of a compressed core, or one on a pipe, write no more than this to a temporary file; 256g if not set
//! ```
//!
//! Binaries that are nowhere else are asked for at the servers that the variable `DEBUGINFOD_URLS` names, if it is set and the
//! session is not restricted, and kept where other clients of debuginfod keep them.
//!
//! # The index kept beside the core
//!
//! With `-o cache`, best on the command line, what a session computes of the heap (its objects, their kinds, who holds whom, what is
//! alive, what each object retains) is written to `CORE.v8mdb-index` when it ends, and the next session with `-o cache`
//! answers at once. Where the core's directory cannot be written to, `$XDG_CACHE_HOME/v8mdb` or `~/.cache/v8mdb` has the file. It
//! takes some 50 bytes an object, and can be deleted at any time.
//!
//! An index is used only for the core, the binaries and the build of v8mdb that it was made with. It is not trusted: every section
//! has a checksum, everything in it that later work relies on is checked, and samples are compared with the core. What does
//! not pass is computed anew, and a message says so. `::status` names the file. A session that is killed, or interrupted while
//! it writes, leaves the old file as it was; a restricted one reads and writes none.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", "::set +o pager", ""),
    Example::on(
        "leak-24",
        "::set",
        r#"
prompt: "> "
radix: 16
page width: 80
symbol matching distance: 0
...
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "set",
    aliases: &[],
    summary: "show or change settings",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[
        Opt::switch('o', "option", "turn an option on (-o) or off (+o)"),
        Opt::number('s', "distance", "the symbol matching distance, as $s"),
        Opt::text('I', "path", "where $< looks for macro files: directories between colons"),
        Opt::text('L', "path", "where modules are (accepted; they are built in)"),
        Opt::text('P', "prompt", "the prompt"),
        Opt::flag('F', "forget what may have changed (accepted; a core does not change)"),
    ],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("set.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let switches: Vec<(bool, String)> =
            args.switches('o').map(|(on, name)| (on, name.to_owned())).collect();
        let distance = args.number('s');
        let prompt = args.text('P').map(str::to_owned);
        let macros = args.text('I').map(str::to_owned);
        let show = switches.is_empty()
            && distance.is_none()
            && prompt.is_none()
            && macros.is_none()
            && args.text('L').is_none()
            && !args.has('F');
        Ok(for_each(move |context, _, out| {
            let settings = &context.settings;
            for (on, name) in &switches {
                settings.set_option(name, *on).map_err(DcmdError::Failed)?;
            }
            if let Some(distance) = distance {
                settings.symbol_distance.set(distance);
            }
            if let Some(macros) = &macros {
                settings.set_macro_path(macros);
            }
            if let Some(prompt) = &prompt {
                settings.set_prompt(prompt).map_err(DcmdError::Failed)?;
            }
            if show {
                let mut text = out.text();
                writeln!(text, "prompt: \"{}\"", settings.prompt.borrow())?;
                writeln!(text, "radix: {}", settings.radix.get())?;
                writeln!(text, "page width: {}", settings.page_width())?;
                writeln!(text, "symbol matching distance: {}", settings.symbol_distance.get())?;
                let options: String = settings.options().iter().map(|name| format!(" {name}")).collect();
                writeln!(text, "options:{options}")?;
            }
            Ok(())
        }))
    },
};

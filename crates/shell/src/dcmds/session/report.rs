//! `::report`: say what is wrong with the process, on one page, and what that rests on.
//!
//! A verdict in words first: a leak and what holds it, a crash and its place, memory that ran out, calls that wait for ever, a thread that does
//! not come back to its event loop, or that the process is healthy. Then all that supports it: what the process was and how it ended, where
//! its memory is, what has gathered and by which way, with the source that adds to it, what has grown since the older core of `--base`, the
//! stacks of all threads, what is waited for, oddities, and what could not be told. Behind each claim stands the command that shows it.
//!
//! `-o` writes it to a file, by the end of its name: `.html` is a page with pictures to descend into, of one file that needs no network;
//! `.json` is what `-j` prints (docs/json.md); `.txt` is the text.
//!
//! What the program's strings say is left out, so that a report can be shown to others: texts and keys of Maps, messages of exceptions, the
//! command line behind the script. Names of classes, functions, properties and files stay, and source text around the places that are named.
//! `-v` shows the strings too.
//!
//! `v8mdb report CORE -o FILE.html` does the same from the command line.
//!
//! # Heap snapshots
//!
//! Of a heap snapshot the same is said as far as it can tell: what has gathered and by which way, where the memory is by type of node and by
//! constructor, oddities, and with an older snapshot of the same process as `--base` what has grown. It has no process: how that ended, what
//! it did and waited for, its native memory, and the lines that add to a collection are listed under what could not be told.
//!
//! # Limits
//!
//! One core shows what has gathered, and where a thread is; that something grows, or stays where it is, takes an older core. What is called a
//! leak retains a tenth of the heap and a megabyte at least, or with an older core 2 % more than that had.

use std::io::Write;
use std::path::Path;

use crate::answers::dominator_tree::{DominatorTree, Extent};
use crate::answers::sources::source;
use crate::asked::ask;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::dcmds;
use crate::error::DcmdError;
use crate::host_files;
use crate::output::{escape, json};
use crate::report::{Facts, Report, Rows, Scope, Values, most_bytes};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::report ! head -3",
        r#"
verdict: leak of 800 UpstreamConnection held by Gateway.bySession
  800 UpstreamConnection held by Gateway.bySession retain 1.2 MB, 17 % of the heap (::jsleaks)
  added to at leak.js:53: this.bySession.set('session-' + id, connection); (::jsleaks)
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::report ! head -3",
        r#"
verdict: healthy: nothing is wrong that a heap snapshot shows
  nothing has gathered that retains 10 % of the heap and 1.0 MB (::jsleaks)

"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "report",
    aliases: &[],
    summary: "say what is wrong with the process, on one page",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[
        Opt::text('o', "file", "write it to this file: .html, .json or .txt"),
        Opt::flag('v', "also what the program's strings say"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::Any],
    manual: include_str!("report.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let file = args.text('o').map(str::to_owned);
        let format = match &file {
            Some(file) => Format::of(Path::new(file)).map_err(DcmdError::usage)?,
            None if args.has('j') => Format::Json,
            None => Format::Text,
        };
        let values = if args.has('v') { Values::Shown } else { Values::LeftOut };
        Ok(for_each(move |context, _, out| {
            let report = collect(context, values)?;
            let written = format.written(&report);
            let Some(file) = &file else { return Ok(out.text().write_all(written.as_bytes())?) };
            save(context, Path::new(file), &written)?;
            Ok(writeln!(out.text(), "wrote {}: {}", escape(file), report.title())?)
        }))
    },
};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Html,
}

impl Format {
    /// By the end of a file's name.
    ///
    /// # Errors
    /// It has none that is known.
    pub(crate) fn of(path: &Path) -> Result<Format, String> {
        match path.extension().and_then(|end| end.to_str()) {
            Some("html" | "htm") => Ok(Format::Html),
            Some("json") => Ok(Format::Json),
            Some("txt") => Ok(Format::Text),
            _ => Err(format!("'{}' does not end in .html, .json or .txt", escape(&path.to_string_lossy()))),
        }
    }
}

impl Format {
    /// A report in this form.
    pub(crate) fn written(self, report: &Report) -> String {
        match self {
            Format::Text => report.text(),
            Format::Json => json(&report.json()) + "\n",
            Format::Html => report.html(),
        }
    }
}

/// Nodes of the tree of dominators that are kept, nodes below one, and levels.
const TREE: Extent = Extent { nodes: 2500, children: 40, depth: 40 };

/// Collects the facts, and judges them.
///
/// # Errors
/// The user has stopped it.
pub(crate) fn collect(context: &Context, values: Values) -> Result<Report, DcmdError> {
    let has_heap = context.lacks(Capability::Graph).is_none();
    let scope = Scope { values, has_heap, has_base: !context.bases.given().is_empty() };
    let lacks = |name: &str| {
        let needs = dcmds::find(name).map_or(&[][..], |dcmd| dcmd.needs);
        needs.iter().find_map(|need| context.lacks(*need))
    };
    let question = |line: &str| {
        let answer = ask(context, line, most_bytes())?;
        let (rows, failure) = (answer.rows(), answer.failure());
        Ok(Rows { rows, failure, messages: answer.messages, is_cut: answer.is_cut })
    };
    let tree = || {
        let monitor = context.progress();
        let source = source(context, &monitor)?;
        Ok(DominatorTree::of(&*source, &[], TREE, &monitor)?.json(0))
    };
    Ok(Report::of(Facts::collect(&question, &lacks, scope, &tree)?))
}

/// Writes a report to a file.
///
/// # Errors
/// The session is restricted, or the file cannot be written.
pub(crate) fn save(context: &Context, path: &Path, written: &str) -> Result<(), DcmdError> {
    let failed = |error: std::io::Error| {
        DcmdError::abort(format!("cannot write {}: {error}", escape(&path.to_string_lossy())))
    };
    context.settings.check_restriction()?;
    let mut new = host_files::create(&context.settings, path).map_err(failed)?;
    new.file().write_all(written.as_bytes()).map_err(failed)?;
    new.finish().map_err(failed)
}

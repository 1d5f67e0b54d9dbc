//! `::diff`: say what has grown since an older core of the same service.
//!
//! A heap that grows is best seen in two cores: whatever the service needs is in both, and what leaks is in the newer one alone.
//! `::diff OLD` compares the core of the session with an older one, of the same process or of another that does the same work,
//! whatever its release of Node.js. `::diff OLD MIDDLE` has three. The oldest comes first, the core of the session is the
//! newest. `v8mdb --base OLD CORE` opens an older core from the start, and `::diff` needs no operand; a second `--base` gives three.
//!
//! Only what is alive counts. Each section has what grew, the most first; `-n` says how many rows (10 if not said), `-a` shows all
//! that has changed. `BYTES` is what the objects take more than before, `RETAINED` what would be freed with them more than before,
//! the memory of buffers included. Rows are in the order of `RETAINED`, or else of `BYTES`.
//!
//! # Sections
//!
//! ```text
//! -k  by constructor, strings as one                              shown
//! -o  by owner: Maps, Sets, arrays, objects with many properties  shown
//! -s  by shape: constructor and names of properties, as ::findjsobjects has them, but arrays of all lengths together
//! -t  strings by what they say: those that are new, and those that are there more often
//! -b  memory behind ArrayBuffers, by kind, views and size
//! -e  native memory by the objects that own it, as ::malloc -o      shown if an owner has a MiB more
//! -m  mappings of the process, by name, permissions and size: what grows outside of the heap
//! ```
//!
//! An owner is recognised in the other core by its path: properties, elements, keys of Maps and captured variables
//! (`[[Variable name]]`), from the global object or from what a handle of native code holds. `ADDED` and `GONE` are keys that only
//! one of the cores has; so a Map that has others than before shows, with `-a`, even if it has as many. What is part of an object that
//! is new itself is no row of its own. What has grown elsewhere, in linked lists, behind promises, handles, timers or suspended calls, in
//! the heaps of workers, is told by constructors: `(no path of names) TimersList of Timeout` has all `Timeout`s that some `TimersList`
//! alone owns, `(no single owner)` those that nobody alone owns; with a path, if the owner of most has one. Rows of these have 16 objects more
//! than before. What only came along with new owners is no row. The last line counts all new objects that are in none of the collections
//! above. `OBJECT` is the owner in the core of the session, to go on with: `addr::jsmap`.
//!
//! Four collections or more that one object holds in the same way, and that have grown alike, are one row: `.get(*)`, `[*]` and `.*` in its
//! path stand for all of them, and `OBJECT` is what holds them. `-a` tells them one by one.
//!
//! # The objects that are new
//!
//! `-c constructor` lists the objects of the session's core that are at a place where the older core has none of that constructor,
//! each with its path; in a pipeline they flow on.
//!
//! # Three cores
//!
//! A third core tells growth from noise. `STAYED` is what was new in the middle core and is still there in the newest; it decides
//! which rows are shown, and their order. What only came between the middle and the newest, and what came and went, is not shown
//! without `-a`. Of owners with keys it counts the keys that the oldest does not have and the others have; elsewhere it is the number
//! that both have more than the oldest, whichever objects they are. `-c` lists objects that are not in the oldest, and are in the
//! others.
//!
//! # The older core
//!
//! It may be compressed. Its executable is looked for as that of the session's core is; the OBJECT of the command line and those of
//! `--base-object` are tried as well, and `-x object` names one. Three older cores are kept open.
//!
//! # Heap snapshots
//!
//! A heap snapshot is compared with older ones. Of one process, ids stay the same from one to the next: `ADDED` are the objects that the
//! older does not have, `GONE` those that the newer has no more. With `-o` an owner is the object without which others would be
//! garbage, known again by its id. Where the snapshots are not of one process, only the numbers of objects are told.
//!
//! # Limits
//!
//! The same path is the same place, which may hold another object by now: an array whose elements move up is told by
//! its length only. What only Sets, WeakMaps, keys that are objects, or native code lead to has no path, and is counted by constructors.
//! Objects of worker threads have no path either. Two heaps never hold the same of Node.js itself: a few objects more or less
//! mean nothing. If one of the cores lacks what keeps objects alive, that is said, and garbage counts in all of them.

use std::io::Write;
use std::path::Path;

use serde_json::json;
use v8_heap::compare::newcomers;

use crate::bases::Base;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::growth::{Comparison, NATIVE_MEMORY, SECTIONS, Shown, has_native_growth, path_text, totals};
use crate::of_snapshot;
use crate::output::{self, escape};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "growth-24",
        "::diff -k -n 3 growth-24.stage1.core.zst",
        r#"
CORE        OBJECTS        IN HEAP        OUTSIDE FILE
OLD           60112        4365232        2145826 growth-24.stage1.core.zst
NEW           62788        4477592       69713442 growth-24.core.zst
      OLD       NEW    GROWTH       BYTES    RETAINED CONSTRUCTOR
      444       744      +300       +9600   +67619360 Array
       43        51        +8        +768   +67568384 ArrayBuffer
        8        15        +7        +728     +460152 Buffer
"#,
    ),
    Example::on(
        "growth-24",
        "::diff -n 2 -c Session growth-24.stage1.core.zst",
        r#"
19b23e6cf461 global.broker.sessions.get("session-320")
19b23e6d37b1 global.broker.sessions.get("session-319")
"#,
    ),
    Example::on(
        "growth-24",
        "::diff -c Session growth-24.stage1.core.zst | ::where 'id > 498' | ::jsprint id user.name",
        r#"
499 "user-499"
500 "user-500"
"#,
    ),
    Example::on(
        "growth-24",
        "::diff -o -n 3 growth-24.stage1.core.zst growth-24.stage2.core.zst",
        r#"
      OLD    MIDDLE       NEW    GROWTH    STAYED   ADDED    GONE    RETAINED         OBJECT OWNER
        0         1         1        +1         1       -       -   +67109112   2c4de53a30b1 global.broker.archives (Array of ArrayBuffer)
        5        12        12        +7         7       -       -     +460112   2c4de53a2ef1 global.broker.uploads (Array of Upload)
      200       320       500      +300       120     300       0      +79168   2c4de53a2e91 global.broker.sessions (Map of Session)
  438 collections have no path of names: they count by constructors
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "diff",
    aliases: &[],
    summary: "say what has grown since an older core of the same service",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| match args.has('c') && !args.has('j') {
        true => Yields::Items(Kind::Value),
        false => Yields::Text,
    }),
    options: &[
        Opt::flag('k', "by constructor; with -o what is shown if nothing else is asked for"),
        Opt::flag('s', "by shape: constructor and names of properties"),
        Opt::flag('t', "strings, by what they say"),
        Opt::flag('o', "by owner: Maps, Sets, arrays and objects with many entries, by their path"),
        Opt::flag('b', "memory behind ArrayBuffers, by kind and size"),
        Opt::flag('e', "native memory, estimated, by the objects that own it"),
        Opt::flag('m', "mappings of the process"),
        Opt::text('c', "constructor", "the objects of a constructor that are new"),
        Opt::flag('a', "also what shrank or came and went, and all rows"),
        Opt::number('n', "rows", "show so many rows of each section; 10 if not said"),
        Opt::flag('j', "print one JSON object for each row; all rows if -n does not say how many"),
        Opt::text('x', "object", "the executable that dumped the older cores"),
    ],
    operands: Operands::between("[old [middle]]", 0, 2),
    needs: &[Capability::Graph],
    manual: include_str!("diff.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let question = Question::of(args)?;
        if context.snapshot().is_some() {
            return Ok(for_each(move |context, _, out| question.of_snapshots(context, out)));
        }
        Ok(for_each(move |context, _, out| {
            let older = question.older(context)?;
            let comparison = Comparison::of(context, &older)?;
            match &question.constructor {
                Some(name) => question.newcomers(context, &comparison, name, out),
                None => question.sections(context, &comparison, out),
            }
        }))
    },
};

/// What one call asks.
struct Question {
    cores: Vec<String>,
    executable: Option<String>,
    constructor: Option<String>,
    /// Options of the sections that are wanted.
    letters: Vec<char>,
    /// None was asked for.
    is_usual: bool,
    shown: Shown,
}

/// Rows of a section if nothing else is said.
const MOST_ROWS: usize = 10;

impl Question {
    fn of(args: &Args) -> Result<Question, DcmdError> {
        let mut letters: Vec<char> =
            SECTIONS.iter().map(|section| section.letter).filter(|letter| args.has(*letter)).collect();
        if args.has('c') && !letters.is_empty() {
            return Err(DcmdError::usage("-c asks for objects, not for sections"));
        }
        let is_usual = letters.is_empty();
        if is_usual {
            letters = vec!['k', 'o'];
        }
        let (all, as_json) = (args.has('a'), args.has('j'));
        let most = match args.number('n') {
            Some(most) => usize::try_from(most).unwrap_or(usize::MAX),
            None if all || as_json || args.has('c') => usize::MAX,
            None => MOST_ROWS,
        };
        Ok(Question {
            cores: (0..2).filter_map(|index| args.operand(index)).map(str::to_owned).collect(),
            executable: args.text('x').map(str::to_owned),
            constructor: args.text('c').map(str::to_owned),
            letters,
            is_usual,
            shown: Shown { all, most, as_json },
        })
    }

    /// What has grown from one heap snapshot to another.
    fn of_snapshots(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let named: Vec<&Path> = self.cores.iter().map(Path::new).collect();
        let given = context.bases.given().iter().map(AsRef::as_ref);
        let older: Vec<&Path> = if named.is_empty() { given.collect() } else { named };
        if older.is_empty() {
            return Err(DcmdError::usage("there is no older snapshot: name one, or start with --base OLD"));
        }
        if !self.cores.is_empty() {
            context.settings.check_restriction()?;
        }
        if let Some(letter) = self.letters.iter().find(|letter| !matches!(letter, 'k' | 'o')) {
            return Err(DcmdError::abort(format!("-{letter} is told of cores, and of no heap snapshots")));
        }
        let question = of_snapshot::GrowthQuestion {
            older,
            constructor: self.constructor.as_deref(),
            classes: self.letters.contains(&'k'),
            owners: self.letters.contains(&'o'),
            all: self.shown.all,
            most: self.shown.most,
            json: self.shown.as_json,
        };
        of_snapshot::growth(context, &question, out)
    }

    /// The older cores: those that are named, or else those of the command line.
    fn older(&self, context: &Context) -> Result<Vec<Base>, DcmdError> {
        let named: Vec<&Path> = self.cores.iter().map(Path::new).collect();
        let given = context.bases.given().iter().map(AsRef::as_ref);
        let paths = if named.is_empty() { given.collect() } else { named };
        if paths.is_empty() {
            return Err(DcmdError::usage("there is no older core: name one, or start with --base OLD"));
        }
        // Those of the command line are targets.
        if !self.cores.is_empty() || self.executable.is_some() {
            context.settings.check_restriction()?;
        }
        let warn = |warning: &dyn std::fmt::Display| context.warn(&escape(&warning.to_string()));
        let executable = self.executable.as_deref().map(Path::new);
        let open = |path: &Path| {
            let opened = context.bases.open(path, executable, &context.interrupt, &warn);
            context.check_interrupt()?;
            opened.map_err(|reason| DcmdError::Abort(escape(&reason).into_owned()))
        };
        paths.into_iter().map(open).collect()
    }

    fn sections(
        &self,
        context: &Context,
        comparison: &Comparison<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        let mut letters = self.letters.clone();
        if self.is_usual && has_native_growth(comparison)? {
            letters.push(NATIVE_MEMORY);
        }
        let is_wanted = |letter: &char| letters.contains(letter);
        if is_wanted(&'k') || is_wanted(&'s') {
            totals(context, comparison, self.shown, out)?;
        }
        for section in SECTIONS.iter().filter(|section| is_wanted(&section.letter)) {
            section.print(context, comparison, self.shown, out)?;
        }
        Ok(())
    }

    fn newcomers(
        &self,
        context: &Context,
        comparison: &Comparison<'_>,
        name: &str,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        let found = comparison.ask_together(|sides| newcomers(sides, name, comparison.counted))?;
        let last = comparison.len() - 1;
        for &id in found.objects.iter().take(self.shown.most) {
            let object = comparison.address(last, id)?;
            if out.is_pipe() {
                if out.emit(Item::value(object))? == Flow::Enough {
                    return Ok(());
                }
                continue;
            }
            context.check_interrupt()?;
            let path = path_text(&found.paths.of(id).unwrap_or_default());
            if self.shown.as_json {
                let line = json!({
                    "section": "object", "object": format!("{object:#x}"), "name": name, "path": path,
                });
                writeln!(out.text(), "{}", output::json(&line))?;
            } else {
                writeln!(out.text(), "{object:x} {path}")?;
            }
        }
        if found.unnamed > 0 {
            context.warn(&format_args!(
                "{} objects of {} have no path of names, and could not be looked for in another core: they may be new as well",
                found.unnamed,
                escape(name)
            ));
        }
        Ok(())
    }
}

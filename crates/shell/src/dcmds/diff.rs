//! `::diff`: say what has grown since an older core of the same service.
//!
//! TODO
//!
//! ```text
//! > ::diff old
//! ```

use std::io::Write;
use std::path::Path;

use serde_json::json;
use v8_heap::compare::newcomers;

use crate::bases::Base;
use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::growth::{Comparison, SECTIONS, Shown, path_text, totals};
use crate::output::escape;
use crate::pipeline::{Flow, Out};
use crate::value::{Item, Kind};

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "diff",
    aliases: &[],
    summary: "say what has grown since an older core of the same service",
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
        Opt::flag('m', "mappings of the process"),
        Opt::text('c', "constructor", "the objects of a constructor that are new"),
        Opt::flag('a', "also what shrank or came and went, and all rows"),
        Opt::number('n', "rows", "show so many rows of each section; 10 if not said"),
        Opt::flag('j', "print one JSON object for each row; all rows if -n does not say how many"),
        Opt::text('x', "object", "the executable that dumped the older cores"),
    ],
    operands: Operands { synopsis: "[old [middle]]", least: 0, most: 2 },
    needs: &[Capability::V8Heap],
    manual: include_str!("diff.rs"),
    start: |_, args| {
        let question = Question::of(args)?;
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
        if letters.is_empty() {
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
            shown: Shown { all, most, as_json },
        })
    }

    /// The older cores: those that are named, or else those of the command line.
    fn older(&self, context: &Context) -> Result<Vec<Base>, DcmdError> {
        let named: Vec<&Path> = self.cores.iter().map(Path::new).collect();
        let given = context.bases.given().iter().map(AsRef::as_ref);
        let paths = if named.is_empty() { given.collect() } else { named };
        if paths.is_empty() {
            return Err(DcmdError::usage("there is no older core: name one, or start with --base OLD"));
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
        let is_wanted = |letter: &char| self.letters.contains(letter);
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
                writeln!(out.text(), "{line}")?;
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

//! `::sort`: sort the values of a pipe.
//!
//! By the value of an expression for each of the objects (`::help where` says what expressions there are), or of several, the
//! first before the next; without any by the value itself, as a number. Numbers come first, then strings by their code units,
//! then the rest; what is not there comes last. Equal ones stay in their order.

use std::cmp::Ordering;

use super::r#where::{fault, keys};
use crate::answers::members::OfMembers;
use crate::answers::sources::values;
use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::jsexpr::{JsExpr, Key};
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::findjsobjects -c UpstreamConnection | ::findjsobjects | ::sort -r -n 3 load | ::jsprint request.id load",
        r#"
1059 9.25
1029 9.25
999 9.25
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::findjsobjects -c Session | ::sort -r -n 2 [[RetainedSize]] | ::jsprint id",
        r#"
"session-297"
"session-296"
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "sort",
    aliases: &[],
    summary: "sort the values of a pipe",
    family: Family::Pipes,
    address: AddressUse::Required,
    takes: Takes::Anything,
    yields: Yields::Same,
    options: &[
        Opt::flag('r', "the other way round: the greatest first"),
        Opt::number('n', "N", "keep only the first N"),
    ],
    operands: Operands::any("[expression ...]"),
    needs: &[],
    manual: include_str!("sort.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let expressions =
            if args.operands().is_empty() { Vec::new() } else { super::r#where::expressions(args)? };
        Ok(Box::new(OfMembers(Sort {
            expressions,
            reverse: args.has('r'),
            wanted: args.number('n').map(|wanted| usize::try_from(wanted).unwrap_or(usize::MAX)),
            items: Vec::new(),
        })))
    },
};

struct Sort {
    expressions: Vec<JsExpr>,
    reverse: bool,
    wanted: Option<usize>,
    items: Vec<(Vec<Key>, Item)>,
}

impl Sort {
    fn order(&self, a: &(Vec<Key>, Item), b: &(Vec<Key>, Item)) -> Ordering {
        let absent = |key: &Key| *key == Key::Undefined;
        for (a, b) in a.0.iter().zip(&b.0) {
            // What is not there comes last whichever way the rest goes.
            let order = match (absent(a), absent(b)) {
                (false, false) if self.reverse => b.order(a),
                (false, false) => a.order(b),
                (a, b) => a.cmp(&b),
            };
            if order.is_ne() {
                return order;
            }
        }
        match (self.expressions.is_empty(), self.reverse) {
            (false, _) => Ordering::Equal,
            (true, false) => a.1.word.cmp(&b.1.word),
            (true, true) => b.1.word.cmp(&a.1.word),
        }
    }

    fn sort(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        items.sort_by(|a, b| self.order(a, b));
        items.truncate(self.wanted.unwrap_or(usize::MAX));
        self.items = items;
    }
}

impl Stage for Sort {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        context.check_interrupt()?;
        // Words alone need nothing that has values.
        let values = if self.expressions.is_empty() { None } else { Some(values(context)?) };
        for &item in batch {
            context.set_dot(item.word);
            let keys = values
                .as_ref()
                .map_or(Ok(Vec::new()), |values| keys(&self.expressions, &**values, item.word));
            match keys {
                Ok(keys) => self.items.push((keys, item)),
                Err(error) => fault(context, item, error, out)?,
            }
        }
        // Of what is not wanted, no more is kept than is wanted.
        if let Some(wanted) = self.wanted
            && self.items.len() > wanted.saturating_mul(2).max(1 << 16)
        {
            self.sort();
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        self.sort();
        if !self.expressions.is_empty() {
            super::r#where::complain(context, &self.expressions)?;
        }
        out.emit_all(self.items.drain(..).map(|(_, item)| item)).map(|_| ())
    }
}

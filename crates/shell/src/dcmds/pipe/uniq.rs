//! `::uniq`: keep the first of equal values.
//!
//! Values flow on the first time they come, wherever in the pipe that is. With an expression (`::help where` says what there
//! is), objects are equal if it has the same value for both; with several, if all have.

use std::collections::HashSet;

use super::r#where::{fault, keys};
use crate::answers::sources::values;
use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields};
use crate::error::DcmdError;
use crate::jsexpr::{JsExpr, Key, Values};
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::findjsobjects -c IncomingRequest | ::findjsobjects | ::uniq method | ::jsprint method",
    r#"
"POST"
"GET"
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "uniq",
    aliases: &[],
    summary: "keep the first of equal values",
    family: Family::Pipes,
    address: AddressUse::Required,
    takes: Takes::Anything,
    yields: Yields::Same,
    options: &[],
    operands: Operands::any("[expression ...]"),
    needs: &[],
    manual: include_str!("uniq.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let expressions =
            if args.operands().is_empty() { Vec::new() } else { super::r#where::expressions(args)? };
        Ok(Box::new(Uniq { expressions, words: HashSet::new(), keys: HashSet::new() }))
    },
};

struct Uniq {
    expressions: Vec<JsExpr>,
    words: HashSet<u64>,
    keys: HashSet<Vec<Key>>,
}

impl Uniq {
    fn is_new(&mut self, values: Option<&dyn Values>, item: Item) -> v8_heap::Result<bool> {
        match values {
            Some(values) => Ok(self.keys.insert(keys(&self.expressions, values, item.word)?)),
            None => Ok(self.words.insert(item.word)),
        }
    }
}

impl Stage for Uniq {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        context.check_interrupt()?;
        // Words alone need nothing that has values.
        let values = if self.expressions.is_empty() { None } else { Some(values(context)?) };
        for &item in batch {
            context.set_dot(item.word);
            match self.is_new(values.as_deref(), item) {
                Ok(true) => {
                    if out.emit(item)? == Flow::Enough {
                        return Ok(Flow::Enough);
                    }
                }
                Ok(false) => {}
                Err(error) => fault(context, item, error, out)?,
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.expressions.is_empty() {
            Ok(())
        } else {
            super::r#where::complain(context, &self.expressions)
        }
    }
}

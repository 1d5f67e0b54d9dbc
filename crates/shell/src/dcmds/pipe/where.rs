//! `::where`: keep the objects of which an expression is true.
//!
//! The expression is JavaScript's, on the properties of the objects that flow.
//!
//! `::findjsobjects` hands on one object of each kind; here, and in `::group`, `::sort` and `::sum`, it stands for all of them.
//!
//! Put it in single quotes, so that the shell of the debugger leaves it alone; without any of `' " ! | ; $` in it, it needs none.
//!
//! # Expressions
//!
//! ```text
//! req.url  headers['x-id']  list[0]     properties, of any depth; a missing one is undefined
//! this  length  size                    the object itself, and what the language computes of it
//! [[PromiseState]]  [[ProxyTarget]]     internal slots
//! [[ShallowSize]]  [[RetainedSize]]     bytes of the object alone; and with all that would be freed with it
//! constructor == 'Socket'               the name of the constructor, as ::jsconstructor has it
//! typeof handler == 'function'
//! has(req.id)  has('any name')          whether there is such a property
//! 400  0x190  1e3  10n  'text'          numbers are decimal, as in JavaScript; strings in either quotes
//! == != === !== < <= > >=               as in JavaScript, which converts nothing that would run code
//! + - * / %  && || !  ( )
//! url =~ /regexp/i   url !~ /regexp/    regular expressions of JavaScript, without look-around
//! statusCode in [400, 404]
//! ```
//!
//! Only an object's own properties are looked at: what it inherits is undefined. A getter is not run, so its property is
//! undefined too: `req.headers` of Node.js is one, `req.rawHeaders[1]` is not. A Date counts as its milliseconds. Objects
//! equal only themselves.
//!
//! If no object has a property that was asked for, a message says so, with the name that may have been meant. An object that
//! cannot be read is reported, and the others flow on.
//!
//! # Heap snapshots
//!
//! A node of a heap snapshot has the properties, elements and variables that the file names. Numbers are among them only if it was written
//! by `v8.writeHeapSnapshot(file, { exposeNumericValues: true })`: else a property with a small integer is not there, and of another
//! number, as of a BigInt, no more is told than `typeof`. V8 cuts strings at 1024 characters: the `length` of such a one is undefined, as
//! are that of an array, and what a Date says.

use crate::answers::members::OfMembers;
use crate::answers::sources::values;
use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Takes, Word, Yields};
use crate::error::DcmdError;
use crate::jsexpr::{JsExpr, Key, Values};
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        r#"::findjsobjects -c IncomingRequest | ::where 'id > 2390 && method == "POST"' | ::jsprint id url"#,
        r#"
2400 "/v1/images/2400?size=192"
"#,
    ),
    Example::on(
        "leak-24",
        "::findjsobjects -c IncomingRequest | ::where 'url =~ /size=0$/' | ::count",
        r#"
114
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        r#"::findjsobjects -c Session | ::where 'client.name == "client-20"' | ::count"#,
        r#"
10
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::findjsobjects -c Session | ::where '[[RetainedSize]] < 1792' | ::head -1 | ::jsprint id",
        r#"
"session-0"
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "where",
    aliases: &[],
    summary: "keep the objects of which an expression is true",
    family: Family::Pipes,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Same,
    options: &[],
    operands: Operands::between("expression", 1, usize::MAX),
    needs: &[Capability::Graph],
    manual: include_str!("where.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let words = args.operands().iter().map(text_of).collect::<Vec<_>>().join(" ");
        let expression = JsExpr::parse(&words).map_err(DcmdError::Abort)?;
        Ok(Box::new(OfMembers(Where { expression })))
    },
};

/// A word of an expression.
fn text_of(word: &Word) -> String {
    match word {
        Word::Text(text) => text.clone(),
        Word::Number(number) => number.to_string(),
    }
}

/// The operands of a dcmd, each an expression of its own; `this` if there is none and that is allowed.
pub(super) fn expressions(args: &Args) -> Result<Vec<JsExpr>, DcmdError> {
    let parse = |word: &Word| JsExpr::parse(&text_of(word)).map_err(DcmdError::Abort);
    let expressions: Vec<JsExpr> = args.operands().iter().map(parse).collect::<Result<_, _>>()?;
    if expressions.is_empty() {
        return Ok(vec![JsExpr::parse("this").map_err(DcmdError::Abort)?]);
    }
    Ok(expressions)
}

/// What expressions are worth for an object, as what can be kept and compared.
///
/// # Errors
/// Something that they ask for cannot be read.
pub(super) fn keys(expressions: &[JsExpr], values: &dyn Values, this: u64) -> v8_heap::Result<Vec<Key>> {
    expressions.iter().map(|expression| expression.value(values, this)?.key(values)).collect()
}

/// Reports an object of which an expression has no value.
///
/// # Errors
/// The user has stopped it.
pub(super) fn fault(
    context: &Context,
    item: Item,
    error: v8_heap::Error,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    match DcmdError::from(error) {
        DcmdError::Failed(reason) => {
            out.fault(&format!("{}: {reason}", context.word_text(item.word)));
            Ok(())
        }
        error => Err(error),
    }
}

/// Tells what no object had.
pub(super) fn complain(context: &Context, expressions: &[JsExpr]) -> Result<(), DcmdError> {
    let values = values(context)?;
    for complaint in expressions.iter().filter_map(|expression| expression.complaint(&*values)) {
        context.warn(&complaint);
    }
    Ok(())
}

struct Where {
    expression: JsExpr,
}

impl Stage for Where {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let values = values(context)?;
        context.check_interrupt()?;
        for &item in batch {
            context.set_dot(item.word);
            match self.expression.holds(&*values, item.word) {
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
        complain(context, std::slice::from_ref(&self.expression))
    }
}

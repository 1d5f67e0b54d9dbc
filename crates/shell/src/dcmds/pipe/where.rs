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

use crate::answers::members::OfMembers;
use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Takes, Word, Yields};
use crate::error::DcmdError;
use crate::jsexpr::JsExpr;
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};
use v8_heap::Tagged;

/// What it says, on cores that ship.
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
    needs: &[Capability::V8Heap],
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

/// Tells what no object had.
pub(super) fn complain(context: &Context, expressions: &[JsExpr]) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    for complaint in expressions.iter().filter_map(|expression| expression.complaint(heap)) {
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
        let heap = context.heap()?;
        context.check_interrupt()?;
        for &item in batch {
            context.set_dot(item.word);
            match self.expression.holds(heap, Tagged(item.word)) {
                Ok(true) => {
                    if out.emit(item)? == Flow::Enough {
                        return Ok(Flow::Enough);
                    }
                }
                Ok(false) => {}
                Err(error) => out.fault(&format!("{item}: {}", crate::error::reasons(&error))),
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        complain(context, std::slice::from_ref(&self.expression))
    }
}

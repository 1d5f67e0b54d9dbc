//! `::group`: count objects by the value of an expression.
//!
//! One line for each value: how many objects have it, how many bytes they take themselves, and the value; the largest groups
//! come first. Several expressions group by all of them together. `::help where` says what expressions there are.
//!
//! In a pipe it hands on a representative of each group, in the same order; with `-l` all objects, group by group; with `-m`
//! those of one group: the value as it is shown, or a string without its quotes.
//!
//! `-j` prints each group as a line of JSON with the fields `value` (or `values`, if there are several expressions), `count`,
//! `bytes` and `object`, the representative. Values are as `docs/json.md` has them, objects by their address.

use std::collections::HashMap;
use std::io::Write;

use serde_json::{Map, Value as Json, json};

use super::r#where::{fault, keys};
use crate::answers::members::OfMembers;
use crate::answers::sources::values;
use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::jsexpr::{JsExpr, Key, Values};
use crate::output::{self, Column, Table, escape};
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::findjsobjects -c IncomingRequest | ::findjsobjects | ::group method",
        r#"
   COUNT        BYTES VALUE
     600        38400 "GET"
     200        12800 "POST"
"#,
    ),
    Example::on(
        "leak-24",
        r#"::findjsobjects -c IncomingRequest | ::findjsobjects | ::group -m '"POST"' method | ::head -2 | ::jsprint id"#,
        r#"
1080
1068
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::findjsobjects -c Session | ::group client.name ! head -3",
        r#"
   COUNT        BYTES VALUE
      10          640 "client-0"
      10          640 "client-10"
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "group",
    aliases: &[],
    summary: "count objects by the value of an expression",
    family: Family::Pipes,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Same,
    options: &[
        Opt::flag('l', "list all objects, group by group"),
        Opt::text('m', "value", "list the objects of one group").filter(),
        Opt::flag('j', "print one JSON object for each group"),
    ],
    operands: Operands::between("expression ...", 1, usize::MAX),
    needs: &[Capability::Graph],
    manual: include_str!("group.rs"),
    examples: EXAMPLES,
    start: |_, args| Ok(Box::new(OfMembers(Group::new(args)?))),
};

static TABLE: Table =
    Table::new(&[Column::right("COUNT", 8), Column::right("BYTES", 12), Column::left("VALUE", 0)]);

/// What the options ask for.
enum Task {
    Table,
    All,
    One(String),
    Json,
}

struct Group {
    expressions: Vec<JsExpr>,
    task: Task,
    numbers: HashMap<Vec<Key>, usize>,
    groups: Vec<Members>,
}

struct Members {
    key: Vec<Key>,
    bytes: u64,
    items: Vec<Item>,
}

impl Group {
    fn new(args: &Args) -> Result<Group, DcmdError> {
        let task = match (args.has('l'), args.text('m'), args.has('j')) {
            (false, None, false) => Task::Table,
            (true, None, false) => Task::All,
            (false, Some(value), false) => Task::One(value.to_owned()),
            (false, None, true) => Task::Json,
            _ => return Err(DcmdError::usage("only one of -l, -m and -j can be asked for")),
        };
        let expressions = super::r#where::expressions(args)?;
        Ok(Group { expressions, task, numbers: HashMap::new(), groups: Vec::new() })
    }

    fn add(&mut self, values: &dyn Values, item: Item) -> v8_heap::Result<()> {
        let key = keys(&self.expressions, values, item.word)?;
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.groups.len();
                self.groups.push(Members { key: key.clone(), bytes: 0, items: Vec::new() });
                self.numbers.insert(key, number);
                number
            }
        };
        let group = &mut self.groups[number];
        group.items.push(item);
        group.bytes = group.bytes.saturating_add(values.own_size(item.word));
        Ok(())
    }

    fn write(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let values = values(context)?;
        if self.groups.is_empty() {
            return Ok(());
        }
        TABLE.heading(context.colours, &mut out.text())?;
        for group in &self.groups {
            context.check_interrupt()?;
            let value = shown(&*values, &group.key);
            TABLE.row(&[&group.items.len(), &group.bytes, &value], &mut out.text())?;
        }
        Ok(())
    }

    fn write_json(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let values = values(context)?;
        for group in &self.groups {
            context.check_interrupt()?;
            let mut line = Map::new();
            let key: Vec<Json> = group.key.iter().map(|key| json_of(&*values, key)).collect();
            match key.as_slice() {
                [value] => line.insert("value".to_owned(), value.clone()),
                _ => line.insert("values".to_owned(), Json::Array(key)),
            };
            line.insert("count".to_owned(), json!(group.items.len()));
            line.insert("bytes".to_owned(), json!(group.bytes));
            line.insert("object".to_owned(), json!(values.json(group.items[0].word)));
            writeln!(out.text(), "{}", output::json(&Json::Object(line)))?;
        }
        Ok(())
    }
}

impl Stage for Group {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let values = values(context)?;
        context.check_interrupt()?;
        for &item in batch {
            context.set_dot(item.word);
            if let Err(error) = self.add(&*values, item) {
                fault(context, item, error, out)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        self.groups.sort_by(|a, b| {
            let by_key = || a.key.iter().zip(&b.key).map(|(a, b)| a.order(b)).find(|order| order.is_ne());
            b.items.len().cmp(&a.items.len()).then_with(|| by_key().unwrap_or(std::cmp::Ordering::Equal))
        });
        super::r#where::complain(context, &self.expressions)?;
        match &self.task {
            Task::Json => self.write_json(context, out),
            Task::Table if !out.is_pipe() => self.write(context, out),
            Task::Table => out.emit_all(self.groups.iter().map(|group| group.items[0])).map(|_| ()),
            Task::All => {
                out.emit_all(self.groups.iter().flat_map(|group| group.items.iter().copied())).map(|_| ())
            }
            Task::One(wanted) => {
                let values = values(context)?;
                let is_wanted = |group: &&Members| {
                    *wanted == shown(&*values, &group.key)
                        || matches!(group.key.as_slice(), [Key::Text(text)] if **text == **wanted)
                };
                let Some(group) = self.groups.iter().find(is_wanted) else {
                    return Err(DcmdError::Failed(format!("no group has the value {}", escape(wanted))));
                };
                out.emit_all(group.items.iter().copied()).map(|_| ())
            }
        }
    }
}

/// The values of a group as text: `"/index.html", 404`.
fn shown(values: &dyn Values, key: &[Key]) -> String {
    key.iter().map(|key| shown_one(values, key)).collect::<Vec<_>>().join(", ")
}

/// A value as text, as `::jsprint` writes it; an object as its constructor and address.
fn shown_one(values: &dyn Values, key: &Key) -> String {
    match key {
        Key::Number(bits) => crate::print::format_number(f64::from_bits(*bits)),
        Key::BigInt(digits) => format!("{digits}n"),
        Key::Text(text) => format!("\"{}\"", escape(&text.replace('\\', "\\\\").replace('"', "\\\""))),
        Key::Boolean(truth) => truth.to_string(),
        Key::Symbol(symbol) => escape(&values.symbol_text(*symbol).unwrap_or_default()).into_owned(),
        Key::Object(object) => values.label(*object),
        Key::Null => "null".to_owned(),
        Key::Undefined => "undefined".to_owned(),
    }
}

/// A value as JSON, in the forms of `docs/json.md`.
fn json_of(values: &dyn Values, key: &Key) -> Json {
    match key {
        Key::Number(bits) => {
            let number = f64::from_bits(*bits);
            if number.is_finite() && number.fract() == 0.0 && number.abs() < 9e15 {
                json!(number as i64)
            } else if number.is_finite() {
                json!(number)
            } else {
                json!({ "type": "number", "value": crate::print::format_number(number) })
            }
        }
        Key::BigInt(digits) => json!({ "type": "bigint", "value": &**digits }),
        Key::Text(text) => json!(&**text),
        Key::Boolean(truth) => json!(truth),
        Key::Symbol(symbol) => {
            json!({ "type": "symbol", "description": values.symbol_text(*symbol) })
        }
        Key::Object(object) => json!({ "type": "object", "address": values.json(*object) }),
        Key::Null => Json::Null,
        Key::Undefined => json!({ "type": "undefined" }),
    }
}

//! `::jsclosures`: find captured variables that nobody will read.
//!
//! All functions that are made in one scope share one context, which keeps every variable that any of them uses. One function that
//! lives keeps them all, those as well that only another used which is long gone: the classic leak of closures, of which
//! nothing shows in the source of the function that lives.
//!
//! `-u` lists the variables that living contexts hold and that no living function reads, nor any that one of these could make, by
//! what would be freed if they were not held: in the heap and outside of it, exactly. CONTEXTS is how many contexts of the scope hold the
//! variable so; LARGEST the value that retains most; IN the scope, by its function, and where it begins; KEPT BY a living function
//! with that context. The remedy is to set the variable to `null` when it is done with, or to make the function that lives in a scope of its own.
//!
//! Without `-u` only the last lines, which say how many were looked at and of how many it cannot be known.
//!
//! What a function reads is read off its bytecode. One that has none, since it was not called yet or V8 has thrown its
//! bytecode away, may read variables whose name is a word of its source; those are counted as read, and said in the last line. Where
//! `eval` is called, or code was running, anything may be read. Variables of whole scripts are left out, since any script can name
//! them, and so is what a debugger would show. A variable whose value something else holds as well is not listed: to clear it would free nothing.
//!
//! In a pipe it hands on the values of the variables that it lists: `::jsclosures -u -n 1 | ::jsretained -s`.

use std::io::Write;

use serde_json::json;
use v8_heap::Heap;
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::objects::value::HeapObject;
use v8_heap::questions::{UnreadVariable, UnreadVariables};

use crate::answers::callback::Callback;
use crate::answers::retention::{address, label, open};
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, Column, Hex, Table, escape};
use crate::print::function::{self, file_name};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::jsclosures -u -n 2",
    r#"
     FREED    OUTSIDE CONTEXTS          LARGEST VARIABLE             IN                             KEPT BY
      3152          0        1     1d452b6313d9 builtinIds           a scope (realm)                requireWithFallbackInDeps (node:internal/bootstrap/realm)
       160          0        2      8ba8239e321 cb                   debuglog (debuglog)            init (node:internal/util/debuglog)
of 6170 variables in 1496 living contexts that hold an object, 8 are read by nobody and alone hold what they hold: 3816 bytes of the heap and 0 outside
5 more kinds of them are not shown (-n)
1600 count as read since a function that is not compiled has their name in its source
447 count as read since `eval` or code that was running may read them
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsclosures",
    aliases: &[],
    summary: "find captured variables that nobody will read",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('u', "list the variables that nobody reads"),
        Opt::number('n', "variables", "list so many; 10 if not said"),
        Opt::flag('j', "print one line of JSON for each variable, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsclosures.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let lists = args.has('u') || args.has('j');
        let most = usize::try_from(args.number('n').unwrap_or(10)).unwrap_or(usize::MAX);
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let monitor = context.progress();
            let (heap, table) = open(context, &monitor)?;
            let found = heap.unread_variables(most, &monitor)?;
            drop(monitor);
            let shown = if lists { &found.variables[..most.min(found.variables.len())] } else { &[] };
            if out.is_pipe() {
                return hand_on(table, shown, out);
            }
            if as_json {
                for variable in shown {
                    context.check_interrupt()?;
                    writeln!(out.text(), "{}", json_line(heap, table, variable))?;
                }
                return Ok(());
            }
            if !shown.is_empty() {
                TABLE.heading(context.colours, &mut out.text())?;
            }
            for variable in shown {
                context.check_interrupt()?;
                row(heap, table, variable, out)?;
            }
            summary(&found, shown, out)
        }))
    },
};

static TABLE: Table<'_> = Table::new(&[
    Column::right("FREED", 10),
    Column::right("OUTSIDE", 10),
    Column::right("CONTEXTS", 8),
    Column::right("LARGEST", 16),
    Column::left("VARIABLE", 20),
    Column::left("IN", 30),
    Column::left("KEPT BY", 0),
]);

fn hand_on(table: &ObjectTable, shown: &[UnreadVariable], out: &mut Out<'_>) -> Result<(), DcmdError> {
    for (_, value) in shown.iter().flat_map(|variable| &variable.values) {
        if out.emit(Item::value(address(table, *value).0))? == Flow::Enough {
            break;
        }
    }
    Ok(())
}

/// A scope: the function that it is part of, the file, and the line where it begins.
struct Place {
    function: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

impl Place {
    fn of(heap: &Heap<'_>, table: &ObjectTable, variable: &UnreadVariable) -> Place {
        let mut place = Place { function: None, file: None, line: None };
        let Some(context) = heap.object_by_id(table, variable.largest.0) else { return place };
        let named = |context: HeapObject<'_>| heap.scope(context).ok()?.function_name;
        let name = heap.context_chain(context).into_iter().find_map(named);
        place.function = name.map(|name| function::text(heap, name));
        let Some(keeper) = variable.keeper.and_then(|keeper| function::subject(heap, keeper).ok()) else {
            return place;
        };
        let Some(location) = heap.function_location(keeper.shared.object) else { return place };
        place.file = Some(file_name(heap, &location.script));
        let start = heap.scope_start(context);
        let line = start.and_then(|start| heap.script_location(&location.script, start));
        place.line = line.map(|place| place.line);
        place
    }

    /// `replaceThing (leak.js:12)`
    fn text(&self) -> String {
        let function = self.function.as_deref().unwrap_or("a scope");
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{function} ({file}:{line})"),
            (Some(file), None) => format!("{function} ({file})"),
            _ => function.to_owned(),
        }
    }
}

fn row(
    heap: &Heap<'_>,
    table: &ObjectTable,
    variable: &UnreadVariable,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let (inside, outside) = variable.freed.unwrap_or_default();
    let keeper = variable.keeper.map_or_else(|| "-".to_owned(), |keeper| Callback::of(heap, keeper).text());
    let name = heap.name_text(variable.name).unwrap_or_default();
    let place = Place::of(heap, table, variable).text();
    Ok(TABLE.row(
        &[
            &inside,
            &outside,
            &variable.values.len(),
            &Hex(address(table, variable.largest.1).0),
            &escape(&name),
            &escape(&place),
            &escape(&keeper),
        ],
        &mut out.text(),
    )?)
}

/// What was looked at, and what cannot be known.
fn summary(found: &UnreadVariables, shown: &[UnreadVariable], out: &mut Out<'_>) -> Result<(), DcmdError> {
    let unread: usize = found.variables.iter().map(|variable| variable.values.len()).sum();
    let (inside, outside) = found.freed;
    let mut text = out.text();
    writeln!(
        text,
        "of {} variables in {} living contexts that hold an object, {unread} are read by nobody and alone hold what \
         they hold: {inside} bytes of the heap and {outside} outside",
        found.holding, found.contexts
    )?;
    if !shown.is_empty() && shown.len() < found.variables.len() {
        let more = found.variables.len() - shown.len();
        writeln!(text, "{more} more kinds of them are not shown (-n)")?;
    }
    if found.by_name > 0 {
        writeln!(
            text,
            "{} count as read since a function that is not compiled has their name in its source",
            found.by_name
        )?;
    }
    if found.unknown > 0 {
        writeln!(
            text,
            "{} count as read since `eval` or code that was running may read them",
            found.unknown
        )?;
    }
    Ok(())
}

fn json_line(heap: &Heap<'_>, table: &ObjectTable, variable: &UnreadVariable) -> String {
    let hexadecimal = |id: ObjectId| format!("{:#x}", address(table, id).0);
    let place = Place::of(heap, table, variable);
    let value = heap.object_by_id(table, variable.largest.1);
    output::json(&json!({
        "variable": heap.name_text(variable.name).unwrap_or_default(),
        "contexts": variable.values.len(),
        "freed": variable.freed.map(|(inside, _)| inside),
        "outside": variable.freed.map(|(_, outside)| outside),
        "function": place.function,
        "file": place.file,
        "line": place.line,
        "context": hexadecimal(variable.largest.0),
        "value": hexadecimal(variable.largest.1),
        "valueName": value.map(|value| label(heap, value)),
        "keptBy": variable.keeper.map(|keeper| Callback::of(heap, keeper).json()),
    }))
}

//! `::jsfunctions`: list every function of the program, its closures, and where it is defined.
//!
//! Without an address: one line for each place in the source that defines a function, those with most closures at the end.
//! FUNC is the address of one of the closures, #FUNCS how many there are, garbage included. A function without a name is `<anonymous>`, with
//! the name that V8's parser inferred from what it was assigned to.
//!
//! With an address: all closures of the definition there, which may be given by any of them or by its `SharedFunctionInfo`. In
//! a pipe it hands on the representatives, and a further `::jsfunctions` expands them to all closures, so that
//! `::jsfunctions -n onTimeout | ::jsfunctions | ::jsclosure` prints what each timer's callback has captured.
//!
//! `-n` and `-s` choose by a part of the name and of the script's name, `-x` by an address in the function's bytecode or in
//! machine code made from it; all that are given must match. With an address they filter: the representative goes on if its
//! definition matches. `-X` shows where the bytecode is (`?` if there is none: the function has not run yet, has not for
//! a while, or is native).
//!
//! `-a` lists definitions of which no closure was ever made, or none is left, too. FUNC is then the address of the
//! `SharedFunctionInfo`, which `::jsfunction` and `::jssource` take as well. `-m` says where a function comes from in the
//! sources that its script was built from, if the script has a source map.
//!
//! `-j` prints one JSON object a line and definition, for programs. Its fields are `func` (address of the representative,
//! `null` without closures), `funcs`, `name` and `from` (as in the table), `shared` (address of the
//! `SharedFunctionInfo`), `script` (address), `file` (name of the script), `line`, `column`, `start` and `end` (where the
//! definition is in the script, in UTF-16 code units), `kind`, `compiled`. What there is not is `null`. With `-m` there are
//! also `originalFile`, `originalLine`, `originalColumn` and `originalName`.

use std::io::Write;

use serde_json::json;
use v8_heap::index::Definition;
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::shared_function_info::SharedFunction;
use v8_heap::objects::value::Value;
use v8_heap::{Heap, Tagged};

use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::output::{self, Progress, escape};
use crate::print::function::{definition_name, has_in_name, kind_name, origin, script_name, subject};
use crate::source_map::Maps;
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::jsfunctions -n UpstreamConnection",
        r#"
            FUNC   #FUNCS NAME                                     FROM
    1950f7e25d01        1 UpstreamConnection                       /tmp/v8mdb-stage/app/leak.js line 33
     eab7c8ccc11      800 <anonymous> (as UpstreamConnection.resume) /tmp/v8mdb-stage/app/leak.js line 38
"#,
    ),
    Example::on(
        "leak-24",
        "::jsfunctions -n UpstreamConnection.resume | ::jsfunctions | ::count",
        r#"
800
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsfunctions",
    aliases: &[],
    summary: "list the functions of the program, their closures, and where they are defined",
    family: Family::JavaScript,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::flag('X', "add columns that say where the bytecode starts and ends"),
        Opt::flag(
            'l',
            "list addresses: of representatives, or of all closures of the function at the address",
        ),
        Opt::flag('a', "include definitions without closures"),
        Opt::flag('m', "say where a function was before its script was built, by the source map"),
        Opt::flag('j', "print one JSON object for each definition"),
        Opt::text('s', "file", "only functions of scripts that have this in their name").filter(),
        Opt::text('n', "name", "only functions that have this in their name").filter(),
        Opt::number('x', "addr", "only the function whose code holds this address").filter(),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsfunctions.rs"),
    examples: EXAMPLES,
    start: |_, args| Ok(Box::new(JsFunctions::new(args))),
};

/// Names that are longer are cut for somebody who watches.
const NAME_WIDTH: usize = 40;

struct JsFunctions {
    name: Option<String>,
    file: Option<String>,
    code: Option<u64>,
    /// The functions whose code holds [`JsFunctions::code`], once they have been looked for.
    with_code: Option<Vec<Tagged>>,
    ranges: bool,
    list: bool,
    all: bool,
    json: bool,
    maps: Option<Maps>,
}

/// A definition and what is shown of it.
struct Row<'h> {
    definition: Definition,
    shared: SharedFunction<'h>,
}

impl JsFunctions {
    fn new(args: &Args) -> JsFunctions {
        JsFunctions {
            name: args.text('n').map(str::to_owned),
            file: args.text('s').map(str::to_owned),
            code: args.number('x'),
            with_code: None,
            ranges: args.has('X'),
            list: args.has('l'),
            all: args.has('a'),
            json: args.has('j'),
            maps: args.has('m').then(Maps::default),
        }
    }

    fn has_filter(&self) -> bool {
        self.name.is_some() || self.file.is_some() || self.code.is_some()
    }

    /// Looks once for the functions whose code holds the address.
    fn find_code(&mut self, heap: &Heap<'_>, monitor: &Progress) -> Result<(), DcmdError> {
        if let Some(address) = self.code
            && self.with_code.is_none()
        {
            self.with_code = Some(heap.functions_with_code_at(address, monitor)?);
        }
        Ok(())
    }

    fn passes(&self, heap: &Heap<'_>, shared: &SharedFunction<'_>) -> bool {
        let has_code = self.with_code.as_ref().is_none_or(|with| with.contains(&shared.object.value()));
        let in_file = || match &self.file {
            Some(part) => script_of(heap, shared).is_some_and(|name| name.contains(part)),
            None => true,
        };
        let has_name = || self.name.as_ref().is_none_or(|part| has_in_name(heap, shared, part));
        has_code && in_file() && has_name()
    }

    /// All definitions that are wanted, those with most closures last.
    fn definitions(&self, context: &Context, monitor: &Progress) -> Result<Vec<Definition>, DcmdError> {
        let heap = context.heap()?;
        let functions = heap.functions(monitor)?;
        let mut definitions = Vec::new();
        if self.all {
            heap.for_each_definition(monitor, |shared| {
                if functions.definition(shared.value()).is_none() {
                    let (shared, representative) = (shared.value(), shared.value());
                    definitions.push(Definition { shared, representative, closures: 0 });
                }
                true
            })?;
        }
        definitions.extend_from_slice(functions.definitions());
        if functions.unreadable > 0 {
            context.warn(&format_args!(
                "warning: {} functions are left out: their definition cannot be read",
                functions.unreadable
            ));
        }
        Ok(definitions)
    }

    fn list_all(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let monitor = context.progress();
        let definitions = self.definitions(context, &monitor)?;
        self.find_code(heap, &monitor)?;
        drop(monitor);
        let addresses = out.is_pipe() || (self.list && !self.json);
        if !addresses && !self.json {
            out.text().heading(context.colours.underline(self.heading()))?;
        }
        for definition in definitions {
            context.check_interrupt()?;
            let shared = match heap.object(definition.shared).and_then(|shared| heap.shared_function(shared))
            {
                Ok(shared) => shared,
                Err(error) => {
                    out.fault(&crate::error::reasons(&error));
                    continue;
                }
            };
            if self.has_filter() && !self.passes(heap, &shared) {
                continue;
            }
            if addresses {
                if out.emit(Item::value(definition.representative.0))? == Flow::Enough {
                    break;
                }
                continue;
            }
            let line = self.line(context, &Row { definition, shared }, out.text().is_watched())?;
            writeln!(out.text(), "{line}")?;
        }
        Ok(())
    }

    fn heading(&self) -> String {
        let ranges = if self.ranges { format!("{:>16} {:>16} ", "START", "END") } else { String::new() };
        format!("{:>16} {:>8} {ranges}{:<NAME_WIDTH$} FROM", "FUNC", "#FUNCS", "NAME")
    }

    fn line(&self, context: &Context, row: &Row<'_>, watched: bool) -> Result<String, DcmdError> {
        let heap = context.heap()?;
        if self.json {
            return Ok(self.json_line(context, heap, row));
        }
        let Row { definition, shared } = row;
        let mut line = format!("{:>16x} {:>8} ", definition.representative.0, definition.closures);
        if self.ranges {
            line += &match heap.function_bytecode(shared.object) {
                Ok(Some((start, end))) => format!("{start:>16x} {end:>16x} "),
                _ => format!("{:>16} {:>16} ", "?", "?"),
            };
        }
        let mut name = escape(&definition_name(heap, shared)).into_owned();
        let mut from = escape(&origin(heap, shared)).into_owned();
        if let Some(maps) = &self.maps
            && let Some(original) = maps.of_definition(context, shared)
        {
            if let Some(own) = &original.name {
                name = escape(own).into_owned();
            }
            from = escape(&original.place()).into_owned();
        }
        if watched && name.chars().count() >= NAME_WIDTH {
            name = name.chars().take(NAME_WIDTH - 4).chain("...".chars()).collect();
        }
        line += &format!("{name:<NAME_WIDTH$} {from}");
        Ok(line)
    }

    fn json_line(&self, context: &Context, heap: &Heap<'_>, row: &Row<'_>) -> String {
        let Row { definition, shared } = row;
        let is_function = matches!(heap.value(definition.representative),
            Ok(Value::Object(object)) if object.kind() == HeapKind::JsFunction);
        let address = |value: Tagged| format!("{:#x}", value.0);
        let location = heap.function_location(shared.object);
        let place = location.and_then(|location| location.place);
        let range = heap.shared_range(shared).ok().flatten();
        let mut line = json!({
            "func": is_function.then(|| address(definition.representative)),
            "funcs": definition.closures,
            "name": definition_name(heap, shared),
            "from": origin(heap, shared),
            "shared": address(shared.object.value()),
            "script": shared.script.map(address),
            "file": script_of(heap, shared),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "start": range.map(|range| range.definition),
            "end": range.map(|range| range.end),
            "kind": kind_name(shared),
            "compiled": shared.is_compiled(),
        });
        if let Some(maps) = &self.maps {
            let original = maps.of_definition(context, shared);
            line["originalFile"] = json!(original.as_ref().map(|original| &original.file));
            line["originalLine"] = json!(original.as_ref().map(|original| original.line));
            line["originalColumn"] = json!(original.as_ref().map(|original| original.column));
            line["originalName"] = json!(original.as_ref().and_then(|original| original.name.as_ref()));
        }
        output::json(&line)
    }

    /// The definition of the function at an address.
    fn row<'h>(&self, heap: &'h Heap<'_>, address: Tagged, monitor: &Progress) -> Result<Row<'h>, DcmdError> {
        let shared = subject(heap, address)?.shared;
        let own = shared.object.value();
        let known = heap.functions(monitor)?.definition(own).copied();
        let definition = known.unwrap_or(Definition { shared: own, representative: own, closures: 0 });
        Ok(Row { definition, shared })
    }

    /// What is said of the function at one address.
    fn one(
        &mut self,
        context: &Context,
        address: Tagged,
        monitor: &Progress,
        out: &mut Out<'_>,
    ) -> Result<Flow, DcmdError> {
        let heap = context.heap()?;
        self.find_code(heap, monitor)?;
        let row = self.row(heap, address, monitor)?;
        let passes = !self.has_filter() || self.passes(heap, &row.shared);
        if self.json {
            if passes {
                writeln!(out.text(), "{}", self.json_line(context, heap, &row))?;
            }
            return Ok(Flow::Continue);
        }
        if self.has_filter() && !self.list {
            return if passes {
                out.emit(Item::value(row.definition.representative.0))
            } else {
                Ok(Flow::Continue)
            };
        }
        let mut flow = Ok(Flow::Continue);
        if passes {
            heap.for_each_function(Some(row.definition.shared), monitor, |function| {
                flow = out.emit(Item::value(function.value().0));
                matches!(flow, Ok(Flow::Continue))
            })?;
        }
        flow
    }
}

impl Stage for JsFunctions {
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        self.list_all(context, out)
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let monitor = context.progress();
        for item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            match self.one(context, Tagged(item.word), &monitor, out) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Enough) => return Ok(Flow::Enough),
                Err(DcmdError::Failed(reason)) => out.fault(&reason),
                Err(error) => return Err(error),
            }
        }
        Ok(Flow::Continue)
    }
}

/// The name of a function's script.
fn script_of(heap: &Heap<'_>, shared: &SharedFunction<'_>) -> Option<String> {
    let script = heap.script(shared.script?).ok()?;
    Some(script_name(heap, &script))
}

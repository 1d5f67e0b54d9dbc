//! `::jsclosure`: print the variables that a function has captured.
//!
//! Of a function, the variables of the scope that it was made in, with their values: each on a line, down to one level, or
//! as many as `-d` says, with the address of every value in front of it. Of a generator or an async function at rest, those of
//! the scope that it rests in; of a bound function, those of the function that it calls; of a context, its own.
//!
//! `-a` prints the whole chain of scopes, from the inside out, each under a line that says what opens it and where its
//! context is. The last but the global one are those of all scripts: what they declare with `let`, `const` and `class`.
//!
//! With names, only those variables, each from the innermost scope that has it: `::jsclosure headers`. In a pipe it hands on
//! the values: `::jsfunctions -n onTimeout | ::jsfunctions | ::jsclosure headers | ::jsprint host`.
//!
//! A function, a class and an arrow function have a *function* scope; further kinds are *block*, *catch*, *class* (with the
//! private names of the class), *module* (its imports, too, and what it exports), *eval*, *with* (the properties of the
//! object), and *script*. Variables that sloppy `eval` declared are with those of the function around it. A variable whose
//! declaration has not been reached is `uninitialized`. Names that begin with a dot are V8's own.
//!
//! V8 keeps only variables that some function inside their scope uses: the others were on the stack, or never existed, and are
//! not here.
//!
//! `-m` says what a variable was called before the function's script was built, by the script's source map: `"t" (headers)`.
//! A map names the places where variables are used; a name is shown if it is the same at all of them in this function.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;

use serde_json::json;
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::context::{Scope, Variable, VariableValue};
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Tagged};

use crate::answers::closure_context::closure_context;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::{DcmdError, reasons};
use crate::of_snapshot;
use crate::output::{self, escape};
use crate::print::{Place, Printer, Style, function};
use crate::source_map::Maps;
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "15cb4477d409::jsclosure -d 0",
        r#"
    "this": 8ba8239fd91: [...]
    "request": 3a85474bbc31: [...]
"#,
    ),
    Example::on(
        "leak-24",
        "15cb4477d409::jsclosure -a -d 0",
        r#"
function scope of UpstreamConnection, context 10c0d74c1ff1:
    "this": 8ba8239fd91: [...]
    "request": 3a85474bbc31: [...]
function scope, context 1950f7e24ab1:
    "Chunk": 1950f7e24a39: class Chunk
    "IncomingRequest": 1950f7e25d59: class IncomingRequest
    "UpstreamConnection": 1950f7e25d01: class UpstreamConnection
    "limit": 15cb447412f9: function limit
    "hangUps": 32000000000: 800
global scope, context 98e8b580109: global object 22f3cb382b39
"#,
    ),
    Example::on(
        "leak-24",
        "15cb4477d409::jsclosure request | ::jsprint id",
        r#"
996
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@70907::jsclosure -d 0",
        r#"
    "this": @70897: Session {...}
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsclosure",
    aliases: &[],
    summary: "print the variables that a function has captured",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::flag('a', "all scopes around the function, each with its kind and its context"),
        Opt::number('d', "depth", "levels to print of each value; 1 if not said"),
        Opt::flag('j', "print one line of JSON for each variable, as docs/json.md describes it"),
        Opt::flag('m', "add what variables were called before the script was built, by the source map"),
    ],
    operands: Operands::any("[variable ...]"),
    needs: &[Capability::Graph],
    manual: include_str!("jsclosure.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let wanted = Wanted::of(args);
        if context.snapshot().is_some() {
            let asked = wanted.of_snapshot()?;
            return Ok(for_each_item(move |context, item, out| {
                of_snapshot::variables(context, item, &asked, out)
            }));
        }
        Ok(for_each_item(move |context, item, out| wanted.answer(context, item, out)))
    },
};

struct Wanted {
    all: bool,
    json: bool,
    depth: u64,
    names: Vec<String>,
    maps: Option<Maps>,
}

impl Wanted {
    fn of(args: &Args) -> Wanted {
        let names = (0..args.operands().len()).filter_map(|index| args.operand(index).map(str::to_owned));
        Wanted {
            all: args.has('a'),
            json: args.has('j'),
            depth: args.number('d').unwrap_or(1),
            names: names.collect(),
            maps: args.has('m').then(Maps::default),
        }
    }

    fn of_snapshot(self) -> Result<of_snapshot::AskedOfVariables, DcmdError> {
        let Wanted { all, json, depth, names, maps } = self;
        if maps.is_some() {
            return Err(DcmdError::abort(
                "a heap snapshot has no source maps: ::jsclosure without -m prints the variables",
            ));
        }
        Ok(of_snapshot::AskedOfVariables { all, depth, json, names })
    }

    fn answer(&self, context: &Context, item: Item, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let innermost = closure_context(heap, Tagged(item.word))?;
        let originals = match (&self.maps, function::subject(heap, Tagged(item.word))) {
            (Some(maps), Ok(found)) => maps.variables_of(context, &found.shared),
            _ => HashMap::new(),
        };
        let scopes = if self.all || !self.names.is_empty() {
            all_scopes(heap, innermost)
        } else {
            vec![heap.scope(innermost)]
        };
        let mut unread = Vec::new();
        let mut readable = Vec::new();
        for scope in scopes {
            match scope {
                Ok(scope) => readable.push(scope),
                Err(error) => unread.push(reasons(&error)),
            }
        }
        if self.names.is_empty() {
            for scope in &readable {
                if !out.is_pipe() && self.all && !self.json {
                    writeln!(out.text(), "{}", heading(heap, scope))?;
                }
                if self.give(context, Some(scope), &scope.variables, &originals, out)? == Flow::Enough {
                    return Ok(());
                }
            }
        } else {
            self.give(context, None, &self.chosen(heap, &readable, &mut unread), &originals, out)?;
        }
        match unread.as_slice() {
            [] => Ok(()),
            _ => Err(DcmdError::failed(format!("{}: {}", Tagged(item.word), unread.join("; ")))),
        }
    }

    /// The variables of the names, each from the innermost scope that has it.
    fn chosen(&self, heap: &Heap<'_>, scopes: &[Scope<'_>], unread: &mut Vec<String>) -> Vec<Variable> {
        let mut chosen = Vec::new();
        for name in &self.names {
            let mut variables = scopes.iter().flat_map(|scope| &scope.variables);
            match variables.find(|variable| heap.name_text(variable.name).as_ref() == Some(name)) {
                Some(variable) => chosen.push(*variable),
                None => unread.push(format!(
                    "no variable \"{}\" is captured (V8 keeps only those that some function inside uses)",
                    escape(name)
                )),
            }
        }
        chosen
    }

    /// Prints variables, or hands on their values.
    fn give(
        &self,
        context: &Context,
        scope: Option<&Scope<'_>>,
        variables: &[Variable],
        originals: &HashMap<String, String>,
        out: &mut Out<'_>,
    ) -> Result<Flow, DcmdError> {
        let heap = context.heap()?;
        if out.is_pipe() {
            return hand_on(context, heap, variables, out);
        }
        // The first level is that of the variables themselves.
        let depth = self.depth.saturating_add(1);
        let style = Style { depth, addresses: true, ..Style::default() };
        let check = || context.check_interrupt();
        let faults = RefCell::new(0);
        for variable in variables {
            let mut text = out.text();
            if self.json {
                *faults.borrow_mut() += json_line(context, heap, scope, variable, style, &mut *text)?;
                continue;
            }
            let mut printer = Printer::new(heap, style, &mut *text, &check);
            let name = heap.name_text(variable.name).unwrap_or_default();
            let original = originals.get(&name).map(String::as_str).filter(|original| *original != name);
            printer.print_named(variable.name, original, &Place::of_variable(heap, variable.value))?;
            *faults.borrow_mut() += printer.faults();
        }
        match faults.into_inner() {
            0 => Ok(Flow::Continue),
            1 => Err(DcmdError::failed("1 value could not be read")),
            faults => Err(DcmdError::failed(format!("{faults} values could not be read"))),
        }
    }
}

/// `{"scope":"function","function":"makeCounter","context":"0x2b1e00e00119","name":"count","value":9}`
fn json_line(
    context: &Context,
    heap: &Heap<'static>,
    scope: Option<&Scope<'_>>,
    variable: &Variable,
    style: Style,
    text: &mut dyn Write,
) -> Result<u64, DcmdError> {
    let mut line = json!({ "name": heap.name_text(variable.name).unwrap_or_default() });
    if let Some(scope) = scope {
        line["scope"] = json!(scope.kind.map_or("global", |kind| kind.name()));
        line["function"] = json!(scope.function_name.map(|name| function::text(heap, name)));
        line["context"] = json!(format!("0x{:x}", scope.context.value().0));
    }
    let line = output::json(&line);
    // What the value is follows as its printer writes it.
    write!(text, "{},\"value\":", line.strip_suffix('}').unwrap_or(&line))?;
    let check = || context.check_interrupt();
    let mut printer = Printer::new(heap, style, &mut *text, &check);
    printer.print_json(&Place::of_variable(heap, variable.value))?;
    let faults = printer.faults();
    writeln!(text, "}}")?;
    Ok(faults)
}

fn hand_on(
    context: &Context,
    heap: &Heap<'_>,
    variables: &[Variable],
    out: &mut Out<'_>,
) -> Result<Flow, DcmdError> {
    for variable in variables {
        match variable.value {
            VariableValue::Tagged(value) => {
                if out.emit(Item::value(value.0))? == Flow::Enough {
                    return Ok(Flow::Enough);
                }
            }
            VariableValue::Number(number) => {
                if out.emit(Item::double(number))? == Flow::Enough {
                    return Ok(Flow::Enough);
                }
            }
            value => {
                let name = heap.name_text(variable.name).unwrap_or_default();
                let why = match value {
                    VariableValue::Uninitialized => "it is uninitialized",
                    _ => "it is computed on access",
                };
                context.warn(&format_args!("{} left out: {why}", escape(&name)));
            }
        }
    }
    Ok(Flow::Continue)
}

/// The scopes of a context and of those around it; those of all scripts in front of the global one.
fn all_scopes<'h>(heap: &'h Heap<'_>, innermost: HeapObject<'h>) -> Vec<v8_heap::Result<Scope<'h>>> {
    let mut chain = heap.context_chain(innermost);
    if let Some(last) = chain.pop() {
        if last.kind() == HeapKind::NativeContext {
            for script in heap.script_contexts(last).unwrap_or_default() {
                let is_new = chain.iter().all(|context| context.address != script.address);
                // V8 makes one before there is any script, which has but a `this`.
                let declares = |variable: &Variable| heap.name_text(variable.name).as_deref() != Some("this");
                if is_new && heap.scope(script).is_ok_and(|scope| scope.variables.iter().any(declares)) {
                    chain.push(script);
                }
            }
        }
        chain.push(last);
    }
    chain.into_iter().map(|context| heap.scope(context)).collect()
}

/// `function scope of makeCounter, context 2b1e00e00119:`
fn heading(heap: &Heap<'_>, scope: &Scope<'_>) -> String {
    let kind = scope.kind.map_or("global", |kind| kind.name());
    let mut line = format!("{kind} scope");
    if let Some(name) = scope.function_name {
        line += &format!(" of {}", escape(&function::text(heap, name)));
    }
    line += &format!(", context {}:", scope.context.value());
    if let Some(object) = scope.object {
        line += &format!(" {} {object}", if scope.kind.is_some() { "object" } else { "global object" });
    }
    line
}

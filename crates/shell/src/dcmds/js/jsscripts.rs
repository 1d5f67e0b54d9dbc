//! `::jsscripts`: list the scripts of the program: their sources, their functions, and how they came about.
//!
//! One line for each script whose source or functions are still there, in the order in which V8 numbered them. LENGTH is that of
//! the source, in UTF-16 code units; BYTES is what its characters take in memory. FUNCS are the functions that V8 knows
//! in it, COMPILED those of them that it has code for at present (the others are *lazy*), CLOSURES all closures of them.
//!
//! KIND is `commonjs` for what `require` loaded, `module` for what `import` did, `script` for the code of `vm.Script` and the
//! like, `eval` for that of `eval` and `new Function`, `wrapped` for the body of a function that something compiled,
//! `builtin` for Node.js's own modules, and else what V8 calls it: `native`, `extension`, `wasm`, `inspector`.
//!
//! `-v` adds who called `eval`, which modules required the script (all that did, not only the first), the parameters of a
//! wrapped one, its source map and `sourceURL`, what the embedder keeps of it, and its isolate.
//!
//! In a pipe it hands on the scripts; `::jssource` prints their sources: `::jsscripts -s http.js | ::jssource -r ! cat > http.js`
//! recovers a file. Sources of which the core lacks a part cannot be measured; a `?` says so.
//!
//! `-j` prints one JSON object a line and script. Its fields are `script` (address), `id`, `length`, `bytes`, `funcs`,
//! `compiled`, `closures`, `kind`, `name` (`null` if it has none), `map` (what its `sourceMappingURL` says, `null` without),
//! `evalFrom` (address of the `SharedFunctionInfo` that called `eval`), `evalLine`, and `isolate` (address). What there is
//! not is `null`.

use std::collections::HashMap;
use std::io::Write;

use serde_json::json;
use v8_heap::index::Functions;
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::script::Script;
use v8_heap::objects::shared_function_info::SharedFunction;
use v8_heap::{Heap, Tagged};

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::{DcmdError, reasons};
use crate::output::{self, Align, Column, Hex, Table, escape};
use crate::print::function::{definition_name, script_kind, script_name, text};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::jsscripts -s leak.js",
        r#"
          SCRIPT     ID   LENGTH    BYTES    FUNCS COMPILED CLOSURES KIND     NAME
    3a85474a7da9     88     3223     3223       12       11      810 commonjs /tmp/v8mdb-stage/app/leak.js
"#,
    ),
    Example::on(
        "leak-24",
        "::jsscripts -v -s leak.js",
        r#"
          SCRIPT     ID   LENGTH    BYTES    FUNCS COMPILED CLOSURES KIND     NAME
    3a85474a7da9     88     3223     3223       12       11      810 commonjs /tmp/v8mdb-stage/app/leak.js
        parameters: exports, require, module, __filename, __dirname
        host-defined options: Symbol(vm_dynamic_import_default_internal)
        isolate: 1f430000
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsscripts",
    aliases: &[],
    summary: "list the scripts of the program, their sources and functions",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::flag('v', "add how each came about, its source map and its isolate"),
        Opt::flag('j', "print one JSON object for each script"),
        Opt::text('s', "file", "only scripts that have this in their name").filter(),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsscripts.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = Wanted::of(args);
        Ok(for_each(move |context, _, out| wanted.list(context, out)))
    },
};

static TABLE: Table = Table::new(&[
    Column::right("SCRIPT", 16),
    Column::right("ID", 6),
    Column::right("LENGTH", 8),
    Column::right("BYTES", 8),
    Column::right("FUNCS", 8),
    Column::right("COMPILED", 8),
    Column::right("CLOSURES", 8),
    Column { heading: "KIND", width: 8, align: Align::Left },
    Column::left("NAME", 0),
]);

/// Characters of a URL that are shown: it may hold a whole source map.
const LONGEST_URL: usize = 200;

struct Wanted {
    file: Option<String>,
    verbose: bool,
    json: bool,
}

/// The functions of a script.
struct Counts {
    functions: u64,
    compiled: u64,
    closures: u64,
}

/// Files of modules that required a file, by the heap that both are in and the file.
type Requirers = HashMap<(u64, String), Vec<String>>;

impl Wanted {
    fn of(args: &Args) -> Wanted {
        Wanted { file: args.text('s').map(str::to_owned), verbose: args.has('v'), json: args.has('j') }
    }

    fn list(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let monitor = context.progress();
        let mut scripts = Vec::new();
        let mut unreadable = Vec::new();
        heap.for_each_of(HeapKind::Script, &monitor, |script| {
            match heap.script(script.value()) {
                Ok(script) => scripts.push(script),
                Err(error) => unreadable.push(reasons(&error)),
            }
            true
        })?;
        let functions = heap.functions(&monitor)?;
        let requirers =
            if self.verbose && !out.is_pipe() { requirers(heap, context)? } else { HashMap::new() };
        drop(monitor);
        for reason in unreadable {
            out.fault(&reason);
        }
        let isolate =
            |script: &Script<'_>| heap.isolate_of(script.object).map_or(0, |isolate| isolate.address);
        scripts.sort_by_key(|script| (isolate(script), script.id));
        if !out.is_pipe() && !self.json {
            TABLE.heading(context.colours, &mut out.text())?;
        }
        for script in scripts {
            context.check_interrupt()?;
            let name = script_name(heap, &script);
            if self.file.as_ref().is_some_and(|part| !name.contains(part)) {
                continue;
            }
            if out.is_pipe() {
                if out.emit(Item::value(script.object.value().0))? == Flow::Enough {
                    break;
                }
                continue;
            }
            let counts = counts(heap, functions, &script);
            if self.json {
                writeln!(out.text(), "{}", json_line(heap, &script, counts.as_ref()))?;
                continue;
            }
            row(heap, &script, counts.as_ref(), &name, out)?;
            if self.verbose {
                details(heap, &script, &name, &requirers, out)?;
            }
        }
        Ok(())
    }
}

fn counts(heap: &Heap<'_>, functions: &Functions, script: &Script<'_>) -> Option<Counts> {
    let mut counts = Counts { functions: 0, compiled: 0, closures: 0 };
    for shared in heap.script_functions(script).ok()? {
        counts.functions += 1;
        counts.compiled += u64::from(heap.shared_function(shared).is_ok_and(|shared| shared.is_compiled()));
        counts.closures += functions.definition(shared.value()).map_or(0, |definition| definition.closures);
    }
    Some(counts)
}

fn row(
    heap: &Heap<'_>,
    script: &Script<'_>,
    counts: Option<&Counts>,
    name: &str,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let shown = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let length = script.source.and_then(|source| heap.string_length(source).ok()).map(u64::from);
    TABLE.row(
        &[
            &Hex(script.object.value().0),
            &script.id,
            &shown(if script.source.is_some() { length } else { Some(0) }),
            &shown(heap.source_bytes(script).ok()),
            &shown(counts.map(|counts| counts.functions)),
            &shown(counts.map(|counts| counts.compiled)),
            &shown(counts.map(|counts| counts.closures)),
            &script_kind(heap, script),
            &escape(name),
        ],
        &mut out.text(),
    )?;
    Ok(())
}

/// Where `eval` was called: the function, and the line in its script.
fn caller<'h>(heap: &'h Heap<'_>, script: &Script<'_>) -> Option<(SharedFunction<'h>, Option<u32>)> {
    let caller = heap.shared_function(heap.object(script.eval_from?).ok()?).ok()?;
    let of = caller.script.and_then(|script| heap.script(script).ok());
    let place = of.zip(script.eval_position).and_then(|(of, position)| heap.script_location(&of, position));
    Some((caller, place.map(|place| place.line)))
}

fn details(
    heap: &Heap<'_>,
    script: &Script<'_>,
    name: &str,
    requirers: &Requirers,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let mut lines = Vec::new();
    if let Some((function, line)) = caller(heap, script) {
        let of = function.script.and_then(|script| heap.script(script).ok());
        let mut told = format!("eval called by: {}", definition_name(heap, &function));
        if let Some(of) = of {
            told += &format!(", {}", script_name(heap, &of));
        }
        if let Some(line) = line {
            told += &format!(" line {line}");
        }
        lines.push(told);
    }
    let listed = |values: Vec<Tagged>| {
        let texts = values.into_iter().filter_map(|value| heap.name_text(value));
        texts.collect::<Vec<_>>().join(", ")
    };
    if script.wrapped.is_some() {
        lines.push(format!("parameters: {}", listed(heap.wrapped_parameters(script).unwrap_or_default())));
    }
    let own_heap = heap.isolate_of(script.object).map_or(0, |isolate| isolate.heap);
    if let Some(files) = requirers.get(&(own_heap, name.to_owned())) {
        lines.push(format!("required by: {}", files.join(", ")));
    }
    for (label, value) in [("sourceURL", script.source_url), ("source map", script.source_mapping_url)] {
        if let Some(value) = value {
            let url = text(heap, value);
            let shown: String = url.chars().take(LONGEST_URL).collect();
            let cut = if shown.len() < url.len() { "[...]" } else { "" };
            lines.push(format!("{label}: {shown}{cut}"));
        }
    }
    let options = listed(heap.host_defined_options(script).unwrap_or_default());
    if !options.is_empty() {
        lines.push(format!("host-defined options: {options}"));
    }
    if let Some(isolate) = heap.isolate_of(script.object) {
        lines.push(format!("isolate: {:x}", isolate.address));
    }
    for line in lines {
        writeln!(out.text(), "        {}", escape(&line))?;
    }
    Ok(())
}

/// Who required which file.
fn requirers(heap: &Heap<'_>, context: &Context) -> Result<Requirers, DcmdError> {
    let modules = heap.commonjs_modules(&context.progress())?;
    let files: HashMap<u64, String> = modules
        .iter()
        .filter_map(|module| Some((module.object.value().0, text(heap, module.file?))))
        .collect();
    let mut requirers = Requirers::new();
    for module in &modules {
        let Some(own) = files.get(&module.object.value().0) else { continue };
        let of = heap.isolate_of(module.object).map_or(0, |isolate| isolate.heap);
        for child in &module.children {
            if let Some(file) = files.get(&child.0) {
                let known = requirers.entry((of, file.clone())).or_default();
                if !known.contains(own) {
                    known.push(own.clone());
                }
            }
        }
    }
    Ok(requirers)
}

fn json_line(heap: &Heap<'_>, script: &Script<'_>, counts: Option<&Counts>) -> String {
    let address = |value: u64| format!("{value:#x}");
    let caller = caller(heap, script);
    output::json(&json!({
        "script": address(script.object.value().0),
        "id": script.id,
        "length": script.source.and_then(|source| heap.string_length(source).ok()),
        "bytes": heap.source_bytes(script).ok(),
        "funcs": counts.map(|counts| counts.functions),
        "compiled": counts.map(|counts| counts.compiled),
        "closures": counts.map(|counts| counts.closures),
        "kind": script_kind(heap, script),
        "name": heap.script_name(script).map(|name| text(heap, name)),
        "map": script.source_mapping_url.map(|url| text(heap, url)),
        "evalFrom": caller.as_ref().map(|(function, _)| address(function.object.value().0)),
        "evalLine": caller.and_then(|(_, line)| line),
        "isolate": heap.isolate_of(script.object).map(|isolate| address(isolate.address)),
    }))
}

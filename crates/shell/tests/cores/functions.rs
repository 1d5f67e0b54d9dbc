//! Functions, what they have captured, and the scripts they come from, against what the programs say.

use serde_json::Value;
use test_support::scenarios::shipped::{self, LINES, ShippedCore};
use test_support::scenarios::{closures, testdata};

use crate::{all_answers, answers, debugger, only};

fn scopes() -> impl Iterator<Item = ShippedCore> {
    LINES.into_iter().map(|line| ShippedCore { scenario: "scopes", line })
}

/// The program as it is in its file.
fn program(scenario: &str) -> String {
    std::fs::read_to_string(testdata().join(format!("scenarios/{scenario}.js"))).unwrap()
}

/// The number of the only line that has this text.
fn line_of(program: &str, text: &str) -> usize {
    let lines: Vec<usize> =
        program.lines().enumerate().filter(|(_, line)| line.contains(text)).map(|(at, _)| at + 1).collect();
    assert_eq!(lines.len(), 1, "{text}: {lines:?}");
    lines[0]
}

/// Lines of JSON.
fn rows(core: ShippedCore, command: &str) -> Vec<Value> {
    let [printed] = answers(core, [command]);
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The address of a member of the program's one object.
fn member(core: ShippedCore, root: &str, path: &str) -> String {
    let root = only(core, &format!("-c {root}"));
    let [printed] = answers(core, [&format!("{root}::jsprint -a -d 0 {path}")]);
    printed.split(':').next().unwrap().to_owned()
}

#[test]
fn captured_variables_and_definitions_are_as_the_programs_say() {
    let mut compared = 0;
    for core in shipped::all() {
        let (facts, mut failures) = (core.facts().unwrap(), Vec::new());
        let groups = debugger(core).groups().unwrap();
        let file = testdata().join(format!("scenarios/{}.js", core.scenario));
        compared += closures::check(&debugger(core), &facts, &groups, &mut failures).unwrap();
        compared += closures::check_functions(&debugger(core), &facts, &file, &mut failures).unwrap();
        assert!(failures.is_empty(), "{core}: {failures:#?}");
    }
    assert!(compared > 900, "{compared}");
}

#[test]
fn variables_of_the_scripts_of_another_context_are_found_from_its_functions() {
    for line in LINES {
        let core = ShippedCore { scenario: "workers", line };
        let instance = member(core, "Dispatcher", "instance");
        let [constructor] = answers(core, [&format!("{instance}::jsconstructor -v")]);
        let class =
            constructor.trim().strip_prefix("ContextClass (JSFunction: ").unwrap().split(')').next().unwrap();
        let [found] = answers(core, [&format!("{class}::jsclosure contextLet | ::jsprint")]);
        assert_eq!(found, "\"let of the context\"\n", "{core}");
    }
}

#[test]
fn the_source_of_every_function_is_what_stands_in_the_file() {
    for core in scopes() {
        let program = program(core.scenario);
        let units: Vec<u16> = program.encode_utf16().collect();
        let own: Vec<Value> = rows(core, "::jsfunctions -a -j -s /scopes.js")
            .into_iter()
            .filter(|row| row["file"].as_str().unwrap().starts_with('/'))
            .collect();
        assert!(own.len() > 40, "{core}: {}", own.len());
        let address = |row: &Value| row["func"].as_str().or(row["shared"].as_str()).unwrap().to_owned();
        let lines: Vec<String> = own.iter().map(|row| format!("{}::jssource -r", address(row))).collect();
        for (row, text) in own.iter().zip(all_answers(core, &lines)) {
            let (start, end) =
                (row["start"].as_u64().unwrap() as usize, row["end"].as_u64().unwrap() as usize);
            let before = String::from_utf16(&units[..start]).unwrap();
            assert_eq!(row["line"], before.matches('\n').count() as u64 + 1, "{core}: {row}");
            assert_eq!(row["column"], before.rsplit('\n').next().unwrap().encode_utf16().count() as u64 + 1);
            let expected = String::from_utf16(&units[start..end]).unwrap();
            if row["kind"] == "class" && row["func"].is_string() {
                let name = row["name"].as_str().unwrap();
                assert!(
                    text.starts_with(&format!("class {name}")) && text.contains(&expected),
                    "{core}: {text}"
                );
                assert!(program.contains(text.trim_end_matches('\n')), "{core}: {text}");
            } else {
                assert_eq!(text.trim_end_matches('\n'), expected.trim_end_matches('\n'), "{core}: {row}");
            }
        }
    }
}

#[test]
fn lines_are_numbered_as_in_the_file() {
    let program = program("scopes");
    let lines: Vec<&str> = program.lines().collect();
    let first = line_of(&program, "function makeTicks(");
    for core in scopes() {
        let tick = member(core, "Functions", "ticks[3]");
        let [shown] = answers(core, [&format!("{tick}::jssource -n 1")]);
        let mut expected = "file: /tmp/v8mdb-stage/app/scopes.js\n".to_owned();
        // `tick` is on the fourth line of the function that makes it.
        for number in first + 2..first + 5 {
            expected += &format!("{number:>5} {}\n", lines[number - 1]);
        }
        assert_eq!(shown, expected, "{core}");
        let [account] = answers(core, ["::jsfunctions -n Account -s /scopes.js | ::jssource -n 0"]);
        let class = line_of(&program, "class Account extends Base {");
        assert!(
            account.contains(&format!("{class:>5} class Account extends Base {{\n")),
            "{core}: {account}"
        );
    }
}

#[test]
fn the_table_the_json_and_the_closures_agree() {
    for core in scopes() {
        let [table, listed] = answers(core, ["::jsfunctions", "::jsfunctions -l"]);
        let mut lines = table.lines();
        assert_eq!(
            lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
            ["FUNC", "#FUNCS", "NAME", "FROM"]
        );
        let json = rows(core, "::jsfunctions -j");
        assert_eq!((lines.clone().count(), listed.lines().count()), (json.len(), json.len()), "{core}");
        let mut last = 0;
        for ((line, address), row) in lines.zip(listed.lines()).zip(&json) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(format!("0x{}", columns[0]), row["func"].as_str().unwrap(), "{core}: {line}");
            assert_eq!(columns[0], address, "{core}");
            assert_eq!(columns[1], row["funcs"].to_string(), "{core}: {line}");
            assert!(line.ends_with(row["from"].as_str().unwrap()), "{core}: {line}");
            let count = row["funcs"].as_u64().unwrap();
            assert!(last <= count, "{core}: those with most closures come last");
            last = count;
        }
        // As many closures as V8 counts functions: those that are bound have no definition of their own.
        let total: u64 = json.iter().map(|row| row["funcs"].as_u64().unwrap()).sum();
        let [expanded, bound, all] = answers(
            core,
            [
                "::jsfunctions | ::jsfunctions | ::count",
                "::walk jsfunction | ::jsfunction ! grep -c '^bound function'",
                "::walk jsfunction | ::count",
            ],
        );
        assert_eq!(expanded.trim(), total.to_string(), "{core}");
        assert_eq!(
            all.trim().parse::<u64>().unwrap(),
            total + bound.trim().parse::<u64>().unwrap(),
            "{core}"
        );
        assert_eq!(core.truth().unwrap()["Function"].to_string(), all.trim(), "{core}");
    }
}

#[test]
fn filters_choose_by_parts_of_names() {
    for core in scopes() {
        let all = rows(core, "::jsfunctions -a -j");
        let has = |row: &Value, field: &str, part: &str| {
            row[field].as_str().is_some_and(|text| text.contains(part))
        };
        for (options, field, part) in [("-n peek", "name", "peek"), ("-s top-level", "file", "top-level")] {
            let expected: Vec<&Value> = all.iter().filter(|row| has(row, field, part)).collect();
            let found = rows(core, &format!("::jsfunctions -a -j {options}"));
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{core}: {options}");
            assert!(!found.is_empty(), "{core}: {options}");
        }
        let [never, with_all] = answers(core, ["::jsfunctions -n unmade", "::jsfunctions -a -n unmade"]);
        assert_eq!((never.lines().count(), with_all.lines().count()), (1, 2), "{core}: {with_all}");
        let row = with_all.lines().last().unwrap();
        assert_eq!(row.split_whitespace().nth(1), Some("0"), "{core}: {row}");
        let shared = row.split_whitespace().next().unwrap();
        let [function, source] =
            answers(core, [&format!("{shared}::jsfunction"), &format!("{shared}::jssource -r")]);
        assert!(function.starts_with("function: unmade\n"), "{core}: {function}");
        assert_eq!(source.trim_end(), "function unmade() { return wanted; }", "{core}");
        let [filtered] = answers(core, ["::jsfunctions -n tick | ::jsfunctions -s /scopes.js"]);
        assert_eq!(filtered.lines().count(), 1, "{core}: a filter with addresses passes on representatives");
    }
}

/// Bytecode is where the table says, and leads back to the function.
#[test]
fn an_address_in_its_code_leads_to_the_function() {
    for core in scopes() {
        let [table] = answers(core, ["::jsfunctions -X -s /scopes.js"]);
        let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        let with_code: Vec<Vec<&str>> = rows.filter(|columns| columns[2] != "?").collect();
        assert!(with_code.len() > 10, "{core}: {}", with_code.len());
        let mut lines = Vec::new();
        for columns in &with_code {
            let place = |column: usize| u64::from_str_radix(columns[column], 16).unwrap();
            let (start, end) = (place(2), place(3));
            assert!(start < end, "{core}: {columns:?}");
            lines.extend([start, end - 1, end].map(|address| format!("::jsfunctions -l -x {address:x}")));
        }
        for (columns, found) in with_code.iter().zip(all_answers(core, &lines).chunks(3)) {
            assert_eq!(found[0].trim(), columns[0], "{core}: {columns:?}");
            assert_eq!(found[1].trim(), columns[0], "{core}: {columns:?}");
            assert_ne!(found[2].trim(), columns[0], "{core}: {columns:?}");
        }
    }
}

#[test]
fn an_eval_is_known_by_the_line_that_called_it() {
    let program = program("scopes");
    for core in scopes() {
        let [table] = answers(core, ["::jsfunctions -n in -s eval"]);
        for (name, text) in [
            ("inWith", "const inWith ="),
            ("inSloppyEval", "const inSloppyEval ="),
            ("inStrictEval", "const inStrictEval ="),
        ] {
            let row = table.lines().find(|row| row.contains(&format!(" {name} "))).unwrap();
            let line = line_of(&program, text);
            let told = row.contains(&format!("eval at line {line} of /tmp/v8mdb-stage/app/scopes.js line "));
            // V8 11 has no positions of code that was not asked for them.
            let unknown = core.line == 20 && row.contains("eval in /tmp/v8mdb-stage/app/scopes.js line ");
            assert!(told || unknown, "{core}: {row}");
        }
        let scripts = rows(core, "::jsscripts -j -s eval");
        let lines: Vec<u64> = scripts.iter().filter_map(|script| script["evalLine"].as_u64()).collect();
        let expected = line_of(&program, "const inWith =") as u64;
        assert!(core.line == 20 || lines.contains(&expected), "{core}: {lines:?}");
    }
}

#[test]
fn scripts_are_listed_with_their_sources_and_functions() {
    for core in scopes() {
        let scripts = rows(core, "::jsscripts -j");
        let functions = rows(core, "::jsfunctions -a -j");
        let [addresses, walked] = answers(core, ["::jsscripts | ::count", "::walk jsscript | ::count"]);
        assert_eq!(addresses.trim(), scripts.len().to_string(), "{core}");
        assert_eq!(walked, addresses, "{core}");
        for script in &scripts {
            let own = functions.iter().filter(|row| row["script"] == script["script"]);
            let closures: u64 = own.clone().map(|row| row["funcs"].as_u64().unwrap()).sum();
            let compiled = own.clone().filter(|row| row["compiled"] == true).count();
            assert_eq!(script["funcs"], own.count(), "{core}: {script}");
            assert_eq!(
                (&script["closures"], &script["compiled"]),
                (&closures.into(), &compiled.into()),
                "{core}: {script}"
            );
        }
        let find = |name: &str| {
            let mut found = scripts
                .iter()
                .filter(|script| script["name"].as_str().is_some_and(|own| own.starts_with(name)));
            found.next().unwrap_or_else(|| panic!("{core}: no script {name}"))
        };
        for (name, kind) in [
            ("/tmp/v8mdb-stage/app/scopes.js", "commonjs"),
            ("/tmp/v8mdb-stage/app/hold.js", "commonjs"),
            ("top-level.js", "script"),
            ("data:text/javascript,", "module"),
            ("node:internal/timers", "builtin"),
        ] {
            assert_eq!(find(name)["kind"], kind, "{core}");
        }
        assert!(find("/srv/app/total.min.js")["map"].as_str().unwrap().starts_with("data:application/json"));
        let text = program("scopes");
        let script = find("/tmp/v8mdb-stage/app/scopes.js");
        assert_eq!(script["length"], text.encode_utf16().count() as u64, "{core}");
        let [raw] = answers(core, [&format!("{}::jssource -r", script["script"].as_str().unwrap())]);
        assert_eq!(raw, text, "{core}: a source is recovered to the byte");
        let [verbose, numbered] =
            answers(core, ["::jsscripts -v -s hold.js", "::jsscripts -s hold.js | ::jssource -n 2"]);
        assert!(
            verbose.contains("        required by: /tmp/v8mdb-stage/app/scopes.js\n"),
            "{core}: {verbose}"
        );
        assert!(
            verbose.contains("        parameters: exports, require, module, __filename, __dirname\n"),
            "{core}: {verbose}"
        );
        assert_eq!(numbered, "file: /tmp/v8mdb-stage/app/hold.js\n    1 'use strict';\n    2 /*\n", "{core}");
    }
}

/// Terser made the script and its map; the program says from what.
#[test]
fn a_source_map_leads_back_to_the_sources() {
    for core in scopes() {
        let function = member(core, "Functions", "addAmount");
        let [told, source, raw, closure, table] = answers(
            core,
            [
                &format!("{function}::jsfunction -m"),
                &format!("{function}::jssource -m -n 1"),
                &format!("{function}::jssource -r"),
                &format!("{function}::jsclosure -m"),
                "::jsfunctions -m -s total.min.js",
            ],
        );
        assert_eq!(
            told,
            "function: n\ndefined at /srv/app/total.min.js line 1\n\
             built from addAmount, /srv/app/src/total.js line 4\n",
            "{core}"
        );
        assert_eq!(
            source,
            "file: /srv/app/src/total.js\n    3   let runningTotal = firstAmount;\n    \
             4   return function addAmount(nextAmount) {\n    5     runningTotal += nextAmount;\n    \
             6     return runningTotal;\n    7   };\n    8 }\n",
            "{core}"
        );
        assert_eq!(raw.trim_end(), "function n(r){return t+=r,t}", "{core}");
        assert_eq!(closure, "    \"t\" (runningTotal): 2a00000000: 42\n", "{core}");
        for row in [" makeTotal ", " addAmount "] {
            assert!(table.contains(row), "{core}: {table}");
        }
        let [json] = answers(core, [&format!("{function}::jsfunctions -j -m -s total")]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["originalFile"], "/srv/app/src/total.js", "{core}");
        assert_eq!((&json["originalLine"], &json["originalColumn"]), (&4.into(), &10.into()), "{core}");
        assert_eq!(json["originalName"], "addAmount", "{core}");
    }
}

#[test]
fn closures_flow_on_as_values_and_contexts() {
    for core in scopes() {
        let catcher = member(core, "Functions", "catcher");
        let tick = member(core, "Functions", "ticks[7]");
        let found = answers(
            core,
            [
                &format!("{catcher}::jsclosure | ::jsprint message"),
                &format!("{tick}::jsclosure list index | ::jsprint"),
                &format!("{tick}::walk jsclosure | ::jsprint"),
                &format!("{tick}::walk jscontext | ::jsclosure -d 0 ! grep -c list"),
                "::jsfunctions -n tick -s /scopes.js | ::jsfunctions | ::jsclosure index | ::count",
            ],
        );
        assert_eq!(found[0], "\"thrown to be caught\"\n", "{core}");
        assert_eq!(found[1], "[\n    \"first\",\n    \"second\",\n]\n7\n", "{core}");
        assert_eq!(found[2], "7\n", "{core}");
        assert_eq!(found[3], "1\n", "{core}");
        assert_eq!(found[4].trim(), "500", "{core}");
    }
}

#[test]
fn what_has_no_closure_or_no_source_says_so() {
    let core = ShippedCore { scenario: "scopes", line: 24 };
    let tick = member(core, "Functions", "ticks[7]");
    let promise = member(core, "Functions", "waiting");
    for (line, reason) in [
        ("700000000::jsclosure", "700000000: failed to load JSFunction: it is a"),
        ("10::jsclosure", "10: failed to load JSFunction"),
        (&*format!("{promise}::jsclosure"), "is a JSPromise, not a function, generator or Context"),
        (&*format!("{tick}::jsclosure nowhere"), "no variable \"nowhere\" is captured"),
        ("10::jssource", "10 is not a heap object"),
        ("10::jsfunctions", "10 is not a heap object"),
        ("::jsfunctions -n parseFloat | ::jssource", "failed to find script for function"),
        (&*format!("{tick}::jssource -m"), "no source map says"),
    ] {
        let error = debugger(core).evaluate(line).unwrap_err().to_string();
        assert!(error.contains(reason), "{line}: {error}");
    }
}

/// The function that the program ran hot has machine code of its own: up to V8 12 the function itself says where.
#[test]
fn an_address_in_machine_code_leads_to_the_function() {
    /// `JSFunction::code_`, and `Code::code_entry_point_` or `instruction_start_`, from the tagged address on.
    const PLACES: [(u32, u64, u64); 2] = [(20, 47, 39), (22, 23, 39)];
    for (line, code, entry) in PLACES {
        let core = ShippedCore { scenario: "scopes", line };
        let step = member(core, "Functions", "hot.step");
        let [start] = answers(core, [&format!("*(*({step}+0t{code})+0t{entry})=K")]);
        let start = start.trim();
        assert!(start.ends_with('0') && start.len() > 8, "{core}: no machine code: {start}");
        for offset in [0, 0x20] {
            let [found] = answers(core, [&format!("::jsfunctions -l -x $[{start}+{offset:x}]")]);
            assert_eq!(found.trim(), step, "{core}: {start}+{offset:x}");
        }
    }
}

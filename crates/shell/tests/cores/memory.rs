//! Spaces, buffers and the process itself, against what the process said last of all: `process.memoryUsage()`,
//! `v8.getHeapSpaceStatistics()` and the like.

use std::collections::BTreeMap;

use serde_json::Value;
use test_support::scenarios::memory_report;
use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::{answers, debugger, only};

fn cores() -> impl Iterator<Item = ShippedCore> {
    LINES.into_iter().map(|line| ShippedCore { scenario: "memory", line })
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no count: {value}"))
}

/// Address of a member of the program's root.
fn member(core: ShippedCore, path: &str) -> String {
    let root = only(core, "-c MemoryRoot");
    let [answer] = answers(core, [&format!("{root}::jsprint -a -d 0 {path}")]);
    answer.split(':').next().unwrap().to_owned()
}

/// `::v8spaces`, `::jsbuffers` and `::nodeinfo`, field by field.
#[test]
fn the_numbers_are_those_that_the_process_said() {
    for core in cores() {
        let mut failures = Vec::new();
        memory_report::check(&debugger(core), &core.report().unwrap(), &mut failures).unwrap();
        assert!(failures.is_empty(), "{core}: {failures:#?}");
    }
}

/// The counters and the walk over the pages come from different memory.
#[test]
fn a_walk_finds_in_each_space_what_is_counted_there() {
    for core in cores() {
        let [lines] = answers(core, ["::v8spaces -j"]);
        for space in json_lines(&lines) {
            assert_eq!(space["size"], space["page_bytes"], "{core}: {space}");
            let (used, objects) = (count(&space["used"]), count(&space["object_bytes"]));
            // The ends of pages that are full, and in V8 11 the open allocation areas, count as used.
            let open = if core.line == 20 { 64 << 10 } else { 8 << 10 };
            assert!(objects <= used && used - objects < open, "{core}: {space}");
            if core.line > 20 && space["space"] != "new_space" {
                assert_eq!(used, objects, "{core}: {space}");
            }
        }
    }
}

#[test]
fn pages_add_up_to_the_spaces() {
    for core in cores() {
        let [lines, pages, walked] = answers(core, ["::v8spaces -j", "::v8pages", "::walk page | ::count"]);
        let mut of_space: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for row in pages.lines().skip(1) {
            let columns: Vec<_> = row.split_whitespace().collect();
            let sum = of_space.entry(columns[4].to_owned()).or_default();
            sum.0 += 1;
            sum.1 += columns[1].parse::<u64>().unwrap();
        }
        let read_only = of_space.remove("read_only").unwrap();
        let mut total = read_only.0;
        for space in json_lines(&lines) {
            let name = space["space"].as_str().unwrap().trim_end_matches("_space");
            let (pages, bytes) = of_space.remove(name).unwrap_or_default();
            assert_eq!(
                (pages, bytes),
                (count(&space["pages"]), count(&space["page_bytes"])),
                "{core}: {name}"
            );
            total += pages;
        }
        assert!(of_space.is_empty(), "{core}: {of_space:?}");
        assert_eq!(walked.trim(), total.to_string(), "{core}");
        let [old, expected] = answers(core, ["::v8pages -s old | ::count", "::v8spaces"]);
        let row = expected.lines().find(|row| row.starts_with("old_space")).unwrap().to_owned();
        assert_eq!(row.split_whitespace().last(), Some(old.trim()), "{core}");
    }
}

#[test]
fn totals_of_buffers_leave_nothing_over() {
    for core in cores() {
        let usage = &core.report().unwrap()["memoryUsage"];
        let [table] = answers(core, ["::jsbuffers"]);
        for (what, said) in [
            ("arrayBuffers, as Node's allocator counts: ", "arrayBuffers"),
            ("external, as V8 counts: ", "external"),
        ] {
            let line =
                table.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_else(|| panic!("{table}"));
            assert!(line.starts_with(&format!("{} bytes = ", usage[said])), "{core}: {line}");
            assert!(!line.contains("no owner") && !line.contains("no more"), "{core}: {line}");
        }
    }
}

/// Kind, bytes, greatest length, and the views with their bytes, of the buffers that the program made.
#[test]
fn backing_stores_are_as_the_program_made_them() {
    let expected = [
        ("plain", "ArrayBuffer", 3000, 3000, "1 Uint8Array 3000, 1 DataView 50, 1 Int32Array 40"),
        ("slab", "ArrayBuffer", 2048, 2048, "4 Buffer 1024"),
        ("alloc.buffer", "ArrayBuffer", 1000, 1000, "1 Buffer 1000"),
        ("slow.buffer", "ArrayBuffer", 5000, 5000, "1 Buffer 5000"),
        ("large.buffer", "ArrayBuffer", 300_000, 300_000, "1 Buffer 300000"),
        ("received", "ArrayBuffer", 2000, 2000, ""),
        ("resizable", "resizable ArrayBuffer", 1000, 65_536, "1 Uint8Array 900"),
        ("growable", "growable SharedArrayBuffer", 1024, 8192, ""),
        ("shared", "SharedArrayBuffer", 4096, 4096, ""),
        ("floats.buffer", "ArrayBuffer", 800, 800, "1 Float64Array 800"),
        ("bigs.buffer", "ArrayBuffer", 72, 72, "1 BigInt64Array 72"),
    ];
    for core in cores() {
        let [lines] = answers(core, ["::jsbuffers -j"]);
        let stores = json_lines(&lines);
        let of = |buffer: &str| {
            let owned = |store: &&Value| {
                store["buffers"].as_array().unwrap().iter().any(|owner| *owner == format!("0x{buffer}"))
            };
            stores.iter().find(owned).unwrap_or_else(|| panic!("{core}: no store of {buffer}"))
        };
        for (path, kind, bytes, most, views) in expected {
            let path = path
                .strip_suffix(".buffer")
                .map_or(path.to_owned(), |view| format!("{view}.[[ViewedArrayBuffer]]"));
            let store = match path.split_once('.') {
                None => of(&member(core, &format!("buffers.{path}"))).clone(),
                // By the address of its bytes.
                Some((view, _)) => {
                    let view = member(core, &format!("buffers.{view}"));
                    let [address] = answers(core, [&format!("{view}::nodebuffer")]);
                    let is_there = |store: &&Value| store["address"] == format!("0x{}", address.trim());
                    stores.iter().find(is_there).unwrap_or_else(|| panic!("{core}: {path}")).clone()
                }
            };
            let found: Vec<String> = store["views"]
                .as_array()
                .unwrap()
                .iter()
                .map(|views| {
                    format!(
                        "{} {} {}",
                        views["count"],
                        views["constructor"].as_str().unwrap(),
                        views["bytes"]
                    )
                })
                .collect();
            assert_eq!(
                (
                    store["kind"].as_str().unwrap(),
                    count(&store["bytes"]),
                    count(&store["max_bytes"]),
                    found.join(", ")
                ),
                (kind, bytes, most, views.to_owned()),
                "{core}: {path}"
            );
        }
        let in_heap: Vec<_> = stores.iter().filter(|store| store["kind"] == "heap").collect();
        assert!(
            in_heap
                .iter()
                .any(|store| store["bytes"] == 8 && store["views"][0]["constructor"] == "Uint16Array"),
            "{core}"
        );
        // Five small Buffers of one slab, which no message may take away.
        let pooled = member(core, "buffers.pooled[0]");
        let [at] = answers(core, [&format!("{pooled}::nodebuffer")]);
        let at = u64::from_str_radix(at.trim(), 16).unwrap();
        let start = |store: &Value| {
            u64::from_str_radix(store["address"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
        };
        let slab =
            stores.iter().find(|store| (start(store)..start(store) + count(&store["bytes"])).contains(&at));
        assert_eq!(slab.unwrap()["pool"], true, "{core}");
        let [table, piped] = answers(core, ["::jsbuffers", "::jsbuffers -c BigInt64Array | ::jsconstructor"]);
        assert!(table.contains(" 1 detached"), "{core}: {table}");
        assert!(piped.lines().all(|line| line == "ArrayBuffer") && !piped.is_empty(), "{core}: {piped}");
    }
}

#[test]
fn the_event_loop_waits_for_what_the_program_started() {
    for core in cores() {
        let report = core.report().unwrap();
        let [line, text] = answers(core, ["::nodeinfo -j", "::nodeinfo"]);
        let found: Value = serde_json::from_str(&line).unwrap();
        // Two servers and a timer, which `process.getActiveResourcesInfo()` calls so.
        let mut active: Vec<_> =
            report["activeResources"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        active.sort_unstable();
        assert_eq!(active, ["TCPServerWrap", "TCPServerWrap", "Timeout"], "{core}");
        assert_eq!(
            found["event_loop"],
            serde_json::json!({ "handles": 3, "requests": 0, "types": { "tcp": 2, "timer": 1 } }),
            "{core}"
        );
        assert!(
            text.contains("event loop: 3 handles keep it alive (2 tcp, 1 timer), 0 requests\n"),
            "{core}: {text}"
        );
        assert!(text.contains("exit code: 7 (set by the program)\n"), "{core}: {text}");
        // `performance.timeOrigin` counts from when the process began, in milliseconds since 1970.
        let started = report["startedAt"].as_f64().unwrap() as u64;
        let shown = found["started"].as_str().unwrap();
        let seconds = format!(":{:02}.{:03}Z", started / 1000 % 60, started % 1000);
        assert!(shown.ends_with(&seconds), "{core}: {shown} instead of {started}");
    }
}

/// Each worker thread has an isolate, and what is shared counts once.
#[test]
fn workers_have_memory_of_their_own() {
    for line in LINES {
        let core = ShippedCore { scenario: "workers", line };
        let [isolates, info, walked] = answers(core, ["::v8spaces", "::nodeinfo -j", "::walk isolate"]);
        let found: Value = serde_json::from_str(&info).unwrap();
        let lines: Vec<_> = isolates.lines().filter_map(|line| line.strip_prefix("isolate ")).collect();
        assert_eq!(lines.len(), 2, "{core}: {isolates}");
        assert_eq!(
            walked.lines().collect::<Vec<_>>(),
            lines.iter().map(|at| format!("0x{at}")).collect::<Vec<_>>(),
            "{core}"
        );
        let threads: Vec<_> =
            found["isolates"].as_array().unwrap().iter().map(|isolate| &isolate["thread"]).collect();
        assert_eq!(*threads[0], found["pid"], "{core}");
        assert!(threads[1].is_u64() && threads[1] != threads[0], "{core}: {threads:?}");
    }
}

#[test]
fn bytes_of_buffers_are_found_and_printed() {
    for core in cores() {
        let [pooled, text] = ["buffers.pooled[4]", "buffers.text"].map(|path| member(core, path));
        let view = member(core, "buffers.view");
        let plain = member(core, "buffers.plain");
        let empty = member(core, "buffers.given");
        let root = only(core, "-c MemoryRoot");
        let [length, dump, line, lines, of_view, of_plain, detached, piped, wrong] = answers(
            core,
            [
                &format!("{pooled}::nodebuffer -l"),
                &format!("{pooled}::nodebuffer -x"),
                &format!("{pooled}::nodebuffer -t"),
                &format!("{text}::nodebuffer -t"),
                &format!("{view}::nodebuffer -l"),
                &format!("{plain}::nodebuffer -l"),
                &format!("{empty}::nodebuffer -l"),
                &format!("{plain}::nodebuffer | ::count"),
                &format!("{root}::nodebuffer"),
            ],
        );
        assert!(length.ends_with(" 26\n"), "{core}: {length}");
        assert_eq!(line, "text in the pool, number 4\n", "{core}");
        assert_eq!(lines, "a line of text\nand another\n".repeat(8), "{core}");
        let shown: Vec<_> = dump.lines().map(|line| line.split_once(": ").unwrap().1.trim()).collect();
        assert_eq!(
            shown,
            [
                "7465 7874 2069 6e20 7468 6520 706f 6f6c  text in the pool",
                "2c20 6e75 6d62 6572 2034                 , number 4"
            ],
            "{core}"
        );
        let address = |text: &str| u64::from_str_radix(text.split(' ').next().unwrap(), 16).unwrap();
        assert!(of_view.ends_with(" 50\n") && of_plain.ends_with(" 3000\n"), "{core}: {of_view} {of_plain}");
        assert_eq!(address(&of_view), address(&of_plain) + 100, "{core}");
        assert!(detached.ends_with(" 0\n"), "{core}: {detached}");
        assert_eq!(piped, "1\n", "{core}");
        assert_eq!(wrong, "", "{core}: an error on standard error");
    }
}

#[test]
fn elements_and_entries_are_those_that_the_program_put_in() {
    for core in cores() {
        let at = |path: &str| member(core, &format!("collections.{path}"));
        let [mixed, holey, sparse, doubles, sloppy] =
            ["mixed", "holey", "sparse", "doubles", "sloppy"].map(at);
        let bytes = member(core, "buffers.inHeap");
        let [values, three, indexed, far, numbers, arguments, typed] = answers(
            core,
            [
                &format!("{mixed}::jsarray | ::jsprint"),
                &format!("{holey}::jsarray | ::jsprint"),
                &format!("{holey}::jsarray -i"),
                &format!("{sparse}::jsarray -i"),
                &format!("{doubles}::jsarray -i"),
                &format!("{sloppy}::jsarray | ::jsprint"),
                &format!("{bytes}::jsarray"),
            ],
        );
        assert_eq!(values, "\"a\"\n2\nnull\nundefined\ntrue\n", "{core}");
        assert_eq!(three, "1\nhole\n\"three\"\n", "{core}");
        assert!(indexed.starts_with("0 100000000\n1 ") && indexed.lines().count() == 3, "{core}: {indexed}");
        let indexes: Vec<_> = far.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(indexes, ["5", "4000000"], "{core}");
        assert_eq!(numbers, "0 0.5\n1 1.5\n2 2.5\n", "{core}");
        assert_eq!(arguments, "\"changed\"\n\"second\"\n3\n", "{core}");
        assert_eq!(typed, "1\n2\n3\n48879\n", "{core}");
        let [map, set, weak, weak_set, key] = ["map", "set", "weakMap", "weakSet", "key"].map(at);
        let [keys, values, pairs, text, smi, object, members, weakly, marks] = answers(
            core,
            [
                &format!("{map}::jsmap -k | ::jsprint -d 0"),
                &format!("{map}::jsmap | ::jsprint -d 0"),
                &format!("{map}::jsmap"),
                &format!("{map}::jsmap -p text"),
                &format!("{map}::jsmap -e 700000000 | ::jsprint"),
                &format!("{map}::jsmap -e {key} | ::jsprint held"),
                &format!("{set}::jsmap | ::jsprint -d 0"),
                &format!("{weak}::walk jsmapentry | ::jsprint"),
                &format!("{weak_set}::jsmap"),
            ],
        );
        assert_eq!(keys, "\"text\"\n7\n[...]\n1.5\nNaN\n", "{core}");
        assert_eq!(values, "1\n\"seven\"\n[...]\nnull\nundefined\n", "{core}");
        assert!(
            pairs.lines().count() == 5 && pairs.lines().all(|line| line.split(' ').count() == 2),
            "{core}: {pairs}"
        );
        assert!(text.ends_with(" 100000000\n") && text.lines().count() == 1, "{core}: {text}");
        assert_eq!((smi.as_str(), object.as_str()), ("\"seven\"\n", "true\n"), "{core}");
        assert_eq!(members, "\"first\"\n2\n[...]\n", "{core}");
        assert_eq!((weakly.as_str(), marks.trim()), ("\"weakly held\"\n", key.as_str()), "{core}");
    }
}

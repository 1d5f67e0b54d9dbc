//! The project's tasks, run as `cargo xtask TASK`. Each task is one module; this file is the table of them.
#![forbid(unsafe_code)]

mod assistants;
mod bench;
mod build;
mod bytecode;
mod calls;
mod ci;
mod conditions;
mod diff;
mod dist;
mod docs;
mod embedders;
mod emulated;
mod endings;
mod fuzz;
mod graph;
mod heap_snapshot;
mod judgement;
mod layout;
mod leaks;
mod licences;
mod locals;
mod matrix;
mod moments;
mod musl;
mod mutate;
mod native;
mod native_http2;
mod native_memory;
mod native_parts;
mod native_threads;
mod node_release;
mod pages;
mod pending;
mod places;
mod population;
mod readers;
mod releases;
mod retained;
mod scenario;
mod services;
mod snapshot;
mod snapshot_file;
mod snapshot_graph;
mod snapshot_natives;
mod sparse;
mod stalls;
mod support_matrix;
mod sweep;
mod take_core;
mod testdata;
mod verdicts;

use std::process::ExitCode;

use anyhow::{Result, bail};

struct Task {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    run: fn(lexopt::Parser) -> Result<()>,
}

/// Sorted by name.
const TASKS: &[Task] = &[
    Task {
        name: "assistants",
        arguments: "[--debugger FILE]",
        summary: "ask `v8mdb mcp` through the protocol's own client what an assistant would",
        run: assistants::run,
    },
    Task {
        name: "bench",
        arguments: "[--node VERSION] [--core DIR]... [--runs N] [--markdown] [--debugger FILE]",
        summary: "measure the debugger on big cores against a plain read of the same pages",
        run: bench::run,
    },
    Task {
        name: "bytecode",
        arguments: "[--node VERSION]... [--debugger FILE]",
        summary: "hold what ::jsbytecode says of a function against what V8 itself has printed of it",
        run: bytecode::run,
    },
    Task {
        name: "calls",
        arguments: "[--node VERSION]... [--kernel] [--keep] [--debugger FILE]",
        summary: "hold the functions on stacks, in every tier of V8, against what the program's own errors say",
        run: calls::run,
    },
    Task {
        name: "ci",
        arguments: "[--no-matrix | --only-matrix]",
        summary: "everything that CI checks",
        run: ci::run,
    },
    Task {
        name: "conditions",
        arguments: "[--node VERSION]... [--only NAME]... [--flags] [--others] [--keep] [--report FILE] [--debugger FILE]",
        summary: "hold cores taken under V8's flags, of single executables, of deaths and the like against V8's snapshots",
        run: conditions::run,
    },
    Task {
        name: "core",
        arguments: "--node VERSION --scenario NAME [--out DIR] [--kernel] [--no-snapshot] [-- ARGS]",
        summary: "run a scenario on an official Node.js and take its core",
        run: take_core::run,
    },
    Task {
        name: "diff",
        arguments: "[--node VERSION]... [--debugger FILE]",
        summary: "compare cores of one program at its stages with what it and V8's own snapshots say has grown",
        run: diff::run,
    },
    Task {
        name: "dist",
        arguments: "[--machine NAME]...",
        summary: "make a static binary with its manual page and completions, and try it where there is nothing else",
        run: dist::run,
    },
    Task {
        name: "docs",
        arguments: "[--check]",
        summary: "write the generated documentation",
        run: docs::run,
    },
    Task {
        name: "embedders",
        arguments: "[--keep] [--workerd VERSION]... [--report FILE] [--debugger FILE]",
        summary: "hold cores of Deno and of workerd, whose pointers are compressed, against V8's snapshots and the programs' facts",
        run: embedders::run,
    },
    Task {
        name: "endings",
        arguments: "[--node VERSION]... [--only NAME]... [--debugger FILE]",
        summary: "hold what ::jscrash says of ends of every kind against what the process wrote, word for word",
        run: endings::run,
    },
    Task {
        name: "fuzz",
        arguments: "[list | build | replay | run | keep] [--target NAME]... [--minutes N | --seconds N] [--runs N] [--at-once N] [--swift] [--as-built] [--report FILE]",
        summary: "fuzz the parsers and decoders, a minute each if nothing is said; replay what is known, keep what covers most",
        run: fuzz::run,
    },
    Task {
        name: "graph",
        arguments: "[--node VERSION]... [--scenario NAME]... [--all]",
        summary: "compare what is alive, and what it retains, with V8's own snapshot",
        run: graph::run,
    },
    Task {
        name: "layout",
        arguments: "(--node VERSION | --core FILE) [--sources DIR] [--like V8]",
        summary: "draft the rows for a version of V8: what a release publishes and its sources declare beside a table of ours",
        run: layout::run,
    },
    Task {
        name: "leaks",
        arguments: "[--node VERSION]... [--scenario NAME]... [--all] [--healthy] [--debugger FILE]",
        summary: "look for the leaks of programs that leak, in the classic ways and others, and for none in healthy services",
        run: leaks::run,
    },
    Task {
        name: "locals",
        arguments: "[--node VERSION]... [--keep] [--debugger FILE]",
        summary: "hold the names of variables on a stack against what the program says of them",
        run: locals::run,
    },
    Task {
        name: "matrix",
        arguments: "[--quick] [--node VERSION]... [--scenario NAME]... [--report FILE] [--debugger FILE]",
        summary: "compare the debugger with V8's own answers on every line and scenario",
        run: matrix::run,
    },
    Task {
        name: "memory",
        arguments: "[--node VERSION]... [--threads] [--root DIR]... [--debugger FILE]",
        summary: "compare native memory with what malloc, the kernel and a program with planted leaks say; with --root as root, in a root directory that has another C library",
        run: native_memory::run,
    },
    Task {
        name: "moments",
        arguments: "[--node VERSION]... [--runs N] [--debugger FILE]",
        summary: "abort a busy service at any moment and look whether the stacks of its cores are whole",
        run: moments::run,
    },
    Task {
        name: "mutate",
        arguments: "[--runs N] [--seed N] [--core FILE]... [--truncate] [--keep DIR] [--report FILE] [--debugger FILE]",
        summary: "damage the cores that ship and run every family of dcmds over them; or cut one at every 4 KB",
        run: mutate::run,
    },
    Task {
        name: "native",
        arguments: "[--core DIR]... [--debugger FILE]",
        summary: "compare registers, stacks, symbols, code and memory with what gdb says",
        run: native::run,
    },
    Task {
        name: "pages",
        arguments: "[--core FILE]... [--screenshots DIR] [--debugger FILE]",
        summary: "open the pages that `v8mdb report` writes in a real browser, where each tests itself",
        run: pages::run,
    },
    Task {
        name: "pending",
        arguments: "[--node VERSION]... [--calls N]... [--debugger FILE]",
        summary: "compare what a program waits for with its own lists and those of Node.js, on every line",
        run: pending::run,
    },
    Task {
        name: "releases",
        arguments: "[--all] [--line N]... [--node VERSION]... [--sample N [--day N]] [--arm64 | --musl] [--keep] [--report FILE] [--debugger FILE]",
        summary: "hold cores of any official releases of Node.js against V8's snapshots and the program's facts",
        run: releases::run,
    },
    Task {
        name: "retained",
        arguments: "[--node VERSION]... [--seeds N] [--debugger FILE]",
        summary: "hold what ::jsretained -s says of random sets of objects against what V8 frees when they are dropped",
        run: retained::run,
    },
    Task {
        name: "snapshot",
        arguments: "[--node VERSION]... [--scenario NAME]... [--all] [--readers] [--keep DIR]",
        summary: "compare the heap snapshots that the debugger writes with V8's own",
        run: snapshot::run,
    },
    Task {
        name: "stalls",
        arguments: "[--node VERSION]... [--debugger FILE]",
        summary: "look whether answers lead to the lines at which services stand still that are built on packages of npm",
        run: stalls::run,
    },
    Task {
        name: "sweep",
        arguments: "[--node VERSION]... [--scenario NAME] [--debugger FILE]",
        summary: "print every object of a heap and compare with V8's own snapshot of it",
        run: sweep::run,
    },
    Task {
        name: "testdata",
        arguments: "[--scenario NAME]... [--debugger FILE]",
        summary: "make the cores that ship in testdata/cores, or those of some scenarios",
        run: testdata::run,
    },
    Task {
        name: "truth",
        arguments: "FILE.heapsnapshot...",
        summary: "count the JavaScript objects of a heap snapshot by constructor",
        run: heap_snapshot::run,
    },
    Task {
        name: "verdicts",
        arguments: "[--node VERSION]... [--debugger FILE]",
        summary: "hold the verdicts of `v8mdb report` against what is known of crashes, hangs, leaks and healthy services",
        run: verdicts::run,
    },
];

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask TASK\n");
    for task in TASKS {
        text += &format!("\n  {} {}\n      {}\n", task.name, task.arguments, task.summary);
    }
    text
}

fn dispatch() -> Result<()> {
    let mut arguments = lexopt::Parser::from_env();
    let name = match arguments.next()? {
        Some(lexopt::Arg::Value(name)) => name.to_string_lossy().into_owned(),
        None | Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h')) => {
            print!("{}", usage());
            return Ok(());
        }
        Some(other) => return Err(other.unexpected().into()),
    };
    match TASKS.iter().find(|task| task.name == name) {
        Some(task) => (task.run)(arguments),
        None => bail!("no task is called `{name}`\n\n{}", usage()),
    }
}

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TASKS;

    #[test]
    fn task_names_are_sorted_and_unique() {
        assert!(TASKS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}

//! `cargo xtask ci`: everything that has to hold before a change lands, in the order in which it fails fastest.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::{fuzz, licences, node_release, places, releases, take_core};

/// The command that the README gives for the tests.
const TESTS: &[&str] = &["test", "--workspace"];

/// The debugger that sweeps run is built without what only takes time to build.
const QUICK_RELEASE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    let mut with_matrix = true;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("no-matrix") => with_matrix = false,
            other => return Err(other.unexpected().into()),
        }
    }
    step("formatting", &["fmt", "--all", "--check"])?;
    step("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    // Links to private items are for those who read the source.
    const DOCS: &str = "-D warnings --document-private-items -A rustdoc::private_intra_doc_links";
    step_with("documentation", &["doc", "--quiet", "--no-deps", "--workspace"], &[("RUSTDOCFLAGS", DOCS)])?;
    step("generated files", &["xtask", "docs", "--check"])?;
    println!("== licences, bans and sources of dependencies");
    licences::check()?;
    step("tests", TESTS)?;
    step("damaged cores", &["xtask", "mutate", "--runs", "300"])?;
    let quick = [("CARGO_INCREMENTAL", "0")];
    step_with("fuzz targets", &["xtask", "fuzz", "replay"], &quick)?;
    // What is known gives the same answer each time. A short search for more in two of the targets, others tomorrow.
    let [one, other] = fuzz::targets_of(releases::today());
    let search = ["xtask", "fuzz", "run", "--target", one, "--target", other, "--seconds", "20"];
    step_with("search for more", &search, &quick)?;
    step("pages in a browser", &["xtask", "pages"])?;
    if with_matrix {
        let report = places::target().join("support-matrix.md").display().to_string();
        // One of the four lines, another tomorrow: all of them take four times as long. Each task by itself tries all.
        let line = line_of(releases::today());
        println!("== today on Node.js {line}");
        let on_line =
            |what: &str, arguments: &[&str]| step(what, &[&["xtask"], arguments, &["--node", line]].concat());
        on_line("matrix", &["matrix", "--report", &report])?;
        let emulated = format!("{line}-arm64");
        step("matrix of arm64", &["xtask", "matrix", "--quick", "--report", &report, "--node", &emulated])?;
        step("other releases", &["xtask", "releases", "--sample", "6"])?;
        step("leaks", &["xtask", "leaks", "--every", "4"])?;
        on_line("verdicts", &["verdicts"])?;
        step("assistants", &["xtask", "assistants"])?;
        on_line("pending", &["pending"])?;
        on_line("what stands still", &["stalls"])?;
        // A process that ends leaves its core to the kernel, which gives it away here and there.
        match take_core::require_kernel_cores() {
            Ok(()) => on_line("ends of processes", &["endings"])?,
            Err(reason) => println!("== ends of processes: left out: {reason:#}"),
        }
        on_line("bytecode", &["bytecode"])?;
        on_line("variables of calls", &["locals"])?;
        on_line("growth", &["diff"])?;
        step("agreement with gdb", &["xtask", "native"])?;
        on_line("native memory", &["memory"])?;
        on_line("living objects", &["graph"])?;
        on_line("freed sets", &["retained", "--seeds", "1"])?;
        on_line("heap snapshots", &["snapshot", "--readers"])?;
    }
    Ok(())
}

/// The line whose turn it is.
fn line_of(day: u64) -> &'static str {
    let lines = node_release::SUPPORTED;
    lines[usize::try_from(day).unwrap_or(0) % lines.len()]
}

/// Runs cargo; its output goes to the terminal as it comes.
fn step(what: &str, arguments: &[&str]) -> Result<()> {
    step_with(what, arguments, &[])
}

/// [`step`], with more in the environment.
fn step_with(what: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    println!("== {what}: cargo {}", arguments.join(" "));
    let start = Instant::now();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).envs(QUICK_RELEASE).envs(environment.iter().copied());
    command.current_dir(places::workspace());
    let status = command.status();
    let status = status.context("cannot run cargo")?;
    ensure!(status.success(), "{what}: failed");
    println!("== {what}: fine, {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_gives_the_same_test_command() {
        let readme = std::fs::read_to_string(places::workspace().join("README.md")).unwrap();
        let command = format!("\ncargo {}\n", TESTS.join(" "));
        assert!(readme.contains(&command), "README.md does not give `{}`", command.trim());
    }
}

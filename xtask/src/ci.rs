//! `cargo xtask ci`: everything that has to hold before a change lands, in the order in which it fails fastest.

use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::{licences, node_release, places, releases, take_core};

/// The command that the README gives for the tests.
const TESTS: &[&str] = &["test", "--workspace"];

/// The debugger that sweeps run is built without what only takes time to build.
const QUICK_RELEASE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    let (mut with_checks, mut with_matrix) = (true, true);
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("no-matrix") => with_matrix = false,
            lexopt::Arg::Long("only-matrix") => with_checks = false,
            other => return Err(other.unexpected().into()),
        }
    }
    if with_checks {
        check_sources()?;
    }
    if with_matrix {
        let report = places::target().join("support-matrix.md").display().to_string();
        // One of the four lines, another tomorrow: all of them take four times as long. Each task by itself tries all.
        let line = line_of(releases::today());
        println!("== today on Node.js {line}");
        let matrix = ["xtask", "matrix", "--report", &report, "--node", line];
        step("matrix", &matrix)?;
        let emulated = format!("{line}-arm64");
        // Programs that run, their cores and the debugger leave half of two processors idle.
        let others = [
            Step::new("other releases", "releases --sample 6"),
            Step::new("leaks", "leaks --every 4"),
            Step::new("verdicts", &format!("verdicts --node {line}")),
            Step::new("assistants", "assistants"),
        ];
        let mut on_line = vec![Step::new(
            "matrix of arm64",
            &format!("matrix --quick --report {report} --node {emulated}"),
        )];
        let mut add =
            |what, command: &str| on_line.push(Step::new(what, &format!("{command} --node {line}")));
        add("pending", "pending");
        add("what stands still", "stalls");
        // A process that ends leaves its core to the kernel, which gives it away here and there.
        match take_core::require_kernel_cores() {
            Ok(()) => add("ends of processes", "endings"),
            Err(reason) => println!("== ends of processes: left out: {reason:#}"),
        }
        add("bytecode", "bytecode");
        add("variables of calls", "locals");
        add("growth", "diff");
        add("native memory", "memory");
        add("living objects", "graph");
        add("freed sets", "retained --seeds 1");
        add("heap snapshots", "snapshot --readers");
        on_line.push(Step::new("agreement with gdb", "native"));
        side_by_side(&on_line, &others)?;
    }
    Ok(())
}

/// Everything that needs no Node.js.
fn check_sources() -> Result<()> {
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
    // What is known, and a short search for more in each target.
    let at_once = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let search = ["xtask", "fuzz", "run", "--seconds", "20", "--at-once", &at_once];
    step_with("fuzz targets", &search, &quick)?;
    step("pages in a browser", &["xtask", "pages"])?;
    Ok(())
}

/// The line whose turn it is.
fn line_of(day: u64) -> &'static str {
    let lines = node_release::SUPPORTED;
    lines[usize::try_from(day).unwrap_or(0) % lines.len()]
}

/// A task of `cargo xtask` that may run beside another.
struct Step {
    what: &'static str,
    arguments: Vec<String>,
}

impl Step {
    fn new(what: &'static str, command: &str) -> Step {
        Step { what, arguments: command.split(' ').map(str::to_owned).collect() }
    }

    /// Runs it; what it says is printed when it has ended. Its cores are kept in a directory of its row.
    fn run(&self, cores: &Path) -> Result<()> {
        let start = Instant::now();
        let mut said = tempfile::tempfile()?;
        let mut command = cargo();
        command.arg("xtask").args(&self.arguments).env(places::CORES, cores);
        let status = command.stdout(said.try_clone()?).stderr(said.try_clone()?).status();
        let is_success = status.context("cannot run cargo")?.success();
        said.rewind()?;
        let mut output = io::stdout().lock();
        writeln!(output, "== {}: cargo xtask {}", self.what, self.arguments.join(" "))?;
        io::copy(&mut said, &mut output)?;
        ensure!(is_success, "{}: failed", self.what);
        writeln!(output, "== {}: fine, {:.0} s", self.what, start.elapsed().as_secs_f64())?;
        Ok(())
    }
}

/// Runs two rows of steps, each step behind the one before, until both have ended or one step has failed.
fn side_by_side(one: &[Step], other: &[Step]) -> Result<()> {
    let has_failed = AtomicBool::new(false);
    let run = |steps: &[Step], cores: PathBuf| -> Result<()> {
        for step in steps {
            if has_failed.load(Ordering::Relaxed) {
                break;
            }
            step.run(&cores).inspect_err(|_| has_failed.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| run(other, places::cache().join("cores-beside")));
        let first = run(one, places::cores());
        let second = beside.join().map_err(|_| anyhow::anyhow!("a row of steps has panicked"))?;
        first.and(second)
    })
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.envs(QUICK_RELEASE).current_dir(places::workspace());
    command
}

/// Runs cargo; its output goes to the terminal as it comes.
fn step(what: &str, arguments: &[&str]) -> Result<()> {
    step_with(what, arguments, &[])
}

/// [`step`], with more in the environment.
fn step_with(what: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    println!("== {what}: cargo {}", arguments.join(" "));
    let start = Instant::now();
    let status = cargo().args(arguments).envs(environment.iter().copied()).status();
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

//! `cargo xtask ci`: everything that has to hold before a change lands, in the order in which it fails fastest.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::{licences, node_release, places, releases, take_core};

/// The command that the README gives for the tests.
const TESTS: &[&str] = &["test", "--workspace"];

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
    // What is known, which gives the same answer each time; the search for more is for long runs.
    step_with("fuzz targets", &["xtask", "fuzz", "replay"], &[("CARGO_INCREMENTAL", "0")])?;
    step("pages in a browser", &["xtask", "pages"])?;
    if with_matrix {
        let report = places::target().join("support-matrix.md").display().to_string();
        // Two of the four lines, the others tomorrow: all of them take twice as long. Each by itself tries all.
        let lines = lines_of(releases::today());
        println!("== today on Node.js {} and {}", lines[0], lines[1]);
        let on_lines = |what: &str, arguments: &[&str]| {
            step(what, &[arguments, &["--node", lines[0], "--node", lines[1]]].concat())
        };
        on_lines("matrix", &["xtask", "matrix", "--report", &report])?;
        step("other releases", &["xtask", "releases", "--sample", "8"])?;
        step("leaks", &["xtask", "leaks"])?;
        step("verdicts", &["xtask", "verdicts"])?;
        step("assistants", &["xtask", "assistants"])?;
        step("pending", &["xtask", "pending"])?;
        step("what stands still", &["xtask", "stalls", "--node", lines[1]])?;
        // One line: the others take as long again each. A process that ends leaves its core to the kernel, which gives it away here
        // and there.
        match take_core::require_kernel_cores() {
            Ok(()) => step("ends of processes", &["xtask", "endings", "--node", node_release::SUPPORTED[2]])?,
            Err(reason) => println!("== ends of processes: left out: {reason:#}"),
        }
        step("bytecode", &["xtask", "bytecode", "--node", lines[1]])?;
        step("growth", &["xtask", "diff"])?;
        step("agreement with gdb", &["xtask", "native"])?;
        on_lines("native memory", &["xtask", "memory"])?;
        on_lines("living objects", &["xtask", "graph"])?;
        on_lines("freed sets", &["xtask", "retained", "--seeds", "1"])?;
        on_lines("heap snapshots", &["xtask", "snapshot", "--readers"])?;
    }
    Ok(())
}

/// The lines whose turn it is: the first and the third, or the second and the fourth.
fn lines_of(day: u64) -> [&'static str; 2] {
    let first = usize::from(!day.is_multiple_of(2));
    [first, first + 2].map(|line| node_release::SUPPORTED[line])
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
    command.args(arguments).envs(environment.iter().copied()).current_dir(places::workspace());
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

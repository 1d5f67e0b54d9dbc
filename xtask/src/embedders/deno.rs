//! Deno: `census` runs on it as a CommonJS module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::judgement::{self, Case, Judgement};
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};
use crate::{node_release, places};

/// The release that is judged, and its package.
pub const RELEASE: &str = "2.9.6";
const PACKAGE: &str = "@deno/linux-x64-glibc";
/// What runs on it.
const SCENARIO: &str = "census";
/// How Deno runs a program of Node.js.
const OPTIONS: [&str; 3] = ["run", "-A", "--unstable-detect-cjs"];
/// Writes a snapshot, under a name that is not taken for one.
const WARM: &str = "import v8 from 'node:v8'; v8.writeHeapSnapshot('warm.json');";
/// Contexts beside that of `kinds`.
const CONTEXTS: u64 = 4;

/// `census` on Deno.
pub fn judge(executable: &Path, keep: bool) -> Result<Judgement> {
    let deno = node_release::package_file(PACKAGE, RELEASE, "deno")?;
    for program in ["kinds", SCENARIO] {
        let output = Command::new(&deno)
            .args(OPTIONS)
            .arg(places::scenarios().join("verify.js"))
            .arg(program)
            .output()
            .context("cannot run deno")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the facts of {program} do not hold on Deno: {}", said.trim());
    }
    let directory = taken(SCENARIO, &deno)?;
    let judgement = judgement::judge(&Case {
        executable,
        directory: &directory,
        core: &directory.join("core"),
        facts: &judgement::facts(CONTEXTS, 0)?,
        symbols: false,
        collects_later: false,
        other_embedder: true,
        later: &[],
    });
    if !keep {
        fs::remove_dir_all(&directory)?;
    }
    judgement
}

/// The core of a program that ran on Deno. What Deno loads when it first writes a snapshot is loaded before.
fn taken(scenario: &str, deno: &Path) -> Result<PathBuf> {
    let directory = take_core::directory_of(scenario, &format!("deno-{RELEASE}"));
    let warm = tempfile::tempdir()?;
    let preload = warm.path().join("warm.mjs");
    fs::write(&preload, WARM)?;
    let mut options = OPTIONS.map(str::to_owned).to_vec();
    options.push(format!("--preload={}", preload.display()));
    take_core::take(&Request {
        node: format!("of Deno {RELEASE}"),
        scenario: Scenario::find(scenario)?,
        directory: directory.clone(),
        writer: Writer::Signal,
        snapshot: true,
        // What Deno loads for a snapshot a worker thread would load anew.
        arguments: vec!["--workers=0".to_owned()],
        start: Start { executable: Some(deno.to_owned()), options, ..Start::default() },
        stage: None,
    })?;
    Ok(directory)
}

//! `cargo xtask assistants`: `v8mdb mcp` and the protocol's own client, from its package: what one asks, the other has to answer.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{build, node_release, places};

/// Node.js that runs the client.
const RUNNER: &str = "24.21.0";

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let mut executable = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("debugger") => executable = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let executable = executable.map_or_else(build::debugger, Ok)?.canonicalize()?;
    let sources = places::workspace().join("xtask/clients");
    let home = node_release::packages("assistant", &sources.join("assistant.packages.json"))?;
    std::fs::copy(sources.join("assistant.mjs"), home.join("assistant.mjs"))?;
    let core = |name: &str| places::workspace().join(format!("testdata/cores/{name}.core.zst"));
    let output = Command::new(node_release::executable(RUNNER)?)
        .arg("assistant.mjs")
        .arg(executable)
        .args([core("growth-24"), core("growth-24.stage1")])
        .current_dir(&home)
        .output()
        .context("cannot run the client")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the client failed: {}", said.trim());
    let told: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("the client says nothing")?;
    let wrong = told["wrong"].as_array().context("no list")?;
    ensure!(wrong.is_empty(), "{wrong:?}");
    println!("{} rows page by page; {}", told["rows"], told["verdict"]);
    Ok(())
}

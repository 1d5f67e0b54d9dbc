//! Builds what the tasks measure and check.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::places;

/// Builds the debugger as it is released.
pub fn debugger() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--bin", "v8mdb"])
        .current_dir(places::workspace())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "v8mdb does not build");
    Ok(places::debugger())
}

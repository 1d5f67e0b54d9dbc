//! Licences and sources of all dependencies: `cargo deny` where it is installed, and what cargo itself tells everywhere.
//!
//! What is allowed is in `deny.toml`. `cargo deny` also looks at bans, and at advisories where its database can be reached.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::places;

/// Checks all dependencies of the workspace.
pub fn check() -> Result<()> {
    let cargo = || {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(places::workspace());
        command
    };
    let told = cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .context("cannot run cargo")?;
    ensure!(told.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&told.stderr));
    let metadata: Value = serde_json::from_slice(&told.stdout)?;
    let rules = std::fs::read_to_string(places::workspace().join("deny.toml"))?;
    let wrong = violations(&metadata, &allowed(&rules)?);
    ensure!(wrong.is_empty(), "dependencies that deny.toml does not allow: {}", wrong.join("; "));
    if !cargo().args(["deny", "--version"]).output().is_ok_and(|output| output.status.success()) {
        println!(
            "== bans and advisories: NOT CHECKED, as cargo-deny is not installed (cargo install --locked cargo-deny)"
        );
        return Ok(());
    }
    let checked = cargo().args(["deny", "check", "licenses", "bans", "sources"]).status()?;
    ensure!(checked.success(), "cargo deny: failed");
    // Its database is fetched, which may not be possible.
    if !cargo().args(["deny", "check", "advisories"]).status()?.success() {
        println!("== advisories: cargo deny found some, or could not fetch its database: see above");
    }
    Ok(())
}

/// The licences in the rules.
fn allowed(rules: &str) -> Result<Vec<String>> {
    let list = rules.lines().find_map(|line| line.strip_prefix("allow = ["));
    let Some((list, _)) = list.and_then(|list| list.split_once(']')) else {
        bail!("deny.toml allows no licences")
    };
    Ok(list.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect())
}

/// What is wrong with packages, as cargo describes them.
fn violations(metadata: &Value, allowed: &[String]) -> Vec<String> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or("?");
        match package["source"].as_str() {
            // The workspace's own.
            None => continue,
            Some(source) if !source.starts_with("registry+") => {
                wrong.push(format!("{name} is from {source}"))
            }
            Some(_) => {}
        }
        let licence = package["license"].as_str().unwrap_or("");
        if !is_allowed(licence, allowed) {
            wrong.push(format!("{name} is under `{licence}`"));
        }
    }
    wrong
}

/// Whether one may choose licences that are allowed: `(A OR B) AND C`, or `A/B` as was once written.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let is_one = |name: &str| {
        let name = name.split(" WITH ").next().unwrap_or(name).trim();
        allowed.iter().any(|allowed| allowed == name)
    };
    if let Some((group, rest)) = expression.strip_prefix('(').and_then(|text| text.split_once(')')) {
        let group = is_allowed(group, allowed);
        return match rest.trim().split_once(' ') {
            Some(("AND", rest)) => group && is_allowed(rest, allowed),
            Some(("OR", rest)) => group || is_allowed(rest, allowed),
            _ => group,
        };
    }
    if let Some((first, rest)) = expression.split_once(" AND ")
        && !first.contains(" OR ")
    {
        return is_one(first) && is_allowed(rest, allowed);
    }
    expression.split(" OR ").any(|choice| choice.split(" AND ").all(is_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_choices_must_be_allowed() {
        let allowed = allowed("[licenses]\nallow = [\"MIT\", \"Zlib\"]\n").unwrap();
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("", false),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("MIT AND Zlib", true),
            ("(GPL-3.0 OR MIT) AND Zlib", true),
            ("(GPL-3.0 OR MIT) AND GPL-2.0", false),
            ("MIT AND (GPL-3.0 OR Zlib)", true),
            ("MIT WITH LLVM-exception", true),
        ] {
            assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
        }
        let metadata = serde_json::json!({ "packages": [
            { "name": "own", "source": null, "license": "none" },
            { "name": "fine", "source": "registry+x", "license": "MIT" },
            { "name": "odd", "source": "git+x", "license": "GPL-3.0" },
        ] });
        assert_eq!(violations(&metadata, &allowed), ["odd is from git+x", "odd is under `GPL-3.0`"]);
    }
}

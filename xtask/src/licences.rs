//! Licences, bans and sources of all dependencies, of the workspace and of the fuzz targets, as cargo itself tells them.
//!
//! The rules are in `deny.toml`, which `cargo deny` reads too: who has it installed gets its answer beside this one, and advisories
//! where its database can be reached. Building it would take longer than all other checks of a machine that has it not.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use toml_edit::DocumentMut;

use crate::places;

/// Checks all dependencies.
pub fn check() -> Result<()> {
    let cargo = || {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(places::workspace());
        command
    };
    let rules = Rules::read(&std::fs::read_to_string(places::workspace().join("deny.toml"))?)?;
    for (manifest, locked) in [("Cargo.toml", true), ("fuzz/Cargo.toml", false)] {
        let told = cargo()
            .args(["metadata", "--format-version", "1", "--manifest-path", manifest])
            .args(locked.then_some("--locked"))
            .output()
            .context("cannot run cargo")?;
        ensure!(told.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&told.stderr));
        let metadata: Value = serde_json::from_slice(&told.stdout)?;
        let wrong = rules.violations(&metadata);
        ensure!(
            wrong.is_empty(),
            "{manifest} has dependencies that deny.toml does not allow: {}",
            wrong.join("; ")
        );
        for (name, versions) in several(&metadata) {
            println!("== warning: {manifest} has {name} in several versions: {}", versions.join(", "));
        }
    }
    if !cargo().args(["deny", "--version"]).output().is_ok_and(|output| output.status.success()) {
        println!(
            "== advisories: not checked, as cargo-deny is not installed (cargo install --locked cargo-deny)"
        );
        return Ok(());
    }
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let deny = |checks: &[&str]| {
            cargo()
                .args(["deny", "--manifest-path", manifest, "check", "--config"])
                .arg(places::workspace().join("deny.toml"))
                .args(checks)
                .status()
        };
        ensure!(deny(&["licenses", "bans", "sources"])?.success(), "cargo deny: failed for {manifest}");
        // Its database is fetched, which may not be possible.
        if !deny(&["advisories"])?.success() {
            println!("== advisories: cargo deny found some, or could not fetch its database: see above");
        }
    }
    Ok(())
}

/// What dependencies may be.
#[derive(Debug, Default)]
struct Rules {
    licences: Vec<String>,
    /// More licences, for one package.
    exceptions: Vec<(String, Vec<String>)>,
    /// Packages that must not be used.
    banned: Vec<String>,
    /// Where packages may come from.
    registries: Vec<String>,
}

impl Rules {
    fn read(text: &str) -> Result<Rules> {
        let rules: DocumentMut = text.parse().context("deny.toml is not what it should be")?;
        let strings = |value: Option<&toml_edit::Item>| -> Vec<String> {
            let list = value.and_then(|value| value.as_array()).into_iter().flatten();
            list.filter_map(|value| {
                let inside = value.as_inline_table().and_then(|table| table.get("crate"));
                inside.unwrap_or(value).as_str().map(str::to_owned)
            })
            .collect()
        };
        let at = |section: &str, key: &str| strings(rules.get(section).and_then(|section| section.get(key)));
        let exceptions = rules.get("licenses").and_then(|section| section.get("exceptions"));
        let exceptions = exceptions.and_then(|list| list.as_array()).into_iter().flatten();
        let rules = Rules {
            licences: at("licenses", "allow"),
            exceptions: exceptions
                .filter_map(|exception| {
                    let exception = exception.as_inline_table()?;
                    let allowed = exception.get("allow")?.as_array()?.iter();
                    let allowed = allowed.filter_map(|name| Some(name.as_str()?.to_owned())).collect();
                    Some((exception.get("crate")?.as_str()?.to_owned(), allowed))
                })
                .collect(),
            banned: at("bans", "deny"),
            registries: at("sources", "allow-registry"),
        };
        ensure!(!rules.licences.is_empty() && !rules.registries.is_empty(), "deny.toml allows nothing");
        Ok(rules)
    }

    /// What is wrong with packages, as cargo describes them.
    fn violations(&self, metadata: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        for package in packages(metadata) {
            let name = package["name"].as_str().unwrap_or("?");
            let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
            let Some(source) = package["source"].as_str() else {
                // The workspace's own. Whoever takes any version takes one that nobody has tried.
                wrong.extend(
                    dependencies
                        .iter()
                        .filter(|dependency| dependency["req"] == "*" && dependency["path"].is_null())
                        .map(|dependency| format!("{name} takes any version of {}", dependency["name"])),
                );
                continue;
            };
            let is_known = |registry: &String| source.strip_prefix("registry+") == Some(registry);
            if !self.registries.iter().any(is_known) {
                wrong.push(format!("{name} is from {source}"));
            }
            if self.banned.iter().any(|banned| banned == name) {
                wrong.push(format!("{name} is banned"));
            }
            let licence = package["license"].as_str().unwrap_or("");
            let own = self.exceptions.iter().filter(|(package, _)| package == name);
            let allowed: Vec<String> =
                self.licences.iter().chain(own.flat_map(|(_, licences)| licences)).cloned().collect();
            if !is_allowed(licence, &allowed) {
                wrong.push(format!("{name} is under `{licence}`"));
            }
        }
        wrong
    }
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().map_or(&[][..], Vec::as_slice)
}

/// Packages that are there in more than one version.
fn several(metadata: &Value) -> Vec<(&str, Vec<&str>)> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages(metadata) {
        if let (Some(name), Some(version)) = (package["name"].as_str(), package["version"].as_str()) {
            versions.entry(name).or_default().push(version);
        }
    }
    versions.into_iter().filter(|(_, versions)| versions.len() > 1).collect()
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
        let allowed = ["MIT", "Zlib"].map(str::to_owned);
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
    }

    #[test]
    fn packages_are_held_against_the_rules() {
        let rules = Rules::read(
            "[licenses]\nallow = [\"MIT\", \"Zlib\"]\nexceptions = [{ allow = [\"NCSA\"], crate = \"fuzzer\" }]\n\
             [bans]\ndeny = [\"plain\", { crate = \"openssl-sys\", reason = \"x\" }]\n\
             [sources]\nallow-registry = [\"r\"]\n",
        )
        .unwrap();
        let metadata = serde_json::json!({ "packages": [
            { "name": "own", "source": null, "license": "none", "dependencies": [
                { "name": "mine", "req": "*", "path": "/x" },
                { "name": "any", "req": "*", "path": null },
                { "name": "some", "req": "^1", "path": null },
            ] },
            { "name": "fine", "source": "registry+r", "license": "MIT", "version": "1.0.0" },
            { "name": "fine", "source": "registry+r", "license": "MIT", "version": "2.0.0" },
            { "name": "odd", "source": "git+r", "license": "GPL-3.0" },
            { "name": "other", "source": "registry+s", "license": "Zlib" },
            { "name": "fuzzer", "source": "registry+r", "license": "MIT AND NCSA" },
            { "name": "alike", "source": "registry+r", "license": "MIT AND NCSA" },
            { "name": "openssl-sys", "source": "registry+r", "license": "MIT" },
            { "name": "plain", "source": "registry+r", "license": "MIT" },
        ] });
        let expected = [
            "own takes any version of \"any\"",
            "odd is from git+r",
            "odd is under `GPL-3.0`",
            "other is from registry+s",
            "alike is under `MIT AND NCSA`",
            "openssl-sys is banned",
            "plain is banned",
        ];
        assert_eq!(rules.violations(&metadata), expected);
        assert_eq!(several(&metadata), [("fine", vec!["1.0.0", "2.0.0"])]);
        assert!(Rules::read("[licenses]\nallow = [\"MIT\"]\n").is_err());
        assert!(Rules::read("[licenses").is_err());
    }

    #[test]
    fn the_rules_of_the_project_can_be_read() {
        let text = std::fs::read_to_string(places::workspace().join("deny.toml")).unwrap();
        let rules = Rules::read(&text).unwrap();
        assert!(rules.licences.iter().any(|licence| licence == "MIT") && !rules.banned.is_empty());
    }
}

//! The scenarios: programs under `testdata/scenarios` that leave known values in their heap.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use test_support::scenarios::facts::Facts;

use crate::{node_release, places};

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// The program is `NAME.js`, its facts `NAME.expected.json`, its packages, if any, `NAME.packages.json`.
    pub name: &'static str,
    /// Options of Node.js that it needs.
    pub node_options: &'static [&'static str],
    /// V8 can write a heap snapshot of it in bearable time on every line.
    pub snapshot: bool,
    /// It makes garbage behind the snapshot, which the core holds.
    pub leaves_garbage: bool,
    /// The program can be asked for its own values: `verify.js NAME`.
    pub verifiable: bool,
    /// Part of the matrix.
    pub in_matrix: bool,
    /// Part of `cargo xtask matrix --quick`.
    pub quick: bool,
}

/// Every scenario.
pub const SCENARIOS: &[Scenario] = &[
    quick("leak"),
    Scenario { verifiable: true, ..quick("kinds") },
    quick("workers"),
    full("internals"),
    Scenario { verifiable: true, ..quick("exotic") },
    Scenario { verifiable: true, ..quick("scopes") },
    full("modules"),
    Scenario { snapshot: false, verifiable: true, ..quick("memory") },
    quick("server"),
    full("compiler"),
    Scenario { node_options: &["--concurrent-recompilation-delay=1000000"], ..quick("jobs") },
    Scenario { leaves_garbage: true, ..quick("contexts") },
    quick("retained"),
    Scenario { verifiable: true, ..outside_matrix("census") },
    Scenario { verifiable: true, ..outside_matrix("archive") },
    outside_matrix("growth"),
    outside_matrix("natives"),
    Scenario { snapshot: false, ..outside_matrix("big") },
];

/// A scenario of the matrix, its short form too.
const fn quick(name: &'static str) -> Scenario {
    Scenario { quick: true, ..full(name) }
}

/// A scenario of the whole matrix only.
const fn full(name: &'static str) -> Scenario {
    Scenario { in_matrix: true, ..outside_matrix(name) }
}

const fn outside_matrix(name: &'static str) -> Scenario {
    Scenario {
        name,
        node_options: &[],
        snapshot: true,
        leaves_garbage: false,
        verifiable: false,
        in_matrix: false,
        quick: false,
    }
}

const fn leak(name: &'static str) -> Scenario {
    Scenario { snapshot: false, ..outside_matrix(name) }
}

/// The programs that leak, one in each classic way: see `leaks.rs`. They state their own facts.
pub const LEAKS: &[Scenario] = &[
    leak("leaks/listener"),
    leak("leaks/modulecache"),
    leak("leaks/timer"),
    leak("leaks/promise"),
    leak("leaks/mapcache"),
    leak("leaks/asyncstore"),
    leak("leaks/bufferslice"),
    leak("leaks/handle"),
    leak("leaks/unanswered"),
    leak("leaks/text"),
    leak("leaks/lists"),
    leak("leaks/canvas"),
];

/// Small programs that leak in further ways, and need no packages: see `leaks.rs`.
pub const SMALL_LEAKS: &[Scenario] = &[
    leak("leaks-small/unusedclosure"),
    leak("leaks-small/storetimers"),
    leak("leaks-small/registry"),
    leak("leaks-small/weakmap"),
    leak("leaks-small/unsettled"),
    leak("leaks-small/inworker"),
    leak("leaks-small/memoize"),
    leak("leaks-small/failures"),
    leak("leaks-small/backlog"),
    leak("leaks-small/linkedqueue"),
    leak("leaks-small/exithandler"),
    leak("leaks-small/generator"),
    leak("leaks-small/proxies"),
    leak("leaks-small/statics"),
    leak("leaks-small/privatefield"),
    leak("leaks-small/loggers"),
    leak("leaks-small/abortsignal"),
    leak("leaks-small/marks"),
    leak("leaks-small/regexps"),
    leak("leaks-small/jsontexts"),
    leak("leaks-small/compiled"),
    leak("leaks-small/bloburls"),
    leak("leaks-small/deflates"),
    leak("leaks-small/histograms"),
    leak("leaks-small/slices"),
    leak("leaks-small/slicelists"),
    leak("leaks-small/headers"),
    leak("leaks-small/weakvalues"),
    leak("leaks-small/unreadstacks"),
    leak("leaks-small/agentlisteners"),
    leak("leaks-small/vmcontexts"),
    leak("leaks-small/keepalive"),
    leak("leaks-small/asyncids"),
    leak("leaks-small/rerequire"),
    leak("leaks-small/formats"),
    leak("leaks-small/subscribers"),
    leak("leaks-small/weakrefs"),
    leak("leaks-small/reimport"),
    leak("leaks-small/ports"),
    leak("leaks-small/tlssockets"),
    leak("leaks-small/threads"),
];

/// Healthy services with real frameworks: see `services.rs`.
pub const SERVICES: &[Scenario] = &[
    leak("services/express"),
    leak("services/fastify"),
    leak("services/koa"),
    leak("services/hapi"),
    leak("services/graphql"),
    leak("services/socketio"),
    leak("services/websockets"),
    leak("services/logging"),
    leak("services/database"),
    leak("services/typescript"),
    leak("services/bundler"),
    leak("services/metrics"),
    leak("services/redis"),
];

/// A program full of text that means harm, and one that says itself what it waits for: they have no facts.
const OTHERS: &[Scenario] =
    &[leak("hostile"), leak("pending"), leak("leaks-small/unreadkinds"), leak("leaks-small/ropes")];

/// Deep in calls of every kind, with variables of every kind: see `calls.rs` and `locals.rs`. They say themselves where they are.
const STACKS: &[Scenario] = &[leak("stacks"), leak("locals")];

impl Scenario {
    /// The scenario of that name.
    pub fn find(name: &str) -> Result<Scenario> {
        let all =
            || SCENARIOS.iter().chain(LEAKS).chain(SMALL_LEAKS).chain(SERVICES).chain(OTHERS).chain(STACKS);
        match all().find(|scenario| scenario.name == name) {
            Some(scenario) => Ok(*scenario),
            None => {
                let names: Vec<_> = all().map(|scenario| scenario.name).collect();
                bail!("no scenario is called `{name}` (there are {})", names.join(", "))
            }
        }
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        places::scenarios().join(format!("{}.js", self.name))
    }

    /// What the program leaves in its heap; nothing for a scenario that only has its snapshot.
    pub fn facts(&self) -> Result<Facts> {
        let path = places::scenarios().join(format!("{}.expected.json", self.name));
        if !path.exists() {
            return Ok(Facts::default());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} does not hold facts", path.display()))
    }

    /// Options the program needs beyond those that hold.js knows: where its packages are.
    pub fn needed_options(&self) -> Result<Vec<String>> {
        // Of its own, or of the directory that it is in.
        let (name, manifest) = match self.name.split_once('/') {
            Some((directory, _)) => (directory, format!("{directory}/packages.json")),
            None => (self.name, format!("{}.packages.json", self.name)),
        };
        let manifest = places::scenarios().join(manifest);
        if !manifest.exists() {
            return Ok(Vec::new());
        }
        let packages = node_release::packages(name, &manifest)?;
        Ok(vec![format!("--packages={}", packages.display())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_scenario_has_its_program_and_readable_facts() {
        assert!(LEAKS.iter().chain(SMALL_LEAKS).chain(SERVICES).all(|scenario| scenario.program().is_file()));
        for scenario in SCENARIOS {
            assert!(scenario.program().is_file(), "{}", scenario.program().display());
            let facts = scenario.facts().unwrap();
            assert!(!facts.counts.is_empty() && facts.roots().next().is_some(), "{}", scenario.name);
        }
    }

    #[test]
    fn every_file_of_facts_belongs_to_a_scenario() {
        let names: BTreeSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        for entry in fs::read_dir(places::scenarios()).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            if let Some(name) = file.strip_suffix(".expected.json") {
                assert!(names.contains(name), "{file}");
            }
        }
    }
}

//! Compares two counts of the same heap by constructor, and tells expected differences from unexpected ones.
//!
//! The snapshot and the core are of one process but not of one instant: writing the snapshot is itself a call of
//! Node's JavaScript. What that call leaves behind is listed here, each with its reason and its limit, so that
//! nothing else can hide behind it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::testdata;

/// How many objects there are of each constructor name.
pub type Counts = BTreeMap<String, u64>;

/// A constructor of which the two counts differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Name of the constructor.
    pub constructor: String,
    /// Objects of it by V8's snapshot.
    pub truth: u64,
    /// Objects of it that the debugger found.
    pub found: u64,
    /// Why that is right; without one it is a mistake.
    pub reason: Option<String>,
}

/// A difference that is known and understood; read from `testdata/known-differences.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDifference {
    /// Major versions of Node.js; every one if empty.
    #[serde(default)]
    pub node: Vec<u32>,
    /// Scenarios; every one if empty.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// Name of the constructor.
    pub constructor: String,
    /// How many more (or, negative, fewer) objects the core holds: from here
    pub from: i64,
    /// … to here.
    pub to: i64,
    /// What those objects are.
    pub reason: String,
}

impl KnownDifference {
    fn covers(&self, node: u32, scenario: &str, difference: &Difference) -> bool {
        let more = i64::try_from(difference.found).unwrap_or(i64::MAX)
            - i64::try_from(difference.truth).unwrap_or(i64::MAX);
        (self.node.is_empty() || self.node.contains(&node))
            && (self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario))
            && self.constructor == difference.constructor
            && (self.from..=self.to).contains(&more)
    }
}

/// Every difference that is known.
///
/// # Errors
/// `testdata/known-differences.json` cannot be read.
pub fn known_differences() -> Result<Vec<KnownDifference>> {
    let path = testdata().join("known-differences.json");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no list of differences", path.display()))
}

/// What V8 calls the state of a call of an async function, and the debugger by the name of the function that makes async functions.
const ASYNC_FUNCTION: (&str, &str) = ("Generator", "AsyncFunction");

/// Counts in which the two names are one.
fn as_one(counts: &Counts) -> Counts {
    let mut counts = counts.clone();
    if let Some(calls) = counts.remove(ASYNC_FUNCTION.1) {
        *counts.entry(ASYNC_FUNCTION.0.to_owned()).or_default() += calls;
    }
    counts
}

/// Every constructor of which the counts differ, sorted by name.
pub fn compare(truth: &Counts, found: &Counts) -> Vec<Difference> {
    let (truth, found) = (&as_one(truth), &as_one(found));
    let names: std::collections::BTreeSet<_> = truth.keys().chain(found.keys()).collect();
    let of = |counts: &Counts, name: &String| counts.get(name).copied().unwrap_or(0);
    names
        .into_iter()
        .map(|name| Difference {
            constructor: name.clone(),
            truth: of(truth, name),
            found: of(found, name),
            reason: None,
        })
        .filter(|difference| difference.truth != difference.found)
        .collect()
}

/// Objects that V8 makes to write a snapshot, for each isolate at most, and drops: a buffer for the file with its array, and on
/// Node.js 26 a function of a worker thread. The snapshot lists them, as they are in use just then.
const LEFT_BY_SNAPSHOT: [(&str, u64); 3] = [("ArrayBuffer", 1), ("Uint8Array", 1), ("Function", 1)];

/// What is said to be garbage, but cannot be: V8 collects all garbage before it writes a snapshot of each of `isolates`.
pub fn wrong_garbage(garbage: &Counts, isolates: u64) -> Vec<String> {
    let most =
        |name: &str| LEFT_BY_SNAPSHOT.iter().find(|(own, _)| *own == name).map_or(0, |(_, most)| *most);
    let wrong = garbage.iter().filter(|(name, count)| **count > isolates * most(name));
    wrong.map(|(name, count)| format!("{count} {name} are alive by V8, and garbage by the core")).collect()
}

/// Gives the differences their reason that come of a collection behind the snapshots of `isolates`, which takes what V8 had made to
/// write them.
pub fn explain_collected(differences: &mut [Difference], isolates: u64) {
    for difference in differences.iter_mut().filter(|difference| difference.found < difference.truth) {
        let most = LEFT_BY_SNAPSHOT.iter().find(|(name, _)| *name == difference.constructor);
        if most.is_some_and(|(_, most)| difference.truth - difference.found <= isolates * most) {
            difference.reason =
                Some("V8 makes it to write a snapshot, and has collected it since".to_owned());
        }
    }
}

/// What V8 calls an object after the C++ object that Node.js ties to it, and the constructors that such an object has.
const NAMED_AFTER_WRAPPED: [(&str, &[&str]); 2] =
    [("Node / ContextifyContext", &["Object"]), ("Node / ContextifyScript", &["Script", "ContextifyScript"])];

/// What V8 calls an object of workerd that a C++ object is tied to: by the name of that, up to V8 13 by that of the node of it.
pub const TIED: [&str; 2] = ["CppgcShim", "InternalNode"];

/// Gives all differences their reason if they come of V8's calling objects of workerd after the C++ objects that are tied to them: as many
/// as have such a name must be found under the names of their constructors.
pub fn explain_tied(differences: &mut [Difference]) {
    let more = |one: &Difference| i128::from(one.found) - i128::from(one.truth);
    let is_tied = |one: &Difference| TIED.contains(&&*one.constructor) && one.found == 0;
    let balance: i128 = differences.iter().map(more).sum();
    if balance == 0 && differences.iter().all(|one| is_tied(one) || more(one) > 0) {
        for difference in differences {
            difference.reason =
                Some("V8 calls an object after the C++ object that workerd ties to it".to_owned());
        }
    }
}

/// Objects of a page of Chromium that V8 tells as what is behind them, by name, and how many more there are than it counts: a channel, a
/// URL and a window as nodes of native memory, and a window after its address.
const TOLD_AS_NATIVE: [(&str, i128); 4] =
    [("MessageChannel", 1), ("URL", 1), ("Window", 2), (ADDRESSED_WINDOW, -1)];
const ADDRESSED_WINDOW: &str = "Window / ://";

/// Gives the differences their reason that come of V8's telling objects of a page as the C++ objects behind them: exactly those of `kinds`.
pub fn explain_merged(differences: &mut [Difference]) {
    if !differences.iter().any(|difference| difference.constructor == ADDRESSED_WINDOW) {
        return;
    }
    for difference in differences {
        let more = i128::from(difference.found) - i128::from(difference.truth);
        if TOLD_AS_NATIVE.contains(&(&*difference.constructor, more)) {
            difference.reason = Some("V8 tells an object of a page as the C++ object behind it".to_owned());
        }
    }
}

/// Gives the differences their reason that come of V8's calling objects after C++ objects: as many as have such a name must be
/// found under the names of their constructors, no more and no fewer.
pub fn explain_wrapped(differences: &mut [Difference]) {
    for (wrapped, own) in NAMED_AFTER_WRAPPED {
        let more = |difference: &Difference| i128::from(difference.found) - i128::from(difference.truth);
        let is_of = |difference: &Difference| {
            difference.constructor == wrapped || own.contains(&&*difference.constructor)
        };
        let balance: i128 = differences.iter().filter(|difference| is_of(difference)).map(more).sum();
        let named =
            differences.iter().any(|difference| difference.constructor == wrapped && difference.found == 0);
        if named && balance == 0 {
            for difference in differences.iter_mut().filter(|difference| is_of(difference)) {
                difference.reason =
                    Some(format!("V8 calls an object {wrapped} after the C++ object that Node ties to it"));
            }
        }
    }
}

/// Gives each difference that is known its reason.
pub fn explain(differences: &mut [Difference], node: u32, scenario: &str, known: &[KnownDifference]) {
    for difference in differences {
        difference.reason = known
            .iter()
            .find(|entry| entry.covers(node, scenario, difference))
            .map(|entry| entry.reason.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(entries: &[(&str, u64)]) -> Counts {
        entries.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn finds_differences_on_both_sides() {
        let differences =
            compare(&counts(&[("A", 1), ("B", 2), ("C", 3)]), &counts(&[("A", 1), ("B", 3), ("D", 4)]));
        let rows: Vec<_> = differences.iter().map(|d| (d.constructor.as_str(), d.truth, d.found)).collect();
        assert_eq!(rows, [("B", 2, 3), ("C", 3, 0), ("D", 0, 4)]);
    }

    #[test]
    fn only_what_a_snapshot_leaves_behind_is_garbage_behind_it() {
        let left = counts(&[("ArrayBuffer", 1), ("Uint8Array", 1)]);
        assert!(wrong_garbage(&left, 1).is_empty());
        assert_eq!(wrong_garbage(&counts(&[("ArrayBuffer", 3)]), 2).len(), 1);
        assert_eq!(wrong_garbage(&counts(&[("Session", 1)]), 2).len(), 1);
    }

    #[test]
    fn only_what_a_snapshot_left_may_be_collected_behind_it() {
        let truth = counts(&[("ArrayBuffer", 5), ("Session", 5)]);
        let explained = |found: &[(&str, u64)]| {
            let mut differences = compare(&truth, &counts(found));
            explain_collected(&mut differences, 2);
            differences.iter().all(|difference| difference.reason.is_some())
        };
        assert!(explained(&[("ArrayBuffer", 3), ("Session", 5)]));
        assert!(!explained(&[("ArrayBuffer", 2), ("Session", 5)]));
        assert!(!explained(&[("ArrayBuffer", 6), ("Session", 5)]));
        assert!(!explained(&[("ArrayBuffer", 5), ("Session", 4)]));
    }

    #[test]
    fn what_v8_calls_after_its_wrapped_object_is_found_under_its_constructor() {
        let truth = counts(&[("Node / ContextifyScript", 2), ("Script", 1), ("Object", 5)]);
        let explained = |found: &[(&str, u64)]| {
            let mut differences = compare(&truth, &counts(found));
            explain_wrapped(&mut differences);
            differences.iter().all(|difference| difference.reason.is_some())
        };
        assert!(explained(&[("Script", 2), ("ContextifyScript", 1), ("Object", 5)]));
        assert!(!explained(&[("Script", 2), ("Object", 5)]));
        assert!(!explained(&[("Script", 2), ("ContextifyScript", 1), ("Object", 6)]));
    }

    #[test]
    fn a_reason_holds_only_within_its_limits() {
        let known = KnownDifference {
            node: vec![22],
            scenarios: vec![],
            constructor: "B".into(),
            from: 1,
            to: 1,
            reason: "the path of the snapshot".into(),
        };
        let explained = |node, found| {
            let mut differences = compare(&counts(&[("B", 2)]), &counts(&[("B", found)]));
            explain(&mut differences, node, "kinds", std::slice::from_ref(&known));
            differences[0].reason.is_some()
        };
        assert!(explained(22, 3));
        assert!(!explained(22, 4));
        assert!(!explained(22, 1));
        assert!(!explained(24, 3));
    }
}

//! What a debugger says of a core, held against what the program left in it. Each thing that is wrong becomes a line
//! that names it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::debugger::{self, Debugger, Group};
use super::facts::{self, Facts, Shape};

/// Levels that `::jsprint` descends: deeper than any fact.
const DEPTH: u32 = 8;

/// Classes of which no object goes by its class, with the tag that all go by then. Whether V8 calls them so is told by its own counts, with
/// which those of each name are compared.
fn called_by_tag<'a>(facts: &'a Facts, groups: &[Group]) -> BTreeMap<&'a str, &'a str> {
    let is_missing = |class: &str| groups.iter().all(|group| group.constructor != class);
    let tags = facts.tags.iter().filter(|(class, _)| is_missing(class));
    tags.map(|(class, tag)| (&**class, &**tag)).collect()
}

/// The populations that the program says it made.
pub fn check_populations(facts: &Facts, groups: &[Group], failures: &mut Vec<String>) {
    let found = debugger::counts(groups);
    let by_tag = called_by_tag(facts, groups);
    for (constructor, expected) in &facts.counts {
        let tag = by_tag.get(&**constructor);
        let found = found.get(*tag.unwrap_or(&&**constructor)).copied().unwrap_or(0);
        // Of a tag there are others, which V8's own counts tell.
        if found != *expected && (tag.is_none() || found < *expected) {
            failures.push(format!("{constructor}: the program made {expected}, found {found}"));
        }
    }
    let mut shapes: BTreeMap<String, u64> = BTreeMap::new();
    for group in groups.iter().filter(|group| group.constructor == "Object") {
        *shapes.entry(group.properties.join(",")).or_default() += group.count;
    }
    for (properties, expected) in &facts.shapes {
        let found = shapes.get(properties).copied().unwrap_or(0);
        if found != expected.made + expected.literals {
            let Shape { made, literals } = expected;
            failures.push(format!(
                "{{{properties}}}: the program made {made} from {literals} literals, found {found}"
            ));
        }
    }
}

/// Prints every value that there is a fact of. Returns how many agree.
///
/// # Errors
/// The debugger cannot be run, or ends before it has answered.
pub fn check_values(
    debugger: &Debugger,
    facts: &Facts,
    groups: &[Group],
    failures: &mut Vec<String>,
) -> Result<usize> {
    // Facts that hold since some line of Node.js; another embedder may stand for none.
    let of_lines = facts.roots().any(|(_, values)| values.values().any(|fact| fact["since"].is_u64()));
    let node = if of_lines { node_line(debugger)? } else { 0 };
    let (mut lines, mut wanted) = (Vec::new(), Vec::new());
    let by_tag = called_by_tag(facts, groups);
    for (constructor, values) in facts.roots() {
        let root = groups.iter().find(|group| group.constructor == constructor);
        let Some(root) = root else {
            failures.push(format!("no {constructor}, from which the values are reached"));
            continue;
        };
        for (path, fact) in values.iter().filter(|(_, fact)| facts::is_of(fact, node)) {
            for (member, fact) in facts::members(path, fact) {
                lines.push(format!("{}::jsprint -d {DEPTH} {}", root.object, quoted(&member)));
                wanted.push((member, facts::tagged(fact, &by_tag)));
            }
        }
    }
    let answers = debugger.session(&lines)?;
    let mut right = 0;
    for ((member, fact), answer) in wanted.iter().zip(&answers) {
        match facts::check(fact, answer) {
            Ok(()) => right += 1,
            Err(error) => failures.push(format!("{member}: {error:#}")),
        }
    }
    Ok(right)
}

/// Major version of the Node.js that left the core; beyond all of them if it was another program, which has what its V8 has.
fn node_line(debugger: &Debugger) -> Result<u64> {
    let status = debugger.evaluate("::status")?;
    let version = status.lines().find_map(|line| line.strip_prefix("Node.js version: ").map(str::to_owned));
    let info = debugger.evaluate("::nodeinfo").unwrap_or_default();
    if version.is_none() && info.contains("there is no process object in the heap") {
        return Ok(u64::MAX);
    }
    // Another embedder stands for one.
    let stands_for = info.split_once("stands for Node.js v").map(|(_, version)| version.to_owned());
    let major = version.or(stands_for).and_then(|version| version.split('.').next()?.parse().ok());
    major.with_context(|| format!("::status names no version of Node.js: {status}"))
}

/// As an argument of a dcmd: a path with a quoted name in it is itself quoted.
fn quoted(member: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '[' | ']' | '_' | '#');
    if member.chars().all(is_plain) { member.to_owned() } else { format!("\"{member}\"") }
}

/// The descriptions of V8's classes fit every word of the heap, and every type is known by name.
///
/// # Errors
/// The debugger does not run.
pub fn check_classes(debugger: &Debugger, failures: &mut Vec<String>) -> Result<()> {
    let answers = debugger.session(&["::v8classes -c".to_owned()])?;
    // One line says how much was looked at; each further one is a contradiction.
    let text = answers.concat();
    failures.extend(text.lines().skip(1).map(|line| format!("class descriptions: {line}")));
    if !text.contains(" words, ") {
        failures.push(format!("class descriptions could not be checked: {text}"));
    }
    Ok(())
}

/// `::status` says what the walk over the heap found: no gap, and pages that are what their flags say.
///
/// # Errors
/// The debugger cannot be run.
pub fn check_status(debugger: &Debugger, failures: &mut Vec<String>) -> Result<()> {
    let status = debugger.evaluate("::status")?;
    let self_check: Vec<_> =
        status.lines().filter(|line| line.trim_start().starts_with("self-check")).collect();
    if !self_check.iter().any(|line| line.contains("no gap")) {
        failures.push(format!("::status does not say that there is no gap, but: {}", self_check.join("; ")));
    }
    if let Some(odd) = self_check.iter().find(|line| line.contains("flags")) {
        failures.push(format!("::status says: {odd}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(constructor: &str, count: u64, properties: &[&str]) -> Group {
        let properties = properties.iter().map(|name| (*name).to_owned()).collect();
        Group { object: "0x1".into(), count, constructor: constructor.into(), properties }
    }

    #[test]
    fn populations_are_added_up_over_groups() {
        let facts = Facts {
            counts: [("P".to_owned(), 3), ("Q".to_owned(), 1)].into(),
            shapes: [("a,b".to_owned(), Shape { made: 5, literals: 1 })].into(),
            ..Facts::default()
        };
        let groups = [group("P", 1, &["x"]), group("P", 2, &["x", "y"]), group("Object", 4, &["a", "b"])];
        let tagged = |counts: &[(&str, u64)]| {
            let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
            let facts = Facts { counts, tags: [("T".to_owned(), "P".to_owned())].into(), ..Facts::default() };
            let mut failures = Vec::new();
            check_populations(&facts, &groups, &mut failures);
            failures
        };
        assert!(tagged(&[("T", 2)]).is_empty(), "they are among the three by its tag");
        assert_eq!(tagged(&[("T", 4)]), ["T: the program made 4, found 3"]);
        let mut failures = Vec::new();
        check_populations(&facts, &groups, &mut failures);
        assert_eq!(
            failures,
            ["Q: the program made 1, found 0", "{a,b}: the program made 5 from 1 literals, found 4"]
        );
    }
}

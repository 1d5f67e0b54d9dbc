//! What functions have captured and where they are defined, held against what the program says of them.
//! testdata/README.md describes the facts.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::debugger::{Debugger, Group};
use super::facts::{self, Facts};

/// Levels that `::jsclosure` descends: deeper than any fact.
const DEPTH: u32 = 8;

/// One scope of a function, all its variables.
#[derive(Debug, Clone, Deserialize)]
pub struct ScopeFact {
    /// `block`, `function makeTicks`
    pub scope: String,
    /// Exactly these.
    pub variables: Map<String, Value>,
}

/// A definition and its closures.
#[derive(Debug, Clone, Deserialize)]
pub struct FunctionFact {
    /// How many there are.
    pub closures: u64,
    /// Text that only the line has in which the definition begins.
    pub at: String,
}

/// A function of a script that was built from other sources.
#[derive(Debug, Clone, Deserialize)]
pub struct BuiltFact {
    /// Its name there; `null` if the map does not tell.
    pub name: Option<String>,
    /// End of the path of the source.
    pub file: String,
    /// The line of the source in which it begins, without blanks around it.
    pub line: String,
    /// Variables by their names there.
    pub variables: Map<String, Value>,
}

/// A variable as `::jsclosure` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: String,
    /// What it was called before the script was built.
    original: Option<String>,
    /// Its value, without addresses.
    value: String,
}

/// Checks all that the facts say of functions. Returns how many statements were compared.
///
/// # Errors
/// The debugger cannot be run, or ends before it has answered.
pub fn check(
    debugger: &Debugger,
    facts: &Facts,
    groups: &[Group],
    failures: &mut Vec<String>,
) -> Result<usize> {
    let Some((constructor, _)) = facts.roots().next() else { return Ok(0) };
    let Some(root) = groups.iter().find(|group| group.constructor == constructor) else { return Ok(0) };
    let mut compared = 0;
    // Variables of scripts are looked up from any function.
    let of_scripts = facts.closures.keys().next().filter(|_| !facts.script.is_empty());
    let mut wanted: Vec<(&String, &Map<String, Value>)> = facts.closures.iter().collect();
    wanted.extend(of_scripts.map(|path| (path, &facts.script)));
    let paths: Vec<&String> = wanted.iter().map(|(path, _)| *path).chain(facts.scopes.keys()).collect();
    let addresses = addresses_of(debugger, root, &paths)?;
    let (of_closures, of_scopes) = addresses.split_at(wanted.len());
    let closures = wanted.iter().zip(of_closures).map(|((_, variables), address)| {
        let names: Vec<&str> = variables.keys().map(String::as_str).collect();
        format!("{address}::jsclosure -d {DEPTH} {}", names.join(" "))
    });
    let scopes = of_scopes.iter().map(|address| format!("{address}::jsclosure -a -d {DEPTH}"));
    let answers = debugger.session(&closures.chain(scopes).collect::<Vec<_>>())?;
    let (closures, scopes) = answers.split_at(wanted.len());
    for ((path, variables), printed) in wanted.into_iter().zip(closures) {
        compared += compare(path, &variables_of(printed)?, variables, failures);
    }
    for ((path, expected), printed) in facts.scopes.iter().zip(scopes) {
        compared += check_scopes(path, printed, expected, failures)?;
    }
    Ok(compared)
}

/// Checks the functions that were built from sources below `directory`. Returns how many statements were compared.
///
/// # Errors
/// The debugger cannot be run, or a source cannot be read.
pub fn check_built(
    debugger: &Debugger,
    facts: &Facts,
    groups: &[Group],
    directory: &Path,
    failures: &mut Vec<String>,
) -> Result<usize> {
    let Some((constructor, _)) = facts.roots().next() else { return Ok(0) };
    let Some(root) = groups.iter().find(|group| group.constructor == constructor) else { return Ok(0) };
    let mut compared = 0;
    let paths: Vec<&String> = facts.built.keys().collect();
    for ((path, fact), address) in facts.built.iter().zip(addresses_of(debugger, root, &paths)?) {
        let file = directory.join(&fact.file);
        let source =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let line = source.lines().position(|line| line.trim() == fact.line).map_or(0, |line| line + 1);
        let name = fact.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
        let expected = format!("built from {name}{} line {line}", file.display());
        let answer = debugger.evaluate(&format!("{address}::jsfunction -m"))?;
        let found = answer.lines().last().unwrap_or_default();
        if found != expected {
            failures.push(format!("{path}: expected `{expected}`, found `{found}`"));
        }
        let shown = debugger.evaluate(&format!("{address}::jssource -m -n 0"))?;
        let first = shown.lines().nth(1).unwrap_or_default().trim_start();
        if first.strip_prefix(&line.to_string()).map(str::trim) != Some(&fact.line) {
            failures.push(format!("{path}: expected `{}` on line {line}, found `{first}`", fact.line));
        }
        let printed = debugger.evaluate(&format!("{address}::jsclosure -m -d {DEPTH}"))?;
        let mut variables = variables_of(&printed)?;
        for variable in &mut variables {
            if let Some(original) = variable.original.take() {
                variable.name = original;
            }
        }
        variables.retain(|variable| fact.variables.contains_key(&variable.name));
        compared += 2 + compare(path, &variables, &fact.variables, failures);
    }
    Ok(compared)
}

/// Checks how many closures definitions have, and on which lines of the program they begin. Returns how many definitions were
/// compared.
///
/// # Errors
/// The debugger cannot be run.
pub fn check_functions(
    debugger: &Debugger,
    facts: &Facts,
    program: &Path,
    failures: &mut Vec<String>,
) -> Result<usize> {
    if facts.functions.is_empty() {
        return Ok(0);
    }
    let source = std::fs::read_to_string(program)?;
    let file = program.file_name().unwrap_or_default().to_string_lossy();
    let printed = debugger.evaluate(&format!("::jsfunctions -s {file}"))?;
    for (name, fact) in &facts.functions {
        let lines: Vec<usize> = source
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(&fact.at))
            .map(|(at, _)| at + 1)
            .collect();
        ensure!(lines.len() == 1, "`{}` is on lines {lines:?} of {}", fact.at, program.display());
        let end = format!("/{file} line {}", lines[0]);
        let rows = printed.lines().filter(|row| row.ends_with(&end) && row.contains(&format!(" {name} ")));
        let closures: Vec<&str> = rows.filter_map(|row| row.split_whitespace().nth(1)).collect();
        if closures != [fact.closures.to_string()] {
            failures.push(format!("{name}{end}: expected {} closures, found {closures:?}", fact.closures));
        }
    }
    Ok(facts.functions.len())
}

/// The addresses of members of the root.
fn addresses_of(debugger: &Debugger, root: &Group, paths: &[&String]) -> Result<Vec<String>> {
    let lines: Vec<String> =
        paths.iter().map(|path| format!("{}::jsprint -a -d 0 {path}", root.object)).collect();
    let answers = debugger.session(&lines)?;
    let address = |(path, printed): (&&String, &String)| {
        let found = printed.split_once(": ").with_context(|| format!("no address of {path}: {printed}"));
        Ok(found?.0.to_owned())
    };
    paths.iter().zip(&answers).map(address).collect()
}

/// Compares variables, exactly those of the facts. Returns how many.
fn compare(
    path: &str,
    found: &[Variable],
    expected: &Map<String, Value>,
    failures: &mut Vec<String>,
) -> usize {
    for (name, fact) in expected {
        match found.iter().find(|variable| variable.name == *name) {
            None => failures.push(format!("{path}: no variable {name}")),
            Some(variable) => {
                if let Err(reason) = check_variable(fact, &variable.value) {
                    failures.push(format!("{path}: {name}: {reason}"));
                }
            }
        }
    }
    for variable in found.iter().filter(|variable| !expected.contains_key(&variable.name)) {
        failures.push(format!("{path}: a variable {} that the program does not have", variable.name));
    }
    expected.len()
}

fn check_variable(fact: &Value, value: &str) -> Result<()> {
    match fact.as_str() {
        Some("<any>") => ensure!(!value.is_empty(), "nothing was printed"),
        // `<uninitialized>`, or a private name: `<#balance>`
        Some(text) if text == "<uninitialized>" || text.starts_with("<#") => {
            ensure!(text.trim_matches(['<', '>']) == value, "expected {text}, found {value}");
        }
        _ => facts::check(fact, value)?,
    }
    Ok(())
}

/// The innermost scopes, each exactly as its fact.
fn check_scopes(
    path: &str,
    printed: &str,
    expected: &[ScopeFact],
    failures: &mut Vec<String>,
) -> Result<usize> {
    let mut scopes: Vec<(String, String)> = Vec::new();
    for line in printed.lines() {
        if line.starts_with(' ') {
            let (_, text) = scopes.last_mut().context("a variable in front of the first scope")?;
            text.push_str(line);
            text.push('\n');
        } else {
            let (heading, _) = line.split_once(", context ").with_context(|| format!("no scope: {line}"))?;
            scopes.push((heading.replace(" scope of ", " ").replace(" scope", ""), String::new()));
        }
    }
    let mut compared = 0;
    for (index, fact) in expected.iter().enumerate() {
        let Some((heading, text)) = scopes.get(index) else {
            failures.push(format!("{path}: no scope {index}"));
            continue;
        };
        if *heading != fact.scope {
            failures.push(format!("{path}: scope {index}: expected {}, found {heading}", fact.scope));
        }
        let place = format!("{path}, {} scope", fact.scope);
        compared += 1 + compare(&place, &variables_of(text)?, &fact.variables, failures);
    }
    Ok(compared)
}

/// What V8 up to 9.4 calls a variable of its own in the heap (`src/init/heap-symbols.h`), and what its parser and later versions call it.
const HOME_OF_STATICS: (&str, &str) = ("._static_home_object", ".static_home_object");

/// Takes apart what `::jsclosure` prints of one scope.
fn variables_of(printed: &str) -> Result<Vec<Variable>> {
    let mut variables: Vec<Variable> = Vec::new();
    for line in printed.lines() {
        let line = line.strip_prefix("    ").with_context(|| format!("not indented: {line}"))?;
        let line = without_addresses(line);
        let is_name = line.starts_with('"') && !variables.last().is_some_and(is_open);
        if !is_name {
            let last = variables.last_mut().with_context(|| format!("no variable: {line}"))?;
            last.value.push('\n');
            last.value.push_str(&line);
            continue;
        }
        let end = line[1..].find('"').with_context(|| format!("no name: {line}"))? + 2;
        let name: String = serde_json::from_str(&line[..end])?;
        let (original, value) = match line[end..].strip_prefix(" (") {
            Some(rest) => {
                let (original, value) =
                    rest.split_once("): ").context("no value behind the original name")?;
                (Some(original.to_owned()), value)
            }
            None => (None, line[end..].strip_prefix(": ").with_context(|| format!("no value: {line}"))?),
        };
        let name = if name == HOME_OF_STATICS.0 { HOME_OF_STATICS.1.to_owned() } else { name };
        variables.push(Variable { name, original, value: value.to_owned() });
    }
    Ok(variables)
}

/// Whether more lines of a value must follow: its braces are not closed at the start of a line.
fn is_open(variable: &Variable) -> bool {
    let first = variable.value.lines().next().unwrap_or_default();
    let closed = variable.value.lines().skip(1).any(|line| line.starts_with(['}', ']']));
    first.ends_with(['{', '[']) && !closed
}

/// A printed line without the addresses of its values: a hexadecimal number and a colon where a value begins, and those of the
/// functions of an accessor.
fn without_addresses(line: &str) -> String {
    let mut out = String::new();
    let (mut rest, mut quoted, mut at_value) = (line, false, true);
    while let Some(c) = rest.chars().next() {
        if !quoted
            && ["[Getter", "[Setter", "[Getter/Setter"].iter().any(|accessor| out.ends_with(accessor))
            && c == ' '
        {
            rest = &rest[rest.find(']').unwrap_or(rest.len())..];
            continue;
        }
        if at_value && !quoted {
            let digits = rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
            if digits > 0 && rest[digits..].starts_with(": ") {
                rest = &rest[digits + 2..];
                continue;
            }
        }
        if quoted && c == '\\' {
            let two: String = rest.chars().take(2).collect();
            rest = &rest[two.len()..];
            out += &two;
            continue;
        }
        quoted ^= c == '"';
        out.push(c);
        rest = &rest[c.len_utf8()..];
        at_value = !quoted
            && (c == ' '
                && (out.trim() == "" || out.ends_with(": ") || out.ends_with("=> ") || out.ends_with(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_read_back_without_their_addresses() {
        let printed = "    \"a\": 700000000: 7\n    \"o\": 2b1e1: {\n        \"x: y\": 2b1e5: \"1f: z\",\n    }\n    \"t\" (total): 12.5\n";
        let variables = variables_of(printed).unwrap();
        let found: Vec<_> = variables.iter().map(|v| (v.name.as_str(), v.value.as_str())).collect();
        assert_eq!(found, [("a", "7"), ("o", "{\n    \"x: y\": \"1f: z\",\n}"), ("t", "12.5")]);
        assert_eq!(variables[2].original.as_deref(), Some("total"));
    }

    #[test]
    fn scopes_are_compared_exactly() {
        let printed =
            "block scope, context 2b1e1:\n    \"i\": 300000000: 3\nfunction scope of f, context 2b1e5:\n";
        let fact = |scope: &str, variables: Value| {
            serde_json::from_value::<ScopeFact>(json!({ "scope": scope, "variables": variables })).unwrap()
        };
        let failures_of = |facts: &[ScopeFact]| {
            let mut failures = Vec::new();
            check_scopes("p", printed, facts, &mut failures).unwrap();
            failures
        };
        assert!(failures_of(&[fact("block", json!({ "i": 3 })), fact("function f", json!({}))]).is_empty());
        assert_eq!(failures_of(&[fact("block", json!({ "i": 4 }))]).len(), 1);
        assert_eq!(failures_of(&[fact("block", json!({}))]).len(), 1, "one too many");
        assert_eq!(failures_of(&[fact("catch", json!({ "i": 3, "j": 1 }))]).len(), 2);
    }
}

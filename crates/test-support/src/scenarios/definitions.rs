//! The functions of whole files, held against what an independent parser says of the same files
//! (`testdata/scenarios/definitions.js`), and against what the program says of itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::debugger::Debugger;

/// A function according to the parser. Positions are those of its source as the language gives it, in UTF-16 code units.
#[derive(Debug, Clone, Deserialize)]
pub struct Definition {
    /// Where it begins.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// Its name; empty if it has none.
    pub name: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
    /// Where it was before the file was built.
    pub original: Option<Original>,
}

/// A place in the sources of a file that was built.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Original {
    /// The source.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
}

/// The functions of files.
pub type Files = BTreeMap<String, Vec<Definition>>;

/// One line of `::jsfunctions -ajm`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    func: Option<String>,
    shared: String,
    name: String,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    start: Option<u32>,
    end: Option<u32>,
    kind: String,
    original_file: Option<String>,
    original_line: Option<u32>,
    original_column: Option<u32>,
}

impl Row {
    /// Whether the language has such a function, or only V8.
    fn is_written(&self) -> bool {
        !self.kind.ends_with("initializer") && self.kind != "CommonJS module"
    }

    fn declared_name(&self) -> &str {
        // A function without a name goes by the one that was inferred, or by its place: `(app.js:26:27)`.
        if self.name.starts_with("<anonymous>") || self.name.starts_with('(') { "" } else { &self.name }
    }

    fn original(&self) -> Option<Original> {
        let (file, line) = (self.original_file.clone()?, self.original_line?);
        Some(Original { file, line, column: self.original_column? })
    }

    /// What is different from the parser's view.
    fn check(&self, definitions: &[Definition]) -> Result<(), String> {
        let (Some(start), Some(end)) = (self.start, self.end) else { return Err("no range".to_owned()) };
        let Some(definition) = definitions.iter().find(|d| (d.start, d.end) == (start, end)) else {
            return Err(format!("the file has no function at [{start}, {end})"));
        };
        if self.declared_name() != definition.name {
            return Err(format!("it is called `{}`", definition.name));
        }
        if (self.line, self.column) != (Some(definition.line), Some(definition.column)) {
            return Err(format!("it is on line {} column {}", definition.line, definition.column));
        }
        if self.original() != definition.original {
            return Err(format!("it comes from {:?}, not {:?}", definition.original, self.original()));
        }
        Ok(())
    }
}

/// What was compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Functions: name, line, column and range.
    pub functions: usize,
    /// Of these, with a place in other sources.
    pub originals: usize,
    /// Sources that the program gave.
    pub texts: usize,
    /// Sources of all functions, cut from the files.
    pub cut: usize,
}

/// Compares every function of `files`; `texts` are sources of functions that the program had at hand.
///
/// # Errors
/// The debugger cannot be run, or a file cannot be read.
pub fn check(
    debugger: &Debugger,
    files: &Files,
    texts: &BTreeSet<String>,
    failures: &mut Vec<String>,
) -> Result<Compared> {
    let mut compared = Compared::default();
    let printed = debugger.evaluate("::jsfunctions -ajm")?;
    let mut rows = Vec::new();
    for line in printed.lines() {
        let row: Row = serde_json::from_str(line).with_context(|| format!("no function: {line}"))?;
        if let Some(definitions) = row.file.as_ref().and_then(|file| files.get(file))
            && row.is_written()
        {
            compared.functions += 1;
            match row.check(definitions) {
                Ok(()) => compared.originals += usize::from(row.original_file.is_some()),
                Err(reason) => failures.push(format!("{} of {:?}: {reason}", row.name, row.file)),
            }
        }
        // The others serve those texts of the program that are not from its files.
        if row.file.is_some() {
            rows.push(row);
        }
    }
    check_texts(debugger, &rows, files, texts, failures, &mut compared)?;
    Ok(compared)
}

/// The source of every function is what stands in its file; and every source that the program has is some function's.
fn check_texts(
    debugger: &Debugger,
    rows: &[Row],
    files: &Files,
    texts: &BTreeSet<String>,
    failures: &mut Vec<String>,
    compared: &mut Compared,
) -> Result<()> {
    let address = |row: &Row| row.func.clone().unwrap_or_else(|| row.shared.clone());
    let lines: Vec<String> = rows.iter().map(|row| format!("{}::jssource -r", address(row))).collect();
    let answers = debugger.session(&lines)?;
    let mut contents: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (row, answer) in rows.iter().zip(&answers) {
        // The mark behind an answer begins on a line of its own.
        let text = answer.strip_suffix('\n').unwrap_or(answer);
        found.insert(text.to_owned());
        let (Some(file), Some(start), Some(end)) = (&row.file, row.start, row.end) else { continue };
        // Of a class, the range is its constructor's, and the source is the class's.
        if row.kind == "class" || !row.is_written() || !files.contains_key(file) {
            continue;
        }
        if !contents.contains_key(file.as_str()) {
            let read = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
            contents.insert(file, read.trim_start_matches('\u{feff}').encode_utf16().collect());
        }
        let cut = contents[file.as_str()].get(start as usize..end as usize).map(String::from_utf16_lossy);
        compared.cut += 1;
        if cut.as_deref() != Some(text) {
            failures.push(format!("{} of {file}: its source is not what stands in the file", row.name));
        }
    }
    for text in texts {
        compared.texts += 1;
        if !found.contains(text) {
            let first = text.lines().next().unwrap_or_default();
            failures.push(format!("no function has the source that the program gives: {first}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            func: None,
            shared: "0x1".into(),
            name: "f".into(),
            file: Some("/a.js".into()),
            line: Some(2),
            column: Some(1),
            start: Some(10),
            end: Some(20),
            kind: "function".into(),
            original_file: None,
            original_line: None,
            original_column: None,
        }
    }

    #[test]
    fn every_difference_is_named() {
        let definition =
            Definition { start: 10, end: 20, name: "f".into(), line: 2, column: 1, original: None };
        assert_eq!(row().check(std::slice::from_ref(&definition)), Ok(()));
        let anonymous = Row { name: "<anonymous> (as x.f)".into(), ..row() };
        for (row, reason) in [
            (Row { start: Some(11), ..row() }, "no function at"),
            (Row { name: "g".into(), ..row() }, "is called `f`"),
            (anonymous, "is called `f`"),
            (Row { line: Some(3), ..row() }, "on line 2"),
            (
                Row {
                    original_file: Some("b".into()),
                    original_line: Some(1),
                    original_column: Some(1),
                    ..row()
                },
                "comes from None",
            ),
        ] {
            let error = row.check(std::slice::from_ref(&definition)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}

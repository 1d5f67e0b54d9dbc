//! `cargo xtask docs`: writes the documentation that is generated, or checks that what is there is up to date.
//!
//! Pages about dcmds come from the dcmds' own declarations. The command table of the README stands between two
//! marker lines; the rest of the README is written by hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::places;

/// Every file below this one is generated.
const GENERATED_DIRECTORY: &str = "docs/commands";

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let root = places::workspace();
    let pages = pages(&root)?;
    if !check {
        return write(&root, &pages);
    }
    let stale = stale(&root, &pages)?;
    ensure!(stale.is_empty(), "not up to date: {}; run `cargo xtask docs`", stale.join(", "));
    println!("{} generated pages are up to date", pages.len());
    Ok(())
}

/// Path below the root, and text.
fn pages(root: &Path) -> Result<Vec<(String, String)>> {
    let mut pages = shell::docs::render();
    let table = pages.iter().find(|(path, _)| path == "docs/commands/README.md");
    let table = table.map(|(_, text)| command_table(text)).unwrap_or_default();
    let readme = fs::read_to_string(root.join("README.md")).context("cannot read README.md")?;
    pages.push(("README.md".to_owned(), replace_marked(&readme, "commands", &table)?));
    Ok(pages)
}

/// The table rows of the command index, with links that hold from the root.
fn command_table(index: &str) -> String {
    let rows =
        index.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.replace("](", "](docs/commands/") + "\n").collect()
}

/// Puts `content` between `<!-- name:begin … -->` and `<!-- name:end -->`.
pub fn replace_marked(text: &str, name: &str, content: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}:begin"), format!("<!-- {name}:end"));
    let parts = text.find(&begin).and_then(|at| {
        let line_end = at + text[at..].find('\n')? + 1;
        Some((line_end, line_end + text[line_end..].find(&end)?))
    });
    let Some((from, to)) = parts else {
        bail!("no lines `{begin} … -->` and `{end} -->` to write between")
    };
    Ok(format!("{}{content}{}", &text[..from], &text[to..]))
}

fn write(root: &Path, pages: &[(String, String)]) -> Result<()> {
    for (path, text) in pages {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap_or(root))?;
        if fs::read_to_string(&file).is_ok_and(|old| old == *text) {
            continue;
        }
        fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
        println!("{path}");
    }
    for path in left_over(root, pages)? {
        fs::remove_file(root.join(&path))?;
        println!("{} removed", path.display());
    }
    Ok(())
}

fn stale(root: &Path, pages: &[(String, String)]) -> Result<Vec<String>> {
    let differs =
        |(path, text): &&(String, String)| fs::read_to_string(root.join(path)).ok().as_ref() != Some(text);
    let mut stale: Vec<_> = pages.iter().filter(differs).map(|(path, _)| path.clone()).collect();
    stale.extend(left_over(root, pages)?.into_iter().map(|path| path.display().to_string()));
    Ok(stale)
}

/// Pages of dcmds that no longer exist.
fn left_over(root: &Path, pages: &[(String, String)]) -> Result<Vec<PathBuf>> {
    let known: BTreeSet<_> = pages.iter().map(|(path, _)| Path::new(path).to_owned()).collect();
    let directory = root.join(GENERATED_DIRECTORY);
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let mut left_over = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = Path::new(GENERATED_DIRECTORY).join(entry?.file_name());
        if !known.contains(&path) {
            left_over.push(path);
        }
    }
    Ok(left_over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = "a\n<!-- t:begin: made -->\nold\n<!-- t:end -->\nb\n";
        let expected = "a\n<!-- t:begin: made -->\nnew\n<!-- t:end -->\nb\n";
        assert_eq!(replace_marked(text, "t", "new\n").unwrap(), expected);
        assert!(replace_marked("a\n", "t", "new\n").is_err());
    }

    #[test]
    fn links_of_the_table_hold_from_the_root() {
        let table = command_table(
            "# Commands\n\n| Command | |\n| --- | --- |\n| [`::x`](x.md) | y |\n\n# Walkers\n| no |\n",
        );
        assert_eq!(table, "| Command | |\n| --- | --- |\n| [`::x`](docs/commands/x.md) | y |\n");
    }
}

//! `cargo xtask docs`: writes the documentation that is generated, or checks that what is there is up to date.
//!
//! Pages about dcmds come from the dcmds' own declarations.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

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
    let pages = shell::docs::render();
    if !check {
        return write(&root, &pages);
    }
    let stale = stale(&root, &pages)?;
    ensure!(stale.is_empty(), "not up to date: {}; run `cargo xtask docs`", stale.join(", "));
    println!("{} generated pages are up to date", pages.len());
    Ok(())
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

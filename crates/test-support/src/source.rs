//! Reads the source of a crate as a house: which files it has, which of them name which, and whether that goes in circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Which files, or rooms, each names.
pub type Arrows = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// Every file below a folder, with its path from there.
///
/// # Errors
/// If it cannot be read.
pub fn sources(root: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).map_or_else(|_| path.clone(), Path::to_owned);
                found.push((name, fs::read_to_string(path)?));
            }
        }
    }
    Ok(found)
}

/// The lines of a file that are code and no test, numbered from 1.
pub fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    let lines = (1..).zip(lines).map(|(number, line)| (number, line.split("//").next().unwrap_or("")));
    lines.filter(|(_, line)| !line.trim().is_empty())
}

/// The files of a crate and what they name.
#[derive(Debug)]
pub struct House {
    arrows: Arrows,
}

impl House {
    /// Reads the crate whose source is below `root`. What is in `lib.rs` and `main.rs`, which hold all together, is left out.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(root: &Path) -> io::Result<House> {
        let files = sources(root)?;
        let names: BTreeSet<&Path> = files.iter().map(|(name, _)| name.as_path()).collect();
        let file_of = |path: &[String]| {
            (1..=path.len()).rev().find_map(|length| {
                let stem: PathBuf = path[..length].iter().collect();
                [stem.with_extension("rs"), stem.join("mod.rs")]
                    .into_iter()
                    .find(|file| names.contains(&**file))
            })
        };
        let mut arrows = Arrows::new();
        for (name, text) in &files {
            if name == Path::new("lib.rs") || name == Path::new("main.rs") {
                continue;
            }
            let mut module: Vec<String> =
                name.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            let named = named_paths(&module, text);
            let to = named.iter().filter_map(|path| file_of(path)).filter(|to| to != name).collect();
            arrows.insert(name.clone(), to);
        }
        Ok(House { arrows })
    }

    /// Which files each file names. That a file names the `mod.rs` of its own folder is left out: it may know the folder that it
    /// is in, and that what is in it.
    pub fn files(&self) -> Arrows {
        let mut arrows = self.arrows.clone();
        for (from, to) in &mut arrows {
            to.retain(|to| !(to.ends_with("mod.rs") && to.parent() == from.parent()));
        }
        arrows
    }

    /// The same of rooms: folders, and files beside the folders.
    pub fn rooms(&self) -> Arrows {
        let room = |file: &Path| file.iter().take(1).collect::<PathBuf>();
        let mut rooms = Arrows::new();
        for (from, to) in &self.arrows {
            let own = rooms.entry(room(from)).or_default();
            own.extend(to.iter().map(|to| room(to)).filter(|to| *to != room(from)));
        }
        rooms
    }
}

/// The paths from the root of the crate that code names: `crate::a::B`, those of `super`, and what braces stand for.
fn named_paths(module: &[String], text: &str) -> BTreeSet<Vec<String>> {
    let text: String = code(text).flat_map(|(_, line)| [line.trim(), " "]).collect();
    let mut named = BTreeSet::new();
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            let is_whole = !text[..at].ends_with(|last: char| last.is_alphanumeric() || "_:".contains(last));
            let mut rest = &text[at..];
            let mut from = module.to_vec();
            while let Some(after) = rest.strip_prefix("super::").filter(|_| is_whole) {
                (rest, _) = (after, from.pop());
            }
            if let Some(after) = rest.strip_prefix("crate::").filter(|_| is_whole) {
                (rest, from) = (after, Vec::new());
            }
            if is_whole {
                spread(&from, rest, &mut named);
            }
        }
    }
    named
}

/// Adds the paths that `rest` names below `from`.
fn spread(from: &[String], rest: &str, named: &mut BTreeSet<Vec<String>>) {
    let rest = rest.trim_start();
    if let Some(inside) = rest.strip_prefix('{') {
        let (mut depth, mut part) = (0, 0);
        for (at, letter) in inside.char_indices() {
            match letter {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    spread(from, &inside[part..at], named);
                    part = at + 1;
                    if letter == '}' {
                        return;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        return;
    }
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
    let path = [from, &[rest[..end].to_owned()]].concat();
    match rest[end..].strip_prefix("::") {
        Some(deeper) => spread(&path, deeper, named),
        None => drop(named.insert(path)),
    }
}

/// What stands on a circle, or between two: all that is left when, again and again, whatever names nothing else or is named by
/// nothing else is taken away.
pub fn on_circles<N: Ord + Clone>(mut arrows: BTreeMap<N, BTreeSet<N>>) -> BTreeMap<N, BTreeSet<N>> {
    loop {
        let before = arrows.len();
        let left: BTreeSet<N> = arrows.keys().cloned().collect();
        for to in arrows.values_mut() {
            to.retain(|to| left.contains(to));
        }
        let named: BTreeSet<N> = arrows.values().flatten().cloned().collect();
        arrows.retain(|from, to| !to.is_empty() && named.contains(from));
        if arrows.len() == before {
            return arrows;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scanner_of_paths_finds_what_braces_stand_for() {
        let module = ["graph".to_owned(), "kept".to_owned()];
        let named = named_paths(
            &module,
            "use crate::a::{B, c::{D, E as F}};\nuse super::roots::Root;\nlet x = crate::y::z();",
        );
        let named: Vec<String> = named.iter().map(|path| path.join("::")).collect();
        assert_eq!(named, ["a::B", "a::c::D", "a::c::E", "graph::roots::Root", "y::z"]);
        let circle = on_circles(BTreeMap::from([
            (1, BTreeSet::from([2])),
            (2, BTreeSet::from([1, 3])),
            (3, BTreeSet::new()),
        ]));
        assert_eq!(circle.keys().copied().collect::<Vec<_>>(), [1, 2]);
    }
}

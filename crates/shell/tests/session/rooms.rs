//! No circles of files, but for small ones within a folder, and one of commands that run or list commands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

/// Commands that run commands, and those that list them: they know the list in which they stand.
const THAT_RUN_OR_LIST: [&str; 14] = [
    "asked",
    "bare_words",
    "dcmds",
    "dcmds::language",
    "dcmds::language::eval",
    "dcmds::language::source",
    "dcmds::session",
    "dcmds::session::dcmds",
    "dcmds::session::dmods",
    "dcmds::session::help",
    "dcmds::session::report",
    "dcmds::session::walkers",
    "dcmds::session::which",
    "interpreter",
];

/// More files than this in a circle are too many to be understood together.
const LARGEST_WITHIN_A_FOLDER: usize = 6;

/// Every module with its code: no comments, no tests.
fn modules() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            let name = name.to_str().unwrap().replace('/', "::");
            let name = name.trim_end_matches("::mod").to_owned();
            if matches!(name.as_str(), "lib" | "main") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
            let code = code.map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
            found.insert(name, code);
        }
    }
    found
}

/// Which module each one mentions.
fn mentions(modules: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let path = Regex::new(r"\b(crate|super)((?:::[a-zA-Z_0-9#]+)+)").unwrap();
    let listed = Regex::new(r"\b(?:r#)?([a-z_0-9]+)::(?:DCMD|LIST)\b").unwrap();
    let known = |name: &str| modules.get_key_value(name).map(|(name, _)| name.as_str());
    let nearest = |name: &str| {
        let mut name = name.replace("r#", "");
        loop {
            if let Some(found) = known(&name) {
                return Some(found);
            }
            name.truncate(name.rfind("::")?);
        }
    };
    let of = |name: &str, code: &str| {
        let above = name.rfind("::").map_or("", |at| &name[..at]);
        let mut found = BTreeSet::new();
        for mention in path.captures_iter(code) {
            let full = match &mention[1] {
                "crate" => mention[2].trim_start_matches(':').to_owned(),
                _ => format!("{above}{}", &mention[2]).trim_start_matches(':').to_owned(),
            };
            found.extend(nearest(&full));
        }
        for mention in listed.captures_iter(code) {
            found.extend(known(&format!("{name}::{}", &mention[1])));
        }
        found.remove(name);
        found
    };
    modules.iter().map(|(name, code)| (name.as_str(), of(name, code))).collect()
}

/// What can be reached from a module.
fn reached<'m>(graph: &BTreeMap<&'m str, BTreeSet<&'m str>>, from: &'m str) -> BTreeSet<&'m str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(name) = next.pop() {
        next.extend(graph[name].iter().filter(|name| seen.insert(**name)));
    }
    seen
}

#[test]
fn files_go_in_circles_only_where_they_are_one_thing() {
    let modules = modules();
    let graph = mentions(&modules);
    assert!(graph.len() > 200 && graph["dcmds::js::jspath"].contains("answers::retention"), "{graph:#?}");
    let reached: BTreeMap<_, _> = graph.keys().map(|name| (*name, reached(&graph, name))).collect();
    for (name, behind) in &reached {
        let circle: Vec<&str> =
            behind.iter().copied().filter(|other| reached[other].contains(name)).collect();
        let folder = |name: &str| name.split("::").next().unwrap().to_owned();
        let is_within = circle.iter().all(|other| folder(other) == folder(name))
            && circle.len() <= LARGEST_WITHIN_A_FOLDER;
        let runs_or_lists = circle.iter().all(|other| THAT_RUN_OR_LIST.contains(other));
        // How options are declared, and how a dcmd is.
        let is_declaration = circle == ["arguments", "dcmd"];
        assert!(is_within || runs_or_lists || is_declaration, "{name} is in a circle: {circle:?}");
    }
}

//! What the source of this crate may not say: where a field is, and which version it is about, outside the description of
//! layouts.
#![allow(clippy::unwrap_used)] // a test may panic

use std::path::{Path, PathBuf};

use test_support::source::{House, code, on_circles, sources};

/// Every file of the crate but those of `layout/`, with its path from `src/`.
fn files() -> Vec<(PathBuf, String)> {
    let mut found = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    found.retain(|(name, _)| !name.starts_with("layout"));
    found
}

/// Whether text begins with a number that can be the place of a field: a word is 8 bytes.
fn is_place(text: &str) -> bool {
    let digits: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
    let number = match digits.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
        None => digits.parse().ok(),
    };
    number.is_some_and(|number| (8..0x1000).contains(&number))
}

/// Whether code adds a number to an address: `object.address + 24`, `array + 0x10`.
fn adds_a_place(line: &str) -> bool {
    const ADDRESSES: [&str; 12] = [
        "address", "array", "table", "map", "meta", "cell", "string", "object", "context", "script", "data",
        "function",
    ];
    line.match_indices(" + ").any(|(at, plus)| {
        let before = line[..at].trim_end_matches([')', ']']);
        ADDRESSES.iter().any(|name| before.ends_with(name)) && is_place(&line[at + plus.len()..])
    })
}

/// Whether code gives a number that can be a place a name: `const LENGTH: u64 = 24;`.
fn names_a_place(line: &str) -> bool {
    let Some((head, value)) = line.split_once(": u64 = ") else { return false };
    // Bounds are told by their names.
    let is_bound = ["MOST", "LONGEST", "LARGEST", "FEWEST", "SMALLEST", "FIRST_ROOTS"];
    head.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ").starts_with("const ")
        && !is_bound.iter().any(|word| head.contains(word))
        && value.ends_with(';')
        && value.trim_end_matches(';').chars().all(|letter| letter.is_ascii_alphanumeric())
        && is_place(value)
}

/// Where heap objects are decoded, all numbers come from the description of classes, by name.
#[test]
fn no_place_of_a_field_is_a_number_beside_a_decoder() {
    let mut told = Vec::new();
    let mut read = 0;
    for (name, text) in files() {
        let decodes = ["objects", "shape", "remembered", "compare", "snapshot", "questions"]
            .iter()
            .any(|folder| name.starts_with(folder));
        for (number, line) in code(&text) {
            read += 1;
            if adds_a_place(line) || decodes && names_a_place(line) {
                told.push(format!("{}:{number}: {}", name.display(), line.trim()));
            }
        }
    }
    assert!(read > 10_000, "{read} lines read");
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// What differs between versions is told apart by the layout; elsewhere they are only shown.
#[test]
fn no_version_is_told_apart_outside_the_layout() {
    let shows = [Path::new("version.rs"), Path::new("self_check.rs"), Path::new("heap.rs")];
    let mut told = Vec::new();
    for (name, text) in files() {
        for (number, line) in code(&text) {
            let tells =
                [".major", ".minor", "table_version", "table_line"].iter().any(|word| line.contains(word));
            if tells && !shows.contains(&name.as_path()) {
                told.push(format!("{}:{number}: {}", name.display(), line.trim()));
            }
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Each room knows those below it: see the reading order in `src/lib.rs`.
#[test]
fn rooms_stand_one_above_the_other() {
    let house = House::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let rooms = house.rooms();
    assert!(rooms.len() > 15, "{} rooms", rooms.len());
    assert!(rooms[Path::new("heap.rs")].contains(Path::new("graph")), "the scanner finds arrows");
    let circle = on_circles(rooms);
    assert!(circle.is_empty(), "these know each other: {circle:#?}");
}

#[test]
fn no_file_knows_itself_by_way_of_others() {
    let house = House::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let circle = on_circles(house.files());
    assert!(circle.is_empty(), "these know each other: {circle:#?}");
}

#[test]
fn the_scanner_finds_what_it_is_for() {
    assert!(adds_a_place("words.tagged(object.address + 24, \"field\")"));
    assert!(adds_a_place("let at = array + 0x10;"));
    assert!(!adds_a_place("let at = array + fields.array_elements;"));
    assert!(!adds_a_place("let next = table + 1;"));
    assert!(names_a_place("const FLAGS: u64 = 40;"));
    assert!(names_a_place("    pub const STATE: u64 = 0x18;"));
    assert!(!names_a_place("const MOST_FRAMES: u64 = 4096;"));
    assert!(!names_a_place("const PREVIOUS: u64 = 1;"));
}

//! The files of this crate stand one above the other.
#![allow(clippy::unwrap_used)] // a test may panic

use std::path::Path;

use test_support::source::{House, on_circles};

#[test]
fn no_file_knows_itself_by_way_of_others() {
    let house = House::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let files = house.files();
    assert!(files[Path::new("core.rs")].contains(Path::new("elf.rs")), "the scanner finds arrows");
    let circle = on_circles(files);
    assert!(circle.is_empty(), "these know each other: {circle:#?}");
}

//! The pages about dcmds in `docs/commands`, from their declarations.

use crate::dcmds::{ALL, WALKERS};
use crate::manual::Page;

/// Every generated page: its path below the root of the repository, and its text.
pub fn render() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut index = String::from(
        "<!-- Generated from the declarations in crates/shell/src/dcmds; do not edit. -->\n\n# Commands\n\n\
         | Command | |\n| --- | --- |\n",
    );
    for dcmd in ALL {
        let file = file_name(dcmd.name);
        let sign = if dcmd.name.starts_with(|c: char| c.is_ascii_alphabetic()) { "::" } else { "" };
        index.push_str(&format!("| [`{sign}{}`]({file}) | {} |\n", dcmd.name, dcmd.summary));
        let source = format!(
            "<!-- Generated from crates/shell/src/dcmds/{}.rs; do not edit. -->\n\n{}",
            file.trim_end_matches(".md"),
            Page::of(dcmd).markdown()
        );
        pages.push((format!("docs/commands/{file}"), source));
    }
    index.push_str("\n# Walkers\n\n| Walker | |\n| --- | --- |\n");
    for walker in WALKERS {
        index.push_str(&format!("| `{}` | {} |\n", walker.name, walker.summary));
    }
    pages.push(("docs/commands/README.md".to_owned(), index));
    pages
}

/// The file of a dcmd's page; signs are spelt out.
fn file_name(name: &str) -> String {
    let name = match name {
        "/" => "examine",
        "=" => "format",
        ">" => "assign",
        "$<" => "source",
        "$G" => "demangling",
        "$P" => "prompt",
        "$L" => "thread_ids",
        "$d" => "radix",
        "$l" => "thread_id",
        "$s" => "symbol_distance",
        "$w" => "page_width",
        name => name,
    };
    format!("{name}.md")
}

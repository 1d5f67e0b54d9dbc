//! The sessions of docs/tutorial.md are real: a terminal of 80 columns shows them word for word, where a line `...` is any number of
//! lines. What is typed stands on the screen before it is typed.

use std::fmt::Write;
use std::fs;

use test_support::scenarios::testdata;

use crate::examples::{agrees, shortened};
use crate::golden::REWRITE;
use crate::readme::session;

/// Commands that lead from the beginning to the line, at most.
const MOST_COMMANDS: usize = 3;

#[test]
fn who_types_what_the_screen_suggests_finds_the_line() {
    let workspace = testdata().join("..");
    let path = workspace.join("docs/tutorial.md");
    let mut text = fs::read_to_string(&path).unwrap();
    let rewrite = std::env::var_os(REWRITE).is_some();
    let blocks: Vec<String> = text
        .split("```console\n")
        .skip(1)
        .map(|rest| rest.split("```\n").next().unwrap().to_owned())
        .filter(|block| block.starts_with("$ v8mdb testdata/"))
        .collect();
    assert_eq!(blocks.len(), 5, "a leak, a crash, no memory, one that hangs, one that waits");
    for block in blocks {
        let (first, rest) = block.split_once('\n').unwrap();
        let core = first.strip_prefix("$ v8mdb ").unwrap();
        // What is said at first, then each line with its answer.
        let mut parts: Vec<String> = vec![String::new()];
        for line in rest.lines() {
            if line.starts_with("> ") {
                parts.push(String::new());
            }
            writeln!(parts.last_mut().unwrap(), "{line}").unwrap();
        }
        let typed: Vec<&str> = parts[1..].iter().map(|part| &part.lines().next().unwrap()[2..]).collect();
        assert!(typed.len() <= MOST_COMMANDS, "{core}: {typed:?}");
        let screens = session(&workspace, core, &typed);
        let mut seen = String::new();
        let mut new = format!("{first}\n");
        for (index, (part, screen)) in parts.iter().zip(&screens).enumerate() {
            if index > 0 && !rewrite {
                assert!(seen.contains(typed[index - 1]), "{core}: nothing suggests {}", typed[index - 1]);
            }
            for line in screen.lines() {
                // The banner fits; an answer may be as long as the text that it shows.
                assert!(index > 0 || line.chars().count() < 80, "{core}: {line}");
            }
            let (expected, printed): (Vec<_>, Vec<_>) = (part.lines().collect(), screen.lines().collect());
            if rewrite {
                new += &shortened(&expected, &printed);
                new.push('\n');
            } else {
                assert!(
                    agrees(&expected, &printed),
                    "{core}: docs/tutorial.md has\n{part}\nand the screen\n{screen}"
                );
            }
            seen += screen;
        }
        text = text.replace(&block, if rewrite { &new } else { &block });
    }
    if rewrite {
        fs::write(path, text).unwrap();
    }
}

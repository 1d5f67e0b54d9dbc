//! Pictures and profiles of the tree of dominators and of stacks: their weights are those of the commands.

use serde_json::Value;
use test_support::scenarios::shipped::ShippedCore;

use crate::answers;

/// Writes a profile; gives its bytes.
fn written(line: &str, end: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(format!("profile.{end}"));
    let core = ShippedCore { scenario: "leak", line: 24 };
    let [said] = answers(core, [format!("{line} -o {}", path.display()).as_str()]);
    assert!(said.starts_with("wrote "), "{said}");
    std::fs::read(path).unwrap()
}

/// What lives in all, and what has leaked of it: `::jsleaks` names the one, and how much is left.
fn living() -> (u64, u64) {
    let core = ShippedCore { scenario: "leak", line: 24 };
    let [text] = answers(core, ["::jsleaks -n 1"]);
    let number = |line: &str, word: &str| -> u64 {
        let before = line.split(word).next().unwrap();
        before.trim_end().rsplit(' ').next().unwrap().parse().unwrap()
    };
    let leaked = number(text.lines().next().unwrap(), " bytes");
    (leaked + number(text.lines().last().unwrap(), " bytes"), leaked)
}

#[test]
fn each_format_has_all_bytes() {
    let folded = String::from_utf8(written("::jsdominators", "folded")).unwrap();
    let weights = folded.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap());
    let total: u64 = weights.sum();
    let (living, held) = living();
    assert_eq!(total, living);
    let leaking =
        folded.lines().filter(|line| line.starts_with("Gateway;.bySession: Map;800 UpstreamConnection"));
    let leaked: u64 = leaking.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(leaked, held);

    let speedscope: Value = serde_json::from_slice(&written("::jsdominators", "json")).unwrap();
    let own = &speedscope["profiles"][0];
    let weights = own["weights"].as_array().unwrap().iter().map(|weight| weight.as_u64().unwrap());
    assert_eq!((weights.sum::<u64>(), own["endValue"].as_u64()), (total, Some(total)));
    let picture = String::from_utf8(written("::jsdominators", "svg")).unwrap();
    assert!(picture.contains(&format!(">what the heap hangs on: {total} bytes<")), "{}", &picture[..500]);
    assert!(!written("::jsdominators", "pb").is_empty());
}

#[test]
fn stacks_weigh_their_threads() {
    let folded = String::from_utf8(written("::jsstacks", "folded")).unwrap();
    let weights = folded.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap());
    assert_eq!(weights.sum::<u64>(), 7, "threads of the process");
    assert!(folded.contains("hold ("), "{folded}");
}

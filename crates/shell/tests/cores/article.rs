//! The session of the article that introduced `::findjsobjects` (2012), line by line, on the program with the leak.
//!
//! Its objects are the limits `{ type, min, max, default }`: the program makes twelve, and V8 keeps one more, the literal
//! that it copies.

use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::answers;

fn is_address(text: &str) -> bool {
    !text.starts_with('0') && u64::from_str_radix(text, 16).is_ok_and(|address| address & 1 == 1)
}

/// `{min, max}` of the limits that the program sets.
const LIMITS: [(u32, u32); 12] = [
    (1, 65536),
    (0, 5000),
    (0, 10),
    (10, 1000),
    (10, 1000),
    (2, 60),
    (10, 1000),
    (10, 1000),
    (2, 60),
    (10, 1000),
    (10, 1000),
    (2, 60),
];

#[test]
fn the_session_of_the_article() {
    for line in LINES {
        session(ShippedCore { scenario: "leak", line });
    }
}

fn session(core: ShippedCore) {
    // > ::findjsobjects -v
    let [table] = answers(core, ["::findjsobjects -v"]);
    let (statistics, rows): (Vec<_>, Vec<_>) =
        table.lines().partition(|line| line.starts_with("findjsobjects: "));
    for label in [
        "elapsed time (seconds)",
        "heap objects",
        "JavaScript objects",
        "processed objects",
        "unique objects",
    ] {
        let line = statistics.iter().find(|line| line.contains(&format!(" {label} => ")));
        let figure = line.and_then(|line| line.rsplit(' ').next()).and_then(|text| text.parse::<f64>().ok());
        assert!(figure.is_some_and(|figure| figure >= 0.0), "{core}: {label}: {line:?}");
    }
    assert_eq!(
        rows[0].split_whitespace().collect::<Vec<_>>(),
        ["OBJECT", "#OBJECTS", "#PROPS", "CONSTRUCTOR:", "PROPS"]
    );
    let row =
        rows.iter().find(|row| row.ends_with(" Object: type, min, max, default")).expect("a row of limits");
    let columns: Vec<_> = row.split_whitespace().collect();
    let limit = columns[0];
    assert!(is_address(limit), "{core}: {row}");
    assert_eq!(columns[1..3], ["13", "4"], "{core}: {row}");
    let unique = statistics.iter().find(|line| line.contains(" unique objects => ")).unwrap();
    assert!(unique.ends_with(&format!(" {}", rows.len() - 1)), "{core}: {unique}");

    // > fc45e249::jsprint; ::findjsobjects; ::findjsobjects | ::jsprint; ::findjsobjects -r
    let [printed, instances, all, members, referrer] = answers(
        core,
        [
            &format!("{limit}::jsprint"),
            &format!("{limit}::findjsobjects"),
            &format!("{limit}::findjsobjects | ::jsprint"),
            &format!("{limit}::findjsobjects | ::jsprint type min max"),
            &format!("{limit}::findjsobjects -r"),
        ],
    );
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!((lines[0], lines[1], lines[5]), ("{", "    \"type\": \"number\",", "}"), "{core}: {printed}");
    for (line, name) in lines[2..5].iter().zip(["min", "max", "default"]) {
        assert!(line.starts_with(&format!("    \"{name}\": ")) && line.ends_with(','), "{core}: {printed}");
    }
    let instances: Vec<_> = instances.lines().collect();
    assert_eq!(instances.len(), 13, "{core}");
    assert!(
        instances.iter().all(|address| is_address(address)) && instances.contains(&limit),
        "{core}: {instances:?}"
    );
    assert_eq!(all.lines().filter(|line| *line == "{").count(), 13, "{core}: {all}");
    assert!(all.contains(&printed), "{core}: {all}");
    assert!(all.contains("    \"max\": 10,\n    \"default\": undefined,\n}\n"), "{core}: {all}");
    let mut found: Vec<_> = members.lines().filter(|line| line.starts_with("\"number\" ")).collect();
    let mut expected = LIMITS.map(|(min, max)| format!("\"number\" {min} {max}"));
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{core}");
    let prefix = format!("{limit} referred to by ");
    let holder = referrer.lines().next().and_then(|line| line.strip_prefix(&prefix));
    let (holder, property) =
        holder.and_then(|holder| holder.split_once('.')).unwrap_or_else(|| panic!("{core}: {referrer}"));
    assert!(is_address(holder), "{core}: {referrer}");

    // > fc45e1e9::jsprint -a; fc45e249::findjsobjects | ::findjsobjects -r
    let [with_addresses, referrers] = answers(
        core,
        [&format!("{holder}::jsprint -a"), &format!("{limit}::findjsobjects | ::findjsobjects -r")],
    );
    assert!(with_addresses.starts_with(&format!("{holder}: {{\n")), "{core}: {with_addresses}");
    let member = format!("    \"{property}\": {limit}: {{\n        \"type\": ");
    assert!(with_addresses.contains(&member), "{core}: no {member} in {with_addresses}");
    let held_as = |name: &str| referrers.lines().filter(|line| line.ends_with(&format!(".{name}"))).count();
    for (name, count) in [
        ("chunk", 1),
        ("timeout", 1),
        ("retries", 1),
        ("width", 3),
        ("height", 3),
        ("buckets", 3),
        ("limits", 800),
    ] {
        assert_eq!(held_as(name), count, "{core}: {name}");
    }
    let free: Vec<_> =
        referrers.lines().filter(|line| line.ends_with(" is not referred to by a known object.")).collect();
    assert_eq!(free.len(), 1, "{core}: V8's own literal: {free:?}");
}

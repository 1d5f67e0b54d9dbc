//! Who keeps whom alive, and how much that is: against what retained.js makes.
#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::{all_answers, answers, only};

fn cores() -> impl Iterator<Item = ShippedCore> {
    LINES.into_iter().map(|line| ShippedCore { scenario: "retained", line })
}

/// A row of `::jsretained`.
#[derive(Debug)]
struct Row {
    object: String,
    shallow: u64,
    retained: u64,
    outside: u64,
    dominator: String,
    name: String,
}

fn rows(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| cells[index].parse().unwrap_or_else(|_| panic!("{line}"));
        Row {
            object: cells[0].to_owned(),
            shallow: number(1),
            retained: number(2),
            outside: number(3),
            dominator: cells[4].to_owned(),
            name: cells[5..].join(" "),
        }
    };
    text.lines().skip(1).filter(|line| !line.contains(" objects, ")).map(row).collect()
}

fn member(core: ShippedCore, object: &str, member: &str) -> String {
    let [text] = answers(core, [&format!("{object}::jsprint -a {member}")]);
    text.split(':').next().unwrap().to_owned()
}

/// Ways as text without addresses: `global | .retained Retained | .left Left`.
fn ways(text: &str) -> Vec<String> {
    let mut ways: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some((_, root)) = line.strip_prefix("way ").and_then(|rest| rest.split_once(": ")) {
            ways.push(root.to_owned());
        } else if let Some((manner, rest)) = line.trim_start().split_once(" = ") {
            let (_, name) = rest.split_once(' ').unwrap();
            *ways.last_mut().unwrap() += &format!(" | {manner} {name}");
        } else {
            let (_, name) = line.trim_start().split_once(' ').unwrap();
            *ways.last_mut().unwrap() += &format!(" | {name}");
        }
    }
    ways
}

#[test]
fn a_list_is_retained_by_its_head() {
    for core in cores() {
        let retained = only(core, "-c Retained");
        let [text] = answers(core, [&format!("{}::jsretained", member(core, &retained, "list"))]);
        let [head] = &rows(&text)[..] else { panic!("{core}: {text}") };
        assert_eq!(head.dominator, retained, "{core}");
        // All links, and perhaps what describes their shape.
        let links = 10_000 * head.shallow;
        assert!((links..links + 1000).contains(&head.retained), "{core}: {head:?}");
        // Each link below it retains one less.
        let second = member(core, &head.object, "next");
        let third = member(core, &second, "next");
        let [text] = answers(core, [&format!("{third}::jsretained")]);
        let [row] = &rows(&text)[..] else { panic!("{core}: {text}") };
        assert_eq!((&row.dominator, row.retained), (&second, links - 2 * head.shallow), "{core}");
    }
}

#[test]
fn what_two_hold_belongs_to_what_holds_these() {
    for core in cores() {
        let (retained, shared) = (only(core, "-c Retained"), only(core, "-c Shared"));
        let (left, right) = (only(core, "-c Left"), only(core, "-c Right"));
        let [alone, path, by_left, by_right] = answers(
            core,
            [
                &format!("{shared}::jsretained"),
                &format!("{shared}::jspath -n 5"),
                &format!("{left}::jsretained"),
                &format!("{right}::jsretained"),
            ],
        );
        let [row] = &rows(&alone)[..] else { panic!("{core}: {alone}") };
        assert_eq!((&row.dominator, &*row.name), (&retained, "Shared"), "{core}");
        let found = ways(&path);
        assert_eq!(found.len(), 2, "{core}: {path}");
        for end in [".left Left | .shared Shared", ".right Right | .shared Shared"] {
            let end = format!(" | .retained Retained | {end}");
            assert!(found.iter().any(|way| way.ends_with(&end)), "{core}: {path}");
        }
        let holders: Vec<Row> = [by_left, by_right].iter().flat_map(|text| rows(text)).collect();
        for holder in &holders {
            assert!(holder.retained < holder.shallow + 200, "{core}: {holder:?}");
        }
        // Both together retain it.
        let [both] = answers(core, ["::findjsobjects -p shared | ::findjsobjects | ::jsretained -g"]);
        let sum: u64 = holders.iter().map(|row| row.shallow).sum();
        let retained: u64 =
            both.split(" retain ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(retained >= sum + row.retained, "{core}: {both} {sum} {row:?}");
    }
}

#[test]
fn values_of_a_weak_map_belong_to_their_keys() {
    for core in cores() {
        let [secrets, path, lost] = answers(
            core,
            [
                "::findjsobjects -c Secret | ::findjsobjects | ::jsretained",
                "::findjsobjects -c Secret | ::jspath",
                "::findjsobjects -L -c LostSecret",
            ],
        );
        assert_eq!(lost, "", "{core}");
        let [way] = &ways(&path)[..] else { panic!("{core}: {path}") };
        assert!(way.contains(".keys Array | ["), "{core}: {path}");
        assert!(way.ends_with("] Key | value of this key in a WeakMap Secret"), "{core}: {path}");
        let secrets = rows(&secrets);
        assert_eq!(secrets.len(), 50, "{core}");
        let lines: Vec<String> = secrets
            .iter()
            .flat_map(|row| [&row.object, &row.dominator])
            .map(|object| format!("{object}::jsprint index; {object}::jsconstructor"))
            .collect();
        for pair in all_answers(core, &lines).chunks(2) {
            let of = |text: &str| {
                let (index, class) = text.split_once('\n').unwrap();
                (index.to_owned(), class.trim().to_owned())
            };
            let (secret, key) = (of(&pair[0]), of(&pair[1]));
            assert_eq!((&*secret.1, &*key.1), ("Secret", "Key"), "{core}: {pair:?}");
            assert_eq!(secret.0, key.0, "{core}");
        }
    }
}

#[test]
fn bytes_outside_of_the_heap_count_for_their_owners() {
    for core in cores() {
        let line = "::findjsobjects -c Upload | ::findjsobjects | ::jsretained";
        let [each, together] = answers(core, [line, &format!("{line} -g")]);
        let uploads = rows(&each);
        assert_eq!(uploads.len(), 20, "{core}");
        assert!(uploads.iter().all(|row| row.outside == 4096), "{core}: {each}");
        assert!(together.contains("20 objects"), "{core}: {together}");
        assert!(together.ends_with("and 81920 outside\n"), "{core}: {together}");
        assert!(each.ends_with(&together), "{core}: {each}");
    }
}

#[test]
fn ways_lead_through_closures_promises_and_listeners() {
    for core in cores() {
        let [captured, waiting, timed, listener] = answers(
            core,
            [
                "::findjsobjects -c Captured | ::jspath",
                "::findjsobjects -c Waiting | ::jspath",
                "::findjsobjects -c Timed | ::jspath",
                "::findjsobjects -c Listener | ::jspath",
            ],
        );
        let ends = |text: &str, end: &str| {
            let [way] = &ways(text)[..] else { panic!("{core}: {text}") };
            assert!(way.ends_with(end), "{core}: {way}");
        };
        ends(&captured, ".closure function holder | closure variable \"captured\" of holder Captured");
        ends(&waiting, "function continued | closure variable \"waiting\" of continued Waiting");
        ends(&timed, " Timed");
        assert!(listener.contains("._events = "), "{core}: {listener}");
        ends(&listener, "function heard | closure variable \"listener\" of heard Listener");
    }
}

#[test]
fn five_hundred_listeners_are_suspect() {
    for core in cores() {
        let [text] = answers(core, ["::jsleaks -n 0t40"]);
        let suspect = text.split("suspect ").find(|suspect| suspect.contains(": 500 Function in one Array"));
        let suspect = suspect.unwrap_or_else(|| panic!("{core}: {text}"));
        assert!(suspect.contains("    .tick = "), "{core}: {suspect}");
        let [tree] = answers(core, ["::findjsobjects -c Retained | ::jsdominators -d 1"]);
        assert!(tree.lines().nth(1).is_some_and(|line| line.ends_with(" Link")), "{core}: {tree}");
    }
}

/// A list has gathered where its first link hangs, and retains what that does. What Node.js keeps for itself comes last.
#[test]
fn what_the_program_gathered_comes_before_what_node_did() {
    for core in cores() {
        let [text, first] = answers(core, ["::jsleaks -n 0t40", "::jsleaks -n 1"]);
        // Behind the suspects is how much is in none of them, and in front of that, where it is so, that they are little.
        let (suspect, rest) = first.trim_end().rsplit_once('\n').unwrap();
        let suspect = match suspect.rsplit_once('\n') {
            Some((suspect, little)) if little.starts_with("none of these is much: ") => suspect,
            _ => suspect,
        };
        assert!(text.starts_with(suspect) && first.matches("suspect ").count() == 1, "{core}: {first}");
        assert!(rest.contains(" bytes, ") && rest.contains(" are in none of these "), "{core}: {rest}");
        let suspects: Vec<&str> = text.split("suspect ").skip(1).collect();
        let number = |text: &str, before: &str| -> u64 {
            let (_, rest) =
                text.split_once(before).unwrap_or_else(|| panic!("{core}: no {before} in {text}"));
            rest.split(' ').next().unwrap().parse().unwrap()
        };
        let list = suspects[0];
        assert!(list.starts_with("1: 10000 Link in one Retained retain "), "{core}: {list}");
        assert!(list.contains("    .retained = "), "{core}: {list}");
        assert_eq!(number(list, " retain "), number(list, " retains "), "{core}: {list}");
        assert!(suspects[1].starts_with("2: 500 Function in one Array "), "{core}: {text}");
        assert!(
            suspects[1].contains(" function heard, ") && suspects[1].contains(": 1 Listener, 1 Array\n"),
            "{core}"
        );
        let is_nodes = |suspect: &&str| suspect.lines().next().unwrap().ends_with("(Node.js's own)");
        let own = suspects.iter().skip_while(|suspect| !is_nodes(suspect));
        assert!(own.clone().all(is_nodes), "{core}: {text}");
        assert!(own.clone().any(|suspect| suspect.contains(" BuiltinModule in one Map ")), "{core}: {text}");
    }
}

/// Objects alive and garbage are all there are; what is alive is what V8 counts.
#[test]
fn alive_and_garbage_make_all() {
    for core in cores() {
        let count = |text: &str| -> Vec<(String, u64)> {
            let mut counts: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
            for line in text.lines() {
                let group: serde_json::Value = serde_json::from_str(line).unwrap();
                *counts.entry(group["constructor"].as_str().unwrap().to_owned()).or_default() +=
                    group["count"].as_u64().unwrap();
            }
            counts.into_iter().collect()
        };
        let [all, live, dead] =
            answers(core, ["::findjsobjects -a -j", "::findjsobjects -L -j", "::findjsobjects -d -j"]);
        let (all, live, dead) = (count(&all), count(&live), count(&dead));
        let sum = |counts: &[(String, u64)]| counts.iter().map(|(_, count)| count).sum::<u64>();
        assert_eq!(sum(&all), sum(&live) + sum(&dead), "{core}");
        assert!(sum(&dead) > 0, "{core}: the buffer of the snapshot is garbage");
        assert!(
            dead.iter().all(|(name, _)| matches!(&**name, "ArrayBuffer" | "Uint8Array")),
            "{core}: {dead:?}"
        );
        let [instances] = answers(core, ["::findjsobjects -d | ::findjsobjects -d | ::count"]);
        assert_eq!(instances.trim(), sum(&dead).to_string(), "{core}");
    }
}

#[test]
fn the_column_of_retained_bytes_is_what_the_objects_retain() {
    for core in cores() {
        let [table, row] =
            answers(core, ["::findjsobjects -R", "::findjsobjects -c Retained | ::jsretained"]);
        let [row] = &rows(&row)[..] else { panic!("{core}: {row}") };
        let line = table.lines().find(|line| line.contains(" Retained: ")).unwrap();
        assert_eq!(line.split_whitespace().nth(3), Some(&*row.retained.to_string()), "{core}: {line}");
        let column: Vec<u64> = table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().nth(3).unwrap().parse().unwrap())
            .collect();
        assert!(column.is_sorted(), "{core}");
        // Links hang below links: counted once.
        let line = table.lines().find(|line| line.contains(" Link: ")).unwrap();
        let bytes: u64 = line.split_whitespace().nth(3).unwrap().parse().unwrap();
        assert!(bytes < 10_000 * 64, "{core}: {line}");
    }
}

#[test]
fn garbage_and_what_is_no_object_are_told_apart() {
    for core in cores() {
        let [text] = answers(core, ["::findjsobjects -d -c ArrayBuffer | ::jspath -n 0"]);
        assert!(text.is_empty(), "{core}: {text}");
        let found = crate::debugger(core).evaluate("::findjsobjects -d -c ArrayBuffer | ::jsretained");
        let error = found.unwrap_err().to_string();
        assert!(error.contains("is garbage: nothing keeps it alive"), "{core}: {error}");
    }
}

#[test]
fn what_holds_objects_from_outside_is_told_by_its_kind() {
    for line in LINES {
        let core = ShippedCore { scenario: "retained", line };
        let [found] = answers(core, ["::walk v8object | ::jsfindrefs ! grep -v stack"]);
        // Node.js holds strings by eternal handles, and a program that runs is inside of a native function.
        for kind in [
            "eternal handle",
            "handle of native code that is running",
            "V8's table of roots",
            "global handle",
        ] {
            assert!(found.lines().any(|line| line.ends_with(kind)), "{core}: no {kind}");
        }
    }
}

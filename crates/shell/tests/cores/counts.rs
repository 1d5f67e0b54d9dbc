//! How many objects there are.

use test_support::scenarios::shipped::{self, ShippedCore};
use test_support::scenarios::{constructors, debugger, verdict};

use crate::{answers, debugger};

#[test]
fn every_constructor_has_as_many_objects_as_v8_counted() {
    let known = constructors::known_differences().unwrap();
    for core in shipped::all().filter(|core| !core.reports()) {
        let found = debugger::counts(&debugger(core).groups_of("-a").unwrap());
        let mut differences = constructors::compare(&core.truth().unwrap(), &found);
        constructors::explain(&mut differences, core.line, core.scenario, &known);
        differences.retain(|difference| difference.reason.is_none());
        assert!(differences.is_empty(), "{core}: {differences:#?}");
    }
}

#[test]
fn populations_are_as_the_programs_made_them() {
    for core in shipped::all() {
        let mut failures = Vec::new();
        let facts = core.facts().unwrap();
        verdict::check_populations(&facts, &debugger(core).groups().unwrap(), &mut failures);
        assert!(failures.is_empty(), "{core}: {failures:#?}");
        assert!(!facts.counts.is_empty(), "{core}: nothing to compare");
    }
}

#[test]
fn the_self_check_finds_no_gap() {
    for core in shipped::all() {
        let mut failures = Vec::new();
        verdict::check_status(&debugger(core), &mut failures).unwrap();
        assert!(failures.is_empty(), "{core}: {failures:#?}");
    }
}

/// V8's snapshot lists the living. The core has no other objects, and what it takes for garbage is what V8 dropped since.
#[test]
fn what_v8_lists_is_alive() {
    for line in shipped::LINES {
        let core = ShippedCore { scenario: "retained", line };
        let (living, garbage) = (debugger(core).groups().unwrap(), debugger(core).groups_of("-d").unwrap());
        let (living, garbage) = (debugger::counts(&living), debugger::counts(&garbage));
        assert_eq!(constructors::wrong_garbage(&garbage, 1), Vec::<String>::new(), "{core}");
        assert!(!garbage.is_empty(), "{core}: the buffer of the snapshot is garbage");
        let truth = core.truth().unwrap();
        for difference in constructors::compare(&truth, &living) {
            let dropped = garbage.get(&difference.constructor).copied().unwrap_or(0);
            assert_eq!(difference.found + dropped, difference.truth, "{core}: {difference:?}");
        }
    }
}

/// The table, the machine-readable form, and the instances themselves agree on every kind.
#[test]
fn a_kind_has_as_many_instances_as_its_row_says() {
    for core in shipped::all() {
        let groups = debugger(core).groups().unwrap();
        let mut lines = vec!["::findjsobjects".to_owned()];
        lines.extend(groups.iter().map(|group| format!("{}::findjsobjects | ::count", group.object)));
        let mut answers = debugger(core).session(&lines).unwrap().into_iter();
        let table = answers.next().unwrap();
        let mut rows = table.lines();
        assert_eq!(rows.next(), Some("          OBJECT #OBJECTS   #PROPS CONSTRUCTOR: PROPS"), "{core}");
        assert_eq!(rows.clone().count(), groups.len(), "{core}");
        for ((group, row), instances) in groups.iter().zip(rows).zip(answers) {
            let columns: Vec<_> = row.split_whitespace().collect();
            assert_eq!(format!("0x{}", columns[0]), group.object, "{core}: {row}");
            assert_eq!(columns[1], group.count.to_string(), "{core}: {row}");
            assert_eq!(instances.trim(), group.count.to_string(), "{core}: {row}");
        }
    }
}

/// Whatever is chosen by constructor or property name is what the unfiltered list has of it.
#[test]
fn filters_choose_from_the_whole_list() {
    let core = ShippedCore { scenario: "kinds", line: 24 };
    let groups = debugger(core).groups().unwrap();
    for name in ["Ring", "Object", "Function", "Uint8Array"] {
        let expected: String = groups
            .iter()
            .filter(|group| group.constructor == name)
            .map(|group| format!("{}\n", group.object.trim_start_matches("0x")))
            .collect();
        let [found] = answers(core, [&format!("::findjsobjects -c {name}")]);
        assert_eq!(found, expected, "{name}");
        assert!(!found.is_empty(), "{name}");
    }
    for name in ["literalA", "celsius", "with space"] {
        let expected: String = groups
            .iter()
            .filter(|group| group.properties.iter().any(|own| own == name))
            .map(|group| format!("{}\n", group.object.trim_start_matches("0x")))
            .collect();
        let [found] = answers(core, [&format!("::findjsobjects -p '{name}'")]);
        assert_eq!(found, expected, "{name}");
        assert!(!found.is_empty(), "{name}");
    }
}

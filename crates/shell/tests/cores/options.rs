//! What the options of `::jsprint` add, against what `exotic.js` made.

use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::answers;

fn printed(line: u32, arguments: &str) -> String {
    let core = ShippedCore { scenario: "exotic", line };
    let [answer] = answers(core, [&format!("::findjsobjects -c Exotic | ::jsprint {arguments}")]);
    assert!(!answer.trim().is_empty(), "{core}: {arguments}");
    answer
}

#[test]
fn n_counts_what_it_leaves_out() {
    for line in LINES {
        assert_eq!(printed(line, "-n 2 objects.long"), "[\n    0,\n    1,\n    ... 498 more\n]\n");
        let map = printed(line, "-n 1 objects.longMap");
        assert_eq!(map, "Map(500) {\n    \"k0\" => 0,\n    ... 499 more\n}\n");
        assert_eq!(printed(line, "-n 1 objects.wide"), "{\n    \"w0\": 0,\n    ... 299 more\n}\n");
        let typed = printed(line, "-n 3 binary.large");
        assert_eq!(typed, "Uint8Array(300) [\n    7, 7, 7,\n    ... 297 more\n]\n");
    }
}

#[test]
fn x_prints_bytes_and_text() {
    for line in LINES {
        let dump = printed(line, "-x binary.buffer");
        let lines: Vec<&str> = dump.lines().map(str::trim).collect();
        assert_eq!(lines[0], "Buffer(30) [");
        assert_eq!(lines[1], "0: 47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..");
        assert!(lines[2].starts_with("10: 48 6f 73 74 3a 20 63 61  66 e9 0d 0a 0d 0a "), "{dump}");
        assert!(lines[2].ends_with("  Host: caf....."), "{dump}");
        let halves = printed(line, "-x binary.words");
        assert!(halves.contains("0: 34 12 ff fe "), "16-bit words are little-endian: {halves}");
    }
}

#[test]
fn p_names_the_prototypes() {
    for line in LINES {
        let text = printed(line, "-p objects.chain");
        let chain = text.lines().nth(1).unwrap().trim().trim_end_matches(',');
        let names: Vec<&str> = chain
            .strip_prefix("[[Prototype]]: ")
            .unwrap_or_else(|| panic!("{text}"))
            .split(" -> ")
            .map(|step| step.split(' ').next().unwrap())
            .collect();
        assert_eq!(names, ["Leaf", "Middle", "Base", "Object", "null"], "Node.js {line}");
    }
}

#[test]
fn i_shows_the_private_methods_of_instances() {
    for line in LINES {
        let text = printed(line, "-i -d 2 callables.account");
        for shown in ["\"#audit\": function #audit,", "\"#rate\": [Getter/Setter],", "\"#only\": [Getter],"] {
            assert!(text.contains(shown), "Node.js {line}: no {shown} in {text}");
        }
        assert!(!text.contains("#helper"), "a static method is the class's: {text}");
        assert!(printed(line, "callables.account.#audit").starts_with("function #audit"));
    }
}

#[test]
fn attributes_are_said_where_they_are_not_the_usual() {
    for line in LINES {
        let text = printed(line, "-A objects.attributes");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines[1..6],
            [
                "\"shown\": 1,",
                "\"hidden\" (not enumerable): 2,",
                "\"readOnly\" (not writable, not configurable): 3,",
                "\"hiddenGetter\" (not enumerable, not configurable): [Getter],",
                "[Symbol(hiddenSymbol)] (not enumerable, not writable, not configurable): 4,",
            ],
            "Node.js {line}"
        );
    }
}

#[test]
fn addresses_of_accessors_lead_to_their_functions() {
    for line in LINES {
        let text = printed(line, "-a objects.accessors");
        let getter = text.split("\"only\": [Getter ").nth(1).and_then(|rest| rest.split(']').next());
        let getter = getter.unwrap_or_else(|| panic!("{text}"));
        let core = ShippedCore { scenario: "exotic", line };
        let [function] = answers(core, [&format!("{getter}::jsprint")]);
        assert!(function.starts_with("function"), "{core}: {function}");
    }
}

#[test]
fn inherited_getters_are_getters() {
    for line in LINES {
        let core = ShippedCore { scenario: "kinds", line };
        let [text, json] = answers(
            core,
            [
                "::findjsobjects -c Thermometer | ::jsprint fahrenheit kelvin toString",
                "::findjsobjects -c Thermometer | ::jsprint -j fahrenheit",
            ],
        );
        // A prototype has the pair itself; other inherited members are no members of the object.
        assert!(text.lines().count() > 0, "{core}");
        for line in text.lines() {
            assert_eq!(line, "[Getter/Setter] undefined undefined", "{core}: {text}");
        }
        assert!(
            json.contains(r#"{"fahrenheit":{"type":"accessor","get":true,"set":true}}"#),
            "{core}: {json}"
        );
    }
}

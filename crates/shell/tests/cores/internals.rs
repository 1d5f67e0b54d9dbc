//! V8's own structures: what the debugger says of them against what the programs wrote and what is in memory.

use core_reader::{Address, Core, Memory, OpenOptions};
use test_support::scenarios::shipped::{self, LINES, ShippedCore};

use crate::{all_answers, answers, only};

fn cores(scenario: &'static str) -> impl Iterator<Item = ShippedCore> {
    LINES.into_iter().map(move |line| ShippedCore { scenario, line })
}

/// The one instance of a class.
fn instance(core: ShippedCore, class: &str) -> String {
    let [found] = answers(core, [&format!("::findjsobjects -c {class} | ::findjsobjects")]);
    let mut instances = found.lines();
    instances.next_back().unwrap_or_else(|| panic!("{core}: no {class}")).trim().to_owned()
}

/// The address of a member, as `::jsprint -a` shows it.
fn member(core: ShippedCore, object: &str, path: &str) -> String {
    let [printed] = answers(core, [&format!("{object}::jsprint -a -d 0 {path}")]);
    printed.split_once(':').unwrap_or_else(|| panic!("{core}: {path}: {printed}")).0.to_owned()
}

/// Every word that `::v8print` shows is in memory where it says.
#[test]
fn printed_fields_are_the_words_in_memory() {
    for shipped in cores("kinds") {
        let options =
            OpenOptions { core: shipped.path(), executable: None, sysroot: None, ..OpenOptions::default() };
        let core = Core::open(&options).unwrap();
        let kinds = only(shipped, "-c Kinds");
        let members =
            ["classes", "arrays.nested", "collections.map", "functions.named", "dates.date", "strings.ascii"];
        let mut lines = vec![format!("{kinds}::v8print -n 0t100")];
        lines.extend(members.map(|path| format!("{kinds}::v8print; {kinds}::jsprint -a -d 0 {path}")));
        let (mut words, mut maps) = (0, Vec::new());
        for answer in all_answers(shipped, &lines) {
            for line in answer.lines().filter(|line| line.contains(" = ")) {
                let (at, rest) = line.trim().split_once(' ').unwrap();
                let (name, rest) = rest.split_once(" = ").unwrap();
                let word = rest.split(' ').next().unwrap();
                let at = Address(u64::from_str_radix(at, 16).unwrap());
                let expected = core.memory().read_u64(at).unwrap();
                assert_eq!(u64::from_str_radix(word, 16).unwrap(), expected, "{shipped}: {line}");
                words += 1;
                if name == "map" {
                    maps.push(word.to_owned());
                }
            }
        }
        assert!(words >= 10, "{shipped}: {words}");
        // Of a map: its numbers, by the offsets that V8 has had for them since 2012.
        let [map] = answers(shipped, [&format!("{}::v8print", maps[0])]);
        for (field, offset, size) in [
            ("instance_size_in_words", 8, 1),
            ("instance_type", 12, 2),
            ("bit_field", 14, 1),
            ("bit_field3", 16, 4),
        ] {
            let label = format!(" {field} = ");
            let line = map.lines().find(|line| line.contains(&label)).unwrap();
            let shown: u64 = line.split(&label).nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            let at = u64::from_str_radix(&maps[0], 16).unwrap() - 1 + offset;
            let mask = u64::MAX >> (64 - 8 * size);
            assert_eq!(shown, core.memory().read_u64(Address(at)).unwrap() & mask, "{shipped}: {line}");
        }
        assert!(map.contains("(JSObject)"), "{shipped}: {map}");
    }
}

/// The properties of a class, in the order in which its constructor made them, and how many instances it has.
#[test]
fn a_map_tells_the_shape_that_the_program_made() {
    for core in cores("leak") {
        let connection = only(core, "-c UpstreamConnection");
        let [map] = answers(core, [&format!("{connection}::v8map")]);
        let names: Vec<&str> = map
            .lines()
            .filter(|line| line.contains(": field "))
            .map(|line| line.trim().split('"').nth(1).unwrap())
            .collect();
        assert_eq!(names, ["request", "limits", "pending", "load", "resume"], "{core}: {map}");
        assert!(map.contains("instances: 800, of "), "{core}: {map}");
        assert!(map.contains("(JSFunction: UpstreamConnection)"), "{core}: {map}");
        let own = map.lines().find(|line| line.ends_with("<--")).unwrap_or_else(|| panic!("{core}: {map}"));
        assert!(own.trim().starts_with("\"resume\" "), "{core}: {own}");
        // Each step of the tree is one property further.
        let depth = |line: &str| line.len() - line.trim_start().len();
        assert_eq!(depth(own), 4 * 6, "{core}: {map}");
    }
}

/// An address anywhere in an object leads to it, and to the property there.
#[test]
fn every_byte_of_an_object_leads_to_it() {
    for core in cores("leak") {
        let connection = only(core, "-c UpstreamConnection");
        let start = u64::from_str_radix(&connection, 16).unwrap() - 1;
        let lines: Vec<String> = (0..0x40).map(|offset| format!("{:x}::v8whatis", start + offset)).collect();
        for (offset, found) in all_answers(core, &lines).iter().enumerate() {
            assert_eq!(found.trim(), connection, "{core}: +{offset}");
        }
        let [resume, stack] =
            answers(core, [&format!("{:x}::v8whatis -v", start + 0x38), "<rsp::v8whatis -v"]);
        assert!(resume.contains("at .resume of JSObject: UpstreamConnection"), "{core}: {resume}");
        assert!(stack.contains("in no heap object: stack of thread"), "{core}: {stack}");
    }
}

/// Every description fits every word, and every type is known by name: the debugger's own check says nothing.
#[test]
fn the_descriptions_fit_every_heap() {
    for core in shipped::all() {
        let [check] = answers(core, ["::v8classes -c"]);
        assert_eq!(check.lines().count(), 1, "{core}: {check}");
    }
}

/// Who holds what internals.js made to be held, by what the program calls it.
#[test]
fn everything_that_holds_an_object_is_found() {
    /// What the object says of itself, and parts of what must be found.
    const HELD: &[(&str, &[&str])] = &[
        ("a global of WebAssembly", &["tagged_buffer.objects[0] (WasmGlobalObject)"]),
        (
            "the program, and weakly a registry",
            &[
                ".watched",
                " target of a registration (weak)",
                " WeakRef target (weak)",
                " map key",
                " set entry",
            ],
        ),
        ("holdings of a registry", &[" held value of a registration"]),
        ("value of a WeakMap", &[" map value of key "]),
        ("an argument of arguments", &["[0]"]),
        ("bound this", &[" bound \"this\""]),
        ("bound argument", &[" bound argument 0"]),
        ("private member", &[".#secret"]),
        ("local of a generator", &[" generator local "]),
        ("request to an async generator", &[" queue.next.value (JSAsyncGeneratorObject)"]),
        ("local of an async function", &[" generator local "]),
        ("variable of a reaction", &[" closure variable \"reaction\" of "]),
        ("target of a proxy", &[" proxy target"]),
        ("element of a frozen array", &["[0]"]),
        ("element of a sparse array", &["[1000000]"]),
        ("property of a dictionary", &[".kept"]),
        ("key of a Map", &[" map key"]),
        ("a context", &[".given"]),
        ("a variable of eval", &[".byEval", " closure variable \"f\" of inEval"]),
        (
            "a resolved promise",
            &[" promise result", " argument (PromiseFulfillReactionJobTask)", " stack of thread "],
        ),
    ];
    for core in cores("internals") {
        let [named, found] = answers(
            core,
            [
                "::findjsobjects -c Held | ::findjsobjects | ::jsprint -b by",
                "::findjsobjects -c Held | ::findjsobjects | ::jsfindrefs",
            ],
        );
        for (by, ways) in HELD {
            let quoted = format!("\"{by}\"");
            let object = named
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(_, name)| *name == quoted)
                .unwrap_or_else(|| panic!("{core}: no object of {by}"))
                .0;
            let prefix = format!("{object} referred to by ");
            let holders: Vec<&str> = found.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
            for way in *ways {
                assert!(
                    holders.iter().any(|holder| holder.contains(way)),
                    "{core}: {by}: {way} not in {holders:?}"
                );
            }
        }
    }
}

/// Values that are no objects are held too: strings, numbers.
#[test]
fn strings_and_numbers_have_holders() {
    for core in cores("internals") {
        let internals = instance(core, "Internals");
        for (path, property) in [("made.numbers.name", ".name"), ("made.numbers.number", ".number")] {
            let value = member(core, &internals, path);
            let [held, only_objects] = answers(
                core,
                [&format!("{value}::jsfindrefs"), &format!("{value}::jsfindrefs | ::jsprint name")],
            );
            assert!(held.lines().any(|line| line.ends_with(property)), "{core}: {path}: {held}");
            assert!(only_objects.contains("\"a text that nobody else holds\""), "{core}: {only_objects}");
        }
        let [refused] = answers(core, ["700000000::jsfindrefs | ::count"]);
        assert_eq!(refused.trim(), "0", "{core}");
    }
}

/// A search for JavaScript objects finds what only V8 has a name for, and nothing of V8's own.
#[test]
fn references_of_javascript_objects_reach_into_them() {
    for core in cores("internals") {
        let internals = instance(core, "Internals");
        let watched = member(core, &internals, "watched");
        let [referred] = answers(core, [&format!("{watched}::findjsobjects -r")]);
        assert!(referred.contains(" target of a registration (weak)"), "{core}: {referred}");
        assert!(!referred.contains("OrderedHashSet"), "{core}: {referred}");
    }
}

/// Walks over V8's objects agree with each other.
#[test]
fn walks_agree_with_the_index() {
    for core in cores("leak") {
        let connection = only(core, "-c UpstreamConnection");
        let [all, statistics, maps, of_class, contexts, root] = answers(
            core,
            [
                "::walk v8object | ::count",
                "::findjsobjects -v",
                "::walk v8map | ::count",
                &format!("{connection}::walk v8map | ::walk v8object | ::count"),
                &format!("{connection}::jsprint -a -d 0 resume"),
                &format!("{connection}::walk v8map | ::count"),
            ],
        );
        let objects = statistics.lines().find_map(|line| line.split_once("heap objects => ")).unwrap().1;
        assert_eq!(all.trim(), objects.trim(), "{core}");
        let (maps, of_class) = (maps.trim(), of_class.trim());
        // Six maps lead from no property to five; each walk of the objects of their type finds all maps.
        let count = |text: &str| text.parse::<u64>().unwrap();
        assert_eq!(count(of_class), 6 * count(maps), "{core}");
        assert_eq!(count(root.trim()), 6, "{core}");
        let resume = contexts.split_once(':').unwrap().0;
        let [chain] = answers(core, [&format!("{resume}::walk v8context | ::v8type")]);
        assert!(chain.lines().next_back().unwrap().ends_with(": NativeContext"), "{core}: {chain}");
        let [context] = answers(core, [&format!("{resume}::walk v8context | ::head 1 | ::v8context")]);
        assert!(context.contains("\"this\"") && context.contains("\"request\""), "{core}: {context}");
    }
}

//! Who holds an object: `-r` against what the programs wrote.

use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::{all_answers, answers, only};

fn cores(scenario: &'static str) -> impl Iterator<Item = ShippedCore> {
    LINES.into_iter().map(move |line| ShippedCore { scenario, line })
}

/// What `-r` says holds each of these objects, without the addresses of the holders, sorted.
fn holders(core: ShippedCore, objects: &[String]) -> Vec<Vec<String>> {
    let lines: Vec<_> = objects.iter().map(|object| format!("{object}::findjsobjects -r")).collect();
    let answers = all_answers(core, &lines);
    objects.iter().zip(answers).map(|(object, answer)| places(core, object, &answer)).collect()
}

fn places(core: ShippedCore, object: &str, answer: &str) -> Vec<String> {
    let prefix = format!("{object} referred to by ");
    let mut places: Vec<_> = answer
        .lines()
        .map(|line| {
            let place = line.strip_prefix(&prefix).unwrap_or_else(|| panic!("{core}: {line}"));
            place.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()).to_owned()
        })
        .collect();
    places.sort();
    places
}

/// The addresses that `object::jsprint -a` shows of these members.
fn members(core: ShippedCore, object: &str, members: &[&str]) -> Vec<String> {
    let lines: Vec<_> = members.iter().map(|member| format!("{object}::jsprint -a {member}")).collect();
    let address = |(member, answer): (&&str, &String)| {
        let (address, _) = answer.split_once(':').unwrap_or_else(|| panic!("{core}: {member}: {answer}"));
        address.to_owned()
    };
    members.iter().zip(&all_answers(core, &lines)).map(address).collect()
}

#[test]
fn a_leaked_connection_is_held_by_the_map_and_its_own_closure() {
    for core in cores("leak") {
        let connection = only(core, "-c UpstreamConnection");
        let [id] = answers(core, [&format!("{connection}::jsprint request.id")]);
        let id: u32 = id.trim().parse().unwrap();
        assert!(id.is_multiple_of(3), "{core}: the program answers the others, not {id}");
        let held =
            members(core, &connection, &["request", "pending", "pending[0]", "pending[1]", "pending[2]"]);
        let found = holders(core, &[vec![connection], held].concat());
        let of_resume = |variable: &str| {
            format!(" closure variable \"{variable}\" of <anonymous> (as UpstreamConnection.resume)")
        };
        let expected = [
            vec![of_resume("this"), format!(" map value of key \"session-{id}\"")],
            vec![of_resume("request"), ".request".to_owned()],
            vec![".pending".to_owned()],
            vec!["[0]".to_owned()],
            vec!["[1]".to_owned()],
            vec!["[2]".to_owned()],
        ];
        assert_eq!(found, expected, "{core}");
    }
}

#[test]
fn holders_lead_up_to_the_global_object() {
    for core in cores("leak") {
        let gateway = only(core, "-c Gateway");
        let map = members(core, &gateway, &["bySession"]).remove(0);
        assert_eq!(holders(core, &[gateway.clone(), map]), [[".gateway"], [".bySession"]], "{core}");
        let [referrer, walked] = answers(
            core,
            [&format!("{gateway}::findjsobjects -r"), "::walk jsglobal | ::jsprint gateway.answered"],
        );
        let holder = referrer.trim_end().rsplit(' ').next().unwrap().trim_end_matches(".gateway");
        let [answered] = answers(core, [&format!("{holder}::jsprint gateway.answered")]);
        assert_eq!(answered, "1600\n", "{core}");
        assert!(walked.lines().any(|line| line == "1600"), "{core}: {walked}");
    }
}

#[test]
fn many_objects_are_searched_for_together() {
    for core in cores("leak") {
        let [piped, marked] = answers(
            core,
            [
                "::findjsobjects -c UpstreamConnection | ::findjsobjects | ::findjsobjects -r",
                "::findjsobjects -c UpstreamConnection | ::findjsobjects -l -m; ::findjsobjects -r",
            ],
        );
        for (text, place) in [(&piped, "piped"), (&marked, "marked")] {
            for id in (3..=2400).step_by(3) {
                let key = format!(" map value of key \"session-{id}\"\n");
                assert_eq!(text.matches(&key).count(), 1, "{core}, {place}: {id}");
            }
        }
    }
}

/// Each way in which JavaScript can hold an object, by what kinds.js writes.
#[test]
fn every_way_of_holding_is_named() {
    for core in cores("kinds") {
        let kinds = only(core, "-c Kinds");
        let ways = [
            (
                "classes.point",
                &[".point", " bound \"this\"", " map key", " set entry", " WeakRef target (weak)"][..],
            ),
            ("functions.named", &[".named", " bound function", " proxy target"]),
            ("functions.getter", &[".getter", ".fahrenheit (getter)"]),
            ("arrays.nested[1]", &["[1]"]),
            ("arrays.smi", &[".smi", " iterated object"]),
            ("proxies.proxy[[ProxyTarget]]", &[" proxy target"]),
            ("proxies.proxy[[ProxyHandler]]", &[" proxy handler"]),
            ("promises.rejected[[PromiseResult]]", &[" promise result"]),
            ("symbols.described", &[".described", " wrapped value"]),
            ("classes.ring", &[".ring"]),
        ];
        let objects = members(core, &kinds, &ways.map(|(member, _)| member));
        for ((member, ways), held) in ways.iter().zip(holders(core, &objects)) {
            for way in *ways {
                assert!(held.iter().any(|holder| holder == way), "{core}: {member}: {way} not in {held:?}");
            }
        }
        let held = holders(core, &[only(core, "-p two"), kinds]);
        assert_eq!(held[0], [" map value of key 2"], "{core}");
        assert!(held[1].iter().any(|holder| holder == ".kinds"), "{core}: {held:?}");
        let captured = |holder: &String| holder.starts_with(" closure variable \"kinds\" of ");
        assert!(held[1].iter().any(captured), "{core}: {held:?}");
    }
}

/// Scopes that are no function's: a script's, and that of `with`.
#[test]
fn scopes_hold_objects() {
    for core in cores("workers") {
        let [script, with] = answers(
            core,
            [
                "::findjsobjects -p bumped | ::findjsobjects | ::findjsobjects -r",
                "::findjsobjects -p fromWith | ::findjsobjects | ::findjsobjects -r",
            ],
        );
        assert!(script.contains(" closure variable \"scriptObject\" of bump\n"), "{core}: {script}");
        assert!(with.contains(" object of a \"with\" around inWith\n"), "{core}: {with}");
    }
}

/// Once it is known who holds whom, fewer searches are needed: that must not show.
#[test]
fn answers_do_not_depend_on_what_was_asked_before() {
    for core in cores("kinds").chain(cores("retained")) {
        let [kinds] = answers(core, ["::findjsobjects"]);
        let objects: Vec<&str> =
            kinds.lines().skip(1).filter_map(|line| line.split_whitespace().next()).step_by(5).collect();
        assert!(objects.len() > 30, "{core}");
        let mut lines: Vec<String> =
            objects.iter().map(|object| format!("{object}::findjsobjects -r")).collect();
        let searched = all_answers(core, &lines);
        lines.insert(0, "::findjsobjects -R".to_owned());
        assert_eq!(all_answers(core, &lines)[1..], searched, "{core}");
    }
}

/// Addresses of objects in instructions, as the disassembler reads them, are references of the machine code.
#[test]
fn machine_code_refers_to_what_is_in_its_instructions() {
    for core in cores("kinds") {
        let code = "::walk v8object | ::v8code -d ! grep -o 'movabs $0x[0-9a-f]*[19],' | sort -u | head -400";
        let [found] = answers(core, [code]);
        let words: Vec<&str> =
            found.lines().filter_map(|line| line.strip_prefix("movabs $0x")?.strip_suffix(',')).collect();
        let types: Vec<String> = words.iter().map(|word| format!("{word}::v8type")).collect();
        // What is read-only lives on without references, and is in more places than can be shown.
        let is_wanted = |answer: &&String| {
            ["JSFunction: ", "FeedbackCell", "SharedFunctionInfo", "BytecodeArray"]
                .iter()
                .any(|class| answer.contains(class))
        };
        let types = all_answers(core, &types);
        let mut tried = 0;
        for (word, _) in words.iter().zip(&types).filter(|(_, answer)| is_wanted(answer)).take(6) {
            let [references] = answers(core, [&format!("{word}::jsfindrefs")]);
            let in_code = references.lines().filter(|line| line.contains("(InstructionStream)"));
            assert!(in_code.count() > 0, "{core}: {word}: {references}");
            tried += 1;
        }
        assert!(tried > 0, "{core}: {} words in code", words.len());
    }
}

//! Stack traces that no program has read, against those of errors made at the same place that one has.

use serde_json::Value;
use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::answers;

/// Pairs of errors by the name of their place, as `exotic.js` makes them: `unread`, `read`, and the `text` that the program got
/// for the second.
fn twins(core: ShippedCore) -> serde_json::Map<String, Value> {
    let [line] = answers(core, ["::findjsobjects -c Exotic | ::jsprint -j -d 0 twins"]);
    let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{core}: {error}: {line}"));
    let twins = line["members"]["twins"]["address"].as_str().unwrap_or_else(|| panic!("{core}: {line}"));
    let [line] = answers(core, [&format!("{twins}::jsprint -j -d 3")]);
    let twins: Value = serde_json::from_str(&line).unwrap();
    twins["properties"].as_object().unwrap().clone()
}

/// Whether a frame's place is not known exactly, which has to be said, and all else is right.
fn is_vague(frame: &str, expected: &str) -> bool {
    let Some((before, _)) = frame.split_once(", somewhere in the function at line ") else { return false };
    expected.strip_prefix(before).is_some_and(|rest| rest.starts_with(':'))
}

#[test]
fn unread_stacks_are_what_the_program_would_read() {
    for line in LINES {
        let core = ShippedCore { scenario: "exotic", line };
        let twins = twins(core);
        assert!(twins.len() > 60, "{core}: {} twins", twins.len());
        let (mut frames, mut vague) = (0, 0);
        for (name, pair) in &twins {
            let pair = &pair["properties"];
            let stack = &pair["unread"]["properties"]["stack"];
            assert_eq!(stack["type"], "stack", "{core}: {name}: {pair}");
            let found = stack["value"].as_str().unwrap();
            let expected = pair["text"].as_str().unwrap();
            assert_eq!(found.lines().count(), expected.lines().count(), "{core}: {name}: {found}");
            for (found, expected) in found.lines().zip(expected.lines()) {
                frames += 1;
                if found != expected {
                    assert!(is_vague(found, expected), "{core}: {name}: {found}, not {expected}");
                    vague += 1;
                }
            }
        }
        // Machine code without optimisations has no positions that could be read: one function of the program has become hot.
        assert!(
            vague == 0 || line == 26 && vague < frames / 5,
            "{core}: {vague} of {frames} frames are vague"
        );
    }
}

#[test]
fn a_stack_is_a_member_whatever_state_it_is_in() {
    for line in LINES {
        let core = ShippedCore { scenario: "exotic", line };
        let member = |path: &str| format!("::findjsobjects -c Exotic | ::jsprint {path}");
        let [unread, read, text, replaced] = answers(
            core,
            [
                &member("twins.custom.unread.stack"),
                &member("twins.custom.read.stack"),
                &member("twins.custom.text"),
                &member("errors.replaced.stack"),
            ],
        );
        assert_eq!(unread, format!("[Not formatted yet] {text}"), "{core}");
        assert_eq!(read, text, "{core}");
        assert_eq!(replaced.trim_end(), "\"a text of the program\"", "{core}");
    }
}

/// The function that stops a program has what it was started with in variables that no closure captures.
#[test]
fn variables_that_nothing_captures_have_their_names() {
    for line in LINES {
        let core = ShippedCore { scenario: "leak", line };
        let [report, snapshot, arguments] =
            answers(core, ["::jslocals -j reportFile", "::jslocals -j snapshotFile", "::pargs"]);
        for (found, option) in [(report, "--report="), (snapshot, "--snapshot=")] {
            let variable: Value = serde_json::from_str(&found).unwrap_or_else(|_| panic!("{core}: {found}"));
            let value = variable["value"].as_str().unwrap_or_else(|| panic!("{core}: {found}"));
            assert!(arguments.contains(&format!("{option}{value}")), "{core}: {value} of {arguments}");
        }
    }
}

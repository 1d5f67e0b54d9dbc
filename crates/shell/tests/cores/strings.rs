//! `::jsstrings` and `::v8str`, against the strings that the program made.

use serde_json::Value;
use test_support::scenarios::shipped::{self, LINES, ShippedCore};

use crate::{answers, only};

fn cores() -> impl Iterator<Item = ShippedCore> {
    LINES.into_iter().map(|line| ShippedCore { scenario: "memory", line })
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn strings_are_found_by_what_they_say_and_how_long_they_are() {
    for core in cores() {
        let [addresses, some, none, by_length, too_short, wide, external] = answers(
            core,
            [
                r"::jsstrings -r '^customer-\d{4}@example\.test$' | ::count",
                "::jsstrings -r '^customer-04' | ::count",
                "::jsstrings -p customer-9 | ::count",
                "::jsstrings -p @example.test -l 0t26 -L 0t26 | ::count",
                "::jsstrings -p @example.test -L 19 | ::count",
                "::jsstrings -p 'copies of a snowman \u{2603}' -j",
                "::jsstrings -e -l 0t1000000 -s -j",
            ],
        );
        assert_eq!([addresses.trim(), some.trim(), none.trim()], ["500", "100", "0"], "{core}");
        assert_eq!(by_length.trim(), "500", "{core}: 0t26");
        // The one of the program's own text that is not complete, "@example.test".
        assert_eq!(too_short.trim(), "1", "{core}: 0x19 is 25");
        // 50 copies and the literal, 27 characters of two bytes behind a header of 16.
        let wide = json_lines(&wide);
        assert_eq!(wide.len(), 51, "{core}");
        assert!(wide.iter().all(|string| string["length"] == 27 && string["in_heap"] == 72), "{core}");
        let sizes: Vec<_> = json_lines(&external)
            .iter()
            .map(|string| (string["length"].as_u64().unwrap(), string["outside"].as_u64().unwrap()))
            .collect();
        assert_eq!(sizes, [(1_100_000, 1_100_000), (1_100_000, 2_200_000)], "{core}");
    }
}

#[test]
fn texts_that_are_there_more_than_once_are_counted_with_what_they_waste() {
    for core in cores() {
        let [all, copies] =
            answers(core, ["::jsstrings -d -j", "::jsstrings -d -p 'one hundred copies' | ::count"]);
        let of = |text: &str| {
            let all = json_lines(&all);
            let same =
                all.iter().find(|same| same["text"] == text).unwrap_or_else(|| panic!("{core}: {text}"));
            ["copies", "length", "wasted"].map(|field| same[field].as_u64().unwrap())
        };
        // The literal of the program is a copy too.
        assert_eq!(of("one hundred copies of this text"), [101, 31, 100 * 48], "{core}");
        assert_eq!(of("fifty copies of a snowman \u{2603}"), [51, 27, 50 * 72], "{core}");
        assert_eq!(copies.trim(), "101", "{core}");
        let wasted: Vec<_> = json_lines(&all).iter().map(|same| same["wasted"].as_u64().unwrap()).collect();
        assert!(wasted.is_sorted(), "{core}: what wastes most comes last");
    }
}

#[test]
fn totals_are_those_of_all_strings() {
    for core in shipped::all() {
        let [totals, all, walked] =
            answers(core, ["::jsstrings -j", "::jsstrings | ::count", "::walk jsstring | ::count"]);
        let count: u64 = json_lines(&totals).iter().map(|row| row["count"].as_u64().unwrap()).sum();
        assert_eq!(all.trim(), count.to_string(), "{core}");
        assert_eq!(walked.trim(), count.to_string(), "{core}");
    }
}

#[test]
fn a_string_is_printed_as_it_is_stored() {
    for core in cores() {
        let root = only(core, "-c MemoryRoot");
        let at = |name: &str| {
            let [answer] = answers(core, [&format!("{root}::jsprint -a strings.{name}")]);
            answer.split(':').next().unwrap().to_owned()
        };
        let describe = |name: &str| {
            let [answer] = answers(core, [&format!("{}::v8str -v -N 0", at(name))]);
            answer
        };
        let parent = at("parent");
        let sliced = describe("sliced");
        assert!(sliced.contains("length 40, SlicedString"), "{core}: {sliced}");
        assert!(
            sliced.contains(&format!("parent: {parent} (SeqOneByteString, length 237), from 37 on")),
            "{core}: {sliced}"
        );
        let rope = describe("rope");
        assert!(rope.contains("length 255, ConsString"), "{core}: {rope}");
        assert!(rope.contains(&format!("first: {parent} (SeqOneByteString, length 237)")), "{core}: {rope}");
        assert!(rope.contains("(SeqOneByteString, length 18)"), "{core}: {rope}");
        let external = describe("wideExternal");
        assert!(external.contains("length 1100000, ExternalTwoByteString"), "{core}: {external}");
        assert!(external.contains(", 2200000 bytes at "), "{core}: {external}");
        let [quoted, cut, raw, wrong] = answers(
            core,
            [
                &format!("{}::v8str", at("controls")),
                &format!("{}::v8str -N 0t8", at("twoByte")),
                &format!("{}::v8str -r", at("controls")),
                &format!("{root}::v8str"),
            ],
        );
        assert_eq!(quoted, "\"tab\\t, quote \\\", backslash \\\\, bell \\u0007, newline\\n.\"\n", "{core}");
        assert_eq!(cut, "\"a snowma\"[...]\n", "{core}");
        assert_eq!(raw, "tab\t, quote \", backslash \\, bell \u{7}, newline\n.\n", "{core}");
        assert_eq!(wrong, "", "{core}: an error on standard error");
    }
}

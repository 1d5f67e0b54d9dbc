//! A web server's core: what it served, against the access log that it kept itself.

use std::collections::BTreeMap;

use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::{all_answers, answers, only};

fn server(line: u32) -> ShippedCore {
    ShippedCore { scenario: "server", line }
}

/// Method, url, status and whether it was answered, of every request: the program's own log, read from its heap.
fn access_log(line: u32) -> Vec<(String, String, u32, bool)> {
    let app = only(server(line), "-c App");
    let lines: Vec<String> = (0..138).map(|n| format!("{app}::jsprint accessLog[{n}]")).collect();
    all_answers(server(line), &lines)
        .iter()
        .map(|entry| {
            let words: Vec<_> = entry.trim().trim_matches('"').split(' ').collect();
            (words[0].to_owned(), words[1].to_owned(), words[2].parse().unwrap(), words.get(3).is_none())
        })
        .collect()
}

const RESPONSES: &str = "::findjsobjects -c ServerResponse | ::findjsobjects";

#[test]
fn requests_that_were_not_found_are_counted_by_url_as_the_server_logged_them() {
    for line in LINES {
        let mut logged: BTreeMap<String, u64> = BTreeMap::new();
        for (_, url, _, _) in access_log(line).into_iter().filter(|(_, _, status, _)| *status == 404) {
            *logged.entry(format!("\"{url}\"")).or_default() += 1;
        }
        assert_eq!(logged.values().sum::<u64>(), 30, "{line}");
        let [of_kinds, table] = answers(
            server(line),
            [
                "::findjsobjects -c ServerResponse | ::where 'statusCode == 404' | ::group req.url",
                &format!("{RESPONSES} | ::where 'statusCode == 404' | ::group req.url"),
            ],
        );
        assert_eq!(of_kinds, table, "{line}: a kind stands for all its objects");
        let row = |row: &str| {
            let cells: Vec<_> = row.split_whitespace().collect();
            (cells[2].to_owned(), cells[0].parse::<u64>().unwrap())
        };
        let found: BTreeMap<_, _> = table.lines().skip(1).map(row).collect();
        assert_eq!(found, logged, "{line}");
    }
}

#[test]
fn every_condition_finds_as_many_requests_as_the_log_has() {
    type Choice = fn(&(String, String, u32, bool)) -> bool;
    let conditions: [(&str, Choice); 7] = [
        ("statusCode == 400 && !finished", |(_, _, status, answered)| *status == 400 && !answered),
        ("!finished", |(_, _, _, answered)| !answered),
        ("req.method == \"POST\"", |(method, _, _, _)| method == "POST"),
        ("req.url =~ /^\\/API/i", |(_, url, _, _)| url.starts_with("/api")),
        ("statusCode in [404, 500]", |(_, _, status, _)| [404, 500].contains(status)),
        ("statusCode >= 400 && req.method != \"GET\"", |(method, _, status, _)| {
            *status >= 400 && method != "GET"
        }),
        ("req.rawHeaders[1] == \"shop.example.net\" && constructor == \"ServerResponse\"", |_| true),
    ];
    for line in LINES {
        let log = access_log(line);
        let lines: Vec<String> = conditions
            .iter()
            .map(|(condition, _)| format!("{RESPONSES} | ::where '{condition}' | ::count"))
            .collect();
        for ((condition, chosen), answer) in conditions.iter().zip(all_answers(server(line), &lines)) {
            let expected = log.iter().filter(|request| chosen(request)).count();
            assert_eq!(answer.trim(), expected.to_string(), "{line}: {condition}");
            assert!(expected > 0, "{condition}: nothing to find");
        }
    }
}

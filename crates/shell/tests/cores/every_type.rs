//! No JavaScript object is printed as an unknown type.

use std::collections::BTreeMap;

use serde_json::Value;
use test_support::scenarios::shipped;

use crate::{all_answers, debugger};

#[test]
fn every_type_of_object_has_a_form_or_a_name() {
    for core in shipped::all() {
        let groups = debugger(core).groups().unwrap();
        let lines: Vec<String> =
            groups.iter().map(|group| format!("{}::jsprint -j -d 1", group.object)).collect();
        let mut classes: BTreeMap<String, u64> = BTreeMap::new();
        for (group, answer) in groups.iter().zip(all_answers(core, &lines)) {
            let object: Value = serde_json::from_str(&answer)
                .unwrap_or_else(|error| panic!("{core}: {}: {error}: {answer}", group.object));
            let class = object["class"].as_str().unwrap_or("").to_owned();
            assert!(!class.is_empty() && !class.starts_with("type "), "{core}: {}: {answer}", group.object);
            let head = object["text"].as_str().unwrap_or("");
            assert!(!head.starts_with('<'), "{core}: {} is a {class}, printed as {head}", group.object);
            *classes.entry(class).or_default() += 1;
        }
        assert!(classes.len() > 10, "{core}: {classes:?}");
    }
}

//! What a scenario is known to leave in its heap (`testdata/scenarios/NAME.expected.json`), and whether a printed value
//! says the same. testdata/README.md describes the form of the facts.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::agreement;
use super::closures::{BuiltFact, FunctionFact, ScopeFact};
use super::printed::Printed;

/// The facts of one scenario.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct Facts {
    /// Objects by constructor: exactly as many, prototypes not among them.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// Classes whose objects inherit a `Symbol.toStringTag`, with that: V8 up to 9.4 calls the objects by the tag, whatever their class.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Plain objects by their property names, joined by commas.
    #[serde(default)]
    pub shapes: BTreeMap<String, Shape>,
    /// The one object that everything hangs off.
    #[serde(default)]
    pub root: Option<Root>,
    /// Member paths from the root, with what is there.
    #[serde(default)]
    pub values: Map<String, Value>,
    /// Further roots with their own values: those of other isolates.
    #[serde(default, rename = "otherRoots")]
    pub other_roots: Vec<OtherRoot>,
    /// Variables that functions have captured, in whatever scope, by member path.
    #[serde(default)]
    pub closures: BTreeMap<String, Map<String, Value>>,
    /// The innermost scopes of functions, by member path.
    #[serde(default)]
    pub scopes: BTreeMap<String, Vec<ScopeFact>>,
    /// Variables that scripts have declared.
    #[serde(default)]
    pub script: Map<String, Value>,
    /// Functions of the program, by name.
    #[serde(default)]
    pub functions: BTreeMap<String, FunctionFact>,
    /// Functions that were built from other sources, by member path.
    #[serde(default)]
    pub built: BTreeMap<String, BuiltFact>,
}

/// Plain objects with the same properties.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub struct Shape {
    /// Objects that the program made.
    pub made: u64,
    /// Literals of the program that made them more than once: V8 keeps one further object of each, which it copies.
    #[serde(default)]
    pub literals: u64,
}

/// How to find the root.
#[derive(Debug, Clone, Deserialize)]
pub struct Root {
    /// It is the only object of this constructor.
    pub constructor: String,
}

/// A root with its values.
#[derive(Debug, Clone, Deserialize)]
pub struct OtherRoot {
    /// It is the only object of this constructor.
    pub constructor: String,
    /// As in [`Facts::values`].
    pub values: Map<String, Value>,
}

impl Facts {
    /// Constructor of each root with the values below it.
    pub fn roots(&self) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
        let first = self.root.iter().map(|root| (root.constructor.as_str(), &self.values));
        first.chain(self.other_roots.iter().map(|root| (root.constructor.as_str(), &root.values)))
    }
}

/// An array longer than this is looked at element by element, not printed whole.
const LONG: u64 = 1000;

/// Member paths to print for a fact at `path`, each with the fact it must agree with.
pub fn members(path: &str, fact: &Value) -> Vec<(String, Value)> {
    let is_long = fact["kind"] == "array" && fact["length"].as_u64().is_some_and(|length| length > LONG);
    if !is_long {
        return vec![(path.to_owned(), fact.clone())];
    }
    let mut members = vec![(format!("{path}.length"), fact["length"].clone())];
    for key in ["elements", "some"] {
        for (index, element) in fact[key].as_object().into_iter().flatten() {
            members.push((format!("{path}[{index}]"), element.clone()));
        }
    }
    members
}

/// Whether a fact holds on a line of Node.js: some exist `since` one.
pub fn is_of(fact: &Value, node: u64) -> bool {
    fact["since"].as_u64().is_none_or(|since| since <= node)
}

/// A fact in which objects of these classes go by their tags.
pub fn tagged(mut fact: Value, tags: &BTreeMap<&str, &str>) -> Value {
    match &mut fact {
        Value::Object(parts) => {
            for (name, part) in parts.iter_mut() {
                let tag = part.as_str().filter(|_| name == "ctor").and_then(|class| tags.get(class));
                *part = tag.map_or_else(|| tagged(part.take(), tags), |tag| (*tag).into());
            }
        }
        Value::Array(elements) => {
            for element in elements {
                *element = tagged(element.take(), tags);
            }
        }
        _ => {}
    }
    fact
}

/// Fails, saying how, unless `text`, printed by `::jsprint`, is what the fact says.
///
/// # Errors
/// What is different.
pub fn check(fact: &Value, text: &str) -> Result<()> {
    let text = text.trim_end_matches('\n');
    ensure!(!text.is_empty(), "nothing was printed");
    agreement::check(fact, &Printed::parse(text)?).map_err(|reason| anyhow!(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn agrees(fact: &Value, text: &str) -> bool {
        check(fact, text).is_ok()
    }

    #[test]
    fn primitives_are_compared_by_value() {
        for (fact, right, wrong) in [
            (json!(4.7), "4.7", "4.70000000000001"),
            (json!(1e21), "1e+21", "1e+20"),
            (json!(0), "0", "-0"),
            (json!("<-0>"), "-0", "0"),
            (json!("<NaN>"), "NaN", "0"),
            (json!("x"), "\"x\"", "x"),
            (json!(null), "null", "undefined"),
            (json!("<undefined>"), "undefined", "\"<undefined>\""),
            (json!(true), "true", "false"),
        ] {
            assert!(agrees(&fact, right), "{fact} and {right}");
            assert!(!agrees(&fact, wrong), "{fact} and {wrong}");
        }
    }

    #[test]
    fn objects_have_the_properties_of_the_fact_and_no_others() {
        let fact = json!({ "kind": "object", "ctor": "P", "props": { "x": 1, "y": "<accessor get>" } });
        assert!(agrees(&fact, "{\n    \"y\": [Getter],\n    \"x\": 1,\n}"));
        assert!(!agrees(&fact, "{\n    \"x\": 1,\n    \"y\": [Getter],\n    \"z\": 1,\n}"));
        assert!(!agrees(&fact, "{\n    \"x\": 2,\n    \"y\": [Getter],\n}"));
        assert!(!agrees(&fact, "{\n    \"x\": 1,\n    \"y\": [Getter/Setter],\n}"));
    }

    #[test]
    fn holes_are_part_of_an_array() {
        let fact = json!({ "kind": "array", "length": 3, "elements": { "0": 1, "2": 3 } });
        assert!(agrees(&fact, "[\n    1,\n    hole,\n    3,\n]"));
        assert!(!agrees(&fact, "[\n    1,\n    undefined,\n    3,\n]"));
        assert!(!agrees(&fact, "[\n    1,\n    3,\n]"));
    }

    #[test]
    fn long_arrays_are_looked_at_by_element() {
        let fact = json!({ "kind": "array", "length": 1_000_001, "elements": { "0": "first" } });
        let members = members("arrays.far", &fact);
        assert_eq!(
            members,
            [("arrays.far.length".into(), json!(1_000_001)), ("arrays.far[0]".into(), json!("first"))]
        );
    }

    #[test]
    fn facts_can_begin_with_a_line() {
        let fact = json!({ "kind": "other", "since": 24, "type": "DisposableStack" });
        assert!(!is_of(&fact, 22) && is_of(&fact, 24) && is_of(&json!(1), 20));
    }

    #[test]
    fn objects_can_go_by_their_tags() {
        let fact =
            json!({ "kind": "map", "ctor": "Registry", "entries": [["ctor", { "ctor": "Registry" }]] });
        let by_tag = json!({ "kind": "map", "ctor": "Map", "entries": [["ctor", { "ctor": "Map" }]] });
        assert_eq!(tagged(fact.clone(), &[("Registry", "Map")].into()), by_tag);
        assert_eq!(tagged(fact.clone(), &[("Stack", "Map")].into()), fact);
    }

    #[test]
    fn what_waits_for_a_promise_is_compared_in_order() {
        let fact = json!({ "kind": "promise", "status": "pending", "reactions": [
            { "onFulfilled": { "kind": "function", "name": "f" } },
            { "awaitedBy": { "kind": "asyncfunction", "function": "g", "state": "suspended", "parameters": [7] } },
        ] });
        let text = "Promise (pending) {\n [[PromiseReactions]]: [\n {\n \"onFulfilled\": function f,\n },\n {\n \
                    \"awaitedBy\": AsyncFunction g (suspended) {\n [[GeneratorParameters]]: [ 7 ],\n },\n },\n ],\n}";
        assert!(agrees(&fact, text));
        assert!(!agrees(&fact, &text.replace("function f", "function h")));
        assert!(!agrees(&fact, &text.replace("[ 7 ]", "[ 8 ]")));
        assert!(!agrees(&json!({ "kind": "promise", "status": "pending", "reactions": [] }), text));
    }

    #[test]
    fn functions_carry_their_inferred_name() {
        let fact = json!({ "kind": "function", "name": "", "inferred": "Session.get" });
        assert!(agrees(&fact, "function <anonymous> (as Session.get)"));
        assert!(!agrees(&fact, "function <anonymous> (as Session.put)"));
    }
}

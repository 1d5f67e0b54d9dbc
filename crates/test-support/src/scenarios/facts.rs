//! What a scenario is known to leave in its heap (`testdata/scenarios/NAME.expected.json`), and whether a printed value
//! says the same. testdata/README.md describes the form of the facts.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::printed::{Printed, shortened};

/// The facts of one scenario.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct Facts {
    /// Objects by constructor: exactly as many, prototypes not among them.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
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

/// Fails, saying how, unless `text`, printed by `::jsprint`, is what the fact says.
pub fn check(fact: &Value, text: &str) -> Result<()> {
    let text = text.trim_end_matches('\n');
    ensure!(!text.is_empty(), "nothing was printed");
    match fact["kind"].as_str() {
        // How these are laid out is not fixed: the text has to hold what matters.
        Some(kind) if is_loose(kind) => check_text(kind, fact, text),
        _ => check_value(fact, &Printed::parse(text)?),
    }
}

fn is_loose(kind: &str) -> bool {
    !matches!(kind, "object" | "array" | "arguments" | "string" | "function" | "date")
}

fn check_value(fact: &Value, printed: &Printed) -> Result<()> {
    match (fact, printed) {
        (Value::Null, Printed::Text(text)) if text == "null" => Ok(()),
        (Value::Bool(expected), Printed::Text(text)) if *text == expected.to_string() => Ok(()),
        (Value::Number(expected), Printed::Text(text)) => {
            let expected = expected.as_f64().unwrap_or(f64::NAN);
            ensure!(
                text.parse::<f64>().is_ok_and(|found| found.to_bits() == expected.to_bits()),
                "expected {expected}, found {text}"
            );
            Ok(())
        }
        (Value::String(expected), _) if is_special(expected) => check_special(expected, printed),
        (Value::String(expected), Printed::String(found)) => {
            ensure!(expected == found, "expected {expected:?}, found {found:?}");
            Ok(())
        }
        (Value::Object(fields), _) => check_object(fields, fact, printed),
        _ => bail!("expected {fact}, found {}", shortened(&format!("{printed:?}"))),
    }
}

/// Values that JSON has no form for are written `<…>`.
fn is_special(text: &str) -> bool {
    matches!(text, "<undefined>" | "<NaN>" | "<-0>" | "<Infinity>" | "<-Infinity>" | "<hole>")
        || text.starts_with("<accessor ")
}

fn check_special(expected: &str, printed: &Printed) -> Result<()> {
    let Printed::Text(found) = printed else { bail!("expected {expected}, found {printed:?}") };
    let same = match expected.strip_prefix("<accessor ") {
        Some(kinds) => {
            let found = found.to_lowercase();
            found.contains("get") == kinds.contains("get") && found.contains("set") == kinds.contains("set")
        }
        None => *found == expected[1..expected.len() - 1],
    };
    ensure!(same, "expected {expected}, found {found}");
    Ok(())
}

fn check_object(fields: &Map<String, Value>, fact: &Value, printed: &Printed) -> Result<()> {
    match (fact["kind"].as_str().unwrap_or_default(), printed) {
        ("object", Printed::Object(properties)) => {
            // Private fields may be shown beside the properties.
            let named: Vec<_> = properties.iter().filter(|(name, _)| !name.starts_with('#')).collect();
            let expected_count = match (fields.get("count"), fields.get("props")) {
                (Some(count), _) => count.as_u64(),
                (None, Some(Value::Object(props))) if fields.contains_key("ctor") => Some(props.len() as u64),
                _ => None,
            };
            if let Some(expected) = expected_count {
                ensure!(
                    named.len() as u64 == expected,
                    "expected {expected} properties, found {}",
                    named.len()
                );
            }
            for key in ["props", "some"] {
                for (name, expected) in fields.get(key).and_then(Value::as_object).into_iter().flatten() {
                    let found = named.iter().find(|(found, _)| found.trim_matches(['[', ']']) == name);
                    let Some((_, value)) = found else { bail!("no property \"{name}\"") };
                    check_value(expected, value)
                        .map_err(|error| error.context(format!("property \"{name}\"")))?;
                }
            }
            Ok(())
        }
        ("array" | "arguments", Printed::Array(elements)) => check_elements(fact, elements),
        ("string", Printed::String(text)) => check_string(fact, text),
        ("function" | "date", Printed::Text(text)) => {
            check_text(fact["kind"].as_str().unwrap_or_default(), fact, text)
        }
        // A kind without a fixed form, inside another value: its text is what is left of it.
        (kind, Printed::Text(text)) if is_loose(kind) => check_text(kind, fact, text),
        (kind, other) if is_loose(kind) => check_text(kind, fact, &format!("{other:?}")),
        (kind, other) => bail!("expected a value of kind {kind}, found {}", shortened(&format!("{other:?}"))),
    }
}

fn check_elements(fact: &Value, elements: &[Printed]) -> Result<()> {
    let length = fact["length"].as_u64().unwrap_or(0);
    ensure!(elements.len() as u64 == length, "expected {length} elements, found {}", elements.len());
    let hole = Value::from("<hole>");
    for (index, found) in elements.iter().enumerate() {
        let index = index.to_string();
        let expected = match (fact["elements"].get(&index), fact["some"].get(&index)) {
            (Some(expected), _) | (None, Some(expected)) => expected,
            (None, None) if fact["elements"].is_object() => &hole,
            (None, None) => continue,
        };
        check_value(expected, found).map_err(|error| error.context(format!("element {index}")))?;
    }
    Ok(())
}

fn check_string(fact: &Value, text: &str) -> Result<()> {
    if let Some(prefix) = fact["prefix"].as_str() {
        ensure!(
            text.starts_with(prefix),
            "expected a string that starts {prefix:?}, found {:?}",
            shortened(text)
        );
    }
    if let (Some(suffix), Some(length)) = (fact["suffix"].as_str(), fact["length"].as_u64()) {
        // A string cut to a readable length has no end to look at.
        if text.encode_utf16().count() as u64 == length {
            ensure!(text.ends_with(suffix), "expected a string that ends {suffix:?}");
        }
    }
    Ok(())
}

/// Facts that the text has to hold somewhere.
fn check_text(kind: &str, fact: &Value, text: &str) -> Result<()> {
    let holds = |needle: &str| ensure_holds(text, needle);
    let lower = text.to_lowercase();
    ensure!(
        !lower.contains("fault") && !lower.contains("error:"),
        "an error is printed: {}",
        shortened(text)
    );
    let field = |name: &str| fact[name].as_str();
    match kind {
        "function" => match (field("inferred"), field("name").unwrap_or_default()) {
            (Some(inferred), _) => holds(&format!("(as {inferred})")),
            (None, "") => holds("<anonymous>"),
            // The article's `::jsprint` shows the name in the source; `get x` and `after` are made by the program.
            (None, name) => holds(name.strip_prefix("get ").unwrap_or(name)),
        },
        "boundfunction" => holds("bound"),
        "date" => match fact["ms"].as_i64() {
            Some(ms) => {
                let first = text.split(' ').next().unwrap_or_default();
                ensure!(first == ms.to_string(), "expected {ms} ms, found {}", shortened(text));
                Ok(())
            }
            None => ensure_any(text, &["NaN", "Invalid"]),
        },
        "regexp" => {
            let source = field("source").unwrap_or_default();
            ensure_any(text, &[source, &source.replace('\\', "\\\\")])?;
            field("flags").map_or(Ok(()), holds)
        }
        "error" => {
            field("ctor").map_or(Ok(()), holds)?;
            field("message").map_or(Ok(()), holds)
        }
        "bigint" => holds(field("value").unwrap_or_default()),
        "symbol" => {
            holds("Symbol")?;
            field("description").map_or(Ok(()), holds)
        }
        "wrapper" | "other" => holds(field("type").unwrap_or_default()),
        "typedarray" => ensure_any(text, &["Typed array", "Array", field("ctor").unwrap_or_default()]),
        _ => ensure_any(&lower, &[kind]),
    }
}

fn ensure_holds(text: &str, needle: &str) -> Result<()> {
    ensure!(text.contains(needle), "expected to find `{needle}` in `{}`", shortened(text));
    Ok(())
}

fn ensure_any(text: &str, needles: &[&str]) -> Result<()> {
    ensure!(
        needles.iter().any(|needle| text.contains(needle)),
        "expected to find one of `{}` in `{}`",
        needles.join("`, `"),
        shortened(text)
    );
    Ok(())
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
    fn functions_carry_their_inferred_name() {
        let fact = json!({ "kind": "function", "name": "", "inferred": "Session.get" });
        assert!(agrees(&fact, "function <anonymous> (as Session.get)"));
        assert!(!agrees(&fact, "function <anonymous> (as Session.put)"));
    }
}

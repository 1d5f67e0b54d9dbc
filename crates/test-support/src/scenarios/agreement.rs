//! Whether a printed value is what a fact says, to the letter. testdata/README.md describes the facts.

use serde_json::{Map, Value};

use super::printed::{Line, Printed};

type Verdict = Result<(), String>;

/// Compares `printed` with `fact`.
///
/// # Errors
/// What is different.
pub fn check(fact: &Value, printed: &Printed) -> Verdict {
    match fact {
        Value::Null => same("null", &printed.head),
        Value::Bool(truth) => same(&truth.to_string(), &printed.head),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            let found: f64 = printed.head.parse().map_err(|_| format!("{} is no number", printed.head))?;
            if found.to_bits() != number.to_bits() {
                return Err(format!("expected {number:e}, found {}", printed.head));
            }
            // The fewest digits that read back as the same number.
            same(&digits(&format!("{number:e}")), &digits(&printed.head))
        }
        Value::String(text) => match text.as_str() {
            "<undefined>" | "<NaN>" | "<-0>" | "<Infinity>" | "<-Infinity>" | "<hole>"
            | "<uninitialized>" => same(&text[1..text.len() - 1], &printed.head),
            "<accessor get+set>" => same("[Getter/Setter]", &printed.head),
            "<accessor get>" => same("[Getter]", &printed.head),
            "<accessor set>" => same("[Setter]", &printed.head),
            text => same_text(text, &printed.head),
        },
        Value::Object(fields) => check_kind(fact["kind"].as_str().unwrap_or(""), fields, fact, printed),
        Value::Array(_) => Err("an array is no fact".to_owned()),
    }
}

/// The significant digits of a number.
fn digits(number: &str) -> String {
    let mantissa = number.split('e').next().unwrap_or("");
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

fn same(expected: &str, found: &str) -> Verdict {
    if expected == found { Ok(()) } else { Err(format!("expected {expected}, found {found}")) }
}

fn same_text(expected: &str, found: &str) -> Verdict {
    let read: String = serde_json::from_str(found).map_err(|error| format!("{found}: {error}"))?;
    same(expected, &read)
}

/// What is compared in the head, kind by kind; then what is between the braces.
fn check_kind(kind: &str, fields: &Map<String, Value>, fact: &Value, printed: &Printed) -> Verdict {
    let text = |name: &str| fact[name].as_str().unwrap_or("");
    let count = |name: &str| fact[name].as_u64();
    let head = printed.head.as_str();
    let slot = |name: &str| printed.get(name).ok_or_else(|| format!("no {name} in {printed:?}"));
    match kind {
        "object" => {
            let inherits = fields.get("ctor") != Some(&Value::Null);
            same(if inherits { "" } else { "[Object: null prototype]" }, head)?;
            if fact["inOrder"] == true {
                let names: Vec<String> =
                    fact["props"].as_object().into_iter().flatten().map(|(name, _)| key(name)).collect();
                same(&names.join(","), &printed.keys().join(","))?;
            }
            properties(fields, printed, true)
        }
        "array" => {
            same("", head)?;
            elements(fact, printed)?;
            properties(fields, printed, false)
        }
        "arguments" => {
            same("Arguments", head)?;
            elements(fact, printed)?;
            properties(fields, printed, false)
        }
        "number" => check(&fact["value"], printed),
        "undefined" => same("undefined", head),
        "null" => same("null", head),
        "boolean" => check(&fact["value"], printed),
        "bigint" => same(&format!("{}n", text("value")), head),
        "symbol" => same(&format!("Symbol({})", text("description")), head),
        "string" => string(fact, head),
        "function" => {
            let name = text("name");
            let inferred =
                if fact["nameIsInferred"] == true { Some(name) } else { fact["inferred"].as_str() };
            let shown = match (inferred, name) {
                (Some(inferred), _) => format!("<anonymous> (as {inferred})"),
                // What V8 infers for functions without any name is its own affair.
                (None, "") => head.split_once(' ').map_or("", |(_, name)| name).to_owned(),
                // What `new Function` makes has no name of its own, and the script that it is in has none either.
                (None, "anonymous") => head.split_once(' ').map_or("", |(_, name)| name).to_owned(),
                (None, name) => name.to_owned(),
            };
            // A name that the parser inferred, or the place: `function (kinds.js:26:27)`.
            let is_nameless = matches!(name, "" | "anonymous") && fact["inferred"].is_null();
            let place = head.split_once(" (").and_then(|(_, place)| place.strip_suffix(')'));
            let has_place = place.is_some_and(|place| {
                let numbers: Vec<_> = place.rsplitn(3, ':').take(2).map(str::parse::<u32>).collect();
                numbers.len() == 2 && numbers.iter().all(Result::is_ok)
            });
            if is_nameless && fact["nameIsInferred"] != true && !head.contains("<anonymous>") && !has_place {
                return Err(format!("expected no name but a place, found {head}"));
            }
            let noun = if fact["class"] == true || head.starts_with("class ") { "class" } else { "function" };
            same(&format!("{noun} {shown}"), head)?;
            properties(fields, printed, false)
        }
        "boundfunction" => {
            let expected = match fact["head"].as_str() {
                Some(head) => head.to_owned(),
                None => format!("bound function {}", text("target")),
            };
            same(&expected, head)?;
            let this = &fact[if fields.contains_key("this") { "this" } else { "boundThis" }];
            check(this, slot("[[BoundThis]]")?)?;
            let arguments = &fact[if fields.contains_key("arguments") { "arguments" } else { "boundArgs" }];
            all(arguments.as_array().map_or(&[], Vec::as_slice), &slot("[[BoundArguments]]")?.items())
        }
        "stack" => {
            let found = head.strip_prefix("[Not formatted yet] ").ok_or(head)?;
            same_text(text("text"), found)
        }
        "date" => {
            match fact["ms"].as_i64() {
                None => same("Invalid Date", head)?,
                Some(time) => {
                    let (found, iso) = head.split_once(' ').ok_or(head)?;
                    same(&time.to_string(), found)?;
                    match time {
                        1_234_567_890_123 => same("(2009-02-13T23:31:30.123Z)", iso)?,
                        0 => same("(1970-01-01T00:00:00.000Z)", iso)?,
                        -1 => same("(1969-12-31T23:59:59.999Z)", iso)?,
                        1_336_242_600_000 => same("(2012-05-05T18:30:00.000Z)", iso)?,
                        _ => {}
                    }
                }
            }
            properties(fields, printed, false)
        }
        "regexp" => {
            same(&format!("/{}/{}", text("source"), text("flags")), head)?;
            match count("lastIndex") {
                Some(0) | None if printed.get("\"lastIndex\"").is_none() => {}
                Some(index) => same(&index.to_string(), &slot("\"lastIndex\"")?.head)?,
                None => return Err("a lastIndex".to_owned()),
            }
            properties(fields, printed, false)
        }
        "error" => {
            match fact["message"].as_str() {
                Some(message) => {
                    let found = head.strip_prefix(text("ctor")).and_then(|rest| rest.strip_prefix(": "));
                    same_text(message, found.ok_or(format!("expected a {}, found {head}", text("ctor")))?)?;
                }
                None => same(text("ctor"), head)?,
            }
            properties(fields, printed, false)
        }
        "map" | "set" | "weakmap" | "weakset" => collection(kind, fact, printed),
        "weakref" => {
            same("WeakRef", head)?;
            check(&fact["target"], slot("[[WeakRefTarget]]")?)
        }
        "promise" => {
            same(&format!("Promise ({})", text("status")), head)?;
            match fields.get("value") {
                Some(value) => check(value, slot("[[PromiseResult]]")?)?,
                None if printed.get("[[PromiseResult]]").is_none() => {}
                None => return Err("a result".to_owned()),
            }
            if let Some(handled) = fact["handled"].as_bool() {
                same(&handled.to_string(), &slot("[[PromiseIsHandled]]")?.head)?;
            }
            if let Some(reactions) = fact["reactions"].as_array() {
                records(reactions, printed.get("[[PromiseReactions]]"))?;
            }
            properties(fields, printed, false)
        }
        "proxy" if fact["revoked"] == true => same("Proxy (revoked)", head),
        "proxy" => {
            same("Proxy", head)?;
            check(&fact["target"], slot("[[ProxyTarget]]")?)
        }
        "generator" | "asyncgenerator" | "asyncfunction" => {
            let class = match kind {
                "generator" => "Generator",
                "asyncgenerator" => "AsyncGenerator",
                _ => "AsyncFunction",
            };
            match fact["place"].as_str() {
                // A function without a name goes by its place: file and line.
                Some(at) => {
                    let is_there = head.starts_with(&format!("{class} ({at}:"))
                        && head.ends_with(&format!(") ({})", text("state")));
                    if !is_there {
                        return Err(format!("expected one of {at}, found {head}"));
                    }
                }
                None => same(&format!("{class} {} ({})", text("function"), text("state")), head)?,
            }
            generator(fact, printed)
        }
        "finalizationregistry" => {
            same("FinalizationRegistry", head)?;
            same(&format!("function {}", text("callback")), &slot("[[CleanupCallback]]")?.head)?;
            // When the callback is called for what has been collected is not known beforehand.
            records(fact["cells"].as_array().map_or(&[], Vec::as_slice), printed.get("[[Cells]]"))?;
            Ok(())
        }
        "wrapper" => {
            let (class, value) = head.split_once(": ").ok_or(head)?;
            if let Some(expected) = fact["type"].as_str() {
                same(expected, class)?;
            }
            check(&fact["value"], &Printed::bare(value))?;
            properties(fields, printed, false)
        }
        "arraybuffer" | "sharedarraybuffer" => {
            let class = if kind == "arraybuffer" { "ArrayBuffer" } else { "SharedArrayBuffer" };
            let length = count("byteLength").unwrap_or(0);
            let bytes = fact["bytes"].as_str().map_or("00".repeat(length as usize), str::to_owned);
            let bytes: Vec<&str> = (0..bytes.len() / 2).map(|at| &bytes[2 * at..2 * at + 2]).collect();
            let verb = if kind == "arraybuffer" { "resizable" } else { "growable" };
            let note = match count("maxByteLength") {
                Some(longest) => format!(" ({verb} to {longest})"),
                None if fact["detached"] == true => " (detached)".to_owned(),
                None => String::new(),
            };
            same(&format!("{class}({length}){note} <{}>", bytes.join(" ")), head)
        }
        "dataview" => {
            same(&format!("DataView({}){}", count("byteLength").unwrap_or(0), note(fact)), head)?;
            same(&count("byteOffset").unwrap_or(0).to_string(), &slot("[[ByteOffset]]")?.head)?;
            slot("[[ViewedArrayBuffer]]").map(|_| ())
        }
        "typedarray" | "buffer" => typed_array(fact, printed),
        "modulenamespace" => {
            same("Module", head)?;
            for (name, fact) in fact["exports"].as_object().into_iter().flatten() {
                check(fact, slot(&format!("\"{name}\""))?)?;
            }
            Ok(())
        }
        "other" => {
            if let Some(expected) = fact["head"].as_str() {
                same(expected, head)?;
            } else if let Some(value) = fact["text"].as_str() {
                // The names of time zones are not in the heap.
                let value = match value.rsplit_once('[') {
                    Some((bare, _)) if fact["withoutZone"] == true => bare,
                    _ => value,
                };
                same(&format!("{} {value}", text("type")), head)?;
            } else {
                let class = text("type").replace(' ', "");
                if !head.replace(' ', "").contains(&class) {
                    return Err(format!("no {class}: {head}"));
                }
            }
            if fields.contains_key("locale") {
                check(&fact["locale"], slot("[[Locale]]")?)?;
            }
            for (name, fact) in fact["slots"].as_object().into_iter().flatten() {
                check(fact, slot(&format!("[[{name}]]"))?).map_err(|reason| format!("{name}: {reason}"))?;
            }
            match fact["resources"].as_array() {
                Some(resources) => records(resources, printed.get("[[DisposeCapability]]")),
                None => Ok(()),
            }
        }
        _ => Err(format!("unknown kind of fact: {kind}")),
    }
}

/// Behind the length of a view: ` (length-tracking)`.
fn note(fact: &Value) -> String {
    fact["note"].as_str().map_or_else(String::new, |note| format!(" ({note})"))
}

/// Places under names, that stand in no object of the program's: each as the fact says, and as many.
fn records(facts: &[Value], printed: Option<&Printed>) -> Verdict {
    let found: Vec<&Printed> = printed.map_or_else(Vec::new, |list| list.items());
    if facts.len() != found.len() {
        return Err(format!("expected {} entries, found {}", facts.len(), found.len()));
    }
    for (fact, found) in facts.iter().zip(found) {
        for (name, fact) in fact.as_object().into_iter().flatten() {
            let found = found.get(&key(name)).ok_or_else(|| format!("no {name} in {found:?}"))?;
            check(fact, found).map_err(|reason| format!("{name}: {reason}"))?;
        }
    }
    Ok(())
}

/// What a suspended call still has.
fn generator(fact: &Value, printed: &Printed) -> Verdict {
    let slot = |name: &str| printed.get(name).ok_or_else(|| format!("no {name} in {printed:?}"));
    if let Some(source) = fact["at"].as_str() {
        stands_at(source, &slot("[[GeneratorLocation]]")?.head)?;
    }
    if let Some(parameters) = fact["parameters"].as_array() {
        all(parameters, &slot("[[GeneratorParameters]]")?.items())?;
    }
    // Which register has what is V8's own affair.
    for value in fact["registers"].as_array().into_iter().flatten() {
        let registers = slot("[[GeneratorRegisters]]")?;
        if !registers.lines.iter().any(|line| check(value, &line.value).is_ok()) {
            return Err(format!("no register has {value}: {registers:?}"));
        }
    }
    for (name, fact) in fact["variables"].as_object().into_iter().flatten() {
        let variables = slot("[[GeneratorVariables]]")?;
        check(fact, variables.get(&key(name)).ok_or_else(|| format!("no variable {name}"))?)?;
    }
    if let Some(promise) = fact.get("promise") {
        check(promise, slot("[[AsyncFunctionPromise]]")?)?;
    }
    match fact["queue"].as_array() {
        Some(queue) => records(queue, printed.get("[[AsyncGeneratorQueue]]")),
        None => Ok(()),
    }
}

/// Whether the program has this text at a place that is printed as `"/srv/app.js:12:5"`.
fn stands_at(text: &str, place: &str) -> Verdict {
    let place: String = serde_json::from_str(place).map_err(|error| format!("{place}: {error}"))?;
    let mut parts = place.rsplitn(3, ':');
    let column: usize = parts.next().and_then(|part| part.parse().ok()).ok_or("no column")?;
    let line: usize = parts.next().and_then(|part| part.parse().ok()).ok_or("no line")?;
    let file = parts.next().and_then(|path| path.rsplit('/').next()).ok_or("no file")?;
    let path = super::testdata().join("scenarios").join(file);
    let source = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let found = source.lines().nth(line.wrapping_sub(1)).and_then(|line| line.get(column.wrapping_sub(1)..));
    match found {
        Some(found) if found.starts_with(text) => Ok(()),
        found => Err(format!("expected {text:?} at {place}, found {found:?}")),
    }
}

fn string(fact: &Value, head: &str) -> Verdict {
    if let Some(units) = fact["units"].as_array() {
        // Surrogates without partner are escaped: `bad \ud800 end`.
        let shown: String = units
            .iter()
            .map(|unit| unit.as_u64().unwrap_or(0) as u32)
            .map(|unit| char::from_u32(unit).map_or_else(|| format!("\\u{unit:04x}"), String::from))
            .collect();
        return same(&format!("\"{shown}\""), head);
    }
    if let Some(value) = fact["value"].as_str() {
        return same_text(value, head);
    }
    let text: String = serde_json::from_str(head).map_err(|error| error.to_string())?;
    let length = text.encode_utf16().count() as u64;
    if Some(length) != fact["length"].as_u64() {
        return Err(format!("{length} characters"));
    }
    if !text.starts_with(fact["prefix"].as_str().unwrap_or(""))
        || !text.ends_with(fact["suffix"].as_str().unwrap_or(""))
    {
        return Err("other characters".to_owned());
    }
    Ok(())
}

fn all(facts: &[Value], printed: &[&Printed]) -> Verdict {
    if facts.len() != printed.len() {
        return Err(format!("expected {} values, found {}", facts.len(), printed.len()));
    }
    facts.iter().zip(printed).try_for_each(|(fact, printed)| check(fact, printed))
}

/// The key that a property's name prints as.
fn key(name: &str) -> String {
    if name.starts_with("Symbol(") {
        format!("[{name}]")
    } else if name.starts_with('#') {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// Named properties: those of the fact and, if `exactly`, no others.
fn properties(fields: &Map<String, Value>, printed: &Printed, exactly: bool) -> Verdict {
    let mut expected = 0;
    for group in ["props", "private", "some"] {
        // `some` of an array are elements.
        if group == "some" && printed.bracket == Some('[') {
            continue;
        }
        for (name, fact) in fields.get(group).and_then(Value::as_object).into_iter().flatten() {
            expected += 1;
            let found = printed.get(&key(name)).ok_or_else(|| format!("no property {name}"))?;
            check(fact, found).map_err(|reason| format!("{name}: {reason}"))?;
        }
    }
    let others = printed.keys().len();
    let wanted = match fields.get("count").and_then(Value::as_u64) {
        Some(count) => count as usize,
        None if exactly && fields.contains_key("ctor") => expected,
        None => return Ok(()),
    };
    if others == wanted {
        Ok(())
    } else {
        Err(format!("expected {wanted} properties, found {:?}", printed.keys()))
    }
}

fn elements(fact: &Value, printed: &Printed) -> Verdict {
    let found = printed.items();
    if let Some(length) = fact["length"].as_u64()
        && found.len() as u64 != length
    {
        return Err(format!("expected {length} elements, found {}", found.len()));
    }
    let hole = Value::from("<hole>");
    let groups = ["elements", "some", "elementAt", "accessorAt"];
    for (index, found) in found.into_iter().enumerate() {
        let index = index.to_string();
        let fact = match groups.iter().find_map(|group| fact[group].get(&index)) {
            Some(fact) => fact,
            None if fact["elements"].is_object() => &hole,
            None => continue,
        };
        check(fact, found).map_err(|reason| format!("[{index}]: {reason}"))?;
    }
    Ok(())
}

fn collection(kind: &str, fact: &Value, printed: &Printed) -> Verdict {
    let class = match kind {
        "map" => "Map",
        "set" => "Set",
        "weakmap" => "WeakMap",
        _ => "WeakSet",
    };
    let facts = fact["entries"].as_array().or(fact["values"].as_array());
    let size = facts.map_or_else(|| fact["size"].as_u64().unwrap_or(0), |facts| facts.len() as u64);
    same(&format!("{}({size})", fact["ctor"].as_str().unwrap_or(class)), &printed.head)?;
    let lines: Vec<&Line> = printed.lines.iter().filter(|line| line.key.is_none()).collect();
    if lines.len() as u64 != size {
        return Err(format!("expected {size} entries, found {}", lines.len()));
    }
    let agrees = |fact: &Value, line: &Line| match (&line.entry_key, fact.as_array()) {
        (Some(key), Some(pair)) => check(&pair[0], key).and_then(|()| check(&pair[1], &line.value)),
        (None, None) => check(fact, &line.value),
        _ => Err(format!("another kind of entry: {line:?}")),
    };
    for (index, fact) in facts.into_iter().flatten().enumerate() {
        if kind.starts_with("weak") {
            // They have no order.
            if !lines.iter().any(|line| agrees(fact, line).is_ok()) {
                return Err(format!("no entry {fact}"));
            }
        } else {
            agrees(fact, lines[index])?;
        }
    }
    Ok(())
}

fn typed_array(fact: &Value, printed: &Printed) -> Verdict {
    let text = fact["text"].as_str();
    let length = fact["length"].as_u64().unwrap_or_else(|| text.map_or(0, |text| text.len() as u64));
    same(&format!("{}({length}){}", fact["ctor"].as_str().unwrap_or("Buffer"), note(fact)), &printed.head)?;
    let found = printed.items();
    if found.len() as u64 != length.min(128) {
        return Err(format!("expected {length} elements, found {}", found.len()));
    }
    for (index, value) in fact["values"].as_array().into_iter().flatten().enumerate() {
        match value.as_str() {
            Some(bigint) if bigint.parse::<i128>().is_ok() => {
                same(&format!("{bigint}n"), &found[index].head)?;
            }
            _ => check(value, found[index])?,
        }
    }
    for (index, byte) in text.unwrap_or("").bytes().enumerate() {
        same(&byte.to_string(), &found[index].head)?;
    }
    for element in found {
        let fill = [&fact["fill"], &fact["some"]["0"]].into_iter().find_map(Value::as_u64);
        if let Some(fill) = fill {
            same(&fill.to_string(), &element.head)?;
        }
    }
    Ok(())
}

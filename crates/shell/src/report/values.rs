//! What the program's strings say is left out of a report, unless it is asked for: so that it can be shown to others.
//!
//! Names stay: of constructors, functions, properties, variables, files; and the source text around a place. Texts of the heap are in
//! quotes wherever they are part of a line, and are taken out there; what an exception says is cut to the name of its class, and of a
//! command line only the programs stay.

use serde_json::Value;

/// Whether what strings say is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Left out.
    LeftOut,
    /// Shown.
    Shown,
}

/// What stands for a text that is left out.
const LEFT_OUT: &str = "\"...\"";
/// In front of a name that is in quotes and is no text of the program.
const NAMED: &str = "variable ";
/// Fields that quote the source of scripts, or are names as they are.
const AS_THEY_ARE: [&str; 8] =
    ["lines", "addedAt", "properties", "file", "command", "commands", "place", "lastCollections"];

impl Values {
    /// A row without what strings say, if that is wanted.
    pub(crate) fn of_row(self, row: &mut Value) {
        if self == Values::LeftOut {
            clean(row, "");
        }
    }

    /// The text of an exception: the name of its class only.
    pub(crate) fn of_exception(self, text: &str) -> String {
        if self == Values::Shown {
            return text.to_owned();
        }
        let class = text.split(':').next().unwrap_or_default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
        match !class.is_empty() && class != text && class.chars().all(is_name) {
            true => format!("{class} (its message is left out)"),
            false => "an exception (its text is left out)".to_owned(),
        }
    }

    /// A command line: what stands behind the script is left out.
    pub(crate) fn of_command_line(self, words: &[String]) -> String {
        let last_part = |word: &String| word.rsplit('/').next().unwrap_or(word).to_owned();
        if self == Values::Shown {
            return words.join(" ");
        }
        let mut shown: Vec<String> = words.iter().take(1).map(last_part).collect();
        shown.extend(words.iter().skip(1).find(|word| !word.starts_with('-')).map(last_part));
        shown.join(" ")
    }
}

fn clean(value: &mut Value, field: &str) {
    match value {
        Value::String(text) if !AS_THEY_ARE.contains(&field) && text.contains('"') => {
            *text = without_quoted(text);
        }
        Value::Array(values) if !AS_THEY_ARE.contains(&field) => {
            values.iter_mut().for_each(|value| clean(value, field));
        }
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(field, value)| clean(value, field));
        }
        _ => {}
    }
}

/// Without what stands between quotes; a quote that is not closed takes all that is behind it with it.
fn without_quoted(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let before = &rest[..start];
        shown.push_str(before);
        let behind = &rest[start + 1..];
        if before.ends_with(NAMED)
            && let Some(end) = behind.find('"')
            && is_variable(&behind[..end])
        {
            shown.push_str(&rest[start..start + end + 2]);
            rest = &behind[end + 1..];
            continue;
        }
        shown.push_str(LEFT_OUT);
        // A text may have quotes of its own: what can be told is where the last of them is, unless it is followed by the end of a name.
        rest = match behind.rfind('"') {
            Some(end) => &behind[end + 1..],
            None => "",
        };
    }
    shown + rest
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_strings_say_is_left_out_and_names_stay() {
        let mut row = json!({
            "how": "map value of key \"session-12\"",
            "path": "global.broker[\"a \"quoted\" key\"].get(\"x\").rest",
            "edge": "closure variable \"cache\" of load",
            "name": "\"secret",
            "lines": ["const s = \"source\";"],
            "steps": [{ "name": "\"deep\"" }],
            "constructor": "Session",
        });
        Values::LeftOut.of_row(&mut row);
        assert_eq!(
            row,
            json!({
                "how": "map value of key \"...\"",
                "path": "global.broker[\"...\").rest",
                "edge": "closure variable \"cache\" of load",
                "name": "\"...\"",
                "lines": ["const s = \"source\";"],
                "steps": [{ "name": "\"...\"" }],
                "constructor": "Session",
            })
        );
    }

    #[test]
    fn an_exception_keeps_its_class_and_a_command_line_its_programs() {
        let left = Values::LeftOut;
        assert_eq!(left.of_exception("TypeError: no 'secret'"), "TypeError (its message is left out)");
        assert_eq!(left.of_exception("a secret: of the user"), "an exception (its text is left out)");
        let words =
            ["/usr/bin/node", "--max-old-space-size=20", "/srv/app.js", "--token=x"].map(str::to_owned);
        assert_eq!(left.of_command_line(&words), "node app.js");
    }
}

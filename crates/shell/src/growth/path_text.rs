//! A path of names as text: `global.broker.sessions.get("session-7")`.

use std::fmt::Write;

use v8_heap::compare::{Key, Step};

use crate::answers::roots::root_name;
use crate::output::escape;

/// Of longer paths the middle is left out.
const MOST_STEPS: usize = 64;

/// The path, safe to print.
pub fn path_text(steps: &[&Step]) -> String {
    let mut text = String::new();
    let left_out = steps.len().saturating_sub(MOST_STEPS);
    let start = if left_out == 0 { steps.len() } else { MOST_STEPS / 2 };
    steps[..start].iter().for_each(|step| add(step, &mut text));
    if left_out > 0 {
        write(&mut text, format_args!(" ... {left_out} steps ... "));
        steps[start + left_out..].iter().for_each(|step| add(step, &mut text));
    }
    text
}

/// The path of one of several objects that differ in one step, so many before the end: `global.broker.lists.get(*)`.
pub fn pattern_text(steps: &[&Step], from_end: usize) -> String {
    let (before, behind) = steps.split_at(steps.len().saturating_sub(from_end));
    let mut text = path_text(before);
    let Some((any, behind)) = behind.split_first() else { return text };
    text.push_str(match any {
        Step::Element(_) => "[*]",
        Step::Value(_) => ".get(*)",
        _ => ".*",
    });
    behind.iter().for_each(|step| add(step, &mut text));
    text
}

fn add(step: &Step, text: &mut String) {
    match step {
        Step::Global => text.push_str("global"),
        Step::Root(kind, constructor) => {
            write(text, format_args!("<{} of {}>", root_name(*kind), escape(constructor)));
        }
        Step::Property(name) if is_identifier(name) => write(text, format_args!(".{name}")),
        Step::Property(name) if name.starts_with("Symbol(") => {
            write(text, format_args!("[{}]", escape(name)))
        }
        Step::Property(name) => write(text, format_args!("[{}]", quoted(name))),
        Step::Getter(name) => write(text, format_args!(".[[Getter {}]]", escape(name))),
        Step::Setter(name) => write(text, format_args!(".[[Setter {}]]", escape(name))),
        Step::Element(index) => write(text, format_args!("[{index}]")),
        Step::Value(Key::Text(key)) => write(text, format_args!(".get({})", quoted(key))),
        Step::Value(Key::Number(bits)) => write(text, format_args!(".get({})", f64::from_bits(*bits))),
        Step::Value(Key::Word(word)) => write(text, format_args!(".get({word})")),
        Step::Variable(name) => write(text, format_args!(".[[Variable {}]]", escape(name))),
        Step::Slot(name) => write(text, format_args!(".[[{name}]]")),
        Step::NumberedSlot(name, number) => write(text, format_args!(".[[{name}]][{number}]")),
    }
}

fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(what);
    debug_assert!(written.is_ok(), "a String takes all text");
}

fn is_identifier(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    name.starts_with(|c: char| is_part(c) && !c.is_ascii_digit()) && name.chars().all(is_part)
}

/// In quotes; long texts are cut.
pub fn quoted(name: &str) -> String {
    /// In characters.
    const LONGEST: usize = 60;
    let cut: String = name.chars().take(LONGEST).collect();
    let more = if cut.len() < name.len() { "..." } else { "" };
    format!("\"{}{more}\"", escape(&cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_in_the_language_and_reach_the_terminal_safely() {
        let steps = [
            Step::Global,
            Step::Property("broker".into()),
            Step::Property("by-name\u{1b}[2J".into()),
            Step::Value(Key::Text("session-7".into())),
            Step::Value(Key::Number(2.5f64.to_bits())),
            Step::Element(3),
            Step::Variable("cache".into()),
            Step::Slot("BoundThis"),
        ];
        let text = path_text(&steps.iter().collect::<Vec<_>>());
        assert!(text.starts_with("global.broker[\"by-name"), "{text}");
        assert!(
            text.ends_with("\"].get(\"session-7\").get(2.5)[3].[[Variable cache]].[[BoundThis]]"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn the_step_that_differs_is_no_certain_one() {
        let property = |name: &str| Step::Property(name.into());
        let of = |any: Step, rest: &[Step]| {
            let mut steps = vec![Step::Global, property("index"), any];
            steps.extend_from_slice(rest);
            pattern_text(&steps.iter().collect::<Vec<_>>(), 1 + rest.len())
        };
        assert_eq!(of(Step::Value(Key::Text("a".into())), &[]), "global.index.get(*)");
        assert_eq!(of(Step::Element(3), &[property("all")]), "global.index[*].all");
        assert_eq!(of(property("a"), &[]), "global.index.*");
    }

    #[test]
    fn a_long_way_keeps_its_ends() {
        let next = Step::Property("next".into());
        let mut steps = vec![&Step::Global];
        steps.extend(std::iter::repeat_n(&next, 1000));
        let text = path_text(&steps);
        assert!(text.starts_with("global.next") && text.ends_with(".next"), "{text}");
        assert!(text.contains(" ... 937 steps ... ") && text.len() < 400, "{text}");
    }
}

//! A few lines of a script around one of them.

use serde_json::{Value, json};
use v8_heap::Heap;
use v8_heap::objects::script::Script;

use crate::output::escape;
use crate::print::function::{file_name, script_name};

/// Lines on either side.
const AROUND: usize = 3;
/// More code units of a line are not shown.
const LONGEST: u32 = 200;

/// Lines of a script. Nothing in it is escaped.
#[derive(Debug)]
pub(crate) struct Excerpt {
    /// The script's name.
    pub(crate) file: String,
    /// The number of the first line, from 1 on.
    pub(crate) first: u64,
    /// The number of the line that it is about.
    pub(crate) line: u64,
    /// The lines.
    pub(crate) lines: Vec<String>,
}

/// A line of a script that is worth a look.
#[derive(Debug)]
pub(crate) struct SourceLine {
    /// `app.js:41: this.bySession.set(id, c);`. Escaped.
    pub(crate) text: String,
    /// The lines around it.
    pub(crate) excerpt: Option<Excerpt>,
}

/// More code units of a script are not looked at for such lines.
pub(crate) const LONGEST_SOURCE: usize = 4 << 20;
/// More characters of such a line are not shown.
const LONGEST_LINE: usize = 70;

impl SourceLine {
    /// The line with this index in a script.
    pub(crate) fn of(heap: &Heap<'_>, script: &Script<'_>, index: usize, line: &str) -> SourceLine {
        let line = escape(&line.trim().chars().take(LONGEST_LINE).collect::<String>()).into_owned();
        let offset = u64::try_from(script.line_offset).unwrap_or(0);
        let number = index as u64 + 1;
        SourceLine {
            text: format!("{}:{number}: {line}", escape(&file_name(heap, script))),
            excerpt: Excerpt::of(heap, script, number + offset),
        }
    }
}

impl Excerpt {
    /// The lines around `line`, which counts from 1 within the file; nothing if the source is not in the core.
    pub(crate) fn of(heap: &Heap<'_>, script: &Script<'_>, line: u64) -> Option<Excerpt> {
        let index = i64::try_from(line).ok()? - 1 - i64::from(script.line_offset);
        let index = usize::try_from(index).ok()?;
        let lines = heap.script_lines(script).ok()?;
        lines.range(index)?;
        let start = index.saturating_sub(AROUND);
        let mut shown = Vec::new();
        for at in start..=index + AROUND {
            let Some((from, to)) = lines.range(at) else { break };
            let units = heap.script_text(script, from, to.min(from.saturating_add(LONGEST))).ok()?;
            let line = String::from_utf16_lossy(&units);
            let more = if to - from > LONGEST { "..." } else { "" };
            shown.push(format!("{}{more}", line.trim_end_matches(['\n', '\r', '\u{2028}', '\u{2029}'])));
        }
        Some(Excerpt {
            file: script_name(heap, script),
            first: line - (index - start) as u64,
            line,
            lines: shown,
        })
    }

    /// As JSON has it.
    pub(crate) fn json(&self) -> Value {
        json!({ "file": self.file, "first": self.first, "line": self.line, "lines": self.lines })
    }
}

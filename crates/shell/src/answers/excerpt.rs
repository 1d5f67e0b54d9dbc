//! A few lines of a script around one of them.

use serde_json::{Value, json};
use v8_heap::Heap;
use v8_heap::objects::script::Script;

use crate::print::function::script_name;

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

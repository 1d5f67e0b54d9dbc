//! Where the source calls a function.

use v8_heap::Heap;
use v8_heap::layout::Kind as HeapKind;

use super::excerpt::{LONGEST_SOURCE, SourceLine};
use crate::context::Context;
use crate::error::DcmdError;
use crate::print::function;

/// More of them are not shown.
const MOST: usize = 3;

/// The first lines in scripts of the program that call a function of a global object, which has its name last: `URL.createObjectURL`.
///
/// # Errors
/// The user has stopped it, or the objects cannot be read.
pub(crate) fn calling_places(
    context: &Context,
    heap: &Heap<'_>,
    function: &str,
) -> Result<Vec<SourceLine>, DcmdError> {
    let name = function.rsplit('.').next().unwrap_or(function);
    let Ok(call) = regex::Regex::new(&format!(r"(^|[^\w$#]){}\s*\(", regex::escape(name))) else {
        return Ok(Vec::new());
    };
    let monitor = context.progress();
    let mut scripts = Vec::new();
    heap.for_each_of(HeapKind::Script, &monitor, |script| {
        scripts.extend(heap.script(script.value()));
        true
    })?;
    drop(monitor);
    scripts.sort_by_key(|script| script.id);
    let mut found = Vec::new();
    for script in scripts {
        context.check_interrupt()?;
        if function::script_name(heap, &script).starts_with("node:") {
            continue;
        }
        let source = script.source.and_then(|source| heap.string(source, LONGEST_SOURCE).ok());
        let Some(source) = source.map(|source| source.to_text()) else { continue };
        for (index, line) in source.lines().enumerate().filter(|(_, line)| call.is_match(line)) {
            found.push(SourceLine::of(heap, &script, index, line));
            if found.len() == MOST {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

//! The stacks of all threads, JavaScript and native functions together, those that are alike once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use v8_heap::Heap;
use v8_heap::objects::frame::{JavaScriptFrame, Tier};

use super::callback::NODE;
use super::excerpt::Excerpt;
use super::javascript_stack::{javascript_stack, text_of};
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::function::script_name;
use crate::profile::{Profile, Stack, Unit};

/// A function on a stack. Stacks are alike if the texts of all their functions are.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// As it is shown. Escaped.
    pub(crate) text: String,
    /// What it is, if it is JavaScript with a place; not escaped.
    pub(crate) place: Option<CallPlace>,
    /// It is JavaScript.
    pub(crate) is_javascript: bool,
}

/// Where a function of JavaScript is.
#[derive(Clone, Debug)]
pub(crate) struct CallPlace {
    pub(crate) name: Option<String>,
    pub(crate) file: String,
    pub(crate) line: Option<u64>,
    pub(crate) excerpt: Option<Value>,
}

/// A stack, and the threads that are in it.
#[derive(Debug)]
pub(crate) struct MergedStack {
    pub(crate) threads: Vec<u32>,
    /// Innermost first.
    pub(crate) calls: Vec<Call>,
}

/// The stacks of all threads but those that have none in the process, up to `most` functions of each; the most common first.
///
/// # Errors
/// A stack cannot be read, or the user has stopped it.
pub(crate) fn merged_stacks(context: &Context, most: usize) -> Result<Vec<MergedStack>, DcmdError> {
    let heap = context.heap().ok();
    let mut stacks: BTreeMap<Vec<String>, MergedStack> = BTreeMap::new();
    for thread in context.target()?.threads().iter().filter(|thread| thread.has_user_stack()) {
        let stack = context.stack_of(thread, usize::MAX)?;
        let javascript = heap.map(|heap| (heap, javascript_stack(heap, &stack)));
        let mut calls = Vec::new();
        for (index, frame) in stack.frames.iter().enumerate() {
            context.check_interrupt()?;
            if calls.len() >= most {
                break;
            }
            let functions = javascript.as_ref().map_or_else(Vec::new, |(heap, stack)| {
                let functions = stack.functions(index).into_iter();
                let functions = functions.filter(|function| function.tier != Tier::Builtin);
                functions.map(|function| call_of(heap, &function)).collect()
            });
            match functions.is_empty() {
                true => calls.push(Call {
                    text: without_offset(&context.show_frame(frame)).to_owned(),
                    place: None,
                    is_javascript: false,
                }),
                false => calls.extend(functions),
            }
        }
        calls.truncate(most);
        let key = calls.iter().map(|call| call.text.clone()).collect();
        stacks
            .entry(key)
            .or_insert_with(|| MergedStack { threads: Vec::new(), calls })
            .threads
            .push(thread.id);
    }
    let mut stacks: Vec<_> = stacks.into_values().collect();
    stacks.sort_by_key(|stack| (std::cmp::Reverse(stack.threads.len()), stack.threads.first().copied()));
    Ok(stacks)
}

fn call_of(heap: &Heap<'_>, frame: &JavaScriptFrame) -> Call {
    let text = escape(&text_of(heap, frame)).into_owned();
    let place = frame.site.as_ref().and_then(|site| {
        let (script, position) = heap.frame_position(site)?;
        let file = script_name(heap, &script);
        let line = heap.script_location(&script, position).map(|place| u64::from(place.line));
        let excerpt = line
            .filter(|_| !file.starts_with(NODE))
            .and_then(|line| Excerpt::of(heap, &script, line))
            .map(|excerpt| excerpt.json());
        Some(CallPlace { name: heap.frame_name(site), file, line, excerpt })
    });
    Call { text, place, is_javascript: true }
}

/// The stacks with their threads as the weight.
pub(crate) fn profile_of(stacks: &[MergedStack]) -> Profile {
    let stack = |stack: &MergedStack| Stack {
        frames: stack.calls.iter().rev().map(|call| call.text.clone()).collect(),
        weight: stack.threads.len() as u64,
    };
    Profile {
        title: "stacks of all threads".to_owned(),
        unit: Unit::Threads,
        stacks: stacks.iter().map(stack).collect(),
    }
}

impl MergedStack {
    /// As JSON has it.
    pub(crate) fn json(&self) -> Value {
        let calls: Vec<Value> = self
            .calls
            .iter()
            .map(|call| {
                let place = call.place.as_ref();
                json!({
                    "text": call.text,
                    "javascript": call.is_javascript,
                    "name": place.and_then(|place| place.name.clone()),
                    "file": place.map(|place| place.file.clone()),
                    "line": place.and_then(|place| place.line),
                    "source": place.and_then(|place| place.excerpt.clone()),
                })
            })
            .collect();
        json!({ "threads": self.threads, "calls": calls })
    }
}

/// `uv_run+0x5cb` is `uv_run`: threads that wait at two places in one function are alike.
fn without_offset(name: &str) -> &str {
    match name.rsplit_once("+0x") {
        Some((function, offset)) if offset.bytes().all(|byte| byte.is_ascii_hexdigit()) => function,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_lose_their_offsets() {
        assert_eq!(without_offset("uv_run+0x5cb"), "uv_run");
        assert_eq!(without_offset("a+0xb::operator+(int)"), "a+0xb::operator+(int)");
        assert_eq!(without_offset("0x2645f59"), "0x2645f59");
    }
}

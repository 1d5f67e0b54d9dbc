//! `::jsstacks`: print the stacks of all threads, those that are alike once.
//!
//! JavaScript and native functions, as `$C` shows them, under the ids of the threads that are in them; the most common first. Workers of the
//! kernel, which have no stack in the process, are left out. `-n` limits the functions of each.

use std::collections::BTreeMap;
use std::io::Write;

use v8_heap::objects::frame::Tier;

use crate::answers::javascript_stack::{javascript_stack, text_of};
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "uncaught-24",
    "::jsstacks -n 1",
    r#"
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsstacks",
    aliases: &["stacks"],
    summary: "print the stacks of all threads, those that are alike once",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::number('n', "functions", "print only so many of each stack, from the innermost on")],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("jsstacks.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let most = args.number('n').map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        Ok(for_each(move |context, _, out| {
            let heap = context.heap().ok();
            let mut stacks: BTreeMap<Vec<String>, Vec<u32>> = BTreeMap::new();
            for thread in context.target()?.threads().iter().filter(|thread| thread.has_user_stack()) {
                let stack = context.stack_of(thread, usize::MAX)?;
                let javascript = heap.map(|heap| (heap, javascript_stack(heap, &stack)));
                let mut lines = Vec::new();
                for (index, frame) in stack.frames.iter().enumerate() {
                    context.check_interrupt()?;
                    if lines.len() >= most {
                        break;
                    }
                    let functions = javascript.as_ref().map_or_else(Vec::new, |(heap, stack)| {
                        let functions = stack.functions(index).into_iter();
                        let functions = functions.filter(|function| function.tier != Tier::Builtin);
                        functions.map(|function| escape(&text_of(heap, &function)).into_owned()).collect()
                    });
                    match functions.is_empty() {
                        true => lines.push(without_offset(&context.show_frame(frame)).to_owned()),
                        false => lines.extend(functions),
                    }
                }
                lines.truncate(most);
                stacks.entry(lines).or_default().push(thread.id);
            }
            let mut stacks: Vec<_> = stacks.into_iter().collect();
            stacks.sort_by_key(|(_, threads)| (std::cmp::Reverse(threads.len()), threads.first().copied()));
            for (lines, threads) in stacks {
                let ids: Vec<String> = threads.iter().map(|id| format!("{id:x}")).collect();
                let word = if threads.len() == 1 { "thread" } else { "threads" };
                let mut text = out.text();
                writeln!(text, "{} {word}: {}", threads.len(), ids.join(" "))?;
                for line in lines {
                    writeln!(text, "    {line}")?;
                }
            }
            Ok(())
        }))
    },
};

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

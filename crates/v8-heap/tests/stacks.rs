//! Which words of a stack keep objects alive: those in frames of V8, and no others.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;

use test_support::v8_heap::{HeapBuilder, Release, Space, StackBuilder};
use v8_heap::graph::Life;
use v8_heap::{Heap, Unattended};

const STACK: u64 = 0x7fff_0000_0000;
/// `StackFrame::INTERNAL`, and others like it, are above the exit frames.
const INTERNAL: u64 = 20;

/// What the words of a stack are called.
type Words = BTreeMap<&'static str, u64>;

/// What is alive if the stack is as `make` has it; the thread has `register` in a register.
fn lives(
    register: &str,
    make: impl Fn(&mut StackBuilder, &Words),
) -> Vec<(Release, BTreeMap<&'static str, Life>)> {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    let run = |release| {
        let mut builder = HeapBuilder::new(release);
        let young = builder.page(Space::New);
        let undefined = builder.roots().undefined;
        let point = builder.class("Point", &["x"]);
        let mut words: Words = NAMES
            .into_iter()
            .map(|name| (name, builder.instance(young, &point, &[HeapBuilder::smi(1)])))
            .collect();
        words.insert("function", builder.function("run"));
        words.insert("context", builder.context(young, undefined, undefined, &[]));
        let mut stack = StackBuilder::new(STACK);
        make(&mut stack, &words);
        let exit = stack.last_exit();
        let (at, bytes, thread) = stack.build(7, words.get(register).copied().unwrap_or(0));
        let isolate = builder.isolate_address(builder.main());
        let mut dump = builder.build();
        dump.add(at, bytes);
        // Where V8 has its `ThreadLocalTop`: handlers on the stack, and the last exit frame.
        dump.set_word(isolate + 0x58, at + 8);
        dump.set_word(isolate + 0x60, exit);
        let threads = [thread];
        let heap = Heap::open(&dump, &dump, &threads).unwrap();
        let (table, liveness) = (heap.objects(&Unattended).unwrap(), heap.liveness(&Unattended).unwrap());
        let life = |name: &'static str| {
            let id = table.id_at(heap.spaces(), words[name] - 1).unwrap();
            (name, liveness.of(id.0))
        };
        (release, NAMES.into_iter().map(life).collect())
    };
    Release::ALL.into_iter().map(run).collect()
}

/// `live` are alive, `unsure` are only held by what may be left over, the others by nothing.
fn expect(found: Vec<(Release, BTreeMap<&'static str, Life>)>, live: &[&str], unsure: &[&str]) {
    assert_eq!(found.len(), Release::ALL.len());
    for (release, lives) in found {
        for (name, life) in lives {
            let expected = match name {
                name if live.contains(&name) => Life::Live,
                name if unsure.contains(&name) => Life::Unsure,
                _ => Life::Dead,
            };
            assert_eq!(life, expected, "{name} on {release:?}");
        }
    }
}

#[test]
fn what_is_in_frames_of_native_functions_is_left_over() {
    let found = lives("c", |stack, words| {
        stack.native(&[words["a"], 0, words["b"]]);
        stack.native(&[]);
    });
    expect(found, &[], &["a", "b", "c"]);
}

#[test]
fn what_is_between_entry_and_exit_is_alive() {
    let found = lives("e", |stack, words| {
        stack.native(&[words["a"]]);
        stack.entry();
        stack.typed(INTERNAL, &[words["b"]]);
        stack.function(words["function"], words["context"], &[5, words["c"]]);
        stack.exit();
        stack.native(&[words["d"]]);
    });
    expect(found, &["b", "c"], &["a", "d", "e"]);
}

/// Where native code keeps frame pointers, a small number below one is like the type of a frame.
#[test]
fn native_frames_that_look_like_frames_of_v8_keep_nothing_alive() {
    let found = lives("", |stack, words| {
        stack.entry();
        stack.function(words["function"], words["context"], &[words["a"]]);
        stack.exit();
        let exit = stack.last_exit();
        stack.typed(INTERNAL, &[words["b"]]);
        stack.typed(INTERNAL, &[words["c"]]);
        // The innermost function has something else in the register of the frame pointer.
        stack.is_done_to(exit);
    });
    expect(found, &["a"], &["b", "c"]);
}

#[test]
fn native_code_between_two_stretches_keeps_nothing_alive() {
    let found = lives("", |stack, words| {
        stack.entry();
        stack.function(words["function"], words["context"], &[words["a"]]);
        stack.exit();
        stack.native(&[words["b"]]);
        stack.entry();
        stack.function(words["function"], words["context"], &[words["c"]]);
        stack.typed(INTERNAL, &[]);
        stack.exit();
        stack.native(&[words["d"]]);
    });
    expect(found, &["a", "c"], &["b", "d"]);
}

#[test]
fn code_of_v8_that_runs_has_values_in_registers() {
    let found = lives("e", |stack, words| {
        stack.native(&[words["a"]]);
        stack.entry();
        stack.function(words["function"], words["context"], &[words["b"]]);
        stack.typed(INTERNAL, &[words["c"]]);
    });
    expect(found, &["b", "c", "e"], &["a"]);
}

/// Compiled code calls some native functions without an exit frame.
#[test]
fn a_frame_whose_end_is_not_known_counts() {
    let found = lives("e", |stack, words| {
        stack.entry();
        stack.function(words["function"], words["context"], &[words["a"]]);
        stack.native(&[words["b"]; 4]);
        // The callee uses the frame pointer for something else.
        stack.native(&[]);
        // `fast_c_call_caller_fp`
        let fp = stack.fp();
        stack.is_done_to(fp);
    });
    expect(found, &["a", "b"], &["e"]);
}

/// An earlier call has left its frames where a native function has not written yet.
#[test]
fn frames_that_are_left_over_are_none() {
    let found = lives("", |stack, words| {
        stack.entry();
        stack.function(words["function"], words["context"], &[words["a"]]);
        let caller = stack.fp();
        stack.exit();
        stack.native(&[words["b"]]);
        // As an internal frame below the same function once was.
        stack.native(&[caller, 2 * INTERNAL, words["c"]]);
    });
    expect(found, &["a"], &["b", "c"]);
}

/// As what an event loop leaves of the callbacks before, in a buffer that it has not filled.
#[test]
fn a_whole_call_that_is_done_keeps_nothing_alive() {
    let found = lives("", |stack, words| {
        stack.entry();
        stack.function(words["function"], words["context"], &[words["a"]]);
        stack.exit();
        stack.native(&[words["b"]]);
        stack.is_done();
    });
    expect(found, &[], &["a", "b"]);
    let found = lives("", |stack, words| {
        stack.entry();
        stack.function(words["function"], words["context"], &[words["a"]]);
        stack.exit();
        let exit = stack.last_exit();
        stack.entry();
        stack.function(words["function"], words["context"], &[words["b"]]);
        stack.exit();
        stack.is_done_to(exit);
    });
    expect(found, &["a"], &["b"]);
}

/// Anything may stand on a stack that looks like a frame of entry.
#[test]
fn an_entry_frame_that_calls_nobody_is_none() {
    let found = lives("", |stack, words| {
        stack.native(&[words["a"]]);
        stack.entry();
        stack.native(&[words["b"]]);
    });
    expect(found, &[], &["a", "b"]);
}

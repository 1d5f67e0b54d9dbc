//! Functions of JavaScript on a stack that is laid out by hand: what V8 puts around its frame pointers.
#![allow(clippy::unwrap_used)] // a test may panic

use test_support::v8_heap::{HeapBuilder, Release, Space};
use v8_heap::objects::frame::{FrameValue, JavaScriptFrame, PhysicalFrame, Tier};
use v8_heap::{Heap, Tagged};

const STACK: u64 = 0x7fff_0000_0000;
const WORDS: usize = 0x100;
/// Frame pointers.
const INNER: u64 = STACK + 0x100;
const MIDDLE: u64 = STACK + 0x200;
const OUTER: u64 = STACK + 0x300;

/// `StackFrame::CONSTRUCT`, `STUB`, `INTERNAL` and `BUILTIN_EXIT`, and how far above the frame pointer of the last the receiver is (V8:
/// `src/execution/frames.h`, `frame-constants.h`).
fn types(release: Release) -> (u64, u64, u64, u64, u64) {
    match release {
        Release::Node20 => (23, 17, 22, 25, 48),
        Release::Node22 => (23, 17, 22, 26, 48),
        Release::Node24 => (24, 18, 23, 27, 48),
        Release::Node26 => (14, 8, 13, 17, 40),
    }
}

/// What a stack is made of.
struct Parts {
    function: u64,
    context: u64,
    undefined: u64,
}

/// The functions of the innermost frame if the stack has these words, by their distance from its start.
fn functions(
    release: Release,
    pointers: &[u64],
    words: impl Fn(&Parts) -> Vec<(u64, u64)>,
) -> (u64, Vec<JavaScriptFrame>) {
    let mut builder = HeapBuilder::new(release);
    let young = builder.page(Space::New);
    let undefined = builder.roots().undefined;
    let function = builder.function("run");
    let context = builder.context(young, undefined, undefined, &[]);
    let mut dump = builder.build();
    dump.add(STACK, vec![0; 8 * WORDS]);
    for (at, word) in words(&Parts { function, context, undefined }) {
        dump.set_word(at, word);
    }
    let heap = Heap::open(&dump, &dump, &[]).unwrap();
    let frame = |pointer: &u64| PhysicalFrame {
        pointer: Some(*pointer),
        instruction: 0x40_1234,
        is_interrupted: false,
    };
    let stack = heap.javascript_stack(pointers.iter().map(frame).collect());
    (function, stack.functions(0))
}

/// A frame of the function, called with the numbers 10 and 11.
fn function_frame(parts: &Parts) -> Vec<(u64, u64)> {
    let number = HeapBuilder::smi;
    vec![
        (INNER - 24, 3),
        (INNER - 16, parts.function),
        (INNER - 8, parts.context),
        (INNER + 16, number(5)),
        (INNER + 24, number(10)),
        (INNER + 32, number(11)),
    ]
}

fn numbers(values: &[FrameValue]) -> Vec<Option<i32>> {
    values.iter().map(|value| value.tagged().and_then(Tagged::smi)).collect()
}

#[test]
fn a_function_has_what_it_was_called_with() {
    for release in Release::ALL {
        let (function, found) = functions(release, &[INNER], function_frame);
        let [frame] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(frame.function, Tagged(function));
        assert_eq!(numbers(std::slice::from_ref(&frame.receiver)), [Some(5)]);
        assert_eq!((numbers(&frame.arguments), frame.passed), (vec![Some(10), Some(11)], Some(2)));
        assert_eq!((frame.tier, frame.is_constructor, frame.is_inlined), (Tier::Builtin, false, false));
    }
}

#[test]
fn a_function_called_with_new_has_a_frame_that_says_so_above_it() {
    for release in Release::ALL {
        let (construct, stub, internal, ..) = types(release);
        for (pointers, middle, outer, expected) in [
            (&[INNER, MIDDLE][..], construct, 0, true),
            (&[INNER, MIDDLE, OUTER][..], stub, construct, true),
            (&[INNER, MIDDLE, OUTER][..], internal, construct, false),
            (&[INNER, MIDDLE][..], stub, construct, false),
        ] {
            let (_, found) = functions(release, pointers, |parts| {
                let mut words = function_frame(parts);
                words.extend([(MIDDLE - 8, 2 * middle), (OUTER - 8, 2 * outer)]);
                words
            });
            assert_eq!(found[0].is_constructor, expected, "{release:?}, {middle}, {outer}");
        }
    }
}

#[test]
fn a_builtin_in_native_code_is_named_by_its_exit_frame() {
    for release in Release::ALL {
        let (_, _, _, exit, receiver) = types(release);
        for is_new in [false, true] {
            let (function, found) = functions(release, &[INNER], |parts| {
                // The receiver, new target, target, the count itself and what fills up count as well.
                let extra = i32::try_from((receiver - 16) / 8 + 1).unwrap();
                let number = HeapBuilder::smi;
                vec![
                    (INNER - 8, 2 * exit),
                    (INNER + 16, if is_new { parts.function } else { parts.undefined }),
                    (INNER + 24, parts.function),
                    (INNER + 32, number(extra + 2)),
                    (INNER + receiver, number(5)),
                    (INNER + receiver + 8, number(10)),
                    (INNER + receiver + 16, number(11)),
                ]
            });
            let [frame] = found.as_slice() else { panic!("{release:?}: {found:?}") };
            assert_eq!((frame.function, frame.is_constructor), (Tagged(function), is_new));
            assert_eq!((numbers(&frame.arguments), frame.passed), (vec![Some(10), Some(11)], Some(2)));
        }
    }
}

#[test]
fn other_frames_are_none_of_javascript() {
    for release in Release::ALL {
        let (_, _, internal, ..) = types(release);
        let (_, found) = functions(release, &[INNER], |_| vec![(INNER - 8, 2 * internal)]);
        assert!(found.is_empty(), "{found:?}");
        // A context without a function, and the other way round.
        let (_, found) = functions(release, &[INNER], |parts| vec![(INNER - 8, parts.context)]);
        assert!(found.is_empty(), "{found:?}");
        let (_, found) = functions(release, &[INNER], |parts| vec![(INNER - 16, parts.function)]);
        assert!(found.is_empty(), "{found:?}");
        // A frame pointer that leads nowhere.
        let (_, found) = functions(release, &[8, u64::MAX - 3], function_frame);
        assert!(found.is_empty(), "{found:?}");
    }
}

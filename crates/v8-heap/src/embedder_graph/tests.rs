//! A program of a few instructions, written by hand from the processor's manual, that fills a graph as Node.js does.

use test_support::v8_heap::{Dump, HeapBuilder, Release, Space};

use super::*;
use crate::Unattended;

/// Memory of the program.
const NATIVE: u64 = 0x5600_0000_0000;
const FIRST: u64 = NATIVE + 0x1000;
const SECOND: u64 = NATIVE + 0x1040;
const TABLE: u64 = NATIVE + 0x1080;
const OBJECT: u64 = NATIVE + 0x1100;
const CLASS: u64 = NATIVE + 0x1140;
const HANDLE: u64 = NATIVE + 0x1180;
const PREFIX: u64 = NATIVE + 0x1200;
const NAME: u64 = NATIVE + 0x1240;
const EDGE: u64 = NATIVE + 0x1280;
const PARTS: u64 = NATIVE + 0x400;

/// Code with constants in it.
struct Code(Vec<u8>);

impl Code {
    fn then(mut self, bytes: &[u8]) -> Code {
        self.0.extend(bytes);
        self
    }

    /// An instruction with a constant of eight bytes.
    fn constant(self, bytes: [u8; 2], value: u64) -> Code {
        self.then(&bytes).then(&value.to_le_bytes())
    }

    /// Has the graph in `rbx` take over the node of which the address is at the top of the stack: `AddNode` is its third function.
    fn add_node(self, node: u64) -> Code {
        // mov rax, node; mov [rsp], rax; mov rdi, rbx; lea rsi, [rsp]; mov rax, [rbx]; call [rax + 16]
        self.constant([0x48, 0xb8], node)
            .then(&[0x48, 0x89, 0x04, 0x24, 0x48, 0x89, 0xdf, 0x48, 0x8d, 0x34, 0x24])
            .then(&[0x48, 0x8b, 0x03, 0xff, 0x50, 0x10])
    }
}

/// Adds a node, one for a JavaScript object, an edge from it to that, asks an object, and ends itself if it still owns the node.
fn builder() -> Vec<u8> {
    // push rbx; push r12; sub rsp, 24; mov rbx, rsi
    let code = Code(vec![0x53, 0x41, 0x54, 0x48, 0x83, 0xec, 24, 0x48, 0x89, 0xf3]).add_node(FIRST);
    // cmp qword [rsp], 0; je over ud2; mov r12, rax
    let code = code.then(&[0x48, 0x83, 0x3c, 0x24, 0, 0x74, 2, 0x0f, 0x0b, 0x49, 0x89, 0xc4]);
    // mov rax, HANDLE; mov [rsp + 8], rax; mov rdi, rbx; lea rsi, [rsp + 8]; mov rax, [rbx]; call [rax]
    let code = code
        .constant([0x48, 0xb8], HANDLE)
        .then(&[0x48, 0x89, 0x44, 0x24, 8, 0x48, 0x89, 0xdf])
        .then(&[0x48, 0x8d, 0x74, 0x24, 8, 0x48, 0x8b, 0x03, 0xff, 0x10]);
    // mov rdi, rbx; mov rsi, r12; mov rdx, rax; mov rcx, EDGE; mov rax, [rbx]; call [rax + 24]
    let code = code
        .then(&[0x48, 0x89, 0xdf, 0x4c, 0x89, 0xe6, 0x48, 0x89, 0xc2])
        .constant([0x48, 0xb9], EDGE)
        .then(&[0x48, 0x8b, 0x03, 0xff, 0x50, 24]);
    // mov rdi, OBJECT; mov rsi, rbx; mov rax, [rdi]; call [rax + 16]
    let code =
        code.constant([0x48, 0xbf], OBJECT).then(&[0x48, 0x89, 0xde, 0x48, 0x8b, 0x07, 0xff, 0x50, 16]);
    // add rsp, 24; pop r12; pop rbx; ret
    code.then(&[0x48, 0x83, 0xc4, 24, 0x41, 0x5c, 0x5b, 0xc3]).0
}

/// What an object consists of: the second node.
fn parts() -> Vec<u8> {
    // push rbx; sub rsp, 16; mov rbx, rsi
    let code = Code(vec![0x53, 0x48, 0x83, 0xec, 16, 0x48, 0x89, 0xf3]).add_node(SECOND);
    code.then(&[0x48, 0x83, 0xc4, 16, 0x5b, 0xc3]).0
}

/// A process with a heap and such a program; and the object that its handle holds.
fn process(change: impl Fn(&mut [u8])) -> (Dump, u64) {
    let mut builder_of_heap = HeapBuilder::new(Release::Node24);
    let young = builder_of_heap.page(Space::New);
    let point = builder_of_heap.class("Point", &["x"]);
    let object = builder_of_heap.instance(young, &point, &[HeapBuilder::smi(1)]);
    let mut memory = vec![0; 0x2000];
    let mut put = |at: u64, bytes: &[u8]| {
        let at = (at - NATIVE) as usize;
        memory[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(NATIVE, &builder());
    put(PARTS, &parts());
    // mov rax, [rdi + 8]; mov rax, [rdi + 16]; xor eax, eax; movzx eax, byte [rdi + 24]; mov rax, PREFIX
    let prefix = Code(Vec::new()).constant([0x48, 0xb8], PREFIX).then(&[0xc3]).0;
    let functions: [&[u8]; 5] = [
        &[0x48, 0x8b, 0x47, 8, 0xc3],
        &[0x48, 0x8b, 0x47, 16, 0xc3],
        &[0x31, 0xc0, 0xc3],
        &[0x0f, 0xb6, 0x47, 24, 0xc3],
        &prefix,
    ];
    let places = [2, 3, 4, 5, 7];
    for (place, function) in places.into_iter().zip(functions) {
        let at = NATIVE + 0x800 + 0x40 * place;
        put(at, function);
        put(TABLE + 8 * place, &at.to_le_bytes());
    }
    put(CLASS + 16, &PARTS.to_le_bytes());
    put(OBJECT, &CLASS.to_le_bytes());
    put(HANDLE, &object.to_le_bytes());
    for (node, size, is_root) in [(FIRST, 480_u64, 1_u64), (SECOND, 17, 0)] {
        let words = [TABLE, NAME, size, is_root];
        put(node, &words.map(u64::to_le_bytes).concat());
    }
    put(PREFIX, b"Node /\0");
    put(NAME, b"ZlibStream\0");
    put(EDGE, b"wrapped\0");
    change(&mut memory);
    let mut dump = builder_of_heap.build();
    dump.add(NATIVE, memory);
    (dump, object)
}

fn told(dump: &Dump, steps: u64) -> EmbedderGraph {
    let heap = Heap::open(dump, dump, &[]).unwrap();
    let isolate = &heap.spaces().isolates()[0];
    let environment = Environment { address: NATIVE, heap: isolate.heap, event_loop: None, clock: None };
    let limits = Limits { steps, bytes: 1 << 20 };
    let mut asking =
        Asking { heap: &heap, symbols: dump, monitor: &Unattended, builder: NATIVE, collected: None, limits };
    let mut graph = EmbedderGraph::default();
    asking.ask(&environment, &mut graph).unwrap();
    graph
}

#[test]
fn what_a_program_tells_is_noted() {
    let (dump, object) = process(|_| {});
    let graph = told(&dump, 10_000);
    let native = |size, is_root| Node::Native { name: 1, size, is_root, merged: None };
    assert_eq!(graph.told, Told::All);
    assert_eq!(graph.nodes, [native(480, true), Node::Value(Tagged(object)), native(17, false)]);
    assert_eq!(graph.edges, [Edge { from: 0, to: 1, name: Some(0) }]);
    assert_eq!(graph.texts, ["wrapped", "Node / ZlibStream"]);
}

#[test]
fn an_object_that_cannot_be_asked_is_left_out() {
    // cpuid
    let (dump, object) = process(|memory| memory[0x400..0x402].copy_from_slice(&[0x0f, 0xa2]));
    let graph = told(&dump, 10_000);
    assert!(matches!(graph.told, Told::Without { objects: 1, reason: Halt::Unknown(_) }), "{:?}", graph.told);
    assert_eq!(graph.nodes.len(), 2);
    assert_eq!(graph.nodes[1], Node::Value(Tagged(object)));
}

#[test]
fn what_does_not_end_is_ended() {
    // jmp to itself
    let (dump, _) = process(|memory| memory[0x400..0x402].copy_from_slice(&[0xeb, 0xfe]));
    assert_eq!(told(&dump, 10_000).told, Told::Nothing(Reason::Halt(Halt::Steps)));
    let (dump, _) = process(|memory| memory[..2].copy_from_slice(&[0xeb, 0xfe]));
    assert_eq!(told(&dump, 10_000).told, Told::Nothing(Reason::Halt(Halt::Steps)));
}

#[test]
fn nothing_in_the_program_does_harm() {
    for at in (0..0x1300).step_by(3) {
        for byte in [0, 0xff, 0xc3, 0x48] {
            let (dump, _) = process(|memory| memory[at] = byte);
            let graph = told(&dump, 5_000);
            assert!(graph.nodes.len() < 5_000);
            let count = graph.nodes.len() as u32;
            assert!(graph.edges.iter().all(|edge| edge.from < count && edge.to < count));
        }
    }
}

#[test]
fn an_object_has_the_bytes_of_all_parts_that_are_its_own() {
    let native = |size, is_root| Node::Native { name: 0, size, is_root, merged: None };
    let nodes = vec![
        Node::Value(Tagged(0x1001)),
        native(480, false),
        native(65_536, false),
        native(24, false),
        Node::Value(Tagged(0x2001)),
        native(64, false),
        native(2_800, true),
    ];
    // The first has two parts, one of the second object, and the root; its parts refer back.
    let pairs = [(0, 1), (1, 0), (1, 2), (2, 3), (3, 1), (4, 5), (5, 4), (1, 5), (1, 6), (6, 1), (6, 5)];
    let edges = pairs.map(|(from, to)| Edge { from, to, name: None });
    let graph = EmbedderGraph { nodes, edges: edges.to_vec(), ..EmbedderGraph::default() };
    let bytes = graph.bytes_behind();
    assert_eq!(bytes[&Tagged(0x1001)], 480 + 65_536 + 24);
    assert_eq!(bytes[&Tagged(0x2001)], 64);
    assert_eq!(bytes.len(), 2);
}

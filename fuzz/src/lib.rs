//! What the fuzz targets have in common: whom they ask, and what must hold whatever the answer.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use core_reader::{Address, Core, Memory, OpenOptions, Registers, Symbols, TableKind, Thread, Unwinder};
use shell::context::Context;
use shell::interpreter::{self, Source};
use shell::interrupt::Interrupt;
use shell::output::{Terminal, is_safe};
use shell::target::Target;
use test_support::v8_heap::{Dump, HeapBuilder, Release, Space, Type};
use v8_heap::questions::StringQuery;
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Unattended};

/// No input may keep a target busy for longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Writes `bytes` to a file of this process, in memory where there is such a directory.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let path = directory.join(format!("v8mdb-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).expect("room for a small file");
    path
}

/// Opens a core, with its executable or without.
pub fn open(core: &[u8], executable: Option<&[u8]>) -> Option<Core> {
    let core = file("core", core);
    let executable = executable.map(|bytes| file("program", bytes));
    let options = OpenOptions { core, executable, ..OpenOptions::default() };
    let opened = Core::open(&options);
    if let Err(error) = &opened {
        assert!(!error.to_string().is_empty());
    }
    opened.ok()
}

/// Asks a core everything that can be asked of any.
pub fn ask_core(core: &Core) {
    let ranges = core.memory().ranges();
    assert!(ranges.iter().all(|range| range.start < range.end));
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start), "ranges overlap");
    for range in ranges.iter().take(64) {
        let _ = core.memory().bytes_from(range.start);
        let _ = core.memory().read_u64(Address(range.end.0 - 1));
    }
    let mut unwinder = Unwinder::new(core);
    for (index, thread) in core.threads().iter().enumerate().take(16) {
        let _ = core.symbols().thread_local("entry", thread);
        let _ = unwinder.stack(&thread.registers, 1000);
        let _ = core.floating_point(index);
    }
    for name in ["main", "node::Start", "f()", "operator", "a::~b<c>"] {
        let _ = core.symbols().find(name);
        let _ = core.symbols().resolve(None, name);
    }
    let _ = core.symbols().with_prefix("v8dbg_");
    for (index, module) in core.modules().iter().enumerate().take(16) {
        let _ = core.symbols().nearest(module.start, 0x1000);
        for table in [TableKind::Static, TableKind::Dynamic] {
            let _ = core.symbols().entries(index, table).take(1 << 16).count();
        }
    }
    let _ = core.raw_notes().count();
    let _ = core
        .recorded_signal()
        .map(|signal| signal.code_name().map(|(name, meaning)| name.len() + meaning.len()));
    for warning in core.warnings() {
        assert!(!warning.to_string().is_empty());
    }
}

/// A heap with something of most sorts, and a thread that holds it.
pub fn small_heap(release: Release) -> (Dump, Thread) {
    let mut builder = HeapBuilder::new(release);
    let (old, page) = (builder.old(), builder.page(Space::New));
    let smi = HeapBuilder::smi;
    let class = builder.class("Point", &["x", "y"]);
    let derived = builder.derived_class("Circle", &class, &["x", "y", "r"]);
    let text = builder.string(page, "hello, world");
    let wide = builder.two_byte_string(page, &[0x2603, 0xd800]);
    let mut rope = builder.cons_string(page, text, wide, 14);
    for piece in 1..100 {
        rope = builder.cons_string(page, rope, text, 14 + 12 * piece);
    }
    let slice = builder.sliced_string(page, text, 2, 5);
    let thin = builder.thin_string(page, text, 12);
    let external = builder.external_string(page, "outside", false);
    let number = builder.heap_number(page, 1.5);
    let mut members = Vec::new();
    for value in [text, wide, rope, slice, thin, external, number] {
        let inner = builder.instance(page, &class, &[value, smi(1)]);
        members.push(builder.instance(old, &derived, &[inner, smi(1), number]));
    }
    let map = builder.array_map();
    let array = builder.array(page, map, &members);
    let (a, b) = (builder.name("a"), builder.name("b"));
    let scope = builder.scope_info(old, &[a, b]);
    let undefined = builder.roots().undefined;
    let context = builder.context(page, scope, undefined, &[text, array]);
    let function = builder.function_with(scope, context);
    let script = builder.script(page, rope, text, array);
    let empty = builder.roots().empty_fixed_array;
    let mut all = vec![array, function, script];
    for (class, table, words) in [
        (
            Type::JsMap,
            Type::OrderedHashMap,
            vec![smi(1), smi(0), smi(2), smi(0), smi(-1), text, number, smi(-1)],
        ),
        (Type::JsSet, Type::OrderedHashSet, vec![smi(1), smi(0), smi(2), smi(0), smi(-1), text, smi(-1)]),
        (Type::JsWeakMap, Type::EphemeronHashTable, vec![smi(1), smi(0), smi(1), array, text]),
    ] {
        let table = builder.array_like(page, table, &words);
        let map = builder.map_of(class);
        all.push(builder.object(page, map, empty, empty, &[table]));
    }
    let root = builder.array(page, map, &all);
    let registers = Registers { rax: root, ..Registers::default() };
    (builder.build(), Thread { id: 1, signal: 0, registers })
}

/// Asks a heap everything about every object in it.
pub fn ask_objects(heap: &Heap<'_>) {
    let _ = heap.self_check(&Unattended);
    let Ok(table) = heap.objects(&Unattended) else { return };
    for page in 0..table.page_count() {
        for (address, map_id) in table.page_objects(page) {
            let object = HeapObject { address, map_id, map: heap.map(map_id) };
            let _ = heap.value(object.value());
            let _ = heap.own_properties(object);
            let _ = heap.elements(object);
            let _ = heap.string(object.value(), 1 << 16);
            let _ = heap.constructor_name(object);
            let _ = heap.context_variables(object);
            let _ = heap.scope(object);
            let _ = heap.closure_context(object).map(|context| heap.context_chain(context).len());
            let _ = heap.function_text_range(object);
            let _ = heap.script(object.value()).map(|script| heap.script_lines(&script));
        }
    }
    let _ = heap.kinds(&Unattended);
    let query = StringQuery { containing: Some(vec![0x6f]), ..StringQuery::default() };
    let _ = heap.strings(&query, &Unattended);
}

/// What a session has printed.
#[derive(Clone, Default)]
pub struct Captured(Rc<RefCell<Vec<u8>>>);

impl Captured {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A restricted session, on a core or on none.
pub struct Session {
    context: Context,
    results: Captured,
    messages: Captured,
}

impl Session {
    /// On the core in a file.
    pub fn on(core: Option<PathBuf>) -> Session {
        let target = core.map(|core| {
            let options = OpenOptions { core, ..OpenOptions::default() };
            Target::open(&options, &Interrupt::default()).expect("a core that opens")
        });
        let (results, messages) = (Captured::default(), Captured::default());
        let terminal = Terminal::new(Box::new(results.clone()), Box::new(messages.clone()));
        let context = Context::new(target, terminal, Interrupt::default(), false);
        context.settings.set_option("restricted", true).expect("an option");
        Session { context, results, messages }
    }

    /// Runs lines, and checks what they print.
    pub fn run(&self, lines: &str, source: Source<'_>) {
        let start = Instant::now();
        // It gets Ctrl-C if it takes too long, and must heed it.
        let interrupt = self.context.interrupt.clone();
        let (done, waiting) = std::sync::mpsc::channel::<()>();
        let watcher = std::thread::spawn(move || {
            if waiting.recv_timeout(Duration::from_millis(500)).is_err() {
                interrupt.set();
            }
        });
        let _ = interpreter::run(&self.context, lines, source, &self.context.text);
        let _ = self.context.text.flush();
        drop(done.send(()));
        let _ = watcher.join();
        self.context.interrupt.clear();
        assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
        for bytes in [self.results.take(), self.messages.take()] {
            check_text(&bytes);
        }
    }
}

/// Nothing steers a terminal.
pub fn check_text(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let bad = text.chars().find(|c| !is_safe(*c) && !matches!(c, '\n' | '\t'));
    assert!(bad.is_none(), "{bad:?} in {text:?}");
}

//! `::whatis`: say what an address belongs to.
//!
//! The first and narrowest answer: the symbol that covers the address, the JavaScript object or the part of a heap page, the
//! frame of a stack, a thread's own variables, the block of malloc, the mapping. `-a` prints all answers, `-v` the mapping
//! as well. An address that the process did not have is `unknown`.
//!
//! # What is guessed
//!
//! Where a block of malloc begins is known from the allocator's own words alone, followed from the start of its heap: see
//! `::malloc`. Other allocators are not known: their memory is `[ anon ]`.

use std::io::Write;

use core_reader::{Address, Contents, Memory, MemoryRange, Symbols, TableKind};
use serde_json::json;
use v8_heap::Tagged;
use v8_heap::isolate::{Page, PageState};

use crate::answers::machine_code::JavaScriptCode;
use crate::answers::mapping_name::mapping_name;
use crate::answers::native_memory;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "8ba8239fd91::whatis",
        r#"
8ba8239fd91 is 8ba8239fd91, JSObject: UpstreamConnection, in old space of isolate 1f430000
"#,
    ),
    Example::on(
        "leak-24",
        "<rsp::whatis",
        r#"
7ffdd6487ab8 is on the stack of thread 3007, in the frame of libc.so.6`syscall+0x19
"#,
    ),
    Example::on(
        "leak-24",
        "<rip::whatis",
        r#"
7ff64bf1f829 is libc.so.6`syscall+0x19, in /usr/lib/x86_64-linux-gnu/libc.so.6 [7ff64be44000,7ff64bf9a000), offset 0x101829 of the file
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "whatis",
    aliases: &[],
    summary: "say what an address belongs to",
    family: Family::Memory,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('a', "all answers"),
        Opt::flag('v', "the mapping as well, with its permissions and where its contents come from"),
        Opt::flag('i', "accepted; there are no identifiers to be told apart"),
        Opt::flag('k', "accepted; there is no kernel memory"),
        Opt::flag('q', "accepted; answers are short"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("whatis.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (all, verbose, as_json) = (args.has('a'), args.has('v'), args.has('j'));
        Ok(for_each_item(move |context, item, out| {
            let address = item.word;
            let mut answers = Vec::new();
            for who in ANSWERS {
                context.check_interrupt()?;
                answers.extend(who(context, address)?);
                if !all && !answers.is_empty() {
                    break;
                }
            }
            let range = context.memory()?.range_at(Address(address));
            let range = range.map(|range| (contents(range), range));
            let mapping = match range {
                Some((contents, range)) => Some(format!(
                    "{} {}, contents {contents}",
                    mapping(context, range, address)?,
                    range.permissions
                )),
                None => None,
            };
            if as_json {
                return out.json(&json!({ "address": hex(address), "is": answers, "mapping": mapping }));
            }
            for what in &answers {
                writeln!(out.text(), "{address:x} is {what}")?;
            }
            if verbose && let Some(mapping) = mapping {
                writeln!(out.text(), "    mapping {mapping}")?;
            }
            if answers.is_empty() {
                writeln!(out.text(), "{address:x} is unknown")?;
            }
            Ok(())
        }))
    },
};

/// Where the bytes of a range come from.
fn contents(range: &MemoryRange) -> &'static str {
    match range.contents {
        Contents::Dumped => "in the core",
        Contents::FromBinary => "read from the binary",
        Contents::NotDumped => "not in the core",
        Contents::NoAccess => "without access: reserved, or a guard",
        Contents::Truncated => "beyond the end of the truncated core",
    }
}

type Answer = fn(&Context, u64) -> Result<Option<String>, DcmdError>;

/// Everybody who may know an address, the narrowest first. The last one knows all that is mapped.
const ANSWERS: &[Answer] = &[symbol, heap, thread_local, stack, malloc, mapped];

fn symbol(context: &Context, address: u64) -> Result<Option<String>, DcmdError> {
    let target = context.target()?;
    if target.symbols().nearest(Address(address), 0).is_none() {
        return Ok(None);
    }
    let Some(name) = context.symbolic(address) else { return Ok(None) };
    let Some(range) = target.memory().range_at(Address(address)) else { return Ok(None) };
    Ok(Some(format!("{}, in {}", escape(&name), mapping(context, range, address)?)))
}

/// The object or the part of a page of the JavaScript heap.
fn heap(context: &Context, address: u64) -> Result<Option<String>, DcmdError> {
    let Ok(heap) = context.heap() else { return Ok(None) };
    let spaces = heap.spaces();
    let index = spaces.pages().partition_point(|page| page.base <= address);
    let page = spaces.page_of(address).or_else(|| {
        let page = &spaces.pages()[index.checked_sub(1)?];
        (address - page.base < page.size).then_some(page)
    });
    let Some(page) = page else { return Ok(None) };
    let place = of_page(context, page)?;
    let inside = |start: u64, end: u64| start <= address && address < end;
    if address < page.area_start || address >= page.area_end {
        return Ok(Some(format!(
            "in the header of a page {place}, page [{:x},{:x})",
            page.base,
            page.base + page.size
        )));
    }
    match page.state {
        PageState::InUse => {}
        PageState::Stale => {
            return Ok(Some(format!("in a page of the unused semispace, which holds no objects, {place}")));
        }
        PageState::Left => {
            return Ok(Some(format!("in a page that V8 has emptied and not given back yet, {place}")));
        }
    }
    if page.unused.iter().any(|(start, end)| inside(*start, *end)) {
        return Ok(Some(format!("in unused memory of a page {place}")));
    }
    let objects = heap.objects(&context.progress())?;
    if let Some(gap) = objects.summary.gaps.iter().find(|gap| inside(gap.start, gap.end)) {
        return Ok(Some(format!(
            "in a part [{:x},{:x}) of a page {place} in which no objects could be found",
            gap.start, gap.end
        )));
    }
    let Some(start) = objects.start_before(spaces, address) else {
        return Ok(Some(format!("in free memory of a page {place}")));
    };
    let (_, map) = heap.map_at(start)?;
    let size = map.size.filter(|formula| formula.special.is_none()).and_then(|formula| {
        let count =
            context.memory().ok()?.read_u32(Address(start.checked_add(u64::from(formula.offset))?)).ok()?;
        let count = if formula.mask == 0 { 0 } else { count };
        Some(formula.apply(count, heap.fields().words.tagged))
    });
    if size.is_some_and(|size| address - start >= size) {
        return Ok(Some(format!("in free memory of a page {place}")));
    }
    let value = Tagged::pointer(start);
    let offset = match address - start {
        0 | 1 => String::new(),
        offset => format!("+{:#x}", offset - 1),
    };
    let mut what = format!("{value}{offset}, {}", heap.class_name(value));
    if heap.class_name(value) == "InstructionStream"
        && let Some(code) = JavaScriptCode::at(heap, address)
    {
        let places = code.places(address, &context.progress())?;
        if let Some(place) = places.first() {
            let (start, _) = code.range();
            let tier = code.tier().name();
            what = format!("{}, {tier} code from {start:x} on, {what}", escape(place));
        }
    }
    if let Ok(v8_heap::objects::value::Value::Object(object)) = heap.value(value) {
        let constructor = heap.name(heap.constructor_name(object));
        if !constructor.is_empty() {
            what.push_str(&format!(": {}", escape(constructor)));
        }
    }
    Ok(Some(format!("{what}, {place}")))
}

/// `in old space of isolate eeb9000`
fn of_page(context: &Context, page: &Page<'_>) -> Result<String, DcmdError> {
    let heap = context.heap()?;
    let space = page.space.and_then(|space| heap.layout().space_names.get(usize::from(space)).copied());
    let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == page.heap);
    Ok(match (space, isolate) {
        (Some(space), Some(isolate)) => format!("in {space} space of isolate {:x}", isolate.address),
        (Some(space), None) => format!("in {space} space"),
        (None, Some(isolate)) => format!("in an unknown space of isolate {:x}", isolate.address),
        (None, None) => "in an unknown space".to_owned(),
    })
}

/// A `thread_local` variable, or the C library's description of a thread.
fn thread_local(context: &Context, address: u64) -> Result<Option<String>, DcmdError> {
    /// No thread has more variables of its own than this, in bytes.
    const FARTHEST: u64 = 1 << 20;
    /// `sizeof (struct pthread)` of glibc is some 0x900; its exact size differs between versions.
    const DESCRIPTOR: u64 = 0x8c0;
    /// `STT_TLS`
    const THREAD_LOCAL: u8 = 6;
    let target = context.target()?;
    for thread in target.threads().iter().filter(|thread| thread.has_user_stack()) {
        let base = thread.registers.thread_pointer();
        if base == 0 || address.abs_diff(base) > FARTHEST {
            continue;
        }
        if address.checked_sub(base).is_some_and(|behind| behind < DESCRIPTOR) {
            let offset = address - base;
            return Ok(Some(format!(
                "in the thread control block of thread {:x}, at fs:{offset:#x}",
                thread.id
            )));
        }
        for module in 0..target.core().modules().len() {
            let table = match target.symbols().entries(module, TableKind::Static).next() {
                Some(_) => TableKind::Static,
                None => TableKind::Dynamic,
            };
            let variables = target.symbols().entries(module, table);
            for variable in variables.filter(|entry| entry.kind == THREAD_LOCAL && !entry.is_undefined()) {
                let Some(start) = target.symbols().thread_local(&variable.name, thread) else { continue };
                if address.checked_sub(start.0).is_some_and(|behind| behind < variable.size.max(1)) {
                    let name = context.symbol_name(&variable.name);
                    let offset = match address - start.0 {
                        0 => String::new(),
                        offset => format!("+{offset:#x}"),
                    };
                    return Ok(Some(format!(
                        "{}{offset} of thread {:x}, thread-local",
                        escape(&name),
                        thread.id
                    )));
                }
            }
        }
    }
    Ok(None)
}

/// A thread's stack, and the frame.
fn stack(context: &Context, address: u64) -> Result<Option<String>, DcmdError> {
    let memory = context.memory()?;
    let Some(range) = memory.range_at(Address(address)) else { return Ok(None) };
    let holds = |pointer: u64| range.start.0 <= pointer && pointer < range.end.0;
    let mut threads = context.target()?.core().threads_with_stack_in(range.start, range.end);
    let Some(thread) = threads.next() else { return Ok(None) };
    let (id, top) = (thread.id, thread.stack_pointer().0);
    if address < top {
        return Ok(Some(format!(
            "on the stack of thread {id:x}, {:#x} below the part in use",
            top - address
        )));
    }
    let stack = context.stack_of(thread, usize::MAX)?;
    let frame = stack
        .frames
        .iter()
        .rev()
        .find(|frame| frame.stack_pointer.0 <= address && holds(frame.stack_pointer.0));
    Ok(Some(match frame {
        Some(frame) => {
            format!("on the stack of thread {id:x}, in the frame of {}", context.show_frame(frame))
        }
        None => format!("on the stack of thread {id:x}"),
    }))
}

/// The block of the allocator.
fn malloc(context: &Context, address: u64) -> Result<Option<String>, DcmdError> {
    let Some(malloc) = native_memory::known_malloc(context)? else { return Ok(None) };
    let Some(block) = malloc.blocks().around(address) else { return Ok(None) };
    let within = match address.checked_sub(block.start.0) {
        Some(0) => "the start of".to_owned(),
        Some(offset) if block.contains(address) => format!("{offset:#x} into"),
        _ => "in the header of".to_owned(),
    };
    let what = match native_memory::class_of(context, &block) {
        Some(class) => format!(", {class}"),
        None => String::new(),
    };
    Ok(Some(format!(
        "{within} a block [{},{}) of malloc, {}{what}, {}",
        block.start,
        block.end(),
        block.state.name(),
        native_memory::place_of(malloc, &block)
    )))
}

fn mapped(context: &Context, address: u64) -> Result<Option<String>, DcmdError> {
    let Some(range) = context.memory()?.range_at(Address(address)) else { return Ok(None) };
    Ok(Some(format!("in {}", mapping(context, range, address)?)))
}

/// `/lib/libc.so.6 [7f..,7f..), offset 0x1234 of the file`
fn mapping(context: &Context, range: &MemoryRange, address: u64) -> Result<String, DcmdError> {
    let name = mapping_name(context.target()?.core(), range);
    let files = context.target()?.core().mapped_files();
    let file = files.iter().find(|file| file.start.0 <= address && address < file.end.0);
    let offset = file.map_or_else(String::new, |file| {
        format!(", offset {:#x} of the file", file.offset.saturating_add(address - file.start.0))
    });
    Ok(format!("{name} [{},{}){offset}", range.start, range.end))
}

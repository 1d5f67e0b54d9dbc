//! A small sound heap of one of the four layouts, with words overwritten: `cargo +nightly fuzz run heap`.
//!
//! Input: the release, then records of ten bytes: a place (which word, 16 bits), and what to write there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use test_support::v8_heap::{HeapBuilder, Release, Space};
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Unattended};

fuzz_target!(|input: &[u8]| {
    let Some((&release, records)) = input.split_first() else { return };
    let mut builder = HeapBuilder::new(Release::ALL[usize::from(release) % 4]);
    let page = builder.page(Space::New);
    let class = builder.class("Point", &["x", "y"]);
    let text = builder.string(page, "hello, world");
    let rope = builder.cons_string(page, text, text, 24);
    builder.instance(page, &class, &[rope, HeapBuilder::smi(1)]);
    let map = builder.array_map();
    builder.array(page, map, &[text, rope]);
    let name = builder.name("a");
    let scope = builder.scope_info(page, &[name]);
    let undefined = builder.roots().undefined;
    let context = builder.context(page, scope, undefined, &[text]);
    builder.function_with(scope, context);
    let starts = [builder.base(page), builder.base(builder.old()), 0x1000_0000_0000];
    let mut dump = builder.build();
    for record in records.chunks_exact(10) {
        let place = u16::from_le_bytes([record[0], record[1]]);
        let word = u64::from_le_bytes(record[2..].try_into().expect("eight bytes"));
        let start = starts[usize::from(place) % starts.len()];
        // The first 32 KiB of each page: header and objects.
        dump.set_word(start + 8 * (u64::from(place) / 3 % 4096), word);
    }
    let Ok(heap) = Heap::open(&dump, &dump, &[]) else { return };
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
});

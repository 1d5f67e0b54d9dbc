//! Objects that every V8 has, and that a reader recognises by identity: found among the read-only objects, which all
//! isolates share and no program can add to.

use crate::Tagged;
use crate::heap::Heap;
use crate::layout::Kind;
use crate::objects::value::Value;
use crate::walk::Walker;

/// Well-known read-only objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct WellKnown {
    /// The string `constructor`.
    pub constructor: Option<Tagged>,
    /// The symbol `Symbol.toStringTag`.
    pub to_string_tag: Option<Tagged>,
    /// `undefined`, which marks free slots of hash tables.
    pub undefined: Option<Tagged>,
    /// The hole, and other markers that no program sees. Sorted.
    pub markers: Vec<Tagged>,
}

impl WellKnown {
    /// Looks through the read-only pages.
    pub fn find(heap: &Heap<'_>) -> WellKnown {
        let mut found = WellKnown::default();
        let mut walker = Walker::new(heap.words(), heap.layout(), &heap.maps);
        for page in heap.spaces().pages().iter().filter(|page| page.heap == 0) {
            walker.walk(page);
            for (address, id) in walker.found.objects(page.area_start) {
                let value = Tagged::pointer(address);
                match heap.map(id).kind {
                    Kind::String if found.constructor.is_none() => {
                        let length =
                            heap.words().word32(address + heap.fields().string_length, "length").unwrap_or(0);
                        if length == 11 && heap.name_text(value).as_deref() == Some("constructor") {
                            found.constructor = Some(value);
                        }
                    }
                    Kind::Symbol
                        if heap.name_text(value).as_deref() == Some("Symbol(Symbol.toStringTag)") =>
                    {
                        found.to_string_tag = Some(value);
                    }
                    Kind::Hole => found.markers.push(value),
                    Kind::Oddball => match heap.value(value) {
                        Ok(Value::Undefined) => found.undefined = Some(value),
                        Ok(Value::Hole | Value::Marker) => found.markers.push(value),
                        _ => {}
                    },
                    _ => {}
                }
            }
        }
        found.markers.sort_unstable();
        found
    }
}

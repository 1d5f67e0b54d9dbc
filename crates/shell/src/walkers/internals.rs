//! `v8map`, `v8context` and `v8object`: objects of V8's own.

use v8_heap::layout::Kind as HeapKind;
use v8_heap::{MapId, Tagged};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Takes};
use crate::error::DcmdError;
use crate::stage::Flow;
use crate::value::{Item, Kind};
use crate::walker::{Visit, Walker};

/// `v8object`: every heap object; with an address, those of the same class.
pub(crate) static V8OBJECT: Walker = Walker {
    name: "v8object",
    summary: "walk all heap objects, or all of the same class as one",
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Kind::Value,
    needs: &[Capability::V8Heap],
    walk: |context, item, visit| {
        let heap = context.heap()?;
        let wanted = match item {
            Some(item) => Some(heap.object(Tagged(item.word))?.map.instance_type),
            None => None,
        };
        walk_objects(context, |id| wanted.is_none_or(|number| heap.map(id).instance_type == number), visit)
    },
};

/// `v8map`: every map; with an address, the maps that lead to that of the object there, itself first.
pub(crate) static V8MAP: Walker = Walker {
    name: "v8map",
    summary: "walk all maps, or those from one back to the root of its transitions",
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Kind::Value,
    needs: &[Capability::V8Heap],
    walk: |context, item, visit| {
        let heap = context.heap()?;
        let Some(item) = item else {
            return walk_objects(context, |id| heap.map(id).kind == HeapKind::Map, visit);
        };
        let object = heap.object(Tagged(item.word))?;
        let mut at = if object.kind() == HeapKind::Map { object.address } else { object.map.address };
        for _ in 0..MOST_STEPS {
            if visit(Item::value(Tagged::pointer(at).0))? == Flow::Enough {
                break;
            }
            match heap.back_pointer(heap.decoded_map(at)?.1) {
                Some(back) => at = back.address,
                None => break,
            }
        }
        Ok(())
    },
};

/// `v8context`: every context; with an address, the context of the function there, or the context itself, and those around it.
pub(crate) static V8CONTEXT: Walker = Walker {
    name: "v8context",
    summary: "walk all contexts, or those of a function or context outwards",
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Kind::Value,
    needs: &[Capability::V8Heap],
    walk: |context, item, visit| {
        let heap = context.heap()?;
        let is_context = |kind| matches!(kind, HeapKind::Context | HeapKind::NativeContext);
        let Some(item) = item else {
            return walk_objects(context, |id| is_context(heap.map(id).kind), visit);
        };
        let object = heap.object(Tagged(item.word))?;
        let first = match object.kind() {
            HeapKind::JsFunction => heap.object(heap.function_context(object)?)?,
            _ => object,
        };
        if !is_context(first.kind()) {
            return Err(DcmdError::failed(format!("{} is neither a context nor a function", object.value())));
        }
        let mut current = Some(first);
        for _ in 0..MOST_STEPS {
            let Some(object) = current else { break };
            if visit(Item::value(object.value().0))? == Flow::Enough {
                break;
            }
            current = heap.previous_context(object)?;
        }
        Ok(())
    },
};

/// Maps have at most so many properties, and functions are nested less deeply.
const MOST_STEPS: usize = 2048;

fn walk_objects(
    context: &Context,
    wanted: impl Fn(MapId) -> bool,
    visit: &mut Visit<'_>,
) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    let objects = heap.objects(&context.progress())?;
    for page in 0..objects.page_count() {
        context.check_interrupt()?;
        if !objects.page_maps(page).1.iter().any(|id| wanted(*id)) {
            continue;
        }
        for (address, map) in objects.page_objects(page) {
            if wanted(map) && visit(Item::value(Tagged::pointer(address).0))? == Flow::Enough {
                return Ok(());
            }
        }
    }
    Ok(())
}

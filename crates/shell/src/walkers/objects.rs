//! `jsobject`, `jsglobal` and `jsstring`: what is in the heap.

use v8_heap::layout::Kind as HeapKind;
use v8_heap::{MapId, Tagged};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Takes};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::stage::Flow;
use crate::value::{Item, Kind};
use crate::walker::{Visit, Walker};

/// `jsobject`: every JavaScript object, in the order of addresses.
pub(crate) static JSOBJECT: Walker = Walker {
    name: "jsobject",
    summary: "walk all JavaScript objects, garbage included",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, _, visit| match context.snapshot() {
        Some(_) => of_snapshot::all(context, of_snapshot::Sort::Objects, visit),
        None => walk_kind(context, HeapKind::is_js_object, visit),
    },
};

/// `jsglobal`: the global object of every context.
pub(crate) static JSGLOBAL: Walker = Walker {
    name: "jsglobal",
    summary: "walk the global objects, one for each context",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, _, visit| match context.snapshot() {
        Some(_) => of_snapshot::all(context, of_snapshot::Sort::Globals, visit),
        None => walk_kind(context, |kind| kind == HeapKind::JsGlobalObject, visit),
    },
};

/// `jsstring`: every string, in the order of addresses.
pub(crate) static JSSTRING: Walker = Walker {
    name: "jsstring",
    summary: "walk all strings, garbage included",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, _, visit| match context.snapshot() {
        Some(_) => of_snapshot::all(context, of_snapshot::Sort::Strings, visit),
        None => walk_kind(context, |kind| kind == HeapKind::String, visit),
    },
};

pub(super) fn walk_kind(
    context: &Context,
    is_wanted: impl Fn(HeapKind) -> bool,
    visit: &mut Visit<'_>,
) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    let objects = heap.objects(&context.progress())?;
    let wanted = |id: MapId| is_wanted(heap.map(id).kind);
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

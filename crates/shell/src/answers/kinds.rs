//! Kinds of objects: that of an object, and how far their counts go.

use core_reader::{AddressSpace, Memory};
use v8_heap::index::{GroupId, Kinds, ObjectId, ObjectTable};
use v8_heap::{Heap, Monitor, Tagged};

use crate::context::Context;
use crate::error::DcmdError;
use crate::value::{Item, Kind};

use super::retention;

/// Why counts of objects are not complete, if they are not.
pub(crate) fn incompleteness(memory: &AddressSpace, table: &ObjectTable) -> Option<String> {
    let met = &table.summary;
    let gaps: u64 = met.gaps.iter().map(|gap| gap.end - gap.start).sum();
    let truncated = memory.truncated_bytes();
    let mut reasons = Vec::new();
    let known = gaps + met.missing_bytes > 0;
    if known {
        reasons.push(format!(
            "{} bytes of heap pages are not in the core, and in {gaps} bytes no objects could be found",
            met.missing_bytes
        ));
    }
    if truncated > 0 {
        reasons
            .push(format!("{truncated} bytes beyond the end of the truncated core may have held more pages"));
    }
    let are = if known { "are" } else { "may be" };
    (!reasons.is_empty()).then(|| format!("counts {are} incomplete: {}", reasons.join("; ")))
}

/// The kind of the object at an address.
pub(crate) fn kind_of(
    heap: &Heap<'_>,
    table: &ObjectTable,
    kinds: &Kinds,
    address: Tagged,
) -> Result<GroupId, DcmdError> {
    address
        .strong()
        .and_then(|address| table.id_at(heap.spaces(), address))
        .and_then(|id| heap.object_by_id(table, id))
        .and_then(|object| kinds.group_of(heap, object))
        .ok_or_else(|| not_valid(heap, table, address))
}

/// The objects that an item of a set stands for: those of its kind, as they were counted, for what `::findjsobjects` hands on; itself
/// for any other.
///
/// # Errors
/// There is no object.
pub(crate) fn set_of(
    context: &Context,
    item: Item,
    monitor: &dyn Monitor,
) -> Result<Vec<ObjectId>, DcmdError> {
    let (heap, table) = retention::open(context, monitor)?;
    let value = Tagged(item.word);
    let Kind::Group(lives) = item.kind else {
        return Ok(vec![retention::object_at(heap, table, value)?]);
    };
    let kind = kind_of(heap, table, heap.kinds(monitor)?, value)?;
    let census = heap.census(lives, monitor)?;
    let mut members = Vec::new();
    heap.for_each_counted(&census, kind, monitor, |object| {
        members.extend(table.id_at(heap.spaces(), object.address));
        true
    })?;
    Ok(members)
}

/// Says why there is no object at `address`, and what was probably meant.
pub(crate) fn not_valid(heap: &Heap<'_>, table: &ObjectTable, address: Tagged) -> DcmdError {
    let mut text = format!("{:x} is not a valid object", address.0);
    if table.id_at(heap.spaces(), address.0).is_some() {
        text.push_str(&format!(" (addresses of objects are odd: did you mean {:x}?)", address.0 | 1));
    } else if address.strong().and_then(|a| table.id_at(heap.spaces(), a)).is_some() {
        text.push_str(&format!(" (it is a {}, not a JavaScript object)", heap.class_name(address)));
    }
    DcmdError::Failed(text)
}

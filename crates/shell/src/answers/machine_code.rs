//! The machine code of functions.

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::place::FieldValue;
use v8_heap::objects::shared_function_info::FunctionCode;
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Monitor};

use crate::error::DcmdError;

/// First address of the instructions, and the first behind them.
pub(crate) fn instructions(heap: &Heap<'_>, code: HeapObject<'_>) -> Option<(u64, u64)> {
    let (FieldValue::Pointer(start), FieldValue::Signed(size)) =
        (heap.named_field(code, "instruction_start").ok()?, heap.named_field(code, "instruction_size").ok()?)
    else {
        return None;
    };
    Some((start, start.checked_add(u64::try_from(size).ok()?)?))
}

/// The `Code` that a function runs, where V8's table of functions' code leads to it; else as [`own_code`].
pub(crate) fn current_code<'h>(
    heap: &'h Heap<'_>,
    object: HeapObject<'h>,
    monitor: &dyn Monitor,
) -> Result<Option<HeapObject<'h>>, DcmdError> {
    let in_table = heap.code_in_table(object, monitor)?;
    Ok(in_table.or_else(|| own_code(heap, object)))
}

/// The `Code` of code, of its instructions, or of a function.
pub(crate) fn own_code<'h>(heap: &'h Heap<'_>, object: HeapObject<'h>) -> Option<HeapObject<'h>> {
    if heap.class_name(object.value()) == "Code" {
        return Some(object);
    }
    let tagged = |name| match heap.named_field(object, name) {
        Ok(FieldValue::Tagged(code)) => heap.object(code).ok(),
        _ => None,
    };
    let is_code = |code: &HeapObject<'_>| heap.class_name(code.value()) == "Code";
    if let Some(code) = tagged("code").filter(is_code) {
        return Some(code);
    }
    let shared = match object.kind() {
        HeapKind::JsFunction => heap.shared_function_info(object).ok()?,
        HeapKind::SharedFunctionInfo => object,
        _ => return None,
    };
    match heap.shared_function(shared).ok()?.code {
        FunctionCode::Baseline(code) => heap.object(code).ok().filter(is_code),
        _ => None,
    }
}

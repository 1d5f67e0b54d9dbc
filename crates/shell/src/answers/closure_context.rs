//! The context that belongs to a function, a generator or a context.

use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use crate::error::{DcmdError, reasons};

/// The innermost context that belongs to a value.
pub(crate) fn closure_context<'h>(heap: &'h Heap<'_>, value: Tagged) -> Result<HeapObject<'h>, DcmdError> {
    let failed = |reason: String| DcmdError::failed(format!("{value}: failed to load JSFunction: {reason}"));
    match heap.value(value) {
        Ok(Value::Object(object) | Value::Internal(object)) => {
            heap.closure_context(object).map_err(|error| failed(reasons(&error)))
        }
        Ok(_) => Err(failed(format!("it is a {}", heap.class_name(value)))),
        Err(error) => Err(failed(reasons(&error))),
    }
}

//! Objects that hold one value: boxed primitives and weak references.
//!
//! ```text
//!   JSPrimitiveWrapper   +24 value
//!   JSWeakRef            +24 target; undefined once it has been collected
//! ```
//!
//! (V8: `src/objects/js-objects.tq`, `js-weak-refs.tq`.)

use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

impl View<'_> {
    /// The primitive value inside a boxed one, such as `new String("text")`.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn wrapped_value(&self, object: HeapObject<'_>) -> Result<Tagged> {
        if object.kind() != Kind::JsPrimitiveWrapper {
            return Err(self.wrong_type(object.value(), "JSPrimitiveWrapper"));
        }
        self.words().tagged(object.address + self.fields().wrapper_value, "value of a JSPrimitiveWrapper")
    }

    /// What a `WeakRef` refers to.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn weak_ref_target(&self, object: HeapObject<'_>) -> Result<Tagged> {
        if object.kind() != Kind::JsWeakRef {
            return Err(self.wrong_type(object.value(), "JSWeakRef"));
        }
        self.words().tagged(object.address + self.fields().weak_ref_target, "target of a JSWeakRef")
    }
}

//! Errors.
//!
//! A `JSError` is an ordinary object: `message`, and whatever the program adds, are properties. Its stack trace is kept
//! under a private symbol, `error_stack_symbol`: as an array of frames until a program first reads `stack`, then as the
//! string it got, directly or inside an `ErrorStackData` (V8: `src/execution/messages.cc`, `ErrorUtils::GetFormattedStack`;
//! `src/objects/debug-objects.tq`). Private symbols of V8's own have no description to know them by; V8 sets this one when
//! it makes the error, before any other of them.

use crate::Tagged;
use crate::heap::Heap;
use crate::objects::value::HeapObject;

/// `ErrorStackData::call_site_infos_or_formatted_stack_`
const FORMATTED_STACK: u64 = 8;

impl Heap<'_> {
    /// The text of an error's stack trace, a string, if a program has read it.
    pub fn error_stack(&self, error: HeapObject<'_>) -> Option<Tagged> {
        let stack = *self.hidden_values(error).first()?;
        if self.is_string(stack) {
            return Some(stack);
        }
        let data = self.object(stack).ok()?;
        if self.layout().type_name(data.map.instance_type) != "ErrorStackData" {
            return None;
        }
        let stack = self.words().tagged(data.address + FORMATTED_STACK, "stack of an ErrorStackData").ok()?;
        self.is_string(stack).then_some(stack)
    }
}

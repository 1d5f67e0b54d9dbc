//! Proxies.
//!
//! ```text
//!   JSProxy   +16 target   +24 handler, both null once revoked
//! ```
//!
//! (V8: `src/objects/js-proxy.tq`.)

use crate::layout::Kind;
use crate::objects::value::{HeapObject, Value};
use crate::view::View;
use crate::{Result, Tagged};

/// The two objects of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The object it stands for.
    pub target: Tagged,
    /// The object with the traps.
    pub handler: Tagged,
}

impl View<'_> {
    /// Target and handler of a proxy; `None` if it has been revoked.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn proxy(&self, object: HeapObject<'_>) -> Result<Option<Proxy>> {
        if object.kind() != Kind::JsProxy {
            return Err(self.wrong_type(object.value(), "JSProxy"));
        }
        let target =
            self.words().tagged(object.address + self.fields().proxy_target, "target of a JSProxy")?;
        let handler =
            self.words().tagged(object.address + self.fields().proxy_handler, "handler of a JSProxy")?;
        let revoked = matches!(self.value(handler), Ok(Value::Null));
        Ok((!revoked).then_some(Proxy { target, handler }))
    }
}

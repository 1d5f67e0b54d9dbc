//! The read-only objects that a reader recognises by identity.

use crate::Tagged;
use crate::layout::Kind;
use crate::objects::value::Value;
use crate::remembered::well_known::WellKnown;
use crate::shape::walk::Walker;
use crate::view::View;

impl View<'_> {
    /// Objects recognised by identity.
    pub(crate) fn well_known(&self) -> &WellKnown {
        self.well_known.get_or_init(|| find(self))
    }
}

/// Looks through the read-only pages.
fn find(view: &View<'_>) -> WellKnown {
    let mut found = WellKnown::default();
    let mut walker = Walker::new(view.words(), view.layout(), &view.maps);
    for page in view.spaces().pages().iter().filter(|page| page.is_read_only()) {
        walker.walk(page);
        let mut has_constructor = false;
        for (address, id) in walker.found.objects(page.area_start) {
            let value = Tagged::pointer(address);
            match view.map(id).kind {
                Kind::String if !has_constructor => {
                    let length =
                        view.words().word32(address + view.fields().string_length, "length").unwrap_or(0);
                    if length == 11 && view.name_text(value).as_deref() == Some("constructor") {
                        found.constructor.push(value);
                        has_constructor = true;
                    }
                }
                Kind::Symbol if view.name_text(value).as_deref() == Some("Symbol(Symbol.toStringTag)") => {
                    found.to_string_tag.push(value);
                }
                Kind::Hole => found.markers.push(value),
                Kind::Oddball => match view.value(value) {
                    Ok(Value::Undefined) => found.undefined.push(value),
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

//! `Intl` objects: of what they are for, V8 keeps the locale as a string in some; the rest is ICU's, outside the heap (V8:
//! `src/objects/js-collator.tq`, `js-date-time-format.tq`, `js-list-format.tq`, and so on).

use crate::Tagged;
use crate::objects::value::HeapObject;
use crate::view::View;

impl View<'_> {
    /// The locale that an `Intl` object was resolved to, a string, if V8 keeps it.
    pub fn intl_locale(&self, object: HeapObject<'_>) -> Option<Tagged> {
        let fields = self.fields();
        let at = match self.class_name(object.value()) {
            "JSCollator" => fields.collator_locale?,
            "JSDateTimeFormat" => fields.date_time_format_locale?,
            "JSListFormat" => fields.list_format_locale,
            "JSNumberFormat" => fields.number_format_locale,
            "JSPluralRules" => fields.plural_rules_locale,
            "JSRelativeTimeFormat" => fields.relative_time_format_locale,
            "JSSegmenter" => fields.segmenter_locale,
            _ => return None,
        };
        let locale = self.words().tagged(object.address + at, "locale").ok()?;
        // A collator has an empty one where ICU knows better.
        matches!(self.string_length(locale), Ok(1..)).then_some(locale)
    }
}

//! The machine code of functions.

use std::cell::RefCell;
use std::collections::HashMap;

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::machine_code::{MachineCode, Tier};
use v8_heap::objects::place::FieldValue;
use v8_heap::objects::shared_function_info::FunctionCode;
use v8_heap::objects::value::HeapObject;
use v8_heap::questions::CodePlace;
use v8_heap::{Heap, Monitor, Tagged};

use crate::error::DcmdError;
use crate::print::function::{definition_name, origin, script_name};

/// JavaScript in machine code: where its instructions come from.
pub(crate) struct JavaScriptCode<'h> {
    heap: &'h Heap<'static>,
    code: MachineCode<'h>,
    /// Its functions by the instruction that was last asked for; most come many times.
    known: RefCell<HashMap<Tagged, (String, String)>>,
}

impl<'h> JavaScriptCode<'h> {
    /// The code that an instruction belongs to; nothing outside of V8's pages.
    pub fn at(heap: &'h Heap<'static>, instruction: u64) -> Option<JavaScriptCode<'h>> {
        let code = heap.machine_code_at(instruction)?;
        Some(JavaScriptCode { heap, code, known: RefCell::default() })
    }

    /// The first instruction, and the first address behind the last.
    pub fn range(&self) -> (u64, u64) {
        (self.code.start, self.code.start.saturating_add(u64::from(self.code.size)))
    }

    /// What runs it: `Maglev`.
    pub fn tier(&self) -> Tier {
        self.code.tier
    }

    /// Where an instruction comes from, the innermost function first: `total (app.js:9:23)`, the others are those into which optimised
    /// code has merged it. Not escaped.
    pub fn places(&self, instruction: u64, monitor: &dyn Monitor) -> Result<Vec<String>, DcmdError> {
        let places = self.heap.code_places(self.code, instruction, monitor)?;
        Ok(places.iter().filter_map(|place| self.text_of(place)).collect())
    }

    fn text_of(&self, place: &CodePlace) -> Option<String> {
        let shared = self.heap.shared_function(self.heap.object(place.shared).ok()?).ok()?;
        let mut known = self.known.borrow_mut();
        let (name, origin) = known
            .entry(place.shared)
            .or_insert_with(|| (definition_name(self.heap, &shared), origin(self.heap, &shared)));
        let exact = || {
            let script = self.heap.script(shared.script?).ok()?;
            let location = self.heap.script_location(&script, place.position?)?;
            let file = script_name(self.heap, &script);
            Some(format!("{name} ({file}:{}:{})", location.line, location.column))
        };
        Some(exact().unwrap_or_else(|| format!("{name} (defined at {origin})")))
    }
}

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

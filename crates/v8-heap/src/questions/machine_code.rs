//! What machine code refers to, and which code a function runs.

use crate::graph::{BETWEEN_LOOKS, DispatchTable, code_holds_weakly, placed_words};
use crate::heap::Heap;
use crate::isolate::PageState;
use crate::layout::Kind;
use crate::objects::machine_code::MachineCode;
use crate::objects::place::FieldValue;
use crate::objects::value::HeapObject;
use crate::{Error, Monitor, Result, Tagged};

/// Bytes of an instruction in front of the address in it.
const PREFIX: u64 = 2;

/// A function that an instruction was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePlace {
    /// Its `SharedFunctionInfo`.
    pub shared: Tagged,
    /// Where in the source of its script, in UTF-16 code units, if V8 has kept that.
    pub position: Option<u32>,
}

impl Heap<'_> {
    /// The functions that an instruction of V8's machine code was made from, innermost first: one, or those that optimised code has merged;
    /// none if it belongs to no function of a program. The place is the last that V8 has kept before the instruction.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn code_places(
        &self,
        code: MachineCode<'_>,
        instruction: u64,
        monitor: &dyn Monitor,
    ) -> Result<Vec<CodePlace>> {
        let own = match self.function_of_code(code.object) {
            Some(shared) => Some(shared),
            // Code without optimisations does not say whose it is.
            None => self.functions_with_code_at(instruction, monitor)?.first().copied(),
        };
        let Some(own) = own else { return Ok(Vec::new()) };
        if code.is_optimized() {
            let merged = self.source_of_instruction(code, instruction).into_iter().rev();
            let places: Vec<CodePlace> = merged
                .map(|(shared, position)| CodePlace {
                    shared: shared.unwrap_or(own),
                    position: Some(position),
                })
                .collect();
            if !places.is_empty() {
                return Ok(places);
            }
        }
        let offset = u32::try_from(instruction.saturating_sub(code.start)).ok();
        // An offset is taken for that of a return address.
        let of_own = self.object(own).and_then(|own| self.bytecode_array(own)).ok().flatten();
        let of_own = of_own.map(|bytecode| bytecode.value());
        let bytecode = offset.and_then(|offset| {
            self.baseline_offset(code.object.value(), of_own, offset.saturating_add(1)).ok().flatten()
        });
        let position =
            bytecode.and_then(|offset| self.source_position(self.object(own).ok()?, offset).ok().flatten());
        Ok(vec![CodePlace { shared: own, position }])
    }

    /// Addresses of objects in the instructions of machine code, each with its offset from the start of the object that holds
    /// the code; none of any other object.
    pub fn pointers_in_code(&self, holder: HeapObject<'_>) -> impl Iterator<Item = (u64, u64)> {
        let start = self.fields().machine_instructions;
        placed_words(self.code_of(holder)).map(move |(at, word)| (start + at as u64, word))
    }

    /// Whether [`Heap::pointers_in_code`] has one at this offset.
    pub fn is_pointer_in_code(&self, holder: HeapObject<'_>, offset: u64) -> bool {
        let at = offset.checked_sub(self.fields().machine_instructions + PREFIX);
        let code = at.and_then(|at| self.code_of(holder).get(at as usize..));
        code.is_some_and(|code| placed_words(&code[..code.len().min(PREFIX as usize + 8)]).next().is_some())
    }

    /// The instructions in an object.
    fn code_of(&self, holder: HeapObject<'_>) -> &[u8] {
        if !self.layout().is_machine_code(holder.map.instance_type) {
            return &[];
        }
        let start = self.fields().machine_instructions;
        let bytes = self.object_size(holder).map(|size| self.words().present(holder.address, size));
        bytes.unwrap_or_default().get(start as usize..).unwrap_or_default()
    }

    /// Whether machine code does not keep an object alive whose address is in its instructions.
    pub fn is_weak_in_code(&self, target: Tagged) -> bool {
        self.object(target).is_ok_and(|object| code_holds_weakly(object.kind()))
    }

    /// Calls `visit` with all addresses in the instructions of the program's machine code: the object with the code, the offset
    /// in it, and the word.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn for_each_pointer_in_code(
        &self,
        monitor: &dyn Monitor,
        visit: &mut dyn FnMut(HeapObject<'_>, u64, u64),
    ) -> Result<()> {
        let table = self.objects(monitor)?;
        let mut looked_at = 0usize;
        for (index, page) in self.spaces().pages().iter().enumerate() {
            let space = page.space.and_then(|space| self.layout().space_names.get(usize::from(space)));
            if page.state != PageState::InUse || !space.is_some_and(|space| space.starts_with("code")) {
                continue;
            }
            for (address, map_id) in table.page_objects(index) {
                looked_at += 1;
                if looked_at.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
                let holder = HeapObject { address, map_id, map: self.map(map_id) };
                for (offset, word) in self.pointers_in_code(holder) {
                    visit(holder, offset, word);
                }
            }
        }
        Ok(())
    }

    /// The `Code` that a function runs where functions call through V8's table (V8 13 and later).
    ///
    /// # Errors
    /// Those of [`Heap::objects`].
    pub fn code_in_table(
        &self,
        function: HeapObject<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Option<HeapObject<'_>>> {
        if function.kind() != Kind::JsFunction {
            return Ok(None);
        }
        let Ok(FieldValue::Unsigned(handle)) = self.named_field(function, "dispatch_handle") else {
            return Ok(None);
        };
        let Some(dispatch) = self.dispatch_table(monitor)? else { return Ok(None) };
        let code = u32::try_from(handle).ok().and_then(|handle| dispatch.code(&self.words(), handle));
        let object = code.and_then(|code| self.object(Tagged::pointer(code)).ok());
        Ok(object.filter(|object| self.class_name(object.value()) == "Code"))
    }

    /// V8's table from functions to their code, looked for by what some functions say of it.
    fn dispatch_table(&self, monitor: &dyn Monitor) -> Result<Option<DispatchTable>> {
        if let Some(known) = self.dispatch.get() {
            return Ok(*known);
        }
        let found = DispatchTable::of(self, self.objects(monitor)?);
        Ok(*self.dispatch.get_or_init(|| found))
    }
}

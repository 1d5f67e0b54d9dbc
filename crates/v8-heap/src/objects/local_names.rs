//! The names of variables that no closure has captured: V8 keeps them in registers, and what their names are nowhere.
//!
//! The source says which variable has which register ([`crate::source_scopes`]), and bytecode, `ScopeInfo`s and source positions say
//! whether it is so: names are only given where nothing speaks against it. A context has the names that it must have, and the register
//! in which the outer one is saved is the first that has no variable (V8: `BytecodeGenerator::ContextScope`); a generator begins with
//! the register of its generator object (`BuildGeneratorPrologue`); `let x = value` stores to the register of `x` where the value has
//! its place in the source; a check for a variable that may have no value yet names it (`ThrowReferenceErrorIfHole`).

use std::sync::Arc;

use crate::layout::Kind;
use crate::objects::bytecode::{FunctionBytecode, Instruction, Operand, Register};
use crate::objects::frame::JavaScriptFrame;
use crate::objects::shared_function_info::{FunctionKind, SharedFunction};
use crate::objects::value::HeapObject;
use crate::source_scopes::{Locals, Source, Syntax, locals_of};
use crate::view::View;

/// Longer functions are not read, in UTF-16 code units.
const LONGEST: u32 = 1 << 18;

/// What a register of a call has at the place where the call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterName {
    /// The variable.
    pub name: String,
    /// Its declaration has been reached.
    pub has_value: bool,
}

impl View<'_> {
    /// The variables that the registers of a call hold at its place: for each register, in order, nothing where it has an intermediate
    /// result, a variable that is out of scope, or what is not known for certain. Empty if that is known of none.
    pub fn register_names(&self, frame: &JavaScriptFrame) -> Vec<Option<RegisterName>> {
        self.find_register_names(frame).unwrap_or_default()
    }

    fn find_register_names(&self, frame: &JavaScriptFrame) -> Option<Vec<Option<RegisterName>>> {
        let count = frame.registers.as_ref()?.len();
        let function = self.object(frame.function).ok()?;
        let shared = match function.kind() {
            Kind::SharedFunctionInfo => function,
            _ => self.shared_function_info(function).ok()?,
        };
        let shared = self.shared_function(shared).ok()?;
        let locals = self.known_locals(&shared)?;
        let place = frame.site.as_ref().filter(|_| frame.is_exact).and_then(|site| {
            let (_, position) = self.frame_position(site)?;
            position.checked_sub(self.source_range(&shared)?.0)
        });
        let mut names = names_at(&locals, place);
        names.truncate(count);
        Some(names)
    }

    /// The variables of a function, found once for each.
    fn known_locals(&self, shared: &SharedFunction<'_>) -> Option<Arc<Locals>> {
        if let Some(known) = self.locals.get(shared.object.address) {
            return known;
        }
        let found = self.find_locals(shared).map(Arc::new);
        self.locals.keep(shared.object.address, found.clone());
        found
    }

    /// Where the text of a function begins and ends that is read for its variables.
    fn source_range(&self, shared: &SharedFunction<'_>) -> Option<(u32, u32)> {
        if shared.is_wrapped || shared.is_top_level {
            return Some((0, u32::MAX));
        }
        let range = self.shared_range(shared).ok()??;
        Some((range.start, range.end))
    }

    fn find_locals(&self, shared: &SharedFunction<'_>) -> Option<Locals> {
        let code = self.bytecode_of(shared.object, self.layout().bytecodes.as_ref()?).ok()??;
        let script = self.script(shared.script?).ok()?;
        let (start, end) = self.source_range(shared)?;
        let most = start.saturating_add(LONGEST);
        let units = self.script_text(&script, start, end.min(most.saturating_add(1))).ok()?;
        if units.len() > LONGEST as usize || end != u32::MAX && units.len() != (end - start) as usize {
            return None;
        }
        let text = String::from_utf16_lossy(&units);
        let names = |name| self.name_text(name);
        let parameters: Vec<String> =
            self.wrapped_parameters(&script).ok()?.into_iter().map(names).collect::<Option<_>>()?;
        let own_name = match shared.is_named_expression {
            true => Some(self.name_text(self.shared_name(shared.object).ok()??)?),
            false => None,
        };
        let syntax = match shared.kind {
            _ if shared.is_wrapped => Syntax::Wrapped(&parameters),
            FunctionKind::Module => Syntax::Module { has_result: self.layout().facts.modules_have_result },
            // Of scripts and of code for `eval` most variables are elsewhere.
            _ if shared.is_top_level => return None,
            FunctionKind::Arrow => Syntax::Arrow,
            FunctionKind::FieldInitializer | FunctionKind::StaticInitializer => return None,
            kind => Syntax::Function {
                is_async: shared.is_async,
                is_generator: shared.is_generator,
                is_method: kind != FunctionKind::Plain,
                own_name: own_name.as_deref(),
            },
        };
        let is_strict = shared.is_strict;
        let locals = locals_of(&Source { text: &text, syntax, is_strict, is_in_module: script.is_module })?;
        self.agrees(shared, &code, start, &locals).then_some(locals)
    }

    /// Whether nothing in the heap speaks against these variables.
    fn agrees(
        &self,
        shared: &SharedFunction<'_>,
        code: &FunctionBytecode,
        start: u32,
        locals: &Locals,
    ) -> bool {
        locals.registers.len() <= code.registers as usize
            && self.contexts_agree(shared, code, locals).unwrap_or(false)
            && generator_agrees(code, locals, shared.is_async || shared.is_generator)
            && lists_agree(code, locals)
            && self.checks_agree(code, locals)
            && values_agree(code, start, locals)
    }

    /// The contexts have the names that they must have, and the first register behind the variables has the outer context.
    fn contexts_agree(
        &self,
        shared: &SharedFunction<'_>,
        code: &FunctionBytecode,
        locals: &Locals,
    ) -> Option<bool> {
        let own = self.scope_info_of(shared.object).ok()??;
        let names = |scope: HeapObject<'_>| -> Option<Vec<String>> {
            let slots = self.slot_names(scope).ok()?;
            Some(program_names(slots.into_iter().filter_map(|(_, name)| self.name_text(name))))
        };
        let captured = names(self.object(crate::Tagged::pointer(own)).ok()?)?;
        if captured != program_names(locals.captured.iter().cloned()) {
            return Some(false);
        }
        let mut inside: Vec<Vec<String>> =
            locals.captured_inside.iter().map(|names| program_names(names.iter().cloned())).collect();
        for constant in &code.constants {
            let Ok(scope) = self.object(*constant) else { continue };
            if scope.kind() != Kind::ScopeInfo || scope.address == own {
                continue;
            }
            let found = names(scope)?;
            // Code that cannot be reached has none.
            if !found.is_empty() {
                match inside.iter().position(|names| *names == found) {
                    Some(index) => inside.swap_remove(index),
                    None => return Some(false),
                };
            }
        }
        let parts = self.scope_info(own)?;
        let has_context = parts.locals > 0 || parts.function_name_is_in_context || parts.calls_sloppy_eval;
        // That of a module is there already.
        if !has_context || shared.kind == FunctionKind::Module {
            return Some(true);
        }
        let pushed = code.instructions.iter().find(|own| own.name == "PushContext");
        // What comes in beside the arguments has a register of its own on its way to the context.
        let is_passed_on = locals.captures_new_target && locals.generator.is_none();
        let first = locals.registers.len() + usize::from(is_passed_on);
        Some(pushed.is_none_or(|own| register(own, 0).is_some_and(|number| number as usize == first)))
    }

    /// A check whether a variable has a value yet has its name.
    fn checks_agree(&self, code: &FunctionBytecode, locals: &Locals) -> bool {
        code.instructions.windows(2).all(|pair| {
            let [load, check] = pair else { return true };
            let (Some(number), Some(Operand::Constant(name))) = (register(load, 0), check.operands.first())
            else {
                return true;
            };
            if load.name != "Ldar" || check.name != "ThrowReferenceErrorIfHole" {
                return true;
            }
            let name = code.constants.get(*name as usize).and_then(|name| self.name_text(*name));
            match locals.registers.get(number as usize) {
                Some(Some(local)) => name.is_some_and(|name| name == local.name),
                _ => false,
            }
        })
    }
}

/// The names that a program can give, sorted.
fn program_names(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with(['.', '#']) && name != "this").collect();
    names.sort_unstable();
    names
}

/// The number of a register that an instruction names.
fn register(own: &Instruction, operand: usize) -> Option<u32> {
    match own.operands.get(operand)? {
        Operand::Registers(Register::Number(number), _) => Some(*number),
        _ => None,
    }
}

/// A function that can be suspended begins with a look at its generator object.
fn generator_agrees(code: &FunctionBytecode, locals: &Locals, is_resumable: bool) -> bool {
    match code.instructions.iter().find(|own| own.name == "SwitchOnGeneratorState") {
        Some(first) => register(first, 0) == locals.generator,
        None => !is_resumable || locals.generator.is_some(),
    }
}

/// Several values that are passed on together are intermediate results.
fn lists_agree(code: &FunctionBytecode, locals: &Locals) -> bool {
    let count = locals.registers.len();
    code.instructions.iter().all(|own| {
        // What is saved when a function is suspended are all of its registers.
        let is_all = matches!(own.name, "SuspendGenerator" | "ResumeGenerator");
        is_all
            || own.operands.iter().all(|operand| match operand {
                Operand::RegisterList(Register::Number(first), 2..) => *first as usize >= count,
                _ => true,
            })
    })
}

/// Where a value has its place in the source, the register of its variable is written.
fn values_agree(code: &FunctionBytecode, start: u32, locals: &Locals) -> bool {
    let Some(positions) = &code.positions else { return true };
    let values = (0..).zip(&locals.registers).filter_map(|(number, local)| {
        let value = local.as_ref()?.value.as_ref()?;
        Some((number, start.checked_add(value.start)?..start.checked_add(value.end)?))
    });
    for (number, value) in values {
        let Some(first) = positions.iter().position(|(_, position)| *position == Some(value.start)) else {
            continue;
        };
        let is_outside = |position: u32| !value.contains(&position);
        let behind = positions[first..].iter().find(|(_, position)| position.is_some_and(is_outside));
        let until = behind.map_or(u32::MAX, |(offset, _)| *offset);
        let from = code.instructions.partition_point(|own| own.offset < positions[first].0);
        let mut own = code.instructions[from..].iter().take_while(|own| own.offset < until);
        if !own.any(|own| writes(own, number)) {
            return false;
        }
    }
    true
}

/// Whether an instruction writes a register.
fn writes(own: &Instruction, number: u32) -> bool {
    match own.name {
        "Star" => register(own, 0) == Some(number),
        "Mov" => register(own, 1) == Some(number),
        short => short.strip_prefix("Star").and_then(|digits| digits.parse().ok()) == Some(number),
    }
}

/// What the registers hold at a place of a function.
fn names_at(locals: &Locals, place: Option<u32>) -> Vec<Option<RegisterName>> {
    let is_meant = |local: &crate::source_scopes::Local| match place {
        Some(place) => !local.is_hidden && local.scope.contains(&place),
        None => false,
    };
    let name = |(number, local): (usize, &Option<crate::source_scopes::Local>)| {
        let local = local.as_ref()?;
        let place = place?;
        if !is_meant(local) {
            return None;
        }
        // The innermost scope counts.
        let is_shadowed = locals.registers.iter().enumerate().any(|(other, own)| {
            own.as_ref().is_some_and(|own| {
                other != number
                    && own.name == local.name
                    && is_meant(own)
                    && (own.scope.len(), other) < (local.scope.len(), number)
            })
        });
        // Between the two it depends.
        let is_between = local.none_before <= place && place < local.has_value_from;
        (!is_shadowed && !is_between)
            .then(|| RegisterName { name: local.name.clone(), has_value: place >= local.has_value_from })
    };
    locals.registers.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_scopes::Local;

    fn local(
        name: &str,
        scope: std::ops::Range<u32>,
        none_before: u32,
        has_value_from: u32,
    ) -> Option<Local> {
        let (name, value) = (name.to_owned(), None);
        Some(Local { name, is_hidden: false, scope, none_before, has_value_from, value })
    }

    fn names(locals: &[Option<Local>], place: Option<u32>) -> Vec<String> {
        let locals = Locals { registers: locals.to_vec(), ..Locals::default() };
        let text = |name: Option<RegisterName>| match name {
            Some(RegisterName { name, has_value: true }) => name,
            Some(RegisterName { name, .. }) => format!("{name}?"),
            None => "-".to_owned(),
        };
        names_at(&locals, place).into_iter().map(text).collect()
    }

    #[test]
    fn a_name_counts_in_its_scope_and_has_a_value_behind_its_declaration() {
        let locals = [local("a", 0..100, 0, 0), local("b", 20..40, 30, 30), None, local("c", 0..100, 10, 50)];
        assert_eq!(names(&locals, Some(5)), ["a", "-", "-", "c?"]);
        assert_eq!(names(&locals, Some(25)), ["a", "b?", "-", "-"]);
        assert_eq!(names(&locals, Some(39)), ["a", "b", "-", "-"]);
        assert_eq!(names(&locals, Some(50)), ["a", "-", "-", "c"]);
        assert_eq!(names(&locals, None), ["-", "-", "-", "-"]);
    }

    #[test]
    fn the_innermost_of_one_name_counts() {
        let locals = [local("x", 0..100, 0, 0), local("x", 20..40, 30, 30), local("x", 22..24, 0, 0)];
        assert_eq!(names(&locals, Some(10)), ["x", "-", "-"]);
        assert_eq!(names(&locals, Some(23)), ["-", "-", "x"]);
        assert_eq!(names(&locals, Some(25)), ["-", "x?", "-"]);
        assert_eq!(names(&locals, Some(35)), ["-", "x", "-"]);
    }

    #[test]
    fn stores_are_told_by_their_register() {
        let own = |name, registers: &[u32]| Instruction {
            offset: 0,
            bytes: Vec::new(),
            name,
            scale: crate::layout::Scale::Single,
            operands: registers.iter().map(|one| Operand::Registers(Register::Number(*one), 1)).collect(),
            targets: Vec::new(),
        };
        assert!(writes(&own("Star", &[17]), 17) && !writes(&own("Star", &[17]), 1));
        assert!(writes(&own("Star3", &[]), 3) && !writes(&own("Star13", &[]), 3));
        assert!(writes(&own("Mov", &[1, 2]), 2) && !writes(&own("Mov", &[1, 2]), 1));
        assert!(!writes(&own("Ldar", &[2]), 2) && !writes(&own("StaGlobal", &[]), 0));
    }
}

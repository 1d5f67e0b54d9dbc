//! What bytecodes mean for contexts: which read a variable, enter a scope or leave it (V8: `src/interpreter/bytecodes.h`).

use super::bytecode::Bytecodes;

/// What a bytecode does, as far as contexts go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ContextBytecode {
    /// Nothing.
    #[default]
    Other,
    /// Reads a slot of the context in a register, or of one outside of it: register, slot, distance.
    Load,
    /// Reads a slot of the innermost context.
    LoadCurrent,
    /// Copies a register to another.
    Move,
    /// Enters a scope; the register keeps the context outside.
    Push,
    /// Leaves a scope: the context in a register is the innermost one again.
    Pop,
    /// Looks variables up by name.
    Lookup,
    /// Makes a closure of the function that a constant is.
    Closure,
    /// Jumps forward under a condition.
    Branch,
    /// The same, with the distance among the constants.
    BranchConstant,
    /// Jumps forward.
    Jump,
    /// The same, with the distance among the constants.
    JumpConstant,
    /// Jumps to one of several places, or goes on.
    Switch,
    /// Nothing follows it.
    End,
    /// A debugger put it in the place of another.
    Debug,
}

/// What the bytecodes of a version do for contexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextBytecodes {
    by_number: Vec<ContextBytecode>,
}

impl ContextBytecodes {
    /// The register that is the innermost context, as an operand: the word at that distance from the frame pointer (V8:
    /// `Register::current_context`, `InterpreterFrameConstants`).
    pub(crate) const CURRENT: i64 = -1;

    /// Those of a version.
    pub(super) fn of(bytecodes: &Bytecodes) -> ContextBytecodes {
        ContextBytecodes { by_number: bytecodes.names().map(meaning).collect() }
    }

    /// What the bytecode of a number does.
    pub(crate) fn meaning(&self, number: u8) -> ContextBytecode {
        self.by_number.get(usize::from(number)).copied().unwrap_or_default()
    }
}

/// What a bytecode does, by its name.
fn meaning(name: &str) -> ContextBytecode {
    match name {
        "LdaContextSlot" | "LdaContextSlotNoCell" | "LdaScriptContextSlot" | "LdaImmutableContextSlot" => {
            ContextBytecode::Load
        }
        "LdaCurrentContextSlot"
        | "LdaCurrentContextSlotNoCell"
        | "LdaCurrentScriptContextSlot"
        | "LdaImmutableCurrentContextSlot" => ContextBytecode::LoadCurrent,
        "Mov" => ContextBytecode::Move,
        "PushContext" => ContextBytecode::Push,
        "PopContext" => ContextBytecode::Pop,
        // The pair is the function and the receiver of `f()` where `f` is looked up by name.
        "StaLookupSlot" | "CallRuntimeForPair" => ContextBytecode::Lookup,
        _ if name.starts_with("LdaLookup") => ContextBytecode::Lookup,
        "CreateClosure" => ContextBytecode::Closure,
        "Jump" => ContextBytecode::Jump,
        "JumpConstant" => ContextBytecode::JumpConstant,
        "SwitchOnSmiNoFeedback" => ContextBytecode::Switch,
        "JumpLoop" | "Throw" | "ReThrow" | "Return" => ContextBytecode::End,
        _ if name.starts_with("DebugBreak") => ContextBytecode::Debug,
        _ if name.starts_with("JumpIf") && name.ends_with("Constant") => ContextBytecode::BranchConstant,
        _ if name.starts_with("JumpIf") => ContextBytecode::Branch,
        _ => ContextBytecode::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tables::TABLES;

    #[test]
    fn every_version_has_its_bytecodes_and_they_are_as_long_as_their_operands() {
        for table in TABLES {
            let sizes = Bytecodes::of(table.v8);
            let known = ContextBytecodes::of(&sizes);
            let mut seen = Vec::new();
            for number in 0..=255u8 {
                let meaning = known.meaning(number);
                if !seen.contains(&meaning) {
                    seen.push(meaning);
                }
                let length = sizes.length(&[number, 0, 0]);
                let wanted: &[usize] = match meaning {
                    ContextBytecode::Load | ContextBytecode::Closure => &[4],
                    ContextBytecode::LoadCurrent
                    | ContextBytecode::Push
                    | ContextBytecode::Pop
                    | ContextBytecode::Jump
                    | ContextBytecode::JumpConstant => &[2],
                    ContextBytecode::Move => &[3],
                    // The end of `for (... in ...)` compares two registers.
                    ContextBytecode::Branch | ContextBytecode::BranchConstant => &[2, 4],
                    ContextBytecode::Switch => &[4],
                    // A loop has its depth besides, and from V8 11 on a counter.
                    ContextBytecode::End => &[1, 3, 4],
                    ContextBytecode::Lookup => &[2, 3, 4, 6],
                    ContextBytecode::Other | ContextBytecode::Debug => continue,
                };
                assert!(length.is_some_and(|length| wanted.contains(&length)), "{:?}: {number}", table.v8);
            }
            assert_eq!(seen.len(), 15, "{:?}", table.v8);
        }
    }
}

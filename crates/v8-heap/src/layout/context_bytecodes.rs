//! What bytecodes mean for contexts: which read a variable, enter a scope or leave it (V8: `src/interpreter/bytecodes.h`).

use super::versions::Version;

/// The numbers of all versions.
static TABLE: &str = include_str!("tables/context_bytecodes.txt");

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

/// The bytecodes of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextBytecodes {
    by_number: Vec<ContextBytecode>,
    /// Lowest bit of the offset in an entry of a handler table.
    pub(crate) handler_shift: u32,
}

impl ContextBytecodes {
    /// The register that is the innermost context, as an operand: the word at that distance from the frame pointer (V8:
    /// `Register::current_context`, `InterpreterFrameConstants`).
    pub(crate) const CURRENT: i64 = -1;
    /// 32-bit words of an entry of a handler table: start, end, handler, data (V8: `HandlerTable::kRangeEntrySize`).
    pub(crate) const HANDLER_WORDS: usize = 4;

    /// Those of a version; `None` if they are not known.
    pub(super) fn of(version: Version) -> Option<ContextBytecodes> {
        let wanted = format!("context {}.{}", version.0, version.1);
        let mut found = ContextBytecodes { by_number: vec![ContextBytecode::Other; 256], handler_shift: 0 };
        let mut is_ours = false;
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let mut entries = line;
            if let Some((head, rest)) = line.split_once(':') {
                is_ours = head == wanted;
                entries = rest;
            }
            if !is_ours {
                continue;
            }
            for entry in entries.split(',') {
                let (name, numbers) = entry.trim().split_once(' ')?;
                let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
                let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
                if name == "handler" {
                    found.handler_shift = first as u32;
                } else {
                    found.by_number.get_mut(first..=last)?.fill(meaning(name)?);
                }
            }
        }
        (found.handler_shift > 0).then_some(found)
    }

    /// What the bytecode of a number does.
    pub(crate) fn meaning(&self, number: u8) -> ContextBytecode {
        self.by_number.get(usize::from(number)).copied().unwrap_or_default()
    }
}

fn meaning(name: &str) -> Option<ContextBytecode> {
    Some(match name {
        "load" => ContextBytecode::Load,
        "load_current" => ContextBytecode::LoadCurrent,
        "move" => ContextBytecode::Move,
        "push" => ContextBytecode::Push,
        "pop" => ContextBytecode::Pop,
        "lookup" => ContextBytecode::Lookup,
        "closure" => ContextBytecode::Closure,
        "branch" => ContextBytecode::Branch,
        "branch_constant" => ContextBytecode::BranchConstant,
        "jump" => ContextBytecode::Jump,
        "jump_constant" => ContextBytecode::JumpConstant,
        "switch" => ContextBytecode::Switch,
        "end" => ContextBytecode::End,
        "debug" => ContextBytecode::Debug,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Bytecodes;
    use crate::layout::tables::TABLES;

    #[test]
    fn every_version_has_its_bytecodes_and_they_are_as_long_as_their_operands() {
        for table in TABLES {
            let known = ContextBytecodes::of(table.v8).unwrap();
            let sizes = Bytecodes::of(table.v8);
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
                    // A loop has its depth and a counter besides.
                    ContextBytecode::End => &[1, 4],
                    ContextBytecode::Lookup => &[2, 3, 4, 6],
                    ContextBytecode::Other | ContextBytecode::Debug => continue,
                };
                assert!(length.is_some_and(|length| wanted.contains(&length)), "{:?}: {number}", table.v8);
            }
            assert_eq!(seen.len(), 15, "{:?}", table.v8);
        }
        assert_eq!(ContextBytecodes::of((9, 9)), None);
    }
}

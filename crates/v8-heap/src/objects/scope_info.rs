//! `ScopeInfo`: what a scope declares: the names behind the slots of its contexts, the name of its function, its range
//! in the source.
//!
//! A sequence of words whose presence the flags announce (V8: `src/objects/scope-info.tq`):
//!
//! ```text
//!   +8   flags                        Smi; from V8 13 on a raw u32
//!        parameter count, local count
//!        [13+: start, end]
//!        [12+, modules: number of module variables]
//!        names of context locals      or one NameToIndexHashTable from 75 names on
//!        infos of context locals
//!        [saved class variable] [function name, slot] [inferred name]
//!        [until 12: start, end] [outer ScopeInfo] [until 12: block list]
//!        [modules: info, (11: count), three words a variable]
//!        [13+: dependent code] [14+, functions: unused parameters]
//! ```

use crate::Tagged;
use crate::layout::{Fields, ScopeInfoLayout};

/// Up to this many names are stored in the scope info itself (`kScopeInfoMaxInlinedLocalNamesSize`).
const MOST_INLINE_NAMES: u64 = 75;

/// `VariableAllocationInfo::CONTEXT`
const FUNCTION_VARIABLE_IN_CONTEXT: u32 = 2;

/// No scope has more (a guard against reading damage as counts).
const MOST_WORDS: u64 = 1 << 20;

/// What opens a scope (V8: `ScopeType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// A class: its private names, its name inside itself.
    Class,
    /// Code that `eval` runs.
    Eval,
    /// A function.
    Function,
    /// A module.
    Module,
    /// A script: its `let`, `const` and `class`.
    Script,
    /// `catch (problem)`
    Catch,
    /// A block, or a turn of a loop.
    Block,
    /// `with (object)`
    With,
    /// The outermost scope of a `ShadowRealm`.
    ShadowRealm,
}

impl ScopeKind {
    /// The kind behind V8's number for it; numbered anew in V8 13.
    fn of(number: u32, modern: bool) -> Option<ScopeKind> {
        use ScopeKind::*;
        let kinds = if modern {
            // The second is of scripts whose `let` may be declared again.
            [Script, Script, Class, Eval, Function, Module, Catch, Block, With, ShadowRealm].as_slice()
        } else {
            [Class, Eval, Function, Module, Script, Catch, Block, With, ShadowRealm].as_slice()
        };
        kinds.get(number as usize).copied()
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            ScopeKind::Class => "class",
            ScopeKind::Eval => "eval",
            ScopeKind::Function => "function",
            ScopeKind::Module => "module",
            ScopeKind::Script => "script",
            ScopeKind::Catch => "catch",
            ScopeKind::Block => "block",
            ScopeKind::With => "with",
            ScopeKind::ShadowRealm => "shadow realm",
        }
    }
}

/// The parts of a `ScopeInfo`, as indices of words counted from its first field (at +8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScopeInfoParts {
    /// What opens the scope, if its number is known.
    pub kind: Option<ScopeKind>,
    /// Number of context locals.
    pub locals: u64,
    /// First name, or the hash table.
    pub names: u64,
    /// The names are in a hash table.
    pub names_are_hashed: bool,
    /// Name of the function, if it is kept here.
    pub function_name: Option<u64>,
    /// The function's own name is a variable in a context; its slot follows the name.
    pub function_name_is_in_context: bool,
    /// First of the variables that are in the module instead of its context: name, cell index, properties.
    pub module_variables: u64,
    /// Number of these.
    pub module_variable_count: u64,
    /// Name that the parser inferred.
    pub inferred_name: Option<u64>,
    /// Start position; the end follows it.
    pub positions: Option<u64>,
    /// The enclosing scope.
    pub outer: Option<u64>,
    /// Contexts of this scope have an extension slot before their locals.
    pub has_extension_slot: bool,
    /// Number of words.
    pub words: u64,
}

impl ScopeInfoParts {
    /// Takes a scope info apart. `word(i)` reads its i-th field; `None` if that cannot be read.
    pub fn parse(fields: &Fields, word: impl Fn(u64) -> Option<u64>) -> Option<ScopeInfoParts> {
        let count = |index: u64| {
            let value = Tagged(word(index)?).smi()?;
            u64::try_from(value).ok().filter(|count| *count < MOST_WORDS)
        };
        let layout = fields.scope_info;
        let modern = layout >= ScopeInfoLayout::V13;
        let flags = if modern { word(0)? as u32 } else { Tagged(word(0)?).smi()? as u32 };
        let flag = |bit: u32| flags >> bit & 1 == 1;
        let scope_type = flags & 15;
        let kind = ScopeKind::of(scope_type, modern);
        let is_module = kind == Some(ScopeKind::Module);
        let is_function = kind == Some(ScopeKind::Function);

        let locals = count(2)?;
        let mut next = 3;
        let mut take = |words: u64| {
            let start = next;
            next += words;
            start
        };
        let mut positions = None;
        if modern {
            positions = Some(take(2));
        }
        let (mut module_variables, mut module_variable_count) = (0, 0);
        if is_module && layout >= ScopeInfoLayout::V12 {
            module_variable_count = count(take(1))?;
        }
        let names_are_hashed = locals >= MOST_INLINE_NAMES;
        let names = take(if names_are_hashed { 1 } else { locals });
        take(locals);
        if flag(10) {
            take(1);
        }
        let function_name = (flags >> 12 & 3 != 0).then(|| take(2));
        let inferred_name = flag(14).then(|| take(1));
        if !modern {
            let is_empty_class = scope_type == 0 && flag(29);
            // class, eval, function, module, script, shadow realm
            if matches!(scope_type, 0..=4 | 8) && !is_empty_class {
                positions = Some(take(2));
            }
        }
        let outer = flag(22).then(|| take(1));
        if !modern && flag(28) {
            take(1);
        }
        if is_module {
            take(1);
            if layout < ScopeInfoLayout::V12 {
                module_variable_count = count(take(1))?;
            }
            module_variables = take(3 * module_variable_count);
        }
        if modern && flag(4) {
            take(1);
        }
        if layout >= ScopeInfoLayout::V14 && is_function {
            take(1);
        }
        Some(ScopeInfoParts {
            kind,
            locals,
            names,
            names_are_hashed,
            function_name,
            function_name_is_in_context: flags >> 12 & 3 == FUNCTION_VARIABLE_IN_CONTEXT,
            module_variables,
            module_variable_count,
            inferred_name,
            positions,
            outer,
            has_extension_slot: flag(26),
            words: next,
        })
    }
}

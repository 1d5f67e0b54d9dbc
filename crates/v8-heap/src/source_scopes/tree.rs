//! Scopes and variables of a function, and where V8 puts them (V8: `src/ast/scopes.cc`).
//!
//! A variable that an inner function uses, or may use by `eval` or `with`, lives in a context; any other that is used at all has a
//! register. Registers are numbered scope by scope: those of a scope in the order of declaration, then those of the scopes inside of it,
//! the last of these first, since V8 puts a new scope in front of those that it has (`Scope::AddInnerScope`,
//! `Scope::AllocateVariablesRecursively`). V8's own temporaries belong to the function's scope.

use std::collections::HashMap;

/// Scopes that are looked into for names, in all: beyond, nothing is said of a function.
const MOST_STEPS: usize = 1 << 26;

/// A scope, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ScopeId(usize);

/// A variable, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VariableId(usize);

/// What opens a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScopeKind {
    /// A script, or code for `eval`.
    Script,
    Module,
    Function {
        is_arrow: bool,
        /// What its `arguments` hold are its parameters: a sloppy function with plain ones.
        maps_arguments: bool,
    },
    /// The body of a function whose parameters have a scope of their own.
    Body,
    Block,
    Catch,
    With,
}

impl ScopeKind {
    /// Whether a `var` belongs to it (V8: `Scope::is_declaration_scope`).
    pub fn takes_vars(self) -> bool {
        matches!(self, ScopeKind::Script | ScopeKind::Module | ScopeKind::Function { .. } | ScopeKind::Body)
    }
}

/// What a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// Of a plain parameter: it stays where it was passed.
    Parameter,
    /// The value of a parameter that is more than a name; V8's own.
    PassedValue,
    /// V8's own, in a register whatever happens.
    Temporary,
    /// Has no register: a global variable, one of a module's exports, or one that is always in a context.
    Elsewhere,
}

/// Places in the text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub start: u32,
    pub end: u32,
}

/// When a variable has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// As long as its scope.
    Always,
    /// Not before `none_before`, and surely from `from` on.
    From { none_before: u32, from: u32 },
    /// No name of the program's: it stands in for another of the same name.
    Hidden,
}

/// How a name was declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// With `var`.
    Var,
    /// With `let`, `const` or `class`, or as a function that is `async` or a generator.
    Lexical,
    /// As a function.
    Function,
    /// In another way.
    #[default]
    Other,
}

#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub kind: ScopeKind,
    parent: Option<ScopeId>,
    /// In the order in which they begin.
    inner: Vec<ScopeId>,
    /// In the order of declaration.
    variables: Vec<VariableId>,
    names: HashMap<&'a str, VariableId>,
    uses: Vec<&'a str>,
    /// Something in it calls `eval`.
    has_eval: bool,
    /// Where its names mean its variables.
    pub range: Range,
}

#[derive(Debug)]
pub(super) struct Variable<'a> {
    /// Nothing if it is V8's own.
    pub name: Option<&'a str>,
    pub role: Role,
    pub life: Life,
    pub mode: Mode,
    /// Where its name means it, if that is not all of its scope.
    pub range: Option<Range>,
    /// The value that its declaration gives it, if that is a plain `name = value`.
    pub value: Option<Range>,
    scope: ScopeId,
    is_used: bool,
    is_captured: bool,
}

#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    scopes: Vec<Scope<'a>>,
    variables: Vec<Variable<'a>>,
}

/// Where variables have come to.
#[derive(Debug, Default)]
pub(super) struct Allocation {
    /// By the number of the register.
    pub registers: Vec<VariableId>,
    /// Of each scope that has some, those in its context; the function's own scope first.
    pub contexts: Vec<(ScopeId, Vec<VariableId>)>,
}

impl<'a> Tree<'a> {
    pub fn add_scope(&mut self, parent: Option<ScopeId>, kind: ScopeKind, range: Range) -> ScopeId {
        let id = ScopeId(self.scopes.len());
        self.scopes.push(Scope {
            kind,
            parent,
            inner: Vec::new(),
            variables: Vec::new(),
            names: HashMap::new(),
            uses: Vec::new(),
            has_eval: false,
            range,
        });
        if let Some(parent) = parent {
            self.scopes[parent.0].inner.push(id);
        }
        id
    }

    pub fn scope(&self, id: ScopeId) -> &Scope<'a> {
        &self.scopes[id.0]
    }

    pub fn parent(&self, id: ScopeId) -> Option<ScopeId> {
        self.scopes[id.0].parent
    }

    pub fn variable(&self, id: VariableId) -> &Variable<'a> {
        &self.variables[id.0]
    }

    pub fn variable_mut(&mut self, id: VariableId) -> &mut Variable<'a> {
        &mut self.variables[id.0]
    }

    pub fn range_of(&self, variable: VariableId) -> Range {
        let variable = &self.variables[variable.0];
        variable.range.unwrap_or(self.scopes[variable.scope.0].range)
    }

    /// How many variables a scope has.
    pub fn count(&self, scope: ScopeId) -> usize {
        self.scopes[scope.0].variables.len()
    }

    /// Says where the variables of a scope are meant by their names: those but for the first so many.
    pub fn limit(&mut self, scope: ScopeId, first: usize, range: Range) {
        for id in &self.scopes[scope.0].variables[first..] {
            self.variables[id.0].range = Some(range);
        }
    }

    /// A `var` in the body of a function that has a parameter of the same name begins with its value, and so is used (V8:
    /// `Parser::InsertShadowingVarBindingInitializers`).
    pub fn use_shadowing(&mut self, function: ScopeId) {
        let Some(body) = self.scopes[function.0].inner.last() else { return };
        for id in &self.scopes[body.0].variables {
            let variable = &mut self.variables[id.0];
            let shadows = |name: &str| self.scopes[function.0].names.contains_key(name);
            if variable.mode == Mode::Var && variable.name.is_some_and(shadows) {
                variable.is_used = true;
            }
        }
    }

    /// Whether a scope around `block`, up to `last`, has declared a name that a `var` may not have as well.
    pub fn forbids_var(&self, block: ScopeId, last: ScopeId, name: &str) -> bool {
        let mut next = self.parent(block);
        while let Some(scope) = next {
            let declared = self.declared(scope, name);
            if declared.is_some_and(|own| self.variables[own.0].mode == Mode::Lexical) {
                return true;
            }
            next = self.parent(scope).filter(|_| scope != last);
        }
        false
    }

    /// The scope that a `var` in this one belongs to.
    pub fn var_scope(&self, from: ScopeId) -> ScopeId {
        let mut scope = from;
        while !self.scopes[scope.0].kind.takes_vars() {
            match self.scopes[scope.0].parent {
                Some(parent) => scope = parent,
                None => break,
            }
        }
        scope
    }

    /// The function, script or module around a scope.
    fn closure_scope(&self, from: ScopeId) -> ScopeId {
        let mut scope = self.var_scope(from);
        while self.scopes[scope.0].kind == ScopeKind::Body {
            match self.scopes[scope.0].parent {
                Some(parent) => scope = self.var_scope(parent),
                None => break,
            }
        }
        scope
    }

    pub fn declared(&self, scope: ScopeId, name: &str) -> Option<VariableId> {
        self.scopes[scope.0].names.get(name).copied()
    }

    /// Declares a name; one that the scope has already stays as it is.
    pub fn declare(&mut self, scope: ScopeId, name: &'a str, role: Role, life: Life) -> VariableId {
        if let Some(known) = self.declared(scope, name) {
            return known;
        }
        let id = self.add_variable(scope, Some(name), role, life);
        self.scopes[scope.0].names.insert(name, id);
        id
    }

    /// A variable of V8's own, which belongs to the function around.
    pub fn add_temporary(&mut self, scope: ScopeId, role: Role) -> VariableId {
        let id = self.add_variable(self.closure_scope(scope), None, role, Life::Hidden);
        self.variables[id.0].is_used = true;
        id
    }

    fn add_variable(&mut self, scope: ScopeId, name: Option<&'a str>, role: Role, life: Life) -> VariableId {
        let id = VariableId(self.variables.len());
        let (is_used, is_captured) = (false, false);
        let (mode, range, value) = (Mode::default(), None, None);
        self.variables.push(Variable { name, role, life, mode, range, value, scope, is_used, is_captured });
        self.scopes[scope.0].variables.push(id);
        id
    }

    /// Whether a name is the whole of a parameter, or a part of it.
    pub fn is_parameter(&self, variable: VariableId) -> bool {
        self.variables[variable.0].role == Role::Parameter
    }

    pub fn set_used(&mut self, variable: VariableId) {
        self.variables[variable.0].is_used = true;
    }

    pub fn use_name(&mut self, scope: ScopeId, name: &'a str) {
        self.scopes[scope.0].uses.push(name);
    }

    /// Calls of `eval` can reach the variables of all scopes around.
    pub fn call_eval(&mut self, scope: ScopeId) {
        let mut next = Some(scope);
        while let Some(scope) = next {
            if std::mem::replace(&mut self.scopes[scope.0].has_eval, true) {
                break;
            }
            next = self.scopes[scope.0].parent;
        }
    }

    /// Finds out which variables are used, and which of them by inner functions; false if that takes too long.
    pub fn resolve(&mut self) -> bool {
        let mut steps = 0;
        for from in 0..self.scopes.len() {
            for index in 0..self.scopes[from].uses.len() {
                let name = self.scopes[from].uses[index];
                let (mut scope, mut is_captured) = (from, false);
                loop {
                    steps += 1;
                    if steps > MOST_STEPS {
                        return false;
                    }
                    if let Some(found) = self.scopes[scope].names.get(name) {
                        let variable = &mut self.variables[found.0];
                        variable.is_used = true;
                        variable.is_captured |= is_captured;
                        break;
                    }
                    is_captured |=
                        matches!(self.scopes[scope].kind, ScopeKind::Function { .. } | ScopeKind::With);
                    match self.scopes[scope].parent {
                        Some(parent) => scope = parent.0,
                        None => break,
                    }
                }
            }
        }
        true
    }

    /// Gives the variables of a function, script or module their places.
    pub fn allocate(&mut self, root: ScopeId) -> Allocation {
        self.give_parameters(root);
        let mut allocation = Allocation::default();
        let mut next = vec![root];
        while let Some(scope) = next.pop() {
            let own = &self.scopes[scope.0];
            // The last of the inner ones comes first.
            let is_own = |inner: &&ScopeId| !matches!(self.scopes[inner.0].kind, ScopeKind::Function { .. });
            next.extend(own.inner.iter().filter(is_own));
            let (plain, temporary): (Vec<_>, Vec<_>) =
                own.variables.iter().copied().partition(|id| self.variables[id.0].role != Role::Temporary);
            // Only of arrow functions the temporaries come last (`Scope::AllocateNonParameterLocalsAndDeclaredGlobals`).
            let order = match own.kind {
                ScopeKind::Function { is_arrow: true, .. } => [plain, temporary].concat(),
                _ => own.variables.clone(),
            };
            let mut in_context = Vec::new();
            for id in order {
                let variable = &self.variables[id.0];
                // What a `catch` binds always has a context.
                let is_used = variable.is_used
                    || own.kind == ScopeKind::Catch
                    || own.has_eval && variable.name.is_some();
                if !is_used || matches!(variable.role, Role::PassedValue | Role::Elsewhere) {
                    continue;
                }
                let is_captured = variable.is_captured || own.has_eval;
                if own.kind == ScopeKind::Catch || variable.role != Role::Temporary && is_captured {
                    in_context.push(id);
                } else if variable.role != Role::Parameter {
                    allocation.registers.push(id);
                }
            }
            if !in_context.is_empty() || scope == root {
                allocation.contexts.push((scope, in_context));
            }
        }
        allocation
    }

    /// A sloppy function whose `arguments` follow its parameters keeps these in its context (`DeclarationScope::AllocateParameterLocals`).
    fn give_parameters(&mut self, root: ScopeId) {
        let scope = &self.scopes[root.0];
        let Some(arguments) = scope.names.get(ARGUMENTS) else { return };
        let arguments = &self.variables[arguments.0];
        let is_mapped = matches!(scope.kind, ScopeKind::Function { maps_arguments: true, .. });
        if !is_mapped || arguments.role != Role::Plain || !(arguments.is_used || scope.has_eval) {
            return;
        }
        for id in scope.variables.clone() {
            let variable = &mut self.variables[id.0];
            if variable.role == Role::Parameter {
                (variable.is_used, variable.is_captured) = (true, true);
            }
        }
    }
}

/// The object with the arguments of a call.
pub(super) const ARGUMENTS: &str = "arguments";

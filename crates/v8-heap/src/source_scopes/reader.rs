//! From the syntax of a function to its scopes: which constructs open one, and what is declared when, as V8's parser does it
//! (V8: `src/parsing/parser-base.h`, `parser.cc`).
//!
//! Loops are what is special. The head of `for (let ...;;)` declares its names once, and once more for each round if a function is made
//! in the loop, for then each round has variables of its own (`DesugarLexicalBindingsInForStatement`). That of `for (let ... of ...)`
//! declares them around the loop, where they never have a value, and again inside (`CreateForEachStatementTDZ`). What V8 needs to
//! pass values from the one to the other are temporaries, which it makes when it has read the whole loop.

use oxc_ast::ast::{
    AccessorProperty, ArrowFunctionExpression, BindingPattern, BlockStatement, CallExpression, CatchClause,
    Class, ClassElement, Declaration, ExportDefaultDeclaration, ExportDefaultDeclarationKind,
    ExportNamedDeclaration, Expression, ForInStatement, ForOfStatement, ForStatement, ForStatementInit,
    ForStatementLeft, FormalParameters, Function, FunctionBody, IdentifierReference, IfStatement,
    ImportDeclaration, ImportDeclarationSpecifier, MetaProperty, ModuleExportName, Program,
    PropertyDefinition, ReturnStatement, Statement, StaticBlock, SwitchStatement, VariableDeclaration,
    VariableDeclarationKind, WithStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::ScopeFlags;

use super::tree::{ARGUMENTS, Life, Mode, Range, Role, ScopeId, ScopeKind, Tree, VariableId};

pub(super) const NEW_TARGET: &str = ".new.target";
const THIS_FUNCTION: &str = ".this_function";

/// What a function is, as far as its variables depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    pub is_arrow: bool,
    /// A method, an accessor or the constructor of a class.
    pub is_method: bool,
    /// A generator or an `async` function.
    pub is_resumable: bool,
}

/// A function declared in a block of sloppy code, which may get a variable outside of the block as well.
struct BlockFunction<'a> {
    name: &'a str,
    block: ScopeId,
}

/// Reads syntax.
pub(super) struct Reader<'a> {
    pub tree: Tree<'a>,
    scope: ScopeId,
    is_strict: bool,
    /// Functions and calls of `eval` met so far.
    functions: usize,
    /// How many functions are around the code at hand, counted from the one that was asked for.
    depth: usize,
    /// The same without arrow functions, which have the `super` of the one around.
    super_depth: usize,
    block_functions: Vec<BlockFunction<'a>>,
    /// The function that was asked for.
    pub root: Option<ScopeId>,
    /// Its generator object, if it has one.
    pub generator: Option<VariableId>,
    /// It has what is not known to have which registers.
    pub is_unknown: bool,
    /// It calls `super()`.
    calls_super: bool,
    /// It returns a value.
    returns_value: bool,
}

impl<'a> Reader<'a> {
    pub fn new(is_strict: bool, whole: Span) -> Reader<'a> {
        let mut tree = Tree::default();
        let scope = tree.add_scope(None, ScopeKind::Script, range(whole));
        Reader {
            tree,
            scope,
            is_strict,
            functions: 0,
            depth: 0,
            super_depth: 0,
            block_functions: Vec::new(),
            root: None,
            generator: None,
            is_unknown: false,
            calls_super: false,
            returns_value: false,
        }
    }

    /// The only function of a text.
    pub fn read_function(&mut self, function: &Function<'a>, is_method: bool, own_name: Option<&'a str>) {
        let shape =
            Shape { is_arrow: false, is_method, is_resumable: function.generator || function.r#async };
        self.function(shape, function.span, &function.params, function.body.as_deref(), own_name);
        // Some versions keep the value in a temporary to see whether it is an object.
        self.is_unknown |= self.calls_super && self.returns_value;
    }

    /// The only function of a text, an arrow.
    pub fn read_arrow(&mut self, arrow: &ArrowFunctionExpression<'a>) {
        self.arrow(arrow);
    }

    /// A module.
    pub fn read_module(&mut self, program: &Program<'a>, has_result: bool) {
        self.is_strict = true;
        let outer = self.scope;
        self.scope = self.tree.add_scope(Some(outer), ScopeKind::Module, range(program.span));
        self.root = Some(self.scope);
        self.generator = Some(self.tree.add_temporary(self.scope, Role::Temporary));
        self.visit_statements(&program.body);
        for statement in &program.body {
            self.exports_of(statement);
        }
        if has_result {
            self.tree.add_temporary(self.scope, Role::Temporary);
        }
    }

    /// Names that a module exports are cells.
    fn exports_of(&mut self, statement: &Statement<'a>) {
        let mut names: Vec<&str> = Vec::new();
        match statement {
            Statement::ExportNamedDeclaration(export) if export.source.is_none() => {
                match &export.declaration {
                    Some(Declaration::VariableDeclaration(declaration)) => {
                        for declarator in &declaration.declarations {
                            let own = declarator.id.get_binding_identifiers();
                            names.extend(own.into_iter().map(|name| name.name.as_str()));
                        }
                    }
                    Some(Declaration::FunctionDeclaration(function)) => {
                        names.extend(function.id.as_ref().map(|name| name.name.as_str()));
                    }
                    Some(Declaration::ClassDeclaration(class)) => {
                        names.extend(class.id.as_ref().map(|name| name.name.as_str()));
                    }
                    _ => {}
                }
                for specifier in &export.specifiers {
                    names.extend(match &specifier.local {
                        ModuleExportName::IdentifierName(name) => Some(name.name.as_str()),
                        ModuleExportName::IdentifierReference(name) => Some(name.name.as_str()),
                        ModuleExportName::StringLiteral(_) => None,
                    });
                }
            }
            Statement::ExportDefaultDeclaration(export) => {
                names.extend(match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                        function.id.as_ref().map(|name| name.name.as_str())
                    }
                    ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                        class.id.as_ref().map(|name| name.name.as_str())
                    }
                    _ => None,
                });
            }
            _ => {}
        }
        for name in names {
            if let Some(found) = self.tree.declared(self.scope, name) {
                self.tree.variable_mut(found).role = Role::Elsewhere;
            }
        }
    }

    fn within<T>(&mut self, kind: ScopeKind, range: Range, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.scope;
        self.scope = self.tree.add_scope(Some(outer), kind, range);
        let found = read(self);
        self.scope = outer;
        found
    }

    fn function(
        &mut self,
        shape: Shape,
        span: Span,
        parameters: &FormalParameters<'a>,
        body: Option<&FunctionBody<'a>>,
        own_name: Option<&'a str>,
    ) {
        self.functions += 1;
        let was_strict = self.is_strict;
        self.is_strict |= body.is_some_and(FunctionBody::has_use_strict_directive);
        if body.is_some_and(|body| body.directives.iter().any(|own| own.directive == "use asm")) {
            self.is_unknown |= self.root.is_none();
        }
        let is_plain = |parameter: &oxc_ast::ast::FormalParameter<'a>| {
            parameter.initializer.is_none()
                && matches!(parameter.pattern, BindingPattern::BindingIdentifier(_))
        };
        let are_plain = parameters.rest.is_none() && parameters.items.iter().all(is_plain);
        let kind = ScopeKind::Function {
            is_arrow: shape.is_arrow,
            maps_arguments: !shape.is_arrow && !self.is_strict && are_plain,
        };
        let outer_functions = std::mem::take(&mut self.block_functions);
        let is_root = self.root.is_none();
        let (inward, super_inward) = (usize::from(!is_root), usize::from(!is_root && !shape.is_arrow));
        self.depth += inward;
        self.super_depth += super_inward;
        self.within(kind, range(span), |reader| {
            let scope = reader.scope;
            if is_root {
                reader.root = Some(scope);
            }
            if !shape.is_arrow {
                reader.tree.declare(scope, NEW_TARGET, Role::Plain, Life::Hidden);
                if shape.is_method {
                    reader.tree.declare(scope, THIS_FUNCTION, Role::Plain, Life::Hidden);
                }
            }
            let body_start = body.map_or(span.end, |body| body.span.start);
            reader.parameters(parameters, are_plain, body_start);
            if shape.is_resumable {
                let generator = reader.tree.add_temporary(scope, Role::Temporary);
                if is_root {
                    reader.generator = Some(generator);
                }
            }
            if let Some(body) = body {
                if are_plain {
                    reader.visit_statements(&body.statements);
                    reader.hoist_block_functions();
                } else {
                    reader.within(ScopeKind::Body, range(body.span), |reader| {
                        reader.visit_statements(&body.statements);
                        reader.hoist_block_functions();
                    });
                    reader.tree.use_shadowing(scope);
                }
            }
            if !shape.is_arrow {
                reader.tree.declare(scope, ARGUMENTS, Role::Plain, Life::Always);
            }
            if let Some(name) = own_name
                && reader.tree.declared(scope, name).is_none()
            {
                reader.tree.declare(scope, name, Role::Plain, Life::Always);
            }
        });
        self.depth -= inward;
        self.super_depth -= super_inward;
        self.block_functions = outer_functions;
        self.is_strict = was_strict;
    }

    fn parameters(&mut self, parameters: &FormalParameters<'a>, are_plain: bool, body_start: u32) {
        let scope = self.scope;
        if are_plain {
            for parameter in &parameters.items {
                if let BindingPattern::BindingIdentifier(name) = &parameter.pattern {
                    let own = self.tree.declare(scope, name.name.as_str(), Role::Parameter, Life::Always);
                    self.tree.set_used(own);
                }
            }
            return;
        }
        let life = Life::From { none_before: 0, from: body_start };
        for parameter in &parameters.items {
            self.bind(&parameter.pattern, scope, Mode::Other, life);
            if let Some(value) = &parameter.initializer {
                self.visit_expression(value);
            }
        }
        if let Some(rest) = &parameters.rest {
            self.bind(&rest.rest.argument, scope, Mode::Other, life);
        }
        for _ in &parameters.items {
            self.tree.add_temporary(scope, Role::PassedValue);
        }
        if parameters.rest.is_some() {
            self.tree.add_temporary(scope, Role::Temporary);
        }
    }

    /// Declares the names of a pattern, all of which get a value; and reads the expressions in it.
    fn bind(&mut self, pattern: &BindingPattern<'a>, scope: ScopeId, mode: Mode, life: Life) {
        match pattern {
            BindingPattern::BindingIdentifier(name) => {
                self.declare(name.name.as_str(), mode, life, scope);
                // The name may mean another variable than the one declared, as in `catch (e) { var e = 1 }`.
                self.tree.use_name(self.scope, name.name.as_str());
            }
            BindingPattern::ObjectPattern(pattern) => {
                for property in &pattern.properties {
                    if property.computed {
                        self.visit_property_key(&property.key);
                    }
                    self.bind(&property.value, scope, mode, life);
                }
                if let Some(rest) = &pattern.rest {
                    self.bind(&rest.argument, scope, mode, life);
                }
            }
            BindingPattern::ArrayPattern(pattern) => {
                for element in pattern.elements.iter().flatten() {
                    self.bind(element, scope, mode, life);
                }
                if let Some(rest) = &pattern.rest {
                    self.bind(&rest.argument, scope, mode, life);
                }
            }
            BindingPattern::AssignmentPattern(pattern) => {
                self.bind(&pattern.left, scope, mode, life);
                self.visit_expression(&pattern.right);
            }
        }
    }

    /// Functions in blocks of sloppy code are variables of the function as well, where no other name is in the way (V8:
    /// `DeclarationScope::HoistSloppyBlockFunctions`).
    fn hoist_block_functions(&mut self) {
        let functions = std::mem::take(&mut self.block_functions);
        let target = self.scope;
        let parameters = match self.tree.scope(target).kind {
            ScopeKind::Body => self.tree.parent(target).unwrap_or(target),
            _ => target,
        };
        for BlockFunction { name, block } in functions {
            let declared = self.tree.declared(parameters, name);
            let is_parameter = declared.is_some_and(|own| self.tree.is_parameter(own));
            if is_parameter || self.tree.forbids_var(block, target, name) {
                continue;
            }
            let own = self.tree.declare(target, name, Role::Plain, Life::Always);
            self.tree.set_used(own);
            if let Some(inner) = self.tree.declared(block, name) {
                self.tree.set_used(inner);
            }
        }
    }

    fn arrow(&mut self, arrow: &ArrowFunctionExpression<'a>) {
        let shape = Shape { is_arrow: true, is_method: false, is_resumable: arrow.r#async };
        self.function(shape, arrow.span, &arrow.params, Some(&arrow.body), None);
    }

    /// A function that is declared by name.
    fn declare_function(&mut self, function: &Function<'a>) {
        let shape =
            Shape { is_arrow: false, is_method: false, is_resumable: function.generator || function.r#async };
        self.function(shape, function.span, &function.params, function.body.as_deref(), None);
        let Some(name) = &function.id else { return };
        let name = name.name.as_str();
        let is_in_block = !self.tree.scope(self.scope).kind.takes_vars();
        let mode = if is_in_block && shape.is_resumable { Mode::Lexical } else { Mode::Function };
        self.declare(name, mode, Life::Always, self.scope);
        if is_in_block && !self.is_strict && !shape.is_resumable {
            self.block_functions.push(BlockFunction { name, block: self.scope });
        }
    }

    fn declare(&mut self, name: &'a str, mode: Mode, life: Life, scope: ScopeId) -> VariableId {
        let own = self.tree.declare(scope, name, Role::Plain, life);
        self.tree.variable_mut(own).mode = mode;
        if self.tree.scope(scope).kind == ScopeKind::Module {
            self.tree.set_used(own);
        }
        own
    }

    fn declare_class(&mut self, class: &Class<'a>) {
        self.class(class);
        let Some(name) = &class.id else { return };
        let end = class.span.end;
        let life = Life::From { none_before: end, from: end };
        let own = self.declare(name.name.as_str(), Mode::Lexical, life, self.scope);
        self.tree.set_used(own);
    }

    fn class(&mut self, class: &Class<'a>) {
        // Its constructor, if it is only the default.
        self.functions += 1;
        let was_strict = std::mem::replace(&mut self.is_strict, true);
        self.within(ScopeKind::Block, range(class.span), |reader| {
            if let Some(heritage) = &class.super_class {
                reader.visit_expression(heritage);
            }
            for element in &class.body.body {
                reader.visit_class_element(element);
            }
            if let Some(name) = &class.id {
                reader.tree.declare(reader.scope, name.name.as_str(), Role::Plain, Life::Hidden);
            }
        });
        self.is_strict = was_strict;
    }

    /// The value of a field belongs to a function that V8 makes.
    fn field(&mut self, span: Span, value: Option<&Expression<'a>>) {
        let Some(value) = value else { return };
        self.initializer(span, |reader| reader.visit_expression(value));
    }

    fn initializer(&mut self, span: Span, read: impl FnOnce(&mut Self)) {
        self.functions += 1;
        self.depth += 1;
        self.super_depth += 1;
        let outer_functions = std::mem::take(&mut self.block_functions);
        let kind = ScopeKind::Function { is_arrow: false, maps_arguments: false };
        self.within(kind, range(span), |reader| {
            reader.tree.declare(reader.scope, NEW_TARGET, Role::Plain, Life::Hidden);
            reader.tree.declare(reader.scope, THIS_FUNCTION, Role::Plain, Life::Hidden);
            read(reader);
        });
        self.block_functions = outer_functions;
        self.depth -= 1;
        self.super_depth -= 1;
    }

    /// A statement where a function stands in a block of its own (V8: `ParseScopedStatement`).
    fn scoped(&mut self, statement: &Statement<'a>) {
        if matches!(statement, Statement::FunctionDeclaration(_)) {
            self.within(ScopeKind::Block, range(statement.span()), |reader| {
                reader.visit_statement(statement);
            });
        } else {
            self.visit_statement(statement);
        }
    }

    fn declarations(&mut self, declaration: &VariableDeclaration<'a>) {
        let is_var = declaration.kind == VariableDeclarationKind::Var;
        let mode = if is_var { Mode::Var } else { Mode::Lexical };
        self.notice(declaration);
        for declarator in &declaration.declarations {
            let scope = if is_var { self.tree.var_scope(self.scope) } else { self.scope };
            let span = declarator.span;
            let value = declarator.init.as_ref();
            match &declarator.id {
                BindingPattern::BindingIdentifier(name) => {
                    let life = match is_var {
                        true => Life::Always,
                        false => Life::From { none_before: span.end, from: span.end },
                    };
                    let name = name.name.as_str();
                    let is_new = self.tree.declared(scope, name).is_none();
                    let own = self.declare(name, mode, life, scope);
                    if value.is_some() || !is_var {
                        self.tree.use_name(self.scope, name);
                    }
                    self.tree.variable_mut(own).value =
                        value.filter(|_| is_new).map(|value| range(value.span()));
                }
                pattern => {
                    let life = match is_var {
                        true => Life::Always,
                        false => Life::From { none_before: span.start, from: span.end },
                    };
                    self.bind(pattern, scope, mode, life);
                }
            }
            if let Some(value) = value {
                self.visit_expression(value);
            }
        }
    }

    /// Resources that are disposed of take registers in a way that is not known here.
    fn notice(&mut self, declaration: &VariableDeclaration<'a>) {
        let is_resource =
            matches!(declaration.kind, VariableDeclarationKind::Using | VariableDeclarationKind::AwaitUsing);
        self.is_unknown |= is_resource && self.depth == 0;
    }

    fn names_of(declaration: &VariableDeclaration<'a>) -> Vec<&'a str> {
        let mut names: Vec<&'a str> = Vec::new();
        for declarator in &declaration.declarations {
            let own = declarator.id.get_binding_identifiers();
            names.extend(own.into_iter().map(|name| name.name.as_str()));
        }
        names
    }

    /// `for (let ...; test; update) body`
    fn lexical_for(&mut self, loop_: &ForStatement<'a>, head: &VariableDeclaration<'a>) {
        let functions_before = self.functions;
        self.within(ScopeKind::Block, range(loop_.span), |reader| {
            reader.declarations(head);
            let outer = reader.scope;
            let rounds = loop_.test.as_ref().map_or(loop_.body.span().start, |test| test.span().start);
            let rounds = Range { start: rounds, end: loop_.span.end };
            reader.within(ScopeKind::Block, rounds, |reader| {
                if let Some(test) = &loop_.test {
                    reader.visit_expression(test);
                }
                if let Some(update) = &loop_.update {
                    reader.visit_expression(update);
                }
                reader.visit_statement(&loop_.body);
                if reader.functions == functions_before {
                    return;
                }
                let names = Reader::names_of(head);
                if names.is_empty() {
                    return;
                }
                // One for each name, whether it is the first round, and whether this one goes on.
                for _ in 0..names.len() + usize::from(loop_.update.is_some()) + 1 {
                    reader.tree.add_temporary(outer, Role::Temporary);
                }
                for name in names {
                    if let Some(first) = reader.tree.declared(outer, name) {
                        reader.tree.set_used(first);
                        reader.tree.variable_mut(first).life = Life::Hidden;
                    }
                    let own = reader.tree.declare(reader.scope, name, Role::Plain, Life::Always);
                    reader.tree.set_used(own);
                }
            });
        });
    }

    /// `for (... of right) body`
    fn for_each(
        &mut self,
        span: Span,
        left: &ForStatementLeft<'a>,
        right: &Expression<'a>,
        body: &Statement<'a>,
    ) {
        let ForStatementLeft::VariableDeclaration(head) = left else {
            self.visit_for_statement_left(left);
            self.visit_expression(right);
            self.visit_statement(body);
            return;
        };
        if head.kind == VariableDeclarationKind::Var {
            for declarator in &head.declarations {
                let scope = self.tree.var_scope(self.scope);
                self.bind(&declarator.id, scope, Mode::Var, Life::Always);
                if let Some(value) = &declarator.init {
                    self.visit_expression(value);
                }
            }
            self.visit_expression(right);
            self.visit_statement(body);
            self.tree.add_temporary(self.scope, Role::Temporary);
            return;
        }
        self.notice(head);
        self.within(ScopeKind::Block, range(span), |reader| {
            let start = body.span().start;
            let outer = reader.scope;
            reader.scope = reader.tree.add_scope(Some(outer), ScopeKind::Block, range(body.span()));
            let inner = reader.scope;
            for declarator in &head.declarations {
                let life = Life::From { none_before: start, from: start };
                reader.bind(&declarator.id, inner, Mode::Lexical, life);
            }
            reader.scope = outer;
            reader.visit_expression(right);
            reader.scope = inner;
            reader.visit_statement(body);
            reader.scope = outer;
            reader.tree.add_temporary(outer, Role::Temporary);
            for name in Reader::names_of(head) {
                let own = reader.tree.declare(outer, name, Role::Plain, Life::Hidden);
                reader.tree.set_used(own);
            }
        });
    }
}

impl<'a> Visit<'a> for Reader<'a> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.tree.use_name(self.scope, it.name.as_str());
    }

    fn visit_meta_property(&mut self, it: &MetaProperty<'a>) {
        if it.meta.name == "new" {
            self.tree.use_name(self.scope, NEW_TARGET);
        }
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        match it.callee.get_inner_expression() {
            Expression::Super(_) => {
                self.calls_super |= self.super_depth == 0;
                self.tree.use_name(self.scope, NEW_TARGET);
                self.tree.use_name(self.scope, THIS_FUNCTION);
            }
            Expression::Identifier(name) if name.name == "eval" && !it.optional => {
                self.functions += 1;
                self.tree.call_eval(self.scope);
            }
            _ => {}
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_return_statement(&mut self, it: &ReturnStatement<'a>) {
        self.returns_value |= self.depth == 0 && it.argument.is_some();
        walk::walk_return_statement(self, it);
    }

    /// A function expression, or a method; those declared are met as statements.
    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        let accessors = ScopeFlags::GetAccessor | ScopeFlags::SetAccessor | ScopeFlags::Constructor;
        let shape = Shape {
            is_arrow: false,
            is_method: flags.intersects(accessors),
            is_resumable: it.generator || it.r#async,
        };
        let name = it.id.as_ref().map(|name| name.name.as_str());
        self.function(shape, it.span, &it.params, it.body.as_deref(), name);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.arrow(it);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        self.class(it);
    }

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        match it {
            ClassElement::MethodDefinition(method) => {
                if method.computed {
                    self.visit_property_key(&method.key);
                }
                let own = &method.value;
                let shape =
                    Shape { is_arrow: false, is_method: true, is_resumable: own.generator || own.r#async };
                self.function(shape, own.span, &own.params, own.body.as_deref(), None);
            }
            other => walk::walk_class_element(self, other),
        }
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        if it.computed {
            self.visit_property_key(&it.key);
        }
        self.field(it.span, it.value.as_ref());
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        if it.computed {
            self.visit_property_key(&it.key);
        }
        self.field(it.span, it.value.as_ref());
    }

    fn visit_static_block(&mut self, it: &StaticBlock<'a>) {
        self.initializer(it.span, |reader| {
            reader.within(ScopeKind::Body, range(it.span), |reader| reader.visit_statements(&it.body));
        });
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        match it {
            Statement::FunctionDeclaration(function) => self.declare_function(function),
            Statement::ClassDeclaration(class) => self.declare_class(class),
            Statement::VariableDeclaration(declaration) => self.declarations(declaration),
            other => walk::walk_statement(self, other),
        }
    }

    fn visit_block_statement(&mut self, it: &BlockStatement<'a>) {
        self.within(ScopeKind::Block, range(it.span), |reader| reader.visit_statements(&it.body));
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.visit_expression(&it.test);
        self.scoped(&it.consequent);
        if let Some(alternate) = &it.alternate {
            self.scoped(alternate);
        }
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        match &it.init {
            Some(ForStatementInit::VariableDeclaration(head))
                if head.kind != VariableDeclarationKind::Var =>
            {
                self.lexical_for(it, head);
                return;
            }
            Some(ForStatementInit::VariableDeclaration(head)) => self.declarations(head),
            Some(init) => self.visit_for_statement_init(init),
            None => {}
        }
        if let Some(test) = &it.test {
            self.visit_expression(test);
        }
        if let Some(update) = &it.update {
            self.visit_expression(update);
        }
        self.visit_statement(&it.body);
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.for_each(it.span, &it.left, &it.right, &it.body);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.for_each(it.span, &it.left, &it.right, &it.body);
    }

    fn visit_with_statement(&mut self, it: &WithStatement<'a>) {
        self.visit_expression(&it.object);
        self.within(ScopeKind::With, range(it.body.span()), |reader| reader.visit_statement(&it.body));
    }

    fn visit_switch_statement(&mut self, it: &SwitchStatement<'a>) {
        self.visit_expression(&it.discriminant);
        let cases = self.within(ScopeKind::Block, range(it.span), |reader| {
            for case in &it.cases {
                if let Some(test) = &case.test {
                    reader.visit_expression(test);
                }
                let before = reader.tree.count(reader.scope);
                reader.visit_statements(&case.consequent);
                // Another case may have been entered behind the declaration.
                reader.tree.limit(reader.scope, before, range(case.span));
            }
            reader.scope
        });
        if self.tree.count(cases) > 0 {
            self.tree.add_temporary(self.scope, Role::Temporary);
        }
    }

    fn visit_catch_clause(&mut self, it: &CatchClause<'a>) {
        let Some(parameter) = &it.param else {
            self.visit_block_statement(&it.body);
            return;
        };
        self.within(ScopeKind::Catch, range(it.span), |reader| {
            let catch = reader.scope;
            reader.within(ScopeKind::Block, range(it.span), |reader| {
                match &parameter.pattern {
                    BindingPattern::BindingIdentifier(name) => {
                        reader.tree.declare(catch, name.name.as_str(), Role::Plain, Life::Always);
                    }
                    pattern => {
                        let from = it.body.span.start;
                        let life = Life::From { none_before: it.span.start, from };
                        let scope = reader.scope;
                        reader.bind(pattern, scope, Mode::Lexical, life);
                    }
                }
                reader.visit_block_statement(&it.body);
            });
        });
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        for specifier in it.specifiers.iter().flatten() {
            let (name, role) = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(own) => (&own.local, Role::Elsewhere),
                ImportDeclarationSpecifier::ImportDefaultSpecifier(own) => (&own.local, Role::Elsewhere),
                // The namespace is a variable like others.
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(own) => (&own.local, Role::Plain),
            };
            let own = self.tree.declare(self.scope, name.name.as_str(), role, Life::Always);
            self.tree.set_used(own);
        }
    }

    fn visit_export_named_declaration(&mut self, it: &ExportNamedDeclaration<'a>) {
        match &it.declaration {
            Some(Declaration::FunctionDeclaration(function)) => self.declare_function(function),
            Some(Declaration::ClassDeclaration(class)) => self.declare_class(class),
            Some(Declaration::VariableDeclaration(declaration)) => self.declarations(declaration),
            _ => {}
        }
    }

    fn visit_export_default_declaration(&mut self, it: &ExportDefaultDeclaration<'a>) {
        match &it.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => self.declare_function(function),
            ExportDefaultDeclarationKind::ClassDeclaration(class) => self.declare_class(class),
            other => self.visit_export_default_declaration_kind(other),
        }
    }
}

pub(super) fn range(span: Span) -> Range {
    Range { start: span.start, end: span.end }
}

//! The variables of a function by its source: which of them V8 keeps in which registers.
//!
//! V8 numbers registers when it compiles a function, and forgets their names. Both follow from the source alone: [`locals_of`] reads
//! it, and does what V8's parser and its scope analysis do (V8: `src/parsing/parser-base.h`, `src/ast/scopes.cc`):
//!
//! ```text
//!   function f(a) {            a         stays where it was passed
//!     let b = g();             b         r0
//!     for (const c of b) {     c         r3; r2 is what stands for it while the loop begins, r1 V8's own
//!       let d = c;             d         r4
//!       list.push(() => d);              but for this, which moves d to a context
//!     }
//!   }
//! ```
//!
//! The text comes from the memory of a process and may be anything. A parser that goes down into what it reads needs more of the
//! stack the deeper that is nested, so it gets a stack in proportion to the text.

mod reader;
mod tree;

use std::ops;
use std::thread;

use oxc_allocator::Allocator;
use oxc_ast::ast::{Expression, Statement};
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_span::SourceType;

use reader::Reader;
use tree::Life;

/// Longer functions are not read, in bytes.
const LONGEST_TEXT: usize = 1 << 18;
/// Of the stack, for each byte of text.
const STACK_OF_BYTE: usize = 1 << 13;
const SMALLEST_STACK: usize = 1 << 22;

/// What a text is.
#[derive(Clone, Copy, Debug)]
pub enum Syntax<'s> {
    /// A function from its parameter list on.
    Function {
        /// `async`
        is_async: bool,
        /// `function*`
        is_generator: bool,
        /// Of a class or an object; a constructor; an accessor.
        is_method: bool,
        /// Its name, if that is a variable in it: of a function expression.
        own_name: Option<&'s str>,
    },
    /// An arrow function.
    Arrow,
    /// The body of a function with these parameters.
    Wrapped(&'s [String]),
    /// A module.
    Module {
        /// It keeps the value of its last statement.
        has_result: bool,
    },
}

/// A function that is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// Its text.
    pub text: &'s str,
    /// What that is.
    pub syntax: Syntax<'s>,
    /// It runs in strict mode.
    pub is_strict: bool,
    /// Its script is a module.
    pub is_in_module: bool,
}

/// The variables of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locals {
    /// What each register from `r0` on has, until those begin that have intermediate results; nothing if that is V8's own.
    pub registers: Vec<Option<Local>>,
    /// The register with the function's own generator object.
    pub generator: Option<u32>,
    /// It keeps its `new.target` in its context.
    pub captures_new_target: bool,
    /// Names in its own context.
    pub captured: Vec<String>,
    /// Names in the contexts of scopes inside of it, those that have some.
    pub captured_inside: Vec<Vec<String>>,
}

/// A variable in a register. Places count UTF-16 code units from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Its name.
    pub name: String,
    /// It stands in for another variable with this name, and is none of the program's.
    pub is_hidden: bool,
    /// Where the name means it, if nothing inside declares it again.
    pub scope: ops::Range<u32>,
    /// Before this place it has no value.
    pub none_before: u32,
    /// From this place on it has one.
    pub has_value_from: u32,
    /// The expression that its declaration gives it as value, if it has that form.
    pub value: Option<ops::Range<u32>>,
}

/// The variables of a function; nothing if its text cannot be read, or holds something whose registers are not known.
pub fn locals_of(source: &Source<'_>) -> Option<Locals> {
    if source.text.len() > LONGEST_TEXT {
        return None;
    }
    let text = Text::of(source);
    let stack = SMALLEST_STACK + STACK_OF_BYTE * text.whole.len();
    thread::scope(|scope| {
        let reading = thread::Builder::new().stack_size(stack).spawn_scoped(scope, || text.read(source));
        // A parser that fails says nothing.
        reading.ok()?.join().ok()?
    })
}

/// A text that can be parsed.
struct Text {
    whole: String,
    /// Bytes in front of that of the function.
    before: u32,
    /// The places of bytes in UTF-16 code units; nothing if they are the same.
    places: Option<Vec<u32>>,
}

impl Text {
    fn of(source: &Source<'_>) -> Text {
        let text = source.text;
        let strict = if source.is_strict && !source.is_in_module { "'use strict';" } else { "" };
        let (before, after) = match source.syntax {
            Syntax::Function { is_async, is_generator, .. } => {
                let is_async = if is_async { "async " } else { "" };
                let is_generator = if is_generator { "*" } else { "" };
                (format!("{strict}{is_async}function{is_generator} f"), "")
            }
            Syntax::Arrow => (format!("{strict}("), ")"),
            Syntax::Wrapped(parameters) => (format!("function f({}) {{", parameters.join(", ")), "\n}"),
            Syntax::Module { .. } => (String::new(), ""),
        };
        let mut whole = format!("{before}{text}{after}");
        if matches!(source.syntax, Syntax::Wrapped(_)) && text.starts_with("#!") {
            whole.replace_range(before.len()..before.len() + 2, "//");
        }
        let places = (!whole.is_ascii()).then(|| {
            let mut places = Vec::with_capacity(whole.len() + 1);
            let mut units = 0;
            for letter in whole.chars() {
                places.resize(places.len() + letter.len_utf8(), units);
                units += letter.len_utf16() as u32;
            }
            places.push(units);
            places
        });
        Text { whole, before: before.encode_utf16().count() as u32, places }
    }

    /// The place in the function's text of a byte of the whole.
    fn place(&self, byte: u32) -> u32 {
        let place = match &self.places {
            Some(places) => places.get(byte as usize).or(places.last()).copied().unwrap_or(0),
            None => byte,
        };
        place.saturating_sub(self.before)
    }

    fn read(&self, source: &Source<'_>) -> Option<Locals> {
        let allocator = Allocator::default();
        let kind = match source.is_in_module {
            true => SourceType::mjs(),
            false => SourceType::cjs().with_script(true),
        };
        let options =
            ParseOptions { allow_v8_intrinsics: true, preserve_parens: true, ..ParseOptions::default() };
        let ParserReturn { program, errors, panicked, .. } =
            Parser::new(&allocator, &self.whole, kind).with_options(options).parse();
        if panicked || !errors.is_empty() {
            return None;
        }
        let mut reader = Reader::new(source.is_strict, program.span);
        match (source.syntax, program.body.as_slice()) {
            (Syntax::Function { is_method, own_name, .. }, [Statement::FunctionDeclaration(function)]) => {
                reader.read_function(function, is_method, own_name.map(|name| allocator.alloc_str(name)));
            }
            (Syntax::Wrapped(_), [Statement::FunctionDeclaration(function)]) => {
                reader.read_function(function, false, None);
            }
            (Syntax::Arrow, [Statement::ExpressionStatement(statement)]) => {
                match statement.expression.get_inner_expression() {
                    Expression::ArrowFunctionExpression(arrow) => reader.read_arrow(arrow),
                    _ => return None,
                }
            }
            (Syntax::Module { has_result }, _) => reader.read_module(&program, has_result),
            _ => return None,
        }
        let root = reader.root.filter(|_| !reader.is_unknown)?;
        if !reader.tree.resolve() {
            return None;
        }
        let allocation = reader.tree.allocate(root);
        let tree = &reader.tree;
        let local = |id: &tree::VariableId| -> Option<Local> {
            let variable = tree.variable(*id);
            // V8's own have names that no program can give.
            let name = variable.name.filter(|name| !name.starts_with('.'))?;
            let scope = tree.range_of(*id);
            let (none_before, from) = match variable.life {
                Life::From { none_before, from } => (none_before, from),
                Life::Always | Life::Hidden => (0, 0),
            };
            Some(Local {
                name: name.to_owned(),
                is_hidden: variable.life == Life::Hidden,
                scope: self.place(scope.start)..self.place(scope.end),
                none_before: self.place(none_before),
                has_value_from: self.place(from),
                value: variable.value.map(|value| self.place(value.start)..self.place(value.end)),
            })
        };
        let names = |ids: &[tree::VariableId]| -> Vec<String> {
            ids.iter().filter_map(|id| tree.variable(*id).name.map(str::to_owned)).collect()
        };
        let own_context = allocation.contexts.first().map_or_else(Vec::new, |(_, ids)| names(ids));
        let generator = allocation.registers.iter().position(|id| Some(*id) == reader.generator);
        Some(Locals {
            registers: allocation.registers.iter().map(local).collect(),
            generator: generator.and_then(|index| u32::try_from(index).ok()),
            captures_new_target: own_context.iter().any(|name| name == reader::NEW_TARGET),
            captured: own_context,
            captured_inside: allocation.contexts.iter().skip(1).map(|(_, ids)| names(ids)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, and which string V8 stores to which register for it: `node --print-bytecode` on Node.js 20, 22, 24 and 26 alike. Each
    /// variable that has such a string has its own name as value.
    const STORED: &[(&str, &str)] = &[
        (
            "function f(x) { let a='a'; { let b='b'; { let c='c'; x(b,c); } x(a,b); } { let d='d'; x(d); } \
             for (let i='i';;) { let e='e'; x(i,e); break; } var z='z'; x(z); }",
            "0=a 1=z 2=i 3=e 4=d 5=b 6=c",
        ),
        (
            "function f(x) { let a='a'; for (let i='i', j='j'; x(j); x(i)) { const g='g'; x(() => 1, g); } \
             for (const k of x('k')) { let e='e'; x(k,e); } let z='z'; x(z); }",
            "0=a 6=z 9=e 14=g",
        ),
        (
            "function f(x) { for (const k in x()) { let a='a'; x(a); } for (var v in x()) { let b='b'; x(b); } \
             for (let [p,q] of x()) { let c='c'; x(c); } }",
            "8=c 9=b 12=a",
        ),
        (
            "function f(x) { let a='a', b='b', c='c', u; x(() => b); { let d='d', e='e'; x(() => e, d); } \
             let g='g'; x(a,c,g); }",
            "0=a 1=c 3=g 4=d",
        ),
        (
            "function f(x) { var a, b='b', c; function d() {} function e() {} let g; let h='h'; x(e, c); }",
            "0=b 4=h",
        ),
        (
            "function f(x, p = 'p', {q} = x(), ...rest) { let a='a'; var b='b'; { let c='c'; x(c); } x(a,b,p,q,rest); }",
            "5=a 6=b 7=c",
        ),
        ("function f(x, p, q) { let a='a'; x(a, arguments.length); }", "0=a"),
        ("function f(x) { let a='a'; x(f, a); { let b='b'; x(b); } }", "0=a 2=b"),
        ("function f(x) { let a='a'; x(new.target, a); }", "1=a"),
        ("function* f(x) { let a='a'; yield a; { let b='b'; yield b; } }", "1=a 2=b"),
        (
            "async function f(x, p = 'p') { let a='a'; await a; for (const b of x()) { let c='c'; await c; } }",
            "4=a 7=c",
        ),
        (
            "(x, ...rest) => { let a='a'; for (const b of x()) { let c='c'; x(c); } var d='d'; x(d); }",
            "4=a 5=d 8=c",
        ),
        (
            "async (x) => { let a='a'; for (const b of x()) { let c='c'; await c; } var d='d'; x(d); }",
            "0=a 1=d 6=c",
        ),
        (
            "function f(x) { let a='a'; switch (x) { case 1: let b='b'; x(b); default: let c='c'; x(c); } \
             switch (x) { case 2: x(); } let d='d'; x(d); }",
            "0=a 2=d 3=b 4=c",
        ),
        (
            "function f(x) { let a='a'; try { let b='b'; x(b); } catch (e) { let c='c'; x(c, e); } \
             try { x(); } catch ({ m }) { let d='d'; x(d, m); } finally { let g='g'; x(g); } }",
            "0=a 1=g 3=d 4=c 5=b",
        ),
        (
            "function f(x) { let a='a'; class C { static [x('k')] = C; m() { return C; } } let b='b'; \
             const D = class E { [x(E)]() {} }; let c='c'; x(a,b,c,C,D); }",
            "0=a 2=b 4=c",
        ),
        (
            "function f(x) { let a='a'; { let b='b'; function g() {} x(g); } let c='c'; x(c); g(); }",
            "0=a 1=c 3=b",
        ),
        ("function f(x) { let a='a'; for (const k of x()) { eval('a'); } { let b='b'; x(b); } }", "1=b"),
        ("function f(x) { 'use strict'; { let b='b'; x(b); } { let c='c'; eval('c'); } }", "0=b"),
        ("function f(x) { let a='a', b='b'; with (x) { let c='c'; x(a, c); } }", "0=b 1=c"),
        ("function f(x, y) { let a='a'; y = arguments[0]; x(a); }", "0=a"),
        (
            "function f(x) { l: { let a='a'; if (x(a)) break l; let b='b'; x(b); } let c='c'; x(c); }",
            "0=c 1=a 2=b",
        ),
        (
            "function f(x) { for (let i='i'; x(i);) { for (let j='j'; x(j);) { x(() => j); let k='k'; x(k); } \
             let l='l'; x(l); } }",
            "6=l 8=k",
        ),
        (
            "function f(x) { try { x(); } catch (e) { var e = 1; var g='g'; x(e, g); } let a='a'; x(a); }",
            "0=g 1=a",
        ),
        (
            "function f(x) { do { let a='a'; x(a); } while (x()); while (x()) { let b='b'; x(b); } \
             if (x()) { let c='c'; x(c); } else { let d='d'; x(d); } }",
            "0=d 1=c 2=b 3=a",
        ),
    ];

    fn read(text: &str) -> Option<Locals> {
        let source = |text, syntax| Source { text, syntax, is_strict: false, is_in_module: false };
        if !text.contains("function") {
            return locals_of(&source(text, Syntax::Arrow));
        }
        let start = text.find('(').unwrap();
        let before = &text[..start];
        let syntax = Syntax::Function {
            is_async: before.contains("async"),
            is_generator: before.contains('*'),
            is_method: false,
            own_name: Some("f"),
        };
        locals_of(&source(&text[start..], syntax))
    }

    #[test]
    fn variables_have_the_registers_that_v8_gives_them() {
        for (text, stored) in STORED {
            let locals = read(text).unwrap_or_else(|| panic!("{text}"));
            for pair in stored.split(' ') {
                let (number, name) = pair.split_once('=').unwrap();
                let found = locals.registers.get(number.parse::<usize>().unwrap()).cloned().flatten();
                let found = found.map(|local| local.name);
                assert_eq!(found.as_deref(), Some(name), "r{number} of {text}: {locals:#?}");
            }
        }
    }

    fn names(text: &str) -> Vec<String> {
        let shown = |local: Option<Local>| local.filter(|local| !local.is_hidden).map(|local| local.name);
        let locals = read(text).unwrap();
        locals.registers.into_iter().map(|local| shown(local).unwrap_or_default()).collect()
    }

    #[test]
    fn what_stands_in_for_a_variable_has_no_name() {
        assert_eq!(names("function g(x) { for (const k of x) { x(k); } }"), ["", "", "k"]);
        assert_eq!(names("function g(x) { for (let i = 0; i < 1; i++) x(() => 1); }"), ["", "", "", "", "i"]);
        assert_eq!(names("function g(x) { for (let i = 0; i < 1; i++) x(); }"), ["i"]);
        assert_eq!(names("function g({ a }, b, ...c) {}"), ["a", "b", "c", ""]);
        assert_eq!(names("async function g() { var a = 1; }"), ["", "a"]);
    }

    #[test]
    fn captured_variables_have_no_register() {
        let locals = read("function g(a, b) { let c = 1; { let d = 2; x(() => a + c + d); } }").unwrap();
        assert_eq!(locals.registers, []);
        assert_eq!(locals.captured, ["a", "c"]);
        assert_eq!(locals.captured_inside, [["d"]]);
    }

    #[test]
    fn places_count_utf_16_code_units() {
        let text = "function g() { /* \u{1f4a1}\u{fc} */ { let \u{e4} = 'v'; x(); } }";
        let locals = read(text).unwrap();
        let local = locals.registers[0].as_ref().unwrap();
        assert_eq!(local.name, "\u{e4}");
        let own = &text[text.find('(').unwrap()..];
        let place = |part: &str| own[..own.find(part).unwrap()].encode_utf16().count() as u32;
        assert_eq!(local.value, Some(place("'v'")..place("'v'") + 3));
        assert_eq!((local.none_before, local.has_value_from), (place("; x"), place("; x")));
        assert_eq!(local.scope, place("{ let")..place(" }") + 2);
    }

    #[test]
    fn what_is_not_known_says_nothing() {
        assert_eq!(read("function g() { using a = b; }"), None);
        assert_eq!(read("function g() { 'use asm'; let a = 1; }"), None);
        assert_eq!(read("function g() { let a = ; }"), None);
        assert_eq!(read("function g() {} function h() {}"), None);
        assert!(read(&format!("function g() {{ {} }}", "x();".repeat(1 << 17))).is_none(), "too long");
    }

    #[test]
    fn modules_and_wrapped_sources_are_read_as_a_whole() {
        let source = |text, syntax, is_in_module| Source { text, syntax, is_strict: false, is_in_module };
        let shown = |locals: Option<Locals>| -> Vec<String> {
            let registers = locals.unwrap().registers.into_iter();
            registers.map(|local| local.map_or_else(String::new, |local| local.name)).collect()
        };
        let parameters = ["exports".to_owned(), "require".to_owned()];
        let text = "#!/usr/bin/env node\nconst a = require('a');\nlet b = 1; x(() => b); { let c = a; }";
        assert_eq!(shown(locals_of(&source(text, Syntax::Wrapped(&parameters), false))), ["a", "c"]);
        let text = "import { a } from 'a'; import * as b from 'b'; export let c = 1; let d = a, e; \
                    function g() { return e; } export { h as i }; const h = 1; { let j = b; }";
        let registers = |has_result| shown(locals_of(&source(text, Syntax::Module { has_result }, true)));
        assert_eq!(registers(true), ["", "b", "d", "g", "", "j"]);
        assert_eq!(registers(false), ["", "b", "d", "g", "j"]);
    }

    #[test]
    fn damaged_text_is_no_harm() {
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        let pieces: Vec<&str> = STORED.iter().map(|(text, _)| *text).collect();
        let mut read_whole = 0;
        for _ in 0..4000 {
            let own = pieces[random(pieces.len())];
            let other = pieces[random(pieces.len())];
            let mut text: Vec<char> = own[own.find('(').unwrap()..].chars().collect();
            for _ in 0..=random(3) {
                let at = random(text.len());
                match random(4) {
                    0 => drop(text.remove(at)),
                    1 => text.insert(at, ['{', '}', '(', '`', '\u{0}', '\u{fffd}', '/', '\''][random(8)]),
                    2 => text[at] = text[random(text.len())],
                    _ => {
                        let from = random(other.len() - 1);
                        let piece = &other[from..(from + 1 + random(20)).min(other.len())];
                        text.splice(at..at, piece.chars());
                    }
                }
            }
            let text: String = text.into_iter().collect();
            for syntax in [
                Syntax::Function { is_async: false, is_generator: false, is_method: true, own_name: None },
                Syntax::Arrow,
                Syntax::Module { has_result: false },
            ] {
                let source = Source { text: &text, syntax, is_strict: false, is_in_module: false };
                // On this thread: what panics fails.
                read_whole += usize::from(Text::of(&source).read(&source).is_some());
            }
        }
        assert!(read_whole > 100, "{read_whole} are whole");
    }

    #[test]
    fn nesting_without_end_is_no_harm() {
        for open in [
            "(",
            "[",
            "{",
            "!",
            "a=>",
            "x?",
            "{a:",
            "`${",
            "if(a)",
            "function(){",
            "class{[",
            "a.b(",
            "-",
            "a**",
        ] {
            let text = format!("function g() {{ {} }}", open.repeat(LONGEST_TEXT / open.len() / 2));
            let _ = read(&text);
        }
        let sum = format!("function g() {{ return 1{}; }}", "+1".repeat(LONGEST_TEXT / 4));
        assert!(read(&sum).is_some());
        let chain = format!("function g() {{ return a{}; }}", ".b".repeat(LONGEST_TEXT / 4));
        assert!(read(&chain).is_some());
    }
}

//! The grammar, as JavaScript's precedence has it:
//!
//! ```text
//!   or        := and { "||" and }
//!   and       := equality { "&&" equality }
//!   equality  := relation { ("==" | "!=" | "===" | "!==" | "=~" | "!~") relation }
//!   relation  := sum { ("<" | "<=" | ">" | ">=") sum | "in" list }
//!   sum       := product { ("+" | "-") product }
//!   product   := unary { ("*" | "/" | "%") unary }
//!   unary     := ("!" | "-" | "+" | "typeof") unary | term
//!   term      := "(" or ")" | number | string | word | path | "has" "(" path ")"
//!   path      := [ "this" | name | bracket ] { "." name | bracket }
//!   bracket   := "[" index "]" | "[" string "]" | "[[" slot "]]"
//!   list      := "[" [ or { "," or } ] "]"
//! ```
//!
//! Behind `=~` stands a regular expression between slashes, or a string that is one.

use super::path::{Path, Step};
use super::regexp;
use super::value::JsValue;
use super::{Arithmetic, Comparison, Node};
use crate::output::{escape, escape_char};

/// So that no text can exhaust the stack.
const DEEPEST: u32 = 100;
/// So that no tree does.
const MOST_NODES: u32 = 500;

pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut parser = Parser { text, rest: text, depth: 0, nodes: 0 };
    let node = parser.or()?;
    parser.blanks();
    if parser.rest.is_empty() { Ok(node) } else { Err(parser.near()) }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: u32,
    nodes: u32,
}

type Parsed<T> = Result<T, String>;

impl<'a> Parser<'a> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// What is wrong here.
    fn near(&self) -> String {
        let column = self.text[..self.text.len() - self.rest.len()].chars().count() + 1;
        let word = self.rest.find(|c: char| !is_part(c)).unwrap_or(self.rest.len());
        let token = match self.rest.chars().next() {
            None => return "syntax error at the end of the expression".to_owned(),
            Some(first) if word == 0 => escape_char(first),
            Some(_) => escape(&self.rest[..word]).into_owned(),
        };
        format!("syntax error near \"{token}\", in column {column} of the expression")
    }

    /// Takes `sign` if it stands here.
    fn takes(&mut self, sign: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes `word` if it stands here as a word of its own.
    fn takes_word(&mut self, word: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(is_part) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) { Ok(()) } else { Err(self.near()) }
    }

    fn node(&mut self, node: Node) -> Parsed<Node> {
        self.nodes += 1;
        if self.nodes > MOST_NODES { Err("the expression is too long".to_owned()) } else { Ok(node) }
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return Err("the expression is nested too deeply".to_owned());
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn or(&mut self) -> Parsed<Node> {
        self.nested(|parser| {
            let mut left = parser.and()?;
            while parser.takes("||") {
                let right = parser.and()?;
                left = parser.node(Node::Or(left.into(), right.into()))?;
            }
            Ok(left)
        })
    }

    fn and(&mut self) -> Parsed<Node> {
        let mut left = self.equality()?;
        while self.takes("&&") {
            let right = self.equality()?;
            left = self.node(Node::And(left.into(), right.into()))?;
        }
        Ok(left)
    }

    fn equality(&mut self) -> Parsed<Node> {
        const SIGNS: [(&str, Comparison); 4] = [
            ("===", Comparison::StrictlyEqual),
            ("!==", Comparison::StrictlyNotEqual),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
        ];
        let mut left = self.relation()?;
        loop {
            if self.takes("=~") {
                let regex = self.regex()?;
                left = self.node(Node::Matches(left.into(), regex))?;
            } else if self.takes("!~") {
                let regex = self.regex()?;
                let matches = self.node(Node::Matches(left.into(), regex))?;
                left = self.node(Node::Not(matches.into()))?;
            } else if let Some((_, comparison)) = SIGNS.iter().find(|(sign, _)| self.takes(sign)) {
                let right = self.relation()?;
                left = self.node(Node::Compare(*comparison, left.into(), right.into()))?;
            } else {
                self.blanks();
                if self.rest.starts_with('=') {
                    return Err("'=' compares nothing: use '=='".to_owned());
                }
                return Ok(left);
            }
        }
    }

    fn relation(&mut self) -> Parsed<Node> {
        const SIGNS: [(&str, Comparison); 4] = [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let mut left = self.sum()?;
        loop {
            if self.takes_word("in") {
                let list = self.list()?;
                left = self.node(Node::In(left.into(), list))?;
            } else if let Some((_, comparison)) = SIGNS.iter().find(|(sign, _)| self.takes(sign)) {
                let right = self.sum()?;
                left = self.node(Node::Compare(*comparison, left.into(), right.into()))?;
            } else {
                return Ok(left);
            }
        }
    }

    fn list(&mut self) -> Parsed<Vec<Node>> {
        self.expect("[")?;
        let mut list = Vec::new();
        if self.takes("]") {
            return Ok(list);
        }
        loop {
            list.push(self.or()?);
            if self.takes("]") {
                return Ok(list);
            }
            self.expect(",")?;
        }
    }

    fn sum(&mut self) -> Parsed<Node> {
        let mut left = self.product()?;
        loop {
            let operation = if self.takes("+") {
                Arithmetic::Add
            } else if self.takes("-") {
                Arithmetic::Subtract
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = self.node(Node::Arithmetic(operation, left.into(), right.into()))?;
        }
    }

    fn product(&mut self) -> Parsed<Node> {
        let mut left = self.unary()?;
        loop {
            let operation = if self.takes("*") {
                Arithmetic::Multiply
            } else if self.takes("/") {
                Arithmetic::Divide
            } else if self.takes("%") {
                Arithmetic::Remainder
            } else {
                return Ok(left);
            };
            let right = self.unary()?;
            left = self.node(Node::Arithmetic(operation, left.into(), right.into()))?;
        }
    }

    fn unary(&mut self) -> Parsed<Node> {
        self.nested(|parser| {
            parser.blanks();
            let make: fn(Box<Node>) -> Node = if parser.takes("!") {
                Node::Not
            } else if parser.takes("-") {
                Node::Negate
            } else if parser.takes("+") {
                Node::ToNumber
            } else if parser.takes_word("typeof") {
                Node::TypeOf
            } else {
                return parser.term();
            };
            let operand = parser.unary()?;
            parser.node(make(operand.into()))
        })
    }

    fn term(&mut self) -> Parsed<Node> {
        self.blanks();
        let rest = self.rest;
        match rest.chars().next() {
            Some('(') => {
                self.rest = &rest[1..];
                let node = self.or()?;
                self.expect(")")?;
                return Ok(node);
            }
            Some('"' | '\'' | '`') => {
                let text = self.string()?;
                return self.node(Node::Constant(JsValue::Text(text.into())));
            }
            Some('0'..='9') => return self.number(),
            Some('.') if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => return self.number(),
            _ => {}
        }
        for (word, value) in [
            ("true", JsValue::Boolean(true)),
            ("false", JsValue::Boolean(false)),
            ("null", JsValue::Null),
            ("undefined", JsValue::Undefined),
            ("NaN", JsValue::Number(f64::NAN)),
            ("Infinity", JsValue::Number(f64::INFINITY)),
        ] {
            if self.takes_word(word) {
                return self.node(Node::Constant(value));
            }
        }
        if rest.strip_prefix("has").is_some_and(|behind| behind.trim_start().starts_with('(')) {
            self.rest = rest["has".len()..].trim_start();
            self.expect("(")?;
            self.blanks();
            let path = if self.rest.starts_with(['"', '\'']) {
                Path::new(vec![Step::name(&self.string()?)])
            } else {
                self.path()?.0
            };
            self.expect(")")?;
            return self.node(Node::Has(path));
        }
        let (path, constructor) = self.path()?;
        self.node(if constructor { Node::Constructor(path) } else { Node::Path(path) })
    }

    /// A path; the second part says that `constructor` stood at its end.
    fn path(&mut self) -> Parsed<(Path, bool)> {
        self.blanks();
        let mut steps: Vec<Step> = Vec::new();
        let mut constructor = false;
        if !self.takes_word("this") {
            if self.rest.starts_with('[') {
                steps.push(self.bracket()?);
            } else {
                constructor = self.named(&mut steps)?;
            }
        }
        while !constructor {
            if self.rest.starts_with('[') {
                steps.push(self.bracket()?);
            } else if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                constructor = self.named(&mut steps)?;
            } else {
                break;
            }
        }
        if steps.len() > DEEPEST as usize {
            return Err("the expression is nested too deeply".to_owned());
        }
        if self.rest.trim_start().starts_with('(') {
            return Err("nothing of the program is run: there are no calls but has(…)".to_owned());
        }
        Ok((Path::new(steps), constructor))
    }

    /// A name as a step; gives whether it was `constructor`.
    fn named(&mut self, steps: &mut Vec<Step>) -> Parsed<bool> {
        let end = self.rest.find(|c: char| !is_part(c)).unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.near());
        }
        self.rest = &self.rest[end..];
        if name == "constructor" {
            return Ok(true);
        }
        steps.push(Step::name(name));
        Ok(false)
    }

    fn bracket(&mut self) -> Parsed<Step> {
        let unmatched = || "syntax error: [ unmatched in the expression".to_owned();
        if let Some(inside) = self.rest.strip_prefix("[[") {
            let end = inside.find("]]").ok_or_else(unmatched)?;
            self.rest = &inside[end + 2..];
            return Ok(Step::slot(&inside[..end]));
        }
        self.rest = self.rest[1..].trim_start();
        let step = if self.rest.starts_with(['"', '\'']) {
            Step::name(&self.string()?)
        } else {
            let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let Ok(index) = self.rest[..end].parse() else { return Err(self.near()) };
            self.rest = &self.rest[end..];
            Step::index(index)
        };
        if self.takes("]") {
            Ok(step)
        } else if self.rest.is_empty() {
            Err(unmatched())
        } else {
            Err(self.near())
        }
    }

    fn number(&mut self) -> Parsed<Node> {
        let rest = self.rest;
        let radix = match rest.get(..2) {
            Some("0x" | "0X") => Some(16),
            Some("0o" | "0O") => Some(8),
            Some("0b" | "0B") => Some(2),
            _ => None,
        };
        let (value, end) = if let Some(radix) = radix {
            let end = 2 + rest[2..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len() - 2);
            let Ok(value) = u64::from_str_radix(&rest[2..end], radix) else { return Err(self.near()) };
            (value as f64, end)
        } else {
            let digits = |from: usize| {
                rest[from..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |length| from + length)
            };
            let mut end = digits(0);
            if rest[end..].starts_with('.') {
                end = digits(end + 1);
            }
            if rest[end..].starts_with(['e', 'E']) {
                let signed = end + 1 + usize::from(rest[end + 1..].starts_with(['+', '-']));
                end = digits(signed);
            }
            let Ok(value) = rest[..end].parse() else { return Err(self.near()) };
            (value, end)
        };
        let literal = &rest[..end];
        self.rest = &rest[end..];
        let is_big = radix.is_none() && literal.bytes().all(|byte| byte.is_ascii_digit());
        let value = match self.rest.strip_prefix('n').filter(|_| is_big) {
            Some(rest) => {
                self.rest = rest;
                let digits = literal.trim_start_matches('0');
                JsValue::BigInt(if digits.is_empty() { "0" } else { digits }.into())
            }
            None => JsValue::Number(value),
        };
        if self.rest.starts_with(is_part) {
            return Err(self.near());
        }
        self.node(Node::Constant(value))
    }

    /// A string in quotes, with JavaScript's escapes.
    fn string(&mut self) -> Parsed<String> {
        let mut chars = self.rest.chars();
        let quote = chars.next().unwrap_or('"');
        let unmatched = || format!("syntax error: {quote} unmatched in the expression");
        let mut text = String::new();
        loop {
            match chars.next().ok_or_else(unmatched)? {
                c if c == quote => break,
                '\\' => match chars.next().ok_or_else(unmatched)? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'b' => text.push('\u{8}'),
                    'f' => text.push('\u{c}'),
                    'v' => text.push('\u{b}'),
                    '0' => text.push('\0'),
                    c @ ('x' | 'u') => {
                        let rest = chars.as_str();
                        let (digits, behind) = match rest.strip_prefix('{').filter(|_| c == 'u') {
                            Some(inside) => inside.split_once('}').ok_or_else(unmatched)?,
                            None => {
                                rest.split_at_checked(if c == 'x' { 2 } else { 4 }).ok_or_else(unmatched)?
                            }
                        };
                        let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                        text.push(code.ok_or_else(|| format!("'\\{c}{}' is no character", escape(digits)))?);
                        chars = behind.chars();
                    }
                    c => text.push(c),
                },
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Ok(text)
    }

    /// A regular expression between slashes, or in quotes.
    fn regex(&mut self) -> Parsed<regex::Regex> {
        self.blanks();
        if self.rest.starts_with(['"', '\'']) {
            return regexp::compile(&self.string()?, "");
        }
        let Some(inside) = self.rest.strip_prefix('/') else { return Err(self.near()) };
        let mut in_class = false;
        let mut escaped = false;
        let mut end = None;
        for (at, c) in inside.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let end = end.ok_or("syntax error: / unmatched in the expression")?;
        let behind = &inside[end + 1..];
        let flags = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        self.rest = &behind[flags..];
        regexp::compile(&inside[..end], &behind[..flags])
    }
}

/// Whether `c` may be part of a name.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '#')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, message) in [
            ("", "syntax error at the end of the expression"),
            ("a ==", "syntax error at the end of the expression"),
            ("a == )", "syntax error near \")\", in column 6 of the expression"),
            ("a b", "syntax error near \"b\", in column 3 of the expression"),
            ("a = 5", "'=' compares nothing: use '=='"),
            ("a..b", "syntax error near \".\", in column 3 of the expression"),
            ("a.b(1)", "nothing of the program is run: there are no calls but has(\u{2026})"),
            ("a =~ b", "syntax error near \"b\", in column 6 of the expression"),
            ("a =~ /x", "syntax error: / unmatched in the expression"),
            ("'x", "syntax error: ' unmatched in the expression"),
            ("a in b", "syntax error near \"b\", in column 6 of the expression"),
            ("12px", "syntax error near \"px\", in column 3 of the expression"),
            ("[[x", "syntax error: [ unmatched in the expression"),
        ] {
            assert_eq!(parse(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn nesting_and_length_are_bounded() {
        for text in
            ["(".repeat(10_000), "!".repeat(10_000), "a+".repeat(10_000) + "a", "a.".repeat(10_000) + "a"]
        {
            assert!(parse(&text).is_err());
        }
        assert!(parse(&("(".repeat(20) + "a" + &")".repeat(20))).is_ok());
        assert!(parse(&("a && ".repeat(100) + "a")).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_has_a_mistake(
            text in "\\PC{0,30}|[a-c0-9.\\[\\]'\"/\\\\()!=~<>&|+*%, xuin-]{0,30}",
        ) {
            let _ = parse(&text);
        }
    }
}

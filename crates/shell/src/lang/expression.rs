//! The grammar of expressions: precedence climbing over MDB's operators.

use std::cell::Cell;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, one_of, satisfy};
use nom::combinator::{recognize, value};
use nom::sequence::{delimited, pair, preceded};
use nom::{Err, Parser};

use super::parser::{Parsed, Places, Problem, blanks, fail, fail_near};
use super::{BinaryOp, Expr, ExprKind, Space, UnaryOp, number, quoted};

/// Bounds on one statement, so that no text can exhaust the stack: evaluation and dropping recurse over the tree.
const MOST_TERMS: u32 = 1000;
const DEEPEST_NESTING: u32 = 100;

/// What is left of the bounds.
#[derive(Debug)]
pub(super) struct Budget {
    terms: Cell<u32>,
    depth: Cell<u32>,
}

impl Budget {
    pub(super) fn new() -> Budget {
        Budget { terms: Cell::new(0), depth: Cell::new(0) }
    }
}

/// An expression; what follows is left.
pub(super) fn expression<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Expr> {
    match at_level(input, 1, places, budget) {
        Err(Err::Error(_)) => fail_near(blanks(input)?.0),
        parsed => parsed,
    }
}

/// An expression of operators that bind at least as tight as `level`.
fn at_level<'a>(input: &'a str, level: u8, places: Places, budget: &Budget) -> Parsed<'a, Expr> {
    let (start, ()) = blanks(input)?;
    let (mut rest, mut left) = term(start, places, budget)?;
    loop {
        let (at, ()) = blanks(rest)?;
        let Ok((behind, op)) = operator(at) else { return Ok((rest, left)) };
        if op.level() < level {
            return Ok((rest, left));
        }
        let (after, right) = match at_level(behind, op.level() + 1, places, budget) {
            Ok(parsed) => parsed,
            // `1000 | ::dcmd` is not an expression: leave the bar to whoever knows what it means.
            Err(Err::Error(_)) if op == BinaryOp::Or => return Ok((rest, left)),
            Err(Err::Error(_)) => return fail_near(blanks(behind)?.0),
            Err(error) => return Err(error),
        };
        let span = places.span(start, after);
        left = Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span };
        rest = after;
    }
}

fn operator(input: &str) -> Parsed<'_, BinaryOp> {
    alt((
        value(BinaryOp::Remainder, tag("%%")),
        value(BinaryOp::ShiftLeft, tag("<<")),
        value(BinaryOp::ShiftRight, tag(">>")),
        value(BinaryOp::Equal, tag("==")),
        value(BinaryOp::NotEqual, tag("!=")),
        value(BinaryOp::Multiply, char('*')),
        value(BinaryOp::Divide, char('%')),
        value(BinaryOp::RoundUp, char('#')),
        value(BinaryOp::Add, char('+')),
        value(BinaryOp::Subtract, char('-')),
        value(BinaryOp::And, char('&')),
        value(BinaryOp::Xor, char('^')),
        value(BinaryOp::Or, char('|')),
    ))
    .parse(input)
}

fn term<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Expr> {
    if budget.depth.get() >= DEEPEST_NESTING {
        return fail(input, input, "expression is nested too deeply");
    }
    budget.terms.set(budget.terms.get() + 1);
    if budget.terms.get() > MOST_TERMS {
        return fail(input, input, format!("expression has more than {MOST_TERMS} terms"));
    }
    budget.depth.set(budget.depth.get() + 1);
    let parsed = unbounded_term(input, places, budget);
    budget.depth.set(budget.depth.get() - 1);
    let (rest, kind) = parsed?;
    Ok((rest, Expr { kind, span: places.span(input, rest) }))
}

fn operand<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Box<Expr>> {
    let (start, ()) = blanks(input)?;
    match term(start, places, budget) {
        Ok((rest, expr)) => Ok((rest, Box::new(expr))),
        Err(Err::Error(_)) => fail_near(start),
        Err(error) => Err(error),
    }
}

fn unbounded_term<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, ExprKind> {
    let mut chars = input.chars();
    let first = chars.next();
    let behind = chars.as_str();
    let unary = |op| operand(behind, places, budget).map(|(rest, expr)| (rest, ExprKind::Unary(op, expr)));
    match first {
        Some('(') => {
            let (rest, expr) = expression(behind, places, budget)?;
            let (rest, ()) = blanks(rest)?;
            match rest.strip_prefix(')') {
                Some(rest) => Ok((rest, expr.kind)),
                None => fail_near(rest),
            }
        }
        Some('#') => unary(UnaryOp::LogicalNot),
        Some('~') => unary(UnaryOp::Complement),
        Some('-') => unary(UnaryOp::Negate),
        Some('*') => read(Space::Memory, input, places, budget),
        Some('%') => read(Space::Object, input, places, budget),
        Some('<') => variable(behind),
        Some('\'') => quoted::character_constant(input).map(|(rest, n)| (rest, ExprKind::Number(n))),
        Some('@') => node_id(input),
        Some('&') => Ok((behind, ExprKind::LastAddress)),
        Some('+') => Ok((behind, ExprKind::Next)),
        Some('^') => Ok((behind, ExprKind::Previous)),
        Some('0'..='9') => numeral(input),
        Some(c) if c.is_ascii_alphabetic() || c == '_' || c == '.' => Ok(identifier(input)?),
        _ => Err(Err::Error(nom::error::ParseError::from_error_kind(input, nom::error::ErrorKind::Alt))),
    }
}

/// `*e`, `*/c/e` and the same with `%`.
fn read<'a>(space: Space, input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, ExprKind> {
    let behind = &input[1..];
    let cast: Parsed<'_, char> =
        delimited(char('/'), satisfy(|c| c != '/' && c != '\n'), char('/')).parse(behind);
    let (rest, cast) = match cast {
        Ok((rest, letter)) if "c1s2i4l8".contains(letter) => (rest, Some(letter)),
        Ok((rest, letter)) => {
            let (sign, shown) = (&input[..1], crate::output::escape_char(letter));
            return fail(input, rest, format!("invalid cast -- {sign}/{shown}/"));
        }
        Err(_) => (behind, None),
    };
    let (rest, address) = operand(rest, places, budget)?;
    Ok((rest, ExprKind::Read { space, cast, address }))
}

/// The name behind `<`.
fn variable(input: &str) -> Parsed<'_, ExprKind> {
    let digit = recognize(one_of("0123456789"));
    let name = recognize(pair(
        satisfy(|c| c.is_ascii_alphabetic() || c == '_'),
        take_while(|c: char| c.is_ascii_alphanumeric() || c == '_'),
    ));
    match alt((name, digit)).parse(input) {
        Ok((rest, name)) => Ok((rest, ExprKind::Variable(str::to_owned(name)))),
        Err(Err::Error::<Problem>(_)) => fail(input, input, "expected the name of a variable behind '<'"),
        Err(error) => Err(error),
    }
}

/// The id of a node of a heap snapshot, decimal as readers of snapshots show it: `@12345`.
fn node_id(input: &str) -> Parsed<'_, ExprKind> {
    let digits = take_while1(|c: char| c.is_ascii_digit());
    let (rest, digits) = preceded(char('@'), digits).parse(input)?;
    match number::parse(digits, 10) {
        Ok(value) => Ok((rest, ExprKind::Number(value))),
        Err(error) => fail(input, rest, error.to_string()),
    }
}

/// Whether the id of a node comes next, and no format of physical memory: letters stand behind the count of one.
pub(super) fn is_node_id(input: &str) -> bool {
    let Some(behind) = input.strip_prefix('@') else { return false };
    let rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < behind.len() && !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// A word that begins with a digit.
fn numeral(input: &str) -> Parsed<'_, ExprKind> {
    let (mut rest, mut word) = take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_').parse(input)?;
    match number::prefixed(word) {
        Some((radix, digits)) => {
            let fraction: Parsed<'_, &str> =
                recognize(pair(char('.'), take_while1(|c: char| c.is_ascii_alphanumeric()))).parse(rest);
            if let (10, Ok((after, fraction))) = (radix, fraction) {
                rest = after;
                word = &input[..word.len() + fraction.len()];
            } else if digits.is_empty() {
                return fail(input, rest, format!("'{word}' is not a number"));
            }
            match number::parse(word, radix) {
                Ok(value) => Ok((rest, ExprKind::Number(value))),
                Err(error) => fail(input, rest, error.to_string()),
            }
        }
        // Which digits there are is known when the expression is evaluated: the radix may change until then.
        None if word.chars().all(|c| c.is_ascii_hexdigit() || c == '_') => {
            Ok((rest, ExprKind::Digits(word.to_owned())))
        }
        None => fail(input, rest, format!("'{word}' is not a number")),
    }
}

/// A word that begins with a letter, `_` or `.`: dot, a symbol, or digits that may be a symbol.
fn identifier(input: &str) -> Parsed<'_, ExprKind> {
    let (rest, word) =
        take_while1(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '`')).parse(input)?;
    let kind = if word == "." {
        ExprKind::Dot
    } else if word.starts_with(|c: char| c.is_ascii_hexdigit())
        && word.chars().all(|c| c.is_ascii_hexdigit() || c == '_')
    {
        ExprKind::Digits(word.to_owned())
    } else {
        ExprKind::Symbol(word.to_owned())
    };
    Ok((rest, kind))
}

//! The command language: MDB's, read into a tree and evaluated.
//!
//! `parser` (statements, commands, arguments) and `expression` read text into the [tree](ast) with the place of every
//! part; [`evaluate()`] gives expressions their value in an [`Environment`]. Names of dcmds are not looked up here.

mod ast;
mod evaluate;
mod expression;
pub mod number;
mod parser;
mod quoted;
mod span;

pub use ast::{
    Argument, ArgumentValue, BinaryOp, Command, Expr, ExprKind, FormatItem, Repeat, Shell, Space, Statement,
    UnaryOp,
};
pub use evaluate::{Environment, EvalError, SymbolError, evaluate, width};
pub use number::NumberError;
pub use parser::{ParseError, expression as parse_expression, next_line, next_statement, statement};
pub use span::{Marked, Span};

#[cfg(test)]
mod tests;

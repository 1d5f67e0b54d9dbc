//! The value of an expression: unsigned 64-bit words that wrap around, except that `%` and binary `#` divide signed.

use super::{BinaryOp, Expr, ExprKind, NumberError, Space, UnaryOp, number};

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// `<name` of a variable nobody assigned.
    #[error("variable '{0}' is not defined")]
    Variable(String),
    /// A name that is no symbol's.
    #[error("failed to dereference symbol: {reason}: {name}")]
    Symbol {
        /// The name.
        name: String,
        /// Which part of it is unknown.
        reason: SymbolError,
    },
    /// Digits the radix does not have, or too many.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A remainder, division or rounding by zero.
    #[error("attempted to divide by zero")]
    DivideByZero,
    /// The one signed division that overflows.
    #[error("divide overflow")]
    DivideOverflow,
    /// Memory that could not be read.
    #[error("failed to read from address {address:x}: {reason}")]
    Read {
        /// Where.
        address: u64,
        /// Why not.
        reason: String,
    },
    /// `+` past the end of the address space.
    #[error("'+' would cause '.' to overflow")]
    DotOverflow,
    /// `^` past its start.
    #[error("'^' would cause '.' to underflow")]
    DotUnderflow,
}

/// Why a name is no symbol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// No object, or not the one that was named, has a symbol of that name.
    #[error("unknown symbol name")]
    Name,
    /// The part in front of the last backquote names no object of the target.
    #[error("unknown object file name")]
    Object,
    /// Several functions are called that.
    #[error("{0} different symbols are called that; use the mangled name, or the parameters as well")]
    Ambiguous(usize),
}

/// What the terms of an expression refer to.
pub trait Environment {
    /// `.`
    fn dot(&self) -> u64;
    /// What `+` adds to dot and `^` takes away.
    fn increment(&self) -> u64;
    /// `&`
    fn last_address(&self) -> u64;
    /// The radix of digits without prefix, 2 to 16.
    fn radix(&self) -> u32;
    /// The value of a variable or register.
    fn variable(&self, name: &str) -> Option<u64>;
    /// The address of a symbol: `malloc`, or `` libc.so.6`malloc `` for that of one object.
    ///
    /// # Errors
    /// Which part of the name is unknown.
    fn symbol(&self, name: &str) -> Result<u64, SymbolError>;
    /// The little-endian value of `size` (1, 2, 4 or 8) bytes at `address`.
    ///
    /// # Errors
    /// The reason in words.
    fn read(&self, space: Space, address: u64, size: usize) -> Result<u64, String>;
}

/// The number of bytes of a width letter: `c`/`1`, `s`/`2`, `i`/`4`, `l`/`8`.
pub fn width(letter: char) -> usize {
    match letter {
        'c' | '1' => 1,
        's' | '2' => 2,
        'i' | '4' => 4,
        _ => 8,
    }
}

/// The value of `expr`.
///
/// # Errors
/// The first part that has no value.
pub fn evaluate(expr: &Expr, env: &dyn Environment) -> Result<u64, EvalError> {
    match &expr.kind {
        ExprKind::Number(value) => Ok(*value),
        ExprKind::Digits(text) => {
            if text.starts_with(|c: char| c.is_ascii_alphabetic())
                && let Ok(address) = env.symbol(text)
            {
                return Ok(address);
            }
            Ok(number::digits(text, env.radix())?)
        }
        ExprKind::Symbol(name) => {
            env.symbol(name).map_err(|reason| EvalError::Symbol { name: name.clone(), reason })
        }
        ExprKind::Variable(name) => env.variable(name).ok_or_else(|| EvalError::Variable(name.clone())),
        ExprKind::Dot => Ok(env.dot()),
        ExprKind::LastAddress => Ok(env.last_address()),
        ExprKind::Next => env.dot().checked_add(env.increment()).ok_or(EvalError::DotOverflow),
        ExprKind::Previous => env.dot().checked_sub(env.increment()).ok_or(EvalError::DotUnderflow),
        ExprKind::Unary(op, operand) => {
            let value = evaluate(operand, env)?;
            Ok(match op {
                UnaryOp::LogicalNot => u64::from(value == 0),
                UnaryOp::Complement => !value,
                UnaryOp::Negate => value.wrapping_neg(),
            })
        }
        ExprKind::Read { space, cast, address } => {
            let address = evaluate(address, env)?;
            let size = cast.map_or(8, width);
            env.read(*space, address, size).map_err(|reason| EvalError::Read { address, reason })
        }
        ExprKind::Binary(op, left, right) => binary(*op, evaluate(left, env)?, evaluate(right, env)?),
    }
}

fn binary(op: BinaryOp, left: u64, right: u64) -> Result<u64, EvalError> {
    let shift = |amount: u64| u32::try_from(amount).ok().filter(|&amount| amount < 64);
    Ok(match op {
        BinaryOp::Remainder => left.checked_rem(right).ok_or(EvalError::DivideByZero)?,
        BinaryOp::Multiply => left.wrapping_mul(right),
        BinaryOp::Divide => signed_division(left, right)?,
        BinaryOp::RoundUp => {
            let multiple = right;
            let raised = left.wrapping_add(multiple).wrapping_sub(1);
            signed_division(raised, multiple)?.wrapping_mul(multiple)
        }
        BinaryOp::Add => left.wrapping_add(right),
        BinaryOp::Subtract => left.wrapping_sub(right),
        BinaryOp::ShiftLeft => shift(right).map_or(0, |amount| left << amount),
        BinaryOp::ShiftRight => shift(right).map_or(0, |amount| left >> amount),
        BinaryOp::Equal => u64::from(left == right),
        BinaryOp::NotEqual => u64::from(left != right),
        BinaryOp::And => left & right,
        BinaryOp::Xor => left ^ right,
        BinaryOp::Or => left | right,
    })
}

fn signed_division(left: u64, right: u64) -> Result<u64, EvalError> {
    if right == 0 {
        return Err(EvalError::DivideByZero);
    }
    let quotient = left.cast_signed().checked_div(right.cast_signed());
    quotient.map(i64::cast_unsigned).ok_or(EvalError::DivideOverflow)
}

impl From<EvalError> for crate::error::DcmdError {
    fn from(error: EvalError) -> crate::error::DcmdError {
        crate::error::DcmdError::failed(error)
    }
}

//! What a line of commands says, before any name in it is looked up.
//!
//! Every node prints itself in the language it was read from; parsing that text gives the node again.

use std::fmt;

use super::Span;

/// `[address] [, count] command | command ... [! shell]`
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The expression before the first command: dot for it.
    pub address: Option<Expr>,
    /// How often the first command runs.
    pub count: Option<Expr>,
    /// The stages; empty for a bare expression or a bare `! shell`.
    pub pipeline: Vec<Command>,
    /// What stands behind `!`.
    pub shell: Option<Shell>,
}

/// `! text` at the end of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    /// Text for the shell, verbatim.
    pub text: String,
    /// `!<`: what the shell prints are commands, to be run.
    pub run_output: bool,
}

impl Statement {
    /// Whether there is nothing to do: an empty line, or only a comment.
    pub fn is_empty(&self) -> bool {
        self.address.is_none() && self.count.is_none() && self.pipeline.is_empty() && self.shell.is_none()
    }
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `::name args`, `$c args`, `:c args`; dollar and colon forms keep their sign in the name.
    Named {
        /// `` module` `` in front of the name.
        module: Option<String>,
        /// The name: `echo`, `$d`, `$<`.
        name: String,
        /// Where the name stands.
        span: Span,
        /// The words that follow.
        arguments: Vec<Argument>,
    },
    /// `/`, `\`, `?`, `=` or `@` with a format.
    Format {
        /// The verb.
        verb: char,
        /// The format string, item by item.
        items: Vec<FormatItem>,
        /// Where the verb and its format stand.
        span: Span,
    },
    /// `/M value mask`: a verb with a letter that has operands of its own.
    FormatOperands {
        /// The verb.
        verb: char,
        /// The letter.
        letter: char,
        /// What follows it.
        operands: Vec<Argument>,
        /// Where the verb stands.
        span: Span,
    },
    /// `! 'text' |`: a command of the shell in front of another stage.
    Shell {
        /// What stood in the quotes.
        text: String,
        /// Where it stands.
        span: Span,
    },
    /// `>name`, `>/m/name`
    Assign {
        /// The narrowing modifier.
        modifier: Option<char>,
        /// The variable.
        name: String,
        /// Where the name stands.
        span: Span,
    },
}

impl Command {
    /// Where the command's name stands.
    pub fn span(&self) -> Span {
        match self {
            Command::Named { span, .. }
            | Command::Format { span, .. }
            | Command::FormatOperands { span, .. }
            | Command::Shell { span, .. }
            | Command::Assign { span, .. } => *span,
        }
    }
}

/// One item of a format string.
#[derive(Clone, Debug, PartialEq)]
pub enum FormatItem {
    /// A format character with its repeat count.
    Verb {
        /// How often, if said.
        repeat: Option<Repeat>,
        /// The character.
        character: char,
    },
    /// `"text"`, printed as it is.
    Text(String),
}

/// The repeat count of a format character.
#[derive(Clone, Debug, PartialEq)]
pub enum Repeat {
    /// Decimal digits.
    Count(u64),
    /// `$[expr]`
    Computed(Box<Expr>),
}

/// A word behind a dcmd's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The word.
    pub value: ArgumentValue,
    /// Where it stands.
    pub span: Span,
}

/// The two kinds of argument words.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgumentValue {
    /// A word, its quotes removed.
    Text(String),
    /// `$[expr]`: a number.
    Immediate(Expr),
}

/// An expression with its place in the text.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

impl PartialEq for Expr {
    /// Equal meaning; the place does not count.
    fn eq(&self, other: &Expr) -> bool {
        self.kind == other.kind
    }
}

/// The forms of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A number whose value the text alone decides: `0x1f`, `0t25`, `'ab'`.
    Number(u64),
    /// Digits in the default radix; if they begin with a letter, perhaps a symbol.
    Digits(String),
    /// A symbol.
    Symbol(String),
    /// `<name`
    Variable(String),
    /// `.`
    Dot,
    /// `&`: the address most recently used to run a dcmd.
    LastAddress,
    /// `+`: dot plus increment.
    Next,
    /// `^`: dot minus increment.
    Previous,
    /// An operator and its operand.
    Unary(UnaryOp, Box<Expr>),
    /// A value read from the target: `*e`, `%e`, `*/c/e`.
    Read {
        /// `*` for memory, `%` for the object file.
        space: Space,
        /// Width in bytes; 8 if not said.
        cast: Option<char>,
        /// The address.
        address: Box<Expr>,
    },
    /// Two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
}

/// Where a read goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// `*`: the memory of the process.
    Memory,
    /// `%`: the files it had mapped.
    Object,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `#`: 1 for 0, else 0.
    LogicalNot,
    /// `~`
    Complement,
    /// `-`
    Negate,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `%%`: unsigned remainder.
    Remainder,
    /// `*`
    Multiply,
    /// `%`: signed division.
    Divide,
    /// `#`: round up to a multiple.
    RoundUp,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `&`
    And,
    /// `^`
    Xor,
    /// `|`
    Or,
}

impl BinaryOp {
    /// Binding strength: 8 binds tightest, 1 loosest.
    pub fn level(self) -> u8 {
        match self {
            BinaryOp::Remainder => 8,
            BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::RoundUp => 7,
            BinaryOp::Add | BinaryOp::Subtract => 6,
            BinaryOp::ShiftLeft | BinaryOp::ShiftRight => 5,
            BinaryOp::Equal | BinaryOp::NotEqual => 4,
            BinaryOp::And => 3,
            BinaryOp::Xor => 2,
            BinaryOp::Or => 1,
        }
    }

    /// How it is written.
    pub fn sign(self) -> &'static str {
        match self {
            BinaryOp::Remainder => "%%",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "%",
            BinaryOp::RoundUp => "#",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::ShiftLeft => "<<",
            BinaryOp::ShiftRight => ">>",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::And => "&",
            BinaryOp::Xor => "^",
            BinaryOp::Or => "|",
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(value) => write!(f, "{value:#x}"),
            ExprKind::Digits(text) | ExprKind::Symbol(text) => f.write_str(text),
            ExprKind::Variable(name) => write!(f, "<{name}"),
            ExprKind::Dot => f.write_str("."),
            ExprKind::LastAddress => f.write_str("&"),
            ExprKind::Next => f.write_str("+"),
            ExprKind::Previous => f.write_str("^"),
            ExprKind::Unary(op, operand) => {
                let sign = match op {
                    UnaryOp::LogicalNot => '#',
                    UnaryOp::Complement => '~',
                    UnaryOp::Negate => '-',
                };
                write!(f, "{sign}({operand})")
            }
            ExprKind::Read { space, cast, address } => {
                f.write_str(if *space == Space::Memory { "*" } else { "%" })?;
                if let Some(cast) = cast {
                    write!(f, "/{cast}/")?;
                }
                write!(f, "({address})")
            }
            ExprKind::Binary(op, left, right) => write!(f, "({left}) {} ({right})", op.sign()),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            ArgumentValue::Immediate(expr) => write!(f, "$[{expr}]"),
            ArgumentValue::Text(text) => {
                let plain = |c: char| !c.is_control() && !" ;!|\"'$/\\".contains(c);
                if !text.is_empty() && text.chars().all(plain) {
                    f.write_str(text)
                } else {
                    write_quoted(f, text)
                }
            }
        }
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

impl fmt::Display for FormatItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatItem::Text(text) => write_quoted(f, text),
            FormatItem::Verb { repeat, character } => {
                match repeat {
                    None => {}
                    Some(Repeat::Count(count)) => write!(f, "{count}")?,
                    Some(Repeat::Computed(expr)) => write!(f, "$[{expr}]")?,
                }
                write!(f, "{character}")
            }
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Named { module, name, arguments, .. } => {
                if !name.starts_with(['$', ':']) {
                    f.write_str("::")?;
                }
                if let Some(module) = module {
                    write!(f, "{module}`")?;
                }
                f.write_str(name)?;
                arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
            }
            Command::Format { verb, items, .. } => {
                write!(f, "{verb}")?;
                items.iter().try_for_each(|item| write!(f, " {item}"))
            }
            Command::FormatOperands { verb, letter, operands, .. } => {
                write!(f, "{verb}{letter}")?;
                operands.iter().try_for_each(|operand| write!(f, " {operand}"))
            }
            Command::Shell { text, .. } => {
                f.write_str("! '")?;
                for c in text.chars() {
                    if matches!(c, '\'' | '\\') {
                        f.write_str("\\")?;
                    }
                    write!(f, "{c}")?;
                }
                f.write_str("'")
            }
            Command::Assign { modifier, name, .. } => match modifier {
                Some(modifier) => write!(f, ">/{modifier}/{name}"),
                None => write!(f, ">{name}"),
            },
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = &self.address {
            write!(f, "({address})")?;
        }
        if let Some(count) = &self.count {
            write!(f, ",({count})")?;
        }
        for (index, command) in self.pipeline.iter().enumerate() {
            let bar = match command {
                _ if index == 0 => "",
                Command::Shell { .. } => " ",
                _ => " | ",
            };
            write!(f, "{bar}{command}")?;
        }
        if let Some(shell) = &self.shell {
            write!(f, " !{}{}", if shell.run_output { "<" } else { "" }, shell.text)?;
        }
        Ok(())
    }
}

//! The grammar: from the text of a line to [`Statement`]s.
//!
//! Statements are parsed one by one, because running one may change how the next is read. Inside a statement the scanner
//! is in one of MDB's states: *initial* (expressions, up to a command), *arguments* (words, behind a dcmd's name),
//! *formats* (behind `/ \ ? = @`) and *shell* (verbatim, behind `!`). Metacharacters of one state are plain text in the
//! next, so that `::jssource a/b=c` passes one argument.
//!
//! Every parser works on the text that is left; what is left determines the offset, hence spans come from lengths alone.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while, take_while1};
use nom::character::complete::{char, digit1, one_of, satisfy};
use nom::combinator::{opt, recognize, value};
use nom::sequence::{delimited, pair, terminated};
use nom::{Err, IResult, Parser};

use super::expression::Budget;
use super::{Argument, ArgumentValue, Command, Expr, FormatItem, Repeat, Shell, Span, Statement, quoted};

/// Why some text is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong, as a user reads it.
    pub message: String,
    /// Where.
    pub span: Span,
}

/// A problem while parsing; places are counted in bytes left.
#[derive(Debug)]
pub(super) struct Problem {
    from: usize,
    to: usize,
    message: Option<String>,
}

impl nom::error::ParseError<&str> for Problem {
    fn from_error_kind(input: &str, _: nom::error::ErrorKind) -> Problem {
        Problem { from: input.len(), to: input.len(), message: None }
    }

    fn append(_: &str, _: nom::error::ErrorKind, other: Problem) -> Problem {
        other
    }
}

pub(super) type Parsed<'a, T> = IResult<&'a str, T, Problem>;

/// Ends parsing: `message` about the text between `from` and `rest`.
pub(super) fn fail<T>(from: &str, rest: &str, message: impl Into<String>) -> Result<T, Err<Problem>> {
    Err(Err::Failure(Problem { from: from.len(), to: rest.len(), message: Some(message.into()) }))
}

/// Ends parsing with `syntax error near "…"`.
pub(super) fn fail_near<T>(input: &str) -> Result<T, Err<Problem>> {
    Err(Err::Failure(Problem { from: input.len(), to: input.len(), message: None }))
}

/// The places of a text: how many bytes lie before what is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub len: usize,
}

impl Places {
    pub(super) fn span(self, from: &str, rest: &str) -> Span {
        Span::new(self.len - from.len(), self.len - rest.len())
    }
}

/// What separates without a meaning of its own; a carriage return stands at the ends of lines that were written elsewhere.
const BLANKS: [char; 3] = [' ', '\t', '\r'];

pub(super) fn blanks(input: &str) -> Parsed<'_, ()> {
    value((), take_while(|c| BLANKS.contains(&c))).parse(input)
}

fn comment(input: &str) -> Parsed<'_, ()> {
    value((), pair(tag("//"), take_till(|c| c == '\n'))).parse(input)
}

fn at_end(input: &str) -> bool {
    input.is_empty() || input.starts_with([';', '\n'])
}

fn at_end_of_stage(input: &str) -> bool {
    at_end(input) || input.starts_with(['|', '!'])
}

/// Parses the statement of `source` that starts at `start`; gives it and where the next one starts.
///
/// # Errors
/// What is wrong and where. [`next_statement`] says where to go on, if going on is wanted.
pub fn statement(source: &str, start: usize) -> Result<(Statement, usize), ParseError> {
    let text = source.get(start..).unwrap_or("");
    let places = Places { len: source.len() };
    match statement_in(text, places) {
        Ok((rest, statement)) => Ok((statement, source.len() - rest.len())),
        Err(error) => Err(explain(source, error)),
    }
}

/// Where the statement behind a broken one starts: behind the next `;` or the end of the line.
pub fn next_statement(source: &str, from: usize) -> usize {
    let rest = source.get(from..).unwrap_or("");
    rest.find([';', '\n']).map_or(source.len(), |end| from + end + 1)
}

/// Where the line behind `from` starts.
pub fn next_line(source: &str, from: usize) -> usize {
    let rest = source.get(from..).unwrap_or("");
    rest.find('\n').map_or(source.len(), |end| from + end + 1)
}

/// Parses `source` as one expression and nothing else.
///
/// # Errors
/// What is wrong and where.
pub fn expression(source: &str) -> Result<Expr, ParseError> {
    let whole = |input| {
        let (rest, expr) =
            super::expression::expression(input, Places { len: source.len() }, &Budget::new())?;
        let (rest, ()) = blanks(rest)?;
        if rest.is_empty() { Ok((rest, expr)) } else { fail_near(rest) }
    };
    whole(source).map(|(_, expr)| expr).map_err(|error| explain(source, error))
}

fn explain(source: &str, error: Err<Problem>) -> ParseError {
    let problem = match error {
        Err::Error(problem) | Err::Failure(problem) => problem,
        Err::Incomplete(_) => Problem { from: 0, to: 0, message: None },
    };
    let start = source.len().saturating_sub(problem.from);
    let end = source.len().saturating_sub(problem.to).max(start);
    match problem.message {
        Some(message) => ParseError { message, span: Span::new(start, end) },
        None => {
            let rest = source.get(start..).unwrap_or("");
            let token = offending_token(rest);
            let span = Span::new(start, start + token.len());
            if token.is_empty() {
                ParseError { message: "syntax error at the end of the command".to_owned(), span }
            } else {
                let shown = crate::output::escape(token);
                ParseError { message: format!("syntax error near \"{shown}\""), span }
            }
        }
    }
}

/// The word or sign at the start of `rest`.
fn offending_token(rest: &str) -> &str {
    let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    match rest.chars().next() {
        None | Some('\n') => "",
        Some(first) if word == 0 => &rest[..first.len_utf8()],
        Some(_) => &rest[..word],
    }
}

fn statement_in(input: &str, places: Places) -> Parsed<'_, Statement> {
    let budget = Budget::new();
    let (mut rest, ()) = blanks(input)?;
    let mut statement = Statement { address: None, count: None, pipeline: Vec::new(), shell: None };
    let is_node_id = super::expression::is_node_id(rest);
    if is_node_id
        || !at_end(rest) && !rest.starts_with([':', '$', '/', '\\', '?', '=', '@', '>', '|', '!', ','])
    {
        let (after, address) = super::expression::expression(rest, places, &budget)?;
        statement.address = Some(address);
        rest = blanks(after)?.0;
    }
    if let Ok((after, _)) = char::<_, Problem>(',').parse(rest) {
        let (after, count) = super::expression::expression(after, places, &budget)?;
        statement.count = Some(count);
        rest = blanks(after)?.0;
    }
    rest = opt(comment).parse(rest)?.0;
    let mut expects_stage = false;
    while expects_stage || !at_end(rest) {
        if let Some((after, text)) = quoted_shell_stage(rest).filter(|_| !expects_stage) {
            let span = places.span(rest, after);
            statement.pipeline.push(Command::Shell { text, span });
            (rest, expects_stage) = (blanks(after)?.0, true);
            continue;
        }
        if rest.starts_with('!') && !expects_stage {
            break;
        }
        let (after, command) = command(rest, places, &budget)?;
        statement.pipeline.push(command);
        (rest, _) = blanks(after)?;
        expects_stage = rest.starts_with('|');
        if expects_stage {
            (rest, _) = blanks(&rest[1..])?;
            if !rest.starts_with([':', '$', '/', '\\', '?', '=', '@', '>']) {
                return fail_near(rest);
            }
        } else if !rest.starts_with('!') {
            break;
        }
    }
    if let Ok((after, _)) = char::<_, Problem>('!').parse(rest) {
        let (after, run_output) = opt(char('<')).parse(after)?;
        let (after, text) = take_till(|c| c == ';' || c == '\n').parse(after)?;
        statement.shell = Some(Shell { text: text.to_owned(), run_output: run_output.is_some() });
        rest = after;
    }
    if rest.is_empty() {
        return Ok((rest, statement));
    }
    match one_of::<_, _, Problem>(";\n").parse(rest) {
        Ok((rest, _)) => Ok((rest, statement)),
        Err(_) => fail_near(rest),
    }
}

/// `! 'text' |` in front of `::`: gives the text, and what follows the bar. Anything else behind `!` is for the shell as it
/// stands, bars and quotes included; no command of a shell begins with `::`.
fn quoted_shell_stage(input: &str) -> Option<(&str, String)> {
    let rest = input.strip_prefix('!')?.trim_start_matches(BLANKS).strip_prefix('\'')?;
    let mut text = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '\'' => break,
            '\n' => return None,
            '\\' => match chars.next()? {
                // A line ends there all the same.
                '\n' => return None,
                c @ ('\'' | '\\') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
    let after = chars.as_str().trim_start_matches(BLANKS).strip_prefix('|')?;
    let after = after.trim_start_matches(BLANKS);
    after.starts_with("::").then_some((after, text))
}

fn command<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Command> {
    let mut first = input.chars();
    match first.next() {
        Some(':') => named(input, places, budget),
        Some('$') => dollar(input, places, budget),
        Some('>') => assignment(input, places),
        Some(verb @ ('/' | '\\' | '?' | '=' | '@')) => {
            if let Some((letter, behind)) = letter_with_operands(verb, first.as_str()) {
                let span = places.span(input, first.as_str());
                let (rest, operands) = arguments(behind, places, budget)?;
                return Ok((rest, Command::FormatOperands { verb, letter, operands, span }));
            }
            let (rest, items) = format_items(first.as_str(), places, budget)?;
            let span = places.span(input, first.as_str());
            Ok((rest, Command::Format { verb, items, span }))
        }
        _ => fail_near(input),
    }
}

/// A letter that has operands of its own, directly behind the verb: those that search, and those that would write if a value
/// follows them. A count in front of it says nothing.
fn letter_with_operands(verb: char, input: &str) -> Option<(char, &str)> {
    if verb == '=' {
        return None;
    }
    let input = input.trim_start_matches(|c: char| c.is_ascii_digit());
    let letter = input.chars().next()?;
    let behind = &input[letter.len_utf8()..];
    let value = behind.trim_start_matches(BLANKS);
    let has_value = value.len() < behind.len() && !at_end_of_stage(value) && !value.starts_with("//");
    (matches!(letter, 'l' | 'L' | 'M') || (matches!(letter, 'v' | 'w' | 'z' | 'W' | 'Z') && has_value))
        .then_some((letter, behind))
}

/// The name of a dcmd, a module or a walker.
fn name(input: &str) -> Parsed<'_, &str> {
    recognize(pair(
        satisfy(|c| c.is_ascii_alphabetic() || c == '_' || c == '.'),
        take_while(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.'),
    ))
    .parse(input)
}

fn named<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Command> {
    if let Ok((after, _)) = tag::<_, _, Problem>("::").parse(input) {
        let (start, module) = opt(terminated(name, char('`'))).parse(after)?;
        let Ok((rest, text)) = name(start) else {
            return fail(input, after, "expected the name of a dcmd behind '::'");
        };
        let span = places.span(input, rest);
        let (rest, arguments) = arguments(rest, places, budget)?;
        let module = module.map(str::to_owned);
        return Ok((rest, Command::Named { module, name: text.to_owned(), span, arguments }));
    }
    let (rest, text) = match recognize(pair(char(':'), satisfy(|c| c.is_ascii_alphanumeric()))).parse(input) {
        Ok(parsed) => parsed,
        Err(Err::Error::<Problem>(_)) => return fail_near(input),
        Err(error) => return Err(error),
    };
    let span = places.span(input, rest);
    let (rest, arguments) = arguments(rest, places, budget)?;
    Ok((rest, Command::Named { module: None, name: text.to_owned(), span, arguments }))
}

/// `$c args`; `$<file`, `$<<file`, `$>file`; a lone `$` means `$?`.
fn dollar<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Command> {
    let letter = satisfy(|c| c.is_ascii_alphanumeric() || c == '?' || c == '%');
    let form = alt((tag("$<<"), tag("$<"), tag("$>"), recognize(pair(char('$'), letter))));
    let (rest, text) = match terminated(form, nom::combinator::success(())).parse(input) {
        Ok(parsed) => parsed,
        Err(Err::Error::<Problem>(_)) => {
            let rest = &input[1..];
            if !at_end_of_stage(rest) && !rest.starts_with([' ', '\t']) {
                return fail_near(input);
            }
            (rest, "$?")
        }
        Err(error) => return Err(error),
    };
    let span = places.span(input, rest);
    let (rest, arguments) = arguments(rest, places, budget)?;
    Ok((rest, Command::Named { module: None, name: text.to_owned(), span, arguments }))
}

/// `>name`, `>/m/name`
fn assignment(input: &str, places: Places) -> Parsed<'_, Command> {
    let (after, _) = char('>').parse(input)?;
    let (mut rest, ()) = blanks(after)?;
    let mut modifier = None;
    if rest.starts_with('/') {
        let parsed: Parsed<'_, char> =
            delimited(char('/'), satisfy(|c| c != '/' && c != '\n'), char('/')).parse(rest);
        let Ok((after, letter)) = parsed else { return fail_near(rest) };
        if !"c1s2i4l8".contains(letter) {
            let shown = crate::output::escape_char(letter);
            return fail(rest, after, format!("{shown} is not a valid // modifier"));
        }
        modifier = Some(letter);
        rest = blanks(after)?.0;
    }
    let single = "expected single variable name following '>'";
    let word: Parsed<'_, &str> = take_while1(|c: char| !c.is_whitespace() && !";|!".contains(c)).parse(rest);
    let Ok((end, name)) = word else { return fail(input, rest, single) };
    let span = places.span(rest, end);
    if let Err(reason) = crate::variables::check_name(name) {
        return fail(rest, end, reason);
    }
    let (behind, _) = pair(blanks, opt(comment)).parse(end)?;
    if !at_end_of_stage(behind) {
        return fail(behind, behind, single);
    }
    Ok((behind, Command::Assign { modifier, name: name.to_owned(), span }))
}

fn arguments<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Vec<Argument>> {
    let mut words = Vec::new();
    let mut rest = input;
    loop {
        (rest, _) = pair(blanks, opt(comment)).parse(rest)?;
        if at_end_of_stage(rest) {
            return Ok((rest, words));
        }
        let (after, value) = if rest.starts_with('$') {
            let (after, expr) = immediate(rest, places, budget)?;
            (after, ArgumentValue::Immediate(expr))
        } else {
            let (after, text) = word(rest)?;
            (after, ArgumentValue::Text(text))
        };
        words.push(Argument { value, span: places.span(rest, after) });
        rest = after;
    }
}

/// `$[expr]`
fn immediate<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Expr> {
    let Ok((inside, _)) = tag::<_, _, Problem>("$[").parse(input) else { return fail_near(input) };
    let (rest, expr) = super::expression::expression(inside, places, budget)?;
    let (rest, ()) = blanks(rest)?;
    match char::<_, Problem>(']').parse(rest) {
        Ok((rest, _)) => Ok((rest, expr)),
        Err(_) if rest.is_empty() || rest.starts_with([';', '!', '\n']) => {
            fail(input, inside, "syntax error: $[ unmatched")
        }
        Err(_) => fail_near(rest),
    }
}

/// A word: plain characters and quoted pieces, as long as nothing separates them.
fn word(input: &str) -> Parsed<'_, String> {
    let mut text = String::new();
    let mut rest = input;
    loop {
        let plain: Parsed<'_, &str> = take_while1(|c: char| {
            !matches!(c, ' ' | '\t' | '\r' | '\n' | ';' | '!' | '|' | '"' | '\'' | '$')
        })
        .parse(rest);
        if let Ok((after, piece)) = plain {
            text.push_str(piece);
            rest = after;
        } else if rest.starts_with('"') {
            let (after, piece) = quoted::double(rest)?;
            text.push_str(&piece);
            rest = after;
        } else if rest.starts_with('\'') {
            let (after, piece) = quoted::single(rest)?;
            text.push_str(piece);
            rest = after;
        } else {
            return Ok((rest, text));
        }
    }
}

fn format_items<'a>(input: &'a str, places: Places, budget: &Budget) -> Parsed<'a, Vec<FormatItem>> {
    let mut items = Vec::new();
    let mut rest = input;
    loop {
        (rest, _) = pair(blanks, opt(comment)).parse(rest)?;
        if at_end_of_stage(rest) {
            return Ok((rest, items));
        }
        if rest.starts_with('"') {
            let (after, text) = quoted::double(rest)?;
            items.push(FormatItem::Text(text));
            rest = after;
            continue;
        }
        let mut repeat = None;
        if rest.starts_with('$') {
            let (after, expr) = immediate(rest, places, budget)?;
            repeat = Some(Repeat::Computed(Box::new(expr)));
            rest = after;
        } else if let Ok((after, digits)) = digit1::<_, Problem>(rest) {
            let Ok(count) = digits.parse() else {
                return fail(rest, after, "repeat count does not fit in 64 bits");
            };
            repeat = Some(Repeat::Count(count));
            rest = after;
        }
        // What counts may stand apart from its letter, which is no digit: that would be another count.
        (rest, _) = blanks(rest)?;
        let letter: Parsed<'_, char> = satisfy(|c| !c.is_ascii_digit()).parse(rest);
        let (after, character) = match letter {
            Ok(parsed) if !at_end_of_stage(rest) => parsed,
            Ok(_) | Err(Err::Error(_)) => return fail_near(rest),
            Err(error) => return Err(error),
        };
        items.push(FormatItem::Verb { repeat, character });
        rest = after;
    }
}

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// Dot 0x1000, increment 8, a word 0x1234 at 0x5000, the function `add` at 0x77.
struct World {
    radix: u32,
    variables: HashMap<&'static str, u64>,
}

impl Environment for World {
    fn dot(&self) -> u64 {
        0x1000
    }
    fn increment(&self) -> u64 {
        8
    }
    fn last_address(&self) -> u64 {
        0x2000
    }
    fn radix(&self) -> u32 {
        self.radix
    }
    fn variable(&self, name: &str) -> Option<u64> {
        self.variables.get(name).copied()
    }
    fn symbol(&self, name: &str) -> Result<u64, SymbolError> {
        match name {
            "add" => Ok(0x77),
            "libc`malloc" => Ok(0x88),
            name if name.starts_with("nosuch`") => Err(SymbolError::Object),
            _ => Err(SymbolError::Name),
        }
    }
    fn read(&self, _: Space, address: u64, size: usize) -> Result<u64, String> {
        match (address, size) {
            (0x5000, 8) => Ok(0x1234),
            (0x5000, 1) => Ok(0x34),
            (0x5000, 2) => Ok(0x1234),
            _ => Err("no mapping for address".to_owned()),
        }
    }
}

fn world() -> World {
    World { radix: 16, variables: HashMap::from([("x", 5), ("9", 7)]) }
}

fn value(text: &str) -> Result<u64, String> {
    let expr = parse_expression(text).map_err(|error| error.to_string())?;
    evaluate(&expr, &world()).map_err(|error| error.to_string())
}

#[test]
fn expressions_have_the_values_of_mdb() {
    for (text, expected) in [
        ("10", 0x10),
        ("0t10", 10),
        ("'ab'", 0x6162),
        ("''", 0),
        (r"'\n'", 10),
        (r"'\x41\102'", 0x4142),
        ("1+2*3", 7),
        ("7%2", 3),
        ("-7%2", 3u64.wrapping_neg()),
        ("7%%2", 1),
        ("-1%%10", 15),
        ("5#4", 8),
        ("8#4", 8),
        ("#0", 1),
        ("#5", 0),
        ("~0", u64::MAX),
        ("1<<3|1", 9),
        ("1|2", 3),
        ("6&3^1", 3),
        ("1==1", 1),
        ("1!=1", 0),
        ("10-2-3", 11),
        ("1<<40", 0),
        (".", 0x1000),
        (".+8", 0x1008),
        ("+", 0x1008),
        ("^", 0xff8),
        ("&", 0x2000),
        ("<x", 5),
        ("<9", 7),
        ("<x+1", 6),
        ("*5000", 0x1234),
        ("*/c/5000", 0x34),
        ("%/s/5000", 0x1234),
        ("2**5000", 0x2468),
        ("add", 0x77),
        ("0xadd", 0xadd),
        ("fc45e249+8", 0xfc45_e251),
        ("libc`malloc", 0x88),
        ("( 1 + 2 ) * 3", 9),
        ("--1", 1),
        ("1 - -1", 2),
        ("+ + ^", 0x2000),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn wrong_expressions_say_what_is_wrong() {
    for (text, message) in [
        ("<nosuch", "variable 'nosuch' is not defined"),
        ("1%0", "attempted to divide by zero"),
        ("1%%0", "attempted to divide by zero"),
        ("5#0", "attempted to divide by zero"),
        ("8000000000000000%-1", "divide overflow"),
        ("*10", "failed to read from address 10: no mapping for address"),
        ("*/q/10", "invalid cast -- */q/"),
        ("face_off", "failed to dereference symbol: unknown symbol name: face_off"),
        ("nosuch`add", "failed to dereference symbol: unknown object file name: nosuch`add"),
        ("'123456789'", "character constant may not exceed 8 bytes"),
        ("'ab", "syntax error: ' unmatched"),
        ("+4", "syntax error near \"4\""),
        ("1+", "syntax error at the end of the command"),
        ("1+)", "syntax error near \")\""),
        ("(1", "syntax error at the end of the command"),
        ("", "syntax error at the end of the command"),
        ("12zz", "'12zz' is not a number"),
        ("0o8", "digit '8' is not valid in radix 8"),
        ("11111111111111111", "number 11111111111111111 does not fit in 64 bits"),
    ] {
        assert_eq!(value(text), Err(message.to_owned()), "{text}");
    }
    let decimal = World { radix: 10, ..world() };
    let expr = parse_expression("1f").unwrap();
    assert_eq!(evaluate(&expr, &decimal).unwrap_err().to_string(), "digit 'f' is not valid in radix 10");
}

#[test]
fn nesting_and_length_are_bounded() {
    for text in ["(".repeat(100_000), "-".repeat(100_000), "1+".repeat(100_000), "*".repeat(5_000)] {
        assert!(parse_expression(&text).is_err());
        assert!(statement(&text, 0).is_err());
    }
}

fn parsed(text: &str) -> Statement {
    let (statement, next) = statement(text, 0).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(next, text.len(), "{text}");
    statement
}

/// Name and words of each stage.
fn stages(statement: &Statement) -> Vec<Vec<String>> {
    let words = |command: &Command| match command {
        Command::Named { name, arguments, .. } => {
            let mut words = vec![name.clone()];
            words.extend(arguments.iter().map(|argument| match &argument.value {
                ArgumentValue::Text(text) => text.clone(),
                ArgumentValue::Immediate(expr) => format!("$[{expr}]"),
            }));
            words
        }
        other => vec![other.to_string()],
    };
    statement.pipeline.iter().map(words).collect()
}

#[test]
fn statements_fall_into_their_parts() {
    let cases: &[(&str, &[&[&str]])] = &[
        ("::echo a 'b c' $[1]", &[&["echo", "a", "b c", "$[1]"]]),
        ("fc45e249 ::jsprint -a foo.bar", &[&["jsprint", "-a", "foo.bar"]]),
        ("::findjsobjects|::jsprint", &[&["findjsobjects"], &["jsprint"]]),
        ("::findjsobjects -p a | ::jsprint b", &[&["findjsobjects", "-p", "a"], &["jsprint", "b"]]),
        ("::jssource a/b=c?d", &[&["jssource", "a/b=c?d"]]),
        ("::echo a'b c'\"d\"", &[&["echo", "ab cd"]]),
        (r#"::echo "a\tb\"""#, &[&["echo", "a\tb\""]]),
        ("::echo http://x // comment", &[&["echo", "http://x"]]),
        ("::cat x | ::map .+8 | >y", &[&["cat", "x"], &["map", ".+8"], &[">y"]]),
        ("10$d", &[&["$d"]]),
        ("$q", &[&["$q"]]),
        ("$", &[&["$?"]]),
        ("$<file", &[&["$<", "file"]]),
        ("$<<file", &[&["$<<", "file"]]),
        ("$> log", &[&["$>", "log"]]),
        (":c", &[&[":c"]]),
        ("::v8`jsprint", &[&["jsprint"]]),
        ("1234>/c/x", &[&[">/c/x"]]),
        ("1000,8/nap", &[&["/ n a p"]]),
        (".=4X", &[&["= 4X"]]),
        (".=4 X \t2 x", &[&["= 4X 2x"]]),
        ("=\"x = \"J", &[&["= \"x = \" J"]]),
        ("5000/M 12 -1", &[&["/M 12 -1"]]),
        ("5000/2M 12", &[&["/M 12"]]),
        ("5000/l", &[&["/l"]]),
        ("5000/W 5", &[&["/W 5"]]),
        ("5000/WX", &[&["/ W X"]]),
        ("5000/W", &[&["/ W"]]),
        ("! 'seq 3' | ::map .+1", &[&["! 'seq 3'"], &["map", ".+1"]]),
        ("::a ! 'sed s/\\'x/y/' | ::b", &[&["a"], &["! 'sed s/\\'x/y/'"], &["b"]]),
    ];
    for (text, expected) in cases {
        assert_eq!(stages(&parsed(text)), *expected, "{text}");
    }
}

/// A digit is no letter of a format, and the end of a line is none either: what follows is another statement.
#[test]
fn a_count_needs_its_letter() {
    for (text, near) in
        [("1000/3 0x", 7), ("1000/3 \n::echo x", 7), ("1000/3 ;2=X", 7), ("1000/X 2 | ::echo", 9)]
    {
        let error = statement(text, 0).unwrap_err();
        assert_eq!(error.span.start, near, "{text}: {error}");
    }
}

#[test]
fn address_count_and_shell_belong_to_the_statement() {
    let statement = parsed("10+2,5::a x | ::b ! grep 'x|y' > \"$f\" | wc");
    assert_eq!(statement.address.unwrap().to_string(), "(10) + (2)");
    assert_eq!(statement.count.unwrap().to_string(), "5");
    assert_eq!(statement.shell.map(|shell| shell.text).as_deref(), Some(" grep 'x|y' > \"$f\" | wc"));
    assert_eq!(parsed("!ls").shell.map(|shell| shell.text).as_deref(), Some("ls"));
    let (first, next) = super::statement("!a; !b", 0).unwrap();
    assert_eq!((first.shell.map(|shell| shell.text).as_deref(), next), (Some("a"), 3));
    assert!(parsed("  // only a comment").is_empty());
    assert!(parsed("").is_empty());
    let quoted = parsed("::a ! 'my program' | wc");
    assert_eq!((quoted.pipeline.len(), quoted.shell.unwrap().text.as_str()), (1, " 'my program' | wc"));
    // A backslash does not keep a line from ending.
    let (first, next) = super::statement("!'\\\n'|::n", 0).unwrap();
    assert!(first.pipeline.is_empty());
    assert_eq!((first.shell.unwrap().text.as_str(), next), ("'\\", 4));
    let run = parsed("::a !< cat").shell.unwrap();
    assert!(run.run_output && run.text == " cat");
    let bare = parsed(",3");
    assert!(bare.address.is_none() && bare.count.is_some());
}

#[test]
fn broken_statements_point_at_the_place() {
    for (text, at, message) in [
        ("::echo hi | 10::echo", 12, "syntax error near \"10\""),
        ("::echo hi |", 11, "syntax error at the end of the command"),
        ("1000 foo", 5, "syntax error near \"foo\""),
        (":: echo", 0, "expected the name of a dcmd behind '::'"),
        ("::echo $x", 7, "syntax error near \"$\""),
        ("::echo $[1", 7, "syntax error: $[ unmatched"),
        ("::echo \"a", 7, "syntax error: \" unmatched"),
        (">", 0, "expected single variable name following '>'"),
        (">a b", 3, "expected single variable name following '>'"),
        (">a-b", 1, "'-' may not be used in a variable name"),
        (">/q/b", 1, "q is not a valid // modifier"),
        ("! 'x' | ::", 8, "expected the name of a dcmd behind '::'"),
        (")", 0, "syntax error near \")\""),
    ] {
        let error = statement(text, 0).unwrap_err();
        assert_eq!((error.span.start, error.message.as_str()), (at, message), "{text}");
    }
}

fn arbitrary_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(ExprKind::Number),
        "[0-9a-f]{1,8}".prop_map(ExprKind::Digits),
        "[g-z_][a-z0-9_`]{0,6}".prop_map(ExprKind::Symbol),
        "[a-z_][a-z0-9_]{0,6}|[0-9]".prop_map(ExprKind::Variable),
        Just(ExprKind::Dot),
        Just(ExprKind::LastAddress),
        Just(ExprKind::Next),
        Just(ExprKind::Previous),
    ];
    let whole = leaf.prop_recursive(4, 24, 2, |inner| {
        let boxed = || inner.clone().prop_map(|kind| Box::new(Expr { kind, span: Span::default() }));
        let unary = prop_oneof![Just(UnaryOp::LogicalNot), Just(UnaryOp::Complement), Just(UnaryOp::Negate)];
        let space = prop_oneof![Just(Space::Memory), Just(Space::Object)];
        let cast = proptest::option::of(prop_oneof![Just('c'), Just('2'), Just('i'), Just('8')]);
        let binary = prop::sample::select(vec![
            BinaryOp::Remainder,
            BinaryOp::Multiply,
            BinaryOp::Divide,
            BinaryOp::RoundUp,
            BinaryOp::Add,
            BinaryOp::Subtract,
            BinaryOp::ShiftLeft,
            BinaryOp::ShiftRight,
            BinaryOp::Equal,
            BinaryOp::NotEqual,
            BinaryOp::And,
            BinaryOp::Xor,
            BinaryOp::Or,
        ]);
        prop_oneof![
            (unary, boxed()).prop_map(|(op, operand)| ExprKind::Unary(op, operand)),
            (space, cast, boxed()).prop_map(|(space, cast, address)| ExprKind::Read { space, cast, address }),
            (binary, boxed(), boxed()).prop_map(|(op, left, right)| ExprKind::Binary(op, left, right)),
        ]
    });
    whole.prop_map(|kind| Expr { kind, span: Span::default() })
}

fn arbitrary_argument() -> impl Strategy<Value = Argument> {
    let text =
        prop_oneof!["[a-z0-9./=-]{1,8}", "[ -~\n\t]{0,12}"].prop_filter("comment", |t| !t.starts_with("//"));
    let value = prop_oneof![
        4 => text.prop_map(ArgumentValue::Text),
        1 => arbitrary_expr().prop_map(ArgumentValue::Immediate),
    ];
    value.prop_map(|value| Argument { value, span: Span::default() })
}

fn named(name: String, arguments: Vec<Argument>) -> Command {
    Command::Named { module: None, name, span: Span::default(), arguments }
}

fn arbitrary_named() -> impl Strategy<Value = Command> {
    ("[a-z_.][a-z0-9_.]{0,8}", prop::collection::vec(arbitrary_argument(), 0..4))
        .prop_map(|(name, arguments)| named(name, arguments))
}

fn arbitrary_command() -> impl Strategy<Value = Command> {
    let sign = "\\$[a-z?]|:[a-z]|\\$<|\\$<<|\\$>";
    let signed = (sign, prop::collection::vec(arbitrary_argument(), 0..4))
        .prop_map(|(name, arguments)| named(name, arguments));
    let assign = (proptest::option::of(Just('4')), "[a-z][a-z0-9_]{0,8}")
        .prop_map(|(modifier, name)| Command::Assign { modifier, name, span: Span::default() });
    let repeat = prop_oneof![
        any::<u64>().prop_map(Repeat::Count),
        arbitrary_expr().prop_map(|expr| Repeat::Computed(Box::new(expr))),
    ];
    let item = prop_oneof![
        4 => (proptest::option::of(repeat), "[A-KN-Za-km-y^+-]").prop_map(|(repeat, letter)| FormatItem::Verb {
            repeat,
            character: letter.chars().next().unwrap_or('X'),
        }),
        1 => "[ -~\n\t]{0,12}".prop_map(FormatItem::Text),
    ];
    let verb = prop::sample::select(vec!['/', '\\', '?', '=', '@']);
    let format = (verb, prop::collection::vec(item, 1..4))
        .prop_filter("a letter that writes", |(_, items)| {
            !matches!(items.first(), Some(FormatItem::Verb { repeat: Some(Repeat::Count(_)) | None, character })
                if "vwzWZ".contains(*character))
        })
        .prop_map(|(verb, items)| Command::Format { verb, items, span: Span::default() });
    let letter = prop::sample::select(vec!['l', 'L', 'M']);
    let search =
        (letter, prop::collection::vec(arbitrary_argument(), 0..3)).prop_map(|(letter, operands)| {
            Command::FormatOperands { verb: '/', letter, operands, span: Span::default() }
        });
    prop_oneof![4 => arbitrary_named(), 1 => signed, 1 => assign, 2 => format, 1 => search]
}

/// The statement without places, which printing does not keep.
fn without_places(mut statement: Statement) -> Statement {
    for command in &mut statement.pipeline {
        match command {
            Command::Named { span, arguments, .. } => {
                *span = Span::default();
                arguments.iter_mut().for_each(|argument| argument.span = Span::default());
            }
            Command::FormatOperands { span, operands, .. } => {
                *span = Span::default();
                operands.iter_mut().for_each(|operand| operand.span = Span::default());
            }
            Command::Format { span, .. } | Command::Shell { span, .. } | Command::Assign { span, .. } => {
                *span = Span::default();
            }
        }
    }
    statement
}

proptest! {
    #[test]
    fn expressions_print_and_reparse(expr in arbitrary_expr()) {
        prop_assert_eq!(parse_expression(&expr.to_string()).unwrap(), expr);
    }

    #[test]
    fn statements_print_and_reparse(
        address in proptest::option::of(arbitrary_expr()),
        count in proptest::option::of(arbitrary_expr()),
        pipeline in prop::collection::vec(arbitrary_command(), 1..4),
        filter in proptest::option::of("[ -~]{0,20}"),
        last in arbitrary_named(),
        shell in proptest::option::of(("[ a-z|>\"$]{0,20}", any::<bool>())),
    ) {
        let mut pipeline = pipeline;
        if let Some(text) = filter {
            pipeline.extend([Command::Shell { text, span: Span::default() }, last]);
        }
        let shell = shell.map(|(text, run_output)| Shell { text, run_output });
        let written = Statement { address, count, pipeline, shell };
        let text = written.to_string();
        let (read, next) = statement(&text, 0).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(next, text.len());
        prop_assert_eq!(without_places(read), written, "{}", text);
    }

    #[test]
    fn any_text_is_parsed_to_its_end(text in "\\PC{0,40}|[0-9a-f:|!$<>=*/%(),.;'\" \\[\\]\n-]{0,40}") {
        let mut start = 0;
        while start < text.len() {
            let before = start;
            start = match statement(&text, start) {
                Ok((_, next)) => next,
                Err(error) => {
                    prop_assert!(error.span.start <= text.len() && error.span.end <= text.len());
                    let _ = Marked { source: &text, span: error.span }.to_string();
                    next_statement(&text, error.span.start.max(start))
                }
            };
            prop_assert!(start > before);
        }
    }
}

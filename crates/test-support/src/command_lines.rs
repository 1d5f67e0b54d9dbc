//! Command lines that nobody would type, and many that somebody might.

/// Chooses a number below its argument.
pub type Choose<'c> = &'c mut dyn FnMut(usize) -> usize;

/// Names that make lines interesting.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'a> {
    /// Names of dcmds: `echo`, `$d`.
    pub dcmds: &'a [&'a str],
    /// Names of walkers.
    pub walkers: &'a [&'a str],
    /// Format characters.
    pub formats: &'a [char],
}

/// A line, mostly well-formed. It has no counts that take long, but the language may be able to make some.
pub fn line(vocabulary: Vocabulary<'_>, choose: Choose<'_>) -> String {
    let mut line = String::new();
    for statement in 0..=choose(3) {
        if statement > 0 {
            line.push_str(pick(choose, &[";", "\n", " ; "]));
        }
        push_statement(&mut line, vocabulary, choose, 0);
    }
    for _ in 0..choose(4) {
        damage(&mut line, choose);
    }
    line
}

fn pick<'a>(choose: Choose<'_>, of: &[&'a str]) -> &'a str {
    of.get(choose(of.len().max(1))).copied().unwrap_or("")
}

fn push_statement(line: &mut String, vocabulary: Vocabulary<'_>, choose: Choose<'_>, depth: u32) {
    if choose(2) == 0 {
        push_expression(line, choose, 0);
    }
    if choose(6) == 0 {
        line.push(',');
        line.push_str(pick(choose, &["0", "1", "3", "<x", "5", "20", "*50000000"]));
    }
    for stage in 0..=choose(3) {
        if stage > 0 {
            line.push_str(pick(choose, &[" | ", "|", " | ", " ! 'cat' | "]));
        }
        push_stage(line, vocabulary, choose, depth);
    }
    if choose(12) == 0 {
        line.push_str(pick(choose, &[" ! cat", "!<cat", " ! 'x' | y", "//", " // x"]));
    }
}

fn push_stage(line: &mut String, vocabulary: Vocabulary<'_>, choose: Choose<'_>, depth: u32) {
    match choose(8) {
        0 => {
            line.push_str(pick(choose, &["/", "\\", "?", "=", "@"]));
            for _ in 0..choose(5) {
                match choose(8) {
                    0 => line.push_str(pick(choose, &["\"text\"", "$[2]", " ", "M 1234", "L 2 f", "W 5"])),
                    1 => line.push_str(pick(choose, &["2", "3", "10", "0"])),
                    _ => line.extend(vocabulary.formats.get(choose(vocabulary.formats.len().max(1)))),
                }
            }
        }
        1 => line.push_str(pick(choose, &[">x", ">/c/y", ">_", "> z", ">9", ">rax", ">"])),
        2 => {
            line.push_str("::walk ");
            line.push_str(pick(choose, vocabulary.walkers));
            line.push_str(pick(choose, &["", " t", " t u", "  "]));
        }
        _ => {
            let name = pick(choose, vocabulary.dcmds);
            if !name.starts_with(['$', ':', '=', '/', '>', '\\', '?', '@']) {
                line.push_str("::");
            }
            line.push_str(name);
            for _ in 0..choose(4) {
                line.push(' ');
                push_word(line, vocabulary, choose, depth);
            }
        }
    }
}

fn push_word(line: &mut String, vocabulary: Vocabulary<'_>, choose: Choose<'_>, depth: u32) {
    match choose(9) {
        0 => {
            line.push('-');
            line.push(char::from(b"abcdefghijklmnopqrstuvwxyzCEN"[choose(29)]));
        }
        1 => line.push_str(pick(choose, &["10", "0t10", "0x50000000", "-1", "ffffffffffffffff", "0"])),
        2 => {
            line.push_str("$[");
            push_expression(line, choose, 0);
            line.push(']');
        }
        3 if depth < 2 => {
            line.push('"');
            let mut inside = String::new();
            push_statement(&mut inside, vocabulary, choose, depth + 1);
            line.push_str(&inside.replace('\\', "\\\\").replace('"', "\\\""));
            line.push('"');
        }
        4 => {
            line.push('\'');
            push_condition(line, choose, 0);
            line.push('\'');
        }
        5 => {
            line.push('"');
            push_expression(line, choose, 0);
            line.push('"');
        }
        6 => line.push_str(pick(choose, vocabulary.dcmds)),
        7 => line.push_str(pick(choose, vocabulary.walkers)),
        _ => line.push_str(pick(
            choose,
            &["x", "foo.bar", "on", "pager", "'a b'", "a\\'b", "ü", "--", "*", "a[3].b"],
        )),
    }
}

fn push_expression(line: &mut String, choose: Choose<'_>, depth: u32) {
    if depth > 3 {
        line.push('1');
        return;
    }
    match choose(10) {
        0 => {
            line.push('(');
            push_expression(line, choose, depth + 1);
            line.push(')');
        }
        1 => {
            line.push_str(pick(choose, &["*", "%", "#", "~", "-", "*/c/", "*/2/", "%/i/", "*/q/"]));
            push_expression(line, choose, depth + 1);
        }
        2 | 3 => {
            push_expression(line, choose, depth + 1);
            line.push_str(pick(
                choose,
                &["+", "-", "*", "%", "%%", "#", "<<", ">>", "==", "!=", "&", "^", "|", " + "],
            ));
            push_expression(line, choose, depth + 1);
        }
        4 => line.push_str(pick(choose, &["<x", "<rax", "<9", "<nosuch", "<thread", "<_", "<"])),
        5 => line.push_str(pick(choose, &[".", "+", "^", "&", "'ab'", "''", "'\\n'", "'\\x41"])),
        6 => line.push_str(pick(choose, &["add", "libc`malloc", "a.out`main", "nosuch", "face_off"])),
        _ => line.push_str(pick(
            choose,
            &[
                "0",
                "1",
                "10",
                "50000000",
                "50000ffc",
                "40000000",
                "0t12.5",
                "0i101",
                "0o17",
                "fff_fff",
                "8000000000000000",
            ],
        )),
    }
}

/// An expression as `::where` takes it.
fn push_condition(line: &mut String, choose: Choose<'_>, depth: u32) {
    if depth > 3 {
        line.push('x');
        return;
    }
    match choose(9) {
        0 => {
            line.push_str(pick(choose, &["!", "-", "+", "typeof ", "("]));
            push_condition(line, choose, depth + 1);
            line.push_str(pick(choose, &["", ")"]));
        }
        1..=3 => {
            push_condition(line, choose, depth + 1);
            line.push_str(pick(
                choose,
                &[
                    " == ",
                    "!==",
                    "<",
                    ">=",
                    "+",
                    "-",
                    "*",
                    "/",
                    "%",
                    "&&",
                    "||",
                    " in [1, \"x\"]",
                    " =~ /a[^b]/i",
                    "!~ \"x\"",
                ],
            ));
            push_condition(line, choose, depth + 1);
        }
        4 => line.push_str(pick(choose, &["has(x)", "has(\"x y\")", "has(x.y[0])", "this", "constructor"])),
        5 => line.push_str(pick(
            choose,
            &["1", "0x10", "1e400", "10n", "\"x\"", "\"\\u0041\"", "null", "NaN", "true"],
        )),
        _ => line.push_str(pick(
            choose,
            &[
                "id",
                "req.url",
                "a[0].b",
                "[\"any name\"]",
                "[[PromiseState]]",
                "length",
                "x.constructor",
                "a..b",
                "[",
                "url",
            ],
        )),
    }
}

/// Changes a line somewhere.
fn damage(line: &mut String, choose: Choose<'_>) {
    let places: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
    let place = |choose: Choose<'_>| places.get(choose(places.len())).copied().unwrap_or(0);
    let at = place(choose);
    match choose(4) {
        0 => {
            const SIGNS: &[u8] = b"[]|!/\\?=>$:; \t\n\r\"'(),.+-*%#&^~<`_0aZ\0\x1b\x7f";
            let sign = SIGNS[choose(SIGNS.len())];
            line.insert(at, char::from(sign));
        }
        1 => line.insert_str(
            at,
            pick(choose, &["ü", "\u{202e}", "::", "$[", "//", "0t", "\u{1f600}", "''", "1e"]),
        ),
        2 => {
            let end = place(choose).max(at);
            line.replace_range(at..end, "");
        }
        _ => {
            let end = place(choose).max(at);
            let piece = line[at..end].to_owned();
            line.insert_str(at, &piece);
        }
    }
}

/// A generator of numbers for [`Choose`] that always gives the same for a seed (xorshift64*).
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// Any seed.
    pub fn new(seed: u64) -> Seed {
        Seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `below`, or 0.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % below.max(1)
    }
}

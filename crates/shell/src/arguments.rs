//! The options and operands of a dcmd, parsed with MDB's habits.
//!
//! Options are single letters, bundled at will (`-av`, `-ad1`), their values attached or separate (`-d1`, `-d 1`), numbers
//! in the default radix. Parsing stops at `--` and at the first word without a dash.

use crate::dcmd::Dcmd;
use crate::error::DcmdError;
use crate::lang::number;

/// What an option looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `-a`
    Flag,
    /// `-d N`, in the default radix
    Number,
    /// `-p text`
    Text,
    /// `-N`: decimal digits alone
    Digits,
    /// `-o text` or `+o text`
    Switch,
    /// `-t` or `+t`
    Toggle,
}

/// The declaration of an option.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// The letter.
    pub letter: char,
    /// What follows it.
    pub shape: Shape,
    /// The name of its value in the synopsis; empty for a flag.
    pub value: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// It chooses among what there is: if nothing is left, the user is told.
    pub filters: bool,
}

impl Opt {
    /// `-j`: the same letter wherever there is one, and nothing can follow it in a pipe.
    pub const JSON: Opt = Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it");

    /// `-a`
    pub const fn flag(letter: char, help: &'static str) -> Opt {
        Opt { letter, shape: Shape::Flag, value: "", help, filters: false }
    }

    /// `-d N`
    pub const fn number(letter: char, value: &'static str, help: &'static str) -> Opt {
        Opt { letter, shape: Shape::Number, value, help, filters: false }
    }

    /// `-p text`
    pub const fn text(letter: char, value: &'static str, help: &'static str) -> Opt {
        Opt { letter, shape: Shape::Text, value, help, filters: false }
    }

    /// `-N`; ask for it by the letter `#`
    pub const fn digits(value: &'static str, help: &'static str) -> Opt {
        Opt { letter: '#', shape: Shape::Digits, value, help, filters: false }
    }

    /// The same option, as one that chooses among what there is.
    pub const fn filter(self) -> Opt {
        Opt { filters: true, ..self }
    }

    /// `-t`, `+t`
    pub const fn toggle(letter: char, help: &'static str) -> Opt {
        Opt { letter, shape: Shape::Toggle, value: "", help, filters: false }
    }

    /// `-o text`, `+o text`
    pub const fn switch(letter: char, value: &'static str, help: &'static str) -> Opt {
        Opt { letter, shape: Shape::Switch, value, help, filters: false }
    }
}

impl Shape {
    /// Whether a value follows the letter.
    pub fn has_value(self) -> bool {
        !matches!(self, Shape::Flag | Shape::Toggle)
    }
}

/// A word behind a dcmd's name, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Text, quotes removed.
    Text(String),
    /// A number computed on the spot: `$[expr]`.
    Number(u64),
}

impl Word {
    /// The text, or nothing for a number.
    pub fn text(&self) -> Option<&str> {
        match self {
            Word::Text(text) => Some(text),
            Word::Number(_) => None,
        }
    }

    /// The number: computed, or the text read in `radix`.
    pub fn number(&self, radix: u32) -> Option<u64> {
        match self {
            Word::Text(text) => number::parse(text, radix).ok(),
            Word::Number(value) => Some(*value),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    None,
    Number(u64),
    Text(String),
}

/// Something that chooses, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtering {
    /// As it is typed.
    pub typed: String,
    /// The letter of the option; nothing for an operand.
    pub option: Option<char>,
    /// Its value.
    pub text: String,
}

/// The arguments of one call.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// In the order they were given; `bool` is false for `+o`.
    options: Vec<(char, bool, Value)>,
    operands: Vec<Word>,
    /// All words, as they were typed.
    words: Vec<Word>,
    name: String,
    has_address: bool,
}

impl Args {
    /// Parses `words` for `dcmd`, which was called by `name`; `radix` is for numbers without prefix.
    ///
    /// # Errors
    /// [`DcmdError::Usage`] with the message.
    pub fn parse(
        dcmd: &Dcmd,
        name: &str,
        has_address: bool,
        words: &[Word],
        radix: u32,
    ) -> Result<Args, DcmdError> {
        let mut args = Args { name: name.to_owned(), words: words.to_vec(), has_address, ..Args::default() };
        if dcmd.options.is_empty() && dcmd.operands.most == usize::MAX {
            // Words alone: `::echo -n` prints `-n`.
            args.operands = words.to_vec();
            return args.checked(dcmd);
        }
        let mut words = words.iter();
        let mut rest = words.as_slice();
        while let Some(Word::Text(text)) = words.next() {
            if text == "--" {
                rest = words.as_slice();
                break;
            }
            let both = |option: &Opt| matches!(option.shape, Shape::Switch | Shape::Toggle);
            let has_switches = dcmd.options.iter().any(both);
            let plus = has_switches && text.starts_with('+') && text.len() > 1;
            let Some(letters) =
                text.strip_prefix(if plus { '+' } else { '-' }).filter(|rest| !rest.is_empty())
            else {
                break;
            };
            args.bundle(dcmd, letters, !plus, &mut words, radix)?;
            rest = words.as_slice();
        }
        args.operands = rest.to_vec();
        args.checked(dcmd)
    }

    fn checked(self, dcmd: &Dcmd) -> Result<Args, DcmdError> {
        if (dcmd.operands.least..=dcmd.operands.most).contains(&self.operands.len()) {
            Ok(self)
        } else {
            Err(DcmdError::usage(""))
        }
    }

    /// One word of options: letters, the last of which may have a value.
    fn bundle(
        &mut self,
        dcmd: &Dcmd,
        letters: &str,
        on: bool,
        words: &mut std::slice::Iter<'_, Word>,
        radix: u32,
    ) -> Result<(), DcmdError> {
        if let Some(digits) = dcmd.options.iter().find(|option| option.shape == Shape::Digits)
            && letters.bytes().all(|byte| byte.is_ascii_digit())
        {
            let Ok(value) = letters.parse() else {
                return Err(DcmdError::usage(format!(
                    "{} does not fit in 64 bits",
                    crate::output::escape(letters)
                )));
            };
            self.options.push((digits.letter, true, Value::Number(value)));
            return Ok(());
        }
        let mut chars = letters.chars();
        while let Some(letter) = chars.next() {
            let wanted = |option: &&Opt| option.letter == letter && option.shape != Shape::Digits;
            let shown = crate::output::escape_char(letter);
            let Some(option) = dcmd
                .options
                .iter()
                .find(wanted)
                .filter(|option| on || matches!(option.shape, Shape::Switch | Shape::Toggle))
            else {
                return Err(DcmdError::usage(format!("illegal option -- {shown}")));
            };
            if !option.shape.has_value() {
                self.options.push((letter, on, Value::None));
                continue;
            }
            let attached = chars.as_str();
            let word = if attached.is_empty() {
                words.next().cloned()
            } else {
                Some(Word::Text(attached.to_owned()))
            };
            let Some(word) = word else {
                return Err(DcmdError::usage(format!("option requires an argument -- {shown}")));
            };
            let value = match (option.shape, word) {
                (Shape::Number, word) => match word.number(radix) {
                    Some(value) => Value::Number(value),
                    None => {
                        let text = crate::output::escape(word.text().unwrap_or("")).into_owned();
                        return Err(DcmdError::usage(format!("invalid option for -{shown}: \"{text}\"")));
                    }
                },
                (_, Word::Text(text)) => Value::Text(text),
                (_, Word::Number(_)) => {
                    return Err(DcmdError::usage(format!("string argument required for -{shown}")));
                }
            };
            self.options.push((letter, on, value));
            break;
        }
        Ok(())
    }

    /// Whether `-letter` was given.
    pub fn has(&self, letter: char) -> bool {
        self.options.iter().any(|(given, on, _)| *given == letter && *on)
    }

    /// The value of `-letter N`; the last one if it was given twice.
    pub fn number(&self, letter: char) -> Option<u64> {
        self.options.iter().rev().find_map(|(given, _, value)| match value {
            Value::Number(value) if *given == letter => Some(*value),
            _ => None,
        })
    }

    /// The value of `-letter text`; the last one if it was given twice.
    pub fn text(&self, letter: char) -> Option<&str> {
        self.options.iter().rev().find_map(|(given, _, value)| match value {
            Value::Text(text) if *given == letter => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether the last of `-letter` and `+letter` was the first or the second; nothing if neither was given.
    pub fn toggled(&self, letter: char) -> Option<bool> {
        self.options.iter().rev().find(|(given, _, _)| *given == letter).map(|(_, on, _)| *on)
    }

    /// All values of a switch in their order: `true` for `-o`, `false` for `+o`.
    pub fn switches(&self, letter: char) -> impl Iterator<Item = (bool, &str)> {
        self.options.iter().filter_map(move |(given, on, value)| match value {
            Value::Text(text) if *given == letter => Some((*on, text.as_str())),
            _ => None,
        })
    }

    /// What was given of the options and words of `dcmd` that choose among what there is, as it is typed: `-c Session`, with the letter
    /// of the option and the text.
    pub fn filters(&self, dcmd: &Dcmd) -> Vec<Filtering> {
        let mut found = Vec::new();
        for (letter, _, value) in &self.options {
            if !dcmd.options.iter().any(|option| option.letter == *letter && option.filters) {
                continue;
            }
            let text = match value {
                Value::None => String::new(),
                Value::Number(number) => format!("{number:x}"),
                Value::Text(text) => text.clone(),
            };
            let typed = format!("-{letter} {text}").trim_end().to_owned();
            found.push(Filtering { typed, option: Some(*letter), text });
        }
        if dcmd.operands.filters {
            let words = self.operands.iter().filter_map(Word::text);
            found.extend(words.map(|word| Filtering {
                typed: word.to_owned(),
                option: None,
                text: word.to_owned(),
            }));
        }
        found
    }

    /// The words behind the options.
    pub fn operands(&self) -> &[Word] {
        &self.operands
    }

    /// All words, as they were typed.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The operand at `index` as text.
    pub fn operand(&self, index: usize) -> Option<&str> {
        self.operands.get(index).and_then(Word::text)
    }

    /// Whether an address stands in front, or items flow in.
    pub fn has_address(&self) -> bool {
        self.has_address
    }

    /// The name that the dcmd was called by.
    pub fn called(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dcmd::{AddressUse, Family, Operands, Takes, Yields};

    static DCMD: Dcmd = Dcmd {
        name: "sample",
        aliases: &[],
        summary: "a sample",
        family: Family::Session,
        address: AddressUse::Optional,
        takes: Takes::Anything,
        yields: Yields::Text,
        options: &[
            Opt::flag('a', ""),
            Opt::flag('v', ""),
            Opt::number('d', "depth", ""),
            Opt::text('p', "prop", ""),
            Opt::digits("N", ""),
            Opt::switch('o', "option", ""),
        ],
        operands: Operands::any("[member ...]"),
        needs: &[],
        manual: "",
        examples: &[],
        start: |_, _| Err(DcmdError::usage("")),
    };

    fn parse(line: &[&str]) -> Result<Args, String> {
        let words: Vec<Word> = line.iter().map(|word| Word::Text((*word).to_owned())).collect();
        Args::parse(&DCMD, "sample", true, &words, 16).map_err(|error| error.to_string())
    }

    #[test]
    fn letters_bundle_and_values_attach() {
        let args = parse(&["-avd1", "-p", "x", "-p", "user", "foo", "-a"]).unwrap();
        assert!(args.has('a') && args.has('v'));
        assert_eq!(args.number('d'), Some(1));
        assert_eq!(args.text('p'), Some("user"), "the last one counts");
        assert_eq!(args.operands(), [Word::Text("foo".into()), Word::Text("-a".into())]);
    }

    #[test]
    fn numbers_are_hexadecimal_unless_they_say_otherwise() {
        for (text, value) in [("10", 16), ("0t10", 10), ("0x1f", 31), ("0o17", 15)] {
            assert_eq!(parse(&["-d", text]).unwrap().number('d'), Some(value), "{text}");
        }
        let words = [Word::Text("-d".into()), Word::Number(7), Word::Number(8)];
        let args = Args::parse(&DCMD, "sample", true, &words, 16).unwrap();
        assert_eq!((args.number('d'), args.operands()), (Some(7), &words[2..]));
    }

    #[test]
    fn digits_alone_are_decimal() {
        let args = parse(&["-10"]).unwrap();
        assert_eq!(args.number('#'), Some(10));
    }

    #[test]
    fn options_end_at_two_dashes_and_at_the_first_other_word() {
        assert_eq!(parse(&["-a", "--", "-v"]).unwrap().operands(), [Word::Text("-v".into())]);
        assert_eq!(parse(&["-", "-v"]).unwrap().operands().len(), 2);
        assert!(!parse(&["x", "-v"]).unwrap().has('v'));
    }

    #[test]
    fn switches_go_both_ways() {
        let args = parse(&["-o", "pager", "+o", "ignoreeof"]).unwrap();
        assert_eq!(args.switches('o').collect::<Vec<_>>(), [(true, "pager"), (false, "ignoreeof")]);
    }

    #[test]
    fn wrong_options_are_named() {
        for (line, message) in [
            (&["-z"][..], "illegal option -- z"),
            (&["-az"], "illegal option -- z"),
            (&["+a"], "illegal option -- a"),
            (&["-d"], "option requires an argument -- d"),
            (&["-d", "xyz"], "invalid option for -d: \"xyz\""),
            (&["-99999999999999999999"], "99999999999999999999 does not fit in 64 bits"),
        ] {
            assert_eq!(parse(line).unwrap_err(), message, "{line:?}");
        }
        let words = [Word::Text("-p".into()), Word::Number(7)];
        let error = Args::parse(&DCMD, "sample", true, &words, 16).unwrap_err();
        assert_eq!(error.to_string(), "string argument required for -p");
    }

    #[test]
    fn usage_follows_the_declaration() {
        let options = "[-av] [-d depth] [-p prop] [-N] [+/-o option] [member ...]";
        assert_eq!(DCMD.usage("sample"), format!("Usage: [address]::sample {options}"));
        assert_eq!(DCMD.usage("$x"), format!("Usage: [address]$x {options}"));
    }
}

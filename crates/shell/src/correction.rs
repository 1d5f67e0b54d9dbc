//! A line that was not called as its dcmd wants to be, as it probably should be: `the address goes in front: 3e74a1::jsprint`.

use crate::arguments::{Opt, Shape, Word};
use crate::dcmd::{AddressUse, Dcmd, Family};
use crate::output::{escape, escape_char};

/// What is wrong, and the line put right: what is in capitals is for the user to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// What is wrong.
    pub reason: String,
    /// The call as it should be.
    pub line: String,
}

impl std::fmt::Display for Correction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason, escape(&self.line))
    }
}

/// How a call of `dcmd` by `name` with `words` should be; nothing if nothing can be seen that is wrong with it. Numbers without
/// prefix are in `radix`.
pub fn correction(
    dcmd: &Dcmd,
    name: &str,
    words: &[Word],
    has_address: bool,
    radix: u32,
) -> Option<Correction> {
    let mut reason = None;
    let mut options = Vec::new();
    let mut operands = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let letters = word.text().and_then(|text| text.strip_prefix('-')).filter(|rest| !rest.is_empty());
        let Some(letters) = letters else {
            operands.push(typed_word(word));
            continue;
        };
        let is_digits = letters.bytes().all(|byte| byte.is_ascii_digit());
        if is_digits && dcmd.options.iter().any(|option| option.shape == Shape::Digits) {
            options.push(format!("-{letters}"));
            continue;
        }
        if !operands.is_empty() {
            if operands.len() < dcmd.operands.most && find(dcmd, letters.chars().next()).is_none() {
                operands.push(typed_word(word));
                continue;
            }
            reason.get_or_insert("options go in front of other words".to_owned());
        }
        let mut chars = letters.chars();
        while let Some(letter) = chars.next() {
            let Some(option) = find(dcmd, Some(letter)) else {
                reason.get_or_insert(format!("there is no option -{}", escape_char(letter)));
                continue;
            };
            if option.letter != letter {
                reason.get_or_insert(format!("the option is -{}", option.letter));
            }
            if !option.shape.has_value() {
                options.push(format!("-{}", option.letter));
                continue;
            }
            let attached = chars.as_str();
            let value = match attached.is_empty() {
                true => words.next().map(|word| (typed_word(word), word.number(radix).is_some())),
                false => {
                    let word = Word::Text(attached.to_owned());
                    Some((typed_word(&word), word.number(radix).is_some()))
                }
            };
            let wanted = option.value.to_uppercase();
            let value = match value {
                None => {
                    reason.get_or_insert(format!("-{} wants a value", option.letter));
                    wanted
                }
                Some((_, false)) if option.shape == Shape::Number => {
                    reason.get_or_insert(format!("-{} wants a number", option.letter));
                    wanted
                }
                Some((value, _)) => value,
            };
            options.push(format!("-{} {value}", option.letter));
            break;
        }
    }
    let mut address = None;
    if dcmd.address == AddressUse::Required && !has_address {
        let number = operands.iter().position(|word| Word::Text(word.clone()).number(radix).is_some());
        match number {
            Some(at) => {
                reason = Some("the address goes in front".to_owned());
                address = Some(operands.remove(at));
            }
            None if dcmd.family == Family::Pipes => {
                reason = Some("what it works on comes through a pipe".to_owned());
                address = Some("::findjsobjects | ".to_owned());
            }
            None => {
                reason = Some("an address goes in front".to_owned());
                address = Some("ADDRESS".to_owned());
            }
        }
    } else if dcmd.address == AddressUse::Refused && has_address {
        reason = Some("it takes no address".to_owned());
    }
    if operands.len() > dcmd.operands.most {
        let text = dcmd.options.iter().find(|option| option.shape == Shape::Text);
        match text {
            Some(option) if dcmd.operands.most == 0 => {
                reason.get_or_insert(format!("a {} stands behind -{}", option.value, option.letter));
                options.push(format!("-{} {}", option.letter, operands.remove(0)));
                operands.clear();
            }
            _ => {
                reason.get_or_insert("there are too many words".to_owned());
                operands.truncate(dcmd.operands.most);
            }
        }
    } else if operands.len() < dcmd.operands.least {
        reason.get_or_insert("something is missing".to_owned());
        let missing = dcmd.operands.synopsis.split(' ').skip(operands.len());
        operands.extend(missing.take(dcmd.operands.least - operands.len()).map(str::to_uppercase));
    }
    let sign = if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { "::" } else { "" };
    let mut line = format!("{}{sign}{name}", address.unwrap_or_default());
    for word in options.into_iter().chain(operands) {
        line.push(' ');
        line.push_str(&word);
    }
    Some(Correction { reason: reason?, line })
}

/// The option of that letter, or of the same letter in the other case.
fn find(dcmd: &Dcmd, letter: Option<char>) -> Option<&'static Opt> {
    let letter = letter?;
    let options = dcmd.options.iter().filter(|option| option.shape != Shape::Digits);
    options
        .clone()
        .find(|option| option.letter == letter)
        .or_else(|| options.clone().find(|option| option.letter.eq_ignore_ascii_case(&letter)))
}

/// A word as it is typed.
pub(crate) fn typed_word(word: &Word) -> String {
    match word {
        Word::Number(number) => format!("{number:x}"),
        Word::Text(text) => {
            let is_plain = |c: char| c.is_alphanumeric() || "_-+./$:,#@%=~^*".contains(c);
            let quote = if text.contains('\'') { '"' } else { '\'' };
            if !text.is_empty() && text.chars().all(is_plain) {
                text.clone()
            } else {
                format!("{quote}{text}{quote}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dcmds::{ALL, find as find_dcmd};

    fn corrected(name: &str, words: &[&str], has_address: bool) -> Option<String> {
        let words: Vec<_> = words.iter().map(|word| Word::Text((*word).to_owned())).collect();
        correction(find_dcmd(name).unwrap(), name, &words, has_address, 16).map(|found| found.to_string())
    }

    #[test]
    fn lines_are_put_right() {
        for (name, words, has_address, expected) in [
            ("jsprint", &["3e74a1"][..], false, "the address goes in front: 3e74a1::jsprint"),
            (
                "jsprint",
                &["-d", "1", "3e74a1", "user"],
                false,
                "the address goes in front: 3e74a1::jsprint -d 1 user",
            ),
            ("jspath", &[], false, "an address goes in front: ADDRESS::jspath"),
            ("status", &[], true, "it takes no address: ::status"),
            (
                "findjsobjects",
                &["Session"],
                false,
                "a constructor stands behind -c: ::findjsobjects -c Session",
            ),
            ("findjsobjects", &["-C", "Session"], false, "the option is -c: ::findjsobjects -c Session"),
            ("findjsobjects", &["-c"], false, "-c wants a value: ::findjsobjects -c CONSTRUCTOR"),
            ("findjsobjects", &["-z"], false, "there is no option -z: ::findjsobjects"),
            ("jsprint", &["-d", "deep"], true, "-d wants a number: ::jsprint -d DEPTH"),
            ("head", &["1", "2"], true, "there are too many words: ::head 1"),
            ("where", &[], true, "something is missing: ::where EXPRESSION"),
            (
                "where",
                &["a == 1"],
                false,
                "what it works on comes through a pipe: ::findjsobjects | ::where 'a == 1'",
            ),
        ] {
            assert_eq!(corrected(name, words, has_address).as_deref(), Some(expected), "{name} {words:?}");
        }
        assert_eq!(corrected("jsprint", &["-d", "1", "user"], true), None);
    }

    #[test]
    fn every_dcmd_says_how_it_wants_to_be_called() {
        for dcmd in ALL.iter() {
            let wrong = match dcmd.address {
                AddressUse::Required => corrected(dcmd.name, &[], false),
                AddressUse::Refused => corrected(dcmd.name, &[], true),
                AddressUse::Optional if dcmd.operands.least > 0 => corrected(dcmd.name, &[], true),
                AddressUse::Optional => continue,
            };
            assert!(wrong.is_some(), "{}", dcmd.name);
        }
    }
}

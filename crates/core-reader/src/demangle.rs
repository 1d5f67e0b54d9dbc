//! C++ names as people write them.
//!
//! Source: the Itanium C++ ABI, section 5.1 (external names). A mangled name spells every identifier out, its length in
//! front (`_ZN4node5StartEiPPc` is `node::Start(int, char**)`), so a name as people write it is found by a search for
//! its last identifier; only what that finds need be demangled.

use std::fmt;

use cpp_demangle::{BorrowedSymbol, DemangleOptions, DemangleWrite, ParseOptions};

/// Mangled names beyond this length are left alone; they nest too deeply to be read anyway.
const MANGLED_LIMIT: usize = 1 << 14;
/// A short mangled name can stand for a very long one, as it may refer to parts of itself.
const DEMANGLED_LIMIT: usize = 1 << 14;
const RECURSION_LIMIT: u32 = 96;

#[derive(Default)]
struct Bounded(String);

impl DemangleWrite for Bounded {
    fn write_string(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > DEMANGLED_LIMIT {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

fn demangled(mangled: &str, options: &DemangleOptions) -> Option<String> {
    if !mangled.starts_with("_Z") || mangled.len() > MANGLED_LIMIT {
        return None;
    }
    let parsing = ParseOptions::default().recursion_limit(RECURSION_LIMIT);
    let symbol = BorrowedSymbol::new_with_options(mangled.as_bytes(), &parsing).ok()?;
    let mut text = Bounded::default();
    symbol.structured_demangle(&mut text, options).ok()?;
    Some(text.0)
}

/// `node::Start(int, char**)` for `_ZN4node5StartEiPPc`. `None` for a name that is not a mangled C++ name, and for one
/// that is beyond all measure.
pub fn demangle(mangled: &str) -> Option<String> {
    demangled(mangled, &DemangleOptions::new().recursion_limit(RECURSION_LIMIT))
}

/// `node::Start` for `_ZN4node5StartEiPPc`.
pub fn demangle_without_parameters(mangled: &str) -> Option<String> {
    let options = DemangleOptions::new().no_params().no_return_type().recursion_limit(RECURSION_LIMIT);
    demangled(mangled, &options)
}

/// Whether `name` can only be the demangled form of one.
pub(crate) fn is_demangled_form(name: &str) -> bool {
    name.contains("::") || name.contains(['(', '<', ' ', '~'])
}

/// A part of every mangled name that demangles to `name`, with or without parameters.
pub(crate) fn mangled_part(name: &str) -> Option<String> {
    let words = |text: &str| {
        let word = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .rfind(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))?;
        Some(format!("{}{word}", word.len()))
    };
    // Of the function's own name; what stands in parentheses or angle brackets may be spelt in other ways.
    let mut bare = String::new();
    let mut depth = 0_usize;
    let text = name.replace("(anonymous namespace)", "_GLOBAL__N_1");
    for c in text.chars() {
        match c {
            '(' if depth == 0 => break,
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            c if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    // An operator is written out of symbols; the class before it is not.
    let bare = bare.split("operator").next().unwrap_or(&bare).trim_end_matches(':');
    words(bare)
}

/// Whether `mangled` is called `name`: demangled in full, or without its parameters.
pub(crate) fn is_called(mangled: &str, name: &str) -> bool {
    demangle_without_parameters(mangled).is_some_and(|text| text == name)
        || (name.contains('(') && demangle(mangled).is_some_and(|text| text == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs from the Itanium C++ ABI's own examples, and from `c++filt`.
    #[test]
    fn names_and_the_parts_by_which_they_are_found() {
        for (mangled, name) in [
            ("_ZN4node5StartEiPPc", "node::Start"),
            (
                "_ZN4node9inspector12_GLOBAL__N_117StartIoThreadMainEPv",
                "node::inspector::(anonymous namespace)::StartIoThreadMain",
            ),
            ("_ZN4node6BufferC1Ev", "node::Buffer::Buffer"),
            ("_ZN4node6BufferD2Ev", "node::Buffer::~Buffer"),
            ("_Z1fv", "f"),
            ("_ZNK1AeqERKS_", "A::operator=="),
        ] {
            assert_eq!(demangle_without_parameters(mangled).as_deref(), Some(name));
            let part = mangled_part(name).expect(name);
            assert!(mangled.contains(&part), "{part} in {mangled}");
            assert!(is_called(mangled, name));
        }
        assert_eq!(demangle("_ZN4node5StartEiPPc").as_deref(), Some("node::Start(int, char**)"));
        assert!(is_called("_ZN4node5StartEiPPc", "node::Start(int, char**)"));
        assert!(!is_called("_ZN4node5StartEiPPc", "node::Start(int)"));
        assert_eq!(demangle("malloc"), None);
    }

    #[test]
    fn a_name_that_grows_without_end_is_left_alone() {
        // Each parameter refers to the one before it twice.
        let mut name = String::from("_Z1fI1AS0_E");
        for index in 0..60 {
            name.push_str(&format!("1AIS{0}_S{0}_E", std::char::from_digit(index % 36, 36).unwrap_or('0')));
        }
        if let Some(text) = demangle(&name.to_uppercase().replace("_Z1F", "_Z1f")) {
            assert!(text.len() <= DEMANGLED_LIMIT);
        }
    }
}

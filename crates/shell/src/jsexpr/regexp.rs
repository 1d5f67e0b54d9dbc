//! JavaScript's regular expressions as those of the `regex` crate, which takes time linear in the text.
//!
//! The two agree but for details: what `.`, `\d` and `\w` stand for, `\uXXXX`, and signs that mean something inside a class.
//! Look-around and back references are refused.

use regex::{Regex, RegexBuilder};

use crate::output::escape;

/// The regular expression `pattern` with JavaScript's flags.
///
/// # Errors
/// It is none, or it needs what cannot be done in linear time.
pub fn compile(pattern: &str, flags: &str) -> Result<Regex, String> {
    let mut dot_all = false;
    let mut builder_flags = (false, false);
    for flag in flags.chars() {
        match flag {
            'i' => builder_flags.0 = true,
            'm' => builder_flags.1 = true,
            's' => dot_all = true,
            // Where the search starts and whether it is repeated says nothing about whether there is a match.
            'g' | 'u' | 'v' | 'd' => {}
            'y' => return Err("flag 'y' of a regular expression is not supported: use ^".to_owned()),
            other => {
                return Err(format!("'{}' is no flag of a regular expression", escape(&other.to_string())));
            }
        }
    }
    let translated = translate(pattern, dot_all);
    let mut builder = RegexBuilder::new(&translated);
    builder.case_insensitive(builder_flags.0).multi_line(builder_flags.1).size_limit(1 << 20);
    builder.build().map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            error => error.to_string().lines().last().unwrap_or("").trim_start_matches("error: ").to_owned(),
        };
        format!("regular expression /{}/: {}", escape(pattern), escape(&reason))
    })
}

fn translate(pattern: &str, dot_all: bool) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut in_class = false;
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                let Some(escaped) = rest.next() else {
                    out.push('\\');
                    break;
                };
                match escaped {
                    'd' if in_class => out.push_str("0-9"),
                    'd' => out.push_str("[0-9]"),
                    'w' if in_class => out.push_str("0-9A-Za-z_"),
                    'w' => out.push_str("[0-9A-Za-z_]"),
                    'D' if !in_class => out.push_str("[^0-9]"),
                    'W' if !in_class => out.push_str("[^0-9A-Za-z_]"),
                    'b' if in_class => out.push_str("\\x08"),
                    'b' => out.push_str("(?-u:\\b)"),
                    '0' => out.push_str("\\x00"),
                    'u' => {
                        let digits: String = rest.as_str().chars().take(4).collect();
                        if digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                            out.push_str(&format!("\\u{{{digits}}}"));
                            rest = rest.as_str()[4..].chars();
                        } else {
                            out.push_str("\\u");
                        }
                    }
                    '/' | '-' if !in_class => {
                        out.push_str(if escaped == '/' { "/" } else { "\\-" });
                    }
                    '/' => out.push('/'),
                    escaped => out.extend(['\\', escaped]),
                }
            }
            '[' if in_class => out.push_str("\\["),
            '[' => {
                if let Some(behind) = rest.as_str().strip_prefix("^]") {
                    out.push_str("(?s:.)");
                    rest = behind.chars();
                } else if let Some(behind) = rest.as_str().strip_prefix(']') {
                    // A class of nothing matches nothing.
                    out.push_str("[^\\x00-\\u{10ffff}]");
                    rest = behind.chars();
                } else {
                    in_class = true;
                    out.push('[');
                    if let Some(behind) = rest.as_str().strip_prefix('^') {
                        out.push('^');
                        rest = behind.chars();
                    }
                }
            }
            ']' => {
                out.push_str(if in_class { "]" } else { "\\]" });
                in_class = false;
            }
            '&' | '~' if in_class => out.extend(['\\', c]),
            '.' if in_class => out.push('.'),
            '.' if dot_all => out.push_str("(?s:.)"),
            '.' => out.push_str("[^\\n\\r\\u{2028}\\u{2029}]"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Node.js says to `/pattern/flags.test(text)`.
    #[test]
    fn patterns_match_what_they_match_in_javascript() {
        for (pattern, flags, text, expected) in [
            (r"^\/api", "", "/api/users", true),
            (r"^\/API", "i", "/api/users", true),
            (r"^\/API", "", "/api/users", false),
            (r"\d+", "", "\u{661}", false),
            (r"[\d]+$", "", "a12", true),
            (r"\bfoo\b", "", "a foo b", true),
            (r"a.c", "", "a\nc", false),
            (r"a.c", "s", "a\nc", true),
            (r"a[^]c", "", "a\nc", true),
            (r"a.c", "", "a\u{2028}c", false),
            (r"[]", "", "a", false),
            (r"^b", "m", "a\nb", true),
            (r"[a&&b]", "", "&", true),
            (r"[[]", "", "[", true),
            (r"\u0041", "", "A", true),
            (r"(?<year>\d{4})-\d\d", "", "2024-05", true),
            (r"\.js$", "", "server.js", true),
        ] {
            let regex = compile(pattern, flags).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(regex.is_match(text), expected, "/{pattern}/{flags} on {text:?}");
        }
    }

    #[test]
    fn what_cannot_be_matched_in_linear_time_is_refused() {
        for (pattern, flags) in
            [(r"(?=a)", ""), (r"(a)\1", ""), ("(", ""), ("a", "q"), ("a", "y"), (r"(a{1000}){1000}", "")]
        {
            assert!(compile(pattern, flags).is_err(), "{pattern}");
        }
    }
}

//! Options of `-o` that say how cores are opened, and so can only be given on the command line.

use std::path::PathBuf;

use core_reader::{Debuginfod, OpenOptions};

/// How cores are opened: the target, and older ones.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// `-o coresize=BYTES`: no more than this of a compressed core, or one on a pipe, is written to a temporary file.
    limit: Option<u64>,
    /// `-o build-ids=DIR`: directories with binaries under their build-ids.
    build_ids: Vec<PathBuf>,
    /// Servers to be asked for binaries: those of `DEBUGINFOD_URLS`, unless the session is restricted.
    debuginfod: Option<Debuginfod>,
}

/// The options that have a value and say how cores are opened.
const OPTIONS: [&str; 2] = ["build-ids", "coresize"];

/// Whether `option`, as after `-o`, is one of these.
pub fn is_of_opening(option: &str) -> bool {
    OPTIONS.contains(&option.split_once('=').map_or(option, |(word, _)| word))
}

impl Opening {
    /// What `options` say, as they stand after `-o`; and the environment, which `variable` gives.
    ///
    /// # Errors
    /// An option that makes no sense.
    pub fn of(
        options: &[String],
        variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<Opening, String> {
        let mut opening = Opening::default();
        for option in options {
            match option.split_once('=') {
                Some(("build-ids", directory)) if !directory.is_empty() => {
                    opening.build_ids.push(PathBuf::from(directory));
                }
                Some(("coresize", size)) => {
                    let size = bytes(size).ok_or_else(|| {
                        format!(
                            "coresize takes a number of bytes, such as 500g, not {}",
                            crate::output::escape(size)
                        )
                    })?;
                    opening.limit = Some(size);
                }
                _ if is_of_opening(option) => {
                    return Err(format!("option requires an argument -- {}", option.trim_end_matches('=')));
                }
                _ => {}
            }
        }
        if !options.iter().any(|option| option == "restricted") {
            opening.debuginfod = Debuginfod::of_environment(variable);
        }
        Ok(opening)
    }

    /// The same for `options`.
    pub fn apply(&self, options: OpenOptions) -> OpenOptions {
        OpenOptions {
            limit: self.limit,
            build_ids: self.build_ids.clone(),
            debuginfod: self.debuginfod.clone(),
            ..options
        }
    }
}

/// A decimal number of bytes, with `k`, `m`, `g` or `t` behind it for 1024 and its powers.
fn bytes(text: &str) -> Option<u64> {
    let letter = text.chars().next_back()?.to_ascii_lowercase();
    let shift = "kmgt".find(letter).map(|power| 10 * (power as u32 + 1));
    let digits = if shift.is_some() { &text[..text.len() - 1] } else { text };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &[&str]) -> Result<Opening, String> {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let variable = |name: &str| match name {
            "DEBUGINFOD_URLS" => Some("http://a  http://b/".into()),
            "HOME" => Some("/home/me".into()),
            _ => None,
        };
        Opening::of(&options, variable)
    }

    #[test]
    fn sizes_have_letters() {
        assert_eq!(bytes("12"), Some(12));
        assert_eq!(bytes("3k"), Some(3072));
        assert_eq!(bytes("2T"), Some(2 << 40));
        for wrong in ["", "k", "-1", "1.5g", "9999999999999g", "1x", "\u{e9}"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn options_with_values_need_them() {
        let opening = of(&["build-ids=/a", "cache", "coresize=1g", "build-ids=/b"]).unwrap();
        assert_eq!(opening.limit, Some(1 << 30));
        assert_eq!(opening.build_ids, [PathBuf::from("/a"), PathBuf::from("/b")]);
        for wrong in ["build-ids", "build-ids=", "coresize", "coresize=", "coresize=much"] {
            assert!(of(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_restricted_session_asks_no_server() {
        let debuginfod = of(&[]).unwrap().debuginfod.unwrap();
        assert_eq!(debuginfod.servers, ["http://a", "http://b/"]);
        assert_eq!(debuginfod.cache, PathBuf::from("/home/me/.cache/debuginfod_client"));
        assert_eq!(of(&["restricted"]).unwrap().debuginfod, None);
    }
}

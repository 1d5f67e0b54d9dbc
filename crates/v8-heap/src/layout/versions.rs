//! Versions of V8, and the ranges of them that the rows of a table hold for.
//!
//! ```text
//!   12.9          that version           12            all with that major number
//!   11.3-12.4     from one to another    11-13         the same
//!   12.9+         that and all later     13+           the same
//! ```

/// A version of V8: its major and minor number. Patches do not move fields.
pub(super) type Version = (u32, u32);

/// Versions from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    first: Version,
    last: Version,
}

impl Versions {
    const ALL: Versions = Versions { first: (0, 0), last: (u32::MAX, u32::MAX) };

    pub(super) fn contains(self, version: Version) -> bool {
        (self.first..=self.last).contains(&version)
    }

    fn parse(text: &str) -> Option<Versions> {
        if let Some(first) = text.strip_suffix('+') {
            return Some(Versions { first: bounds(first)?.0, last: Versions::ALL.last });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let versions = Versions { first: bounds(first)?.0, last: bounds(last)?.1 };
        (versions.first <= versions.last).then_some(versions)
    }
}

/// The lowest and the highest version that `12` or `12.4` stands for.
fn bounds(text: &str) -> Option<(Version, Version)> {
    // A sign is no part of a version, though of a number.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    Some(match text.split_once('.') {
        Some((major, minor)) => {
            let version = (major.parse().ok()?, minor.parse().ok()?);
            (version, version)
        }
        None => {
            let major = text.parse().ok()?;
            ((major, 0), (major, u32::MAX))
        }
    })
}

/// A line, and the versions at its end: all if it says nothing of them.
pub(super) fn split_versions(line: &'static str) -> (&'static str, Versions) {
    line.rsplit_once(' ')
        .and_then(|(rest, versions)| Some((rest, Versions::parse(versions)?)))
        .unwrap_or((line, Versions::ALL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_exact_versions_or_of_major_ones() {
        let holds = |text: &str, version| Versions::parse(text).unwrap().contains(version);
        assert!(holds("12.9", (12, 9)) && !holds("12.9", (12, 8)) && !holds("12.9", (12, 10)));
        assert!(holds("12.9+", (12, 9)) && holds("12.9+", (13, 0)) && !holds("12.9+", (12, 4)));
        assert!(holds("11.3-12.4", (11, 8)) && holds("11.3-12.4", (12, 4)));
        assert!(!holds("11.3-12.4", (12, 5)) && !holds("11.3-12.4", (11, 2)));
        assert!(holds("12", (12, 0)) && holds("12", (12, 99)) && !holds("12", (13, 0)));
        assert!(holds("11-13", (11, 0)) && holds("11-13", (13, 6)) && !holds("11-13", (14, 0)));
        assert!(holds("13+", (14, 6)) && !holds("13+", (12, 9)));
        assert!(holds("12.9-13", (13, 6)) && !holds("12.9-13", (12, 4)), "the shorthand as one end");
    }

    #[test]
    fn what_is_no_range_belongs_to_the_line() {
        for text in ["", "+", "-", "tagged", "12-11", "12.", ".4", "12.4.1", "1x", "+12", "12-", "u32"] {
            assert_eq!(Versions::parse(text), None, "{text}");
        }
        assert_eq!(split_versions("a b c"), ("a b c", Versions::ALL));
        assert_eq!(split_versions("a b 13.6+").0, "a b");
    }
}

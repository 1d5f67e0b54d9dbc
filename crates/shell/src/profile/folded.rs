//! Folded stacks: names from the outermost on between semicolons, a blank, the weight.

use super::Profile;
use crate::output::escape;

/// The lines of a profile.
pub(super) fn written(profile: &Profile) -> String {
    let mut text = String::new();
    for stack in profile.stacks.iter().filter(|stack| stack.weight > 0) {
        let frames: Vec<String> = stack.frames.iter().map(|frame| escape(frame).replace(';', ":")).collect();
        text.push_str(&format!("{} {}\n", frames.join(";"), stack.weight));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Stack, Unit};
    use super::*;

    #[test]
    fn a_name_cannot_end_its_frame_or_its_line() {
        let stacks = vec![Stack { frames: vec!["a;b".into(), "c\nd 5".into()], weight: 7 }];
        let profile = Profile { title: "t".into(), unit: Unit::Bytes, stacks };
        assert_eq!(written(&profile), "a:b;c\\nd 5 7\n");
    }
}

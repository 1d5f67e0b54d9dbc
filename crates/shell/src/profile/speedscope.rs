//! The file format of speedscope: frames once, and samples as lists of their numbers (speedscope: `src/lib/file-format-spec.ts`).

use std::collections::HashMap;

use serde_json::json;

use super::{Profile, Unit};
use crate::output;

/// The file of a profile.
pub(super) fn written(profile: &Profile) -> String {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut frames = Vec::new();
    let (mut samples, mut weights) = (Vec::new(), Vec::new());
    for stack in profile.stacks.iter().filter(|stack| stack.weight > 0) {
        let number = |name| {
            *numbers.entry(name).or_insert_with(|| {
                frames.push(json!({ "name": name }));
                frames.len() - 1
            })
        };
        samples.push(stack.frames.iter().map(String::as_str).map(number).collect::<Vec<_>>());
        weights.push(stack.weight);
    }
    let end = weights.iter().fold(0u64, |sum, weight| sum.saturating_add(*weight));
    let unit = match profile.unit {
        Unit::Bytes => "bytes",
        Unit::Threads => "none",
    };
    output::json(&json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": { "frames": frames },
        "profiles": [{
            "type": "sampled",
            "name": profile.title,
            "unit": unit,
            "startValue": 0,
            "endValue": end,
            "samples": samples,
            "weights": weights,
        }],
        "activeProfileIndex": 0,
        "exporter": format!("{} {}", crate::PROGRAM, env!("CARGO_PKG_VERSION")),
        "name": profile.title,
    })) + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::Stack;
    use super::*;

    #[test]
    fn samples_name_their_frames_and_add_up() {
        let stack = |frames: &[&str], weight| Stack {
            frames: frames.iter().map(|f| (*f).to_owned()).collect(),
            weight,
        };
        let stacks = vec![stack(&["a", "b"], 3), stack(&["a"], 4), stack(&["c"], 0)];
        let file = written(&Profile { title: "t".into(), unit: Unit::Bytes, stacks });
        let file: Value = serde_json::from_str(&file).unwrap();
        assert_eq!(file["shared"]["frames"], json!([{ "name": "a" }, { "name": "b" }]));
        let own = &file["profiles"][0];
        assert_eq!(
            (&own["samples"], &own["weights"], &own["endValue"]),
            (&json!([[0, 1], [0]]), &json!([3, 4]), &json!(7))
        );
    }
}

//! A picture: an icicle, the outermost frames on top, each as wide as it weighs. It has no script, and loads nothing.

use std::collections::BTreeMap;

use super::Profile;
use crate::output::escape;

const WIDTH: f64 = 1200.0;
const ROW: f64 = 18.0;
/// Pixels of a character, about.
const CHARACTER: f64 = 6.6;
/// Narrower rectangles are left out, and what is below them.
const NARROWEST: f64 = 0.4;
const DEEPEST: usize = 64;

#[derive(Default)]
struct Node<'p> {
    weight: u64,
    below: BTreeMap<&'p str, Node<'p>>,
}

struct Picture {
    body: String,
    depth: usize,
    unit: &'static str,
}

/// The picture of a profile.
pub(super) fn written(profile: &Profile) -> String {
    let mut root = Node::default();
    for stack in &profile.stacks {
        root.weight = root.weight.saturating_add(stack.weight);
        let mut at = &mut root;
        for frame in stack.frames.iter().take(DEEPEST) {
            at = at.below.entry(frame).or_default();
            at.weight = at.weight.saturating_add(stack.weight);
        }
    }
    let mut picture = Picture { body: String::new(), depth: 0, unit: profile.unit.name() };
    picture.add(&profile.title, &root, 0.0, WIDTH, 0);
    let height = ROW * (picture.depth + 1) as f64;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fdfdfb\"/>\n{}</svg>\n",
        picture.body
    )
}

impl Picture {
    fn add(&mut self, name: &str, node: &Node<'_>, x: f64, width: f64, level: usize) {
        self.depth = self.depth.max(level);
        let y = ROW * level as f64;
        let hue = name
            .bytes()
            .fold(2_166_136_261u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
            % 360;
        let safe = marked_up(name);
        self.body.push_str(&format!(
            "<g><title>{safe}: {} {}</title><rect x=\"{x:.2}\" y=\"{y}\" width=\"{width:.2}\" height=\"{}\" fill=\"hsl({hue},45%,82%)\" stroke=\"#fdfdfb\"/>",
            node.weight, self.unit, ROW - 0.5
        ));
        let room = ((width - 6.0) / CHARACTER) as usize;
        if room >= 3 {
            let shown: String = match name.chars().count() > room {
                true => name.chars().take(room - 1).chain(['\u{2026}']).collect(),
                false => name.to_owned(),
            };
            self.body.push_str(&format!(
                "<text x=\"{:.2}\" y=\"{}\" fill=\"#16181b\">{}</text>",
                x + 3.0,
                y + 13.0,
                marked_up(&shown)
            ));
        }
        self.body.push_str("</g>\n");
        let mut below: Vec<_> = node.below.iter().collect();
        below.sort_by_key(|(name, node)| (std::cmp::Reverse(node.weight), **name));
        let mut at = x;
        for (name, next) in below {
            let wide = width * next.weight as f64 / node.weight.max(1) as f64;
            if wide >= NARROWEST {
                self.add(name, next, at, wide, level + 1);
            }
            at += wide;
        }
    }
}

/// A text as XML has it.
fn marked_up(text: &str) -> String {
    escape(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::{Stack, Unit};
    use super::*;

    #[test]
    fn names_are_texts_and_widths_are_weights() {
        let stack = |name: &str, weight| Stack { frames: vec![name.to_owned()], weight };
        let stacks = vec![stack("</text><script>alert(1)</script>", 300), stack("b\u{1b}", 100)];
        let picture = written(&Profile { title: "all".into(), unit: Unit::Bytes, stacks });
        assert!(!picture.contains("<script") && !picture.contains('\u{1b}'), "{picture}");
        assert!(picture.contains("width=\"900.00\"") && picture.contains("width=\"300.00\""), "{picture}");
        assert_eq!(picture.matches("<g>").count(), picture.matches("</g>").count());
    }
}

//! Which stretches of memory are claimed, and by whom.

use std::collections::BTreeMap;

/// Who claims a stretch of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    Pages,
    Runs,
    Buffers,
    WebAssembly,
    Stacks,
}

/// Claimed stretches without overlap, by start.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<u64, (u64, Claim)>);

impl Claims {
    /// Claims what nobody has claimed of `[start, end)`.
    pub(super) fn add(&mut self, start: u64, end: u64, claim: Claim) {
        for (from, to, other) in self.split(start, end) {
            if other.is_none() {
                self.0.insert(from, (to, claim));
            }
        }
    }

    /// The parts of `[start, end)`, claimed or not, in order.
    pub(super) fn split(&self, start: u64, end: u64) -> Vec<(u64, u64, Option<Claim>)> {
        let mut parts = Vec::new();
        let mut at = start;
        let before = self.0.range(..=start).next_back().filter(|(_, (end, _))| *end > start);
        let later = self.0.range(start.saturating_add(1)..end.max(start.saturating_add(1)));
        for (from, (to, claim)) in before.into_iter().chain(later) {
            let (from, to) = ((*from).max(start), (*to).min(end));
            if at < from {
                parts.push((at, from, None));
            }
            if from < to {
                parts.push((from, to, Some(*claim)));
            }
            at = at.max(to);
        }
        if at < end {
            parts.push((at, end, None));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_first_stays_and_nothing_is_counted_twice() {
        let mut claims = Claims::default();
        claims.add(100, 200, Claim::Pages);
        claims.add(150, 300, Claim::Runs);
        claims.add(0, 400, Claim::Stacks);
        claims.add(120, 180, Claim::Buffers);
        assert_eq!(
            claims.split(50, 450),
            [
                (50, 100, Some(Claim::Stacks)),
                (100, 200, Some(Claim::Pages)),
                (200, 300, Some(Claim::Runs)),
                (300, 400, Some(Claim::Stacks)),
                (400, 450, None),
            ]
        );
        assert_eq!(claims.split(110, 120), [(110, 120, Some(Claim::Pages))]);
        assert_eq!(claims.split(400, 400), []);
        assert_eq!(Claims::default().split(7, 9), [(7, 9, None)]);
    }
}

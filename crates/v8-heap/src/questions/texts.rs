//! All long ropes of a heap, each part read once.
//!
//! The longest first: so whatever is part of another rope is found in the text of that.

use std::collections::HashMap;

use crate::code_units::Piece;
use crate::heap::Heap;
use crate::questions::string_entry::StringEntry;
use crate::remembered::rope_texts::{LONGEST, Ropes};
use crate::{Error, Monitor, Result};

/// Longer ropes are for [`Heap::for_each_text`]; others are read at once, in code units.
pub(crate) const LONG: u32 = 64;

/// A rope in the text of one that it is part of, or that it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub entry: StringEntry,
    /// Its code units there.
    pub from: usize,
    pub to: usize,
}

/// What was not read of long ropes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeftOut {
    /// Parts of them cannot be read.
    pub unreadable: u64,
    /// They are too long, alone or all together.
    pub too_long: u64,
}

impl Heap<'_> {
    /// Calls `visit` with texts, and with those of `ropes` that are in each, in the order in which they begin; with as many texts as
    /// have `most` code units together.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn for_each_text(
        &self,
        mut entries: Vec<StringEntry>,
        most: u64,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(Piece<'_>, &[Member]),
    ) -> Result<LeftOut> {
        entries.sort_unstable_by_key(|entry| (std::cmp::Reverse(entry.length), entry.value));
        let address = |entry: &StringEntry| entry.value.strong().unwrap_or(0);
        let numbers: HashMap<u64, u32> =
            entries.iter().enumerate().map(|(number, entry)| (address(entry), number as u32)).collect();
        let mut done = vec![false; entries.len()];
        let (mut ropes, mut left_out, mut written) = (Ropes::default(), LeftOut::default(), 0_u64);
        let mut members = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            if done[number] {
                continue;
            }
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let length = u64::from(entry.length);
            if length > LONGEST as u64 || written.saturating_add(length) > most {
                left_out.too_long += 1;
                continue;
            }
            ropes.forget_if_full();
            let since = ropes.count();
            let Ok(root) = self.write_out(&mut ropes, address(entry)) else {
                left_out.unreadable += 1;
                continue;
            };
            written += root.len as u64;
            members.clear();
            for rope in ropes.placed(since) {
                let known =
                    numbers.get(rope).filter(|number| !std::mem::replace(&mut done[**number as usize], true));
                let (Some(number), Some(place)) = (known, ropes.place(*rope)) else { continue };
                if place.damage.is_some() {
                    left_out.unreadable += 1;
                    continue;
                }
                let from = place.from - root.from;
                members.push(Member { entry: entries[*number as usize], from, to: from + place.len });
            }
            members.sort_unstable_by_key(|member| (member.from, member.to));
            visit(ropes.piece(&root, 0, usize::MAX), &members);
            monitor.advance(members.len() as u64);
        }
        Ok(left_out)
    }
}

//! Whether the layout fits the heap at hand.
//!
//! A layout is a set of claims, and the heap can refute them: pages that do not end where objects end, words that should
//! be maps and are none, objects whose properties are no properties. A version that no table was made for is believed
//! only as far as its heap agrees. What the core merely lacks refutes nothing.
//!
//! The cheap part runs whenever the heap is indexed ([`crate::Heap::objects`] fails if it does); the whole is
//! [`crate::Heap::self_check`].

use core_reader::{Address, Contents, Memory, MemoryError};

use crate::index::{ObjectId, ObjectTable};
use crate::isolate::{PageState, Spaces};
use crate::layout::{Kind, Layout};
use crate::objects::value::HeapObject;
use crate::shape::map::{MapId, Maps};
use crate::shape::walk::{Gap, Walker};
use crate::view::View;
use crate::words::Words;
use crate::{Error, Result, Tagged};

/// What the self-check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelfCheck {
    /// Pages walked.
    pub pages: usize,
    /// Of these, pages without a usable header.
    pub salvaged_pages: usize,
    /// Of these, pages whose flags say otherwise than their space does.
    pub odd_pages: usize,
    /// Objects found.
    pub objects: u64,
    /// Bytes of the objects.
    pub object_bytes: u64,
    /// Bytes of free memory between objects.
    pub free_bytes: u64,
    /// Stretches in which no objects could be told.
    pub gaps: usize,
    /// Bytes in gaps.
    pub gap_bytes: u64,
    /// Of these, bytes whose map may be in memory that the core lacks.
    pub gap_bytes_for_lack_of_memory: u64,
    /// Bytes of pages that the core lacks.
    pub missing_bytes: u64,
    /// Maps that objects have.
    pub maps: usize,
    /// Of these, maps that the walk did not meet as objects, although the core holds them.
    pub stray_maps: usize,
    /// Maps of maps: one, and from V8 12 on one more for each native context.
    pub meta_maps: usize,
    /// JavaScript objects that were decoded as a sample.
    pub sampled: u64,
    /// Of these, objects that did not decode although their memory is there.
    pub damaged: u64,
}

/// Objects decoded by the full check, and by the one before first use.
const SAMPLE: u64 = 20_000;
const SMALL_SAMPLE: u64 = 1_000;

/// Share of bytes in gaps, and of samples that do not decode, in percent, from which on the layout is wrong. In a version
/// with a table of its own only damage makes gaps, and it does not reach this far.
const WRONG: u64 = 50;
/// The same for a version that no table was made for: a wrong layout is likelier than damage. The heap of V8 10.2 read
/// with the layout of 11.3 misses by 4 %.
const DOUBTFUL: u64 = 1;

/// Pages looked at to choose between layouts.
const PROBED_PAGES: usize = 64;

/// How badly a layout fits the first pages of a heap: the share of their bytes that are no objects, in parts per million.
pub(crate) fn misfit(memory: &dyn Memory, layout: &Layout, spaces: &Spaces<'_>) -> u64 {
    let maps = Maps::default();
    let mut walker = Walker::new(Words { memory, spaces }, layout, &maps);
    let (mut bytes, mut gaps) = (0u64, 0u64);
    for page in spaces.pages().iter().filter(|page| page.state == PageState::InUse).take(PROBED_PAGES) {
        walker.walk(page);
        bytes += page.present();
        gaps += walker.found.gaps.iter().map(|gap| gap.end - gap.start).sum::<u64>();
    }
    match bytes {
        0 => u64::MAX,
        bytes => (u128::from(gaps) * 1_000_000 / u128::from(bytes)) as u64,
    }
}

impl View<'_> {
    /// Checks the layout on the whole heap.
    ///
    /// # Errors
    /// [`Error::LayoutMismatch`] if it does not fit, [`Error::NoV8`] if the core holds no heap.
    pub(crate) fn check_all(&self, table: &ObjectTable) -> Result<SelfCheck> {
        let mut check = self.check_walk(table);
        self.check_maps(table, &mut check);
        self.check_sample(table, SAMPLE, &mut check);
        self.judge(&check)?;
        Ok(check)
    }

    /// The part of the check that is cheap enough to run whenever the heap is indexed.
    pub(crate) fn check_before_use(&self, table: &ObjectTable) -> Result<()> {
        let mut check = self.check_walk(table);
        if !self.is_trusted() {
            self.check_sample(table, SMALL_SAMPLE, &mut check);
        }
        self.judge(&check)
    }

    /// Whether the layout is that of the release, and tests have judged every release of its line.
    fn is_trusted(&self) -> bool {
        self.layout().exact && self.layout().supported
    }

    fn check_walk(&self, table: &ObjectTable) -> SelfCheck {
        let summary = &table.summary;
        let bytes = |gap: &Gap| gap.end - gap.start;
        SelfCheck {
            pages: summary.pages,
            salvaged_pages: summary.salvaged_pages,
            odd_pages: self.spaces().pages().iter().filter(|page| page.odd_flags).count(),
            objects: summary.objects,
            object_bytes: summary.object_bytes,
            free_bytes: summary.free_bytes,
            gaps: summary.gaps.len(),
            gap_bytes: summary.gaps.iter().map(bytes).sum(),
            gap_bytes_for_lack_of_memory: summary
                .gaps
                .iter()
                .filter(|gap| self.lacks_map(gap))
                .map(bytes)
                .sum(),
            missing_bytes: summary.missing_bytes,
            ..SelfCheck::default()
        }
    }

    /// Whether a gap starts with a pointer into memory that the core lacks, where the map may have been.
    fn lacks_map(&self, gap: &Gap) -> bool {
        let Some(map) = self.words().heap_tagged(gap.start).and_then(Tagged::strong) else {
            return false;
        };
        is_lost(self.words().memory.bytes_from(Address(map)).err())
    }

    fn check_maps(&self, table: &ObjectTable, check: &mut SelfCheck) {
        check.maps = self.map_count();
        for number in 0..check.maps {
            let map = self.map(MapId(number as u32));
            if map.kind == Kind::Map
                && self.words().heap_tagged(map.address) == Some(Tagged::pointer(map.address))
            {
                check.meta_maps += 1;
            }
            if table.id_at(self.spaces(), map.address).is_none() {
                check.stray_maps += 1;
            }
        }
    }

    fn check_sample(&self, table: &ObjectTable, size: u64, check: &mut SelfCheck) {
        let step = (check.objects / size).max(1);
        let ids = (0..check.objects).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        for object in ids.filter_map(|id| self.object_by_id(table, ObjectId(id as u32))) {
            if object.kind().is_js_object() {
                check.sampled += 1;
                check.damaged += u64::from(!self.decodes(object));
            }
        }
    }

    /// Whether an object's own properties and elements can be read, or cannot for lack of memory.
    fn decodes(&self, object: HeapObject<'_>) -> bool {
        let fine = |error: Option<Error>| match error {
            None => true,
            Some(Error::Memory { source, .. }) => is_lost(Some(source)),
            Some(_) => false,
        };
        let prototype = object.map.prototype;
        let names_are_names =
            self.shape(object.map).properties.iter().all(|property| {
                self.name_text(property.name).is_some() || self.is_lost_object(property.name)
            });
        fine(self.own_properties(object).err())
            && fine(self.elements(object).err())
            && names_are_names
            && (self.object(prototype).is_ok() || self.is_lost_object(prototype))
    }

    fn is_lost_object(&self, value: Tagged) -> bool {
        value.object().is_some_and(|address| is_lost(self.words().memory.bytes_from(Address(address)).err()))
    }

    fn judge(&self, check: &SelfCheck) -> Result<()> {
        let vote = self.layout().free_space_vote();
        if vote.is_mixed() {
            return Err(self.mismatch(format!(
                "the sizes of {} free blocks are right only in bytes, those of {} only in words",
                vote.bytes, vote.words
            )));
        }
        if check.pages == 0 {
            let lacking: u64 = self
                .words()
                .memory
                .ranges()
                .iter()
                .filter(|range| range.file.is_none())
                .filter(|range| matches!(range.contents, Contents::NotDumped | Contents::Truncated))
                .map(|range| range.end.0 - range.start.0)
                .sum();
            if lacking > 0 {
                return Err(Error::NoV8(format!(
                    "the core holds no page of its heap; it lacks {lacking} bytes of the memory of the process"
                )));
            }
            return Err(self.mismatch("no page of the heap was recognised".to_owned()));
        }
        let limit = if self.is_trusted() { WRONG } else { DOUBTFUL };
        let exceeds = |part: u64, whole: u64| u128::from(part) * 100 > u128::from(whole) * u128::from(limit);
        let walked = check.object_bytes + check.free_bytes + check.gap_bytes;
        let misfit = check.gap_bytes - check.gap_bytes_for_lack_of_memory;
        if exceeds(misfit, walked) {
            return Err(self.mismatch(format!(
                "{misfit} of the {walked} bytes in the {} pages of the heap are no objects",
                check.pages
            )));
        }
        if exceeds(check.damaged, check.sampled) {
            return Err(self.mismatch(format!(
                "the properties of {} of {} JavaScript objects cannot be decoded",
                check.damaged, check.sampled
            )));
        }
        Ok(())
    }

    fn mismatch(&self, reason: String) -> Error {
        let layout = self.layout();
        let (major, minor) = layout.table_version;
        Error::LayoutMismatch {
            version: self.version().to_string(),
            layout: format!("V8 {major}.{minor} ({})", layout.table_line),
            reason,
        }
    }
}

fn is_lost(error: Option<MemoryError>) -> bool {
    matches!(error, Some(MemoryError::NotDumped(_) | MemoryError::Truncated(_)))
}

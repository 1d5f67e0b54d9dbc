//! What V8 keeps that says why it ended: offsets in `Heap` (V8: `src/heap/heap.h`). V8 publishes none of them; they were found by value on
//! cores of processes that had run out of memory, against what these had written.

/// Where the most that the heap may grow to is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitPlace {
    /// In an object to which the `Heap` has a pointer here; else in the `Heap`.
    pub pointer: Option<u64>,
    /// `max_old_generation_size_`
    pub now: u64,
    /// `initial_max_old_generation_size_`
    pub first: u64,
    /// `max_global_memory_size_`, which is twice as much: a check.
    pub twice: u64,
}

impl LimitPlace {
    /// How the three lie to each other, whatever is in front of them: in the `Heap` itself up to V8 14.1, and in an object of their own
    /// behind it. Where a release has them elsewhere they are sought by this.
    const fn in_heap(now: u64) -> LimitPlace {
        LimitPlace { pointer: None, now, first: now + 0x18, twice: now + 0x10 }
    }

    const fn behind(pointer: u64) -> LimitPlace {
        LimitPlace { pointer: Some(pointer), now: 0x10, first: 0x30, twice: 0x40 }
    }

    /// All places where they could be.
    pub fn candidates() -> impl Iterator<Item = LimitPlace> {
        let in_heap = (0..0x200).step_by(8).map(LimitPlace::in_heap);
        in_heap.chain((0x600..0xa00).step_by(8).map(LimitPlace::behind))
    }
}

/// Offsets in `Heap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashLayout {
    /// `trace_ring_buffer_`: text, the last of it wherever its end is.
    pub trace: u64,
    /// From there to `ring_buffer_full_`, a byte that says whether there is text behind that end.
    pub full: u64,
    /// The most that the old generation may grow to.
    pub limit: LimitPlace,
}

impl CrashLayout {
    /// `kTraceRingBufferSize`; a byte behind it says whether it is full, and the next word where its end is.
    pub const TRACE_SIZE: usize = 512;
    /// Distance of that byte from its start in all versions but V8 7 to 10, where another flag is in front of it.
    pub const TRACE_FULL: u64 = 512;
    /// Distance of its end from its start.
    pub const TRACE_END: u64 = 520;

    /// All places where the text could begin.
    pub fn trace_candidates() -> impl Iterator<Item = u64> {
        (0x600..0xc00).step_by(8)
    }

    const fn new(trace: u64, now: u64) -> Option<CrashLayout> {
        Some(CrashLayout { trace, full: Self::TRACE_FULL, limit: LimitPlace::in_heap(now) })
    }

    pub(super) const V7_8: Option<CrashLayout> =
        Some(CrashLayout { trace: 0x8b0, full: Self::TRACE_FULL + 1, limit: LimitPlace::in_heap(0x68) });
    pub(super) const V8_4: Option<CrashLayout> =
        Some(CrashLayout { trace: 0x950, full: Self::TRACE_FULL + 1, limit: LimitPlace::in_heap(0x68) });
    pub(super) const V9_1: Option<CrashLayout> =
        Some(CrashLayout { trace: 0x9b0, full: Self::TRACE_FULL + 1, limit: LimitPlace::in_heap(0x80) });
    pub(super) const V9_2: Option<CrashLayout> =
        Some(CrashLayout { trace: 0xa00, full: Self::TRACE_FULL + 1, limit: LimitPlace::in_heap(0x80) });
    pub(super) const V9_4: Option<CrashLayout> =
        Some(CrashLayout { trace: 0xa00, full: Self::TRACE_FULL + 1, limit: LimitPlace::in_heap(0x78) });
    pub(super) const V10_2: Option<CrashLayout> =
        Some(CrashLayout { trace: 0xa68, full: Self::TRACE_FULL + 1, limit: LimitPlace::in_heap(0xe0) });
    pub(super) const V11_3: Option<CrashLayout> = CrashLayout::new(0xa00, 0xe0);
    pub(super) const V12_4: Option<CrashLayout> = CrashLayout::new(0x820, 0x48);
    pub(super) const V12_9: Option<CrashLayout> = CrashLayout::new(0x850, 0x48);
    pub(super) const V13_6: Option<CrashLayout> = CrashLayout::new(0x868, 0x50);
    pub(super) const V14_6: Option<CrashLayout> =
        Some(CrashLayout { trace: 0x888, full: Self::TRACE_FULL, limit: LimitPlace::behind(0x7b8) });
}

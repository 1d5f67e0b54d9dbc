//! Progress and cancellation of long work.

/// Watches long work: hears how far it is, and may stop it.
///
/// Calls come from several threads at once, every few milliseconds of work.
pub trait Monitor: Sync {
    /// A new piece of work of `total` units begins.
    fn begin(&self, what: &str, total: u64);
    /// `units` more are done.
    fn advance(&self, units: u64);
    /// Whether the work should stop now.
    fn cancelled(&self) -> bool;
}

/// Watches nothing and never stops the work.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Monitor for Unattended {
    fn begin(&self, _what: &str, _total: u64) {}
    fn advance(&self, _units: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}

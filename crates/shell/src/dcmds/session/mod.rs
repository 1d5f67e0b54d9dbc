//! The debugger itself: help, lists and settings.

use crate::dcmd::Dcmd;

mod dcmds;
mod dmods;
mod help;
mod load;
mod log;
mod page_width;
mod pager;
mod prompt;
mod quit;
mod radix;
pub(crate) mod report;
mod set;
mod term;
mod version;
mod walkers;
mod which;

pub(crate) use help::LANGUAGE;

/// The dcmds of this family.
pub(super) const LIST: &[&Dcmd] = &[
    &dcmds::DCMD,
    &dmods::DCMD,
    &help::DCMD,
    &load::DCMD,
    &log::DCMD,
    &page_width::DCMD,
    &pager::DCMD,
    &prompt::DCMD,
    &quit::DCMD,
    &radix::DCMD,
    &report::DCMD,
    &set::DCMD,
    &term::DCMD,
    &version::DCMD,
    &walkers::DCMD,
    &which::DCMD,
];

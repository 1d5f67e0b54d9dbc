//! What works on the values of a pipe, or begins one.

use crate::dcmd::Dcmd;

mod cat;
mod count;
mod echo;
mod grep;
mod group;
mod head;
mod json;
mod map;
mod sort;
mod sum;
mod tail;
mod uniq;
mod walk;
mod r#where;

/// The dcmds of this family.
pub(super) const LIST: &[&Dcmd] = &[
    &cat::DCMD,
    &count::DCMD,
    &echo::DCMD,
    &grep::DCMD,
    &group::DCMD,
    &head::DCMD,
    &json::DCMD,
    &map::DCMD,
    &sort::DCMD,
    &sum::DCMD,
    &tail::DCMD,
    &uniq::DCMD,
    &walk::DCMD,
    &r#where::DCMD,
];

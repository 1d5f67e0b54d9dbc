//! The language: formats, variables, and commands that run commands.

use crate::dcmd::Dcmd;

mod assign;
mod eval;
mod examine;
mod format;
mod formats;
mod source;
mod typeset;
mod unset;
mod vars;

/// The dcmds of this family.
pub(super) const LIST: &[&Dcmd] = &[
    &assign::DCMD,
    &eval::DCMD,
    &examine::DCMD,
    &format::DCMD,
    &formats::DCMD,
    &source::DCMD,
    &typeset::DCMD,
    &unset::DCMD,
    &vars::DCMD,
];

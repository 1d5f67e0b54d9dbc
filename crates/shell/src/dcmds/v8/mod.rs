//! V8's own structures.

use crate::dcmd::Dcmd;

mod v8array;
mod v8classes;
mod v8code;
mod v8context;
mod v8field;
mod v8frametypes;
mod v8function;
mod v8internal;
mod v8map;
mod v8pages;
mod v8print;
mod v8scopeinfo;
mod v8spaces;
mod v8str;
mod v8type;
mod v8types;
mod v8whatis;

/// The dcmds of this family.
pub(super) const LIST: &[&Dcmd] = &[
    &v8array::DCMD,
    &v8classes::DCMD,
    &v8code::DCMD,
    &v8context::DCMD,
    &v8field::DCMD,
    &v8frametypes::DCMD,
    &v8function::DCMD,
    &v8internal::DCMD,
    &v8map::DCMD,
    &v8pages::DCMD,
    &v8print::DCMD,
    &v8scopeinfo::DCMD,
    &v8spaces::DCMD,
    &v8str::DCMD,
    &v8type::DCMD,
    &v8types::DCMD,
    &v8whatis::DCMD,
];

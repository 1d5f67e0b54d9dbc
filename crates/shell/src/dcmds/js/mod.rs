//! JavaScript objects, what holds them, and functions.

use crate::dcmd::Dcmd;

mod diff;
mod findjsobjects;
mod heapsnapshot;
mod jsarray;
mod jsasync;
mod jsbuffers;
mod jsclosure;
mod jsconstructor;
mod jsdominators;
mod jsfindrefs;
mod jsfunction;
mod jsfunctions;
mod jshandles;
mod jsleaks;
mod jsmap;
mod jspath;
mod jsprint;
mod jsrequests;
mod jsretained;
mod jsscripts;
mod jssource;
mod jsstack;
mod jsstrings;
mod jstimers;
mod nodebuffer;
mod nodeinfo;
mod snapshotnode;

/// The dcmds of this family.
pub(super) const LIST: &[&Dcmd] = &[
    &diff::DCMD,
    &findjsobjects::DCMD,
    &heapsnapshot::DCMD,
    &jsarray::DCMD,
    &jsasync::DCMD,
    &jsbuffers::DCMD,
    &jsclosure::DCMD,
    &jsconstructor::DCMD,
    &jsdominators::DCMD,
    &jsfindrefs::DCMD,
    &jsfunction::DCMD,
    &jsfunctions::DCMD,
    &jshandles::DCMD,
    &jsleaks::DCMD,
    &jsmap::DCMD,
    &jspath::DCMD,
    &jsprint::DCMD,
    &jsrequests::DCMD,
    &jsretained::DCMD,
    &jsscripts::DCMD,
    &jssource::DCMD,
    &jsstack::DCMD,
    &jsstrings::DCMD,
    &jstimers::DCMD,
    &nodebuffer::DCMD,
    &nodeinfo::DCMD,
    &snapshotnode::DCMD,
];

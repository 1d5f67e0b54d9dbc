//! JavaScript objects, what holds them, and functions.

use crate::dcmd::Dcmd;

mod diff;
mod findjsobjects;
mod heapsnapshot;
mod jsals;
mod jsarray;
mod jsasync;
mod jsbuffers;
mod jsbytecode;
mod jsclosure;
mod jsclosures;
mod jsconstructor;
mod jscrash;
mod jsdominators;
mod jsfindrefs;
mod jsframe;
mod jsfunction;
mod jsfunctions;
mod jshandles;
mod jshttp;
mod jsleaks;
mod jslocals;
mod jsmap;
mod jsmicrotasks;
mod jsoddities;
mod jspath;
mod jsprint;
mod jspromises;
mod jsrequests;
mod jsretained;
mod jsscripts;
mod jssource;
mod jsstack;
mod jsstacks;
mod jsstrings;
mod jstimers;
mod jsworkers;
mod nodebuffer;
mod nodeinfo;
mod snapshotnode;
mod uvloop;

/// The dcmds of this family.
pub(super) const LIST: &[&Dcmd] = &[
    &diff::DCMD,
    &findjsobjects::DCMD,
    &heapsnapshot::DCMD,
    &jsals::DCMD,
    &jsarray::DCMD,
    &jsasync::DCMD,
    &jsbuffers::DCMD,
    &jsbytecode::DCMD,
    &jsclosure::DCMD,
    &jsclosures::DCMD,
    &jsconstructor::DCMD,
    &jscrash::DCMD,
    &jsdominators::DCMD,
    &jsfindrefs::DCMD,
    &jsframe::DCMD,
    &jsfunction::DCMD,
    &jsfunctions::DCMD,
    &jshandles::DCMD,
    &jshttp::DCMD,
    &jsleaks::DCMD,
    &jslocals::DCMD,
    &jsmap::DCMD,
    &jsmicrotasks::DCMD,
    &jsoddities::DCMD,
    &jspath::DCMD,
    &jsprint::DCMD,
    &jspromises::DCMD,
    &jsrequests::DCMD,
    &jsretained::DCMD,
    &jsscripts::DCMD,
    &jssource::DCMD,
    &jsstack::DCMD,
    &jsstacks::DCMD,
    &jsstrings::DCMD,
    &jstimers::DCMD,
    &jsworkers::DCMD,
    &nodebuffer::DCMD,
    &nodeinfo::DCMD,
    &snapshotnode::DCMD,
    &uvloop::DCMD,
];

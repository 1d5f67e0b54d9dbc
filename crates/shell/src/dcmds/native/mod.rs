//! The process: threads, stacks, memory, symbols and machine code.

use crate::dcmd::Dcmd;

mod auxv;
mod context;
mod dem;
mod demangling;
mod dis;
mod dismode;
mod dump;
mod files;
mod findleaks;
mod findstack;
mod findsym;
mod fpregs;
mod getenv;
mod globals;
mod ledger;
mod malloc;
mod mappings;
mod nm;
mod nmadd;
mod nmdel;
mod objects;
mod pargs;
mod psinfo;
mod regs;
mod savecore;
mod showrev;
mod signal;
mod stack;
mod status;
mod status_and_registers;
mod strings;
mod symbol_distance;
mod thread_id;
mod thread_ids;
mod threads;
mod tls;
mod ugrep;
mod whatis;
mod xdata;

/// The dcmds of this family.
pub(super) const LIST: &[&Dcmd] = &[
    &auxv::DCMD,
    &context::DCMD,
    &dem::DCMD,
    &demangling::DCMD,
    &dis::DCMD,
    &dismode::DCMD,
    &dump::DCMD,
    &files::DCMD,
    &findleaks::DCMD,
    &findstack::DCMD,
    &findsym::DCMD,
    &fpregs::DCMD,
    &getenv::DCMD,
    &globals::DCMD,
    &ledger::DCMD,
    &malloc::DCMD,
    &mappings::DCMD,
    &nm::DCMD,
    &nmadd::DCMD,
    &nmdel::DCMD,
    &objects::DCMD,
    &pargs::DCMD,
    &psinfo::DCMD,
    &regs::DCMD,
    &savecore::DCMD,
    &showrev::DCMD,
    &signal::DCMD,
    &stack::DCMD,
    &status::DCMD,
    &status_and_registers::DCMD,
    &strings::DCMD,
    &symbol_distance::DCMD,
    &thread_id::DCMD,
    &thread_ids::DCMD,
    &threads::DCMD,
    &tls::DCMD,
    &ugrep::DCMD,
    &whatis::DCMD,
    &xdata::DCMD,
];

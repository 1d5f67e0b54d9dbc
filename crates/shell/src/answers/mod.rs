//! What dcmds share: answers that more than one of them gives.

pub(crate) mod adding_place;
pub(crate) mod await_place;
pub(crate) mod callback;
pub(crate) mod closure_context;
pub(crate) mod elsewhere;
pub(crate) mod ending;
pub(crate) mod heap_limit;
pub(crate) mod javascript_stack;
pub(crate) mod kinds;
pub(crate) mod ledger;
pub(crate) mod listeners;
pub(crate) mod lives;
pub(crate) mod machine_code;
pub(crate) mod mapping_name;
pub(crate) mod members;
pub(crate) mod merged_ways;
pub(crate) mod native_memory;
pub(crate) mod native_owners;
pub(crate) mod native_suspects;
pub(crate) mod place_name;
pub(crate) mod reference;
pub(crate) mod retention;
pub(crate) mod roots;
pub(crate) mod search;
pub(crate) mod summary;

//! `v8mdb`: the command.
fn main() {}

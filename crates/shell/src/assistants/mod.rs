//! `v8mdb mcp`: a server for assistants, which speaks the Model Context Protocol on standard input and output.
//!
//! ```text
//!  assistant --JSON-RPC--> server --lines of JSON--> session (a process of its own for each core)
//! ```
//!
//! The [`server`] has four tools. Each core is opened by a process of its own ([`sessions`] starts, asks and ends them; [`session`] is what runs
//! in them): it is restricted, so that no command reads or writes files or starts programs; an answer that takes too long is stopped, and
//! memory goes back to the system when a core is closed or nobody asks for it any more.

mod page;
mod server;
mod session;
mod sessions;

pub(crate) use server::serve;
pub(crate) use session::answer_questions;

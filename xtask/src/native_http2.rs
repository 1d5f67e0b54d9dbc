//! What sessions of HTTP/2 own, against who asked for it: nghttp2 asks for its memory by an allocator of the session, and the calls on the stack of each
//! request are kept by a library that is preloaded ([`crate::native_parts`]).
//!
//! V8's own figure is of something else: `nghttp2_memory` is what nghttp2 asked for, without what holds headers whose text JavaScript was given,
//! without room that C++ containers keep, and without what the C library takes for each block.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use test_support::scenarios::debugger::Debugger;

use crate::native_memory::{address, number, rows};
use crate::native_parts::{Traced, functions};

/// Per cent by which what sessions own may be off, together.
const MOST_OFF: u64 = 5;
/// Sessions: those of the client, and of the server.
const SESSIONS: u64 = 60;
/// Per thousand of what nghttp2 asked for that objects own at least.
const LEAST_OWNED: u64 = 990;
/// Parts of the names of functions that ask for what a session has: its allocator, and its own.
const ALLOCATOR: &str = "NgLibMemoryManagerINS_5http212Http2Session";
const OF_SESSION: [&str; 3] =
    ["node5http212Http2SessionC", "node5http212Http2Session3New", "node5http212Http2Session9AddStream"];
/// What takes characters of strings out.
const STRINGS: &str = "strings that JavaScript has outside of its heap";

/// Who asked for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Allocator,
    Session,
    Other,
}

/// Takes the core of a process with sessions, and compares.
pub fn check(executable: &Path, node: &str, directory: &Path) -> Result<String> {
    let traced = Traced::take(node, "http2.js", Duration::from_secs(1), directory)?;
    let lines = ["::malloc -p -v -j", "::malloc -o -j"].map(str::to_owned);
    let answers = Debugger::new(executable.to_owned(), &traced.core).session(&lines);
    std::fs::remove_file(&traced.core)?;
    let answers = answers?;
    let [parts, owners] = answers.as_slice() else { anyhow::bail!("not two answers") };
    let askers = Askers::of(&traced.binary)?;
    let (mut asked, mut owned, mut truth) = (0, 0, 0);
    for row in rows(parts)? {
        let Some(calls) = traced.calls.get(&address(&row, "block")?) else { continue };
        let (bytes, part) = (number(&row, "bytes")?, row["part"].as_str().context("no part")?);
        let asker = askers.who(calls);
        if asker == Asker::Other || part == STRINGS {
            continue;
        }
        truth += bytes;
        if asker == Asker::Allocator {
            asked += bytes;
            owned += if part == "objects of JavaScript" { bytes } else { 0 };
        }
    }
    ensure!(
        asked > 0 && 1000 * owned >= LEAST_OWNED * asked,
        "of {asked} bytes that nghttp2 asked for {owned} are owned"
    );
    let sessions = rows(owners)?.into_iter().find(|row| row["constructor"] == "Http2Session");
    let sessions = sessions.context("no sessions")?;
    ensure!(number(&sessions, "objects")? == SESSIONS, "{sessions}: the program has {SESSIONS}");
    let told = number(&sessions, "bytes")?;
    ensure!(
        100 * told.abs_diff(truth) <= MOST_OFF * truth,
        "{sessions}: {truth} bytes were asked for by and for them"
    );
    Ok(format!(
        "HTTP/2: sessions own {told} of {truth} bytes, {owned} of {asked} that nghttp2 asked for are owned"
    ))
}

/// Functions by address, each with what it asks for.
struct Askers(Vec<(u64, Asker)>);

impl Askers {
    fn of(binary: &Path) -> Result<Askers> {
        let functions = functions(binary)?.into_iter();
        let found: Vec<_> = functions.map(|(address, name)| (address, asker(&name))).collect();
        ensure!(found.iter().any(|(_, asker)| *asker == Asker::Allocator), "no allocator of sessions");
        Ok(Askers(found))
    }

    /// Whoever of these is innermost.
    fn who(&self, calls: &[u64]) -> Asker {
        let at = |call: &u64| {
            let behind = self.0.partition_point(|(start, _)| start < call);
            behind.checked_sub(1).map_or(Asker::Other, |index| self.0[index].1)
        };
        calls.iter().map(at).find(|asker| *asker != Asker::Other).unwrap_or(Asker::Other)
    }
}

fn asker(name: &str) -> Asker {
    match name {
        _ if name.contains(ALLOCATOR) => Asker::Allocator,
        _ if OF_SESSION.iter().any(|part| name.contains(part)) => Asker::Session,
        _ => Asker::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_call_of_a_session_asked() {
        let name =
            "_ZN4node3mem18NgLibMemoryManagerINS_5http212Http2SessionE11nghttp2_memE11ReallocImplEPvmS5_";
        let askers = Askers(vec![
            (10, asker("nghttp2_session_new")),
            (20, asker(name)),
            (30, asker("_ZN4node5http212Http2SessionC2EPNS0_10Http2StateE")),
            (40, asker("main")),
        ]);
        assert_eq!(askers.who(&[25, 15, 35]), Asker::Allocator);
        assert_eq!(askers.who(&[45, 35, 15]), Asker::Session);
        assert_eq!(askers.who(&[45, 15]), Asker::Other);
        assert_eq!(askers.who(&[5]), Asker::Other);
    }
}

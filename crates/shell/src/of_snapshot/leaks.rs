//! `::jsleaks` of a heap snapshot.

use std::io::Write;

use serde_json::json;
use v8_heap::graph::{Gatherer, Suspect};

use super::SnapshotSource;
use crate::answers::explained::{self, is_little};
use crate::answers::meant::{meant_json, meant_text};
use crate::answers::share::percent;
use crate::answers::source::Source;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::stage::{Flow, Out};
use crate::value::Item;

/// Constructors of what hangs below that are named.
const NAMES: usize = 4;

/// Says where many objects have gathered.
pub(crate) fn leaks(
    context: &Context,
    most: usize,
    as_json: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let monitor = context.progress();
    let source = SnapshotSource::open(context, &monitor)?;
    let suspects = source.file.suspects(&monitor)?;
    let dominators = source.file.dominators(&monitor)?;
    let total = dominators.all_bytes();
    let below = dominators.below();
    drop(monitor);
    let mut explained = 0u64;
    // What the global objects hold of functions and literals is mostly what every program has.
    let globals = source.nodes.globals()?;
    let is_everybodys = |suspect: &Suspect| {
        const SAYS_NOTHING: [&str; 3] = ["Function", "Object", "Array"];
        matches!(suspect.gatherer, Gatherer::Owner(id) if globals.contains(&id))
            && SAYS_NOTHING.contains(&&*source.name(suspect.constructor))
    };
    let (last, first): (Vec<&Suspect>, Vec<&Suspect>) =
        suspects.iter().partition(|suspect| is_everybodys(suspect));
    let first = first.into_iter().map(|suspect| (suspect, false));
    let told = first.chain(last.into_iter().map(|suspect| (suspect, true)));
    for (index, (suspect, is_own)) in told.take(most).enumerate() {
        context.check_interrupt()?;
        if out.is_pipe() {
            if out.emit(Item::value(source.nodes.id(suspect.largest)))? == Flow::Enough {
                return Ok(());
            }
            continue;
        }
        explained = explained.saturating_add(suspect.size());
        let monitor = context.progress();
        let (end, place) = match suspect.gatherer {
            Gatherer::Owner(id) => (id, format!("in one {}", source.label_of(id))),
            Gatherer::Holder(id) => (id, format!("in one {}, and held by others too,", source.label_of(id))),
            Gatherer::Root(_) => (suspect.largest, "held one by one".to_owned()),
            Gatherer::Several if suspect.count == 1 => {
                (suspect.largest, "held by several objects".to_owned())
            }
            Gatherer::Several => (suspect.largest, "each held by several objects".to_owned()),
        };
        let way = source.file.ways(end, 1, false, &monitor)?.pop();
        let meant = source.file.meant(suspect, &monitor)?;
        let groups = source.owned_by(&[suspect.largest], &below, &monitor)?;
        drop(monitor);
        let constructor = source.name(suspect.constructor);
        let largest = dominators.total(suspect.largest);
        let percent = percent(suspect.size(), total);
        if as_json {
            let below: Vec<_> = groups
                .iter()
                .map(|group| {
                    json!({ "constructor": source.name(group.constructor), "count": group.members.len() })
                })
                .collect();
            let way = way.as_ref().map(|way| source.way_json(way));
            let gatherer = match suspect.gatherer {
                Gatherer::Owner(id) | Gatherer::Holder(id) => Some(id),
                _ => None,
            };
            out.json(&json!({
                "suspect": index + 1,
                "count": suspect.count,
                "constructor": constructor,
                "retained": suspect.retained,
                "outside": suspect.outside,
                "percent": percent,
                "little": is_little(suspect.size(), total),
                "own": is_own,
                "meant": meant.as_ref().map(meant_json),
                "gatherer": gatherer.map(|id| source.id(id)),
                "gathererName": gatherer.map(|id| source.label_of(id)),
                "shared": is_shared(suspect),
                "largest": source.id(suspect.largest),
                "largestRetained": largest,
                "below": below,
                "root": way.as_ref().map(|(root, _)| root),
                "steps": way.as_ref().map(|(_, steps)| steps),
            }))?;
            continue;
        }
        writeln!(
            out.text(),
            "suspect {}: {} {} {place} retain {} bytes, {percent} % of the heap{}",
            index + 1,
            suspect.count,
            escape(&constructor),
            suspect.size(),
            meant.map_or(String::new(), |meant| format!(" ({})", meant_text(&meant))),
        )?;
        let mut with: Vec<String> = groups
            .iter()
            .take(NAMES)
            .map(|group| format!("{} {}", group.members.len(), escape(&source.name(group.constructor))))
            .collect();
        if groups.len() > NAMES {
            with.push("...".to_owned());
        }
        let with = if with.is_empty() { String::new() } else { format!(": {}", with.join(", ")) };
        writeln!(
            out.text(),
            "  the largest is {} {}, which retains {largest} bytes{with}",
            source.id(suspect.largest),
            source.label_of(suspect.largest)
        )?;
        if let Some(way) = &way {
            let (root, _) = source.way_json(way);
            writeln!(out.text(), "  way to {} {}: {root}", source.id(end), source.label_of(end))?;
            source.print_way(way, false, 4, out)?;
        }
        let is_word = !constructor.is_empty()
            && constructor.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
        let all = match is_word {
            true => format!("     all: ::findjsobjects -c {constructor} | ::findjsobjects"),
            false => String::new(),
        };
        writeln!(out.text(), "  next: {}::jsprint{all}", source.id(suspect.largest))?;
    }
    if out.is_pipe() || as_json || most == 0 {
        return Ok(());
    }
    if suspects.is_empty() {
        writeln!(out.text(), "nothing has gathered anywhere")?;
    } else {
        let largest = suspects.iter().map(Suspect::size).max().unwrap_or(0);
        writeln!(out.text(), "{}", explained::explained(explained, largest, total))?;
    }
    Ok(())
}

fn is_shared(suspect: &Suspect) -> bool {
    matches!(suspect.gatherer, Gatherer::Holder(_) | Gatherer::Several)
}

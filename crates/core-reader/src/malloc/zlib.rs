//! Windows and tables of zlib: they hold no addresses, and nobody clears them.
//!
//! What is left in them of who had their memory before would lead to blocks that nothing else leads to. Each belongs to the state of a stream,
//! which shows itself: it begins with the address of its stream, and that has the address of the state (zlib: `z_stream_s` in `zlib.h`,
//! `internal_state` in `deflate.h`, `inflate_state` in `inflate.h`). An allocator of the program may have put a word or two in front.
//!
//! ```text
//!   stream --> state --> window, tables
//!      ^          |
//!      '----------'
//! ```

use super::blocks::Block;
use super::marks::BlockMarks;
use super::words::is_near;
use super::{Malloc, words};
use crate::{Address, Core, Memory};

/// How large a state may be, in bytes: since 1.2.9 between 5,900 and 7,200.
const STATE: std::ops::Range<u64> = 1 << 12..1 << 14;
/// The words at the start of a block among which the first of a state is.
const FIRST_WORDS: u64 = 3;
/// Where a stream has its state, in bytes (`z_stream_s::state`).
const STATE_OF_STREAM: u64 = 56;
/// No window or table is smaller, in bytes.
const SMALLEST_TABLE: u64 = 1 << 9;

/// The blocks with windows and tables of zlib.
pub(super) fn tables(malloc: &Malloc, core: &Core) -> BlockMarks {
    let mut tables = BlockMarks::new(malloc.blocks().len());
    let bounds = malloc.bounds();
    for state in malloc.blocks().iter().filter(|block| block.state.is_used() && STATE.contains(&block.bytes))
    {
        let Some(stream) = stream_of(core, &state) else { continue };
        words::each(core.memory(), state.start.0, state.end().0, |_, words| {
            let word = u64::from_le_bytes(words[0]);
            let Some(table) = malloc.target(word, bounds).map(|index| malloc.blocks().block(index)) else {
                return;
            };
            let is_table = is_near(word, table.start.0) && table.bytes >= SMALLEST_TABLE;
            if is_table && table.id != state.id && !table.contains(stream) {
                tables.set(table.id.0 as usize);
            }
        });
    }
    tables
}

/// The stream of a state, if the block is one.
fn stream_of(core: &Core, block: &Block) -> Option<u64> {
    let word = |at: u64| core.memory().read_u64(Address(at)).ok();
    let places = (0..FIRST_WORDS).map(|index| block.start.0.saturating_add(8 * index));
    let mut streams = places.filter_map(|place| Some((place, word(place)?)));
    let found = streams.find(|(place, stream)| {
        stream.checked_add(STATE_OF_STREAM).and_then(word) == Some(*place) && !block.contains(*stream)
    });
    found.map(|(_, stream)| stream)
}

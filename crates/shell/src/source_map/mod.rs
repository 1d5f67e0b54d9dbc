//! Source maps: where a place in a script was before the script was built.
//!
//! A map is a JSON object that belongs to one generated script (ECMA-426). Its `mappings` are a list of segments: from this place of
//! the script on, until the next segment, the text comes from that place of that source, where it may have had another name.
//!
//! - [`vlq`]: the segments as they are written
//! - [`decode`]: a whole map, or an index of several
//! - [`locate`]: the map of a script of the core: in the script itself, or in a file beside it

mod decode;
mod locate;
mod vlq;

use decode::{Segment, SourceMap};
pub use locate::Maps;

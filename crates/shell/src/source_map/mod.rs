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

/// Reads `bytes` as a map, and as a `data:` URL of one; what was read is asked for every place near its segments.
pub(crate) fn fuzz(bytes: &[u8]) {
    let from_url = std::str::from_utf8(bytes).ok().and_then(|text| locate::data_url(text).ok());
    for text in [Some(bytes), from_url.as_deref()].into_iter().flatten() {
        let Ok(map) = SourceMap::parse(text) else { continue };
        assert!(map.segments.is_sorted_by_key(Segment::place), "segments out of order");
        for segment in &map.segments {
            let (line, column) = segment.place();
            let found = map.segment_at(line, column);
            assert_eq!(
                found.map(Segment::place),
                Some(segment.place()),
                "a segment is not found at its place"
            );
            let _ = map.segments_between((line, column), (line.saturating_add(1), column)).len();
            let _ = map.name(segment);
        }
    }
}

//! What the fuzz targets need of the parts that nobody else sees.

/// Reads a source map, and asks it.
pub fn source_map(bytes: &[u8]) {
    crate::source_map::fuzz(bytes);
}

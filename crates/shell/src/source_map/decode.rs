//! A whole map.
//!
//! ```text
//!   { "version": 3, "sources": [...], "sourcesContent": [...], "sourceRoot": "...", "names": [...], "mappings": "..." }
//!   { "version": 3, "sections": [{ "offset": { "line": 0, "column": 0 }, "map": { ... } }, ...] }
//! ```

use serde_json::Value;

use super::vlq;

/// A stretch of a script, from this place to the next segment. Lines and columns from 0, columns in UTF-16 code units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Line in the script.
    pub line: u32,
    /// Column in the script.
    pub column: u32,
    /// Number of its source, line and column there; `None` if it comes from no source.
    pub original: Option<(u32, u32, u32)>,
    /// Number of the name it had there.
    pub name: Option<u32>,
}

impl Segment {
    /// Line and column in the script.
    pub fn place(&self) -> (u32, u32) {
        (self.line, self.column)
    }
}

/// A source that a script was built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Its name, behind the map's `sourceRoot`.
    pub name: String,
    /// Its text, if the map has it.
    pub content: Option<String>,
}

/// A source map.
#[derive(Debug, Default)]
pub(super) struct SourceMap {
    pub(super) sources: Vec<Source>,
    pub(super) names: Vec<String>,
    /// Sorted by place.
    pub(super) segments: Vec<Segment>,
}

impl SourceMap {
    /// Reads a map.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<SourceMap, String> {
        // Servers put a first line in front that makes it useless as a script.
        let text = match text.strip_prefix(b")]}'") {
            Some(rest) => &rest[rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())..],
            None => text,
        };
        let json: Value = serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
        if json["version"] != 3 {
            return Err(format!("it is of version {}, not 3", json["version"]));
        }
        let Some(sections) = json.get("sections") else { return SourceMap::of(&json) };
        let mut whole = SourceMap::default();
        for section in sections.as_array().ok_or("its sections are no list")? {
            let number = |name: &str| section["offset"][name].as_u64().and_then(|n| u32::try_from(n).ok());
            let offset = number("line").zip(number("column")).ok_or("a section has no offset")?;
            // A section can be given by its address alone; no tool writes those.
            let map = section.get("map").ok_or("a section has no map")?;
            whole.append(SourceMap::of(map)?, offset);
        }
        whole.segments.sort_by_key(Segment::place);
        Ok(whole)
    }

    fn of(json: &Value) -> Result<SourceMap, String> {
        let texts = |name: &str| -> Vec<Option<&str>> {
            json[name].as_array().into_iter().flatten().map(Value::as_str).collect()
        };
        let root = json["sourceRoot"].as_str().unwrap_or("");
        let separator = if root.is_empty() || root.ends_with('/') { "" } else { "/" };
        let contents = texts("sourcesContent");
        let sources = texts("sources").into_iter().enumerate().map(|(index, name)| Source {
            name: format!("{root}{separator}{}", name.unwrap_or("")),
            content: contents.get(index).copied().flatten().map(str::to_owned),
        });
        Ok(SourceMap {
            sources: sources.collect(),
            names: texts("names").into_iter().map(|name| name.unwrap_or("").to_owned()).collect(),
            segments: vlq::segments(json["mappings"].as_str().ok_or("it has no mappings")?)?,
        })
    }

    /// Adds the map of a part of the script that begins at `offset`.
    fn append(&mut self, part: SourceMap, offset: (u32, u32)) {
        let (sources, names) = (self.sources.len() as u32, self.names.len() as u32);
        self.segments.extend(part.segments.into_iter().map(|segment| Segment {
            line: segment.line.saturating_add(offset.0),
            column: segment.column.saturating_add(if segment.line == 0 { offset.1 } else { 0 }),
            original: segment.original.map(|(source, l, c)| (source.saturating_add(sources), l, c)),
            name: segment.name.map(|name| name.saturating_add(names)),
        }));
        self.sources.extend(part.sources);
        self.names.extend(part.names);
    }

    /// The segment that a place of the script is in: the last one of its line that begins at or before it.
    pub fn segment_at(&self, line: u32, column: u32) -> Option<&Segment> {
        let behind = self.segments.partition_point(|segment| segment.place() <= (line, column));
        self.segments[..behind].last().filter(|segment| segment.line == line)
    }

    /// The segments that begin in `[start, end)` of the script.
    pub fn segments_between(&self, start: (u32, u32), end: (u32, u32)) -> &[Segment] {
        let first = self.segments.partition_point(|segment| segment.place() < start);
        let behind = self.segments.partition_point(|segment| segment.place() < end);
        self.segments.get(first..behind).unwrap_or(&[])
    }

    /// The name that a segment had.
    pub fn name(&self, segment: &Segment) -> Option<&str> {
        self.names.get(segment.name? as usize).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{ "version": 3, "sourceRoot": "src", "sources": ["a.js", null], "names": ["total"],
        "sourcesContent": ["let total", null], "mappings": "AAAA,IAAIA,MCEA;EDAA" }"#;

    #[test]
    fn a_place_is_in_the_segment_that_begins_before_it_on_its_line() {
        let map = SourceMap::parse(PLAIN.as_bytes()).unwrap();
        assert_eq!(map.segment_at(0, 5).unwrap().original, Some((0, 0, 4)));
        assert_eq!(map.name(map.segment_at(0, 4).unwrap()), Some("total"));
        assert_eq!(map.segment_at(0, 99).unwrap().original, Some((1, 2, 4)));
        assert_eq!(map.segment_at(1, 1), None, "nothing begins before it on its line");
        assert_eq!(map.segment_at(2, 0), None);
        assert_eq!(map.sources[0], Source { name: "src/a.js".into(), content: Some("let total".into()) });
        assert_eq!(map.sources[1], Source { name: "src/".into(), content: None });
        assert_eq!(map.segments_between((0, 4), (1, 0)).len(), 2);
    }

    #[test]
    fn the_sections_of_an_index_are_one_map() {
        let text = format!(
            r#"{{ "version": 3, "sections": [
                {{ "offset": {{ "line": 0, "column": 0 }}, "map": {PLAIN} }},
                {{ "offset": {{ "line": 1, "column": 10 }}, "map": {PLAIN} }} ] }}"#
        );
        let map = SourceMap::parse(text.as_bytes()).unwrap();
        assert_eq!(map.segment_at(1, 3).unwrap().original, Some((0, 2, 4)), "the first map's second line");
        assert_eq!(map.segment_at(1, 14).unwrap().original, Some((2, 0, 4)), "moved in its first line");
        assert_eq!(map.name(map.segment_at(1, 14).unwrap()), Some("total"));
        assert_eq!(map.segment_at(2, 2).unwrap().original, Some((2, 2, 4)), "not in later ones");
    }

    #[test]
    fn what_is_no_map_says_why() {
        for (text, reason) in [
            ("", "no JSON"),
            ("[]", "version null"),
            (r#"{ "version": 2 }"#, "version 2"),
            (r#"{ "version": 3 }"#, "no mappings"),
            (r#"{ "version": 3, "mappings": "!" }"#, "malformed"),
            (r#"{ "version": 3, "sections": 1 }"#, "no list"),
            (r#"{ "version": 3, "sections": [{}] }"#, "no offset"),
        ] {
            let error = SourceMap::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let guarded = format!(")]}}'\n{PLAIN}");
        assert_eq!(SourceMap::parse(guarded.as_bytes()).unwrap().segments.len(), 4);
    }
}

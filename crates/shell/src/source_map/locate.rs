//! The map of a script of the core, and the files that it and its sources are in.
//!
//! A script names its map in a last comment, `//# sourceMappingURL=`: as a `data:` URL with the map itself, or as the name of a
//! file, relative to the script's own. Files are read below the directories that the user named (`--sysroot`, `--sources`), under
//! their path or under their bare name: a script says what it likes, and whoever wrote it must not choose what is opened here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use v8_heap::Heap;
use v8_heap::objects::script::Script;
use v8_heap::objects::shared_function_info::{FunctionKind, FunctionRange, SharedFunction};

use super::{SourceMap, vlq};
use crate::context::Context;
use crate::error::reasons;
use crate::output::escape;
use crate::print::function::text;

/// No map and no source is larger.
const LARGEST_FILE: u64 = 1 << 30;
/// Text in front of a function, or behind the beginning of a class, in which its name is looked for.
const NAME_REACH: u32 = 1 << 10;

/// The maps of scripts, each read when first asked for.
#[derive(Debug, Default)]
pub struct Maps {
    known: RefCell<HashMap<u64, Option<Rc<Located>>>>,
}

/// A map, and what its sources are relative to.
#[derive(Debug)]
struct Located {
    map: SourceMap,
    /// The file that the map is in: the script's own for an inline one; `None` if it has none.
    file: Option<PathBuf>,
}

/// Where something was before its script was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The source.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
    /// What it was called there, if the map says.
    pub name: Option<String>,
    /// The last line, from 1, that anything in it comes from.
    pub last_line: u32,
}

/// A source, and where its text comes from.
#[derive(Debug)]
pub struct OriginalSource {
    /// Its text.
    pub text: String,
    /// The lines of it that a function takes, from 1, both included.
    pub lines: (u32, u32),
    /// The source's name.
    pub file: String,
}

impl Original {
    /// `/srv/app/src/http.ts line 210`
    pub fn place(&self) -> String {
        format!("{} line {}", self.file, self.line)
    }
}

impl Maps {
    /// Where a definition comes from; `None` if its script has no map, or the map does not tell. A map that cannot be read is
    /// warned of, once.
    pub fn of_definition(&self, context: &Context, shared: &SharedFunction<'_>) -> Option<Original> {
        self.find(context, shared).map(|(original, ..)| original)
    }

    /// The source of a definition before its script was built.
    ///
    /// # Errors
    /// Why there is none.
    pub fn source_of(
        &self,
        context: &Context,
        shared: &SharedFunction<'_>,
    ) -> Result<OriginalSource, String> {
        let (original, located, number) = self
            .find(context, shared)
            .ok_or("no source map says where it was before its script was built")?;
        let source =
            located.map.sources.get(number as usize).ok_or("the source map does not name its source")?;
        let text = match &source.content {
            Some(text) => text.clone(),
            None => {
                let bytes = read(context, Path::new(&original.file))
                    .map_err(|reason| format!("the source map lacks the text of its source, and {reason}"))?;
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        Ok(OriginalSource { text, lines: (original.line, original.last_line), file: original.file })
    }

    /// Where a place in a script comes from, given in code units; `None` if the script has no map, or the map does not tell.
    pub fn of_position(&self, context: &Context, script: &Script<'_>, position: u32) -> Option<Original> {
        let located = self.of_script(context, script)?;
        let place = context.heap().ok()?.script_lines(script).ok()?.place(position)?;
        let segment = located.map.segment_at(place.0, place.1)?;
        let (number, line, column) = segment.original?;
        let source = located.map.sources.get(number as usize)?;
        let file = source_path(located.file.as_deref(), &source.name);
        let line = line.saturating_add(1);
        let name = located.map.name(segment).map(str::to_owned);
        Some(Original { file, line, column: column.saturating_add(1), name, last_line: line })
    }

    fn find(&self, context: &Context, shared: &SharedFunction<'_>) -> Option<(Original, Rc<Located>, u32)> {
        let heap = context.heap().ok()?;
        let script = heap.script(shared.script?).ok()?;
        let located = self.of_script(context, &script)?;
        let range = heap.shared_range(shared).ok()??;
        let lines = heap.script_lines(&script).ok()?;
        let start = lines.place(range.definition)?;
        let (number, line, column) = located.map.segment_at(start.0, start.1)?.original?;
        let source = located.map.sources.get(number as usize)?;
        let last_line = match lines.place(range.end) {
            Some(end) => {
                let inside = located.map.segments_between(start, end).iter();
                let same = inside.filter_map(|segment| segment.original).filter(|(s, ..)| *s == number);
                same.map(|(_, line, _)| line).max().unwrap_or(line).max(line)
            }
            None => line,
        };
        let name = name_token(heap, &script, shared, range)
            .and_then(|token| lines.place(token))
            .and_then(|place| located.map.segment_at(place.0, place.1).filter(|s| s.place() == place))
            .and_then(|segment| located.map.name(segment))
            .map(str::to_owned);
        let file = source_path(located.file.as_deref(), &source.name);
        let one_up = |number: u32| number.saturating_add(1);
        let original =
            Original { file, line: one_up(line), column: one_up(column), name, last_line: one_up(last_line) };
        Some((original, located, number))
    }

    /// What the variables that a function uses were called before its script was built: by their names in the script, those
    /// that the map calls by one and the same name wherever the function uses them.
    pub fn variables_of(&self, context: &Context, shared: &SharedFunction<'_>) -> HashMap<String, String> {
        let mut names: HashMap<String, Option<String>> = HashMap::new();
        let mut collect = || -> Option<()> {
            let heap = context.heap().ok()?;
            let script = heap.script(shared.script?).ok()?;
            let located = self.of_script(context, &script)?;
            let range = heap.shared_range(shared).ok()??;
            let lines = heap.script_lines(&script).ok()?;
            let units = heap.script_text(&script, range.definition, range.end).ok()?;
            let (start, end) = (lines.place(range.definition)?, lines.place(range.end)?);
            for segment in located.map.segments_between(start, end) {
                let Some(original) = located.map.name(segment) else { continue };
                let Some((line, _)) = lines.range(segment.line as usize) else { continue };
                let at = (line + segment.column).checked_sub(range.definition)? as usize;
                let is_member = at.checked_sub(1).is_some_and(|at| units.get(at) == Some(&u16::from(b'.')));
                let word = units.get(at..).unwrap_or(&[]).iter().take_while(|unit| is_part_of_name(**unit));
                let word: Vec<u16> = word.copied().collect();
                if is_member || word.is_empty() {
                    continue;
                }
                let known =
                    names.entry(String::from_utf16_lossy(&word)).or_insert_with(|| Some(original.to_owned()));
                if known.as_deref() != Some(original) {
                    *known = None;
                }
            }
            Some(())
        };
        // What was found before something was missing is as good as the rest.
        collect().unwrap_or_default();
        names.into_iter().filter_map(|(name, original)| Some((name, original?))).collect()
    }

    fn of_script(&self, context: &Context, script: &Script<'_>) -> Option<Rc<Located>> {
        let key = script.object.address;
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let found = match locate(context, script) {
            Ok(found) => found.map(Rc::new),
            Err(reason) => {
                context.warn(&format_args!("warning: no source map: {reason}"));
                None
            }
        };
        self.known.borrow_mut().insert(key, found.clone());
        found
    }
}

/// Reads the map that a script names; `None` if it names none.
fn locate(context: &Context, script: &Script<'_>) -> Result<Option<Located>, String> {
    let heap = context.heap().map_err(|error| error.to_string())?;
    let Some(url) = script.source_mapping_url else { return Ok(None) };
    let url = heap.string(url, usize::MAX).map_err(|error| reasons(&error))?.to_text();
    let name = heap.script_name(script).map(|name| text(heap, name));
    let script_file = name.as_deref().and_then(file_of);
    let in_map = |what: &str, reason: String| format!("{}: {reason}", escape(what));
    if let Some(data) = url.strip_prefix("data:") {
        let who = name.as_deref().unwrap_or("a script without a name");
        let bytes = data_url(data).map_err(|reason| in_map(who, reason))?;
        let map = SourceMap::parse(&bytes).map_err(|reason| in_map(who, reason))?;
        return Ok(Some(Located { map, file: script_file }));
    }
    let path = match file_of(&url) {
        Some(path) if path.is_absolute() => path,
        Some(path) => match script_file.as_deref().and_then(Path::parent) {
            Some(directory) => directory.join(path),
            None => return Err(format!("{} is relative to a script that is in no file", escape(&url))),
        },
        None => return Err(format!("{} is not looked up: it is no file", escape(&url))),
    };
    let path = normal(&path);
    let bytes = read(context, &path)?;
    let map = SourceMap::parse(&bytes).map_err(|reason| in_map(&path.to_string_lossy(), reason))?;
    Ok(Some(Located { map, file: Some(path) }))
}

/// Reads a file of the process, if the user has said where such files are.
fn read(context: &Context, path: &Path) -> Result<Vec<u8>, String> {
    context.folders.read(&context.settings, path, LARGEST_FILE).map_err(|error| {
        format!("{} cannot be read: {}", escape(&path.to_string_lossy()), escape(&reasons(&error)))
    })
}

/// The path that a script or a URL names, if it names a file: what has no scheme, or `file:`.
fn file_of(name: &str) -> Option<PathBuf> {
    if let Some(rest) = name.strip_prefix("file://") {
        let bytes = percent_decoded(rest.strip_prefix("localhost").unwrap_or(rest));
        return Some(PathBuf::from(String::from_utf8_lossy(&bytes).into_owned()));
    }
    (!has_scheme(name)).then(|| PathBuf::from(name))
}

/// Whether a text begins like `webpack://` or `node:`.
fn has_scheme(name: &str) -> bool {
    name.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// The source that a map in `file` names, as a path if it is one.
fn source_path(file: Option<&Path>, source: &str) -> String {
    let directory = file.and_then(Path::parent).filter(|directory| directory.is_absolute());
    match (file_of(source), directory) {
        (Some(path), _) if path.is_absolute() => normal(&path).to_string_lossy().into_owned(),
        (Some(path), Some(directory)) => normal(&directory.join(path)).to_string_lossy().into_owned(),
        _ => source.to_owned(),
    }
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    normal.push("..");
                }
            }
            component => normal.push(component),
        }
    }
    normal
}

/// The contents of a `data:` URL, given what follows the scheme.
pub(super) fn data_url(data: &str) -> Result<Vec<u8>, String> {
    let (kind, contents) = data.split_once(',').ok_or("the data: URL of its source map has no data")?;
    let contents = percent_decoded(contents);
    if !kind.ends_with(";base64") {
        return Ok(contents);
    }
    base64(&contents).ok_or_else(|| "the data: URL of its source map is no base64".to_owned())
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let code = match behind {
            [high, low, ..] if first == b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                digit(*high).zip(digit(*low)).map(|(high, low)| (16 * high + low) as u8)
            }
            _ => None,
        };
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    bytes
}

/// Decodes base 64, of either alphabet; padding may be missing.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for &byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = match byte {
            b'=' => continue,
            b'-' => 62,
            b'_' => 63,
            byte => vlq::digit(byte)?,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// Where the name of a function stands in its script: in its definition, or in front of what is assigned.
fn name_token(
    heap: &Heap<'_>,
    script: &Script<'_>,
    shared: &SharedFunction<'_>,
    range: FunctionRange,
) -> Option<u32> {
    let definition = range.definition;
    let name = text(heap, heap.shared_name(shared.object).ok()??);
    let name: Vec<u16> = name.encode_utf16().collect();
    // The constructor that a class has without writing one is where the class begins.
    let is_implied = shared.kind == FunctionKind::Class && definition == range.end;
    let until = if is_implied { definition.saturating_add(NAME_REACH) } else { range.start };
    let inside = heap.script_text(script, definition, until).ok()?;
    if let Some(at) = token_at(&inside, &name) {
        return Some(definition + at);
    }
    // `name = function`, `name: () =>`: right in front, with nothing but blanks in between.
    let from = definition.saturating_sub(NAME_REACH);
    let before = heap.script_text(script, from, definition).ok()?;
    let is_blank = |unit: &u16| matches!(unit, 9 | 10 | 13 | 32);
    let trimmed = |units: &[u16]| units.len() - units.iter().rev().take_while(|unit| is_blank(unit)).count();
    let mut end = trimmed(&before);
    end = match before[..end].last() {
        Some(unit) if *unit == u16::from(b'=') || *unit == u16::from(b':') => trimmed(&before[..end - 1]),
        _ => return None,
    };
    let start = end.checked_sub(name.len())?;
    (before[start..end] == name && !start.checked_sub(1).is_some_and(|at| is_part_of_name(before[at])))
        .then(|| from + start as u32)
}

/// Where a word stands in a text.
fn token_at(text: &[u16], word: &[u16]) -> Option<u32> {
    if word.is_empty() {
        return None;
    }
    let is_alone = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let behind = text.get(at + word.len());
        !before.into_iter().chain(behind).any(|unit| is_part_of_name(*unit))
    };
    let found = text.windows(word.len()).enumerate().filter(|(_, window)| *window == word);
    found.map(|(at, _)| at).find(|at| is_alone(*at)).map(|at| at as u32)
}

fn is_part_of_name(unit: u16) -> bool {
    char::from_u32(u32::from(unit))
        .is_none_or(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '\u{200c}' | '\u{200d}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_hold_their_contents() {
        assert_eq!(data_url("application/json,%7B%22a%22%3A1%7D").unwrap(), b"{\"a\":1}");
        assert_eq!(data_url("application/json;charset=utf-8;base64,eyJhIjoxfQ==").unwrap(), b"{\"a\":1}");
        assert_eq!(data_url("application/json;base64,eyJhIjoxfQ").unwrap(), b"{\"a\":1}", "no padding");
        assert_eq!(data_url(";base64,_-8=").unwrap(), [0xff, 0xef], "the alphabet of URLs");
        assert_eq!(data_url(",100%").unwrap(), b"100%");
        assert!(data_url("application/json;base64,!").unwrap_err().contains("base64"));
        assert!(data_url("application/json").unwrap_err().contains("no data"));
    }

    #[test]
    fn sources_are_relative_to_their_map() {
        let map = Some(Path::new("/srv/app/dist/bundle.js.map"));
        assert_eq!(source_path(map, "../src/./a.ts"), "/srv/app/src/a.ts");
        assert_eq!(source_path(map, "file:///srv/x%20y.ts"), "/srv/x y.ts");
        assert_eq!(source_path(map, "webpack://app/./a.ts"), "webpack://app/./a.ts");
        assert_eq!(source_path(None, "../a.ts"), "../a.ts");
        assert_eq!(file_of("http://host/a.map"), None);
        assert_eq!(file_of("C/a.map"), Some(PathBuf::from("C/a.map")));
    }

    #[test]
    fn a_word_is_found_only_where_it_stands_alone() {
        let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        assert_eq!(token_at(&units("function e"), &units("e")), Some(9));
        assert_eq!(token_at(&units("async *n"), &units("n")), Some(7));
        assert_eq!(token_at(&units("function"), &units("n")), None);
        assert_eq!(token_at(&units("x"), &[]), None);
    }
}

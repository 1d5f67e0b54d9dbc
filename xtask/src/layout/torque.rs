//! Classes of heap objects as V8's sources declare them, in Torque (`src/objects/*.tq` and others): enough of the language to see which
//! fields a class has, in which order, and how large they are.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use regex::Regex;

/// A class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    pub parent: String,
    pub fields: Vec<Field>,
}

/// A field of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    /// As the table of classes calls it: `tagged`, `smi`, `weak`, `pointer`, `u32`...
    pub kind: String,
    /// There are several, or there may be none.
    pub repeated: bool,
}

/// What official builds of Node.js for 64 bits are made with, of what `@if` asks for.
const SET: &[&str] = &[
    "TAGGED_SIZE_8_BYTES",
    "V8_INTL_SUPPORT",
    "V8_ENABLE_WEBASSEMBLY",
    "V8_SCRIPTORMODULE_LEGACY_LIFETIME",
    "V8_ENABLE_CONTINUATION_PRESERVED_EMBEDDER_DATA",
];

/// What files in Torque declare.
#[derive(Debug)]
pub struct Sources {
    texts: Vec<String>,
}

/// What the bits of a field mean: name, first and last bit.
pub type Flags = Vec<(String, u32, u32)>;

impl Sources {
    /// The files below a directory, without their comments.
    pub fn read(directory: &Path) -> Result<Sources> {
        let mut texts = Vec::new();
        read(directory, &mut texts)?;
        let comments = Regex::new(r"(?s)//[^\n]*|/\*.*?\*/")?;
        Ok(Sources { texts: texts.iter().map(|text| comments.replace_all(text, "").into_owned()).collect() })
    }

    /// The text of each file.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The classes, by name.
    pub fn classes(&self) -> Result<BTreeMap<String, Class>> {
        classes(&self.texts)
    }

    /// What the bits of fields mean, by V8's name for all of them.
    pub fn flags(&self) -> Result<BTreeMap<String, Flags>> {
        let head = Regex::new(r"(?s)bitfield struct (\w+)[^{]*\{(.*?)\}")?;
        let field = Regex::new(r"(?s)^(\w+)\s*:.*?(\d+)\s*bit")?;
        let mut flags = BTreeMap::new();
        for found in self.texts.iter().flat_map(|text| head.captures_iter(text)) {
            let (mut bits, mut next) = (Vec::new(), 0);
            for part in found[2].split(';').filter_map(conditioned) {
                let Some(part) = field.captures(part) else { continue };
                let width: u32 = part[2].parse()?;
                bits.push((part[1].to_owned(), next, next + width - 1));
                next += width;
            }
            flags.insert(found[1].to_owned(), bits);
        }
        Ok(flags)
    }
}

fn classes(sources: &[String]) -> Result<BTreeMap<String, Class>> {
    let types = types(sources)?;
    let head = Regex::new(r"(?m)\b(?:class|shape)\s+(\w+)\s+extends\s+(\w+)[^{;]*(\{|;)")?;
    let mut classes = BTreeMap::new();
    for text in sources {
        for found in head.captures_iter(text) {
            let end = found.get(0).map_or(0, |head| head.end());
            let body = if &found[3] == "{" { body(&text[end..]) } else { "" };
            let class = Class { parent: found[2].to_owned(), fields: fields(body, &types) };
            classes.insert(found[1].to_owned(), class);
        }
    }
    Ok(classes)
}

fn read(directory: &Path, sources: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "tq") {
            sources.push(fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// What other types are made of, by name: `type A extends B`, `bitfield struct A extends B`.
fn types(sources: &[String]) -> Result<HashMap<String, String>> {
    let declaration = Regex::new(r"\b(?:type|bitfield struct)\s+(\w+)\s+(?:extends\s+|=\s*)(\w+)")?;
    let all = sources.iter().flat_map(|text| declaration.captures_iter(text));
    Ok(all.map(|found| (found[1].to_owned(), found[2].to_owned())).collect())
}

/// Up to the brace that closes what has been opened.
fn body(text: &str) -> &str {
    let mut depth = 1;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..index];
        }
    }
    text
}

fn fields(body: &str, types: &HashMap<String, String>) -> Vec<Field> {
    let mut fields = Vec::new();
    for part in statements(body) {
        let Some(declaration) = conditioned(&part) else { continue };
        let words = declaration.trim_start_matches("const ").trim_start_matches("weak ");
        let Some((name, kind)) = split_type(words) else { continue };
        let repeated = name.contains('[') || name.contains('?');
        let name = name.split(['[', '?']).next().unwrap_or_default().trim().to_owned();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let kind = kind_of(kind.trim(), types);
        if kind != "void" {
            fields.push(Field { name, kind: kind.to_owned(), repeated });
        }
    }
    fields
}

/// What ends in semicolons outside of braces: declarations of fields. Functions have braces and are left out.
fn statements(body: &str) -> Vec<String> {
    let (mut found, mut current, mut depth) = (Vec::new(), String::new(), 0);
    for character in body.chars() {
        match character {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    current.clear();
                }
            }
            ';' if depth == 0 => found.push(std::mem::take(&mut current)),
            _ if depth == 0 => current.push(if character.is_whitespace() { ' ' } else { character }),
            _ => {}
        }
    }
    found
}

/// Whether official builds of Node.js for 64 bits have what an `@if` asks for.
pub fn is_set(condition: &str) -> bool {
    SET.contains(&condition.trim())
}

/// A declaration without its annotations; none if a condition leaves it out.
fn conditioned(text: &str) -> Option<&str> {
    let mut rest = text.trim();
    while let Some(annotation) = rest.strip_prefix('@') {
        let end = annotation.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        let (name, behind) = annotation.split_at(end);
        let (argument, behind) = match behind.strip_prefix('(') {
            Some(inside) => inside.split_once(')')?,
            None => ("", behind),
        };
        let holds = is_set(argument);
        if (name == "if" && !holds) || (name == "ifnot" && holds) {
            return None;
        }
        rest = behind.trim();
    }
    Some(rest)
}

/// `name[count]` and its type, at the colon outside of brackets.
fn split_type(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'(' | b'<' => depth += 1,
            b']' | b')' | b'>' => depth -= 1,
            b':' if depth == 0 => return Some((&text[..index], &text[index + 1..])),
            _ => {}
        }
    }
    None
}

fn kind_of<'t>(text: &'t str, types: &'t HashMap<String, String>) -> &'static str {
    let mut name = text;
    if name.contains("Weak<") {
        return "weak";
    }
    for _ in 0..8 {
        let plain = name.split('<').next().unwrap_or(name).trim();
        match plain {
            "Smi" | "SmiTagged" | "PositiveSmi" => return "smi",
            "int8" | "char8" => return "i8",
            "uint8" | "bool" => return "u8",
            "int16" => return "i16",
            "uint16" | "char16" => return "u16",
            "int32" => return "i32",
            "uint32" => return "u32",
            "int64" => return "i64",
            "uint64" | "uintptr" | "intptr" | "bint" => return "u64",
            "float64" | "float64_or_hole" | "float64_or_undefined_or_hole" => return "f64",
            "RawPtr" | "ExternalPointer" | "CppHeapPointerT" => return "pointer",
            "void" => return "void",
            _ => match types.get(plain) {
                Some(next) => name = next,
                None => return "tagged",
            },
        }
    }
    "tagged"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_its_fields_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let text = "type InstanceType extends uint16 constexpr 'InstanceType';\n\
                    bitfield struct Flags extends uint31 { a: bool: 1 bit; b: int32: 3 bit; }\n\
                    @abstract extern class A extends HeapObject;\n\
                    extern class B extends A {\n  macro Get(): Smi { return this.x; }\n  // a remark;\n\
                    instance_type: InstanceType;\n  @if(TAGGED_SIZE_8_BYTES) padding: uint32;\n\
                    @ifnot(TAGGED_SIZE_8_BYTES) padding: void;\n  flags: SmiTagged<Flags>;\n\
                    const next: Weak<B>|Null;\n  values[length]: Object;\n}\n";
        fs::write(directory.path().join("a.tq"), text).unwrap();
        let sources = Sources::read(directory.path()).unwrap();
        let flags = sources.flags().unwrap();
        assert_eq!(flags["Flags"], [("a".to_owned(), 0, 0), ("b".to_owned(), 1, 3)]);
        let classes = sources.classes().unwrap();
        assert_eq!(classes["A"].parent, "HeapObject");
        let fields: Vec<_> = classes["B"]
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.kind.as_str(), field.repeated))
            .collect();
        assert_eq!(
            fields,
            [
                ("instance_type", "u16", false),
                ("padding", "u32", false),
                ("flags", "smi", false),
                ("next", "weak", false),
                ("values", "tagged", true)
            ]
        );
    }
}

//! The manual page of a dcmd, from its declaration and its module's documentation.
//!
//! The page is written once, as the `//!` lines at the top of the dcmd's file: a title line, paragraphs, sections that begin
//! with `# Title`, and transcripts between ` ```text ` fences. Name, synopsis and options come from the declaration, so they
//! cannot disagree with what the dcmd accepts.

use std::io::{self, Write};

use crate::dcmd::{AddressUse, Dcmd, Shape};
use crate::output::Colours;

/// The parts of a manual page.
#[derive(Debug)]
pub struct Page {
    dcmd: &'static Dcmd,
    /// Title and text of each section, in order; the first is the description.
    sections: Vec<(String, Vec<String>)>,
}

impl Page {
    /// The page of `dcmd`.
    pub fn of(dcmd: &'static Dcmd) -> Page {
        let mut sections = vec![("Description".to_owned(), Vec::new())];
        let mut fenced = false;
        let lines = dcmd.manual.lines().take_while(|line| line.starts_with("//!"));
        for line in lines.map(|line| line.trim_start_matches("//!")).skip(1) {
            let line = line.strip_prefix(' ').unwrap_or(line);
            if line.starts_with("```") {
                fenced = !fenced;
            }
            match line.strip_prefix("# ") {
                Some(title) if !fenced => sections.push((title.to_owned(), Vec::new())),
                _ => {
                    if let Some((_, text)) = sections.last_mut() {
                        text.push(line.to_owned());
                    }
                }
            }
        }
        Page { dcmd, sections }
    }

    /// Whether a session is shown.
    pub fn has_transcript(&self) -> bool {
        self.sections.iter().flat_map(|(_, text)| text).any(|line| line.starts_with("> "))
    }

    /// The synopsis: `[ addr ] ::head [-N]`.
    pub fn synopsis(&self, name: &str) -> String {
        let address = match self.dcmd.address {
            AddressUse::Required => "addr ",
            AddressUse::Optional => "[ addr ] ",
            AddressUse::Refused => "",
        };
        let sign = if name.starts_with(|c: char| c.is_ascii_alphabetic()) { "::" } else { "" };
        format!("{address}{sign}{name} {}", self.dcmd.synopsis()).trim_end().to_owned()
    }

    fn options(&self) -> Vec<(String, &'static str)> {
        let shown = |option: &crate::dcmd::Opt| match option.shape {
            Shape::Flag => format!("-{}", option.letter),
            Shape::Digits => format!("-{}", option.value),
            Shape::Toggle => format!("+/-{}", option.letter),
            Shape::Switch => format!("+/-{} {}", option.letter, option.value),
            Shape::Number | Shape::Text => format!("-{} {}", option.letter, option.value),
        };
        self.dcmd.options.iter().map(|option| (shown(option), option.help)).collect()
    }

    /// Prints the page for the dcmd as it was called by `name`.
    ///
    /// # Errors
    /// As the output's.
    pub fn write(&self, name: &str, colours: Colours, out: &mut dyn Write) -> io::Result<()> {
        let dcmd = self.dcmd;
        writeln!(out, "\n{}\n  {name} - {}\n", colours.bold("NAME"), dcmd.summary)?;
        writeln!(out, "{}\n  {}\n", colours.bold("SYNOPSIS"), self.synopsis(name))?;
        for (index, (title, text)) in self.sections.iter().enumerate() {
            let text = trimmed(text);
            if !text.is_empty() {
                writeln!(out, "{}", colours.bold(title.to_uppercase()))?;
                let mut fenced = false;
                for line in text {
                    if line.starts_with("```") {
                        fenced = !fenced;
                    } else if line.is_empty() {
                        writeln!(out)?;
                    } else {
                        // Backticks are for the generated pages; a terminal shows the bare text.
                        let line = if fenced { line.clone() } else { line.replace('`', "") };
                        let indent = if fenced { 4 } else { 2 };
                        writeln!(out, "{:indent$}{line}", "")?;
                    }
                }
                writeln!(out)?;
            }
            if index == 0 && !dcmd.options.is_empty() {
                writeln!(out, "{}", colours.bold("OPTIONS"))?;
                for (option, help) in self.options() {
                    writeln!(out, "  {option:<10} {help}")?;
                }
                writeln!(out)?;
            }
        }
        if !dcmd.aliases.is_empty() {
            writeln!(out, "{}\n  {}\n", colours.bold("OTHER NAMES"), dcmd.aliases.join(", "))?;
        }
        let target = if dcmd.needs.contains(&crate::dcmd::Capability::V8Heap) {
            "a core with a V8 heap"
        } else {
            "any"
        };
        writeln!(out, "{}\n\n  Target: {target}\n", colours.bold("ATTRIBUTES"))
    }

    /// The page in Markdown.
    pub fn markdown(&self) -> String {
        let dcmd = self.dcmd;
        let mut text = format!("# `{}`\n\n{}\n\n", dcmd.name, sentence(dcmd.summary));
        text.push_str(&format!("```text\n{}\n```\n", self.synopsis(dcmd.name)));
        if !dcmd.aliases.is_empty() {
            let names: Vec<_> = dcmd.aliases.iter().map(|name| format!("`{name}`")).collect();
            text.push_str(&format!("\nOther names: {}\n", names.join(", ")));
        }
        for (index, (title, lines)) in self.sections.iter().enumerate() {
            let lines = trimmed(lines);
            if !lines.is_empty() {
                if index > 0 {
                    text.push_str(&format!("\n## {title}\n"));
                }
                text.push_str(&format!("\n{}\n", lines.join("\n")));
            }
            if index == 0 && !dcmd.options.is_empty() {
                text.push_str("\n## Options\n\n| Option | |\n| --- | --- |\n");
                for (option, help) in self.options() {
                    text.push_str(&format!("| `{option}` | {help} |\n"));
                }
            }
        }
        text
    }
}

/// `summary` with a capital letter and a full stop.
fn sentence(summary: &str) -> String {
    let mut chars = summary.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// `lines` without empty ones at either end.
fn trimmed(lines: &[String]) -> &[String] {
    let start = lines.iter().take_while(|line| line.is_empty()).count();
    let end = lines.len() - lines[start..].iter().rev().take_while(|line| line.is_empty()).count();
    &lines[start..end]
}

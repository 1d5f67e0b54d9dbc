//! The manual page of a dcmd, from its declaration and its module's documentation.
//!
//! The page is written once, as the `//!` lines at the top of the dcmd's file: a title line, paragraphs, sections that begin
//! with `# Title`, and tables between ` ```text ` fences. Name, synopsis, options and examples come from the declaration, so they
//! cannot disagree with what the dcmd accepts.

use std::io::{self, Write};

use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Shape, Shipped, Takes, Yields};
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

    /// The examples, those on one file together: the file, and what is typed and printed.
    fn sessions(&self) -> Vec<(Shipped, Vec<String>)> {
        let mut sessions: Vec<(Shipped, Vec<String>)> = Vec::new();
        for example in self.dcmd.examples {
            if sessions.last().is_none_or(|(file, _)| *file != example.file) {
                sessions.push((example.file, Vec::new()));
            }
            if let Some((_, lines)) = sessions.last_mut() {
                lines.push(format!("> {}", example.line));
                lines.extend(example.output().map(str::to_owned));
            }
        }
        sessions
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

    /// What it takes from a pipe, and what it hands on.
    pub fn pipes(&self) -> String {
        let dcmd = self.dcmd;
        let depends = |is: bool| if is { ", or others as its arguments say" } else { "" };
        let takes = match dcmd.takes.with(&Args::default()) {
            Takes::Nothing | Takes::Depends(_) => "Takes nothing from a pipe".to_owned(),
            Takes::Anything => "Takes any values".to_owned(),
            Takes::Only(kinds) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| kind.plural()).collect();
                format!("Takes {}", kinds.join(" or "))
            }
        };
        let yields = match dcmd.yields.with(&Args::default()) {
            Yields::Items(kind) => format!("hands on {}", kind.plural()),
            Yields::Same => "hands on what it takes".to_owned(),
            Yields::Lines => "its lines are read back as values".to_owned(),
            Yields::Text | Yields::Depends(_) => "prints text".to_owned(),
        };
        let takes_more = depends(matches!(dcmd.takes, Takes::Depends(_)));
        let yields_more = depends(matches!(dcmd.yields, Yields::Depends(_)));
        format!("{takes}{takes_more}; {yields}{yields_more}.")
    }

    /// Prints the page for the dcmd as it was called by `name`, its text filled to `width` columns.
    ///
    /// # Errors
    /// As the output's.
    pub fn write(&self, name: &str, colours: Colours, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let dcmd = self.dcmd;
        writeln!(out, "\n{}", colours.bold("NAME"))?;
        fill(&format!("{name} - {}", dcmd.summary), "  ", "      ", width, out)?;
        writeln!(out, "\n{}", colours.bold("SYNOPSIS"))?;
        fill(&self.synopsis(name), "  ", "      ", width, out)?;
        writeln!(out)?;
        for (index, (title, text)) in self.sections.iter().enumerate() {
            let text = trimmed(text);
            if !text.is_empty() {
                writeln!(out, "{}", colours.bold(title.to_uppercase()))?;
                write_text(text, width, out)?;
                writeln!(out)?;
            }
            if index == 0 && !dcmd.options.is_empty() {
                writeln!(out, "{}", colours.bold("OPTIONS"))?;
                for (option, help) in self.options() {
                    fill(help, &format!("  {option:<10} "), &" ".repeat(13), width, out)?;
                }
                writeln!(out)?;
            }
        }
        writeln!(out, "{}", colours.bold("EXAMPLES"))?;
        for (file, lines) in self.sessions() {
            fill(&format!("On testdata/{}:", file.path()), "  ", "  ", width, out)?;
            writeln!(out)?;
            for line in lines {
                writeln!(out, "    {line}")?;
            }
            writeln!(out)?;
        }
        writeln!(out, "{}", colours.bold("IN A PIPE"))?;
        fill(&self.pipes(), "  ", "  ", width, out)?;
        writeln!(out)?;
        if !dcmd.aliases.is_empty() {
            writeln!(out, "{}\n  {}\n", colours.bold("OTHER NAMES"), dcmd.aliases.join(", "))?;
        }
        let target = match dcmd.needs {
            [Capability::V8Heap, ..] => "a core with a V8 heap",
            [Capability::Graph, ..] => "a core with a V8 heap, or a heap snapshot",
            [Capability::Core, ..] => "any core",
            _ => "any",
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
        text.push_str("\n## Examples\n");
        for (file, lines) in self.sessions() {
            let lines = lines.join("\n");
            text.push_str(&format!("\n```console\n$ v8mdb testdata/{}\n{lines}\n```\n", file.path()));
        }
        text.push_str(&format!("\n## In a pipe\n\n{}\n", self.pipes()));
        text
    }

    /// Name, synopsis and summary as an entry of the man page, in roff.
    pub fn roff(&self) -> String {
        let dcmd = self.dcmd;
        let aliases: String = dcmd.aliases.iter().map(|name| format!(", {name}")).collect();
        let mut text = format!(
            ".TP\n.B {}\n{}{}.\n",
            escape_roff(&self.synopsis(dcmd.name)),
            escape_roff(&sentence(dcmd.summary)).trim_end_matches('.'),
            if aliases.is_empty() { String::new() } else { format!(" (also{})", escape_roff(&aliases[1..])) }
        );
        if !dcmd.options.is_empty() {
            text.push_str(".RS\n");
            for (option, help) in self.options() {
                text.push_str(&format!(".TP\n.B {}\n{}\n", escape_roff(&option), escape_roff(help)));
            }
            text.push_str(".RE\n");
        }
        text
    }
}

/// The narrowest column that text is filled to.
const NARROWEST: usize = 30;

/// Prints `text` in lines of at most `width` cells.
fn fill(text: &str, first: &str, later: &str, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let options = textwrap::Options::new(width.max(NARROWEST))
        .initial_indent(first)
        .subsequent_indent(later)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    for line in textwrap::wrap(text, options) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Prints the text of a section: paragraphs and items of lists filled, transcripts and tables as they are.
fn write_text(text: &[String], width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut fenced = false;
    // Lines that are filled together, and whether they are an item of a list.
    let mut together = String::new();
    let flush = |together: &mut String, out: &mut dyn Write| {
        // Backticks are for the generated pages; a terminal shows the bare text.
        let plain = std::mem::take(together).replace('`', "");
        match plain.strip_prefix("- ") {
            _ if plain.is_empty() => Ok(()),
            Some(item) => fill(item, "  - ", "    ", width, out),
            None => fill(&plain, "  ", "  ", width, out),
        }
    };
    for line in text {
        let is_fence = line.starts_with("```");
        if is_fence || fenced || line.is_empty() || line.starts_with("- ") || line.starts_with('|') {
            flush(&mut together, out)?;
        }
        if is_fence {
            fenced = !fenced;
        } else if fenced {
            writeln!(out, "    {line}")?;
        } else if line.is_empty() {
            writeln!(out)?;
        } else if line.starts_with('|') {
            writeln!(out, "  {}", line.replace('`', ""))?;
        } else {
            if !together.is_empty() {
                together.push(' ');
            }
            together.push_str(line.trim());
        }
    }
    flush(&mut together, out)
}

/// Text that roff prints as it is.
pub fn escape_roff(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        for c in line.chars() {
            match c {
                '\\' => out.push_str("\\e"),
                '-' => out.push_str("\\-"),
                '`' => out.push_str("\\(ga"),
                '^' => out.push_str("\\(ha"),
                '~' => out.push_str("\\(ti"),
                c => out.push(c),
            }
        }
    }
    out
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

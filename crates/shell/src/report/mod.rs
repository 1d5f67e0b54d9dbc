//! The answer on one page: a verdict in words, what it rests on, and what could not be told.
//!
//! [`facts`] asks the commands for their rows, each once; [`verdict`] judges, [`sections`] says in words what there is, each claim with the
//! command that shows it; [`values`] takes out what the program's strings say, [`page`] makes a file of HTML of it.

mod facts;
mod page;
mod sections;
mod values;
mod verdict;

use serde_json::{Value, json};

use crate::output::escape;

pub(crate) use facts::{Facts, Rows, Scope, most_bytes};
pub(crate) use values::Values;

use verdict::Verdict;

/// Something that is said, and the command that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// In words. Escaped.
    pub(crate) text: String,
    /// What to type.
    pub(crate) command: String,
}

impl Claim {
    fn new(text: impl Into<String>, command: impl Into<String>) -> Claim {
        // Rows have names as they are.
        Claim { text: escape(&text.into()).into_owned(), command: escape(&command.into()).into_owned() }
    }

    fn json(&self) -> Value {
        json!({ "text": self.text, "command": self.command })
    }
}

/// Claims about one thing.
#[derive(Debug)]
struct Section {
    title: &'static str,
    claims: Vec<Claim>,
}

/// The page.
#[derive(Debug)]
pub(crate) struct Report {
    facts: Facts,
    verdict: Verdict,
    sections: Vec<Section>,
}

impl Report {
    /// Judges the facts.
    pub(crate) fn of(facts: Facts) -> Report {
        let verdict = verdict::judge(&facts);
        let sections = sections::sections(&facts);
        Report { facts, verdict, sections }
    }

    /// The verdict.
    pub(crate) fn title(&self) -> &str {
        &self.verdict.title
    }

    /// As text, a line for each claim, the command behind it in brackets.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("verdict: {}\n", self.verdict.title);
        add(&self.verdict.because, &mut text);
        for section in self.sections.iter().filter(|section| !section.claims.is_empty()) {
            text.push_str(&format!("\n{}\n", section.title));
            add(&section.claims, &mut text);
        }
        text
    }

    /// As JSON: `docs/json.md` describes it.
    pub(crate) fn json(&self) -> Value {
        let claims = |claims: &[Claim]| claims.iter().map(Claim::json).collect::<Vec<_>>();
        let sections: Vec<Value> = self
            .sections
            .iter()
            .map(|section| json!({ "title": section.title, "claims": claims(&section.claims) }))
            .collect();
        let mut report = json!({
            "report": 1,
            "program": crate::PROGRAM,
            "version": env!("CARGO_PKG_VERSION"),
            "verdict": {
                "kind": self.verdict.kind.key(),
                "title": self.verdict.title,
                "because": claims(&self.verdict.because),
            },
            "sections": sections,
        });
        if let Some(report) = report.as_object_mut() {
            report.extend(self.facts.json());
        }
        report
    }

    /// As a page of HTML that needs nothing else.
    pub(crate) fn html(&self) -> String {
        page::fill(&self.json())
    }
}

/// Adds a line for each claim.
fn add(claims: &[Claim], text: &mut String) {
    for claim in claims {
        let command = if claim.command.is_empty() { String::new() } else { format!(" ({})", claim.command) };
        text.push_str(&format!("  {}{command}\n", claim.text));
    }
}

/// `1.2 MB`
fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..100_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

//! What most sweeps are told: on which releases, and with which debugger.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};
use lexopt::Parser;

use crate::{build, node_release};

/// `--node VERSION`, any number of times, and `--debugger FILE`.
#[derive(Debug, Default)]
pub struct Population {
    named: Vec<String>,
    debugger: Option<PathBuf>,
}

impl Population {
    /// Takes these options out of others, which are left.
    pub fn of(mut arguments: Parser) -> Result<(Population, Parser)> {
        let mut population = Population::default();
        let mut left: Vec<OsString> = Vec::new();
        let mut words = arguments.raw_args()?;
        while let Some(word) = words.next() {
            let text = word.to_str().unwrap_or_default();
            let (name, value) =
                text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
            if !["--node", "--debugger"].contains(&name) {
                let are_words = text == "--";
                left.push(word);
                if are_words {
                    left.extend(words);
                    break;
                }
                continue;
            }
            let value = match value {
                Some(value) => OsString::from(value),
                None => words.next().with_context(|| format!("a value is missing behind {name}"))?,
            };
            match name {
                "--debugger" => population.debugger = Some(value.into()),
                _ => population.named.push(value.into_string().ok().context("a release is text")?),
            }
        }
        Ok((population, Parser::from_args(left)))
    }

    /// Where there are no other options.
    pub fn only(arguments: Parser) -> Result<Population> {
        let (population, mut left) = Population::of(arguments)?;
        match left.next()? {
            Some(other) => Err(other.unexpected().into()),
            None => Ok(population),
        }
    }

    /// The releases that were named.
    pub fn named(&self) -> &[String] {
        &self.named
    }

    /// The releases that were named; if none was, the newest of each line.
    pub fn releases(&self) -> Vec<String> {
        match self.named.is_empty() {
            true => node_release::SUPPORTED.iter().map(|release| (*release).to_owned()).collect(),
            false => self.named.clone(),
        }
    }

    /// The debugger that was named; if none was, it is built.
    pub fn debugger(&self) -> Result<PathBuf> {
        self.debugger.clone().map_or_else(build::debugger, Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_options_are_taken_and_others_left() {
        let words =
            ["--runs", "3", "--node=20.0.0", "--debugger", "v8mdb", "--node", "22.1.0", "--", "--node"];
        let (population, mut left) = Population::of(Parser::from_args(words)).unwrap();
        assert_eq!(population.releases(), ["20.0.0", "22.1.0"]);
        assert_eq!(population.debugger().unwrap(), PathBuf::from("v8mdb"));
        let left: Vec<_> = left.raw_args().unwrap().collect();
        assert_eq!(left, ["--runs", "3", "--", "--node"]);
        let none = Population::only(Parser::from_args(Vec::<OsString>::new())).unwrap();
        assert_eq!(none.releases(), node_release::SUPPORTED);
        assert!(Population::only(Parser::from_args(["--runs"])).is_err());
        assert!(Population::of(Parser::from_args(["--node"])).is_err());
    }
}

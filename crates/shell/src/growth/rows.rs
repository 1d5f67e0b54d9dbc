//! Rows of what has changed: which are shown, in what order, and how they read.

use std::fmt::Display;
use std::io::Write;

use serde_json::{Map, Value, json};
use v8_heap::compare::{Sum, Turnover, growth, stayed};

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{self, Column, Table};
use crate::stage::Out;

/// Which rows are shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// What shrank as well, and what did not stay.
    pub all: bool,
    /// So many of a section.
    pub most: usize,
    /// As JSON lines.
    pub as_json: bool,
}

/// By which quantity rows are ordered, those that grew most first.
pub type Order = fn(&Sum) -> u64;

/// What one row shows.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What has changed, safe to print.
    pub text: String,
    /// An object of the target to go on with, tagged.
    pub object: Option<u64>,
    /// Of the entries of a collection.
    pub turnover: Option<Turnover>,
    /// What is known of it in fields of their own, for programs.
    pub fields: Map<String, Value>,
}

/// The figures of a section beside how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Growth of the bytes that they take themselves.
    Bytes,
    /// Growth of what would be freed with them.
    Retained,
    /// Entries that are new, gone, and have stayed.
    Turnover,
    /// An object of the target.
    Object,
}

/// The places of the rows that are shown, in their order.
pub fn select(sums: &[Vec<Sum>], order: Order, shown: Shown) -> Vec<usize> {
    let of = |row: usize, of: Order| sums[row].iter().map(of);
    let is_wanted = |row: &usize| {
        let has_grown = |quantity: Order| match sums[*row].len() {
            0..=2 => growth(of(*row, quantity)) > 0,
            _ => stayed(of(*row, quantity)) > 0,
        };
        shown.all || has_grown(|sum| sum.count) || has_grown(|sum| sum.bytes)
    };
    let mut rows: Vec<usize> = (0..sums.len()).filter(is_wanted).collect();
    rows.sort_by_cached_key(|row| {
        let has_stayed = if sums[*row].len() > 2 { stayed(of(*row, order)) } else { 0 };
        std::cmp::Reverse((has_stayed, growth(of(*row, order)), growth(of(*row, |sum| sum.count))))
    });
    rows.truncate(shown.most);
    rows
}

/// Headings of the cores.
fn headings(cores: usize) -> &'static [&'static str] {
    if cores > 2 { &["OLD", "MIDDLE", "NEW"] } else { &["OLD", "NEW"] }
}

/// What a core is called in a table.
pub fn heading_of(core: usize, cores: usize) -> &'static str {
    headings(cores).get(core).copied().unwrap_or_default()
}

fn columns(cores: usize, figures: &[Figure], last: &'static str) -> Vec<Column> {
    let mut columns: Vec<Column> = headings(cores).iter().map(|core| Column::right(core, 9)).collect();
    columns.push(Column::right("GROWTH", 9));
    if cores > 2 {
        columns.push(Column::right("STAYED", 9));
    }
    for figure in figures {
        match figure {
            Figure::Bytes => columns.push(Column::right("BYTES", 11)),
            Figure::Retained => columns.push(Column::right("RETAINED", 11)),
            Figure::Turnover => {
                columns.push(Column::right("ADDED", 7));
                columns.push(Column::right("GONE", 7));
            }
            Figure::Object => columns.push(Column::right("OBJECT", 14)),
        }
    }
    columns.push(Column::left(last, 0));
    columns
}

/// Prints the heading of a section.
///
/// # Errors
/// Output has nowhere to go.
pub fn print_heading(
    context: &Context,
    cores: usize,
    figures: &[Figure],
    last: &'static str,
    out: &Out<'_>,
) -> Result<(), DcmdError> {
    Table::new(&columns(cores, figures, last)).heading(context.colours, &mut out.text())?;
    Ok(())
}

/// Prints a row.
///
/// # Errors
/// Output has nowhere to go.
pub fn print_row(sums: &[Sum], row: &Row, figures: &[Figure], out: &Out<'_>) -> Result<(), DcmdError> {
    let signed = |of: Order| Signed(growth(sums.iter().map(of))).to_string();
    let mut cells: Vec<String> = sums.iter().map(|sum| sum.count.to_string()).collect();
    cells.push(signed(|sum| sum.count));
    if sums.len() > 2 {
        // What is told by its keys is told exactly.
        let by_number = stayed(sums.iter().map(|sum| sum.count));
        cells.push(row.turnover.map_or(by_number, |turnover| turnover.stayed).to_string());
    }
    for figure in figures {
        match figure {
            Figure::Bytes => cells.push(signed(|sum| sum.bytes)),
            Figure::Retained => cells.push(signed(|sum| sum.retained)),
            Figure::Turnover => {
                let shown =
                    |of: fn(Turnover) -> u64| row.turnover.map_or("-".to_owned(), |own| of(own).to_string());
                cells.push(shown(|turnover| turnover.added));
                cells.push(shown(|turnover| turnover.gone));
            }
            Figure::Object => cells.push(row.object.map_or("-".to_owned(), |object| format!("{object:x}"))),
        }
    }
    cells.push(row.text.clone());
    let cells: Vec<&dyn Display> = cells.iter().map(|cell| cell as &dyn Display).collect();
    Table::new(&columns(sums.len(), figures, "")).row(&cells, &mut out.text())?;
    Ok(())
}

/// Prints a row as a line of JSON.
///
/// # Errors
/// Output has nowhere to go.
pub fn print_json(
    section: &str,
    sums: &[Sum],
    row: &Row,
    figures: &[Figure],
    out: &Out<'_>,
) -> Result<(), DcmdError> {
    let mut line = json!({ "section": section });
    for (name, value) in &row.fields {
        line[name] = value.clone();
    }
    let all = |of: Order| sums.iter().map(of).collect::<Vec<u64>>();
    line["count"] = json!(all(|sum| sum.count));
    for figure in figures {
        match figure {
            Figure::Bytes => line["bytes"] = json!(all(|sum| sum.bytes)),
            Figure::Retained => line["retained"] = json!(all(|sum| sum.retained)),
            Figure::Turnover => {
                if let Some(turnover) = row.turnover {
                    line["added"] = json!(turnover.added);
                    line["gone"] = json!(turnover.gone);
                }
            }
            Figure::Object => {
                if let Some(object) = row.object {
                    line["object"] = json!(format!("{object:#x}"));
                }
            }
        }
    }
    if sums.len() > 2 {
        let by_number = stayed(sums.iter().map(|sum| sum.count));
        line["stayed"] = json!(row.turnover.map_or(by_number, |turnover| turnover.stayed));
    }
    writeln!(out.text(), "{}", output::json(&line))?;
    Ok(())
}

/// A difference, with its sign.
struct Signed(i128);

impl Display for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 { f.write_str("0") } else { write!(f, "{:+}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<const N: usize>(counts: [u64; N]) -> Vec<Sum> {
        counts.map(|count| Sum { count, bytes: 8 * count, retained: 16 * count }).to_vec()
    }

    const GROWN: Shown = Shown { all: false, most: usize::MAX, as_json: false };

    #[test]
    fn what_grew_most_comes_first_and_what_shrank_only_if_wanted() {
        let sums = [row([9, 9]), row([1, 4]), row([5, 2]), row([10, 30])];
        assert_eq!(select(&sums, |sum| sum.retained, GROWN), [3, 1]);
        assert_eq!(select(&sums, |sum| sum.retained, Shown { all: true, ..GROWN }), [3, 1, 0, 2]);
        assert_eq!(select(&sums, |sum| sum.retained, Shown { most: 1, ..GROWN }), [3]);
    }

    #[test]
    fn of_three_what_came_and_went_and_what_came_last_has_not_stayed() {
        let sums = [row([0, 50, 0]), row([0, 0, 25]), row([200, 320, 500]), row([5, 12, 12])];
        assert_eq!(select(&sums, |sum| sum.count, GROWN), [2, 3]);
    }
}

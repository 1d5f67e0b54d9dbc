//! Results a page at a time: rows up to so many bytes, and a cursor for the rest.

use serde_json::{Value, json};

use super::session::Reply;

/// What a line has printed, row by row.
#[derive(Debug)]
pub(super) struct Results {
    /// The number of the question.
    pub(super) number: u64,
    line: String,
    rows: Vec<Value>,
    messages: Vec<String>,
    cut: bool,
}

impl Results {
    /// The rows of a reply: lines that are JSON as what they are, others as strings.
    pub(super) fn of(number: u64, reply: Reply) -> Results {
        let row = |line: &str| match line.starts_with(['{', '[']) {
            true => serde_json::from_str(line).unwrap_or_else(|_| json!(line)),
            false => json!(line),
        };
        Results {
            number,
            rows: reply.text.lines().map(row).collect(),
            line: reply.line,
            messages: reply.messages,
            cut: reply.cut,
        }
    }

    /// Nothing was printed.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows from one on, up to about so many bytes, one at least; with what is left out and how to get it.
    pub(super) fn page(&self, from: usize, bytes: usize) -> Value {
        let mut size = 0;
        let mut end = from;
        for row in self.rows.iter().skip(from) {
            size += row.to_string().len() + 1;
            if size > bytes && end > from {
                break;
            }
            end += 1;
        }
        let rows: Vec<Value> =
            self.rows.iter().skip(from).take(end - from).map(|row| cut(row, bytes)).collect();
        let left = self.rows.len().saturating_sub(end);
        let mut page = json!({ "command": self.line, "rows": rows });
        if from > 0 {
            page["from"] = json!(from);
        }
        if left > 0 {
            page["leftOut"] = json!(left);
            page["cursor"] = json!(format!("{}:{end}", self.number));
        }
        if self.cut && left == 0 {
            page["more"] =
                json!("there are more rows than are kept: narrow the question, or sort and use ::head");
        }
        if !self.messages.is_empty() && from == 0 {
            page["messages"] = json!(self.messages);
        }
        page
    }
}

/// A row that is larger than a page: its text, cut, and how much is left out.
fn cut(row: &Value, bytes: usize) -> Value {
    let text = row.to_string();
    if text.len() <= bytes {
        return row.clone();
    }
    let shown: String = text.chars().take(bytes / 4).collect();
    json!({ "cut": shown, "bytesLeftOut": text.len() - shown.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_all_rows_and_say_what_is_left_out() {
        let text: String = (0..100).map(|index| format!("{{\"index\":{index}}}\n")).collect();
        let results = Results::of(7, Reply { text, well: true, ..Reply::default() });
        let (mut from, mut seen) = (0, 0);
        loop {
            let page = results.page(from, 120);
            let rows = page["rows"].as_array().unwrap();
            assert!(!rows.is_empty() && page.to_string().len() < 400);
            seen += rows.len();
            let left = page["leftOut"].as_u64().unwrap_or(0) as usize;
            assert_eq!(seen + left, 100);
            let Some(cursor) = page["cursor"].as_str() else { break };
            from = cursor.strip_prefix("7:").unwrap().parse().unwrap();
        }
        assert_eq!(seen, 100);
    }

    #[test]
    fn a_row_larger_than_a_page_is_cut_and_says_so() {
        let text = format!("{{\"text\":\"{}\"}}\n", "x".repeat(1000));
        let results = Results::of(1, Reply { text, ..Reply::default() });
        let page = results.page(0, 200);
        assert!(page["rows"][0]["bytesLeftOut"].as_u64().unwrap() > 900, "{page}");
    }
}

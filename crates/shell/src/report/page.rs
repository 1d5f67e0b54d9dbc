//! The page: one file of HTML with style, script and data in it, that opens from a disk and asks no network for anything.
//!
//! The data stands in it as JSON in which no character is left that HTML could take for its own; the script makes text nodes of it, and
//! nothing else. The page forbids itself by a policy of its own to load anything.

use serde_json::Value;

use crate::output;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page of a report.
pub(super) fn fill(report: &Value) -> String {
    let data = inert(&output::json(report));
    // The data comes last: nothing in it is taken for a mark.
    let page = PAGE.replacen("/*STYLE*/", STYLE, 1).replacen("/*SCRIPT*/", SCRIPT, 1);
    match page.split_once("/*DATA*/") {
        Some((before, behind)) => format!("{before}{data}{behind}"),
        None => page,
    }
}

/// JSON in which no character means anything to HTML. Outside of strings JSON has none of them.
fn inert(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e").replace('\'', "\\u0027")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_ends_the_data_or_begins_markup() {
        let hostile = "</script><img src=x onerror=alert(1)><!-- ' & /*DATA*/ \u{2028}";
        let page = fill(&json!({ "text": hostile, hostile: 1 }));
        assert!(!page.contains("<img") && !page.contains("onerror=alert(1)>"), "{page}");
        assert_eq!(page.matches("</script>").count(), PAGE.matches("</script>").count());
        let start = page.find("id=\"data\">").unwrap() + "id=\"data\">".len();
        let end = start + page[start..].find("</script>").unwrap();
        let read: Value = serde_json::from_str(&page[start..end]).unwrap();
        assert_eq!(read["text"], hostile);
    }

    #[test]
    fn the_page_needs_no_network() {
        for part in [PAGE, STYLE, SCRIPT] {
            let addresses = part.matches("http").count() - part.matches("http://www.w3.org/2000/svg").count();
            let policy = part.matches("http-equiv").count();
            assert_eq!(addresses, policy, "an address in it");
            for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch("] {
                assert!(!part.contains(way), "{way}");
            }
        }
    }
}

//! What comes nearest to a command that a heap snapshot cannot answer.

/// Commands with a like on the graph: lines that work on any snapshot.
const NEAREST: [(&str, &str); 11] = [
    ("jsbuffers", "::findjsobjects -c ArrayBuffer"),
    ("jspromises", "::findjsobjects -c Promise"),
    ("jsasync", "::findjsobjects -c Promise"),
    ("jsfunctions", "::walk jsfunction"),
    ("jsclosures", "::walk jsfunction"),
    ("jsscripts", "::walk jsfunction"),
    ("jssource", "::walk jsfunction"),
    ("v8spaces", "::status"),
    ("ledger", "::jsdominators"),
    ("malloc", "::jsdominators"),
    ("findleaks", "::jsleaks"),
];
/// What tells more of a value, whatever it is.
const OF_VALUES: &str = "::jsprint";
/// What says what there is.
const ANY: &str = "::status";

/// A line in the place of the command called `name`; behind an address or a pipe if `with_values`, in which case it begins with `::` as it
/// stands there.
pub(crate) fn instead(name: &str, with_values: bool) -> &'static str {
    if with_values {
        return OF_VALUES;
    }
    NEAREST.iter().find(|(own, _)| *own == name).map_or(ANY, |(_, line)| line)
}

//! What is said beside an empty list of what a process waits for: most services wait for HTTP, which is in none of Node.js's lists.

use v8_heap::{Heap, Monitor};

use crate::error::DcmdError;

/// `; 80 requests of HTTP are under way: ::jshttp`, or nothing if there are none.
///
/// # Errors
/// As [`Heap::http_exchanges`].
pub fn unanswered_requests(heap: &Heap<'_>, monitor: &dyn Monitor) -> Result<String, DcmdError> {
    Ok(match heap.http_exchanges(monitor)?.len() {
        0 => String::new(),
        1 => "; 1 request of HTTP is: ::jshttp".to_owned(),
        count => format!("; {count} requests of HTTP are: ::jshttp"),
    })
}

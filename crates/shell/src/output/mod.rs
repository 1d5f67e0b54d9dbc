//! What the user sees: text, tables, colours, progress.

mod cells;
mod colour;
mod count;
mod escape;
mod facts;
mod json;
mod pager;
mod progress;
mod table;
mod terminal;
mod text;

pub use cells::{cells, cut, padded};
pub use colour::{Colours, Ink, Paint};
pub use count::number_of;
pub use escape::{escape, escape_char, escape_lines, is_safe};
pub use facts::Facts;
pub use json::{escape_json, hex, json};
pub use progress::{Part, Progress, Several};
pub use table::{Align, Column, Hex, Table};
pub use terminal::{Terminal, screen_height, screen_width};
pub use text::{Text, TextSink};

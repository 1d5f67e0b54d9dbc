//! Columns of fixed width under a heading, printed row by row as the rows come.

use std::fmt::Display;
use std::io::{self, Write};

use super::{Colours, TextSink, padded};

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers and addresses.
    Right,
}

/// A column: heading, width in cells, side. A cell that is wider pushes the rest of its row to the right.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading.
    pub heading: &'static str,
    /// Width in cells; 0 for a last column without padding.
    pub width: usize,
    /// The side on which cells stand.
    pub align: Align,
}

impl Column {
    /// A column of text.
    pub const fn left(heading: &'static str, width: usize) -> Column {
        Column { heading, width, align: Align::Left }
    }

    /// A column of numbers or addresses.
    pub const fn right(heading: &'static str, width: usize) -> Column {
        Column { heading, width, align: Align::Right }
    }
}

/// A number that prints in bare hexadecimal, padded like any other cell.
#[derive(Clone, Copy, Debug)]
pub struct Hex(pub u64);

impl Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::LowerHex::fmt(&self.0, f)
    }
}

/// A table of columns with one blank between them.
#[derive(Clone, Copy, Debug)]
pub struct Table<'c> {
    columns: &'c [Column],
}

impl<'c> Table<'c> {
    /// A table of `columns`.
    pub const fn new(columns: &'c [Column]) -> Table<'c> {
        Table { columns }
    }

    /// Prints the heading, underlined where the terminal can.
    ///
    /// # Errors
    /// As the sink's.
    pub fn heading(&self, colours: Colours, sink: &mut TextSink) -> io::Result<()> {
        // A heading alone is nothing yet.
        let written = sink.take_written();
        for (index, column) in self.columns.iter().enumerate() {
            let padding = column.width.saturating_sub(column.heading.len());
            let before = if column.align == Align::Right { padding } else { 0 };
            let last = index + 1 == self.columns.len();
            let after = if column.align == Align::Left && !last { padding } else { 0 };
            let gap = usize::from(index > 0);
            write!(
                sink,
                "{:before$}{}{:after$}",
                "",
                colours.underline(column.heading),
                "",
                before = before + gap
            )?;
        }
        writeln!(sink)?;
        sink.set_written(written);
        Ok(())
    }

    /// Prints one row; the last cell is not padded on its right. A cell must print itself to the width it is asked for, as
    /// text, numbers and [`Hex`] do and `format_args!` does not.
    ///
    /// # Errors
    /// As the sink's.
    pub fn row(&self, cells: &[&dyn Display], sink: &mut TextSink) -> io::Result<()> {
        for (index, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            if index > 0 {
                sink.write_all(b" ")?;
            }
            let width = column.width;
            match column.align {
                Align::Right => write!(sink, "{cell:>width$}")?,
                Align::Left if index + 1 == self.columns.len() => write!(sink, "{cell}")?,
                Align::Left => sink.write_all(padded(&cell.to_string(), width).as_bytes())?,
            }
        }
        writeln!(sink)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn cells_stand_under_their_headings() {
        static TABLE: Table =
            Table::new(&[Column::right("BASE", 8), Column::left("PERM", 6), Column::left("NAME", 0)]);
        let text = Rc::new(RefCell::new(Vec::new()));
        let mut sink = TextSink::new(Box::new(Shared(Rc::clone(&text))), false);
        TABLE.heading(Colours::Never, &mut sink).unwrap();
        TABLE.row(&[&Hex(0x1000), &"r-x", &"node"], &mut sink).unwrap();
        TABLE.row(&[&Hex(0x12_3456_789a), &"r-x", &""], &mut sink).unwrap();
        sink.flush().unwrap();
        let expected = "    BASE PERM   NAME\n    1000 r-x    node\n123456789a r-x    \n";
        assert_eq!(String::from_utf8_lossy(&text.borrow()), expected);
    }
}

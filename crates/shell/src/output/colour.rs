//! Bold and underlined text, on terminals only.

use std::fmt;

use anstyle::Style;

/// Whether output may be styled: on a terminal, unless `NO_COLOR` or the like forbids it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// Plain text only.
    #[default]
    Never,
    /// Styles are wanted.
    Always,
}

impl Colours {
    /// What the standard output wants.
    pub fn of_standard_output() -> Colours {
        match anstream::AutoStream::choice(&std::io::stdout()) {
            anstream::ColorChoice::Never => Colours::Never,
            _ => Colours::Always,
        }
    }

    /// `text`, bold if wanted.
    pub fn bold<T: fmt::Display>(self, text: T) -> Paint<T> {
        self.paint(Style::new().bold(), text)
    }

    /// `text`, underlined if wanted.
    pub fn underline<T: fmt::Display>(self, text: T) -> Paint<T> {
        self.paint(Style::new().underline(), text)
    }

    /// `text`, faint if wanted.
    pub fn faint<T: fmt::Display>(self, text: T) -> Paint<T> {
        self.paint(Style::new().dimmed(), text)
    }

    fn paint<T>(self, style: Style, text: T) -> Paint<T> {
        Paint { style: if self == Colours::Always { style } else { Style::new() }, text }
    }
}

/// Text with a style; prints as the bare text if there is none.
#[derive(Debug)]
pub struct Paint<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Paint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.style.render())?;
        self.text.fmt(f)?;
        write!(f, "{}", self.style.render_reset())
    }
}

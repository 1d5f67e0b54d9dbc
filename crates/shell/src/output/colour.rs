//! Bold, underlined and coloured text, on terminals only.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// Whether output may be styled: on a terminal, unless `NO_COLOR` or the like forbids it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// Plain text only.
    #[default]
    Never,
    /// Styles are wanted.
    Always,
}

/// What has a colour of its own: those of Node.js's `util.inspect`, which the readers of a program's values are used to, and two more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// A string or a symbol.
    Text,
    /// A number, a bigint, `true` or `false`.
    Number,
    /// `undefined`.
    Undefined,
    /// `null`.
    Null,
    /// What is no value of its own: an accessor.
    Special,
    /// An address in front of a value.
    Address,
    /// That something went wrong.
    Error,
}

impl Ink {
    fn style(self) -> Style {
        let of = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Ink::Text => of(AnsiColor::Green),
            Ink::Number => of(AnsiColor::Yellow),
            Ink::Undefined => of(AnsiColor::BrightBlack),
            Ink::Null => Style::new().bold(),
            Ink::Special => of(AnsiColor::Cyan),
            Ink::Address => Style::new().dimmed(),
            Ink::Error => of(AnsiColor::Red),
        }
    }
}

impl Colours {
    /// `text` in a colour, if wanted.
    pub fn ink<T: fmt::Display>(self, ink: Ink, text: T) -> Paint<T> {
        self.paint(ink.style(), text)
    }

    /// What switches a colour on, and off again, if wanted.
    pub fn switches(self, ink: Ink) -> (String, String) {
        match self {
            Colours::Never => Default::default(),
            Colours::Always => (ink.style().render().to_string(), ink.style().render_reset().to_string()),
        }
    }

    /// What the standard output wants.
    pub fn of_standard_output() -> Colours {
        match anstream::AutoStream::choice(&std::io::stdout()) {
            anstream::ColorChoice::Never => Colours::Never,
            _ => Colours::Always,
        }
    }

    /// What the standard error wants.
    pub fn of_standard_error() -> Colours {
        match anstream::AutoStream::choice(&std::io::stderr()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_util_inspect() {
        // `util.inspect.styles`, and the numbers of `util.inspect.colors`.
        for (ink, on, off) in [
            (Ink::Text, "\x1b[32m", "\x1b[0m"),
            (Ink::Number, "\x1b[33m", "\x1b[0m"),
            (Ink::Undefined, "\x1b[90m", "\x1b[0m"),
            (Ink::Null, "\x1b[1m", "\x1b[0m"),
            (Ink::Special, "\x1b[36m", "\x1b[0m"),
        ] {
            assert_eq!(Colours::Always.switches(ink), (on.to_owned(), off.to_owned()), "{ink:?}");
            assert_eq!(Colours::Always.ink(ink, 7).to_string(), format!("{on}7{off}"));
            assert_eq!(Colours::Never.ink(ink, 7).to_string(), "7");
            assert_eq!(Colours::Never.switches(ink), Default::default());
        }
    }
}

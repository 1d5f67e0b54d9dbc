//! The table of format characters.

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Radix {
    /// Decimal, with a sign.
    Signed,
    /// Decimal.
    Unsigned,
    /// Octal with a leading 0.
    Octal,
    /// Octal with a sign and a leading 0.
    SignedOctal,
    /// Hexadecimal.
    Hexadecimal,
    /// Hexadecimal, bytes in the opposite order.
    Swapped,
    /// Binary.
    Binary,
    /// The default radix.
    Default,
}

/// What a format character does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A number of so many bytes.
    Number(Radix, usize),
    /// A character; with C escapes if set.
    Character(bool),
    /// A string that ends at a NUL; with C escapes if set.
    String(bool),
    /// A floating point number of 4 or 8 bytes.
    Float(usize),
    /// Seconds since 1970 of 4 or 8 bytes, as local time.
    Time(usize),
    /// A pointer as symbol and offset.
    Pointer,
    /// Dot as symbol and offset.
    Dot,
    /// A machine instruction; with address and bytes if set.
    Instruction(bool),
    /// Search for a number of so many bytes.
    Search(usize),
    /// Start a new line.
    NewLine,
    /// Blanks.
    Blanks,
    /// Blanks up to the next tab stop.
    Tab,
    /// Move dot forward.
    Forward,
    /// Move dot back.
    Back,
    /// Move dot back by what was printed last.
    Again,
}

/// A format character.
#[derive(Clone, Copy, Debug)]
pub struct Letter {
    /// The character.
    pub character: char,
    /// What it does.
    pub action: Action,
    /// Columns of its field; 0 if it takes as many as it needs.
    pub width: usize,
    /// What it does, in words.
    pub description: &'static str,
}

impl Letter {
    /// How far it moves dot, in bytes, if that is known beforehand.
    pub fn size(&self) -> Option<usize> {
        match self.action {
            Action::Number(_, size) | Action::Float(size) | Action::Time(size) => Some(size),
            Action::Character(_) => Some(1),
            Action::Pointer => Some(8),
            Action::Dot | Action::Search(_) | Action::NewLine | Action::Blanks | Action::Tab => Some(0),
            Action::String(_) | Action::Instruction(_) | Action::Forward | Action::Back | Action::Again => {
                None
            }
        }
    }
}

const fn number(character: char, radix: Radix, size: usize, description: &'static str) -> Letter {
    let width = match (radix, size) {
        (Radix::Binary, _) => 64,
        (_, 1 | 2) => 8,
        _ => 16,
    };
    Letter { character, action: Action::Number(radix, size), width, description }
}

const fn letter(character: char, action: Action, width: usize, description: &'static str) -> Letter {
    Letter { character, action, width, description }
}

/// All format characters.
pub static LETTERS: &[Letter] = &[
    letter('+', Action::Forward, 0, "move dot forward by the count of bytes"),
    letter('-', Action::Back, 0, "move dot back by the count of bytes"),
    number('B', Radix::Hexadecimal, 1, "hexadecimal byte"),
    letter('C', Action::Character(true), 1, "character with C escapes"),
    number('D', Radix::Signed, 4, "signed decimal"),
    number('E', Radix::Unsigned, 8, "unsigned decimal"),
    letter('F', Action::Float(8), 0, "double in exponent form"),
    number('G', Radix::Octal, 8, "unsigned octal"),
    number('H', Radix::Swapped, 4, "hexadecimal, bytes swapped"),
    letter('I', Action::Instruction(true), 0, "address, bytes and instruction"),
    number('J', Radix::Hexadecimal, 8, "hexadecimal"),
    number('K', Radix::Hexadecimal, 8, "hexadecimal word of the size of a pointer"),
    letter('L', Action::Search(4), 0, "search for a value of 4 bytes"),
    letter('M', Action::Search(8), 0, "search for a value of 8 bytes"),
    letter('N', Action::NewLine, 0, "new line"),
    number('O', Radix::Octal, 4, "unsigned octal"),
    letter('P', Action::Pointer, 16, "pointer as symbol and offset"),
    number('Q', Radix::SignedOctal, 4, "signed octal"),
    number('R', Radix::Binary, 8, "binary"),
    letter('S', Action::String(true), 0, "string with C escapes"),
    letter('T', Action::Tab, 0, "blanks up to the next multiple of the count"),
    number('U', Radix::Unsigned, 4, "unsigned decimal"),
    number('V', Radix::Unsigned, 1, "unsigned decimal byte"),
    number('W', Radix::Default, 4, "unsigned in the default radix"),
    number('X', Radix::Hexadecimal, 4, "hexadecimal"),
    letter('Y', Action::Time(4), 24, "seconds since 1970 as local time"),
    number('Z', Radix::Hexadecimal, 8, "hexadecimal"),
    letter('^', Action::Again, 0, "move dot back by what was printed last"),
    letter('a', Action::Dot, 16, "dot as symbol and offset"),
    number('b', Radix::Octal, 1, "octal byte"),
    letter('c', Action::Character(false), 1, "character"),
    number('d', Radix::Signed, 2, "signed decimal"),
    number('e', Radix::Signed, 8, "signed decimal"),
    letter('f', Action::Float(4), 0, "float in exponent form"),
    number('g', Radix::SignedOctal, 8, "signed octal"),
    number('h', Radix::Swapped, 2, "hexadecimal, bytes swapped"),
    letter('i', Action::Instruction(false), 0, "instruction"),
    letter('l', Action::Search(2), 0, "search for a value of 2 bytes"),
    letter('n', Action::NewLine, 0, "new line"),
    number('o', Radix::Octal, 2, "unsigned octal"),
    letter('p', Action::Pointer, 16, "pointer as symbol and offset"),
    number('q', Radix::SignedOctal, 2, "signed octal"),
    letter('r', Action::Blanks, 0, "as many blanks as the count"),
    letter('s', Action::String(false), 0, "string"),
    letter('t', Action::Tab, 0, "blanks up to the next multiple of the count"),
    number('u', Radix::Unsigned, 2, "unsigned decimal"),
    number('v', Radix::Signed, 1, "signed decimal byte"),
    number('w', Radix::Default, 2, "unsigned in the default radix"),
    number('x', Radix::Hexadecimal, 2, "hexadecimal"),
    letter('y', Action::Time(8), 24, "seconds since 1970 as local time"),
];

/// The letter of a character.
pub fn find(character: char) -> Option<&'static Letter> {
    LETTERS.iter().find(|letter| letter.character == character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_in_the_table_once_and_five_letters_are_free() {
        assert!(LETTERS.is_sorted_by(|a, b| a.character < b.character));
        let free: String = ('A'..='z').filter(|c| c.is_ascii_alphabetic() && find(*c).is_none()).collect();
        assert_eq!(free, "Ajkmz");
    }

    #[test]
    fn fields_are_as_wide_as_they_line_up() {
        for (characters, width, size) in [
            ("bBvV", 8, 1),
            ("dhoquwx", 8, 2),
            ("DHOQUWX", 16, 4),
            ("EGJKPZegp", 16, 8),
            ("R", 64, 8),
            ("cC", 1, 1),
        ] {
            for character in characters.chars() {
                let letter = find(character).unwrap();
                assert_eq!((letter.width, letter.size()), (width, Some(size)), "{character}");
            }
        }
        for (character, size) in [('f', 4), ('F', 8), ('Y', 4), ('y', 8)] {
            assert_eq!(find(character).unwrap().size(), Some(size), "{character}");
        }
    }
}

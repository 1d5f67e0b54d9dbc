//! Who has set how far the heap may grow: an option of the command line or of `NODE_OPTIONS`, or nobody.

use core_reader::Core;
use v8_heap::questions::HeapLimit;

use crate::output::escape;

/// Options that say it, in megabytes: of the old generation, and of the whole heap.
const OPTIONS: [&str; 2] = ["--max-old-space-size", "--max-heap-size"];
/// The variable of the environment whose options come before those of the command line.
const VARIABLE: &str = "NODE_OPTIONS=";

/// `--max-old-space-size=60 on the command line`; what V8 does without an option, if there is none. An option that says another number than
/// the limit itself is not believed: then nobody is named. Escaped.
pub(crate) fn limit_origin(core: &Core, limit: HeapLimit) -> Option<String> {
    let process = core.process();
    if process.arguments.is_empty() {
        return None;
    }
    // What stands behind the program is the program's own.
    let own = process.arguments.iter().skip(1).take_while(|word| word.starts_with('-')).map(String::as_str);
    let variable = process.environment.iter().find_map(|entry| entry.strip_prefix(VARIABLE)).unwrap_or("");
    let said = said(own).map(|found| (found, "on the command line"));
    let said = said.or_else(|| Some((self::said(variable.split_whitespace())?, "in NODE_OPTIONS")));
    match said {
        Some(((option, megabytes), place)) => {
            let is_it = megabytes.checked_mul(1 << 20) == Some(limit.first) || option.contains("heap-size");
            is_it.then(|| format!("{} {place}", escape(&option)))
        }
        None => {
            Some("no option says it: V8's own choice for the memory of the machine or the cgroup".to_owned())
        }
    }
}

/// The last option that says it, and its megabytes.
fn said<'w>(words: impl Iterator<Item = &'w str>) -> Option<(String, u64)> {
    let mut last = None;
    for word in words {
        let (name, number) = word.split_once('=').unwrap_or((word, ""));
        if OPTIONS.contains(&name.replace('_', "-").as_str())
            && let Ok(megabytes) = number.parse()
        {
            last = Some((word.to_owned(), megabytes));
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_option_counts_however_it_is_written() {
        let of = |line: &str| said(line.split_whitespace());
        assert_eq!(of("--inspect --max_old_space_size=60"), Some(("--max_old_space_size=60".to_owned(), 60)));
        assert_eq!(
            of("--max-old-space-size=60 --max-old-space-size=70"),
            Some(("--max-old-space-size=70".to_owned(), 70))
        );
        assert_eq!(of("--max-semi-space-size=8 --max-old-space-size=many"), None);
    }
}

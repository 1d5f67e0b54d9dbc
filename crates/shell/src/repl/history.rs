//! The history of lines, kept across runs.
//!
//! In the file that `V8MDB_HISTORY` names, else in `$XDG_STATE_HOME/v8mdb/history`, else in `~/.local/state/v8mdb/history`.
//! A history that cannot be kept is no reason to bother anybody.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustyline::Editor;
use rustyline::history::FileHistory;

use crate::host_files;

/// Lines kept.
pub(super) const LENGTH: usize = 5000;

/// Where the history is kept; nowhere if `V8MDB_HISTORY` is empty.
pub(super) fn path() -> Option<PathBuf> {
    choose(std::env::var_os("V8MDB_HISTORY"), std::env::var_os("XDG_STATE_HOME"), std::env::home_dir())
}

fn choose(own: Option<OsString>, state: Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    if let Some(own) = own {
        return (!own.is_empty()).then(|| own.into());
    }
    let state = state.map(PathBuf::from).filter(|state| state.is_absolute());
    let state = state.or_else(|| home.map(|home| home.join(".local/state")))?;
    Some(state.join("v8mdb/history"))
}

/// Reads the history of former runs.
pub(super) fn load<H: rustyline::Helper>(editor: &mut Editor<H, FileHistory>, path: &Path) {
    // There is none on the first run.
    let _ = editor.load_history(path);
}

/// Adds the latest line to the file.
pub(super) fn append<H: rustyline::Helper>(editor: &mut Editor<H, FileHistory>, path: &Path) {
    let _ = host_files::create_directory_of(path);
    let _ = editor.append_history(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_over_the_state_directory() {
        let os = |text: &str| Some(OsString::from(text));
        let home = || Some(PathBuf::from("/home/u"));
        assert_eq!(choose(os("/tmp/h"), os("/state"), home()), Some("/tmp/h".into()));
        assert_eq!(choose(os(""), os("/state"), home()), None);
        assert_eq!(choose(None, os("/state"), home()), Some("/state/v8mdb/history".into()));
        assert_eq!(choose(None, os("relative"), home()), Some("/home/u/.local/state/v8mdb/history".into()));
        assert_eq!(choose(None, None, None), None);
    }
}

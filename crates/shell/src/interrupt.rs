//! Ctrl-C, as long work learns of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The flag that Ctrl-C sets and long work watches.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that `SIGINT` sets from now on. Where nobody can type the next command, a second one ends the program.
    ///
    /// # Errors
    /// The system's, if the handler cannot be installed.
    pub fn on_signal(interactive: bool) -> std::io::Result<Interrupt> {
        let interrupt = Interrupt::default();
        if !interactive {
            let pressed = Arc::clone(&interrupt.0);
            signal_hook::flag::register_conditional_default(signal_hook::consts::SIGINT, pressed)?;
        }
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt.0))?;
        Ok(interrupt)
    }

    /// Whether the user asked to stop since the last [`Interrupt::clear`].
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks to stop, as Ctrl-C does.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Forgets it: a new command starts.
    pub fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

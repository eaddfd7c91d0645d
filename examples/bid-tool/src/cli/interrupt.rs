//! SIGINT, SIGTERM and SIGHUP. While a session is open they are kept until it is cancelled; otherwise they end the
//! program at once.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::CliError;

/// What a shell gives for a program that SIGINT ended.
pub const EXIT_CODE: u8 = 130;

const NOTHING_OPEN: u8 = 0;
const OPEN: u8 = 1;
const INTERRUPTED: u8 = 2;

/// Catches the signals while it lives. A second signal ends the program even then.
pub struct Interrupt {
    state: Arc<AtomicU8>,
}

impl Interrupt {
    /// To be called once, before anything is opened.
    ///
    /// # Errors
    /// [`CliError::Signals`].
    pub fn catch() -> Result<Self, CliError> {
        let state = Arc::new(AtomicU8::new(OPEN));
        let seen = Arc::clone(&state);
        ctrlc::set_handler(move || {
            if seen.compare_exchange(OPEN, INTERRUPTED, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                process::exit(EXIT_CODE.into());
            }
        })?;
        Ok(Self { state })
    }

    /// # Errors
    /// [`CliError::Interrupted`] after a signal.
    pub fn check(&self) -> Result<(), CliError> {
        match self.state.load(Ordering::SeqCst) {
            INTERRUPTED => Err(CliError::Interrupted),
            _ => Ok(()),
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.state.store(NOTHING_OPEN, Ordering::SeqCst);
    }
}

//! What Ctrl-C says: where the program stopped, and how to go on.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex};

use crate::cluster::process;

/// The exit code, as shells have it.
const INTERRUPTED: i32 = 130;

/// What is said when Ctrl-C comes now.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<Mutex<String>>);

impl Interrupt {
    /// Watches for Ctrl-C from now on.
    pub fn watch(message: &str) -> Self {
        let known = Arc::new(Mutex::new(message.to_owned()));
        let seen = Arc::clone(&known);
        let set = ctrlc::set_handler(move || {
            if io::stderr().is_terminal() {
                // A prompt may have hidden it.
                let _ = dialoguer::console::Term::stderr().show_cursor();
            }
            if io::stdin().is_terminal() {
                // The hidden prompt switched it off.
                process::show_typing();
            }
            process::stop_all();
            let message = seen.lock().map(|message| message.clone()).unwrap_or_default();
            let _ = writeln!(io::stderr(), "\n{message}");
            std::process::exit(INTERRUPTED);
        });
        // Another handler can only be one of ours.
        drop(set);
        Self(known)
    }

    /// Sets what is said from now on.
    pub fn say(&self, message: String) {
        if let Ok(mut known) = self.0.lock() {
            *known = message;
        }
    }
}

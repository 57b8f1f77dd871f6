//! What is said when the program is interrupted (Ctrl-C, SIGTERM, SIGHUP): where it stopped, and how to go on. All children are
//! ended before.

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex};

use crate::cluster::process;
use crate::gate::{self, say};

/// What is said when a signal comes now.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<Mutex<String>>);

impl Interrupt {
    /// Watches for signals from now on.
    pub fn watch(message: &str) -> Self {
        let known = Arc::new(Mutex::new(message.to_owned()));
        let seen = Arc::clone(&known);
        on_signal(move |signal| {
            process::stop_all();
            if io::stderr().is_terminal() {
                gate::show_cursor();
            }
            if io::stdin().is_terminal() {
                // The hidden prompt switched it off.
                process::show_typing();
            }
            let message = seen.lock().map(|message| message.clone()).unwrap_or_default();
            say!("\n{}", message);
            // As shells have it.
            std::process::exit(128 + signal);
        });
        Self(known)
    }

    /// Sets what is said from now on.
    pub fn say(&self, message: String) {
        if let Ok(mut known) = self.0.lock() {
            *known = message;
        }
    }
}

/// Calls the handler, in a thread of its own, with the number of the signal that asks this program to end.
#[cfg(unix)]
fn on_signal(handler: impl Fn(i32) + Send + 'static) {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    // Who starts it with nohup wants it to outlive the terminal.
    let hangup = Some(SIGHUP).filter(|_| !ignores_hangup());
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup))
    else {
        return;
    };
    std::thread::spawn(move || signals.forever().for_each(handler));
}

/// Whether SIGHUP was ignored when this program was started, as far as the system tells.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Signal 1 is the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
fn on_signal(handler: impl Fn(i32) + Send + 'static) {
    // Ctrl-C is all there is. Another handler can only be one of ours.
    drop(ctrlc::set_handler(move || handler(2)));
}

//! How long the cluster may take: each request, all of a command, and what is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The limits of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of each request to the server: kubectl's `--request-timeout`.
    pub request: Duration,
    /// Of the whole command, but for what it waits for and for what a person is asked.
    pub command: Duration,
    /// Of a rollout or a deletion that is waited for.
    pub wait: Duration,
}

impl Limits {
    /// What holds where no flag says otherwise.
    pub const DEFAULT: Self = Self {
        request: Duration::from_secs(30),
        command: Duration::from_secs(300),
        wait: Duration::from_secs(300),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// When a command has to have ended. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Deadline(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    end: Instant,
    /// How many pauses there are now, and since when.
    pauses: usize,
    since: Instant,
}

/// While it lives the time of the command does not run.
pub struct Pause(Deadline);

impl Deadline {
    pub(super) fn new(limit: Duration) -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State { end: now + limit, pauses: 0, since: now })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_passed(&self) -> bool {
        let state = self.state();
        state.pauses == 0 && Instant::now() >= state.end
    }

    /// Lets the time begin anew, or end at once.
    pub(super) fn set(&self, limit: Duration) {
        self.state().end = Instant::now() + limit;
    }

    pub(super) fn pause(&self) -> Pause {
        let mut state = self.state();
        if state.pauses == 0 {
            state.since = Instant::now();
        }
        state.pauses += 1;
        drop(state);
        Pause(self.clone())
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.pauses = state.pauses.saturating_sub(1);
        if state.pauses == 0 {
            let since = state.since;
            state.end += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_does_not_count() {
        let deadline = Deadline::new(Duration::from_millis(40));
        let (first, second) = (deadline.pause(), deadline.pause());
        std::thread::sleep(Duration::from_millis(60));
        drop(first);
        assert!(!deadline.has_passed());
        drop(second);
        assert!(!deadline.has_passed());
        std::thread::sleep(Duration::from_millis(60));
        assert!(deadline.has_passed());
        deadline.set(Duration::from_secs(60));
        assert!(!deadline.has_passed());
    }
}

//! Child processes: all that this program starts are started here. They get no token, neither as an argument nor in their
//! environment; manifests go to their stdin. They end when their time is up and when this program is interrupted.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::secret;

/// How often a waiting call looks whether its time is up.
const TICK: Duration = Duration::from_millis(50);

/// How many parts of its output are read ahead: a large cluster prints faster than it is read.
const AHEAD: usize = 64;

/// How long a child that ended by a signal waits for this program's own: Ctrl-C at a terminal reaches both.
const SIGNAL_GRACE: Duration = Duration::from_millis(300);

/// The variables of this program begin like this.
const OWN_VARIABLES: &str = "MESHOBS_";

/// Those whose name ends like this hold a token, or an address with one.
const SECRET_VARIABLES: [&str; 2] = ["TOKEN", "DATAWAY"];

/// Another variable that children do not get: what kubectl prints is read here, not shown by a viewer.
const VIEWER: &str = "KUBECTL_EXTERNAL_DIFF";

static RUNNING: Mutex<Running> = Mutex::new(Running { stopping: false, next: 0, children: None });

struct Running {
    /// Whether this program is ending: nothing is started any more.
    stopping: bool,
    next: u64,
    children: Option<HashMap<u64, Child>>,
}

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program to be run, and what it is given.
pub(crate) struct Call<'a, 'o> {
    /// Looked for on the PATH.
    pub program: &'static str,
    pub args: Vec<OsString>,
    pub input: &'a str,
    /// Whether its time is up; asked again and again while it runs.
    pub expired: &'a dyn Fn() -> bool,
    /// What becomes of what it prints.
    pub output: Output<'o>,
}

/// What becomes of what a program prints.
pub(crate) enum Output<'o> {
    /// It is kept for the answer.
    Kept,
    /// Each part is handed on as it comes, and not kept.
    Streamed(&'o mut dyn FnMut(&[u8])),
}

/// What a program did.
pub(crate) struct Answer {
    pub success: bool,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be started or waited for.
    Io(io::Error),
    /// Its time was up, and it was ended.
    Expired,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    End,
}

/// Runs a program to its end.
pub(crate) fn run(call: Call<'_, '_>) -> Result<Answer, Failure> {
    let mut child = Started::spawn(call.program, &call.args)?;
    let mut answer = Answer { success: false, stdout: Vec::new(), stderr: Vec::new() };
    let events = child.talk(call.input);
    let mut open = 2;
    let mut output = call.output;
    while open > 0 {
        match events.recv_timeout(TICK) {
            Ok(Event::Stdout(bytes)) => match &mut output {
                Output::Kept => answer.stdout.extend(bytes),
                Output::Streamed(on_output) => on_output(&bytes),
            },
            Ok(Event::Stderr(bytes)) => answer.stderr.extend(bytes),
            Ok(Event::End) => open -= 1,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if (call.expired)() {
            return Err(Failure::Expired);
        }
    }
    let status = child.wait(call.expired)?;
    answer.success = status.success();
    if !answer.success && (answer.stderr.is_empty() || died_of_signal(status)) {
        wait_for_interrupt();
    }
    Ok(answer)
}

/// A program with the environment that children get.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, value) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let secret = SECRET_VARIABLES.iter().any(|end| text.ends_with(end))
            || secret::may_hold_token(&value.to_string_lossy());
        if secret && text.starts_with(OWN_VARIABLES) {
            command.env_remove(name);
        }
    }
    command.env_remove(VIEWER);
    command
}

/// A program that runs beside this one until it is dropped.
pub(crate) struct Background {
    /// Ends it when dropped.
    _child: Started,
    /// Kept, or the program would die of what it prints to nobody.
    events: Mutex<Receiver<Event>>,
}

impl Background {
    pub(crate) fn start(program: &str, args: &[OsString]) -> io::Result<Self> {
        let mut child = Started::spawn(program, args)?;
        let events = child.talk("");
        Ok(Self { _child: child, events: Mutex::new(events) })
    }

    /// What the first line of its output gives that gives something. Else what it wrote to stderr until it ended, or until
    /// its time was up.
    pub(crate) fn find<T>(
        &self,
        expired: impl Fn() -> bool,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Vec<u8>> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut stdout, mut stderr, mut open) = (Vec::new(), Vec::new(), 2);
        while open > 0 && !expired() {
            match events.recv_timeout(TICK) {
                Ok(Event::Stdout(bytes)) => stdout.extend(bytes),
                Ok(Event::Stderr(bytes)) => stderr.extend(bytes),
                Ok(Event::End) => open -= 1,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(found) = String::from_utf8_lossy(&stdout).lines().find_map(&find) {
                return Ok(found);
            }
        }
        Err(stderr)
    }
}

/// A child that is known to [`stop_all`] until it has ended.
struct Started(u64);

impl Started {
    fn spawn(program: &str, args: &[OsString]) -> io::Result<Self> {
        let mut command = command(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = running();
        if running.stopping {
            drop(running);
            wait_for_the_end();
        }
        let child = command.spawn()?;
        let id = running.next;
        running.next += 1;
        running.children.get_or_insert_default().insert(id, child);
        Ok(Self(id))
    }

    fn with<T>(&self, action: impl FnOnce(&mut Child) -> T) -> Option<T> {
        running().children.as_mut()?.get_mut(&self.0).map(action)
    }

    /// Feeds its stdin and reads what it prints.
    fn talk(&mut self, input: &str) -> Receiver<Event> {
        let (sender, receiver) = sync_channel(AHEAD);
        let pipes = self.with(|child| (child.stdin.take(), child.stdout.take(), child.stderr.take()));
        let (stdin, stdout, stderr) = pipes.unwrap_or_default();
        if let Some(mut stdin) = stdin {
            let text = input.to_owned();
            // A program that does not read all of it says why.
            std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        }
        read(stdout, sender.clone(), Event::Stdout);
        read(stderr, sender, Event::Stderr);
        receiver
    }

    /// Waits for a child that has closed its output.
    fn wait(&mut self, expired: &dyn Fn() -> bool) -> Result<ExitStatus, Failure> {
        let mut pause = Duration::from_millis(1);
        loop {
            let ended = self.with(Child::try_wait).transpose()?.flatten();
            if let Some(status) = ended {
                return Ok(status);
            }
            if expired() {
                return Err(Failure::Expired);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(TICK);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let child = running().children.as_mut().and_then(|children| children.remove(&self.0));
        if let Some(mut child) = child {
            // Both do nothing where it has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn read(
    pipe: Option<impl Read + Send + 'static>,
    sender: SyncSender<Event>,
    event: impl Fn(Vec<u8>) -> Event + Send + 'static,
) {
    let Some(mut pipe) = pipe else {
        let _ = sender.send(Event::End);
        return;
    };
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if sender.send(event(buffer.get(..count).unwrap_or_default().to_vec())).is_err() {
                return;
            }
        }
        let _ = sender.send(Event::End);
    });
}

#[cfg(unix)]
fn died_of_signal(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status).is_some()
}

#[cfg(not(unix))]
fn died_of_signal(_: ExitStatus) -> bool {
    false
}

/// Gives this program's own signal a moment to arrive: then the interruption is reported, not the child's end.
fn wait_for_interrupt() {
    let end = Instant::now() + SIGNAL_GRACE;
    while Instant::now() < end {
        if running().stopping {
            wait_for_the_end();
        }
        std::thread::sleep(TICK / 5);
    }
}

/// Another thread is ending this program.
fn wait_for_the_end() -> ! {
    loop {
        std::thread::park();
    }
}

/// Ends all children, and lets none be started any more. Threads that wait for one stay where they are: the caller is to end
/// this program.
pub(crate) fn stop_all() {
    let mut running = running();
    running.stopping = true;
    for child in running.children.iter_mut().flat_map(HashMap::values_mut) {
        let _ = child.kill();
    }
}

/// Makes the terminal show again what is typed, after a hidden prompt.
pub(crate) fn show_typing() {
    let _ = command("stty").arg("echo").stderr(Stdio::null()).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, input: &str, limit: Duration) -> Result<Answer, Failure> {
        let start = Instant::now();
        run(Call {
            program: "sh",
            args: ["-c", script].map(OsString::from).to_vec(),
            input,
            expired: &|| start.elapsed() > limit,
            output: Output::Kept,
        })
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_program_is_fed_and_read_at_once() {
        // More than both pipes hold.
        let input = "0123456789abcde\n".repeat(20_000);
        let answer = sh("tee /dev/stderr", &input, LONG).unwrap();
        assert!(answer.success);
        assert_eq!((answer.stdout.len(), answer.stderr.len()), (input.len(), input.len()));
        let answer = sh("echo no >&2; exit 3", &input, LONG).unwrap();
        assert_eq!((answer.success, answer.stderr.as_slice()), (false, &b"no\n"[..]));
    }

    #[test]
    fn a_program_ends_when_its_time_is_up() {
        let start = Instant::now();
        for script in ["exec sleep 30", "sleep 30 & exec sleep 30", "exec sleep 30 >&- 2>&-"] {
            let failed = sh(script, "", Duration::from_millis(200));
            assert!(matches!(failed, Err(Failure::Expired)), "{script}");
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn output_is_handed_on_as_it_comes() {
        let mut seen = Vec::new();
        let start = Instant::now();
        let call = Call {
            program: "sh",
            args: ["-c", "printf a; printf b; exit 1"].map(OsString::from).to_vec(),
            input: "",
            expired: &|| start.elapsed() > LONG,
            output: Output::Streamed(&mut |bytes| seen.extend_from_slice(bytes)),
        };
        let answer = run(call).unwrap();
        assert_eq!(
            (answer.success, answer.stdout.as_slice(), seen.as_slice()),
            (false, &b""[..], &b"ab"[..])
        );
    }

    #[test]
    fn a_program_beside_this_one_ends_when_it_is_dropped() {
        let start = |script: &str| Background::start("sh", &["-c", script].map(OsString::from)).unwrap();
        let pid = |line: &str| line.strip_prefix("pid ").map(str::to_owned);
        let background = start("echo hello; echo pid $$; exec sleep 30");
        let found = background.find(|| false, pid).unwrap();
        let is_running = || std::path::Path::new(&format!("/proc/{found}")).exists();
        assert!(is_running());
        drop(background);
        assert!(!is_running());
        let failed = start("echo no >&2; exit 1").find(|| false, pid);
        assert_eq!(failed, Err(b"no\n".to_vec()));
        assert!(start("exec sleep 30").find(|| true, pid).is_err());
    }

    #[test]
    fn a_program_that_is_missing_is_an_io_error() {
        let failed = run(Call {
            program: "/nowhere/program",
            args: Vec::new(),
            input: "",
            expired: &|| false,
            output: Output::Kept,
        });
        assert!(matches!(failed, Err(Failure::Io(error)) if error.kind() == io::ErrorKind::NotFound));
    }
}

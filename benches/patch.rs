//! How fast `patch` is, beside `cat` and beside copying memory. Reports figures; asserts nothing about them.
//!
//! `cargo bench` prints: the whole process on a bookinfo manifest in milliseconds, a stream of 20 MB in MB/s, and
//! what the parser alone takes of that.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use meshobs::yaml::{Document, DocumentReader};

const BINARY: &str = env!("CARGO_BIN_EXE_meshobs");
const STREAM: usize = 20_000_000;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bookinfo = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bookinfo/all/bookinfo.yaml");
    let manifest = fs::read_to_string(&bookinfo).expect("the bookinfo manifest");
    let mut stream = String::with_capacity(STREAM + manifest.len());
    while stream.len() < STREAM {
        stream.push_str(&manifest);
        if !stream.ends_with("---\n") {
            stream.push_str("---\n");
        }
    }
    let big = folder.path().join("stream.yaml");
    fs::write(&big, &stream).expect("the stream");

    println!("bookinfo.yaml ({} bytes), whole process, fastest and median of 500 runs", manifest.len());
    let cat = process(&["cat"], &bookinfo, 500);
    let patch = process(&[BINARY, "patch", "--no-config"], &bookinfo, 500);
    println!("  cat            {:6.2} ms  {:6.2} ms", ms(cat.0), ms(cat.1));
    println!("  meshobs patch  {:6.2} ms  {:6.2} ms", ms(patch.0), ms(patch.1));
    println!("  ratio          {:6.2}     {:6.2}", ms(patch.0) / ms(cat.0), ms(patch.1) / ms(cat.1));

    println!("stream of {} MB, many documents, fastest of 5 runs", stream.len() / 1_000_000);
    let mut copied = vec![0; stream.len()];
    let copy = fastest(5, || {
        copied.copy_from_slice(black_box(stream.as_bytes()));
        black_box(&mut copied);
    });
    let cut = fastest(5, || {
        let mut reader = DocumentReader::new(stream.as_bytes());
        while let Ok(Some(chunk)) = reader.next_document() {
            black_box(chunk.text.len());
        }
    });
    let parse = fastest(5, || {
        let mut reader = DocumentReader::new(stream.as_bytes());
        while let Ok(Some(chunk)) = reader.next_document() {
            black_box(Document::parse(chunk.text).expect("valid").tape().nodes.len());
        }
    });
    let whole = process(&[BINARY, "patch", "--no-config", "-q"], &big, 5).0;
    for (name, time) in
        [("memory copy", copy), ("cutting", cut), ("cutting, parsing", parse), ("meshobs patch", whole)]
    {
        let rate = stream.len() as f64 / 1e6 / time.as_secs_f64();
        println!("  {name:17}{rate:9.0} MB/s");
    }
    println!("  patch / parsing  {:9.2}", parse.as_secs_f64() / whole.as_secs_f64());
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn fastest(runs: usize, mut run: impl FnMut()) -> Duration {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

/// The fastest and the median time of a command on a file, output thrown away.
fn process(command: &[&str], file: &Path, runs: usize) -> (Duration, Duration) {
    let (program, arguments) = command.split_first().expect("a command");
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let null = || Stdio::from(File::options().write(true).open("/dev/null").expect("null"));
            let mut command = Command::new(program);
            command.args(arguments).arg(file).stdout(null()).stderr(null());
            let start = Instant::now();
            let status = command.status().expect("the command runs");
            let time = start.elapsed();
            assert!(status.success(), "{program} failed");
            time
        })
        .collect();
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    (times.first().copied().unwrap_or_default(), median)
}

//! How long the hash of a local context takes, beside `sha256sum` on the same files, and how much memory a large one takes.
//! Figures, never assertions.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers: printing is its purpose"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use terraform_provider_acr::acr::source::Source;

/// A large but ordinary project.
const FILES: usize = 10_000;
const FILES_PER_FOLDER: usize = 100;
const FILE_BYTES: usize = 8 << 10;

/// A context of a size that some have: one file, without blocks on the disc.
const LARGE_BYTES: u64 = 1 << 30;

/// Enough for a median that stays the same from run to run.
const RUNS: usize = 5;

fn main() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    let hash = median(|| {
        let source = Source::read(root.path(), Path::new("Dockerfile"), &[]).unwrap();
        source.hash().unwrap();
    });
    let pack = median(|| {
        Source::read(root.path(), Path::new("Dockerfile"), &[])
            .unwrap()
            .pack()
            .unwrap();
    });
    let sums = median(|| {
        let script = "find . -type f -print0 | xargs -0 sha256sum";
        let sums = Command::new("sh")
            .args(["-c", script])
            .current_dir(root.path())
            .stdout(Stdio::null())
            .status();
        assert!(sums.unwrap().success());
    });
    println!("context hash, 10,000 files     {:>8.1} ms", millis(hash));
    println!("sha256sum, the same files      {:>8.1} ms", millis(sums));
    println!("context archive, 10,000 files  {:>8.1} ms", millis(pack));
    let large = tempfile::tempdir().unwrap();
    fs::write(large.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let file = fs::File::create(large.path().join("data")).unwrap();
    file.set_len(LARGE_BYTES).unwrap();
    let begun = Instant::now();
    let source = Source::read(large.path(), Path::new("Dockerfile"), &[]).unwrap();
    source.hash().unwrap();
    source.pack().unwrap();
    println!("hash and archive of 1 GiB      {:>8.1} ms", millis(begun.elapsed()));
    match peak_kib() {
        Some(peak) => println!("memory at the peak of all that {:>8.1} MiB", kib_to_mib(peak)),
        None => println!("memory at the peak: this system does not tell"),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// The most memory that this process has had, in KiB; where the system tells (Linux).
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn fill(root: &Path) {
    fs::write(root.join("Dockerfile"), "FROM scratch\n").unwrap();
    fs::write(root.join(".dockerignore"), "**/*.log\nbuild\n!build/keep\n").unwrap();
    for at in 0..FILES {
        let folder = root.join(format!("folder{:03}", at / FILES_PER_FOLDER));
        fs::create_dir_all(&folder).unwrap();
        let text = format!("{at:08} ").repeat(FILE_BYTES / 9);
        fs::write(folder.join(format!("file{at:05}.rs")), text).unwrap();
    }
}

fn median(mut once: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            once();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

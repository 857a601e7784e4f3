//! How long the hash of a local context takes, beside `sha256sum` on the same files. A figure, never an assertion.
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

/// Enough for a median that stays the same from run to run.
const RUNS: usize = 5;

fn main() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    let hash = median(|| {
        let source = Source::read(root.path(), Path::new("Dockerfile")).unwrap();
        source.hash().unwrap();
    });
    let pack = median(|| {
        Source::read(root.path(), Path::new("Dockerfile"))
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

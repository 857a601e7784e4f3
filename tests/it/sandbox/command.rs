//! A command of a sandbox, while it runs and when it has ended.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long any one command may take. Far more than the slowest takes on a loaded machine: it only ends a command that hangs.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);

/// How often a running command is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A finished command. Its `Display` holds all that is needed to understand a failure.
pub struct Run {
    /// The exit code, or nothing when a signal ended the command.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    pub(super) status: ExitStatus,
    pub(super) command: String,
    pub(super) folder: PathBuf,
}

/// A command that has been started. Dropping it kills the command and every process it started.
pub struct Running {
    pub(super) child: Child,
    pub(super) finished: bool,
    pub(super) command: String,
    pub(super) folder: PathBuf,
    pub(super) stdout: PathBuf,
    pub(super) stderr: PathBuf,
}

impl Run {
    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{self}"))
    }

    /// Both streams: Terraform writes diagnostics to either, depending on the command.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails unless the output holds `text`, wherever Terraform broke its lines.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(
            flat(&self.output()).contains(&flat(text)),
            "missing in the output: {text}\n{self}"
        );
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}\nin {}", self.command, self.folder.display())?;
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.extension().and_then(|it| it.to_str()) {
                Some("tf" | "hcl" | "tfvars") => {
                    writeln!(
                        f,
                        "--- {}\n{}",
                        path.display(),
                        fs::read_to_string(&path).unwrap_or_default().trim_end()
                    )?;
                }
                _ => writeln!(f, "--- {}", path.display())?,
            }
        }
        writeln!(
            f,
            "--- stdout\n{}\n--- stderr\n{}\n--- {}",
            self.stdout.trim_end(),
            self.stderr.trim_end(),
            self.status
        )
    }
}

impl Running {
    /// What a script does to Terraform: SIGINT to its process alone.
    pub fn interrupt(&self) {
        signal("INT", &self.child.id().to_string());
    }

    /// What Ctrl-C does: SIGINT to Terraform and every process it started.
    pub fn interrupt_group(&self) {
        signal("INT", &format!("-{}", self.child.id()));
    }

    /// What a power failure does: SIGKILL to Terraform and every process it started.
    pub fn kill(&self) {
        signal("KILL", &format!("-{}", self.child.id()));
    }

    /// SIGKILL to the provider processes alone.
    pub fn kill_providers(&self) {
        for pid in self.provider_pids() {
            signal("KILL", &pid.to_string());
        }
    }

    /// The provider processes that run for this command now. Linux only: they are read from `/proc`.
    pub fn provider_pids(&self) -> Vec<u32> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                // `pid (command) state parent group ...`, the command cut to 15 bytes.
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let Some((command, rest)) = stat.rsplit_once(") ") else {
                    return false;
                };
                command.contains("(terraform-provi") && rest.split(' ').nth(2) == Some(&self.child.id().to_string())
            })
            .collect()
    }

    /// Waits until the output holds `text`; fails when the command ends first.
    #[track_caller]
    pub fn until(&mut self, text: &str) {
        let start = Instant::now();
        while !self.output_holds(text) {
            let ended = self.child.try_wait().unwrap();
            // Looked at once more, because the text may have come with the end.
            if (ended.is_some() && !self.output_holds(text)) || start.elapsed() > COMMAND_TIMEOUT {
                self.kill();
                let status = self.child.wait().unwrap();
                panic!("the output never held: {text}\n{}", self.finish(status));
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Waits for the end; after `timeout` everything is killed and the test fails.
    #[track_caller]
    pub fn wait(mut self, timeout: Duration) -> Run {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return self.finish(status);
            }
            if start.elapsed() > timeout {
                self.kill();
                let status = self.child.wait().unwrap();
                panic!("this command did not end within {timeout:?}\n{}", self.finish(status));
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }

    fn output_holds(&self, text: &str) -> bool {
        [&self.stdout, &self.stderr]
            .iter()
            .any(|file| fs::read_to_string(file).unwrap_or_default().contains(text))
    }

    fn finish(&mut self, status: ExitStatus) -> Run {
        self.finished = true;
        let read = |file: &Path| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        Run {
            code: status.code(),
            stdout: read(&self.stdout),
            stderr: read(&self.stderr),
            status,
            command: self.command.clone(),
            folder: self.folder.clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.finished {
            self.kill();
            // A process that is gone already is what was wanted.
            let _ = self.child.wait();
        }
    }
}

/// Sends a signal to a process, or with a leading `-` to a group. The shell's own `kill` is everywhere and needs no unsafe code.
fn signal(name: &str, target: &str) {
    let script = r#"kill -s "$1" -- "$2" 2>/dev/null"#;
    // A process that has ended meanwhile takes no signal, and that is no failure.
    let _ = Command::new("/bin/sh")
        .args(["-c", script, "sh", name, target])
        .status();
}

/// One line without the frame and the line breaks that Terraform puts around diagnostics.
fn flat(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || "│╷╵".contains(c))
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

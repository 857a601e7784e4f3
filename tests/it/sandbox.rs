//! Runs a real Terraform in a private folder, and says everything when it fails.
//!
//! A sandbox inherits nothing from the machine but `PATH`: its home, temporary folder, CLI configuration and data folder are its
//! own, and no provider but ours can be installed. A sandbox of a failed test stays on disk; the failure names the folder.
#![allow(
    dead_code,
    reason = "what the other subjects may ask of a sandbox is more than one of them needs"
)]

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    fs::File,
    os::unix::{fs::symlink, process::CommandExt},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// How long any one command may take. Far more than the slowest takes on a loaded machine: it only ends a command that hangs.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);

/// How often a running command is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The provider's address, as users write it.
const SOURCE: &str = "agentpools/acr";

/// The hosts that Terraform and OpenTofu complete [`SOURCE`] with.
const HOSTS: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// Which Terraform runs; `tests/tools/setup.py` pins both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 1.15.5, or what the environment variable `TF_CLI` names.
    Newest,
    /// 1.6.6: the oldest that users are told works.
    Oldest,
}

/// A private folder with a Terraform to run in it.
pub struct Sandbox {
    version: Version,
    terraform: PathBuf,
    root: Option<TempDir>,
    env: BTreeMap<String, String>,
    commands: AtomicUsize,
}

/// A finished command. Its `Display` holds all that is needed to understand a failure.
pub struct Run {
    /// The exit code, or nothing when a signal ended the command.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    status: ExitStatus,
    command: String,
    folder: PathBuf,
}

/// A command that has been started. Dropping it kills the command and every process it started.
pub struct Running {
    child: Child,
    finished: bool,
    command: String,
    folder: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Version {
    /// Every pinned version: a test of what users see runs with each.
    pub fn both() -> [Self; 2] {
        [Self::Newest, Self::Oldest]
    }

    /// The command; a missing one is a failure, because a skipped test looks like a passed one.
    fn terraform(self) -> PathBuf {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
        let pinned = match (self, env::var_os("TF_CLI").filter(|it| !it.is_empty())) {
            (Self::Newest, Some(cli)) => return on_path(Path::new(&cli)),
            (Self::Newest, None) => "terraform-1.15.5/terraform",
            (Self::Oldest, _) => "terraform-1.6.6/terraform",
        };
        let terraform = tools.join(pinned);
        assert!(
            terraform.is_file() && tools.join(pinned).with_file_name("stamp").is_file(),
            "no Terraform in {}: run `make setup` first",
            terraform.display()
        );
        terraform
    }
}

impl Sandbox {
    /// An empty folder whose Terraform finds our provider through `dev_overrides`: no `init` is needed.
    pub fn new(version: Version) -> Self {
        let terraform = version.terraform();
        // In the system's folder for temporary files, because the path of a provider's socket must stay under 108 bytes.
        let root = tempfile::Builder::new().prefix("acr-").tempdir().unwrap();
        for folder in ["work", "home", "tmp", "logs", "plugins"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        symlink(provider(), root.path().join("plugins/terraform-provider-acr")).unwrap();
        let sandbox = Self {
            version,
            terraform,
            root: Some(root),
            env: BTreeMap::new(),
            commands: AtomicUsize::new(0),
        };
        let plugins = sandbox.root().join("plugins");
        sandbox.configure_cli(&format!(
            "dev_overrides {{\n    {SOURCE:?} = {:?}\n  }}",
            plugins.display().to_string()
        ));
        sandbox
    }

    /// Adds variables to the environment of every command that follows.
    pub fn env(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        self.env.extend(pairs);
        self
    }

    /// Makes Terraform use a provider process that is running already; `json` is what `--debug` printed.
    pub fn reattach(self, json: &str) -> Self {
        self.env([("TF_REATTACH_PROVIDERS".to_owned(), json.to_owned())])
    }

    /// Installs the provider as a user would, from a filesystem mirror, with `init` and a lock file. The configuration is there first.
    pub fn mirror(&self) -> Run {
        let mirror = self.root().join("mirror");
        let version = env!("CARGO_PKG_VERSION");
        for host in HOSTS {
            let folder = mirror.join(host).join(SOURCE).join(version).join(platform());
            fs::create_dir_all(&folder).unwrap();
            let binary = folder.join(format!("terraform-provider-acr_v{version}"));
            if !binary.exists() {
                // Another file system may hold the build; then a copy has to do. A link would not: Terraform refuses one here.
                fs::hard_link(provider(), &binary)
                    .or_else(|_| fs::copy(provider(), &binary).map(drop))
                    .unwrap();
            }
        }
        self.configure_cli(&format!(
            "filesystem_mirror {{\n    path = {:?}\n  }}",
            mirror.display().to_string()
        ));
        self.ok(&["init"])
    }

    /// Which Terraform this is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The folder that the commands run in.
    pub fn path(&self) -> PathBuf {
        self.root().join("work")
    }

    /// Writes a file of the configuration; folders in `name` are made.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Runs a command to its end, whatever that is.
    pub fn run(&self, args: &[&str]) -> Run {
        self.start(args).wait(COMMAND_TIMEOUT)
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert!(run.status.success(), "this command should have succeeded\n{run}");
        run
    }

    /// Runs a command that must fail.
    #[track_caller]
    pub fn fails(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert!(!run.status.success(), "this command should have failed\n{run}");
        run
    }

    /// Fails unless a plan finds nothing to do.
    #[track_caller]
    pub fn plan_is_empty(&self) {
        let run = self.run(&["plan", "-detailed-exitcode"]);
        assert_eq!(run.code, Some(0), "the plan should have been empty\n{run}");
    }

    /// The state as `show -json` presents it, or the saved plan `what`.
    #[track_caller]
    pub fn show_json(&self, what: Option<&str>) -> Value {
        let args: Vec<&str> = ["show", "-json"].into_iter().chain(what).collect();
        self.ok(&args).json()
    }

    /// The state as it is stored, with private data and taints; null when there is none.
    #[track_caller]
    pub fn state(&self) -> Value {
        let run = self.ok(&["state", "pull"]);
        if run.stdout.trim().is_empty() {
            Value::Null
        } else {
            run.json()
        }
    }

    /// Starts a command and returns at once.
    pub fn start(&self, args: &[&str]) -> Running {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let log = |stream: &str| self.root().join("logs").join(format!("{number:02}.{stream}"));
        let (stdout, stderr) = (log("stdout"), log("stderr"));
        let args = with_flags(args);
        let home = self.root();
        let mut command = Command::new(&self.terraform);
        command
            .args(&args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.join("home"))
            .env("TMPDIR", home.join("tmp"))
            .env("TF_CLI_CONFIG_FILE", home.join("cli.tfrc"))
            .env("TF_DATA_DIR", home.join("data"))
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            // Its own group, so that one signal reaches the command and all that it started, and never the test.
            .process_group(0);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", self.terraform.display()));
        let command = format!("{} {}", self.terraform.display(), args.join(" "));
        Running {
            child,
            finished: false,
            command,
            folder: self.path(),
            stdout,
            stderr,
        }
    }

    fn root(&self) -> &Path {
        self.root.as_ref().expect("the folder is given up only by drop").path()
    }

    /// No `direct` method: a test never installs anything from the network.
    fn configure_cli(&self, installation: &str) {
        let text = format!("provider_installation {{\n  {installation}\n}}\n");
        fs::write(self.root().join("cli.tfrc"), text).unwrap();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let (true, Some(root)) = (thread::panicking(), self.root.take()) {
            println!("the sandbox of the failed test stays in {}", root.keep().display());
        }
    }
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

/// The provider that cargo built for this test.
fn provider() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_terraform-provider-acr"))
}

/// The machine in Terraform's words, such as `linux_amd64`.
fn platform() -> String {
    let system = if env::consts::OS == "macos" {
        "darwin"
    } else {
        env::consts::OS
    };
    let machine = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}_{machine}")
}

/// A command given by name is looked up, because the sandbox runs it from another folder.
fn on_path(cli: &Path) -> PathBuf {
    let paths = env::var_os("PATH").unwrap_or_default();
    let named = if cli.components().count() > 1 {
        fs::canonicalize(cli).ok()
    } else {
        env::split_paths(&paths)
            .map(|folder| folder.join(cli))
            .find(|file| file.is_file())
    };
    named.unwrap_or_else(|| panic!("TF_CLI names {}, which is not there", cli.display()))
}

/// The flags that every command of a kind gets: no colours to compare around, no questions to answer.
fn with_flags<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let (words, flags): (usize, &[&str]) = match args {
        ["plan" | "apply" | "destroy" | "refresh" | "import" | "init", ..] => (1, &["-input=false", "-no-color"]),
        ["validate" | "show" | "output" | "test" | "query" | "graph", ..] => (1, &["-no-color"]),
        ["state", "show", ..] => (2, &["-no-color"]),
        _ => (0, &[]),
    };
    [&args[..words], flags, &args[words..]].concat()
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

/// One resource that needs no provider of ours.
const BUILTIN: &str = "resource \"terraform_data\" \"it\" {\n  input = \"hello\"\n}\n";

/// One whose creation takes far longer than the test may.
const SLOW: &str = r#"
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "sleep 600"
  }
}
"#;

#[test]
fn both_versions_are_the_pinned_ones() {
    for version in Version::both() {
        let found = Sandbox::new(version).ok(&["version", "-json"]).json();
        match (version, env::var_os("TF_CLI")) {
            (Version::Newest, None) => assert_eq!(found["terraform_version"], "1.15.5"),
            (Version::Newest, Some(_)) => assert!(found["terraform_version"].is_string()),
            (Version::Oldest, _) => assert_eq!(found["terraform_version"], "1.6.6"),
        }
    }
}

#[test]
fn an_empty_folder_initialises_and_validates() {
    for version in Version::both() {
        let sandbox = Sandbox::new(version);
        sandbox.ok(&["init"]);
        sandbox.ok(&["validate"]).says("The configuration is valid");
    }
}

#[test]
fn a_builtin_resource_is_applied_and_destroyed() {
    for version in Version::both() {
        let sandbox = Sandbox::new(version);
        sandbox.write("main.tf", BUILTIN);
        sandbox.ok(&["init"]);
        assert_eq!(sandbox.state(), Value::Null);
        sandbox.ok(&["plan", "-out", "saved"]);
        assert_eq!(
            sandbox.show_json(Some("saved"))["resource_changes"][0]["change"]["actions"][0],
            "create"
        );
        sandbox.ok(&["apply", "-auto-approve"]).says("1 added");
        sandbox.plan_is_empty();
        assert_eq!(sandbox.state()["resources"][0]["name"], "it");
        assert_eq!(
            sandbox.show_json(None)["values"]["root_module"]["resources"][0]["values"]["output"],
            "hello"
        );
        sandbox.ok(&["destroy", "-auto-approve"]).says("1 destroyed");
        assert_eq!(sandbox.state()["resources"], serde_json::json!([]));
    }
}

#[test]
fn a_failure_shows_command_folder_configuration_and_output() {
    let sandbox = Sandbox::new(Version::Newest);
    sandbox.write("main.tf", "resource \"terraform_data\" \"it\" {\n  nonsense = 1\n}\n");
    sandbox.ok(&["init"]);
    let text = sandbox.fails(&["validate"]).to_string();
    for part in [
        "validate -no-color",
        "nonsense = 1",
        "Unsupported argument",
        "exit status: 1",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.contains(&sandbox.path().display().to_string()));
}

#[test]
fn a_plan_with_a_change_is_not_empty() {
    let sandbox = Sandbox::new(Version::Newest);
    sandbox.write("main.tf", BUILTIN);
    sandbox.ok(&["init"]);
    let failure = panic::catch_unwind(AssertUnwindSafe(|| sandbox.plan_is_empty())).expect_err("a change is planned");
    let text = failure.downcast_ref::<String>().expect("assertions panic with a text");
    assert!(text.contains("1 to add"), "{text}");
}

#[test]
fn a_command_that_should_fail_or_succeed_is_held_to_it() {
    let sandbox = Sandbox::new(Version::Newest);
    assert!(panic::catch_unwind(AssertUnwindSafe(|| sandbox.ok(&["no-such-command"]))).is_err());
    assert!(panic::catch_unwind(AssertUnwindSafe(|| sandbox.fails(&["version"]))).is_err());
    assert!(
        panic::catch_unwind(AssertUnwindSafe(|| {
            sandbox.ok(&["version"]).says("no such text");
        }))
        .is_err()
    );
}

#[test]
fn an_interrupt_ends_terraform_gracefully() {
    for version in Version::both() {
        for group in [false, true] {
            let sandbox = Sandbox::new(version);
            sandbox.write("main.tf", SLOW);
            sandbox.ok(&["init"]);
            let mut running = sandbox.start(&["apply", "-auto-approve"]);
            running.until("Executing");
            if group {
                running.interrupt_group()
            } else {
                running.interrupt()
            }
            let run = running.wait(COMMAND_TIMEOUT);
            assert_eq!(run.code, Some(1), "{run}");
            run.says("Interrupt received");
            assert_eq!(
                sandbox.state()["resources"][0]["instances"][0]["status"],
                "tainted",
                "{run}"
            );
        }
    }
}

#[test]
fn flags_stand_before_the_arguments_of_a_command() {
    assert_eq!(
        with_flags(&["import", "a.b", "id"]),
        ["import", "-input=false", "-no-color", "a.b", "id"]
    );
    assert_eq!(
        with_flags(&["show", "-json", "saved"]),
        ["show", "-no-color", "-json", "saved"]
    );
    assert_eq!(
        with_flags(&["state", "show", "a.b"]),
        ["state", "show", "-no-color", "a.b"]
    );
    assert_eq!(with_flags(&["version"]), ["version"]);
}

//! Runs a real Terraform in a private folder, and says everything when it fails.
//!
//! A sandbox inherits nothing from the machine but `PATH`: its home, temporary folder, CLI configuration and data folder are its
//! own, and no provider but ours can be installed. A sandbox of a failed test stays on disk; the failure names the folder.
#![allow(
    dead_code,
    reason = "what the other subjects may ask of a sandbox is more than one of them needs"
)]

mod command;
mod own;

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

pub use command::{COMMAND_TIMEOUT, Run, Running};

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

    /// Makes Terraform start this program as the provider, instead of the one that cargo built for this test.
    pub fn provider_is(&self, program: &Path) {
        let link = self.root().join("plugins/terraform-provider-acr");
        fs::remove_file(&link).unwrap();
        symlink(program, link).unwrap();
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
                // Another file system may hold the build; then a copy has to do.
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

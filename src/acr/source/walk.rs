//! Which files of a folder are sent: what `.dockerignore` lets through, without version control and Terraform's own files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::dockerignore::{Dockerignore, Held};
use super::{Entry, Kind, SourceError};

/// Names that are left out wherever they are, as Microsoft's CLI does: version control and Python's environments.
const LEFT_OUT: [&str; 8] = [
    ".git",
    ".gitignore",
    ".bzr",
    "bzrignore",
    ".hg",
    ".hgignore",
    ".svn",
    ".venv",
];

/// How a saved plan of Terraform begins, whatever it is called: a ZIP archive whose first member has this name. The header of
/// a member has the length of its name at one place and the name at another (APPNOTE.TXT 4.3.7).
const PLAN_MEMBER: &[u8] = b"tfplan";
const ZIP_START: &[u8] = b"PK\x03\x04";
const ZIP_NAME_LENGTH: std::ops::Range<usize> = 26..28;
const ZIP_NAME: usize = 30;

/// The walk so far.
pub(super) struct Walk<'a> {
    root: &'a Path,
    ignore: &'a Dockerignore,
    /// Sent whatever the patterns say.
    forced: &'a [String],
    /// Files that Terraform is writing, by their real paths.
    written: &'a [PathBuf],
    pub(super) entries: BTreeMap<String, Entry>,
    /// Files that often hold secrets and are sent.
    pub(super) secret: Vec<String>,
    /// What is neither file, folder nor link, and stays behind.
    pub(super) special: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Path, ignore: &'a Dockerignore, forced: &'a [String], written: &'a [PathBuf]) -> Self {
        Self {
            root,
            ignore,
            forced,
            written,
            entries: BTreeMap::new(),
            secret: Vec::new(),
            special: Vec::new(),
        }
    }

    /// Walks a folder and what is below; `name` is empty for the root.
    pub(super) fn folder(&mut self, name: &str, held: &Held) -> Result<(), SourceError> {
        let path = self.root.join(name);
        let unreadable = |cause| SourceError::io("reading the folder", &path, &cause);
        for found in fs::read_dir(&path).map_err(unreadable)? {
            let found = found.map_err(unreadable)?;
            let own = found.file_name();
            let Some(own) = own.to_str() else {
                return Err(SourceError::new(format!(
                    "{} cannot be sent: its name is not UTF-8; rename it, or leave its folder out with .dockerignore",
                    found.path().display()
                )));
            };
            if is_never_sent(own) {
                continue;
            }
            let below = if name.is_empty() {
                own.to_string()
            } else {
                format!("{name}/{own}")
            };
            self.one(below, &found.path(), held)?;
        }
        Ok(())
    }

    fn one(&mut self, name: String, path: &Path, held: &Held) -> Result<(), SourceError> {
        let (excluded, held) = self.ignore.excludes(&name, held);
        let is_forced = self.forced.contains(&name);
        // What is left out is not even looked at, unless something below it may come back.
        let forced_below = self.forced.iter().any(|forced| is_below(forced, &name));
        if excluded && !is_forced && !forced_below && !self.ignore.may_include_below(&name) {
            return Ok(());
        }
        // Never follows a link.
        let found = fs::symlink_metadata(path).map_err(|cause| SourceError::io("reading", path, &cause))?;
        if found.is_dir() {
            if !excluded {
                self.send(name.clone(), Kind::Folder, path);
            }
            return self.folder(&name, &held);
        }
        if (excluded && !is_forced) || (found.is_file() && (is_plan(path) || self.is_written(path))) {
            return Ok(());
        }
        if found.is_symlink() {
            let target = fs::read_link(path).map_err(|cause| SourceError::io("reading the link", path, &cause))?;
            let Some(target) = target.to_str() else {
                return Err(SourceError::new(format!(
                    "the link {} cannot be sent: its target is not UTF-8",
                    path.display()
                )));
            };
            // Windows writes its own separators, which the builder would not read.
            let target = if cfg!(windows) {
                target.replace('\\', "/")
            } else {
                target.to_string()
            };
            self.send(name, Kind::Link { target }, path);
        } else if found.is_file() {
            if may_hold_secrets(&name) {
                self.secret.push(name.clone());
            }
            let executable = is_executable(&found);
            self.send(name, Kind::File { executable }, path);
        } else {
            self.special.push(name);
        }
        Ok(())
    }

    /// Whether Terraform is writing to the file.
    fn is_written(&self, path: &Path) -> bool {
        let mut alike = self.written.iter().filter(|it| it.file_name() == path.file_name());
        // Real paths are asked for only where the name is the same.
        alike.any(|written| path.canonicalize().is_ok_and(|path| path == *written))
    }

    /// Notes an entry, and the folders that lead to it: one that is excluded itself comes back with what is below it.
    fn send(&mut self, name: String, kind: Kind, path: &Path) {
        let mut parent = name.rsplit_once('/').map(|(parent, _)| parent.to_string());
        while let Some(folder) = parent {
            parent = folder.rsplit_once('/').map(|(parent, _)| parent.to_string());
            let entry = Entry {
                kind: Kind::Folder,
                path: self.root.join(&folder),
            };
            self.entries.entry(folder).or_insert(entry);
        }
        let path: PathBuf = path.into();
        self.entries.insert(name, Entry { kind, path });
    }
}

/// What belongs to version control or to Terraform. Its state changes between plan and apply, so that a context with it would
/// never be the same again; and it holds secrets.
fn is_never_sent(own: &str) -> bool {
    LEFT_OUT.contains(&own)
        || own == ".terraform"
        || own.contains(".tfstate")
        || (own.starts_with("crash") && own.ends_with(".log"))
}

fn may_hold_secrets(name: &str) -> bool {
    let own = name.rsplit('/').next().unwrap_or(name);
    own.ends_with(".tfvars") || own.ends_with(".tfvars.json") || own.ends_with(".env") || own.starts_with(".env.")
}

/// Whether it is a saved plan: written between plan and apply, under any name, and full of secrets.
fn is_plan(path: &Path) -> bool {
    let mut start = Vec::new();
    let until = (ZIP_NAME + PLAN_MEMBER.len()) as u64;
    let read = fs::File::open(path).and_then(|file| file.take(until).read_to_end(&mut start));
    // What cannot be read is told when it is hashed.
    read.is_ok() && is_start_of_plan(&start)
}

fn is_start_of_plan(start: &[u8]) -> bool {
    let length = PLAN_MEMBER.len().to_le_bytes();
    start.starts_with(ZIP_START)
        && start.get(ZIP_NAME_LENGTH).is_some_and(|it| length.starts_with(it))
        && start.get(ZIP_NAME..) == Some(PLAN_MEMBER)
}

fn is_below(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(unix)]
fn is_executable(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    /// The owner's right to execute.
    const OWNER_EXECUTES: u32 = 0o100;
    found.permissions().mode() & OWNER_EXECUTES != 0
}

/// Windows has no such right, and an image without it would not start: Docker's own client does the same.
#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    true
}

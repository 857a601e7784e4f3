//! A local context: which files of a folder a build gets, their hash and their archive.
//!
//! * What is sent is what Docker would send: `.dockerignore` with Docker's rules, or `<Dockerfile>.dockerignore` in its place
//!   when that exists. Both files and the Dockerfile are sent even when they are excluded: the builder needs them.
//! * Never sent, whatever the patterns say: version control (as Microsoft's CLI), `.terraform`, state and its backups and
//!   locks, crash logs, saved plans (known by their content, whatever they are called), and what the caller names as being
//!   written to. Terraform changes them between plan and apply.
//! * Hash and archive depend on names, kinds, the right to execute, contents and links' targets; not on times, owners,
//!   other rights, the folder's place or the order of the disc. On Windows each file counts as executable, so that hashes
//!   made there differ from others.
//! * Links stay links and are never followed: what they point to is not read, wherever it is.
//! * A Dockerfile outside the context (or one that is a link) is added under a name made from its content.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dockerignore::{Dockerignore, Held};
use walk::Walk;

pub mod dockerignore;
mod glob;
mod pack;
mod walk;

pub use pack::Packed;

/// The file with patterns at the context's root, and what is appended to a Dockerfile's name for one of its own.
const DOCKERIGNORE: &str = ".dockerignore";

/// How many hexadecimal digits of its hash are in the name of a Dockerfile from elsewhere: no two will meet.
const NAME_DIGITS: usize = 16;

/// How many names a warning holds; the rest is counted.
const NAMES_SHOWN_MAX: usize = 5;

/// What a build is sent. Nothing has been read yet but names, kinds and the patterns.
#[derive(Clone, Debug)]
pub struct Source {
    /// By name: with slashes, relative to the context.
    entries: BTreeMap<String, Entry>,
    dockerfile: String,
    warnings: Vec<String>,
}

/// One thing that is sent.
#[derive(Clone, Debug)]
struct Entry {
    kind: Kind,
    path: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    File { executable: bool },
    Folder,
    Link { target: String },
}

/// Why a context cannot be sent, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError(String);

/// Where the Dockerfile lies.
enum Place {
    Inside(String),
    Outside(PathBuf),
}

impl Source {
    /// Looks at the context `root` and the Dockerfile, whose path is absolute or relative to the context. The files `written`
    /// are left out, wherever they are: Terraform is writing to them. Blocks: for a thread of its own.
    ///
    /// # Errors
    /// When either is missing or cannot be read, `.dockerignore` has an unusable pattern, or a name is not UTF-8.
    pub fn read(root: &Path, dockerfile: &Path, written: &[PathBuf]) -> Result<Self, SourceError> {
        let found = fs::metadata(root).map_err(|cause| SourceError::io("reading the context", root, &cause))?;
        if !found.is_dir() {
            return Err(SourceError::new(format!(
                "the context {} is not a folder; give the folder that holds the files",
                root.display()
            )));
        }
        let place = place(root, dockerfile)?;
        let (beside, mut forced) = match &place {
            Place::Inside(name) => {
                let own = format!("{name}{DOCKERIGNORE}");
                (root.join(&own), vec![name.clone(), own])
            }
            Place::Outside(path) => {
                let mut own = path.clone().into_os_string();
                own.push(DOCKERIGNORE);
                (own.into(), Vec::new())
            }
        };
        forced.push(DOCKERIGNORE.to_string());
        let ignore = match read_ignore(&beside)? {
            Some(ignore) => ignore,
            None => read_ignore(&root.join(DOCKERIGNORE))?.unwrap_or_default(),
        };
        // One that does not exist is not in the context.
        let written: Vec<PathBuf> = written.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let mut walk = Walk::new(root, &ignore, &forced, &written);
        walk.folder("", &Held::default())?;
        let warnings = warnings(&walk);
        let mut entries = walk.entries;
        let dockerfile = match place {
            Place::Inside(name) if entries.contains_key(&name) => name,
            Place::Inside(name) => {
                return Err(SourceError::new(format!(
                    "the Dockerfile `{name}` belongs to what is never sent (version control, Terraform's own files); put it elsewhere"
                )));
            }
            Place::Outside(path) => {
                let digest = pack::digest_of(&path)?;
                let name = format!("{}_Dockerfile", &digest[..NAME_DIGITS]);
                let kind = Kind::File { executable: false };
                entries.insert(name.clone(), Entry { kind, path });
                name
            }
        };
        Ok(Self {
            entries,
            dockerfile,
            warnings,
        })
    }

    /// The Dockerfile's name within the archive: what a request calls its Dockerfile.
    pub fn dockerfile(&self) -> &str {
        &self.dockerfile
    }

    /// What the user should know of what is sent, a sentence each: files that often hold secrets, things left behind.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The names of all that is sent, in the archive's order, with slashes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

impl SourceError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    fn io(doing: &str, path: &Path, cause: &io::Error) -> Self {
        Self(format!("{doing} {}: {cause}", path.display()))
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SourceError {}

/// Where the Dockerfile lies. The file itself must not be a link.
fn place(root: &Path, dockerfile: &Path) -> Result<Place, SourceError> {
    let path = root.join(dockerfile);
    let missing = |cause| SourceError::io("reading the Dockerfile", &path, &cause);
    let found = fs::symlink_metadata(&path).map_err(missing)?;
    if !fs::metadata(&path).map_err(missing)?.is_file() {
        return Err(SourceError::new(format!(
            "the Dockerfile {} is not a file",
            path.display()
        )));
    }
    let inside = inside(root, dockerfile).filter(|_| !found.is_symlink());
    Ok(inside.map_or_else(|| Place::Outside(path), Place::Inside))
}

/// The path below the root, with slashes; `None` when it is elsewhere. Both are compared by where they really are, so that one
/// may be relative and the other absolute, and links on the way make no difference.
fn inside(root: &Path, dockerfile: &Path) -> Option<String> {
    let path = root.join(dockerfile);
    let folder = path.parent()?.canonicalize().ok()?;
    let below = folder.strip_prefix(root.canonicalize().ok()?).ok()?;
    let below = below.join(path.file_name()?);
    let parts: Option<Vec<&str>> = below.iter().map(std::ffi::OsStr::to_str).collect();
    Some(parts?.join("/"))
}

fn read_ignore(path: &Path) -> Result<Option<Dockerignore>, SourceError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(SourceError::io("reading", path, &cause)),
    };
    let parsed = Dockerignore::parse(&text);
    parsed
        .map(Some)
        .map_err(|why| SourceError::new(format!("{}: {why}", path.display())))
}

fn warnings(walk: &Walk<'_>) -> Vec<String> {
    let list = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        let more = names.len().saturating_sub(NAMES_SHOWN_MAX);
        names.truncate(NAMES_SHOWN_MAX);
        let shown = names.join(", ");
        if more == 0 {
            shown
        } else {
            format!("{shown} and {more} more")
        }
    };
    let mut warnings = Vec::new();
    if !walk.secret.is_empty() {
        warnings.push(format!(
            "The context holds files that often contain secrets: {}. Whoever can read the image or the build's log may see them; leave them out with .dockerignore.",
            list(&walk.secret)
        ));
    }
    if !walk.special.is_empty() {
        warnings.push(format!(
            "Sockets, pipes and devices are not sent: {}. Leave them out with .dockerignore.",
            list(&walk.special)
        ));
    }
    warnings
}

#[cfg(test)]
mod tests;

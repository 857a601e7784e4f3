//! The archive and the hash of what is sent. Both depend on names, kinds, modes and contents, and on nothing else.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

use super::{Entry, Kind, Source, SourceError};

/// What a hash begins with: another way of hashing gets another word, so that the two are never taken for the same.
const FORMAT: &[u8] = b"acr-source-1\0";

/// How many files are read at once while hashing: more only makes discs seek.
const READERS_MAX: usize = 8;

/// How much of a file is in memory at once, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// The compression, fixed because the archive is to be the same everywhere: the usual middle between size and time.
const LEVEL: u32 = 6;

/// The system in the archive's header: "unknown", whichever it is.
const SYSTEM_UNKNOWN: u8 = 255;

const MODE_FILE: u32 = 0o644;
const MODE_EXECUTABLE: u32 = 0o755;
const MODE_FOLDER: u32 = 0o755;
const MODE_LINK: u32 = 0o777;

/// A SHA-256.
pub(super) type Digest = [u8; 32];

/// A packed context.
#[derive(Debug)]
pub struct Packed {
    /// The archive (tar, gzip) in the system's folder for temporary files; removed when this is dropped.
    pub file: NamedTempFile,
    /// The hash of what was packed. Another one than was planned with means that files were edited in between.
    pub source_hash: String,
    /// The archive's size in bytes.
    pub bytes: u64,
}

impl Source {
    /// The hash of what would be sent, in lower-case hexadecimal, without packing it. Files are read in parallel; no more
    /// than a small buffer of each is in memory. Blocks: for a thread of its own.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn hash(&self) -> Result<String, SourceError> {
        let files: Vec<(usize, &Entry)> = self
            .entries
            .values()
            .enumerate()
            .filter(|(_, entry)| matches!(entry.kind, Kind::File { .. }))
            .collect();
        let next = AtomicUsize::new(0);
        let read = || -> Result<Vec<(usize, Digest)>, SourceError> {
            let (mut buffer, mut done) = (vec![0; BUFFER_BYTES], Vec::new());
            while let Some((place, entry)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let digest = digest_file(&entry.path, &mut buffer);
                done.push((*place, digest.map_err(|cause| unreadable(entry, &cause))?));
            }
            Ok(done)
        };
        let readers = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(READERS_MAX);
        let done = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..readers).map(|_| scope.spawn(read)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<_>, SourceError>>()
        })?;
        let mut digests = vec![None; self.entries.len()];
        for (place, digest) in done.into_iter().flatten() {
            digests[place] = Some(digest);
        }
        let mut hash = SourceHash::new();
        for ((name, entry), digest) in self.entries.iter().zip(digests) {
            hash.entry(name, &entry.kind, digest);
        }
        Ok(hash.finish())
    }

    /// Packs into a temporary file. Blocks: for a thread of its own.
    ///
    /// # Errors
    /// When a file cannot be read or changes while it is packed, or the archive cannot be written.
    pub fn pack(&self) -> Result<Packed, SourceError> {
        let unwritable =
            |cause: io::Error| SourceError::new(format!("writing the archive to a temporary file: {cause}"));
        let file = NamedTempFile::new().map_err(unwritable)?;
        let source_hash = self.write_archive(BufWriter::with_capacity(BUFFER_BYTES, file.as_file()))?;
        let bytes = file.as_file().metadata().map_err(unwritable)?.len();
        Ok(Packed {
            file,
            source_hash,
            bytes,
        })
    }

    /// Writes the archive and gives the hash of what was written. Errors as [`Source::pack`].
    ///
    /// # Errors
    /// As [`Source::pack`].
    pub fn write_archive(&self, out: impl Write) -> Result<String, SourceError> {
        let unwritable = |cause: io::Error| SourceError::new(format!("writing the archive: {cause}"));
        // No time, no name, no system: nothing that differs from machine to machine.
        let gzip = GzBuilder::new()
            .mtime(0)
            .operating_system(SYSTEM_UNKNOWN)
            .write(out, Compression::new(LEVEL));
        let mut archive = Builder::new(gzip);
        let mut hash = SourceHash::new();
        for (name, entry) in &self.entries {
            let digest = append(&mut archive, name, entry)?;
            hash.entry(name, &entry.kind, digest);
        }
        let gzip = archive.into_inner().map_err(unwritable)?;
        gzip.finish().and_then(|mut out| out.flush()).map_err(unwritable)?;
        Ok(hash.finish())
    }
}

/// Appends one entry; a file's digest comes from the very bytes that were packed.
fn append<W: Write>(archive: &mut Builder<W>, name: &str, entry: &Entry) -> Result<Option<Digest>, SourceError> {
    let failed = |cause: io::Error| unreadable(entry, &cause);
    // Fresh headers hold zero for owners and times.
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mode(mode(&entry.kind));
    header.set_size(0);
    match &entry.kind {
        Kind::Folder => {
            header.set_entry_type(EntryType::Directory);
            let appended = archive.append_data(&mut header, format!("{name}/"), io::empty());
            appended.map(|()| None).map_err(failed)
        }
        Kind::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            let appended = archive.append_link(&mut header, name, target);
            appended.map(|()| None).map_err(failed)
        }
        Kind::File { .. } => {
            let file = File::open(&entry.path).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            header.set_entry_type(EntryType::Regular);
            header.set_size(size);
            // One byte more than it had, to notice that it grew.
            let mut reader = Counted::new(file.take(size + 1));
            archive.append_data(&mut header, name, &mut reader).map_err(failed)?;
            if reader.bytes != size {
                return Err(SourceError::new(format!(
                    "{} changed while it was packed; run again when nothing writes to the context",
                    entry.path.display()
                )));
            }
            Ok(Some(reader.finish()))
        }
    }
}

fn digest_file(path: &std::path::Path, buffer: &mut [u8]) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(finish(context)),
            Ok(read) => context.update(&buffer[..read]),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
}

/// The digest of a file and no more: for the name of a Dockerfile from elsewhere.
pub(super) fn digest_of(path: &std::path::Path) -> Result<String, SourceError> {
    let digest = digest_file(path, &mut vec![0; BUFFER_BYTES]);
    digest
        .map(|digest| hex(&digest))
        .map_err(|cause| SourceError::io("reading", path, &cause))
}

/// Counts and digests what is read through it.
struct Counted<R> {
    inner: R,
    context: Context,
    bytes: u64,
}

impl<R> Counted<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            context: Context::new(&SHA256),
            bytes: 0,
        }
    }

    fn finish(self) -> Digest {
        finish(self.context)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.context.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// The hash over all entries in their order. Each part is preceded by its length, so that no two lists read the same.
struct SourceHash(Context);

impl SourceHash {
    fn new() -> Self {
        let mut context = Context::new(&SHA256);
        context.update(FORMAT);
        Self(context)
    }

    fn entry(&mut self, name: &str, kind: &Kind, digest: Option<Digest>) {
        let (letter, rest): (u8, &[u8]) = match (kind, &digest) {
            (Kind::Folder, _) => (b'd', &[]),
            (Kind::Link { target }, _) => (b'l', target.as_bytes()),
            (Kind::File { .. }, Some(digest)) => (b'f', digest),
            (Kind::File { .. }, None) => unreachable!("each file has been digested"),
        };
        self.0.update(&[letter]);
        self.0.update(&mode(kind).to_be_bytes());
        for part in [name.as_bytes(), rest] {
            self.0.update(&(part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    fn finish(self) -> String {
        hex(&finish(self.0))
    }
}

/// Only whether a file can be executed is kept: other rights follow the checkout's umask and would differ from clone to clone.
fn mode(kind: &Kind) -> u32 {
    match kind {
        Kind::File { executable: false } => MODE_FILE,
        Kind::File { executable: true } => MODE_EXECUTABLE,
        Kind::Folder => MODE_FOLDER,
        Kind::Link { .. } => MODE_LINK,
    }
}

fn finish(context: Context) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unreadable(entry: &Entry, cause: &io::Error) -> SourceError {
    SourceError::io("reading", &entry.path, cause)
}

//! What is in an uploaded archive: names, the texts that a run may want, and a digest of it all.
//!
//! The archive is read once, as it arrives, in bounded memory: contexts may be larger than the machine's.

use std::collections::BTreeMap;
use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::read::MultiGzDecoder;

/// The largest file whose text is kept: far above any Dockerfile or task file.
const TEXT_LIMIT: u64 = 64 * 1024;
/// All texts together: what one upload may take of the memory.
const TEXTS_LIMIT: usize = 32 * 1024 * 1024;
/// Names that are kept: what one upload may take of the memory. A file beyond them is not found.
const NAMES_LIMIT: usize = 500_000;
/// Bytes read at a time from files whose text is not kept.
const PIECE: usize = 64 * 1024;

/// An archive, read.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// Each entry's path with its text, where that is kept.
    entries: BTreeMap<String, Option<String>>,
    texts: usize,
    /// SHA-256 over paths, modes and contents, in hexadecimal digits: times and compression change nothing.
    pub(super) digest: String,
    /// Bytes of all files together.
    pub(super) size: u64,
    /// Why it could not be read to its end, if so.
    pub(super) problem: Option<String>,
}

impl Archive {
    /// Reads a gzipped tar archive. What cannot be read is a [`Archive::problem`], found out by the run as in Azure.
    pub(super) fn read(source: impl Read) -> Archive {
        let mut archive = Archive::default();
        let mut digest = Context::new(&SHA256);
        if let Err(error) = archive.take(source, &mut digest) {
            archive.problem = Some(error.to_string());
        }
        archive.digest = hex(digest.finish().as_ref());
        archive
    }

    /// An archive that is there and cannot be read.
    pub(super) fn unreadable(error: &io::Error) -> Archive {
        Archive {
            problem: Some(error.to_string()),
            ..Archive::default()
        }
    }

    fn take(&mut self, source: impl Read, digest: &mut Context) -> io::Result<()> {
        let mut tar = tar::Archive::new(MultiGzDecoder::new(source));
        for entry in tar.entries()? {
            let mut entry = entry?;
            let path = normal(&String::from_utf8_lossy(&entry.path_bytes()));
            let mode = entry.header().mode().unwrap_or_default();
            digest.update(format!("{path}\0{mode:o}\0{}\0", entry.size()).as_bytes());
            if let Some(target) = entry.link_name_bytes() {
                digest.update(&target);
            }
            self.size += entry.size();
            let keep = entry.size() <= TEXT_LIMIT && self.texts < TEXTS_LIMIT && entry.header().entry_type().is_file();
            let mut text = Vec::new();
            let mut piece = [0; PIECE];
            loop {
                let read = entry.read(&mut piece)?;
                if read == 0 {
                    break;
                }
                digest.update(&piece[..read]);
                if keep {
                    text.extend_from_slice(&piece[..read]);
                }
            }
            if self.entries.len() < NAMES_LIMIT && !path.is_empty() {
                self.texts += text.len();
                let text = keep.then(|| String::from_utf8(text).ok()).flatten();
                self.entries.insert(path, text);
            }
        }
        Ok(())
    }

    /// The text of a file. Nothing when there is no such file, or none whose text was kept.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.entries.get(&normal(path))?.as_deref()
    }

    /// Whether a file or a folder is there.
    pub(super) fn holds(&self, path: &str) -> bool {
        let path = normal(path);
        let below = format!("{path}/");
        let next = self.entries.range(below.clone()..).next();
        path.is_empty() || self.entries.contains_key(&path) || next.is_some_and(|(name, _)| name.starts_with(&below))
    }
}

/// A path without what changes nothing: `./`, doubled and final slashes.
fn normal(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn archive(files: &[(&str, &str, u64)]) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (path, text, time) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(*time);
            header.set_cksum();
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn names_texts_and_a_digest_that_ignores_times() {
        let first = Archive::read(archive(&[("./Dockerfile", "FROM scratch", 1), ("src/a b.txt", "x", 1)]).as_slice());
        assert_eq!(first.text("Dockerfile"), Some("FROM scratch"));
        assert_eq!((first.size, first.problem.as_deref()), (13, None));
        for (path, there) in [
            ("src", true),
            ("./src/", true),
            ("src/a b.txt", true),
            ("sr", false),
            ("", true),
            (".", true),
            ("Dockerfile/x", false),
        ] {
            assert_eq!(first.holds(path), there, "{path}");
        }
        let later = Archive::read(archive(&[("./Dockerfile", "FROM scratch", 9), ("src/a b.txt", "x", 9)]).as_slice());
        let other = Archive::read(archive(&[("./Dockerfile", "FROM scratcH", 1), ("src/a b.txt", "x", 1)]).as_slice());
        assert_eq!(first.digest, later.digest);
        assert_ne!(first.digest, other.digest);
    }

    #[test]
    fn what_is_no_archive_has_a_problem() {
        let good = archive(&[("Dockerfile", &"x".repeat(5000), 1)]);
        for bytes in [&b""[..], b"no archive", &good[..good.len() / 2]] {
            assert!(Archive::read(bytes).problem.is_some(), "{} bytes", bytes.len());
        }
        let mut plain = Vec::new();
        plain.write_all(b"plain").unwrap();
        assert!(Archive::read(plain.as_slice()).problem.is_some());
    }
}

//! Bodies of uploads: streamed to a file, never held in memory.

use std::io::{self, Read, Write};
use std::sync::Arc;

use axum::body::Body;
use tempfile::NamedTempFile;
use tokio_stream::StreamExt;

use super::archives::Archive;

/// The largest body of one upload: what the service takes in one Put Blob.
const UPLOAD_LIMIT: u64 = 5000 * 1024 * 1024;

/// A body on disk. The file vanishes with this value.
#[derive(Debug)]
pub(super) struct Upload {
    file: NamedTempFile,
    /// Bytes.
    pub(super) length: u64,
}

/// Why a body was not taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum UploadError {
    /// The client went away, or the disk is full.
    Io,
    /// It is larger than one upload may be.
    TooLarge,
    /// A list of blocks names one that was never sent.
    UnknownBlock,
}

/// A finished upload: the body alone, or with what is in it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// The bodies that make up the object, in order.
    pub(super) parts: Vec<Arc<Upload>>,
    /// What is in them together; empty for a part that is no object yet.
    pub(super) archive: Arc<Archive>,
}

impl Upload {
    /// Streams a body to a file.
    pub(super) async fn receive(body: Body) -> Result<Upload, UploadError> {
        let mut file = NamedTempFile::with_prefix("acr-emulator-upload-").map_err(|_| UploadError::Io)?;
        let mut pieces = body.into_data_stream();
        let mut length = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| UploadError::Io)?;
            length += piece.len() as u64;
            if length > UPLOAD_LIMIT {
                return Err(UploadError::TooLarge);
            }
            file.write_all(&piece).map_err(|_| UploadError::Io)?;
        }
        file.flush().map_err(|_| UploadError::Io)?;
        Ok(Upload { file, length })
    }

    /// The body as a small text: a list of blocks.
    pub(super) fn text(&self) -> io::Result<String> {
        std::fs::read_to_string(self.file.path())
    }
}

impl Received {
    /// A body that is a part of something.
    pub(super) fn part(upload: Upload) -> Received {
        Received {
            parts: vec![Arc::new(upload)],
            archive: Arc::default(),
        }
    }

    /// Reads what is in the parts, on a thread that may wait.
    pub(super) async fn indexed(parts: Vec<Arc<Upload>>) -> Received {
        let files = parts.clone();
        let archive = tokio::task::spawn_blocking(move || match chained(&files) {
            Ok(reader) => Archive::read(io::BufReader::new(reader)),
            Err(error) => Archive::unreadable(&error),
        });
        Received {
            parts,
            archive: Arc::new(archive.await.unwrap_or_default()),
        }
    }

    /// Bytes of all parts.
    pub(super) fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.length).sum()
    }
}

fn chained(parts: &[Arc<Upload>]) -> io::Result<Box<dyn Read>> {
    let mut whole: Box<dyn Read> = Box::new(io::empty());
    for part in parts {
        whole = Box::new(whole.chain(part.file.reopen()?));
    }
    Ok(whole)
}

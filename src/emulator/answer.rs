//! What the emulator says, before it becomes HTTP.

use super::json::Json;

/// An answer: status, the headers that belong to it alone, and a body.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// Headers beyond those that every answer carries.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The body; `None` is an empty one.
    pub(super) body: Option<Content>,
}

/// What an answer carries.
#[derive(Debug)]
pub(super) enum Content {
    /// JSON, as ARM and Entra ID answer.
    Json(Json),
    /// Anything else: its type, and its bytes as they go out.
    Bytes(&'static str, Vec<u8>),
}

impl Answer {
    /// A status with a JSON body.
    pub(super) fn json(status: u16, body: Json) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Some(Content::Json(body)),
        }
    }

    /// A status with a body of another type.
    pub(super) fn bytes(status: u16, content_type: &'static str, bytes: Vec<u8>) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Some(Content::Bytes(content_type, bytes)),
        }
    }

    /// A status without a body.
    pub(super) fn empty(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: None,
        }
    }

    /// The same answer with one more header.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }
}

//! Reads of one process: each ARM object once, for a short while, however many pools ask for it at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::{sync::OnceCell, time::Instant};

use crate::azure::{Call, Client, Error};

/// How long a read is good for. Longer than planning some hundred pools takes, shorter than a person needs to change a rule.
const FRESH: Duration = Duration::from_secs(30);

/// What came of a read.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// The object's body.
    Found(Arc<Value>),
    /// Azure says that it does not exist.
    Missing,
    /// Nobody knows: not allowed, another tenant, another subscription, no answer.
    Unreadable(String),
}

type Cell = Arc<OnceCell<Read>>;

/// The reads of one process.
#[derive(Default)]
pub struct Reads {
    cells: Mutex<HashMap<String, (Instant, Cell)>>,
}

impl Read {
    /// The body, if there is one.
    #[must_use]
    pub fn body(&self) -> Option<&Value> {
        match self {
            Self::Found(body) => Some(body),
            Self::Missing | Self::Unreadable(_) => None,
        }
    }

    /// What came of a request.
    pub fn of(answer: Result<Value, Error>) -> Self {
        match answer {
            Ok(body) => Self::Found(Arc::new(body)),
            Err(error) if error.is_gone() => Self::Missing,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

impl Reads {
    /// Reads `path`, unless it has been read just now.
    pub async fn get(&self, client: &Client, call: &Call, path: &str, api_version: &str) -> Read {
        self.once(&path.to_ascii_lowercase(), async {
            // A portal's page with status 200 is no answer about anything.
            client
                .get(call, path, api_version)
                .await?
                .json::<Map<String, Value>>()
                .map(Value::Object)
        })
        .await
    }

    /// Makes a request under a key of its own, unless that has been made just now.
    pub async fn once(&self, key: &str, request: impl Future<Output = Result<Value, Error>>) -> Read {
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            cells.retain(|_, (since, _)| since.elapsed() < FRESH);
            cells
                .entry(key.to_owned())
                .or_insert_with(|| (Instant::now(), Cell::default()))
                .1
                .clone()
        };
        let mut passing = false;
        let read = cell.get_or_init(|| async {
            let answer = request.await;
            passing = answer
                .as_ref()
                .is_err_and(|error| !error.is_gone() && !error.is_forbidden());
            Read::of(answer)
        });
        let read = read.await.clone();
        if passing {
            // Whoever asks next may have better luck; those who were waiting have their answer.
            self.cells.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
        read
    }

    /// Forgets everything: what is asked next is read anew.
    pub fn forget(&self) {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_key_is_asked_once_for_a_while() {
        let (reads, asked) = (Reads::default(), AtomicU32::new(0));
        let ask = || reads.once("a", async { Ok(Value::from(asked.fetch_add(1, Ordering::Relaxed))) });
        let (first, second) = tokio::join!(ask(), ask());
        assert_eq!(
            (first.body(), second.body()),
            (Some(&Value::from(0)), Some(&Value::from(0)))
        );
        reads.forget();
        assert_eq!(ask().await.body(), Some(&Value::from(1)));
        tokio::time::advance(FRESH).await;
        assert_eq!(ask().await.body(), Some(&Value::from(2)));
    }
}

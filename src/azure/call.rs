//! The frame around one operation: who it is (correlation id), when it must stop, and who may stop it.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::exchange;

/// One operation of the user's: a create, a read, a delete. Every request made for it shares this frame.
#[derive(Clone, Debug)]
pub struct Call {
    /// Sent as `x-ms-correlation-request-id` with each request, so that Azure's logs can be joined to ours.
    pub correlation_id: String,
    /// Tripped when Terraform asks the provider to stop. Waits end at once.
    pub cancel: CancellationToken,
    /// No request starts and no wait lasts beyond this instant.
    pub deadline: Instant,
    /// When the operation began; durations in messages count from here.
    pub started: Instant,
}

/// Why a guarded future was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The operation was cancelled by the user.
    Cancelled,
    /// The operation's deadline has passed.
    Deadline,
}

impl Call {
    /// A frame that begins now, with a fresh correlation id and `timeout` until its deadline.
    pub fn new(cancel: CancellationToken, timeout: Duration) -> Self {
        let started = Instant::now();
        Self {
            correlation_id: uuid::Uuid::new_v4().to_string(),
            cancel,
            deadline: started + timeout,
            started,
        }
    }

    /// The same frame under a fresh correlation id: ACR names an upload after it, so two uploads need two ids.
    pub fn with_fresh_correlation_id(&self) -> Self {
        Self {
            correlation_id: uuid::Uuid::new_v4().to_string(),
            ..self.clone()
        }
    }

    /// Time left before the deadline; zero once it has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Time since the operation began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Runs `future` unless the operation is interrupted first; an interrupted future is dropped.
    pub async fn guard<T>(&self, future: impl Future<Output = T>) -> Result<T, Interruption> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Interruption::Cancelled),
            () = tokio::time::sleep_until(self.deadline) => Err(Interruption::Deadline),
            output = future => Ok(output),
        }
    }

    /// The interruption as an error that keeps the `last` real one. Nothing was under way.
    pub fn interrupted(&self, by: Interruption, last: Option<Error>) -> Error {
        exchange::interrupted(self, by, last, false)
    }

    /// Waits for `duration`, or less when the operation is interrupted.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Interruption> {
        self.guard(tokio::time::sleep(duration)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sleep_ends_at_the_deadline_or_when_cancelled() {
        let call = Call::new(CancellationToken::new(), Duration::from_secs(5));
        assert_eq!(call.sleep(Duration::from_secs(2)).await, Ok(()));
        assert_eq!(call.remaining(), Duration::from_secs(3));
        assert_eq!(call.sleep(Duration::from_secs(60)).await, Err(Interruption::Deadline));
        assert_eq!(call.elapsed(), Duration::from_secs(5));
        call.cancel.cancel();
        assert_eq!(call.sleep(Duration::ZERO).await, Err(Interruption::Cancelled));
    }
}

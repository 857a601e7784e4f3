//! Who is connected and what is running: enough to notice that the host is gone.
//!
//! A host that is killed cannot ask its plugin to end. Standard input is no sign (it is the user's), and the parent's
//! death is none where a launcher stands between; the connection is.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

/// How long a plugin waits for its first connection. The host gives a plugin a minute to start, so a host that has not
/// connected in that time has given up or died.
pub const FIRST_CONNECTION_WAIT: Duration = Duration::from_secs(60);

/// How long a plugin without connection and without running call waits for the host to come back. A gRPC client dials
/// again after about a second; five leave room for a busy machine.
pub const RECONNECTION_WAIT: Duration = Duration::from_secs(5);

/// Counts open connections and running calls. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Activity(Arc<watch::Sender<Counts>>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    connections: usize,
    calls: usize,
}

impl Counts {
    fn idle(&self) -> bool {
        self.connections == 0 && self.calls == 0
    }
}

/// Counts as one open connection while it lives.
pub struct OpenConnection(Activity);

/// Counts as one running call while it lives.
pub struct RunningCall(Activity);

impl Activity {
    /// Nothing connected, nothing running.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Counts::default())))
    }

    /// Counts a connection until the value is dropped.
    pub fn connection(&self) -> OpenConnection {
        self.0.send_modify(|counts| counts.connections += 1);
        OpenConnection(self.clone())
    }

    /// Counts a call until the value is dropped.
    pub fn call(&self) -> RunningCall {
        self.0.send_modify(|counts| counts.calls += 1);
        RunningCall(self.clone())
    }

    /// Returns when the host must be gone: nobody connected and nothing running for the whole of the wait.
    pub async fn host_gone(&self) {
        let mut counts = self.0.subscribe();
        let mut wait = FIRST_CONNECTION_WAIT;
        // The sender lives in `self`, so the channel cannot close; a closed one would mean that nothing can run any more.
        while counts.wait_for(Counts::idle).await.is_ok() {
            if tokio::time::timeout(wait, counts.wait_for(|counts| !counts.idle()))
                .await
                .is_err()
            {
                return;
            }
            wait = RECONNECTION_WAIT;
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.send_modify(|counts| counts.connections -= 1);
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.0.0.send_modify(|counts| counts.calls -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    /// How long after the start the host counts as gone, when `life` happens meanwhile.
    async fn gone_after<F: Future<Output = ()>>(life: impl FnOnce(Activity) -> F) -> Duration {
        let activity = Activity::new();
        let start = Instant::now();
        tokio::join!(activity.host_gone(), life(activity.clone()));
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_never_connects_is_gone_after_the_first_wait() {
        let waited = gone_after(|_| async {}).await;
        assert!(
            waited >= FIRST_CONNECTION_WAIT && waited < FIRST_CONNECTION_WAIT + Duration::from_secs(1),
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_connection_keeps_the_process() {
        let hour = Duration::from_secs(3600);
        let waited = gone_after(|activity| async move {
            let _open = activity.connection();
            sleep(hour).await;
        })
        .await;
        assert!(
            waited >= hour + RECONNECTION_WAIT && waited < hour + FIRST_CONNECTION_WAIT,
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_call_outlives_its_connection() {
        let hour = Duration::from_secs(3600);
        let waited = gone_after(|activity| async move {
            let open = activity.connection();
            let _call = activity.call();
            drop(open);
            sleep(hour).await;
        })
        .await;
        assert!(waited >= hour + RECONNECTION_WAIT, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_comes_back_in_time_is_not_gone() {
        let pause = RECONNECTION_WAIT - Duration::from_secs(1);
        let waited = gone_after(|activity| async move {
            drop(activity.connection());
            sleep(pause).await;
            drop(activity.connection());
        })
        .await;
        assert!(waited >= pause + RECONNECTION_WAIT, "{waited:?}");
    }
}

//! Interrupts from the terminal.
//!
//! Ctrl-C reaches every process of the foreground group, so the provider gets it together with Terraform. Terraform then
//! asks for a stop over gRPC and waits; a provider that died instead would lose the object it is creating. Other signals
//! keep their default action.

use std::io;

/// Interrupts are swallowed as long as this lives, and can be waited for.
pub struct Interrupts {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
    #[cfg(windows)]
    signal: tokio::signal::windows::CtrlC,
}

impl Interrupts {
    /// Takes over the interrupt signal; it stays taken for the rest of the process.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn install() -> io::Result<Self> {
        #[cfg(unix)]
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        #[cfg(windows)]
        let signal = tokio::signal::windows::ctrl_c()?;
        Ok(Self { signal })
    }

    /// Returns at the first interrupt.
    pub async fn first(mut self) {
        self.signal.recv().await;
    }

    /// Notes each interrupt in the log and goes on.
    pub async fn swallow(mut self) {
        while self.signal.recv().await.is_some() {
            tracing::debug!("interrupt ignored; the host asks for a stop if it wants one");
        }
    }
}

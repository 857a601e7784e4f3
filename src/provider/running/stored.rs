//! A run that is in the state: looked at again until it has ended, and given up when its resource is destroyed.

use crate::{
    acr::run::{self, ENDED, Run, RunId},
    azure::{Call, Client, mask::mask_urls},
    framework::{Diagnostic, Diagnostics, Field},
    provider::diagnose,
};

use super::{
    Runner,
    ended::{Cancelled, remains},
    human,
};

/// Whether the run has not ended, as far as its stored status tells. One that has ended never changes, and its record expires.
#[must_use]
pub fn is_active(status: &Field<String>) -> bool {
    let ended = |status: &str| ENDED.iter().any(|known| known.eq_ignore_ascii_case(status));
    !status.text().is_some_and(ended)
}

/// Looks at a run that had not ended: the run, unless its record is gone, and what there is to say.
///
/// # Errors
/// When it cannot be looked at.
pub async fn look(client: &Client, call: &Call, id: &RunId) -> Result<(Option<Run>, Diagnostics), Diagnostic> {
    match run::get(client, call, id).await {
        Ok(mut run) if run.has_ended() && !run.has_succeeded() => {
            // The request's secrets are not known any more; those in addresses show themselves.
            run.run_error_message = run.run_error_message.map(|text| mask_urls(&text));
            let warning = ended_badly(id, &run);
            Ok((Some(run), warning.into()))
        }
        Ok(run) => Ok((Some(run), Diagnostics::new())),
        Err(error) if error.is_gone() => Ok((None, expired(id).into())),
        Err(error) => Err(diagnose::azure(&format!("reading {}", human(id)), &error)),
    }
}

impl Runner<'_> {
    /// Cancels a run of which nobody will hear any more, if it has not ended.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn give_up(&self, id: &RunId) -> Result<Diagnostics, Diagnostic> {
        let run = match run::get(self.client, self.call, id).await {
            Ok(run) if run.has_ended() => return Ok(Diagnostics::new()),
            Ok(run) => run,
            Err(error) if error.is_gone() => return Ok(Diagnostics::new()),
            Err(error) => return Err(diagnose::azure("cancelling the run", &error)),
        };
        Ok(match self.cancel(id, run).await {
            (Cancelled::Refused(error), run) => {
                let detail = remains(id, &run, &Cancelled::Refused(error));
                Diagnostic::warning("The run is not cancelled", detail).into()
            }
            _ => Diagnostics::new(),
        })
    }
}

fn ended_badly(id: &RunId, run: &Run) -> Diagnostic {
    let why = run.run_error_message.as_deref().unwrap_or("Azure gives no reason");
    Diagnostic::warning(
        format!("Run \"{}\" ended as {}", id.run_id(), run.status),
        format!(
            "Nobody waited for the run (registry \"{}\"), and it ended badly: {why}. The resource stays as it is; to run anew, change triggers or use -replace.",
            id.registry().name()
        ),
    )
}

fn expired(id: &RunId) -> Diagnostic {
    Diagnostic::warning(
        format!("How run \"{}\" ended is not known", id.run_id()),
        format!(
            "The {} has no record of the run any more, and it had not ended when it was last seen. The resource stays as it is; to run anew, change triggers or use -replace.",
            id.registry().human()
        ),
    )
}

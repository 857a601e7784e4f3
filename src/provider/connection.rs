//! The provider's way to Azure: not there before Configure, replaced by the next one, honest when not known yet.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use crate::{
    azure::{Call, Client, Settings, Wire},
    framework::{Diagnostic, Diagnostics, provider::Host, resource::Operation},
};

use super::{
    diagnose,
    preflight::{Preflight, settings::PreflightModel},
    running::Desk,
    settings::{Environment, ProviderModel, Ready, Resolved},
};

/// How long reads may take that only make a plan or a message better.
pub const SIDE_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// What Configure has left.
#[derive(Default)]
enum Session {
    #[default]
    Unconfigured,
    Unknown(Vec<&'static str>),
    Ready(Client),
}

/// The connection that all resources share.
#[derive(Default)]
pub struct Connection {
    session: RwLock<Session>,
    preflight: RwLock<Arc<Preflight>>,
    subscription_id: RwLock<Option<String>>,
    desk: Desk,
    wire: Wire,
}

impl Connection {
    /// An unconfigured connection over the given wire.
    #[must_use]
    pub fn over(wire: Wire) -> Self {
        Self {
            wire,
            ..Self::default()
        }
    }

    /// Takes the provider block. Reaches no network.
    pub fn configure(&self, model: &ProviderModel, environment: &Environment, host: &Host) -> Diagnostics {
        let preflight = match PreflightModel::resolve(&model.preflight, environment) {
            Ok(settings) => Preflight::new(settings),
            Err(errors) => return errors,
        };
        *self.preflight.write().unwrap_or_else(PoisonError::into_inner) = preflight;
        let subscription = model
            .subscription_id
            .text()
            .or_else(|| environment.get("ARM_SUBSCRIPTION_ID"));
        *self.subscription_id.write().unwrap_or_else(PoisonError::into_inner) = subscription.map(str::to_owned);
        let (session, diagnostics) = match model.resolve(environment) {
            Err(errors) => (Session::Unconfigured, errors),
            Ok(Resolved::Unknown(names)) => (Session::Unknown(names), Diagnostics::new()),
            Ok(Resolved::Ready(ready)) => connect(*ready, host, self.wire.clone()),
        };
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = session;
        diagnostics
    }

    /// The client.
    ///
    /// # Errors
    /// The provider is not configured, or cannot be before apply.
    pub fn client(&self) -> Result<Client, Diagnostic> {
        match &*self.session.read().unwrap_or_else(PoisonError::into_inner) {
            Session::Ready(client) => Ok(client.clone()),
            Session::Unknown(names) => Err(Diagnostic::error(
                "Provider configuration not known yet",
                format!(
                    "This needs Azure, but the provider's {} will be known only after apply. Apply the resources that determine the provider block first, with -target, or set it from values that are known.",
                    names.join(", ")
                ),
            )),
            Session::Unconfigured => Err(Diagnostic::error(
                "Provider not configured",
                "The acr provider was asked to reach Azure before it was configured.",
            )),
        }
    }

    /// The default subscription, if one is configured.
    pub fn subscription_id(&self) -> Option<String> {
        self.subscription_id
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What this process knows of its own runs.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The checks before a pool is written.
    pub fn preflight(&self) -> Arc<Preflight> {
        self.preflight.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Client and frame for a read that only makes a plan or message better; `None` when Azure cannot be reached now.
    #[must_use]
    pub fn side_read(&self, operation: &Operation) -> Option<(Client, Call)> {
        Some((
            self.client().ok()?,
            Call::new(operation.cancel.clone(), SIDE_READ_TIMEOUT),
        ))
    }
}

/// Makes the client that a block asks for, and logs who it signs in as.
fn connect(ready: Ready, host: &Host, wire: Wire) -> (Session, Diagnostics) {
    let passed_over = ready.passed_over.join("; ");
    tracing::info!(credential = ready.credential.name(), passed_over, "signing in to Azure");
    let settings = Settings {
        cloud: ready.cloud,
        credential: ready.credential,
        auxiliary_tenant_ids: ready.auxiliary_tenant_ids,
        partner_id: ready.partner_id,
        terraform_version: host.version.clone(),
        send_correlation_id: ready.send_correlation_id,
        wire,
    };
    match Client::new(settings) {
        Ok(client) => (Session::Ready(client), ready.warnings),
        Err(error) => {
            let problem = diagnose::azure("configuring the provider", &error);
            (Session::Unconfigured, problem.into())
        }
    }
}

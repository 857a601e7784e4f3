//! Subscriptions that are not ours.

use super::identity::Principal;
use super::refusals::Refusal;
use super::seed_network::ForeignAnswer;
use super::store::Store;

impl Store {
    /// What ARM says about a request to another subscription. Unless the seed says otherwise it does not exist.
    pub(super) fn foreign_refusal(
        &self,
        principal: &Principal,
        subscription: &str,
        action: &str,
        scope: &str,
    ) -> Refusal {
        match self.foreign.get(&subscription.to_ascii_lowercase()) {
            None | Some(ForeignAnswer::NotFound) => Refusal::subscription(subscription),
            Some(ForeignAnswer::Forbidden) => {
                let scope = scope.trim_end_matches('/');
                Refusal::unauthorized(&principal.client_id, &principal.object_id, action, scope)
            }
            Some(ForeignAnswer::OtherTenant) => {
                let message = format!(
                    "The access token is of tenant '{}', but the subscription '{subscription}' belongs to another.",
                    self.tenant_id
                );
                let authority = format!("{}/{FOREIGN_TENANT}", self.base_url);
                Refusal::unauthenticated("InvalidAuthenticationTokenTenant", &message, &authority)
            }
        }
    }
}

/// The tenant to which foreign subscriptions belong. Nobody can get a token there.
const FOREIGN_TENANT: &str = "77777777-6666-5555-4444-333333333333";

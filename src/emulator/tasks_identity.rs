//! The managed identities of a task: the service makes up their ids and tells them.
//!
//! Assumed: a body that leaves the identity out takes it away (PUT) or leaves it (PATCH); the `type` of a PATCH replaces the
//! old one, while its user-assigned identities are merged and a `null` takes one away; an identity that is left with none
//! vanishes. That a user-assigned identity exists is not checked: none of their provider is served here.

use serde_json::{Map, Value};

use super::identity::random_id;
use super::json::Json;
use super::refusals::Refusal;
use super::store::{Store, key};

/// The types that the closed enumeration of the specification knows.
const SYSTEM: &str = "SystemAssigned";
const USER: &str = "UserAssigned";
const NONE: &str = "None";
/// What the id of a user-assigned identity has in it, in lower case.
const USER_IDENTITY: &str = "/providers/microsoft.managedidentity/userassignedidentities/";

/// A task's identities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TaskIdentity {
    /// The principal of the system-assigned identity.
    pub(super) principal: Option<String>,
    /// The user-assigned ones, by the ids as they were first sent.
    pub(super) users: Vec<UserIdentity>,
}

/// One user-assigned identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserIdentity {
    pub(super) id: String,
    pub(super) principal_id: String,
    pub(super) client_id: String,
}

/// What a body says of identities.
struct Wanted<'a> {
    system: bool,
    user: bool,
    users: Option<&'a Map<String, Value>>,
}

impl TaskIdentity {
    /// `identity`, in the recorded member order.
    pub(super) fn to_json(&self, tenant_id: &str) -> Json {
        let kind = match (&self.principal, self.users.is_empty()) {
            (Some(_), true) => SYSTEM.to_string(),
            (Some(_), false) => format!("{SYSTEM}, {USER}"),
            (None, _) => USER.to_string(),
        };
        let users = self.users.iter().map(|user| {
            let members = [
                ("principalId", (&user.principal_id).into()),
                ("clientId", (&user.client_id).into()),
            ];
            (user.id.clone(), Json::object(members))
        });
        let users: Vec<(String, Json)> = users.collect();
        Json::present([
            ("principalId", self.principal.as_ref().map(Json::from)),
            ("tenantId", self.principal.as_ref().map(|_| tenant_id.into())),
            ("type", Some(kind.into())),
            (
                "userAssignedIdentities",
                (!users.is_empty()).then_some(Json::Entries(users)),
            ),
        ])
    }

    fn is_empty(&self) -> bool {
        self.principal.is_none() && self.users.is_empty()
    }
}

impl<'a> Wanted<'a> {
    fn read(body: &'a Value) -> Result<Wanted<'a>, Refusal> {
        let kind = body["type"].as_str().ok_or_else(Refusal::unreadable)?;
        let mut wanted = Wanted {
            system: false,
            user: false,
            users: None,
        };
        for part in kind.split(',').map(str::trim) {
            match part {
                SYSTEM => wanted.system = true,
                USER => wanted.user = true,
                NONE => {}
                _ => return Err(Refusal::unreadable()),
            }
        }
        match &body["userAssignedIdentities"] {
            Value::Null => {}
            Value::Object(users) => wanted.users = Some(users),
            _ => return Err(Refusal::unreadable()),
        }
        Ok(wanted)
    }
}

impl Store {
    /// The identities that a PUT leaves: those of the body, with the ids that the task knew already.
    pub(super) fn put_identity(
        &self,
        body: Option<&Value>,
        known: Option<&TaskIdentity>,
    ) -> Result<Option<TaskIdentity>, Refusal> {
        let Some(body) = body.filter(|body| !body.is_null()) else {
            return Ok(None);
        };
        let wanted = Wanted::read(body)?;
        let empty = TaskIdentity::default();
        let known = known.unwrap_or(&empty);
        let mut identity = TaskIdentity {
            principal: wanted.system.then(|| known.principal.clone().unwrap_or_else(random_id)),
            users: Vec::new(),
        };
        for (id, entry) in wanted.users.into_iter().flatten().filter(|_| wanted.user) {
            if !entry.is_null() {
                identity.users.push(self.user_identity(id)?);
            }
        }
        if wanted.user && identity.users.is_empty() {
            let text = "A user-assigned identity is wanted, but none is named.";
            return Err(Refusal::input("taskCreateParameters", "IdentityProperties", text));
        }
        Ok(Some(identity).filter(|identity| !identity.is_empty()))
    }

    /// The identities that a PATCH leaves.
    pub(super) fn patch_identity(
        &self,
        body: Option<&Value>,
        known: Option<&TaskIdentity>,
    ) -> Result<Option<TaskIdentity>, Refusal> {
        let Some(body) = body.filter(|body| !body.is_null()) else {
            return Ok(known.cloned());
        };
        let wanted = Wanted::read(body)?;
        let mut identity = known.cloned().unwrap_or_default();
        identity.principal = wanted.system.then(|| identity.principal.unwrap_or_else(random_id));
        for (id, entry) in wanted.users.into_iter().flatten() {
            identity.users.retain(|user| key(&user.id) != key(id));
            if !entry.is_null() {
                identity.users.push(self.user_identity(id)?);
            }
        }
        if !wanted.user {
            identity.users.clear();
        }
        Ok(Some(identity).filter(|identity| !identity.is_empty()))
    }

    /// A user-assigned identity with its ids, which are the same in every task.
    fn user_identity(&self, id: &str) -> Result<UserIdentity, Refusal> {
        if !key(id).starts_with("/subscriptions/") || !key(id).contains(USER_IDENTITY) {
            let text = format!("'{id}' is no id of a user-assigned identity.");
            return Err(Refusal::gateway(400, "LinkedInvalidPropertyId", text));
        }
        let identities = self.tasks.values().filter_map(|task| task.identity.as_ref());
        let mut users = identities.flat_map(|identity| &identity.users);
        let known = users.find(|user| key(&user.id) == key(id)).cloned();
        let (principal_id, client_id) = match known {
            Some(user) => (user.principal_id, user.client_id),
            None => (random_id(), random_id()),
        };
        Ok(UserIdentity {
            id: id.into(),
            principal_id,
            client_id,
        })
    }
}

//! Agent pools: `Microsoft.ContainerRegistry/registries/agentPools`, API versions: [`super::TASKS_VERSIONS`].
//!
//! What surprises: create *and* scale answer 201; only the count can change in place; tags are dropped silently, so none are
//! sent; a failed pool tells no reason; the pool outlives a failed create.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::child_id::{Child, ChildId};
use super::registry::RegistryId;
use super::{PROVIDER, TASKS_VERSIONS};
use crate::azure::operation::{self, Kind, OperationError, Progress, Watch};
use crate::azure::{Call, Client, Error, Family, InvalidId, Response, SubnetId};

/// The type and the API versions of its calls.
pub const FAMILY: Family = Family {
    namespace: PROVIDER,
    resource_type: "registries/agentPools",
    versions: TASKS_VERSIONS,
};

/// Lengths of a pool's name. Source: the API's specification.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=20;

/// What makes a [`ChildId`] one of an agent pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {}

/// A pool's id. Compared without regard to casing, printed in canonical form.
pub type AgentPoolId = ChildId<PoolKind>;

/// A pool as ARM returns it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AgentPool {
    /// ARM's id, in ARM's casing.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region; always the registry's.
    #[serde(default)]
    pub location: String,
    /// The rest.
    #[serde(default)]
    pub properties: Properties,
    /// When it came to be.
    #[serde(default, rename = "systemData")]
    pub system_data: SystemData,
}

/// What ARM itself keeps of a pool, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SystemData {
    /// When it was created, RFC 3339; a change of its count leaves it.
    pub created_at: Option<String>,
}

/// A pool's properties as ARM returns them. What the specification does not promise is an `Option`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// The desired number of instances.
    pub count: Option<i64>,
    /// `S1`, `S2`, `S3`, `I6`, or one that is newer than this provider.
    pub tier: Option<String>,
    /// `Linux`; echoed in the casing it was created with.
    pub os: Option<String>,
    /// The subnet, if the pool is in one.
    pub virtual_network_subnet_resource_id: Option<String>,
    /// `Creating`, `Updating`, `Deleting`, `Succeeded`, `Failed`, `Canceled`.
    pub provisioning_state: Option<String>,
}

/// What a pool is created with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAgentPool {
    /// The registry's region: ARM demands it, and no other works.
    pub location: String,
    /// The tier, in upper case.
    pub tier: String,
    /// The number of instances.
    pub count: i64,
    /// The subnet, if the pool is to be in one.
    pub subnet_id: Option<SubnetId>,
}

/// A write that Azure has accepted: from here on the pool may exist, whatever happens next.
#[derive(Clone, Debug)]
pub struct Accepted {
    id: AgentPoolId,
    kind: Kind,
    response: Response,
    /// The one that the write was accepted in; its operation is looked at with the same.
    api_version: &'static str,
}

/// Reads a pool.
///
/// # Errors
/// As [`Client::get`]; [`Error::is_gone`] tells whether the pool certainly does not exist.
pub async fn get(client: &Client, call: &Call, id: &AgentPoolId) -> Result<AgentPool, Error> {
    read_now(client, call, id).await?.0.json()
}

/// All pools of a registry.
///
/// # Errors
/// As [`Client::list`].
pub async fn list(client: &Client, call: &Call, registry: &RegistryId) -> Result<Vec<AgentPool>, Error> {
    let path = format!("{registry}/agentPools");
    let list = |version| client.list(call, &path, version, &[]);
    client.versioned(call, registry.subscription_id(), &FAMILY, list).await
}

/// Asks for a pool to be created. PUT replaces an existing pool: look first.
///
/// # Errors
/// As [`Client::put`]; [`Error::may_have_been_accepted`] tells whether the pool may exist nevertheless.
pub async fn create(client: &Client, call: &Call, id: &AgentPoolId, pool: &NewAgentPool) -> Result<Accepted, Error> {
    let (path, body) = (&id.to_string(), &to_arm(pool));
    let put = async |version| Ok((client.put(call, path, version, body).await?, version));
    let answer = client.versioned(call, id.subscription_id(), &FAMILY, put).await?;
    Accepted::write(id, answer)
}

/// Asks for another number of instances; nothing else of a pool can change in place.
///
/// # Errors
/// As [`Client::patch`].
pub async fn scale(client: &Client, call: &Call, id: &AgentPoolId, count: i64) -> Result<Accepted, Error> {
    let (path, body) = (
        &id.to_string(),
        &serde_json::json!({ "properties": { "count": count } }),
    );
    let patch = async |version| Ok((client.patch(call, path, version, body).await?, version));
    let answer = client.versioned(call, id.subscription_id(), &FAMILY, patch).await?;
    Accepted::write(id, answer)
}

/// Asks for a pool to be deleted. `None`: it was gone already.
///
/// # Errors
/// As [`Client::delete`].
pub async fn delete(client: &Client, call: &Call, id: &AgentPoolId) -> Result<Option<Accepted>, Error> {
    let path = &id.to_string();
    let delete = async |version| Ok((client.delete(call, path, version).await?, version));
    match client.versioned(call, id.subscription_id(), &FAMILY, delete).await {
        Ok((response, _)) if !response.is_json_or_empty() => Err(response.unreadable()),
        Ok(answer) => Ok(Some(Accepted::of(id, Kind::Delete, answer))),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits for a create or scale and returns the pool as it then is.
///
/// # Errors
/// As [`operation::wait`]; the write was accepted, so state must be kept.
pub async fn wait_written(
    client: &Client,
    call: &Call,
    accepted: &Accepted,
    progress: Option<Progress<'_>>,
) -> Result<AgentPool, OperationError> {
    let resource = accepted.wait(client, call, progress).await?;
    let resource = resource.unwrap_or(Value::Null);
    read(&resource).ok_or_else(|| OperationError {
        error: accepted
            .response
            .invalid("after the operation the pool's body is not that of an agent pool"),
        resource: Some(resource),
        status: None,
    })
}

/// Waits for a pool of this id that somebody (an earlier run of ours, say) is still creating or scaling.
///
/// # Errors
/// As [`operation::wait`] and [`get`].
pub async fn wait_settled(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    progress: Option<Progress<'_>>,
) -> Result<AgentPool, OperationError> {
    let before = |error| OperationError {
        error,
        resource: None,
        status: None,
    };
    let answer = read_now(client, call, id).await.map_err(before)?;
    wait_written(client, call, &Accepted::of(id, Kind::Write, answer), progress).await
}

/// Waits until a pool is really gone.
///
/// # Errors
/// As [`operation::wait`].
pub async fn wait_deleted(
    client: &Client,
    call: &Call,
    accepted: &Accepted,
    progress: Option<Progress<'_>>,
) -> Result<(), OperationError> {
    accepted.wait(client, call, progress).await.map(drop)
}

/// How many runs are queued on the pool. An action: a principal with only `*/read` may not ask ([`Error::is_forbidden`]).
///
/// # Errors
/// As [`Client::query`].
pub async fn queue_status(client: &Client, call: &Call, id: &AgentPoolId) -> Result<i64, Error> {
    #[derive(Deserialize)]
    struct QueueStatus {
        count: i64,
    }
    let path = format!("{id}/listQueueStatus");
    let query = |version| client.query(call, &path, version);
    let response = client.versioned(call, id.subscription_id(), &FAMILY, query).await?;
    Ok(response.json::<QueueStatus>()?.count)
}

/// A pool's body as a pool, if it is one: [`OperationError::resource`] can be read with it.
pub fn read(body: &Value) -> Option<AgentPool> {
    serde_json::from_value(body.clone()).ok()
}

/// Checks a pool's name by the API's own rule.
///
/// # Errors
/// When the name is not 3 to 20 letters, digits and hyphens.
pub fn check_name(name: &str) -> Result<(), InvalidId> {
    if NAME_LENGTH.contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Ok(());
    }
    let message = format!("the agent pool name `{name}` is not valid: expected 3 to 20 letters, digits and hyphens");
    Err(InvalidId::new(message))
}

/// The pool's answer and the API version that it was given in.
async fn read_now(client: &Client, call: &Call, id: &AgentPoolId) -> Result<(Response, &'static str), Error> {
    let path = &id.to_string();
    let get = async |version| Ok((client.get(call, path, version).await?, version));
    client.versioned(call, id.subscription_id(), &FAMILY, get).await
}

impl Accepted {
    /// A success that shows neither a pool nor an operation is not the service's, and accepts nothing that we know of.
    fn write(id: &AgentPoolId, answer: (Response, &'static str)) -> Result<Self, Error> {
        let (response, _) = &answer;
        let followed = response.status == 202 || response.operation_url().or(response.location()).is_some();
        if followed || response.value().is_object() {
            Ok(Self::of(id, Kind::Write, answer))
        } else {
            Err(response.unreadable())
        }
    }

    fn of(id: &AgentPoolId, kind: Kind, (response, api_version): (Response, &'static str)) -> Self {
        Self {
            id: id.clone(),
            kind,
            response,
            api_version,
        }
    }

    /// The pool as the accepting answer described it, if it did.
    pub fn pool(&self) -> Option<AgentPool> {
        read(&self.response.value())
    }

    /// The write's correlation id.
    pub fn correlation_id(&self) -> &str {
        &self.response.correlation_id
    }

    async fn wait(
        &self,
        client: &Client,
        call: &Call,
        progress: Option<Progress<'_>>,
    ) -> Result<Option<Value>, OperationError> {
        let path = self.id.to_string();
        let watch = Watch {
            kind: self.kind,
            resource_path: &path,
            api_version: self.api_version,
            progress,
        };
        operation::wait(client, call, &self.response, &watch).await
    }
}

/// The body of a create. The service knows Linux only; clients always name it.
fn to_arm(pool: &NewAgentPool) -> impl Serialize + use<> {
    let mut properties = serde_json::json!({ "count": pool.count, "tier": pool.tier, "os": "Linux" });
    if let Some(subnet) = &pool.subnet_id {
        properties["virtualNetworkSubnetResourceId"] = Value::from(subnet.to_string());
    }
    serde_json::json!({ "location": pool.location, "properties": properties })
}

impl AgentPool {
    /// Whether the pool is in the state `Failed`.
    pub fn has_failed(&self) -> bool {
        self.properties
            .provisioning_state
            .as_deref()
            .is_some_and(|state| state.eq_ignore_ascii_case("Failed"))
    }
}

impl Child for PoolKind {
    const NOUN: &'static str = "agent pool";
    const ENDS: &'static str = "an agent pool id ends with /agentPools/<name>";
    const TYPES: [&'static str; 2] = ["registries", "agentPools"];

    fn check_name(name: &str) -> Result<(), InvalidId> {
        check_name(name)
    }
}

#[cfg(test)]
mod tests;

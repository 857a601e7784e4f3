//! What nobody has recorded, as switches with both values.
//!
//! A client that must survive the real service must survive either value, so tests run with each. The seed file sets
//! them under `assumptions`; `/emulator/assumptions` lists the ones in force.

use serde::{Deserialize, Serialize};

/// The unknown facts, each with the value in force. The default is what a conforming ARM service would do, or what a
/// recording suggests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assumptions {
    /// What the status resource says when a create or update fails.
    pub failed_create_body: FailedCreateBody,
    /// What a PATCH to the count that the pool has already does.
    pub patch_same_count: PatchSameCount,
    /// Whether a pool whose state is `Failed` can be scaled.
    pub failed_pool_scales: FailedPoolScales,
    /// How polling a finished deletion ends.
    pub delete_end: DeleteEnd,
    /// When a pool beyond the vCPU quota is refused.
    pub quota_failure: QuotaFailure,
    /// What DELETE answers for a pool that does not exist.
    pub delete_missing_pool: DeleteMissingPool,
    /// What DELETE does to a pool that is being created or updated.
    pub delete_busy_pool: DeleteBusyPool,
    /// What PUT does to a pool that exists.
    pub put_existing_pool: PutExistingPool,
    /// What becomes of a pool whose subnet the seed declares dead.
    pub dead_subnet: DeadSubnet,
    /// In which casing ids come back.
    pub id_casing: IdCasing,
    /// What a PUT of a task does to the secrets that it does not send.
    pub put_omitted_secrets: OmittedSecrets,
    /// What a task that names both a pool and a CPU count is told.
    pub pool_with_cpu: PoolWithCpu,
    /// What a PATCH of a task that does not name its pool does to it.
    pub patch_agent_pool: PatchAgentPool,
    /// In which registries system tasks can be made.
    pub system_task_registry: SystemTaskRegistry,
    /// Whether a run on an agent pool can be canceled.
    pub cancel_run: CancelRun,
    /// What becomes of a request to run something on a pool that does not exist.
    pub unknown_pool: UnknownPool,
    /// What becomes of a request to run a disabled task.
    pub disabled_task: DisabledTask,
    /// What a request to run a task that names a pool is told.
    pub task_run_pool: TaskRunPool,
    /// What becomes of the runs of a pool that is deleted.
    pub lost_pool: LostPool,
}

/// See [`Assumptions::failed_create_body`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedCreateBody {
    /// `{"status":"Failed","error":{"code","message"}}`, as ARM's contract demands.
    #[default]
    ArmError,
    /// `{"status":"Failed"}` and nothing else.
    BareStatus,
}

/// See [`Assumptions::patch_same_count`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchSameCount {
    /// 201 and an operation, as for any other count.
    #[default]
    Accepted,
    /// 200 and the pool, without an operation.
    Noop,
}

/// See [`Assumptions::failed_pool_scales`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedPoolScales {
    /// 409 `RegistryStatusConflict`, as reported once from the field.
    #[default]
    Conflict,
    /// The update is accepted and the pool recovers.
    Accepted,
}

/// See [`Assumptions::delete_end`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteEnd {
    /// 204, as recorded since 2022.
    #[default]
    #[serde(rename = "204")]
    NoContent,
    /// 404 `ResourceNotFound` from the gateway, as in some older recordings.
    #[serde(rename = "404")]
    NotFound,
}

/// See [`Assumptions::quota_failure`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaFailure {
    /// The PUT or PATCH itself is refused.
    #[default]
    AtPut,
    /// The write is accepted and its operation fails.
    Late,
}

/// See [`Assumptions::delete_missing_pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteMissingPool {
    /// 204, as the specification declares.
    #[default]
    #[serde(rename = "204")]
    NoContent,
    /// 404 `ResourceNotFound`.
    #[serde(rename = "404")]
    NotFound,
}

/// See [`Assumptions::delete_busy_pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteBusyPool {
    /// The deletion supersedes the running operation.
    #[default]
    Accepted,
    /// 409 `RegistryStatusConflict`.
    Conflict,
}

/// See [`Assumptions::put_existing_pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PutExistingPool {
    /// An upsert that answers 201 like a create; only the count may differ.
    #[default]
    Created,
    /// An upsert that answers 200; only the count may differ.
    Ok,
    /// 409 `RegistryStatusConflict`.
    Conflict,
}

/// See [`Assumptions::dead_subnet`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadSubnet {
    /// The creation succeeds, and the pool turns `Failed` by itself after [`Seed::dead_subnet_seconds`](super::Seed).
    #[default]
    FailsLater,
    /// The creation runs that long and fails.
    CreateFails,
}

/// See [`Assumptions::id_casing`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdCasing {
    /// As they were first sent.
    #[default]
    AsSent,
    /// `resourcegroups` in lower case and the group's name in upper case, as several Azure services do.
    Recased,
}

/// See [`Assumptions::put_omitted_secrets`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OmittedSecrets {
    /// They are gone, as everything that a PUT does not send.
    #[default]
    Wiped,
    /// They stay where the step, trigger, argument or server that they belong to is still there.
    Kept,
}

/// See [`Assumptions::pool_with_cpu`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolWithCpu {
    /// Nothing: the Azure CLI always sends both.
    #[default]
    Accepted,
    /// 400 `InvalidInputValue`, as reported once from the field.
    Refused,
}

/// See [`Assumptions::patch_agent_pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchAgentPool {
    /// Nothing, as to everything that a PATCH does not name.
    #[default]
    Kept,
    /// The task loses it, as reported once from the field.
    Dropped,
}

/// See [`Assumptions::system_task_registry`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemTaskRegistry {
    /// In every one.
    #[default]
    Any,
    /// Only in those that are encrypted with a customer-managed key.
    Encrypted,
}

/// See [`Assumptions::cancel_run`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelRun {
    /// Yes, as any other: the documented limitation was lifted in August 2024.
    #[default]
    Accepted,
    /// No: 400, as documented until then.
    RefusedOnPools,
}

/// See [`Assumptions::unknown_pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPool {
    /// 404 `EntityNotFound`.
    #[default]
    Refused,
    /// The run waits in a queue that nobody serves, until the pool is made.
    Queued,
}

/// See [`Assumptions::disabled_task`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledTask {
    /// 400 `TaskDisabled`.
    #[default]
    Refused,
    /// It runs: only its triggers are off.
    Runs,
}

/// See [`Assumptions::task_run_pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRunPool {
    /// 400 `InvalidInputValue`, as reported once from the field: the pool belongs to the task.
    #[default]
    Refused,
    /// The run goes to that pool, as the specification and the Azure CLI have it.
    Overrides,
}

/// See [`Assumptions::lost_pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostPool {
    /// What runs ends as `Error`, and what waits goes on waiting.
    #[default]
    RunningFail,
    /// All of them end as `Canceled`.
    AllCanceled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_reads_both_values_and_unknown_ones_are_refused() {
        for (text, good) in [
            (
                r#"{"delete_end":"404","quota_failure":"late","id_casing":"recased"}"#,
                true,
            ),
            (
                r#"{"delete_end":"204","put_existing_pool":"ok","failed_create_body":"bare_status"}"#,
                true,
            ),
            (
                r#"{"put_omitted_secrets":"kept","pool_with_cpu":"refused","patch_agent_pool":"dropped"}"#,
                true,
            ),
            (
                r#"{"put_omitted_secrets":"wiped","system_task_registry":"encrypted"}"#,
                true,
            ),
            (
                r#"{"cancel_run":"refused_on_pools","unknown_pool":"queued","disabled_task":"runs"}"#,
                true,
            ),
            (r#"{"task_run_pool":"overrides","lost_pool":"all_canceled"}"#, true),
            (r#"{"delete_end":"500"}"#, false),
            (r#"{"delete_ends":"404"}"#, false),
        ] {
            assert_eq!(serde_json::from_str::<Assumptions>(text).is_ok(), good, "{text}");
        }
    }
}

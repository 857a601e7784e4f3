//! Asking for a run. A request whose answer is lost is not sent again: it might start a second run.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::wire::Envelope;
use super::{FAMILY, Filter, RegistryId, Run, RunRequest, Work, list};
use crate::azure::{Call, Client, Error};

/// How far the service's clock and ours may differ when runs are compared with the time a request was sent.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(60);

/// How many recent runs are looked through for candidates: busy registries start dozens a minute.
const CANDIDATES_LISTED_MAX: usize = 100;

/// A run that was asked for, of which it is not known that it began.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleError {
    /// What went wrong.
    pub error: Error,
    /// When the request was first sent, by our clock.
    pub sent: OffsetDateTime,
    /// When it was given up, by our clock.
    pub given_up: OffsetDateTime,
}

/// Asks for a run, once. The answer has the run's id and `Queued` and little else.
///
/// # Errors
/// [`ScheduleError`], whose [`may_have_started`](ScheduleError::may_have_started) tells whether a run may have begun all the
/// same; then [`candidates`] lists what it could be.
pub async fn schedule(
    client: &Client,
    call: &Call,
    registry: &RegistryId,
    request: &RunRequest,
) -> Result<Run, ScheduleError> {
    let sent = OffsetDateTime::now_utc();
    let failed = |error| ScheduleError {
        error,
        sent,
        given_up: OffsetDateTime::now_utc(),
    };
    let body = serde_json::to_value(request)
        .map_err(|cause| failed(Error::InvalidRequest(format!("the run's request is no JSON: {cause}"))))?;
    let path = &format!("{registry}/scheduleRun");
    let post = async |version| client.post(call, path, version, Some(&body)).await;
    let answer = client
        .versioned(call, registry.subscription_id(), &FAMILY, post)
        .await
        .map_err(failed)?;
    let run = answer.json::<Envelope>().map_err(failed)?.into_run();
    if run.run_id.is_empty() {
        return Err(failed(answer.invalid("it names no run")));
    }
    Ok(run)
}

/// The runs that a request which failed as `lost` may have started, newest first: created between its sending and its end
/// (give or take [`CLOCK_SKEW_MAX`]), of the same task, on the same pool. Somebody else may have started each of them, so
/// that they can be named but never taken for ours. Empty when the request certainly started none.
///
/// # Errors
/// As [`list`].
pub async fn candidates(
    client: &Client,
    call: &Call,
    registry: &RegistryId,
    request: &RunRequest,
    lost: &ScheduleError,
) -> Result<Vec<Run>, Error> {
    if !lost.may_have_started() {
        return Ok(Vec::new());
    }
    // Only the pool and the task are asked for: how the service compares times has not been seen.
    let filter = Filter {
        agent_pool_name: request.agent_pool_name.as_deref(),
        task_name: request.task_name(),
        ..Filter::default()
    };
    let runs = list(client, call, registry, &filter, CANDIDATES_LISTED_MAX).await?;
    Ok(runs.into_iter().filter(|run| could_be(run, request, lost)).collect())
}

impl ScheduleError {
    /// The answer was lost or unclear: a run may have begun.
    pub fn may_have_started(&self) -> bool {
        self.error.may_have_been_accepted()
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scheduling the run: {}", self.error)?;
        if self.may_have_started() {
            // Whole seconds are what people compare with lists of runs.
            let sent = self.sent.replace_nanosecond(0).unwrap_or(self.sent);
            let sent = sent.format(&Rfc3339).unwrap_or_default();
            write!(
                f,
                "; the request was sent at {sent} and not repeated, because a run may have begun all the same"
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for ScheduleError {}

/// Whether the request may have started this run, as far as its record tells.
fn could_be(run: &Run, request: &RunRequest, lost: &ScheduleError) -> bool {
    let same = |told: Option<&str>, asked: &str| told.is_some_and(|told| told.eq_ignore_ascii_case(asked));
    let same_task = match request.task_name() {
        Some(task) => same(run.task.as_deref(), task),
        None => run.task.is_none(),
    };
    let pool = run.agent_pool_name.as_deref().filter(|name| !name.is_empty());
    let same_pool = match &request.agent_pool_name {
        Some(asked) => same(pool, asked),
        // The task's own pool is not known here.
        None => matches!(request.work, Work::Task(_)) || pool.is_none(),
    };
    let created = run.create_time.as_deref();
    let created = created.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    // A run without a time cannot be ruled out.
    let in_time = created.is_none_or(|at| at >= lost.sent - CLOCK_SKEW_MAX && at <= lost.given_up + CLOCK_SKEW_MAX);
    same_task && same_pool && in_time
}

#[cfg(test)]
mod tests {
    use azure_core::error::ErrorKind;
    use time::macros::datetime;

    use super::super::request::{Overrides, TaskRun};
    use super::*;
    use crate::azure::fake::{FakeHttp, call, fault, reply};

    const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";

    fn request(pool: Option<&str>) -> RunRequest {
        let task_id = format!("{REGISTRY}/tasks/nightly");
        RunRequest {
            agent_pool_name: pool.map(Into::into),
            ..RunRequest::new(Work::Task(TaskRun {
                task_id,
                overrides: Overrides::default(),
            }))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_is_asked_for_once() {
        let body = r#"{"name":"ch1","properties":{"runId":"ch1","status":"Queued"}}"#;
        let http = FakeHttp::with([reply(200, body)]);
        let run = schedule(
            &http.client(),
            &call(60),
            &REGISTRY.parse().unwrap(),
            &request(Some("p01")),
        )
        .await
        .unwrap();
        assert_eq!((run.run_id.as_str(), run.is_queued()), ("ch1", true));
        assert_eq!(http.lines(), [format!("POST {REGISTRY}/scheduleRun")]);
        let sent: serde_json::Value = serde_json::from_str(&http.asked()[0].body).unwrap();
        assert_eq!(sent["type"], "TaskRunRequest");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_said_and_not_asked_for_again() {
        let forbidden = r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#;
        for (answer, unclear, sends) in [
            (fault(ErrorKind::Io), true, 1),
            (reply(504, ""), true, 1),
            (reply(200, "<html>"), true, 1),
            (reply(200, "{}"), true, 1),
            (reply(403, forbidden), false, 1),
            (fault(ErrorKind::Connection), false, 5),
        ] {
            let http = FakeHttp::with([answer]);
            let (client, call, registry) = (http.client(), call(60), REGISTRY.parse().unwrap());
            let lost = schedule(&client, &call, &registry, &request(None)).await.unwrap_err();
            assert_eq!(http.asked().len(), sends, "{lost}");
            assert_eq!(lost.may_have_started(), unclear, "{lost}");
            assert_eq!(
                lost.to_string().contains("a run may have begun all the same"),
                unclear,
                "{lost}"
            );
            if !unclear {
                assert_eq!(
                    candidates(&client, &call, &registry, &request(None), &lost)
                        .await
                        .unwrap(),
                    []
                );
                assert_eq!(http.asked().len(), sends, "nothing is looked for");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn candidates_are_runs_of_that_time_task_and_pool() {
        let run = |id: &str, time: &str, task: &str, pool: &str| {
            format!(
                r#"{{"name":"{id}","properties":{{"runId":"{id}","status":"Queued","createTime":"{time}","task":{task},"agentPoolName":{pool}}}}}"#
            )
        };
        let (task, other, pool) = (r#""Nightly""#, r#""weekly""#, r#""P01""#);
        let runs = [
            run("a6", "2026-11-24T10:05:00.1234567+00:00", task, pool),
            run("a5", "2026-11-24T10:00:20.1234567+00:00", task, pool),
            run("a4", "2026-11-24T10:00:10+00:00", task, "null"),
            run("a3", "2026-11-24T10:00:10+00:00", other, pool),
            run("a2", "2026-11-24T09:59:30+00:00", task, pool),
            run("a1", "2026-11-24T09:58:30+00:00", task, pool),
        ];
        let page = format!(r#"{{"value":[{}]}}"#, runs.join(","));
        let lost = ScheduleError {
            error: Error::Cancelled {
                last: None,
                in_flight: true,
            },
            sent: datetime!(2026-11-24 10:00:00 UTC),
            given_up: datetime!(2026-11-24 10:01:00 UTC),
        };
        for (pool, want) in [(Some("p01"), vec!["a5", "a2"]), (None, vec!["a5", "a4", "a2"])] {
            let http = FakeHttp::with([reply(200, &page)]);
            let found = candidates(
                &http.client(),
                &call(60),
                &REGISTRY.parse().unwrap(),
                &request(pool),
                &lost,
            )
            .await
            .unwrap();
            let ids: Vec<&str> = found.iter().map(|run| run.run_id.as_str()).collect();
            assert_eq!(ids, want);
        }
        assert_eq!(
            lost.to_string(),
            "scheduling the run: the operation was cancelled; whether Azure accepted the request is not known; the request was sent at 2026-11-24T10:00:00Z and not repeated, because a run may have begun all the same"
        );
    }
}

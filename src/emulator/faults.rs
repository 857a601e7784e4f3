//! Faults on purpose: the next requests that match fail in the way asked for.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One fault: which requests it hits, how often, and what happens to them.
///
/// In a `--faults` file, and for `PUT /emulator/faults`, faults are an array:
///
/// ```json
/// [{"match": {"method": "GET", "path_contains": "/operationStatuses/", "skip": 1}, "times": 2,
///   "action": {"respond": {"status": 429, "headers": {"Retry-After": "1"}, "body": {"error": {"code": "TooManyRequests"}}}}},
///  {"match": {"method": "PUT"}, "times": 1, "applied": true, "action": {"reset": true}},
///  {"action": {"stall_seconds": 0.5}}, {"action": {"truncate": true}}, {"action": {"hang_operation": true}},
///  {"action": {"fail_operation": {"code": "NoCapacity", "message": "none left"}}}]
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests; all when empty. Never those to `/emulator/*`.
    #[serde(rename = "match", default)]
    pub matches: FaultMatch,
    /// How many requests it hits; without end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What happens.
    pub action: FaultAction,
    /// Whether the request takes effect all the same: with `reset` that is an accepted write whose answer was lost.
    /// `truncate` and the operation faults always take effect.
    #[serde(default)]
    pub applied: bool,
}

/// Which requests a fault hits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultMatch {
    /// The HTTP method, in any casing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A part of the path, in any casing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
    /// The end of the path, in any casing: tells an object from what lies below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_ends: Option<String>,
    /// How many matching requests pass first.
    pub skip: u32,
}

/// What a fault does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultAction {
    /// Answers this instead.
    Respond(FaultResponse),
    /// Resets the connection without an answer. The value must be `true`.
    Reset(bool),
    /// Waits so many real seconds before answering.
    StallSeconds(f64),
    /// Sends half the body and closes. The value must be `true`.
    Truncate(bool),
    /// The accepted create, update or delete later ends `Failed`, and so does its pool.
    FailOperation(OperationFailure),
    /// The accepted create, update or delete never ends. The value must be `true`.
    HangOperation(bool),
}

/// A canned answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultResponse {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside those that every answer carries.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body: a string is sent as it is, anything else as JSON; nothing when absent.
    #[serde(default)]
    pub body: Option<Value>,
}

/// How an operation fails.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationFailure {
    /// The error code.
    pub code: String,
    /// The error text.
    pub message: String,
}

/// The faults in force, with their counters.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    passed: u32,
    fired: u32,
}

impl Fault {
    /// Why this fault makes no sense, if it does not.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match &self.action {
            FaultAction::Reset(false) | FaultAction::Truncate(false) | FaultAction::HangOperation(false) => {
                Some("a fault's flag can only be true")
            }
            FaultAction::StallSeconds(seconds) if !(seconds.is_finite() && *seconds >= 0.0) => {
                Some("stall_seconds must be a number of seconds that is not negative")
            }
            FaultAction::Respond(response) if !(200..=599).contains(&response.status) => {
                Some("a response status must be between 200 and 599")
            }
            _ => None,
        }
    }
}

impl Faults {
    /// Replaces all faults and forgets the counters.
    pub(super) fn set(&mut self, faults: Vec<Fault>) {
        self.armed = faults
            .into_iter()
            .map(|fault| Armed {
                fault,
                passed: 0,
                fired: 0,
            })
            .collect();
    }

    /// How often faults have fired since they were set.
    pub(super) fn fired(&self) -> u32 {
        self.armed.iter().map(|armed| armed.fired).sum()
    }

    /// The faults with how often each has fired.
    pub(super) fn listed(&self) -> Vec<Value> {
        let listed = self.armed.iter().map(|armed| {
            let mut value = serde_json::to_value(&armed.fault).unwrap_or(Value::Null);
            value["fired"] = armed.fired.into();
            value
        });
        listed.collect()
    }

    /// The fault that this request meets; the first match wins, and each match counts.
    pub(super) fn strike(&mut self, method: &str, path: &str) -> Option<Fault> {
        let path = path.to_ascii_lowercase();
        for armed in &mut self.armed {
            let wanted = &armed.fault.matches;
            let method_fits = wanted
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
            let path_fits = wanted
                .path_contains
                .as_ref()
                .is_none_or(|part| path.contains(&part.to_ascii_lowercase()));
            let end_fits = wanted
                .path_ends
                .as_ref()
                .is_none_or(|end| path.ends_with(&end.to_ascii_lowercase()));
            if !method_fits || !path_fits || !end_fits || armed.fault.times.is_some_and(|times| armed.fired >= times) {
                continue;
            }
            if armed.passed < wanted.skip {
                armed.passed += 1;
                continue;
            }
            armed.fired += 1;
            return Some(armed.fault.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_after_skip_and_only_so_often() {
        let text =
            r#"[{"match":{"method":"get","path_contains":"AGENTpools","skip":1},"times":2,"action":{"reset":true}}]"#;
        let mut faults = Faults::default();
        faults.set(serde_json::from_str(text).unwrap());
        let struck: Vec<bool> = [
            ("PUT", "/x/agentPools/a"),
            ("GET", "/x/registries/a"),
            ("GET", "/x/agentPools/a"),
            ("GET", "/x/agentPools/a"),
            ("GET", "/x/agentPools/b"),
            ("GET", "/x/agentPools/c"),
        ]
        .iter()
        .map(|(method, path)| faults.strike(method, path).is_some())
        .collect();
        assert_eq!(struck, [false, false, false, true, true, false]);
        assert_eq!(faults.listed()[0]["fired"], 2);
    }

    #[test]
    fn the_end_of_a_path_tells_an_object_from_its_parts() {
        let mut faults = Faults::default();
        faults.set(serde_json::from_str(r#"[{"match":{"path_ends":"/pools/A"},"action":{"reset":true}}]"#).unwrap());
        assert!(faults.strike("GET", "/pools/a/status/1").is_none() && faults.fired() == 0);
        assert!(faults.strike("GET", "/Pools/a").is_some() && faults.fired() == 1);
    }

    #[test]
    fn actions_read_as_documented() {
        for (text, good) in [
            (
                r#"{"respond":{"status":503,"headers":{"retry-after":"1"},"body":{"a":1}}}"#,
                true,
            ),
            (r#"{"reset":true}"#, true),
            (r#"{"reset":false}"#, false),
            (r#"{"stall_seconds":0.5}"#, true),
            (r#"{"truncate":true}"#, true),
            (r#"{"fail_operation":{"code":"A","message":"b"}}"#, true),
            (r#"{"hang_operation":true}"#, true),
            (r#"{"explode":true}"#, false),
        ] {
            let fault = serde_json::from_str::<Fault>(&format!(r#"{{"action":{text}}}"#));
            assert_eq!(fault.is_ok_and(|fault| fault.problem().is_none()), good, "{text}");
        }
    }
}

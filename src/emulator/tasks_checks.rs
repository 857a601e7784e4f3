//! What the service refuses in a task.
//!
//! Known: the CPU count, image names of a pushed image, an unreadable body and a repository URL, by their codes. Of all
//! else only the rule is known, and its code and text are assumed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::assumptions::{Assumptions, PoolWithCpu, SystemTaskRegistry};
use super::cron::Schedule;
use super::refusals::Refusal;
use super::store::Registry;

/// Length of a task's name, from the specification.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 5..=50;
/// Seconds that a run may take, from the specification.
const TIMEOUT: std::ops::RangeInclusive<i64> = 300..=28_800;
/// The only CPU count of the service's own agents.
const SHARED_CPU: i64 = 2;
/// The only name that a system task may have.
const SYSTEM_TASK: &str = "quicktask";
/// What a status may be.
const STATUSES: [&str; 2] = ["Enabled", "Disabled"];
/// The values of `sourceControlType`, with how errors call the service.
const SOURCE_CONTROLS: [(&str, &str); 2] = [
    ("Github", "GitHub"),
    ("VisualStudioTeamService", "VisualStudioTeamService"),
];
/// What a source trigger may wait for.
const EVENTS: [&str; 2] = ["commit", "pullrequest"];
/// What a base image trigger may watch.
const BASE_IMAGE_TYPES: [&str; 2] = ["All", "Runtime"];

/// A task that is about to be written.
pub(super) struct Draft<'a> {
    /// How errors call the body.
    pub(super) parameters: &'static str,
    pub(super) name: &'a str,
    pub(super) properties: &'a Map<String, Value>,
    /// `properties` as the body has them.
    pub(super) sent: &'a Value,
    pub(super) registry: &'a Registry,
    pub(super) assumptions: &'a Assumptions,
}

impl Draft<'_> {
    /// Refuses what the service would not take.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.check_name()?;
        self.one_of("TaskProperties", "Status", &self.properties["status"], &STATUSES)?;
        let timeout = self.properties["timeout"].as_i64().unwrap_or_default();
        if !TIMEOUT.contains(&timeout) {
            let text = format!(
                "The timeout {timeout} is not between {} and {} seconds.",
                TIMEOUT.start(),
                TIMEOUT.end()
            );
            return self.refuse("TaskProperties", &text);
        }
        self.check_agent()?;
        if self.properties["isSystemTask"] == true {
            return self.check_system_task();
        }
        for (member, called) in [("platform", "Platform"), ("step", "Step")] {
            if !self.properties.contains_key(member) {
                return self.missing("TaskProperties", called);
            }
        }
        self.check_step(&self.properties["step"])?;
        match self.properties.get("trigger") {
            Some(trigger) => self.check_triggers(trigger),
            None => Ok(()),
        }
    }

    fn check_name(&self) -> Result<(), Refusal> {
        let spelled = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.chars().all(spelled) && NAME_LENGTH.contains(&self.name.len()) {
            return Ok(());
        }
        let text = format!(
            "'{}' is invalid: 5 to 50 letters, digits, hyphens and underscores are allowed.",
            self.name
        );
        self.refuse("Name", &text)
    }

    fn check_agent(&self) -> Result<(), Refusal> {
        let pool = self.properties.get("agentPoolName");
        let cpu = self.properties.get("agentConfiguration").map(|agent| &agent["cpu"]);
        let cpu = cpu.and_then(Value::as_i64);
        // Only the service's own agents have a known size; a pool's is that of its tier.
        if pool.is_none() && cpu.is_some_and(|cpu| cpu != SHARED_CPU) {
            let text = format!("The CPU core count is not one of the supported values ({SHARED_CPU})");
            return self.refuse("AgentProperties", &text);
        }
        let both = self.sent["agentPoolName"].is_string() && self.sent["agentConfiguration"]["cpu"].is_number();
        if both && self.assumptions.pool_with_cpu == PoolWithCpu::Refused {
            let text = "The CPU core count of an agent pool's tasks cannot be set.";
            return self.refuse("AgentProperties", text);
        }
        Ok(())
    }

    fn check_system_task(&self) -> Result<(), Refusal> {
        if self.name != SYSTEM_TASK {
            let text = format!("A system task must be called '{SYSTEM_TASK}'.");
            return self.refuse("IsSystemTask", &text);
        }
        for member in ["platform", "step", "trigger", "agentPoolName"] {
            if self.properties.contains_key(member) {
                return self.refuse("IsSystemTask", &format!("A system task has no '{member}'."));
            }
        }
        let encryption = self.registry.settings.get("encryption");
        let encrypted = encryption.is_some_and(|encryption| encryption["status"] == "enabled");
        if !encrypted && self.assumptions.system_task_registry == SystemTaskRegistry::Encrypted {
            let text = "System tasks need a registry that is encrypted with a customer-managed key.";
            return self.refuse("IsSystemTask", text);
        }
        Ok(())
    }

    fn check_step(&self, step: &Value) -> Result<(), Refusal> {
        let names = step["imageNames"].as_array().map_or(0, Vec::len);
        if step["type"] == "Docker" && step["isPushEnabled"] == true && names == 0 {
            return self.missing("DockerBuildStep", "ImageNames");
        }
        for member in ["encodedTaskContent", "encodedValuesContent"] {
            if step[member].as_str().is_some_and(|text| STANDARD.decode(text).is_err()) {
                return self.refuse("EncodedTaskStep", &format!("'{member}' is not encoded in Base64."));
            }
        }
        Ok(())
    }

    fn check_triggers(&self, trigger: &Value) -> Result<(), Refusal> {
        for (member, called) in [("timerTriggers", "TimerTrigger"), ("sourceTriggers", "SourceTrigger")] {
            let items = trigger[member].as_array().map(Vec::as_slice).unwrap_or_default();
            for (at, item) in items.iter().enumerate() {
                self.one_of(called, "Status", &item["status"], &STATUSES)?;
                let name = item["name"].as_str().unwrap_or_default();
                let same = |other: &Value| {
                    other["name"]
                        .as_str()
                        .is_some_and(|known| known.eq_ignore_ascii_case(name))
                };
                if items[..at].iter().any(same) {
                    return self.refuse(called, &format!("The trigger '{name}' is there twice."));
                }
                match item["schedule"].as_str() {
                    Some(schedule) => Schedule::parse(schedule)
                        .map(drop)
                        .or_else(|problem| self.refuse(called, &format!("The schedule is invalid: {problem}.")))?,
                    None => self.check_source(item)?,
                }
            }
        }
        let base_image = &trigger["baseImageTrigger"];
        if base_image.is_object() {
            let called = "BaseImageTrigger";
            self.one_of(called, "Status", &base_image["status"], &STATUSES)?;
            let kind = &base_image["baseImageTriggerType"];
            self.one_of(called, "BaseImageTriggerType", kind, &BASE_IMAGE_TYPES)?;
        }
        Ok(())
    }

    fn check_source(&self, trigger: &Value) -> Result<(), Refusal> {
        for event in trigger["sourceTriggerEvents"].as_array().into_iter().flatten() {
            self.one_of("SourceTrigger", "SourceTriggerEvents", event, &EVENTS)?;
        }
        let repository = &trigger["sourceRepository"];
        let control = repository["sourceControlType"].as_str().unwrap_or_default();
        let known = SOURCE_CONTROLS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(control));
        let Some((name, service)) = known else {
            let text = format!("'{control}' is no supported source control.");
            return self.refuse("SourceProperties", &text);
        };
        let url = repository["repositoryUrl"].as_str().unwrap_or_default();
        if is_repository(name, url) {
            return Ok(());
        }
        Err(Refusal::repository_url(url, service))
    }

    fn one_of(&self, part: &str, called: &str, value: &Value, known: &[&str]) -> Result<(), Refusal> {
        let value = value.as_str().unwrap_or_default();
        if known.iter().any(|known| known.eq_ignore_ascii_case(value)) {
            return Ok(());
        }
        let text = format!(
            "'{value}' is no {called}. The supported values are ({})",
            known.join(", ")
        );
        self.refuse(part, &text)
    }

    fn refuse(&self, part: &str, text: &str) -> Result<(), Refusal> {
        Err(Refusal::inner(self.parameters, part, "InvalidInputValue", text))
    }

    fn missing(&self, part: &str, member: &str) -> Result<(), Refusal> {
        let text = format!("The required property '{member}' is missing.");
        Err(Refusal::inner(self.parameters, part, "MissingRequiredProperty", &text))
    }
}

/// Whether a URL leads to a repository of its source control. GitHub may have any host, as companies run their own.
fn is_repository(control: &str, url: &str) -> bool {
    let Some((host, path)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let host = host.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let path = path.split(['#', '?']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if host.is_empty() {
        return false;
    }
    if control == "Github" {
        return parts.len() == 2;
    }
    let azure = host == "dev.azure.com" || host.ends_with(".visualstudio.com");
    azure && parts.contains(&"_git") && parts.last() != Some(&"_git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories() {
        for (control, url, good) in [
            ("Github", "https://github.com/contoso/app.git", true),
            ("Github", "https://github.com/contoso/app.git#main:src", true),
            ("Github", "https://git.contoso.example/team/app", true),
            ("Github", "https://github.com/contoso", false),
            ("Github", "git@github.com:contoso/app.git", false),
            ("Github", "http://github.com/contoso/app", false),
            ("Github", "", false),
            (
                "VisualStudioTeamService",
                "https://dev.azure.com/contoso/web/_git/app",
                true,
            ),
            (
                "VisualStudioTeamService",
                "https://contoso@dev.azure.com/contoso/web/_git/app",
                true,
            ),
            (
                "VisualStudioTeamService",
                "https://contoso.visualstudio.com/_git/app",
                true,
            ),
            (
                "VisualStudioTeamService",
                "https://contoso.visualstudio.com/web/_git",
                false,
            ),
            ("VisualStudioTeamService", "https://gitlab.example/contoso/app", false),
        ] {
            assert_eq!(is_repository(control, url), good, "{control} {url}");
        }
    }
}

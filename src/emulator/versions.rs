//! Which API versions are served. A seed can leave some of the Tasks API's out, as sovereign clouds do.

use super::metadata::{POOL_VERSIONS, REGISTRY_VERSIONS, TASK_VERSIONS};
use super::refusals::Refusal;

/// The versions that the types of the Tasks API (pools, tasks, runs) are served in.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskVersions(Option<Vec<String>>);

impl TaskVersions {
    /// All recorded versions, or only those named.
    ///
    /// The error names one that nobody ever served.
    pub(super) fn of(named: Option<&[String]>) -> Result<TaskVersions, String> {
        let known = |version: &&String| TASK_VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(version));
        match named.unwrap_or_default().iter().find(|version| !known(version)) {
            Some(unknown) => Err(format!(
                "task_api_versions: the Tasks API never had the version '{unknown}'"
            )),
            None => Ok(TaskVersions(named.map(<[String]>::to_vec))),
        }
    }

    /// Those of `all` that are served.
    pub(super) fn served(&self, all: &[&'static str]) -> Vec<&'static str> {
        let named = |version: &&&str| match &self.0 {
            None => true,
            Some(named) => named.iter().any(|name| name.eq_ignore_ascii_case(version)),
        };
        all.iter().filter(named).copied().collect()
    }
}

/// Refuses a version that the type does not have. Types outside the registry namespace take any well-formed version.
pub(super) fn check(tasks: &TaskVersions, lower: &[&str], version: &str) -> Result<(), Refusal> {
    let namespace = "Microsoft.ContainerRegistry";
    let (name, versions): (&str, Vec<&str>) = match lower {
        [
            _,
            _,
            "resourcegroups",
            _,
            "providers",
            "microsoft.containerregistry",
            "registries",
            _,
            child,
            ..,
        ] => match *child {
            "agentpools" | "agentpoolsoperationresults" => ("registries/agentPools", tasks.served(&POOL_VERSIONS)),
            "tasks" => ("registries/tasks", tasks.served(&TASK_VERSIONS)),
            "runs" => ("registries/runs", tasks.served(&TASK_VERSIONS)),
            "schedulerun" | "listbuildsourceuploadurl" => ("registries", tasks.served(&TASK_VERSIONS)),
            "operationstatuses" => ("registries", REGISTRY_VERSIONS.to_vec()),
            // Not served in any version; the route says so.
            _ => return Ok(()),
        },
        [.., "microsoft.containerregistry", "registries"] | [.., "microsoft.containerregistry", "registries", _] => {
            ("registries", REGISTRY_VERSIONS.to_vec())
        }
        _ if is_version(version) => return Ok(()),
        _ => {
            let message = format!("The api-version '{version}' is invalid.");
            return Err(Refusal::gateway(400, "InvalidApiVersionParameter", message));
        }
    };
    if versions.iter().any(|known| known.eq_ignore_ascii_case(version)) {
        return Ok(());
    }
    let elsewhere = REGISTRY_VERSIONS
        .iter()
        .chain(&TASK_VERSIONS)
        .any(|known| known.eq_ignore_ascii_case(version));
    if elsewhere {
        return Err(Refusal::type_lacks_version(namespace, name, version));
    }
    Err(Refusal::unknown_version(name, version, &versions))
}

/// `YYYY-MM-DD` with an optional suffix such as `-preview`.
fn is_version(version: &str) -> bool {
    let bytes = version.as_bytes();
    let date = bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    date && (bytes.len() == 10 || bytes[10] == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let pool = [
            "subscriptions",
            "s",
            "resourcegroups",
            "g",
            "providers",
            "microsoft.containerregistry",
            "registries",
            "r",
            "agentpools",
        ];
        let all = TaskVersions::default();
        for (version, good) in [
            ("2019-06-01-preview", true),
            ("2025-03-01-preview", true),
            ("2023-07-01", false),
            ("2031-01-01", false),
        ] {
            assert_eq!(check(&all, &pool, version).is_ok(), good, "{version}");
        }
        for (version, good) in [
            ("2022-09-01", true),
            ("2022-09-01-preview", true),
            ("latest", false),
            ("2022-9-1", false),
        ] {
            assert_eq!(check(&all, &["subscriptions"], version).is_ok(), good, "{version}");
        }
    }

    #[test]
    fn a_seed_can_leave_versions_out() {
        let old = TaskVersions::of(Some(&["2019-06-01-preview".to_string()])).unwrap();
        assert_eq!(old.served(&POOL_VERSIONS), ["2019-06-01-preview"]);
        assert_eq!(old.served(&TASK_VERSIONS), ["2019-06-01-preview"]);
        let path = [
            "subscriptions",
            "s",
            "resourcegroups",
            "g",
            "providers",
            "microsoft.containerregistry",
            "registries",
            "r",
            "runs",
        ];
        assert!(check(&old, &path, "2019-06-01-preview").is_ok() && check(&old, &path, "2025-03-01-preview").is_err());
        assert!(TaskVersions::of(Some(&["2031-01-01".to_string()])).is_err());
    }
}

//! What is found for tasks and builds, as tables.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::provider::preflight::quota::PlannedPool;

const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/builds";

fn registry() -> RegistryId {
    REGISTRY.parse().unwrap()
}

fn pool(name: &str) -> AgentPoolId {
    AgentPoolId::new(registry(), name).unwrap()
}

fn there(state: &str, count: i64, in_subnet: bool) -> AgentPool {
    let subnet = in_subnet.then_some("/subnets/x");
    let body = json!({"id": pool("Night").to_string(), "name": "Night", "location": "eastus", "properties": {"tier": "S1",
        "count": count, "provisioningState": state, "virtualNetworkSubnetResourceId": subnet}});
    serde_json::from_value(body).unwrap()
}

fn subject(pool_name: Option<&str>) -> RunSubject {
    RunSubject {
        registry: registry(),
        pool: pool_name.map(pool),
        system_identity: false,
        user_identity: false,
        identity_attribute: "identity",
    }
}

fn found(properties: Value) -> Read {
    Read::Found(Arc::new(json!({"location": "eastus", "properties": properties})))
}

fn facts(pools: Vec<AgentPool>) -> RunFacts {
    RunFacts {
        registry: found(json!({"publicNetworkAccess": "Enabled"})),
        pools: Ok(pools),
        bypass_allowed: None,
    }
}

fn made(count: i64) -> PlannedPool {
    PlannedPool {
        tier: "S1".into(),
        count,
        is_new: true,
        in_subnet: false,
    }
}

fn kept(count: i64) -> PlannedPool {
    PlannedPool {
        is_new: false,
        ..made(count)
    }
}

/// What a plan says of the pool.
enum Says {
    Nothing,
    Will(PlannedPool),
    Exist,
    Go,
}

#[test]
fn the_pool_of_a_run() {
    use Says::{Exist, Go, Nothing, Will};
    for (existing, says, expected) in [
        (Some(("Succeeded", 1)), Nothing, None),
        (Some(("Updating", 1)), Nothing, None),
        (Some(("Creating", 1)), Nothing, None),
        (
            Some(("Succeeded", 0)),
            Nothing,
            Some((Level::Warning, "has no machine")),
        ),
        (Some(("Failed", 1)), Nothing, Some((Level::Error, "has failed"))),
        (Some(("failed", 0)), Nothing, Some((Level::Error, "has failed"))),
        (Some(("Deleting", 1)), Nothing, Some((Level::Error, "is being deleted"))),
        (None, Nothing, Some((Level::Error, "does not exist"))),
        // A pool planned in this process exists, at its planned count.
        (None, Will(made(1)), None),
        (None, Will(made(0)), Some((Level::Warning, "has no machine"))),
        (None, Exist, None),
        (Some(("Succeeded", 0)), Will(kept(2)), None),
        (
            Some(("Succeeded", 2)),
            Will(kept(0)),
            Some((Level::Warning, "has no machine")),
        ),
        (Some(("Succeeded", 0)), Exist, None),
        // Only a new pool mends a failed one.
        (Some(("Failed", 1)), Will(made(1)), None),
        (Some(("Failed", 1)), Will(kept(2)), Some((Level::Error, "has failed"))),
        (Some(("Deleting", 1)), Will(made(1)), None),
        (Some(("Succeeded", 1)), Go, Some((Level::Error, "is removed"))),
        (None, Go, Some((Level::Error, "is removed"))),
    ] {
        let planned = PlannedPools::default();
        let context = format!("{existing:?}, planned {}", matches!(says, Will(_) | Exist));
        match says {
            Nothing => {}
            Will(pool_as_planned) => planned.will_be(&pool("night"), pool_as_planned),
            Exist => planned.will_exist(&pool("night")),
            Go => planned.will_go(&pool("night")),
        }
        let pools = existing.map(|(state, count)| there(state, count, false));
        let findings = run(&subject(Some("night")), &facts(pools.into_iter().collect()), &planned);
        let told = findings
            .first()
            .map(|finding| (finding.level, finding.summary.as_str()));
        assert_eq!(
            findings.len(),
            usize::from(expected.is_some()),
            "{context}: {findings:?}"
        );
        if let (Some((level, summary)), Some((expected_level, expected))) = (told, expected) {
            assert!(
                level == expected_level && summary.contains(expected),
                "{context}: {summary}"
            );
            assert!(findings[0].check == Check::Pool && findings[0].mendable);
            assert!(
                findings[0].detail.contains("agent pool \"night\""),
                "{}",
                findings[0].detail
            );
        }
    }
}

#[test]
fn what_needs_no_pool_or_has_no_registry_is_quiet() {
    let planned = PlannedPools::default();
    assert_eq!(run(&subject(None), &facts(vec![]), &planned), []);
    let gone = RunFacts {
        registry: Read::Missing,
        ..facts(vec![])
    };
    assert_eq!(run(&subject(Some("night")), &gone, &planned), []);
    // A pool that is planned at zero is told even before its registry exists.
    planned.will_be(&pool("night"), made(0));
    assert_eq!(run(&subject(Some("night")), &gone, &planned).len(), 1);
}

#[test]
fn pools_that_cannot_be_listed_are_one_warning() {
    let blind = RunFacts {
        pools: Err("AuthorizationFailed".into()),
        ..facts(vec![])
    };
    let planned = PlannedPools::default();
    let findings = run(&subject(Some("night")), &blind, &planned);
    assert_eq!((findings.len(), findings[0].level), (1, Level::Warning));
    assert!(findings[0].detail.contains("registries/agentPools/read"));
    // What this process has planned is known without.
    planned.will_be(&pool("night"), made(1));
    assert_eq!(run(&subject(Some("night")), &blind, &planned), []);
}

#[test]
fn the_trap_of_the_bypass() {
    let closed = || json!({"publicNetworkAccess": "Disabled", "networkRuleBypassOptions": "AzureServices"});
    let limited = || json!({"publicNetworkAccess": "Enabled", "networkRuleSet": {"defaultAction": "Deny"}});
    let none = || json!({"publicNetworkAccess": "Disabled", "networkRuleBypassOptions": "None"});
    let open = || json!({"publicNetworkAccess": "Enabled", "networkRuleSet": {"defaultAction": "Allow"}});
    // System-assigned, user-assigned, bypass, registry, pool in a subnet (or none), what is told.
    for (system, user, bypass, properties, in_subnet, expected) in [
        (
            true,
            false,
            Some(false),
            closed(),
            None,
            Some("networkRuleBypassAllowedForTasks is false"),
        ),
        (
            true,
            false,
            Some(false),
            limited(),
            None,
            Some("networkRuleBypassAllowedForTasks is false"),
        ),
        (
            true,
            true,
            Some(false),
            closed(),
            None,
            Some("networkRuleBypassAllowedForTasks is false"),
        ),
        (
            true,
            false,
            Some(false),
            closed(),
            Some(false),
            Some("networkRuleBypassAllowedForTasks is false"),
        ),
        (true, false, Some(true), closed(), None, None),
        (true, false, None, closed(), None, None),
        (
            true,
            false,
            Some(true),
            none(),
            None,
            Some("networkRuleBypassOptions is None"),
        ),
        (
            false,
            true,
            None,
            closed(),
            None,
            Some("with a user-assigned one they get 403"),
        ),
        (false, false, Some(false), closed(), None, None),
        (true, true, Some(false), open(), None, None),
        (true, false, Some(false), closed(), Some(true), None),
        (false, true, None, closed(), Some(true), None),
    ] {
        let asked = RunSubject {
            system_identity: system,
            user_identity: user,
            ..subject(in_subnet.map(|_| "night"))
        };
        let facts = RunFacts {
            registry: found(properties.clone()),
            pools: Ok(in_subnet.map(|it| there("Succeeded", 1, it)).into_iter().collect()),
            bypass_allowed: bypass,
        };
        let findings = run(&asked, &facts, &PlannedPools::default());
        let context = format!("{system} {user} {bypass:?} {properties} {in_subnet:?}: {findings:?}");
        assert_eq!(findings.len(), usize::from(expected.is_some()), "{context}");
        if let Some(expected) = expected {
            let finding = &findings[0];
            assert!(
                finding.detail.contains(expected) && finding.detail.starts_with("The registry"),
                "{context}"
            );
            let told = (finding.check, finding.level, finding.attribute);
            assert_eq!(told, (Check::PrivateRegistry, Level::Warning, "identity"));
        }
    }
}

#[test]
fn a_planned_pool_is_where_it_is_planned() {
    let facts = RunFacts {
        registry: found(json!({"publicNetworkAccess": "Disabled"})),
        pools: Ok(vec![]),
        bypass_allowed: Some(false),
    };
    let asked = RunSubject {
        system_identity: true,
        ..subject(Some("night"))
    };
    for (in_subnet, expected) in [(true, 0), (false, 1)] {
        let planned = PlannedPools::default();
        let pool_as_planned = PlannedPool { in_subnet, ..made(1) };
        planned.will_be(&pool("night"), pool_as_planned);
        assert_eq!(run(&asked, &facts, &planned).len(), expected);
    }
    // Of one that is not known in full, nothing is said.
    let planned = PlannedPools::default();
    planned.will_exist(&pool("night"));
    assert_eq!(run(&asked, &facts, &planned), []);
}

#[test]
fn a_registry_that_cannot_be_read_is_told_where_it_matters() {
    let blind = RunFacts {
        registry: Read::Unreadable("AuthorizationFailed".into()),
        ..facts(vec![there("Succeeded", 1, true)])
    };
    let planned = PlannedPools::default();
    assert_eq!(run(&subject(Some("night")), &blind, &planned), []);
    let asked = RunSubject {
        system_identity: true,
        ..subject(None)
    };
    let findings = run(&asked, &blind, &planned);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].detail.contains("registries/read"), "{}", findings[0].detail);
}

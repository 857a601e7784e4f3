//! The checks: from what was read to what is found. Pure; each says what was found, where, why it matters and what mends it.

mod reach;

use serde_json::Value;

use crate::{
    acr::{
        preview::{self, ISOLATED_VCPU_QUOTA, REGIONS_AS_OF, STANDARD_VCPU_QUOTA, is_same_region},
        tier,
    },
    network::subnet::{Subnet, VirtualNetwork},
};

use super::{
    facts::{Change, Facts, NetworkFacts, Subject, text},
    finding::{Finding, Level},
    quota::{self, PlannedPools},
    reads::Read,
    settings::{Check, Setting, Settings},
};
use reach::{dns, reachability};

/// Everything that is found, in the order of the checks.
#[must_use]
pub fn run(subject: &Subject, facts: &Facts, settings: &Settings, planned: &PlannedPools) -> Vec<Finding> {
    let mut found = Vec::new();
    if subject.change == Change::Create {
        found.extend(registry_unread(subject, facts));
        found.extend(region(facts));
        found.extend(sku(subject, facts));
    }
    found.extend(quota(subject, facts, settings, planned));
    if let Some(network) = &facts.network {
        found.extend(subnet(subject, facts, network));
        if subject.change == Change::Create {
            found.extend(reachability(network));
            found.extend(dns(network));
        }
    }
    if subject.change == Change::Create {
        found.extend(private_registry(subject, facts));
    }
    found
}

/// A finding about the registry.
pub(super) fn about_registry(check: Check, level: Level, mendable: bool, summary: String, detail: String) -> Finding {
    Finding {
        check,
        level,
        mendable,
        summary,
        detail,
        attribute: "registry_id",
    }
}

/// A finding about the subnet.
fn about_subnet(check: Check, level: Level, summary: String, detail: String) -> Finding {
    Finding {
        check,
        level,
        mendable: true,
        summary,
        detail,
        attribute: "subnet_id",
    }
}

/// What cannot be read is never a pass and never a failure.
pub(super) fn unreadable(check: Check, attribute: &'static str, id: &str, action: &str, why: &str) -> Finding {
    Finding {
        check,
        level: Level::Warning,
        mendable: true,
        // Terraform folds warnings of one summary into the first: each object has its own.
        summary: format!("Preflight could not read {}", tail(id)),
        detail: format!(
            "{id} cannot be read, so that nobody knows whether it lets the pool work. The principal needs {action} on it.\n\nAzure said: {why}"
        ),
        attribute,
    }
}

/// The last type and name of an id.
fn tail(id: &str) -> &str {
    let slash = id.rmatch_indices('/').nth(1);
    slash.map_or(id, |(at, _)| &id[at + 1..])
}

fn registry_unread(subject: &Subject, facts: &Facts) -> Option<Finding> {
    let Read::Unreadable(why) = &facts.registry else {
        return None;
    };
    let (id, action) = (
        subject.pool.registry().to_string(),
        "Microsoft.ContainerRegistry/registries/read",
    );
    Some(unreadable(Check::Sku, "registry_id", &id, action, why))
}

/// Where Azure offers agent pools, by its own metadata; `None` when that cannot be read.
#[must_use]
pub fn offered_regions(metadata: &Read) -> Option<Vec<String>> {
    let types = metadata.body()?.get("resourceTypes")?.as_array()?;
    let is_pools = |it: &&Value| text(it, "/resourceType").eq_ignore_ascii_case("registries/agentPools");
    let locations = types.iter().find(is_pools)?.get("locations")?.as_array()?;
    Some(locations.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn region(facts: &Facts) -> Option<Finding> {
    let location = text(facts.registry.body()?, "/location");
    let (offered, level, source) = match offered_regions(&facts.metadata) {
        Some(offered) => (offered, Level::Error, "Azure itself lists".to_owned()),
        None => (
            preview::REGIONS
                .iter()
                .map(|region| region.display_name.to_owned())
                .collect(),
            Level::Warning,
            format!("Azure cannot be asked; its documentation of {REGIONS_AS_OF} lists"),
        ),
    };
    if offered.iter().any(|region| is_same_region(region, &location)) {
        return None;
    }
    let detail = format!(
        "The registry is in {location}, and a pool is always in its registry's region. {source} these: {}. Use a registry in one of them.",
        offered.join(", ")
    );
    // Nothing that a plan can do moves a registry to another region and keeps its id.
    Some(about_registry(
        Check::Region,
        level,
        false,
        format!("Region {location} has no agent pools"),
        detail,
    ))
}

fn sku(subject: &Subject, facts: &Facts) -> Option<Finding> {
    let sku = text(facts.registry.body()?, "/sku/name");
    if sku.eq_ignore_ascii_case(preview::REQUIRED_SKU) {
        return None;
    }
    let detail = format!(
        "Agent pools need a registry of SKU Premium; {} is {sku}. Set sku = \"Premium\" on the registry.",
        subject.pool.registry().human()
    );
    Some(about_registry(
        Check::Sku,
        Level::Error,
        true,
        format!("Registry of SKU {sku}"),
        detail,
    ))
}

fn quota(subject: &Subject, facts: &Facts, settings: &Settings, planned: &PlannedPools) -> Option<Finding> {
    let isolated = tier::tier(&subject.tier)?.isolated;
    let existing = match &facts.pools {
        Ok(pools) => pools,
        Err(why) => {
            let id = format!("{}/agentPools", subject.pool.registry());
            let action = "Microsoft.ContainerRegistry/registries/agentPools/read";
            return Some(unreadable(Check::Quota, "instance_count", &id, action, why));
        }
    };
    let (kind, declared, documented) = if isolated {
        ("isolated", settings.isolated_vcpu_quota, ISOLATED_VCPU_QUOTA)
    } else {
        ("standard", settings.standard_vcpu_quota, STANDARD_VCPU_QUOTA)
    };
    // What is in use has been granted, whatever anybody says.
    let granted = declared
        .unwrap_or(documented)
        .max(quota::usage(existing, isolated).total());
    let usage = planned.usage(subject.pool.registry(), existing, isolated);
    if usage.total() <= granted {
        return None;
    }
    let strict = declared.is_some() || settings.of(Check::Quota) == Setting::Error;
    let source = match declared {
        Some(declared) if granted > declared => {
            format!("preflight declares {declared}, though {granted} are in use already")
        }
        Some(declared) => format!("preflight declares {declared}"),
        None => format!("Azure's documentation gives {documented} unless support has raised it"),
    };
    let detail = format!(
        "With this plan the {kind} pools of {} use {} vCPU ({}), and {source}. Use fewer machines or a smaller tier, remove another pool, or ask Azure support to raise the quota and declare it as {kind}_vcpu_quota in the provider's preflight block.",
        subject.pool.registry().human(),
        usage.total(),
        usage.listed(),
    );
    Some(Finding {
        check: Check::Quota,
        level: if strict { Level::Error } else { Level::Warning },
        mendable: true,
        summary: format!("More than the registry's quota of {kind} vCPU"),
        detail,
        attribute: "instance_count",
    })
}

fn subnet(subject: &Subject, facts: &Facts, network: &NetworkFacts) -> Vec<Finding> {
    let human = network.id.human();
    let body = match &network.subnet {
        Read::Found(body) => body,
        Read::Missing => {
            let detail = format!(
                "Azure has no {human}. If the same configuration creates it, take subnet_id from that resource, so that Terraform knows the order."
            );
            return vec![about_subnet(
                Check::Subnet,
                Level::Error,
                "The subnet does not exist".into(),
                detail,
            )];
        }
        Read::Unreadable(why) => {
            let action = "Microsoft.Network/virtualNetworks/subnets/read";
            let id = network.id.to_string();
            return vec![unreadable(Check::Subnet, "subnet_id", &id, action, why)];
        }
    };
    let parsed = Subnet::from_arm(body);
    let mut found: Vec<Finding> = room(subject, body, &parsed, &human).into_iter().collect();
    if subject.change == Change::ScaleOut {
        return found;
    }
    let location = facts
        .registry
        .body()
        .map(|body| text(body, "/location"))
        .unwrap_or_default();
    if let Read::Found(body) = &network.virtual_network {
        let parent = VirtualNetwork::from_arm(body);
        if !location.is_empty() && !parent.location.is_empty() && !parent.is_in(&location) {
            let detail = format!(
                "The machines of a pool run in its registry's region, {location}, and {human} is in {}. Use a subnet in {location}.",
                parent.location
            );
            found.push(about_subnet(
                Check::Subnet,
                Level::Error,
                "The subnet is in another region".into(),
                detail,
            ));
        }
    }
    if !parsed.delegations.is_empty() {
        let detail = format!(
            "The {human} is delegated to {}. No delegation is documented for agent pools, and a delegated subnet usually takes nothing else. Use a subnet without delegation.",
            parsed.delegations.join(", ")
        );
        found.push(about_subnet(
            Check::Subnet,
            Level::Warning,
            "The subnet is delegated".into(),
            detail,
        ));
    }
    found
}

/// Room for the machines: an error only if even the empty subnet could not hold them.
fn room(subject: &Subject, body: &Value, parsed: &Subnet, human: &str) -> Option<Finding> {
    let wanted = u64::try_from(subject.count).unwrap_or(0);
    let users = body.pointer("/properties/ipConfigurations").and_then(Value::as_array);
    let own = format!("ap-{}-{}-", subject.pool.registry().name(), subject.pool.name()).to_lowercase();
    let of_others = |user: &&Value| !text(user, "/id").to_lowercase().contains(&own);
    let used = users.map_or(0, |users| users.iter().filter(of_others).count());
    let used = u64::try_from(used).unwrap_or(u64::MAX);
    let capacity = parsed.capacity();
    if parsed.prefixes.is_empty() || wanted <= capacity.saturating_sub(used) {
        return None;
    }
    let level = if wanted > capacity {
        Level::Error
    } else {
        Level::Warning
    };
    let detail = format!(
        "The pool wants {wanted} addresses, one for each machine; {human} holds {capacity} beside those that Azure reserves, of which {used} are in use. Use a larger subnet or fewer machines."
    );
    Some(about_subnet(
        Check::Subnet,
        level,
        "The subnet is too small".into(),
        detail,
    ))
}

fn private_registry(subject: &Subject, facts: &Facts) -> Option<Finding> {
    let body = facts.registry.body()?;
    let closed = text(body, "/properties/publicNetworkAccess").eq_ignore_ascii_case("Disabled");
    let limited = text(body, "/properties/networkRuleSet/defaultAction").eq_ignore_ascii_case("Deny");
    let human = subject.pool.registry().human();
    let connections = body
        .pointer("/properties/privateEndpointConnections")
        .and_then(Value::as_array);
    let approved = connections.is_some_and(|connections| {
        connections
            .iter()
            .any(|it| text(it, "/properties/privateLinkServiceConnectionState/status").eq_ignore_ascii_case("Approved"))
    });
    let (summary, detail) = if subject.subnet.is_none() && (closed || limited) {
        (
            "The registry is closed to the pool",
            format!(
                "The {human} does not accept connections from everywhere, and a pool without subnet_id comes from addresses of Azure's. Give the pool a subnet that the registry accepts."
            ),
        )
    } else if subject.subnet.is_some() && closed && !approved {
        (
            "The registry is closed to the pool's network",
            format!(
                "The {human} denies public access and has no approved private endpoint, so that machines in a subnet cannot pull or push. Add a private endpoint that the pool's network reaches."
            ),
        )
    } else {
        return None;
    };
    Some(about_registry(
        Check::PrivateRegistry,
        Level::Warning,
        true,
        summary.into(),
        detail,
    ))
}

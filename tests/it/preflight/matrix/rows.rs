//! The rows of the table: a world in which a check finds something, one right beside it, and one that it cannot read.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Seed;

use super::super::{
    blocked,
    checks::{elsewhere, with_registry},
    group_id, networked, rule,
};
use crate::agent_pool::{GROUP, registry, seed, subnet};

/// What makes a row.
pub(super) struct Row {
    /// The first word is the check's name.
    pub(super) name: &'static str,
    /// A world in which the check finds something, and one right beside it.
    pub(super) wrong: Seed,
    pub(super) right: Seed,
    /// The pool's arguments beside name and registry, in both worlds.
    pub(super) pool: Value,
    /// What the preflight block says beside levels, in the wrong world and in the right one.
    pub(super) settings: [Value; 2],
    pub(super) says: &'static str,
    /// The argument that is unknown at plan.
    pub(super) late: &'static str,
    pub(super) unreadable: Unreadable,
}

pub(super) struct Unreadable {
    pub(super) seed: Seed,
    pub(super) path_ends: &'static str,
    /// What the warning names: the object and the action, say.
    pub(super) says: [String; 2],
    /// The check that tells.
    pub(super) by: &'static str,
}

fn row(name: &'static str, says: &'static str, [wrong, right]: [Seed; 2], late: &'static str) -> Row {
    let unreadable = Unreadable {
        seed: wrong.clone(),
        path_ends: "/subnets/snet-agents",
        says: [subnet(), "Microsoft.Network/virtualNetworks/subnets/read".into()],
        by: "subnet",
    };
    Row {
        name,
        wrong,
        right,
        pool: json!({}),
        settings: [json!({}), json!({})],
        says,
        late,
        unreadable,
    }
}

impl Unreadable {
    fn new(seed: Seed, path_ends: &'static str, by: &'static str, id: String, action: &str) -> Self {
        Self {
            seed,
            path_ends,
            says: [id, action.to_owned()],
            by,
        }
    }

    fn registry() -> Self {
        let action = "Microsoft.ContainerRegistry/registries/read";
        Self::new(seed(json!({})), "/registries/contosobuilds", "sku", registry(), action)
    }

    fn pools() -> Self {
        let id = format!("{}/agentPools", registry());
        let action = "Microsoft.ContainerRegistry/registries/agentPools/read";
        Self::new(
            seed(json!({})),
            "/registries/contosobuilds/agentPools",
            "quota",
            id,
            action,
        )
    }

    fn group() -> Self {
        let open = networked(
            json!({"security_group": "nsg", "service_endpoints": ["Microsoft.KeyVault"]}),
            json!([]),
        );
        let action = "Microsoft.Network/networkSecurityGroups/read";
        Self::new(open, "/networkSecurityGroups/nsg", "network", group_id("nsg"), action)
    }

    fn network() -> Self {
        let id = format!("{GROUP}/Microsoft.Network/virtualNetworks/vnet-builds");
        let action = "Microsoft.Network/virtualNetworks/read";
        Self::new(
            elsewhere(json!({})),
            "/virtualNetworks/vnet-builds",
            "network",
            id,
            action,
        )
    }
}

/// Every row, in no order.
pub(super) fn all() -> Vec<Row> {
    about_registry_and_quota()
        .into_iter()
        .chain(about_the_network())
        .collect()
}

fn about_registry_and_quota() -> Vec<Row> {
    let plain = || seed(json!({}));
    let closed = |endpoints: Value| {
        with_registry(json!({"properties": {"publicNetworkAccess": "Disabled"}, "private_endpoints": endpoints}))
    };
    let endpoint = |name: &str, status: &str| {
        json!({"name": name, "status": status,
            "private_endpoint_id": format!("{GROUP}/Microsoft.Network/privateEndpoints/{name}")})
    };
    let (pending, approved) = (endpoint("pe-one", "Pending"), endpoint("pe-two", "Approved"));
    let far = with_registry(json!({"location": "uksouth"}));
    let quota = "More than the registry's quota of standard vCPU";
    let isolated = "More than the registry's quota of isolated vCPU";
    vec![
        Row {
            unreadable: Unreadable {
                seed: far.clone(),
                path_ends: "555555555555/providers/Microsoft.ContainerRegistry",
                says: [
                    "Region uksouth has no agent pools".into(),
                    "Azure cannot be asked".into(),
                ],
                by: "region",
            },
            ..row(
                "region",
                "Region uksouth has no agent pools",
                [far, plain()],
                "registry_id",
            )
        },
        Row {
            unreadable: Unreadable::registry(),
            ..row(
                "sku",
                "Registry of SKU Basic",
                [with_registry(json!({"sku": "Basic"})), plain()],
                "registry_id",
            )
        },
        Row {
            pool: json!({"tier": "S2"}),
            // Four processors: one too many, and exactly enough.
            settings: [json!({"standard_vcpu_quota": 3}), json!({"standard_vcpu_quota": 4})],
            unreadable: Unreadable::pools(),
            ..row("quota", quota, [plain(), plain()], "tier")
        },
        Row {
            pool: json!({"tier": "I6"}),
            settings: [json!({}), json!({"isolated_vcpu_quota": 64})],
            unreadable: Unreadable::pools(),
            ..row(
                "quota as documented",
                isolated,
                [plain(), with_registry(json!({"isolated_vcpu_quota": 64}))],
                "tier",
            )
        },
        Row {
            pool: json!({"subnet_id": subnet()}),
            unreadable: Unreadable::registry(),
            ..row(
                "private_registry",
                "The registry is closed to the pool's network",
                [closed(json!([pending])), closed(json!([pending, approved]))],
                "registry_id",
            )
        },
    ]
}

fn about_the_network() -> Vec<Row> {
    let in_subnet = || json!({"subnet_id": subnet()});
    // What an open network needs, so that nothing is left uncertain.
    let open = |more: Value| {
        let mut own = json!({"security_group": "nsg", "service_endpoints": ["Microsoft.KeyVault"]});
        own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        networked(own, json!([]))
    };
    let partial = json!([rule("Allow", 100, "AzureCloud"), rule("Deny", 200, "Internet")]);
    let addresses = |prefix: &str| networked(json!({"address_prefix": prefix}), json!([]));
    let servers = |server: &str| elsewhere(json!({"dns_servers": [server]}));
    vec![
        Row {
            // Three addresses beside Azure's five, and eleven.
            pool: json!({"subnet_id": subnet(), "instance_count": 4}),
            ..row(
                "subnet",
                "The subnet is too small",
                [addresses("10.40.1.0/29"), addresses("10.40.1.0/28")],
                "subnet_id",
            )
        },
        Row {
            pool: in_subnet(),
            ..row(
                "subnet delegated",
                "The subnet is delegated",
                [
                    open(json!({"delegations": ["Microsoft.Web/serverFarms"]})),
                    open(json!({})),
                ],
                "subnet_id",
            )
        },
        Row {
            pool: in_subnet(),
            unreadable: Unreadable::group(),
            ..row(
                "network",
                "The network blocks what the machines need",
                [blocked(), open(json!({}))],
                "subnet_id",
            )
        },
        Row {
            pool: in_subnet(),
            unreadable: Unreadable::group(),
            ..row(
                "network not certain",
                "The network may block what the machines need",
                [networked(json!({"security_group": "nsg"}), partial), open(json!({}))],
                "subnet_id",
            )
        },
        Row {
            pool: in_subnet(),
            unreadable: Unreadable::network(),
            ..row(
                "dns",
                "DNS servers that the machines cannot reach",
                [servers("172.17.0.10"), servers("10.40.0.4")],
                "subnet_id",
            )
        },
    ]
}

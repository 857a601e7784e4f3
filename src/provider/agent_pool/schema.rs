//! The resource's schema, in azurerm's order: what names it, required, optional, computed, timeouts.

use std::time::Duration;

use crate::{
    acr::{agent_pool, registry::RegistryId, tier},
    azure::{InvalidId, SubnetId},
    framework::{
        Type, Value,
        schema::{Attribute, Block, NestedBlock, Schema},
        timeouts::{self, Defaults},
        validators::{Problem, Validator},
    },
};

use super::{readiness, same_id};

/// Largest instance count that the service's 32-bit field holds. What a registry may really have is its quota's matter.
const INSTANCE_COUNT_MAX: i64 = i32::MAX as i64;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// How long operations may take when the user says nothing. Recorded creates and scalings took 4 to 14 minutes.
pub const TIMEOUTS: Defaults = Defaults {
    create: HOUR,
    read: Duration::from_secs(5 * 60),
    update: HOUR,
    delete: HOUR,
};

/// A check that text is an id, by the id's own parser.
pub fn id_check<T: std::str::FromStr<Err: ToString>>(rule: &'static str, summary: &'static str) -> Validator {
    Validator::text(rule, move |text| match text.parse::<T>() {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem {
            summary: summary.into(),
            detail: sentence(&error),
        }),
    })
}

/// An error of the domain, which begins in lower case and without a full stop, as a sentence.
fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    format!("{}{}.", text[..1].to_uppercase(), &text[1..])
}

/// The check of a pool's name.
pub fn name_check() -> Validator {
    Validator::text("3 to 20 letters, digits and hyphens", |text| {
        let problem = |error: InvalidId| Problem {
            summary: "Invalid agent pool name".into(),
            detail: sentence(&error),
        };
        agent_pool::check_name(text).map_err(problem)
    })
}

/// The check of an instance count.
pub fn count_check() -> Validator {
    Validator::whole_number(
        0,
        INSTANCE_COUNT_MAX,
        "0 scales the pool to zero: it is kept, and costs nothing.",
    )
}

/// The check of a registry's id.
pub fn registry_id_check() -> Validator {
    id_check::<RegistryId>("the ARM id of a container registry", "Invalid registry id")
}

/// The schema of `acr_agent_pool`.
pub fn schema() -> Schema {
    Schema::new(Block {
        attributes: [arguments(), computed()].concat(),
        blocks: vec![
            probe(),
            timeouts::block([
                "For creating a pool; default `60m`. Creating takes Azure 4 to 14 minutes.",
                "For reading a pool; default `5m`.",
                "For scaling a pool; default `60m`. Scaling takes Azure 4 to 12 minutes.",
                "For deleting a pool, and for its subnet to be released; default `60m`.",
            ]),
        ],
        description: "A task agent pool of an Azure container registry: dedicated machines, managed by Azure, that run ACR tasks.",
    })
}

fn probe() -> NestedBlock {
    NestedBlock::single(
        "readiness_probe",
        Block {
            attributes: vec![
                Attribute::optional(
                    "on_failure",
                    Type::String,
                    "What a failed probe is: `warn` keeps the pool and tells why; `error` fails the apply, after which a created pool is tainted and a scaled one is probed again by the next apply.",
                )
                .default(Value::string(readiness::ON_FAILURE[0]))
                .check(Validator::one_of(&readiness::ON_FAILURE)),
                Attribute::optional(
                    "timeout",
                    Type::String,
                    "How long the run may take to finish, its time in the queue included. It begins when Azure reports the pool as done, and is no part of `timeouts`.",
                )
                .default(Value::string(readiness::TIMEOUT))
                .check(timeouts::check()),
            ],
            blocks: Vec::new(),
            description: "Has the pool prove, after it is created or scaled up from zero, that it can run something: a run of one command, which pulls no image, must really finish on it. Azure calls a pool `Succeeded` whose network keeps it from ever starting a run.",
        },
    )
}

fn arguments() -> Vec<Attribute> {
    let tiers = Validator::one_of(&tier::NAMES);
    let count = count_check();
    vec![
        Attribute::required("name", Type::String, "The pool's name within its registry.")
            .replaces()
            .equivalent(same_id)
            .check(name_check()),
        Attribute::required(
            "registry_id",
            Type::String,
            "The ARM id of the registry, which must be of SKU Premium. Its casing does not matter. There is no default registry: an id says exactly where a pool that is paid for goes.",
        )
        .replaces()
        .equivalent(same_id)
        .check(registry_id_check()),
        Attribute::optional(
            "drain_timeout",
            Type::String,
            "How long runs are let end before the pool is destroyed, replaced or scaled in: until none that can still start is queued or running. If some remain, the operation fails before anything is written and names them. Nobody is waited for when it is not set. A destroy or replacement uses the value in the state, so that a changed one must be applied first.",
        )
        .check(timeouts::check()),
        Attribute::optional(
            "instance_count",
            Type::Number,
            "The number of machines; each runs one task at a time. 0 scales to zero: runs wait until there is a machine. (Terraform keeps the name `count` to itself.)",
        )
        .default(Value::integer(1))
        .check(count),
        Attribute::optional(
            "replace_when_failed",
            Type::Bool,
            "What to do about a pool that Azure reports as `Failed`: `false` warns and prints the command that replaces it, `true` plans the replacement.",
        )
        .default(Value::Bool(false)),
        Attribute::optional(
            "subnet_id",
            Type::String,
            "The ARM id of the subnet in which the machines run; without it they run in a network of Azure's. Its casing does not matter.",
        )
        .replaces()
        .equivalent(same_id)
        .check(id_check::<SubnetId>("the ARM id of a subnet", "Invalid subnet id")),
        Attribute::optional(
            "tier",
            Type::String,
            "The size of each machine: `S1` 2 vCPU and 3 GB, `S2` 4 vCPU and 8 GB, `S3` 8 vCPU and 16 GB, `I6` 64 vCPU and 216 GB on isolated hardware.",
        )
        .default(Value::string("S1"))
        .replaces()
        .check(tiers),
    ]
}

fn computed() -> Vec<Attribute> {
    let text = |name, description| Attribute::computed(name, Type::String, description);
    let number = |name, description| Attribute::computed(name, Type::Number, description);
    vec![
        text("id", "The ARM id of the pool.").stable(),
        text("location", "The Azure region, which is the registry's.").stable(),
        number("memory_gb_per_instance", "The memory of one machine in GB; null for a tier that this version does not know."),
        text("os", "The operating system of the machines. The service offers `Linux` only.").stable(),
        text(
            "provisioning_state",
            "Azure's state of the pool: `Creating`, `Updating`, `Deleting`, `Succeeded`, `Failed` or `Canceled`.",
        ),
        text(
            "readiness",
            "What the last `readiness_probe` has shown: `passed` when its run has finished on the pool, `failed` when it has not, `unknown` when nothing has tried.",
        )
        .stable(),
        text("registry_name", "The name of the registry.").stable(),
        text("resource_group_name", "The resource group of the registry.").stable(),
        number("total_memory_gb", "The memory of all machines in GB."),
        number("total_vcpu", "The processors of all machines."),
        number("vcpu_per_instance", "The processors of one machine; null for a tier that this version does not know."),
    ]
}

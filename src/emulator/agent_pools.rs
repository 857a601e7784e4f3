//! Agent pools: the heart of the emulator.

use serde_json::{Map, Value};

use super::answer::Answer;
use super::arm::Call;
use super::assumptions::{
    DeleteBusyPool, DeleteMissingPool, FailedPoolScales, PatchSameCount, PutExistingPool, QuotaFailure,
};
use super::clock::with_offset;
use super::faults::OperationFailure;
use super::json::Json;
use super::metadata::{POOL_REGIONS, POOL_TYPE, normalized};
use super::operations::{Fate, Kind};
use super::refusals::Refusal;
use super::store::{Pool, Provenance, Store, key};

/// Length of a pool's name, from the specification.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=20;
/// How a create's parameters are called in errors.
const CREATE: &str = "agentPoolCreateParameters";
/// How an update's parameters are called in errors.
const UPDATE: &str = "agentPoolUpdateParameters";

/// vCPU of one instance and whether the tier is isolated; nothing for an unknown tier.
fn tier(name: &str) -> Option<(i64, bool)> {
    match name {
        "S1" => Some((2, false)),
        "S2" => Some((4, false)),
        "S3" => Some((8, false)),
        "I6" => Some((64, true)),
        _ => None,
    }
}

impl Store {
    /// A pool as every answer shows it, in the recorded member order.
    fn pool_json(&self, pool: &Pool) -> Json {
        let properties = Json::present([
            ("count", Some(pool.count.into())),
            ("tier", Some((&pool.tier).into())),
            ("os", Some((&pool.os).into())),
            (
                "virtualNetworkSubnetResourceId",
                pool.subnet.as_ref().map(|id| self.shown(id).into()),
            ),
            ("provisioningState", Some((&pool.state).into())),
        ]);
        Json::object([
            ("type", POOL_TYPE.into()),
            ("properties", properties),
            ("id", self.shown(&pool.id).into()),
            ("name", (&pool.name).into()),
            ("location", (&pool.location).into()),
            ("systemData", pool.provenance.to_json(with_offset)),
        ])
    }

    /// `GET {registry}/agentPools`: newest first, without `nextLink`.
    pub(super) fn list_pools(&self, registry: &str) -> Result<Answer, Refusal> {
        self.registry_of(registry)?;
        let mut pools = self.pools_of(registry);
        pools.sort_by_key(|pool| std::cmp::Reverse(pool.born));
        Ok(Answer::json(
            200,
            Json::list(pools.into_iter().map(|pool| self.pool_json(pool)).collect()),
        ))
    }

    /// The replicas of a registry in other regions: none here. That the list of a registry without any is empty is assumed.
    pub(super) fn list_replications(&self, registry: &str) -> Result<Answer, Refusal> {
        self.registry_of(registry)?;
        Ok(Answer::json(200, Json::list(Vec::new())))
    }

    /// The pools of a registry.
    fn pools_of(&self, registry: &str) -> Vec<&Pool> {
        let prefix = format!("{}/agentpools/", key(registry));
        self.pools
            .iter()
            .filter(|(id, _)| id.starts_with(&prefix))
            .map(|(_, pool)| pool)
            .collect()
    }

    /// `GET` of one pool.
    pub(super) fn get_pool(&self, id: &str) -> Result<Answer, Refusal> {
        let pool = self.pools.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        Ok(Answer::json(200, self.pool_json(pool)))
    }

    /// `POST listQueueStatus`: the queued runs that name the pool.
    pub(super) fn queue_status(&self, registry: &str, id: &str) -> Result<Answer, Refusal> {
        let pool = self.pools.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        let queued = self.runs_of(registry).into_iter().filter(|run| {
            let here = run
                .agent_pool_name
                .as_ref()
                .is_some_and(|name| name.eq_ignore_ascii_case(&pool.name));
            here && run.status == "Queued"
        });
        Ok(Answer::json(
            200,
            Json::object([("count", (queued.count() as i64).into())]),
        ))
    }

    /// `PUT` of one pool.
    pub(super) fn put_pool(&mut self, call: &Call, registry_id: &str, name: &str) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let registry = self.registries.get(&key(registry_id)).ok_or_else(|| {
            let name = registry_id.rsplit('/').next().unwrap_or_default();
            Refusal::parent(&format!("Microsoft.ContainerRegistry/registries/{name}"))
        })?;
        let id = format!("{}/agentPools/{name}", registry.id);
        let location = normalized(body.get("location").and_then(Value::as_str).unwrap_or_default());
        if location.is_empty() {
            return Err(Refusal::location_required());
        }
        let regions = POOL_REGIONS.map(|(name, _)| name);
        if !regions.contains(&location.as_str()) {
            let sent = body.get("location").and_then(Value::as_str).unwrap_or_default();
            return Err(Refusal::location(sent, POOL_TYPE, &regions));
        }
        check_name(name)?;
        if registry.sku != "Premium" {
            let text = format!(
                "Agent pools are not supported for the SKU {}. Use a Premium registry.",
                registry.sku
            );
            return Err(Refusal::provider(400, "AgentPoolsNotSupported", text));
        }
        if registry.location != location {
            let text = format!(
                "The agent pool must be in the registry's location '{}'.",
                registry.location
            );
            return Err(Refusal::input(CREATE, "Location", &text));
        }
        let wanted = Wanted::read(body.get("properties"))?;
        if let Some(subnet) = &wanted.subnet {
            self.check_subnet(call, &id, subnet, &location)?;
        }
        match self.pools.get(&key(&id)).cloned() {
            Some(pool) => self.put_existing(call, pool, wanted, &location),
            None => self.create_pool(call, &id, name, location, wanted),
        }
    }

    fn create_pool(
        &mut self,
        call: &Call,
        id: &str,
        name: &str,
        location: String,
        wanted: Wanted,
    ) -> Result<Answer, Refusal> {
        let fate = self.fate(call, id, &wanted.tier, wanted.count)?;
        let registry = id.split('/').nth(8).unwrap_or_default();
        let pool = Pool {
            id: id.into(),
            name: name.into(),
            location,
            count: wanted.count,
            tier: wanted.tier,
            os: wanted.os,
            subnet: wanted.subnet,
            state: Kind::Create.state().into(),
            provenance: Provenance::new(call.object_id, call.now),
            managed_group: super::networks::managed_group(registry, name),
            born: self.next_birth(),
        };
        self.pools.insert(key(id), pool);
        Ok(self.accepted(call, Kind::Create, id, fate, 201))
    }

    /// PUT over a pool that exists is not recorded: see [`PutExistingPool`]. What cannot change is refused either way.
    fn put_existing(&mut self, call: &Call, pool: Pool, wanted: Wanted, location: &str) -> Result<Answer, Refusal> {
        if pool.location != location {
            return Err(Refusal::moved(&pool.id, &pool.location));
        }
        let status = match self.assumptions.put_existing_pool {
            PutExistingPool::Created => 201,
            PutExistingPool::Ok => 200,
            PutExistingPool::Conflict => return Err(Refusal::conflict(&pool.name, &pool.state)),
        };
        let same_subnet = pool.subnet.as_deref().map(key) == wanted.subnet.as_deref().map(key);
        for (property, same) in [
            ("Tier", pool.tier == wanted.tier),
            ("OS", pool.os.eq_ignore_ascii_case(&wanted.os)),
            ("VirtualNetworkSubnetResourceId", same_subnet),
        ] {
            if !same {
                return Err(Refusal::input(
                    CREATE,
                    property,
                    "The value of an existing agent pool cannot be changed.",
                ));
            }
        }
        self.scale(call, &pool.id.clone(), wanted.count, status)
    }

    /// `PATCH` of one pool: only its count can change. Tags are accepted and lost, as recorded.
    pub(super) fn patch_pool(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let pool = self.pools.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        let empty = Map::new();
        let properties = body.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        // How the service treats members beyond `count` is unknown, so they are refused instead of guessed at.
        if let Some(other) = properties.keys().find(|name| *name != "count") {
            return Err(Refusal::input(UPDATE, other, "This property cannot be updated."));
        }
        let count = count(properties.get("count"), pool.count, UPDATE)?;
        if count == pool.count && pool.state == "Succeeded" && self.assumptions.patch_same_count == PatchSameCount::Noop
        {
            return Ok(Answer::json(200, self.pool_json(pool)));
        }
        self.scale(call, id, count, 201)
    }

    fn scale(&mut self, call: &Call, id: &str, count: i64, status: u16) -> Result<Answer, Refusal> {
        let pool = self.pools.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        let allowed = match pool.state.as_str() {
            "Succeeded" | "Canceled" => true,
            "Failed" => self.assumptions.failed_pool_scales == FailedPoolScales::Accepted,
            _ => false,
        };
        if !allowed {
            return Err(Refusal::conflict(&pool.name, &pool.state));
        }
        let fate = self.fate(call, id, &pool.tier, count)?;
        if let Some(pool) = self.pools.get_mut(&key(id)) {
            pool.count = count;
            pool.state = Kind::Update.state().into();
            pool.provenance.modified_at = call.now;
            pool.provenance.modified_by = call.object_id.into();
        }
        Ok(self.accepted(call, Kind::Update, id, fate, status))
    }

    /// `DELETE` of one pool.
    pub(super) fn delete_pool(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        let Some(pool) = self.pools.get(&key(id)) else {
            return match self.assumptions.delete_missing_pool {
                DeleteMissingPool::NoContent => Ok(Answer::empty(204)),
                DeleteMissingPool::NotFound => Err(self.not_found(id)),
            };
        };
        let id = pool.id.clone();
        let busy = matches!(pool.state.as_str(), "Creating" | "Updating");
        if busy && self.assumptions.delete_busy_pool == DeleteBusyPool::Conflict {
            return Err(Refusal::conflict(&pool.name, &pool.state));
        }
        let running = self
            .running(&id)
            .filter(|(_, operation)| operation.kind == Kind::Delete);
        let operation = match running.map(|(operation, _)| operation.clone()) {
            // A second DELETE joins the first.
            Some(operation) => operation,
            None => {
                self.supersede(&id);
                let fate = call.fate.clone().unwrap_or(Fate::Succeed);
                self.begin(Kind::Delete, &id, fate, call.now)
            }
        };
        let Some(pool) = self.pools.get_mut(&key(&id)) else {
            return Ok(Answer::empty(204));
        };
        pool.state = Kind::Delete.state().into();
        let pool = pool.clone();
        let registry = super::store::parent(&id).to_string();
        let path = format!("{registry}/agentPoolsOperationResults/{operation}/status");
        let location = self.polling_url(&path, call.version, call.now);
        let answer = Answer::json(202, self.pool_json(&pool));
        Ok(answer
            .header("location", location)
            .header("retry-after", self.retry_after()))
    }

    /// What becomes of an accepted write: a fault decides, else the quota.
    fn fate(&self, call: &Call, id: &str, tier_name: &str, count: i64) -> Result<Fate, Refusal> {
        if let Some(fate) = &call.fate {
            return Ok(fate.clone());
        }
        let Some((vcpu, isolated)) = tier(tier_name) else {
            return Ok(Fate::Succeed);
        };
        let registry = super::store::parent(id);
        let others = self
            .pools_of(registry)
            .into_iter()
            .filter(|pool| key(&pool.id) != key(id));
        let used: i64 = others
            .filter_map(|pool| {
                tier(&pool.tier)
                    .filter(|(_, other)| *other == isolated)
                    .map(|(vcpu, _)| vcpu * pool.count)
            })
            .sum();
        let quota = self.registries.get(&key(registry)).map_or(0, |registry| {
            if isolated {
                registry.isolated_vcpu_quota
            } else {
                registry.standard_vcpu_quota
            }
        });
        let total = used.saturating_add(vcpu.saturating_mul(count));
        // Scaling in never grows the use, so it passes even where the seed starts beyond the quota.
        let current = self.pools.get(&key(id)).map_or(0, |pool| pool.count);
        if total <= quota || count <= current {
            return Ok(Fate::Succeed);
        }
        let kind = if isolated { "isolated" } else { "standard" };
        let message =
            format!("The registry's agent pools would use {total} {kind} vCPU, more than the quota of {quota}.");
        let code = "AgentPoolQuotaExceeded";
        match self.assumptions.quota_failure {
            QuotaFailure::AtPut => Err(Refusal::provider(400, code, message)),
            QuotaFailure::Late => Ok(Fate::Fail(OperationFailure {
                code: code.into(),
                message,
            })),
        }
    }

    /// The answer to an accepted create or update.
    fn accepted(&mut self, call: &Call, kind: Kind, id: &str, fate: Fate, status: u16) -> Answer {
        self.supersede(id);
        let operation = self.begin(kind, id, fate, call.now);
        let id = self.pools.get(&key(id)).map_or(id.to_string(), |pool| pool.id.clone());
        let url = self.polling_url(&format!("{id}/operationStatuses/{operation}"), call.version, call.now);
        let body = self
            .pools
            .get(&key(&id))
            .map_or(Json::null(), |pool| self.pool_json(pool));
        Answer::json(status, body)
            .header("azure-asyncoperation", url)
            .header("retry-after", self.retry_after())
    }
}

/// The properties of a PUT.
struct Wanted {
    count: i64,
    tier: String,
    os: String,
    subnet: Option<String>,
}

impl Wanted {
    fn read(properties: Option<&Value>) -> Result<Wanted, Refusal> {
        let empty = Map::new();
        let properties = properties.and_then(Value::as_object).unwrap_or(&empty);
        let text = |name: &str| properties.get(name).and_then(Value::as_str).map(str::to_string);
        let tier_name = text("tier").unwrap_or_default();
        // No default is known, as every client sends a tier; and lower case is known to be avoided by clients.
        if tier(&tier_name).is_none() {
            let text = format!("'{tier_name}' is not supported. The supported values are (S1, S2, S3, I6)");
            return Err(Refusal::input(CREATE, "Tier", &text));
        }
        let os = text("os").unwrap_or_else(|| "Linux".into());
        if !os.eq_ignore_ascii_case("linux") {
            return Err(Refusal::input(
                CREATE,
                "OS",
                &format!("'{os}' is not supported. The supported values are (Linux)"),
            ));
        }
        let count = count(properties.get("count"), 1, CREATE)?;
        Ok(Wanted {
            count,
            tier: tier_name,
            os,
            subnet: text("virtualNetworkSubnetResourceId").filter(|id| !id.is_empty()),
        })
    }
}

fn count(value: Option<&Value>, default: i64, parameters: &str) -> Result<i64, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(default),
        Some(value) => match value.as_i64().filter(|count| (0..=i64::from(i32::MAX)).contains(count)) {
            Some(count) => Ok(count),
            None => Err(Refusal::input(
                parameters,
                "Count",
                &format!("'{value}' is no number of instances."),
            )),
        },
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let spelled = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if spelled && NAME_LENGTH.contains(&name.len()) {
        return Ok(());
    }
    let text = format!("'{name}' is invalid: 3 to 20 letters, digits and hyphens are allowed.");
    Err(Refusal::input(CREATE, "Name", &text))
}

//! What is read about a pool before it is judged: few requests, side by side.

use std::sync::Arc;

use azure_core::http::Url;
use serde_json::{Value, json};

use crate::{
    acr::{
        PROVIDER,
        agent_pool::{self, AgentPool, AgentPoolId},
        registry::{self, RegistryId},
    },
    azure::{Call, Client, Error, SubnetId},
    network::{
        Network, REQUIREMENTS, Readiness, Reading, Verdict, evaluate,
        route_table::RouteTable,
        security_group::{SecurityGroup, security_admin_rules},
        subnet::{ServiceEndpoint, Subnet, VirtualNetwork},
        tags::TagData,
    },
};

use super::{
    reads::{Read, Reads},
    settings::Settings,
};

/// A stable API version of Microsoft.Network; it has every member that is read here.
const NETWORK_API: &str = "2023-11-01";

/// An API version in which security admin rules can be listed.
const ADMIN_RULES_API: &str = "2022-01-01";

/// How many pages of service tags are followed: all of Azure's tags are some 3,000.
const TAG_PAGES_MAX: usize = 100;

/// What is about to happen to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is created, also as part of a replacement: everything is checked.
    Create,
    /// It grows: its quota and its addresses are checked.
    ScaleOut,
    /// It neither comes nor grows: nothing is checked, but its size counts.
    Keep,
}

/// The pool that is asked about, as it is planned.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its id.
    pub pool: AgentPoolId,
    /// Its tier.
    pub tier: String,
    /// Its number of machines.
    pub count: i64,
    /// Its subnet, if it has one that is known.
    pub subnet: Option<SubnetId>,
    /// What is about to happen.
    pub change: Change,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The registry.
    pub registry: Read,
    /// Azure's metadata of the registry's namespace.
    pub metadata: Read,
    /// The registry's pools.
    pub pools: Result<Vec<AgentPool>, String>,
    /// The subnet and all around it, for a pool that has one.
    pub network: Option<NetworkFacts>,
}

/// What was read about a subnet.
#[derive(Clone, Debug)]
pub struct NetworkFacts {
    /// The subnet's id.
    pub id: SubnetId,
    /// The subnet.
    pub subnet: Read,
    /// Its virtual network.
    pub virtual_network: Read,
    /// What agents can reach; absent while the subnet is not read.
    pub readiness: Option<Readiness>,
    /// What could not be read of the rules and routes: id, and what Azure said.
    pub unreadable: Vec<(String, String)>,
}

/// Whose network is asked about.
#[derive(Clone, Copy, Debug)]
pub struct NetworkQuestion<'a> {
    /// ARM id of the registry.
    pub registry: &'a str,
    /// The registry's region, which is the pool's.
    pub region: &'a str,
    /// The pool's subnet.
    pub subnet: &'a SubnetId,
}

impl Facts {
    /// Reads what the change calls for.
    pub async fn gather(client: &Client, call: &Call, reads: &Reads, subject: &Subject, settings: &Settings) -> Self {
        let registry_id = subject.pool.registry();
        let path = registry_id.to_string();
        let creates = subject.change == Change::Create;
        let registry = async {
            if creates {
                reads.get(client, call, &path, registry::API_VERSION).await
            } else {
                Read::Missing
            }
        };
        let metadata = async {
            if creates {
                metadata(client, call, registry_id.subscription_id()).await
            } else {
                Read::Missing
            }
        };
        let pools = pools(client, call, reads, registry_id);
        let (registry, metadata, pools) = tokio::join!(registry, metadata, pools);
        let network = match &subject.subnet {
            Some(id) if subject.change == Change::ScaleOut => {
                Some(NetworkFacts::of_subnet(client, call, reads, id).await)
            }
            Some(id) => {
                let region = registry.body().map(|body| text(body, "/location")).unwrap_or_default();
                let asked = NetworkQuestion {
                    registry: &path,
                    region: &region,
                    subnet: id,
                };
                Some(NetworkFacts::gather(client, call, reads, asked, settings).await)
            }
            None => None,
        };
        Self {
            registry,
            metadata,
            pools,
            network,
        }
    }
}

/// Azure's metadata of the registry's namespace: which types exist where. The client reads it once for each process, to know
/// which API versions are served.
pub async fn metadata(client: &Client, call: &Call, subscription_id: &str) -> Read {
    match client.offer(call, subscription_id, PROVIDER).await {
        Ok(Some(offer)) => {
            let types = offer.resource_types.iter();
            let types = types.map(|it| json!({ "resourceType": it.resource_type, "locations": it.locations }));
            Read::Found(Arc::new(json!({ "resourceTypes": types.collect::<Vec<_>>() })))
        }
        Ok(None) => Read::Unreadable("the namespace's metadata cannot be read".into()),
        Err(error) => Read::Unreadable(error.to_string()),
    }
}

/// The pools of a registry.
///
/// # Errors
/// Why they cannot be listed.
pub async fn pools(
    client: &Client,
    call: &Call,
    reads: &Reads,
    registry: &RegistryId,
) -> Result<Vec<AgentPool>, String> {
    let request = async { Ok(json!(agent_pool::list(client, call, registry).await?)) };
    let read = reads
        .once(&format!("{registry}/agentPools").to_ascii_lowercase(), request)
        .await;
    match read {
        Read::Found(body) => {
            let pools = body.as_array().into_iter().flatten().filter_map(agent_pool::read);
            Ok(pools.collect())
        }
        // No registry, no pools: the registry's own check says the rest.
        Read::Missing => Ok(Vec::new()),
        Read::Unreadable(why) => Err(why),
    }
}

impl NetworkFacts {
    /// Reads the subnet alone: enough to count its addresses.
    async fn of_subnet(client: &Client, call: &Call, reads: &Reads, id: &SubnetId) -> Self {
        let subnet = reads.get(client, call, &id.to_string(), NETWORK_API).await;
        Self {
            id: id.clone(),
            subnet,
            virtual_network: Read::Missing,
            readiness: None,
            unreadable: Vec::new(),
        }
    }

    /// Reads a subnet, its network, rules and routes.
    pub async fn gather(
        client: &Client,
        call: &Call,
        reads: &Reads,
        asked: NetworkQuestion<'_>,
        settings: &Settings,
    ) -> Self {
        let (id, region) = (asked.subnet, asked.region);
        let path = id.to_string();
        let network_path = id.virtual_network_id().to_string();
        let admin_path = format!("{network_path}/listNetworkManagerEffectiveSecurityAdminRules");
        let admin = reads.once(&admin_path, async {
            client
                .post(call, &admin_path, ADMIN_RULES_API, Some(&json!({})))
                .await
                .map(|answer| answer.value())
        });
        let (subnet, virtual_network, admin) = tokio::join!(
            reads.get(client, call, &path, NETWORK_API),
            reads.get(client, call, &network_path, NETWORK_API),
            admin,
        );
        let mut facts = Self {
            id: id.clone(),
            subnet,
            virtual_network,
            readiness: None,
            unreadable: Vec::new(),
        };
        let Some(body) = facts.subnet.body().cloned() else {
            return facts;
        };
        let (group_id, table_id) = (
            text(&body, "/properties/networkSecurityGroup/id"),
            text(&body, "/properties/routeTable/id"),
        );
        let (group, table) = tokio::join!(
            side(client, call, reads, &group_id),
            side(client, call, reads, &table_id),
        );
        let subnet = Subnet::from_arm(&body);
        let replica_regions = match replicas(client, call, reads, asked.registry, &subnet).await {
            Ok(regions) => regions,
            Err(why) => {
                facts.unreadable.push((replications(asked.registry), why));
                Vec::new()
            }
        };
        let mut network = Network {
            subnet: Reading::Read(subnet),
            virtual_network: reading(&facts.virtual_network, VirtualNetwork::from_arm),
            security_group: group
                .as_ref()
                .map_or(Reading::Absent, |read| reading(read, SecurityGroup::from_arm)),
            route_table: table
                .as_ref()
                .map_or(Reading::Absent, |read| reading(read, RouteTable::from_arm)),
            admin_rules: reading(&admin, |body| {
                security_admin_rules(
                    body.pointer("/value")
                        .and_then(Value::as_array)
                        .map_or(&[], Vec::as_slice),
                )
            }),
            tag_data: Arc::default(),
            pool_region: region.to_owned(),
            replica_regions,
            trusted_next_hops: settings.trusted_next_hops.clone(),
        };
        for (id, read) in [(&group_id, &group), (&table_id, &table)] {
            if let Some(Read::Unreadable(why)) = read {
                facts.unreadable.push((id.clone(), why.clone()));
            }
        }
        if let Read::Unreadable(why) = &facts.virtual_network {
            facts.unreadable.push((network_path.clone(), why.clone()));
        }
        let mut readiness = evaluate(&network, &REQUIREMENTS);
        // Addresses of service tags are a large answer, and only some verdicts need them.
        let undecided =
            |finding: &crate::network::Finding| matches!(finding.verdict, Verdict::Unknown | Verdict::Partial);
        if readiness.findings.iter().any(undecided) {
            network.tag_data = Arc::new(tag_data(client, call, reads, id, region).await);
            if !network.tag_data.is_empty() {
                readiness = evaluate(&network, &REQUIREMENTS);
            }
        }
        facts.readiness = Some(readiness);
        facts
    }
}

/// The path of a registry's replications.
fn replications(registry: &str) -> String {
    format!("{registry}/replications")
}

/// Regions of the registry's replicas. Only a service endpoint for Storage that serves some regions makes them matter.
async fn replicas(
    client: &Client,
    call: &Call,
    reads: &Reads,
    registry: &str,
    subnet: &Subnet,
) -> Result<Vec<String>, String> {
    let is_regional = |it: &ServiceEndpoint| {
        it.service.eq_ignore_ascii_case("Microsoft.Storage") && !it.locations.iter().any(|location| location == "*")
    };
    if !subnet.service_endpoints.iter().any(is_regional) {
        return Ok(Vec::new());
    }
    match reads
        .get(client, call, &replications(registry), registry::API_VERSION)
        .await
    {
        Read::Found(body) => {
            let listed = body.get("value").and_then(Value::as_array).into_iter().flatten();
            Ok(listed
                .map(|it| text(it, "/location"))
                .filter(|it| !it.is_empty())
                .collect())
        }
        Read::Missing => Ok(Vec::new()),
        Read::Unreadable(why) => Err(why),
    }
}

/// A security group or route table that the subnet names; `None` when it names none.
async fn side(client: &Client, call: &Call, reads: &Reads, id: &str) -> Option<Read> {
    if id.is_empty() {
        return None;
    }
    match reads.get(client, call, id, NETWORK_API).await {
        // The subnet says that it is there: a 404 is no proof that it is not.
        Read::Missing => Some(Read::Unreadable(
            "Azure says that it does not exist, but the subnet names it".into(),
        )),
        read => Some(read),
    }
}

fn reading<T>(read: &Read, parse: impl FnOnce(&Value) -> T) -> Reading<T> {
    match read {
        Read::Found(body) => Reading::Read(parse(body)),
        Read::Missing | Read::Unreadable(_) => Reading::Unreadable,
    }
}

/// The addresses of service tags; none when they cannot be read in full, which only leaves verdicts open: half a tag would
/// pass for a smaller one.
async fn tag_data(client: &Client, call: &Call, reads: &Reads, id: &SubnetId, region: &str) -> TagData {
    let subscription = id.as_resource_id().subscription_id();
    let path = format!("/subscriptions/{subscription}/providers/Microsoft.Network/locations/{region}/serviceTags");
    let read = reads
        .once(&path.to_ascii_lowercase(), tag_pages(client, call, &path))
        .await;
    let pages = read.body().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    TagData::from_arm(pages)
}

async fn tag_pages(client: &Client, call: &Call, path: &str) -> Result<Value, Error> {
    let mut pages = vec![client.get(call, path, NETWORK_API).await?.value()];
    while let Some(next) = pages
        .last()
        .and_then(|page| page.get("nextLink"))
        .and_then(Value::as_str)
    {
        let url = Url::parse(next).map_err(|_| Error::InvalidRequest("a nextLink that is no URL".into()))?;
        if pages.len() >= TAG_PAGES_MAX {
            return Err(Error::InvalidRequest(format!(
                "service tags go on after {TAG_PAGES_MAX} pages"
            )));
        }
        let page = client.get_url(call, &url).await?.value();
        pages.push(page);
    }
    Ok(Value::Array(pages))
}

/// Text at a JSON pointer; empty when there is none.
pub fn text(body: &Value, pointer: &str) -> String {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

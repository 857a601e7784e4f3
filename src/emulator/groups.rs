//! Subscriptions, resource groups, and the lists across them.

use serde_json::Value;

use super::answer::Answer;
use super::arm::Call;
use super::clock::with_zulu;
use super::json::Json;
use super::metadata::{POOL_TYPE, normalized};
use super::refusals::Refusal;
use super::store::{Group, Store, key};
use super::tasks_view::TASK_TYPE;

impl Store {
    /// The group, or the gateway's 404.
    pub(super) fn group_named(&self, name: &str) -> Result<&Group, Refusal> {
        self.groups
            .get(&key(&self.group_id(name)))
            .ok_or_else(|| Refusal::group(name))
    }

    fn group_json(&self, group: &Group) -> Json {
        Json::present([
            ("id", Some((&group.id).into())),
            ("name", Some((&group.name).into())),
            ("type", Some("Microsoft.Resources/resourceGroups".into())),
            ("location", Some((&group.location).into())),
            ("tags", group.tags.clone().map(Json::from)),
            (
                "properties",
                Some(Json::object([("provisioningState", "Succeeded".into())])),
            ),
        ])
    }

    /// `GET /subscriptions/{s}/resourceGroups`. A filter is refused: an answer that ignores it would look like a match.
    pub(super) fn list_groups(&self, call: &Call) -> Result<Answer, Refusal> {
        if call.query.get("$filter").is_some_and(|filter| !filter.is_empty()) {
            return Err(Refusal::not_served("filters of resource groups"));
        }
        let groups = self.groups.values().map(|group| self.group_json(group));
        Ok(Answer::json(200, Json::list(groups.collect())))
    }

    /// `GET` of one group.
    pub(super) fn get_group(&self, name: &str) -> Result<Answer, Refusal> {
        Ok(Answer::json(200, self.group_json(self.group_named(name)?)))
    }

    /// `HEAD` of one group.
    pub(super) fn head_group(&self, name: &str) -> Answer {
        Answer::empty(if self.group_named(name).is_ok() { 204 } else { 404 })
    }

    /// `PUT` of one group.
    pub(super) fn put_group(&mut self, call: &Call, name: &str) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let location = normalized(body.get("location").and_then(Value::as_str).unwrap_or_default());
        if location.is_empty() {
            return Err(Refusal::location_required());
        }
        let id = self.group_id(name);
        let known = self.groups.get(&key(&id));
        if let Some(known) = known.filter(|known| known.location != location) {
            return Err(Refusal::moved(&known.id, &known.location));
        }
        let (status, id, name) = known.map_or((201, id, name.to_string()), |known| {
            (200, known.id.clone(), known.name.clone())
        });
        let group = Group {
            id: id.clone(),
            name,
            location,
            tags: body.get("tags").cloned(),
        };
        let answer = Answer::json(status, self.group_json(&group));
        self.groups.insert(key(&id), group);
        Ok(answer)
    }

    /// `DELETE` of one group, with everything in it. The service takes its time; here it is done at once.
    pub(super) fn delete_group(&mut self, name: &str) -> Result<Answer, Refusal> {
        let group = key(&self.group_named(name)?.id);
        let prefix = format!("{group}/");
        let outside = |id: &String| !id.starts_with(&prefix);
        self.pools.retain(|id, _| outside(id));
        self.registries.retain(|id, _| outside(id));
        self.subnets.retain(|id, _| outside(id));
        self.networks.retain(|id, _| outside(id));
        self.attachments.retain(|id, _| outside(id));
        self.tasks.retain(|id, _| outside(id));
        self.runs.retain(|id, _| outside(id));
        self.groups.remove(&group);
        Ok(Answer::empty(200))
    }

    /// `GET .../resources`, for the subscription or one group, with a filter by `resourceType`, `resourceGroup` or both.
    /// Other filters are refused; `$expand` adds nothing here.
    pub(super) fn list_resources(&self, call: &Call, group: Option<&str>) -> Result<Answer, Refusal> {
        let filter = ResourceFilter::parse(call.query.get("$filter").unwrap_or_default()).ok_or_else(|| {
            Refusal::not_served("resource filters other than \"resourceType eq '...'\" and \"resourceGroup eq '...'\"")
        })?;
        let inside = |name: &str| format!("{}/", key(&self.group_id(name)));
        let mut prefixes = Vec::from_iter(filter.group.map(|name| inside(&name)));
        if let Some(name) = group {
            self.group_named(name)?;
            prefixes.push(inside(name));
        }
        let all = self
            .generic_registries()
            .chain(self.generic_pools())
            .chain(self.generic_tasks())
            .chain(self.generic_networks())
            .chain(self.generic_attachments());
        let listed = all
            .filter(|(id, resource_type, _)| {
                let fits = filter
                    .resource_type
                    .as_ref()
                    .is_none_or(|wanted| wanted.eq_ignore_ascii_case(resource_type));
                fits && prefixes.iter().all(|prefix| key(id).starts_with(prefix))
            })
            .map(|(_, _, json)| json);
        Ok(Answer::json(200, Json::list(listed.collect())))
    }

    fn generic_registries(&self) -> impl Iterator<Item = (String, &'static str, Json)> {
        self.registries.values().map(|registry| {
            let sku = Json::object([("name", (&registry.sku).into()), ("tier", (&registry.sku).into())]);
            let json = Json::object([
                ("id", self.shown(&registry.id).into()),
                ("name", (&registry.name).into()),
                ("type", REGISTRY_TYPE.into()),
                ("sku", sku),
                ("location", (&registry.location).into()),
                ("tags", registry.tags.clone().into()),
                ("systemData", registry.provenance.to_json(with_zulu)),
            ]);
            (registry.id.clone(), REGISTRY_TYPE, json)
        })
    }

    fn generic_pools(&self) -> impl Iterator<Item = (String, &'static str, Json)> {
        self.pools.values().map(|pool| {
            // A tracked child is named by its path: `registry/pool`.
            let registry = pool.id.split('/').nth(8).unwrap_or_default();
            let json = Json::object([
                ("id", self.shown(&pool.id).into()),
                ("name", format!("{registry}/{}", pool.name).into()),
                ("type", POOL_TYPE.into()),
                ("location", (&pool.location).into()),
                ("systemData", pool.provenance.to_json(with_zulu)),
            ]);
            (pool.id.clone(), POOL_TYPE, json)
        })
    }

    fn generic_tasks(&self) -> impl Iterator<Item = (String, &'static str, Json)> {
        self.tasks.values().map(|task| {
            let registry = task.id.split('/').nth(8).unwrap_or_default();
            let json = Json::present([
                ("id", Some(self.shown(&task.id).into())),
                ("name", Some(format!("{registry}/{}", task.name).into())),
                ("type", Some(TASK_TYPE.into())),
                ("location", Some((&task.location).into())),
                ("tags", task.tags.clone().map(Json::from)),
                ("systemData", Some(task.provenance.to_json(with_zulu))),
            ]);
            (task.id.clone(), TASK_TYPE, json)
        })
    }

    fn generic_networks(&self) -> impl Iterator<Item = (String, &'static str, Json)> {
        self.networks.values().map(|network| {
            let json = Json::object([
                ("id", (&network.id).into()),
                ("name", (&network.name).into()),
                ("type", NETWORK_TYPE.into()),
                ("location", (&network.location).into()),
            ]);
            (network.id.clone(), NETWORK_TYPE, json)
        })
    }

    fn generic_attachments(&self) -> impl Iterator<Item = (String, &'static str, Json)> {
        self.attachments.values().map(|attachment| {
            let json = Json::object([
                ("id", (&attachment.id).into()),
                ("name", (&attachment.name).into()),
                ("type", attachment.sort.type_name().into()),
                ("location", (&attachment.location).into()),
            ]);
            (attachment.id.clone(), attachment.sort.type_name(), json)
        })
    }
}

/// The type name of a registry.
const REGISTRY_TYPE: &str = "Microsoft.ContainerRegistry/registries";
/// The type name of a virtual network.
const NETWORK_TYPE: &str = "Microsoft.Network/virtualNetworks";

/// What a `$filter` of resources asks for.
#[derive(Debug, Default, PartialEq)]
struct ResourceFilter {
    resource_type: Option<String>,
    group: Option<String>,
}

impl ResourceFilter {
    /// Reads `resourceType eq '...'` and `resourceGroup eq '...'`, joined by `and`; clients send an empty filter for none.
    fn parse(text: &str) -> Option<ResourceFilter> {
        let mut filter = ResourceFilter::default();
        let words: Vec<&str> = text.split_whitespace().collect();
        for clause in words.split(|word| word.eq_ignore_ascii_case("and")) {
            let [name, operator, value] = clause else {
                return words.is_empty().then_some(filter);
            };
            let part = match name.to_ascii_lowercase().as_str() {
                "resourcetype" => &mut filter.resource_type,
                "resourcegroup" => &mut filter.group,
                _ => return None,
            };
            let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
            if !operator.eq_ignore_ascii_case("eq") || part.replace(value.into()).is_some() {
                return None;
            }
        }
        Some(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_filters() {
        for (filter, expected) in [
            ("", Some((None, None))),
            ("resourceType eq 'A/b'", Some((Some("A/b"), None))),
            ("resourcetype EQ 'A/b'", Some((Some("A/b"), None))),
            ("resourceGroup eq 'g'", Some((None, Some("g")))),
            (
                "resourceGroup eq 'g' and resourceType eq 'A/b'",
                Some((Some("A/b"), Some("g"))),
            ),
            ("resourceType eq 'A/b' and resourceType eq 'C/d'", None),
            ("resourceType eq 'A/b' or resourceGroup eq 'g'", None),
            ("resourceType eq 'A/b' and", None),
            ("and", None),
            ("resourceType ne 'A/b'", None),
            ("name eq 'x'", None),
            ("resourceType eq A/b", None),
        ] {
            let expected = expected.map(|(resource_type, group): (Option<&str>, Option<&str>)| ResourceFilter {
                resource_type: resource_type.map(Into::into),
                group: group.map(Into::into),
            });
            assert_eq!(ResourceFilter::parse(filter), expected, "{filter}");
        }
    }
}

//! What a subnet may name: network security groups, route tables and NAT gateways, with the rules and routes inside.
//!
//! The emulator keeps and shows them; it never asks what a rule or route would do to a packet. As with networks, writes
//! end at once.

use serde_json::{Map, Value};

use super::answer::Answer;
use super::arm::Call;
use super::json::Json;
use super::metadata::{is_region, normalized};
use super::refusals::Refusal;
use super::store::{Store, key};
use super::{routes, security_rules};

/// Minutes until a NAT gateway drops an idle flow, when the body names none: the documented default.
const NAT_IDLE_MINUTES: i64 = 4;

/// The kinds of things that a subnet may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A network security group with its rules.
    SecurityGroup,
    /// A route table with its routes.
    RouteTable,
    /// A NAT gateway.
    NatGateway,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) sort: Sort,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Option<Value>,
    /// The members beside `properties` that the caller sent and ARM shows: `sku` and `zones` of a NAT gateway.
    pub(super) extras: Map<String, Value>,
    /// What the caller sent, without the children.
    pub(super) properties: Map<String, Value>,
    /// Rules or routes, in the order in which they were sent.
    pub(super) children: Vec<Child>,
    pub(super) guid: String,
    /// Grows with each write; etags show it.
    pub(super) revision: u64,
}

/// A rule or a route.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) name: String,
    pub(super) properties: Map<String, Value>,
    pub(super) revision: u64,
}

impl Sort {
    /// All of them.
    pub(super) const ALL: [Sort; 3] = [Sort::SecurityGroup, Sort::RouteTable, Sort::NatGateway];

    /// The type's segment in ids.
    pub(super) fn segment(self) -> &'static str {
        match self {
            Sort::SecurityGroup => "networkSecurityGroups",
            Sort::RouteTable => "routeTables",
            Sort::NatGateway => "natGateways",
        }
    }

    /// The type's full name.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Sort::SecurityGroup => "Microsoft.Network/networkSecurityGroups",
            Sort::RouteTable => "Microsoft.Network/routeTables",
            Sort::NatGateway => "Microsoft.Network/natGateways",
        }
    }

    /// The sort whose segment this is, in any casing.
    pub(super) fn of_segment(segment: &str) -> Option<Sort> {
        Sort::ALL
            .into_iter()
            .find(|sort| sort.segment().eq_ignore_ascii_case(segment))
    }

    /// The member of a subnet that names one.
    pub(super) fn member(self) -> &'static str {
        match self {
            Sort::SecurityGroup => "networkSecurityGroup",
            Sort::RouteTable => "routeTable",
            Sort::NatGateway => "natGateway",
        }
    }

    /// The segment of the children that can be written, which is also their member in `properties`.
    pub(super) fn children(self) -> Option<&'static str> {
        match self {
            Sort::SecurityGroup => Some("securityRules"),
            Sort::RouteTable => Some("routes"),
            Sort::NatGateway => None,
        }
    }

    fn in_use_code(self) -> &'static str {
        match self {
            Sort::SecurityGroup => "InUseNetworkSecurityGroupCannotBeDeleted",
            Sort::RouteTable => "InUseRouteTableCannotBeDeleted",
            Sort::NatGateway => "CannotDeleteNatGatewayAssociatedToSubnet",
        }
    }

    fn check_child(self, child: &Child, others: &[Child]) -> Result<(), Refusal> {
        match self {
            Sort::SecurityGroup => security_rules::check(child, others),
            Sort::RouteTable => routes::check(child, others),
            Sort::NatGateway => Ok(()),
        }
    }

    fn child_json(self, parent: &str, child: &Child) -> Json {
        match self {
            Sort::RouteTable => routes::to_json(parent, child),
            Sort::SecurityGroup | Sort::NatGateway => security_rules::to_json(parent, "securityRules", child),
        }
    }
}

impl Child {
    /// A child from `{"name", "properties"}`; what is absent stays empty.
    pub(super) fn read(value: &Value, revision: u64) -> Child {
        let properties = value.get("properties").and_then(Value::as_object).cloned();
        Child {
            name: value
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_string(),
            properties: properties.unwrap_or_default(),
            revision,
        }
    }
}

/// An etag in the usual form.
pub(super) fn etag(revision: u64) -> String {
    format!("W/\"00000000-0000-0000-0000-{revision:012x}\"")
}

impl Store {
    fn attachment(&self, id: &str) -> Result<&Attachment, Refusal> {
        self.attachments.get(&key(id)).ok_or_else(|| self.not_found(id))
    }

    /// The ids of the subnets that name an attachment.
    pub(super) fn subnets_naming(&self, attachment: &Attachment) -> Vec<&String> {
        let wanted = key(&attachment.id);
        let named = |properties: &Map<String, Value>| {
            let id = properties.get(attachment.sort.member())?.get("id")?.as_str()?;
            Some(key(id) == wanted)
        };
        self.subnets
            .values()
            .filter(|subnet| named(&subnet.properties) == Some(true))
            .map(|subnet| &subnet.id)
            .collect()
    }

    fn attachment_json(&self, attachment: &Attachment) -> Json {
        let sort = attachment.sort;
        let children = |of: &[Child]| {
            let shown = of.iter().map(|child| sort.child_json(&attachment.id, child));
            Json::Array(shown.collect())
        };
        let given = |name: &str| {
            let value = attachment.properties.get(name).filter(|value| !value.is_null());
            value.cloned().map(Json::from)
        };
        let mut properties = vec![
            ("provisioningState", Json::from("Succeeded")),
            ("resourceGuid", Json::from(&attachment.guid)),
        ];
        match sort {
            Sort::SecurityGroup => {
                properties.push(("securityRules", children(&attachment.children)));
                properties.push((
                    "defaultSecurityRules",
                    Json::Array(security_rules::defaults_json(&attachment.id, attachment.revision)),
                ));
            }
            Sort::RouteTable => {
                let off = given("disableBgpRoutePropagation").unwrap_or_else(|| false.into());
                properties.push(("disableBgpRoutePropagation", off));
                properties.push(("routes", children(&attachment.children)));
            }
            Sort::NatGateway => {
                let idle = given("idleTimeoutInMinutes").unwrap_or_else(|| NAT_IDLE_MINUTES.into());
                properties.push(("idleTimeoutInMinutes", idle));
                for name in ["publicIpAddresses", "publicIpPrefixes"] {
                    properties.extend(given(name).map(|value| (name, value)));
                }
            }
        }
        let users = self.subnets_naming(attachment);
        if !users.is_empty() {
            let users = users.into_iter().map(|id| Json::object([("id", id.into())]));
            properties.push(("subnets", Json::Array(users.collect())));
        }
        let sku = || match attachment.extras.get("sku") {
            Some(sku) => sku.clone(),
            None => serde_json::json!({"name": "Standard", "tier": "Regional"}),
        };
        Json::present([
            ("name", Some((&attachment.name).into())),
            ("id", Some((&attachment.id).into())),
            ("etag", Some(etag(attachment.revision).into())),
            ("type", Some(sort.type_name().into())),
            ("location", Some((&attachment.location).into())),
            ("tags", attachment.tags.clone().map(Json::from)),
            ("zones", attachment.extras.get("zones").cloned().map(Json::from)),
            ("sku", (sort == Sort::NatGateway).then(|| sku().into())),
            ("properties", Some(Json::Object(properties))),
        ])
    }

    /// `GET` of all of a sort below a prefix: a group's id, or empty for the subscription.
    pub(super) fn list_attachments(&self, sort: Sort, prefix: &str) -> Answer {
        let prefix = key(prefix);
        let all = self.attachments.iter();
        let inside = all.filter(|(id, attachment)| attachment.sort == sort && id.starts_with(&prefix));
        Answer::json(
            200,
            Json::list(inside.map(|(_, attachment)| self.attachment_json(attachment)).collect()),
        )
    }

    /// `GET` of one.
    pub(super) fn get_attachment(&self, id: &str) -> Result<Answer, Refusal> {
        Ok(Answer::json(200, self.attachment_json(self.attachment(id)?)))
    }

    /// `PUT` of one, with the children in its body. Children that the body does not name are gone.
    pub(super) fn put_attachment(
        &mut self,
        call: &Call,
        group: &str,
        sort: Sort,
        name: &str,
    ) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let sent = body.get("location").and_then(Value::as_str).unwrap_or_default();
        let location = normalized(sent);
        if location.is_empty() {
            return Err(Refusal::location_required());
        }
        if !is_region(&location) {
            return Err(Refusal::location(sent, sort.type_name(), &[]));
        }
        let id = format!("{group}/providers/Microsoft.Network/{}/{name}", sort.segment());
        let known = self.attachments.get(&key(&id));
        if let Some(known) = known.filter(|known| known.location != location) {
            return Err(Refusal::moved(&known.id, &known.location));
        }
        let (status, id, name, guid) = match known {
            Some(known) => (200, known.id.clone(), known.name.clone(), known.guid.clone()),
            None => (201, id, name.to_string(), super::identity::random_id()),
        };
        let mut properties = body
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let revision = self.next_birth();
        let sent = sort.children().and_then(|member| properties.remove(member));
        let mut children: Vec<Child> = Vec::new();
        for child in sent.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let child = Child::read(child, revision);
            sort.check_child(&child, &children)?;
            children.push(child);
        }
        let extras = ["sku", "zones"]
            .into_iter()
            .filter_map(|member| Some((member.to_string(), body.get(member)?.clone())));
        let attachment = Attachment {
            sort,
            id: id.clone(),
            name,
            location,
            tags: body.get("tags").cloned(),
            extras: extras.filter(|_| sort == Sort::NatGateway).collect(),
            properties,
            children,
            guid,
            revision,
        };
        let answer = Answer::json(status, self.attachment_json(&attachment));
        self.attachments.insert(key(&id), attachment);
        Ok(answer)
    }

    /// `DELETE` of one: refused while a subnet names it.
    pub(super) fn delete_attachment(&mut self, id: &str) -> Result<Answer, Refusal> {
        let Some(attachment) = self.attachments.get(&key(id)) else {
            return Ok(Answer::empty(204));
        };
        let users = self.subnets_naming(attachment);
        if !users.is_empty() {
            let users: Vec<&str> = users.into_iter().map(String::as_str).collect();
            let message = format!(
                "'{}' cannot be deleted while it is used by: {}.",
                attachment.id,
                users.join(", ")
            );
            return Err(Refusal::network(400, attachment.sort.in_use_code(), message));
        }
        self.attachments.remove(&key(id));
        Ok(Answer::empty(200))
    }

    /// `GET` of the rules or routes of one.
    pub(super) fn list_children(&self, parent: &str) -> Result<Answer, Refusal> {
        let parent = self.attachment(parent)?;
        let shown = parent.children.iter();
        let shown = shown.map(|child| parent.sort.child_json(&parent.id, child));
        Ok(Answer::json(200, Json::list(shown.collect())))
    }

    /// `GET` of one rule or route.
    pub(super) fn get_child(&self, parent: &str, name: &str) -> Result<Answer, Refusal> {
        let parent = self.attachment(parent)?;
        let child = parent
            .children
            .iter()
            .find(|child| child.name.eq_ignore_ascii_case(name));
        let child = child.ok_or_else(|| {
            let segment = parent.sort.children().unwrap_or_default();
            self.not_found(&format!("{}/{segment}/{name}", parent.id))
        })?;
        Ok(Answer::json(200, parent.sort.child_json(&parent.id, child)))
    }

    /// `GET` of the rules that every security group has, all or one.
    pub(super) fn default_rules(&self, parent: &str, name: Option<&str>) -> Result<Answer, Refusal> {
        let parent = self.attachment(parent)?;
        let rules = security_rules::defaults_json(&parent.id, parent.revision);
        let Some(name) = name else {
            return Ok(Answer::json(200, Json::list(rules)));
        };
        let at = security_rules::default_named(name);
        let rule = at.and_then(|at| rules.into_iter().nth(at));
        let rule = rule.ok_or_else(|| self.not_found(&format!("{}/defaultSecurityRules/{name}", parent.id)))?;
        Ok(Answer::json(200, rule))
    }

    /// `PUT` of one rule or route.
    pub(super) fn put_child(&mut self, call: &Call, parent_id: &str, name: &str) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let revision = self.next_birth();
        let parent = self.attachments.get_mut(&key(parent_id)).ok_or_else(|| {
            let path: Vec<&str> = parent_id.rsplit('/').take(3).collect();
            Refusal::parent(&path.into_iter().rev().collect::<Vec<_>>().join("/"))
        })?;
        let mut child = Child::read(&Value::Object(body), revision);
        child.name = name.into();
        let same = |known: &Child| known.name.eq_ignore_ascii_case(name);
        let others: Vec<Child> = parent.children.iter().filter(|known| !same(known)).cloned().collect();
        parent.sort.check_child(&child, &others)?;
        parent.revision = revision;
        let status = match parent.children.iter_mut().find(|known| same(known)) {
            Some(known) => {
                child.name.clone_from(&known.name);
                *known = child.clone();
                200
            }
            None => {
                parent.children.push(child.clone());
                201
            }
        };
        Ok(Answer::json(status, parent.sort.child_json(&parent.id, &child)))
    }

    /// `DELETE` of one rule or route.
    pub(super) fn delete_child(&mut self, parent: &str, name: &str) -> Answer {
        let revision = self.next_birth();
        let Some(parent) = self.attachments.get_mut(&key(parent)) else {
            return Answer::empty(204);
        };
        let before = parent.children.len();
        parent.children.retain(|child| !child.name.eq_ignore_ascii_case(name));
        if parent.children.len() == before {
            return Answer::empty(204);
        }
        parent.revision = revision;
        Answer::empty(200)
    }
}

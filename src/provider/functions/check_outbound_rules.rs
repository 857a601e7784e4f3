//! `check_outbound_rules`: would agents behind these rules and routes reach what they need? The verdicts of the network room, offline.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::framework::{
    Type, Value,
    function::{Arguments, Function, FunctionError, Parameter, Signature},
};
use crate::network::{
    Finding, Network, REQUIREMENTS, Reading, evaluate, route_table::RouteTable, security_group::SecurityGroup,
};

/// The function.
pub(super) struct CheckOutboundRules;

/// The members of a requirement; all are text but `port`.
const TEXTS: [&str; 8] = [
    "decided_by",
    "explanation",
    "level",
    "remedy",
    "route_verdict",
    "security_group_verdict",
    "service_tag",
    "verdict",
];

impl Function for CheckOutboundRules {
    fn name(&self) -> &'static str {
        "check_outbound_rules"
    }

    fn signature(&self) -> Signature {
        let texts = TEXTS.into_iter().map(|name| (name.to_owned(), Type::String));
        let requirement: BTreeMap<String, Type> = texts.chain([("port".to_owned(), Type::Number)]).collect();
        let members = [
            ("ready", Type::Bool),
            ("blocked", Type::Bool),
            ("verdict", Type::String),
            ("requirements", Type::list(Type::Object(requirement))),
        ];
        Signature {
            summary: "Tells whether agents behind these security rules and routes would reach what they need.",
            description: r#"Judges rules and routes that may not exist yet, without Azure: for a `precondition` of a module on its own rules, a `check` block or
a test. The verdicts are those of a subnet about which nothing else is known, so without service endpoints, gateways and security admin
rules.

The default rules of every network security group are added. Rules and routes are judged by the names that `azurerm` gives their
arguments (`priority`, `direction`, `access`, `protocol`, `source_address_prefix`, `destination_port_ranges`, …); other members are
ignored, and any of them may be missing. Whole resources work too: `azurerm_network_security_group.agents.security_rule` or
`values(azurerm_network_security_rule.agents)`."#,
            parameters: vec![
                Parameter::new("rules", Type::Dynamic, "The rules of a network security group: a list of objects. Rules for inbound traffic are ignored."),
                Parameter::new(
                    "routes",
                    Type::Dynamic,
                    "The routes of a route table: a list of objects with `name`, `address_prefix`, `next_hop_type` and `next_hop_in_ip_address`. \
                     Null for a subnet without a route table.",
                )
                .or_null(),
            ],
            variadic: None,
            returns: Type::Object(members.map(|(name, ty)| (name.to_owned(), ty)).into_iter().collect::<BTreeMap<_, _>>()),
            result: "An object:

- `ready` (Bool) Whether every requirement is surely reachable.
- `blocked` (Bool) Whether something that pools do not run without is surely out of reach. Modules whose routes lead to an appliance
  look at this: whether the appliance lets agents through cannot be told, so `ready` is false.
- `verdict` (String) The worst verdict of all.
- `requirements` (List of objects) One for each service tag and port:
  - `service_tag` (String), `port` (Number) What agents must reach.
  - `level` (String) `required`, or `diagnostic` for what pools run without.
  - `verdict` (String) `reachable`, `depends` (an appliance or another network decides), `unknown`, `partial` or `blocked`.
  - `security_group_verdict` (String) What the rules make of it: `allowed`, `denied`, `partial` or `unknown`.
  - `route_verdict` (String) Where the routes lead: `direct`, `appliance`, `gateway`, `blocked`, `mixed` or `unknown`.
  - `decided_by` (String) The rule or route that decided.
  - `explanation` (String) One sentence: what happens and why.
  - `remedy` (String) The smallest change that mends it, with the HCL to paste; null if there is nothing to mend.",
        }
    }

    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let rules = objects(arguments, 0, "rule")?;
        let route_table = match arguments.value(1) {
            Value::Null => Reading::Absent,
            _ => Reading::Read(RouteTable::from_routes("", &objects(arguments, 1, "route")?)),
        };
        let network = Network {
            security_group: Reading::Read(SecurityGroup::from_rules("", &rules, &[])),
            route_table,
            ..Network::default()
        };
        let readiness = evaluate(&network, &REQUIREMENTS);
        Ok(Value::object([
            ("ready", Value::Bool(readiness.is_ready())),
            ("blocked", Value::Bool(readiness.is_blocked())),
            ("verdict", Value::string(readiness.verdict().as_str())),
            (
                "requirements",
                Value::List(readiness.findings.iter().map(requirement).collect()),
            ),
        ]))
    }
}

fn requirement(finding: &Finding) -> Value {
    let texts = [
        Value::string(finding.decided_by.as_str()),
        Value::string(finding.explanation.as_str()),
        Value::string(finding.requirement.level.as_str()),
        finding.remedy().map_or(Value::Null, Value::string),
        Value::string(finding.route_verdict.as_str()),
        Value::string(finding.security_group_verdict.as_str()),
        Value::string(finding.requirement.service_tag),
        Value::string(finding.verdict.as_str()),
    ];
    let port = Value::integer(finding.requirement.port.into());
    Value::object(TEXTS.into_iter().zip(texts).chain([("port", port)]))
}

/// The objects of a list, tuple or set.
fn objects(arguments: &Arguments, index: usize, noun: &str) -> Result<Vec<Json>, FunctionError> {
    let given = arguments.value(index);
    let (Value::List(elements) | Value::Set(elements)) = given else {
        let hint = if let Value::Map(_) = given {
            "; `values(…)` makes one of a map"
        } else {
            ""
        };
        let text = format!("a list of {noun} objects is expected, {} was given{hint}", given.kind());
        return Err(FunctionError::at(index, text));
    };
    let object = |(at, element): (usize, &Value)| match json(element) {
        object @ Json::Object(_) => Ok(object),
        _ => Err(FunctionError::at(
            index,
            format!("at [{at}], a {noun} object is expected, {} was given", element.kind()),
        )),
    };
    elements.iter().enumerate().map(object).collect()
}

/// The value, whatever its type, in JSON.
fn json(value: &Value) -> Json {
    match value {
        // Unknown values do not come here: without `allow_unknown` Core does not call.
        Value::Null | Value::Unknown => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(number) => number.as_i64().map_or_else(|| Json::String(number.text()), Json::from),
        Value::String(text) => Json::String(text.clone()),
        Value::List(elements) | Value::Set(elements) => Json::Array(elements.iter().map(json).collect()),
        Value::Map(members) => Json::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), json(member)))
                .collect::<Map<_, _>>(),
        ),
        Value::Dynamic(_, inner) => json(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{json as framework_json, json::Extra};
    use crate::provider::functions::{
        call, required_outbound_rules::RequiredOutboundRules, required_routes::RequiredRoutes,
    };

    /// A value of any type, as Core sends it.
    fn any(value: Value) -> Value {
        Value::Dynamic(Type::Dynamic, Box::new(value))
    }

    /// A list of maps of text.
    fn objects(text: &str) -> Value {
        any(framework_json::decode(&Type::list(Type::map(Type::String)), text, Extra::Refuse).unwrap())
    }

    fn check(rules: Value, routes: Value) -> Value {
        call(&CheckOutboundRules, vec![rules, routes]).unwrap()
    }

    /// Ready, blocked, and the verdict as a whole.
    fn verdict(rules: Value, routes: Value) -> (bool, bool, String) {
        let result = check(rules, routes);
        let is = |name: &str| result.member(name) == &Value::Bool(true);
        (
            is("ready"),
            is("blocked"),
            result.member("verdict").as_str().unwrap().to_owned(),
        )
    }

    const DENY_ALL: &str = r#"[{"name": "deny", "priority": "4096", "direction": "Outbound", "access": "Deny", "protocol": "*",
        "source_port_range": "*", "destination_port_range": "*", "source_address_prefix": "*", "destination_address_prefix": "*"}]"#;

    const TO_APPLIANCE: &str = r#"[{"name": "default", "address_prefix": "0.0.0.0/0", "next_hop_type": "VirtualAppliance",
        "next_hop_in_ip_address": "10.0.0.4"}]"#;

    fn joined(a: Value, b: Value) -> Value {
        match (a, b) {
            (Value::Dynamic(_, a), b) => joined(*a, b),
            (a, Value::Dynamic(_, b)) => joined(a, *b),
            (Value::List(a), Value::List(b)) => any(Value::List([a, b].concat())),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rules_without_routes() {
        let required = call(&RequiredOutboundRules, vec![Value::integer(200)]).unwrap();
        let nothing = || objects("[]");
        for (what, rules, expected) in [
            ("default rules", nothing(), (true, false, "reachable")),
            ("a deny", objects(DENY_ALL), (false, true, "blocked")),
            (
                "required rules before a deny",
                joined(required.clone(), objects(DENY_ALL)),
                (true, false, "reachable"),
            ),
            (
                "required rules behind a deny",
                joined(required, objects(&DENY_ALL.replace("4096", "100"))),
                (false, true, "blocked"),
            ),
            (
                "one region",
                joined(
                    objects(
                        r#"[{"name": "r", "priority": "100", "direction": "Outbound", "access": "Allow", "destination_address_prefix": "Storage.WestEurope"}]"#,
                    ),
                    objects(DENY_ALL),
                ),
                (false, true, "blocked"),
            ),
            (
                "an object without a single member",
                objects("[{}]"),
                (false, false, "unknown"),
            ),
        ] {
            let (ready, blocked, word) = expected;
            assert_eq!(
                verdict(rules.clone(), Value::Null),
                (ready, blocked, word.to_owned()),
                "{what}"
            );
            assert_eq!(
                verdict(rules, nothing()),
                (ready, blocked, word.to_owned()),
                "{what}, an empty route table"
            );
        }
    }

    #[test]
    fn routes() {
        let past = call(&RequiredRoutes, Vec::new()).unwrap();
        for (what, routes, expected) in [
            ("an appliance", objects(TO_APPLIANCE), (false, false, "depends")),
            (
                "past the appliance",
                joined(objects(TO_APPLIANCE), past),
                (true, false, "reachable"),
            ),
            (
                "nowhere",
                objects(r#"[{"name": "drop", "address_prefix": "0.0.0.0/0", "next_hop_type": "None"}]"#),
                (false, true, "blocked"),
            ),
        ] {
            let (ready, blocked, word) = expected;
            assert_eq!(
                verdict(objects("[]"), routes),
                (ready, blocked, word.to_owned()),
                "{what}"
            );
        }
    }

    #[test]
    fn a_requirement_says_who_decided_and_what_mends_it() {
        let result = check(objects(DENY_ALL), Value::Null);
        let Value::List(requirements) = result.member("requirements") else {
            panic!("{result:?}")
        };
        assert_eq!(requirements.len(), REQUIREMENTS.len());
        let text = |name: &str| requirements[0].member(name).as_str().unwrap_or_default();
        assert_eq!(
            (text("service_tag"), requirements[0].member("port")),
            ("AzureKeyVault", &Value::integer(443))
        );
        assert_eq!((text("level"), text("verdict")), ("required", "blocked"));
        assert_eq!(
            (text("security_group_verdict"), text("route_verdict")),
            ("denied", "direct")
        );
        assert!(
            text("decided_by").contains("\"deny\" (priority 4096)"),
            "{}",
            text("decided_by")
        );
        assert!(
            text("explanation").starts_with("Agents cannot reach AzureKeyVault on TCP 443: "),
            "{}",
            text("explanation")
        );
        assert!(
            text("remedy").contains("destination_address_prefix = \"AzureKeyVault\""),
            "{}",
            text("remedy")
        );
        let ready = check(objects("[]"), Value::Null);
        let Value::List(requirements) = ready.member("requirements") else {
            panic!("{ready:?}")
        };
        assert!(requirements.iter().all(|it| it.member("remedy").is_null()));
    }

    #[test]
    fn rules_are_read_from_any_collection_with_any_members() {
        let rule = |access: &str| {
            Value::object([
                ("access", Value::string(access)),
                ("description", Value::Null),
                ("destination_address_prefix", Value::string("")),
                (
                    "destination_address_prefixes",
                    Value::set(vec![Value::string("0.0.0.0/1"), Value::string("128.0.0.0/1")]),
                ),
                ("destination_port_ranges", Value::set(vec![Value::string("443")])),
                ("direction", Value::string("outbound")),
                ("priority", Value::integer(100)),
                ("protocol", Value::string("tcp")),
                ("source_address_prefix", Value::string("*")),
                ("timeouts", Value::object([("create", Value::Null)])),
            ])
        };
        let blocked = (false, true, "blocked".to_owned());
        assert_eq!(verdict(any(Value::set(vec![rule("Deny")])), Value::Null), blocked);
        assert_eq!(verdict(any(Value::List(vec![any(rule("Deny"))])), Value::Null), blocked);
        assert_eq!(
            verdict(any(Value::List(vec![rule("Allow")])), Value::Null).2,
            "reachable"
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_its_argument() {
        let list = |element: Value| any(Value::List(vec![element]));
        for (rules, routes, argument, says) in [
            (
                any(Value::string("x")),
                Value::Null,
                0,
                "a list of rule objects is expected, a string was given",
            ),
            (
                any(Value::object([("a", Value::Null)])),
                Value::Null,
                0,
                "a map was given; `values(…)` makes one of a map",
            ),
            (
                list(Value::Null),
                Value::Null,
                0,
                "at [0], a rule object is expected, null was given",
            ),
            (
                list(any(Value::Bool(true))),
                Value::Null,
                0,
                "at [0], a rule object is expected",
            ),
            (Value::Null, Value::Null, 0, "it must not be null"),
            (
                objects("[]"),
                any(Value::integer(1)),
                1,
                "a list of route objects is expected, a number was given",
            ),
            (
                objects("[]"),
                list(Value::List(Vec::new())),
                1,
                "at [0], a route object is expected, a list was given",
            ),
        ] {
            let error = call(&CheckOutboundRules, vec![rules, routes]).unwrap_err();
            assert_eq!(
                (error.argument, error.text.contains(says)),
                (Some(argument), true),
                "{error}"
            );
        }
    }
}

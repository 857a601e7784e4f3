//! The service tags API: which addresses each tag stands for.
//!
//! The built-in table uses addresses that are reserved for documentation, so that nobody takes them for Azure's; its
//! relations are Azure's in the small: `AzureCloud` holds all of Key Vault, Event Hubs and Monitor but only a part of Storage
//! and Entra ID, and the tags that pools need share no address. A seed may bring a table of its own.

use std::collections::BTreeMap;

use super::answer::Answer;
use super::arm::Call;
use super::json::Json;
use super::metadata::{is_region, normalized};
use super::refusals::Refusal;
use super::store::Store;

/// Tags on a page. The service's own number is not known; a real list is one of thousands.
const PAGE: usize = 100;
/// The number of this edition of the list. Nothing here ever changes.
const CHANGE_NUMBER: &str = "1";

/// Tags and their addresses when the seed has none: RFC 5737 and RFC 3849.
const BUILT_IN: [(&str, &[&str]); 19] = [
    (
        "AzureActiveDirectory",
        &["192.0.2.0/27", "192.0.2.32/27", "2001:db8:1::/48"],
    ),
    ("AzureActiveDirectory.ServiceEndpoint", &["192.0.2.0/28"]),
    (
        "AzureCloud",
        &["192.0.2.32/27", "192.0.2.64/26", "192.0.2.128/25", "198.51.100.0/25"],
    ),
    (
        "AzureCloud.eastus",
        &["192.0.2.64/27", "192.0.2.128/26", "198.51.100.0/26"],
    ),
    (
        "AzureCloud.westeurope",
        &["192.0.2.96/27", "192.0.2.192/26", "198.51.100.64/26"],
    ),
    ("AzureContainerRegistry", &["203.0.113.0/27"]),
    ("AzureFrontDoor.FirstParty", &["203.0.113.32/27"]),
    ("AzureKeyVault", &["192.0.2.64/28", "192.0.2.96/28", "2001:db8:2::/48"]),
    ("AzureKeyVault.EastUS", &["192.0.2.64/28"]),
    ("AzureKeyVault.WestEurope", &["192.0.2.96/28"]),
    ("AzureMonitor", &["192.0.2.80/28", "192.0.2.112/28"]),
    ("AzureMonitor.EastUS", &["192.0.2.80/28"]),
    ("AzureResourceManager", &["203.0.113.64/27"]),
    ("EventHub", &["192.0.2.128/26", "192.0.2.192/26"]),
    ("EventHub.EastUS", &["192.0.2.128/26"]),
    ("MicrosoftContainerRegistry", &["203.0.113.96/27"]),
    ("Storage", &["198.51.100.0/24", "2001:db8:3::/48"]),
    ("Storage.EastUS", &["198.51.100.0/26", "198.51.100.128/26"]),
    ("Storage.WestEurope", &["198.51.100.64/26", "198.51.100.192/26"]),
];

/// Tags whose system service has another name than the tag.
const SYSTEM_SERVICES: [(&str, &str); 5] = [
    ("AzureActiveDirectory", "AzureAD"),
    ("AzureCloud", ""),
    ("EventHub", "AzureEventHub"),
    ("Storage", "AzureStorage"),
    ("Sql", "AzureSQL"),
];

/// The built-in table.
pub(super) fn built_in() -> BTreeMap<String, Vec<String>> {
    let owned = |prefixes: &[&str]| prefixes.iter().map(|prefix| prefix.to_string()).collect();
    BUILT_IN
        .iter()
        .map(|(name, prefixes)| (name.to_string(), owned(prefixes)))
        .collect()
}

impl Store {
    /// `GET .../locations/{location}/serviceTags`: the whole cloud's tags, whatever the location.
    pub(super) fn list_service_tags(&self, call: &Call, location: &str) -> Result<Answer, Refusal> {
        if !is_region(&normalized(location)) {
            return Err(Refusal::location(location, "locations/serviceTags", &[]));
        }
        let start = match call.query.get("$skiptoken") {
            None => 0,
            Some(token) => token.parse::<usize>().map_err(|_| {
                Refusal::network(
                    400,
                    "InvalidSkipToken",
                    format!("The skip token '{token}' is not known here."),
                )
            })?,
        };
        let page = self.service_tags.iter().skip(start).take(PAGE);
        let values = page.map(|(name, prefixes)| tag_json(name, prefixes)).collect();
        let next = start.saturating_add(PAGE);
        let next = (next < self.service_tags.len()).then(|| {
            let (base, path, version) = (&self.base_url, call.path, call.version);
            format!("{base}{path}?api-version={version}&$skiptoken={next}").into()
        });
        let id = format!(
            "/subscriptions/{}/providers/Microsoft.Network/serviceTags/Public",
            self.subscription_id
        );
        let body = Json::present([
            ("name", Some("Public".into())),
            ("id", Some(id.into())),
            ("type", Some("Microsoft.Network/serviceTags".into())),
            ("changeNumber", Some(CHANGE_NUMBER.into())),
            ("cloud", Some("Public".into())),
            ("values", Some(Json::Array(values))),
            ("nextLink", next),
        ]);
        Ok(Answer::json(200, body))
    }
}

fn tag_json(name: &str, prefixes: &[String]) -> Json {
    let (service, suffix) = name.split_once('.').unwrap_or((name, ""));
    let region = normalized(suffix);
    let region = if is_region(&region) { region } else { String::new() };
    let known = SYSTEM_SERVICES.iter().find(|(tag, _)| *tag == service);
    let system = known.map_or(service, |(_, system)| system);
    let prefixes = prefixes.iter().map(Json::from).collect();
    let properties = Json::object([
        ("changeNumber", CHANGE_NUMBER.into()),
        ("region", region.into()),
        ("systemService", system.into()),
        ("addressPrefixes", Json::Array(prefixes)),
    ]);
    Json::object([("name", name.into()), ("id", name.into()), ("properties", properties)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_services_come_from_the_name() {
        for (name, expected) in [
            (
                "Storage.WestEurope",
                r#""region":"westeurope","systemService":"AzureStorage""#,
            ),
            ("AzureCloud.eastus", r#""region":"eastus","systemService":"""#),
            (
                "AzureActiveDirectory.ServiceEndpoint",
                r#""region":"","systemService":"AzureAD""#,
            ),
            ("AzureKeyVault", r#""region":"","systemService":"AzureKeyVault""#),
        ] {
            let text = String::from_utf8(tag_json(name, &["192.0.2.0/24".into()]).to_bytes()).unwrap();
            assert!(text.contains(expected), "{text}");
        }
    }
}

//! Where routes, endpoints and appliances lead.

use serde_json::json;

use super::super::network::{judge, subnet_with};
use super::{Expected, RouteRow, TUNNEL, all_endpoints, both, endpoints, routes, with_subnet};
use crate::network::Network;
use crate::network::reading::Reading;
use crate::network::subnet::VirtualNetwork;

#[test]
fn user_defined_routes() {
    let all = |verdicts: &'static str| -> Vec<(&'static str, &'static str)> { vec![("*", verdicts)] };
    let direct = || all("allowed/direct/reachable");
    let storage = |verdicts: &'static str, rest: &'static str| vec![("Storage", verdicts), ("*", rest)];
    let halves = |a, b| vec![("a", "0.0.0.0/1", a), ("b", "128.0.0.0/1", b)];
    type Row = Vec<(&'static str, &'static str)>;
    let table: Vec<(&str, Vec<RouteRow>, Row, Row)> = vec![
        (
            "a gateway",
            vec![("r", "0.0.0.0/0", "VirtualNetworkGateway")],
            all("allowed/gateway/depends"),
            all("allowed/gateway/depends"),
        ),
        (
            "VnetLocal",
            vec![("r", "0.0.0.0/0", "VNetLocal")],
            all("allowed/unknown/unknown"),
            all("allowed/unknown/unknown"),
        ),
        (
            "equal-cost appliances",
            vec![("r", "0.0.0.0/0", "VirtualApplianceEcmp")],
            all("allowed/appliance/depends"),
            all("allowed/appliance/depends"),
        ),
        (
            "two halves",
            halves("VirtualAppliance 10.0.9.4", "VirtualAppliance 10.0.9.5"),
            all("allowed/appliance/depends"),
            all("allowed/appliance/depends"),
        ),
        (
            "a half",
            vec![("a", "128.0.0.0/1", "None")],
            all("allowed/unknown/unknown"),
            direct(),
        ),
        (
            "private space",
            vec![
                ("r", "10.0.0.0/8", "VirtualAppliance 10.0.9.4"),
                ("q", "192.168.0.0/16", "None"),
            ],
            direct(),
            direct(),
        ),
        ("IPv6", vec![("r", "::/0", "None")], direct(), direct()),
        (
            "another service",
            vec![("r", "Sql", "None"), ("q", "AzureMonitor.WestEurope", "Internet")],
            direct(),
            direct(),
        ),
        (
            "a public prefix",
            vec![("r", "20.60.0.0/16", "VirtualAppliance 10.0.9.4")],
            all("allowed/unknown/unknown"),
            storage("allowed/mixed/depends", "allowed/direct/reachable"),
        ),
        (
            "a public prefix that changes nothing",
            vec![("r", "20.60.0.0/16", "Internet")],
            direct(),
            direct(),
        ),
        (
            "AzureCloud past the appliance",
            vec![TUNNEL, ("r", "AzureCloud", "Internet")],
            vec![
                ("Storage", "allowed/mixed/depends"),
                ("AzureActiveDirectory", "allowed/mixed/depends"),
                ("*", "allowed/direct/reachable"),
            ],
            vec![
                ("Storage", "allowed/mixed/depends"),
                ("AzureActiveDirectory", "allowed/mixed/depends"),
                ("*", "allowed/direct/reachable"),
            ],
        ),
        (
            "one region past the appliance",
            vec![TUNNEL, ("r", "Storage.EastUS", "Internet")],
            storage("allowed/mixed/depends", "allowed/appliance/depends"),
            storage("allowed/mixed/depends", "allowed/appliance/depends"),
        ),
        (
            "a region beats its tag",
            vec![("r", "Storage", "Internet"), ("q", "Storage.EastUS", "None")],
            storage("allowed/mixed/partial", "allowed/direct/reachable"),
            storage("allowed/mixed/partial", "allowed/direct/reachable"),
        ),
        (
            "a tag nobody knows",
            vec![("r", "ContosoFutureTag", "None")],
            all("allowed/unknown/unknown"),
            all("allowed/unknown/unknown"),
        ),
        (
            "no prefix",
            vec![("r", "", "None")],
            all("allowed/unknown/unknown"),
            all("allowed/unknown/unknown"),
        ),
        (
            "dropped here, led away there",
            halves("None", "VirtualAppliance 10.0.9.4"),
            all("allowed/unknown/unknown"),
            vec![("*", "allowed/blocked/blocked")],
        ),
    ];
    for (name, rows, symbolic, exact) in table {
        let network = subnet_with(None, Some(routes(&rows)));
        both(name, &network, symbolic.leak(), exact.leak());
    }
}

#[test]
fn endpoints_and_egress() {
    let dropped = subnet_with(None, Some(routes(&[("r", "0.0.0.0/0", "None")])));
    let expected: Expected = &[
        ("AzureMonitor", "allowed/blocked/blocked"),
        ("AzureActiveDirectory", "allowed/mixed/partial"),
        ("*", "allowed/direct/reachable"),
    ];
    both(
        "endpoints beat a shorter route",
        &with_subnet(dropped, all_endpoints()),
        expected,
        expected,
    );

    let plain = || subnet_with(None, None);
    let mut policy = endpoints(&["Microsoft.KeyVault"]);
    policy["serviceEndpointPolicies"] = json!([{"id": "/x/p"}]);
    let reachable: Expected = &[("*", "allowed/direct/reachable")];
    both(
        "a policy without the storage endpoint",
        &with_subnet(plain(), policy),
        reachable,
        reachable,
    );

    let mut network = with_subnet(plain(), endpoints(&["Microsoft.Storage.Global"]));
    network.replica_regions = vec!["West Europe".to_owned()];
    network.route_table = subnet_with(None, Some(routes(&[TUNNEL]))).route_table;
    let expected: Expected = &[
        ("*", "allowed/appliance/depends"),
        ("Storage", "allowed/direct/reachable"),
    ];
    both("the global endpoint reaches replicas", &network, expected, expected);

    let cloud = subnet_with(None, Some(routes(&[("r", "AzureCloud", "VirtualAppliance 10.0.9.4")])));
    let symbolic: Expected = &[
        ("AzureMonitor", "allowed/appliance/depends"),
        ("AzureActiveDirectory", "allowed/unknown/unknown"),
        ("*", "allowed/unknown/unknown"),
    ];
    let exact: Expected = &[
        ("AzureMonitor", "allowed/appliance/depends"),
        // The fixture's endpoint prefixes are longer than those of AzureCloud around them, so the endpoint wins for its part.
        ("AzureActiveDirectory", "allowed/mixed/depends"),
        ("AzureKeyVault", "allowed/direct/reachable"),
        ("EventHub", "allowed/direct/reachable"),
        ("Storage", "allowed/unknown/unknown"),
    ];
    both(
        "an endpoint against AzureCloud",
        &with_subnet(cloud, all_endpoints()),
        symbolic,
        exact,
    );

    let mut learned = with_subnet(plain(), endpoints(&["Microsoft.KeyVault"]));
    learned.virtual_network = Reading::Read(VirtualNetwork {
        may_learn_routes: true,
        ..VirtualNetwork::default()
    });
    let expected: Expected = &[
        ("*", "allowed/unknown/unknown"),
        ("AzureKeyVault", "allowed/direct/reachable"),
    ];
    both("a gateway may announce a default route", &learned, expected, expected);
    learned.virtual_network = Reading::Unreadable;
    both("an unreadable network may have a gateway", &learned, expected, expected);

    let mut public = plain();
    let space = json!({"properties": {"addressSpace": {"addressPrefixes": ["20.60.0.0/16"]}}});
    public.virtual_network = Reading::Read(VirtualNetwork::from_arm(&space));
    let exact: Expected = &[
        ("*", "allowed/direct/reachable"),
        ("Storage", "allowed/unknown/unknown"),
    ];
    both(
        "public space of one's own",
        &public,
        &[("*", "allowed/unknown/unknown")],
        exact,
    );
}

#[test]
fn appliances_that_the_user_vouches_for() {
    let mut network = subnet_with(Some(vec![]), Some(routes(&[TUNNEL])));
    network.trusted_next_hops = vec!["10.0.100.5".to_owned()];
    let depends: Expected = &[("*", "allowed/appliance/depends")];
    both("another address", &network, depends, depends);
    network.trusted_next_hops.push("10.0.100.4".to_owned());
    let reachable: Expected = &[("*", "allowed/appliance/reachable")];
    both("this address", &network, reachable, reachable);
    assert!(
        judge(&network).findings[0]
            .decided_by
            .starts_with("trusted next hop of route \"def\"")
    );
    assert!(judge(&network).is_ready());
    let private = with_subnet(network, json!({"defaultOutboundAccess": false}));
    both("a private subnet behind it", &private, reachable, reachable);
    let rows = [TUNNEL, ("r", "Storage.EastUS", "Internet")];
    let mixed = Network {
        route_table: subnet_with(None, Some(routes(&rows))).route_table,
        ..private
    };
    let expected: Expected = &[
        ("*", "allowed/appliance/reachable"),
        ("Storage", "allowed/mixed/unknown"),
    ];
    both("a part without egress", &mixed, expected, expected);
}

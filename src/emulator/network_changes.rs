//! Changes of networks behind ARM's back: nothing is checked, so that a test may reach any trouble.

use serde_json::{Map, Value};

use super::attachments::Child;
use super::store::Store;

/// Sets one member; `null` takes it away. Nothing when the object is no network or the value does not fit.
///
/// A subnet knows `dead` and every member of ARM's `properties`; a network these and `securityAdminRules`; a security group
/// `securityRules` and a route table `routes`, each as a whole, beside every other member.
pub(super) fn set(store: &mut Store, id: &str, name: &str, value: &Value) -> Option<()> {
    let revision = store.next_birth();
    if let Some(subnet) = store.subnets.get_mut(id) {
        subnet.revision = revision;
        match name {
            "dead" => subnet.dead = value.as_bool()?,
            _ => put(&mut subnet.properties, name, value),
        }
    } else if let Some(network) = store.networks.get_mut(id) {
        network.revision = revision;
        match name {
            "securityAdminRules" => network.security_admin_rules = value.as_array()?.clone(),
            _ => put(&mut network.properties, name, value),
        }
    } else {
        let attachment = store.attachments.get_mut(id)?;
        attachment.revision = revision;
        if attachment.sort.children() == Some(name) {
            let children = value.as_array()?.iter();
            attachment.children = children.map(|child| Child::read(child, revision)).collect();
        } else {
            put(&mut attachment.properties, name, value);
        }
    }
    Some(())
}

fn put(properties: &mut Map<String, Value>, name: &str, value: &Value) {
    if value.is_null() {
        properties.remove(name);
    } else {
        properties.insert(name.into(), value.clone());
    }
}

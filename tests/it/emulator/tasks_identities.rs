//! The managed identities of tasks.

use serde_json::{Value, json};

use super::lab::Lab;

const TASK: &str = r#"{"location":"eastus","properties":{"platform":{"os":"linux"},
    "step":{"type":"EncodedTask","encodedTaskContent":"dmVyc2lvbjogdjEuMS4w"}}}"#;

fn user(name: &str) -> String {
    format!("/subscriptions/s/resourceGroups/RG-Ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}")
}

fn body(identity: Value) -> String {
    let mut body: Value = serde_json::from_str(TASK).unwrap();
    body["identity"] = identity;
    body.to_string()
}

#[tokio::test]
async fn a_put_says_all_identities() {
    let lab = Lab::new().await;
    let both =
        json!({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {user("One"): {}, user("two"): {}}});
    let made = lab.put_task("build-app", &body(both.clone())).await.json()["identity"].clone();
    assert_eq!(made["type"], "SystemAssigned, UserAssigned");
    assert_eq!(made["tenantId"], lab.variable("ARM_TENANT_ID"));
    let users = made["userAssignedIdentities"].as_object().unwrap();
    let names: Vec<&String> = users.keys().collect();
    assert_eq!(names, [&user("One"), &user("two")], "in the casing of the request");
    for one in users.values() {
        let ids = (one["clientId"].as_str().unwrap(), one["principalId"].as_str().unwrap());
        assert!(ids.0.len() == 36 && ids.1.len() == 36 && ids.0 != ids.1, "{one}");
    }
    // Nothing changes for a task that says the same again, nor for a user-assigned identity in another task.
    assert_eq!(lab.put_task("build-app", &body(both)).await.json()["identity"], made);
    let other = json!({"type": "UserAssigned", "userAssignedIdentities": {user("one"): {}}});
    let other = lab.put_task("other-app", &body(other)).await.json()["identity"].clone();
    assert_eq!(
        other["userAssignedIdentities"][user("one")],
        made["userAssignedIdentities"][user("One")]
    );
    assert_eq!(
        (other.get("principalId"), other.get("tenantId"), &other["type"]),
        (None, None, &json!("UserAssigned"))
    );
    let system = lab
        .put_task("other-app", &body(json!({"type": "SystemAssigned"})))
        .await
        .json()["identity"]
        .clone();
    assert_ne!(
        system["principalId"], made["principalId"],
        "every task has a principal of its own"
    );
    for none in [json!({"type": "None"}), Value::Null] {
        assert_eq!(
            lab.put_task("other-app", &body(none)).await.json().get("identity"),
            None
        );
    }
    let bad = json!({"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/s/resourceGroups/g": {}}});
    assert_eq!(
        lab.put_task("other-app", &body(bad)).await.code(),
        "LinkedInvalidPropertyId"
    );
}

#[tokio::test]
async fn a_patch_merges_identities() {
    let lab = Lab::new().await;
    lab.put_task("build-app", TASK).await;
    for (identity, kind, users) in [
        (json!({"type": "SystemAssigned"}), "SystemAssigned", 0),
        (
            json!({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {user("one"): {}}}),
            "SystemAssigned, UserAssigned",
            1,
        ),
        (
            json!({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {user("two"): {}}}),
            "SystemAssigned, UserAssigned",
            2,
        ),
        (
            json!({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {user("ONE"): null}}),
            "SystemAssigned, UserAssigned",
            1,
        ),
        (json!({"type": "UserAssigned"}), "UserAssigned", 1),
        (
            json!({"type": "UserAssigned", "userAssignedIdentities": {user("two"): null}}),
            "",
            0,
        ),
        (json!({"type": "SystemAssigned"}), "SystemAssigned", 0),
        (json!({"type": "None"}), "", 0),
    ] {
        let change = json!({"identity": identity}).to_string();
        let found = lab.call("PATCH", &lab.task("build-app"), Some(&change)).await.json()["identity"].clone();
        let found_users = found["userAssignedIdentities"]
            .as_object()
            .map_or(0, |users| users.len());
        assert_eq!(
            (found["type"].as_str().unwrap_or_default(), found_users),
            (kind, users),
            "{change}"
        );
        assert_eq!(
            found["principalId"].is_string(),
            kind.starts_with("SystemAssigned"),
            "{change}"
        );
    }
}

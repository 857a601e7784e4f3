//! The request as it is sent, and what is refused before.

use serde_json::json;

use super::{request::request, *};
use crate::{framework::Model as _, provider::running::stored};

const TASK: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds/tasks/nightly";

fn map<T>(members: &[(&str, T)]) -> Field<BTreeMap<String, Field<T>>>
where
    T: Clone,
{
    let member = |(name, value): &(&str, T)| ((*name).to_owned(), Field::Known(value.clone()));
    Field::Known(members.iter().map(member).collect())
}

fn text(text: &str) -> Field<String> {
    Field::Known(text.to_owned())
}

#[test]
fn the_request_names_the_task_and_what_differs_and_never_a_pool() {
    let plain = TaskRunModel {
        task_id: text(TASK),
        ..TaskRunModel::default()
    };
    let sent = serde_json::to_value(request(&plain.task().unwrap(), &plain)).unwrap();
    assert_eq!(sent, json!({"type": "TaskRunRequest", "taskId": TASK}));

    let mut nothing = map(&[("A", "1".to_owned())]);
    if let Field::Known(members) = &mut nothing {
        members.insert("B".into(), Field::Null);
    }
    let config = TaskRunModel {
        arguments: nothing,
        secret_arguments_wo: map(&[("TOKEN", Secret("hush".into()))]),
        values: map(&[("v", "2".to_owned())]),
        context_path: text("https://github.com/contoso/app.git"),
        file: text("Dockerfile.slim"),
        target: text("release"),
        ..plain.clone()
    };
    let planned = TaskRunModel {
        secret_arguments_wo: Field::Null,
        ..config.clone()
    };
    let request = request(&plain.task().unwrap(), &planned.with_secrets(&config));
    assert_eq!(
        serde_json::to_value(&request).unwrap()["overrideTaskStepProperties"],
        json!({
            "contextPath": "https://github.com/contoso/app.git", "file": "Dockerfile.slim", "target": "release",
            "arguments": [{"name": "A", "value": "1", "isSecret": false}, {"name": "TOKEN", "value": "hush", "isSecret": true}],
            "values": [{"name": "v", "value": "2", "isSecret": false}],
        })
    );
    assert!(!format!("{request:?}").contains("hush"));
    let secrets: Vec<String> = request.secrets().iter().map(|it| it.expose().to_owned()).collect();
    assert_eq!(secrets, ["hush"]);
}

#[test]
fn a_name_is_plain_or_secret() {
    let model = TaskRunModel {
        values: map(&[("a", "1".to_owned()), ("b", "1".to_owned())]),
        secret_values_wo: map(&[("b", Secret("2".into()))]),
        secret_values_wo_version: Field::Known(1),
        ..TaskRunModel::default()
    };
    let found = model.check().0;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path.as_ref().unwrap().to_string(), "values[\"b\"]");
    let unknown = TaskRunModel {
        values: Field::Unknown,
        ..model
    };
    assert!(unknown.check().0.is_empty(), "what is unknown may turn out well");
}

#[test]
fn only_a_run_that_has_ended_is_not_looked_at_again() {
    for (status, active) in [
        ("Succeeded", false),
        ("failed", false),
        ("Queued", true),
        ("Paused", true),
    ] {
        let model = TaskRunModel {
            status: text(status),
            ..TaskRunModel::default()
        };
        assert_eq!(stored::is_active(&model.status), active, "{status}");
    }
    assert!(stored::is_active(&TaskRunModel::default().status));
}

#[test]
fn what_is_changed_in_place_changes_nothing_of_the_run() {
    let prior = TaskRunModel {
        run_id: text("cf1"),
        status: text("Failed"),
        log_tail: text("a"),
        store_log_tail: Field::Known(true),
        ..TaskRunModel::default()
    };
    let planned = TaskRunModel {
        run_id: Field::Unknown,
        error_message: Field::Unknown,
        log_tail: Field::Unknown,
        store_log_tail: Field::Known(false),
        ..prior.clone()
    };
    let predicted = planned.clone().predicted(Some(&prior));
    assert_eq!(
        (&predicted.run_id, &predicted.error_message),
        (&prior.run_id, &Field::Null)
    );
    assert_eq!(predicted.log_tail, Field::Null);
    assert!(predicted.to_value().is_wholly_known() && !planned.predicted(None).to_value().is_wholly_known());
}

#[test]
fn whoever_does_not_wait_puts_nothing_back() {
    use crate::provider::running::schema::check;
    let scale = |restore: Field<bool>| {
        Field::Known(ScaleModel {
            instances: Field::Known(1),
            restore,
        })
    };
    for (wait, restore, refused) in [
        (Field::Known(false), Field::Null, true),
        (Field::Known(false), Field::Known(true), true),
        (Field::Known(false), Field::Known(false), false),
        (Field::Known(false), Field::Unknown, false),
        (Field::Unknown, Field::Known(true), false),
        (Field::Null, Field::Known(true), false),
    ] {
        assert_eq!(
            check(&wait, &scale(restore.clone())).has_errors(),
            refused,
            "{wait:?} {restore:?}"
        );
    }
    assert!(!check(&Field::Known(false), &Field::Null).has_errors());
}

//! Block and environment joined.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::of(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

const PRINCIPAL: [(&str, &str); 3] = [
    ("ARM_TENANT_ID", "t"),
    ("ARM_CLIENT_ID", "c"),
    ("ARM_CLIENT_SECRET", "hush"),
];

#[test]
fn one_message_lists_every_way_to_sign_in() {
    let nothing = environment(&[("ARM_USE_CLI", "false"), ("ARM_TENANT_ID", "t")]);
    let Err(errors) = ProviderModel::default().resolve(&nothing) else {
        panic!("resolved")
    };
    assert_eq!(errors.0.len(), 1);
    let detail = &errors.0[0].detail;
    let listed = detail.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(listed, 9, "{detail}");
    assert!(
        detail.contains("ARM_CLIENT_SECRET") && detail.contains("ARM_USE_CLI"),
        "{detail}"
    );
}

#[test]
fn an_incomplete_secret_is_passed_over_with_a_warning() {
    let msi = environment(&[("ARM_CLIENT_SECRET", "hush"), ("ARM_USE_MSI", "true")]);
    let Ok(Resolved::Ready(ready)) = ProviderModel::default().resolve(&msi) else {
        panic!("not resolved")
    };
    assert_eq!(ready.credential.name(), "managed identity");
    let warning = &ready.warnings.0[0].detail;
    assert!(
        warning.contains("ARM_TENANT_ID") && !warning.contains("hush"),
        "{warning}"
    );
}

#[test]
fn partner_correlation_and_auxiliary_tenants_are_checked() {
    let resolve = |more: &[(&str, &str)]| ProviderModel::default().resolve(&environment(&[&PRINCIPAL, more].concat()));
    let good = [
        ("ARM_PARTNER_ID", "7d2b3c4e-0000-4000-8000-1234567890ab"),
        ("ARM_DISABLE_CORRELATION_REQUEST_ID", "true"),
        ("ARM_AUXILIARY_TENANT_IDS", "a;b;c"),
    ];
    let Ok(Resolved::Ready(ready)) = resolve(&good) else {
        panic!("not resolved")
    };
    assert_eq!(ready.partner_id.as_deref(), Some(good[0].1));
    assert!(!ready.send_correlation_id);
    assert_eq!(ready.auxiliary_tenant_ids, ["a", "b", "c"]);
    for (name, value, at) in [
        ("ARM_PARTNER_ID", "me", "partner_id"),
        (
            "ARM_DISABLE_CORRELATION_REQUEST_ID",
            "perhaps",
            "disable_correlation_request_id",
        ),
        ("ARM_AUXILIARY_TENANT_IDS", "a;b;c;d", "auxiliary_tenant_ids"),
        ("ARM_AUXILIARY_TENANT_IDS", "a b", "auxiliary_tenant_ids"),
    ] {
        let Err(errors) = resolve(&[(name, value)]) else {
            panic!("{name} resolved")
        };
        assert_eq!(errors.0[0].path.as_ref().unwrap().to_string(), at);
    }
}

#[test]
fn an_unknown_argument_never_counts_as_empty() {
    let model = ProviderModel {
        client_secret: Field::Unknown,
        ..ProviderModel::default()
    };
    let Ok(Resolved::Unknown(names)) = model.resolve(&environment(&PRINCIPAL)) else {
        panic!("not unknown")
    };
    assert_eq!(names, ["client_secret"], "not even when the environment has a value");
}

#[test]
fn clouds_come_from_block_or_environment() {
    let resolve = |model: &ProviderModel, more: &[(&str, &str)]| match model
        .resolve(&environment(&[&PRINCIPAL, more].concat()))
    {
        Ok(Resolved::Ready(ready)) => Ok(ready.cloud.arm_endpoint().to_string()),
        Ok(Resolved::Unknown(names)) => Err(names.join(",")),
        Err(errors) => Err(errors.0[0].path.as_ref().unwrap().to_string()),
    };
    let model = ProviderModel::default();
    assert!(
        resolve(&model, &[])
            .unwrap()
            .starts_with("https://management.azure.com")
    );
    assert_eq!(
        resolve(&model, &[("ARM_ENVIRONMENT", "moon")]),
        Err("environment".into())
    );
    let custom = [
        ("ARM_ENVIRONMENT", "custom"),
        ("ARM_RESOURCE_MANAGER_ENDPOINT", "https://localhost:7"),
    ];
    assert_eq!(
        resolve(&model, &custom),
        Err("endpoint.active_directory_authority_host".into())
    );
    let complete = [
        &custom[..],
        &[("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", "https://localhost:7")],
    ]
    .concat();
    assert!(resolve(&model, &complete).unwrap().starts_with("https://localhost:7"));
    let plain = [
        &custom[..1],
        &[("ARM_RESOURCE_MANAGER_ENDPOINT", "http://localhost:7"), complete[2]],
    ]
    .concat();
    assert_eq!(
        resolve(&model, &plain),
        Err("endpoint.resource_manager_endpoint".into()),
        "HTTPS only"
    );
}

#[test]
fn secrets_are_not_printed() {
    let model = ProviderModel {
        client_secret: Field::Known(Secret("hush".into())),
        ..ProviderModel::default()
    };
    let printed = format!("{model:?} {:?}", environment(&PRINCIPAL));
    assert!(!printed.contains("hush") && printed.contains("client_secret") && printed.contains("ARM_CLIENT_SECRET"));
}

//! Tokens of further tenants, in the header that Resource Manager takes them by.

use super::{AUXILIARY, World};

#[test]
fn tokens_of_auxiliary_tenants_go_out_with_each_request() {
    let world = World::new().with_secret();
    world.block(&format!(
        "  auxiliary_tenant_ids = [\"{}\", \"{}\"]",
        AUXILIARY[0], AUXILIARY[1]
    ));
    world.plan().says("tier = \"S1\"");
    let asked = world.sign_ins();
    for tenant in [super::TENANT, AUXILIARY[0], AUXILIARY[1]] {
        let requests = asked
            .iter()
            .filter(|line| line.starts_with(&format!("POST /{tenant}/")));
        assert_eq!(
            requests.count(),
            1,
            "one token a tenant, however many requests: {asked:#?}"
        );
    }
    let reads = world
        .emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.identity.is_some());
    for read in reads {
        assert_eq!(read.auxiliary_tenants, AUXILIARY, "{read:?}");
        assert_eq!(read.status, Some(200));
    }
}

#[test]
fn every_kind_of_application_reaches_further_tenants() {
    let path = super::fixture("open.pfx").display().to_string();
    let world = World::new().env(&[
        ("ARM_CLIENT_CERTIFICATE_PATH", &path),
        ("ARM_AUXILIARY_TENANT_IDS", AUXILIARY[0]),
    ]);
    world.emulator.register_certificate(&super::certificate()).unwrap();
    world.plan();
    assert!(
        world.sign_ins().iter().all(|line| line.contains(" 200 certificate ")),
        "{:#?}",
        world.sign_ins()
    );
    assert_eq!(world.sign_ins().len(), 2);
}

#[test]
fn a_managed_identity_says_that_it_reaches_no_further_tenant() {
    let world = World::new().env(&[("ARM_USE_MSI", "true"), ("ARM_AUXILIARY_TENANT_IDS", AUXILIARY[0])]);
    let variables = world.emulator.machine_environment();
    let world = world.envs(variables);
    world.plan().says("Auxiliary tenants are out of reach");
    assert_eq!(world.sign_ins().len(), 1);
}

#[test]
fn a_tenant_that_does_not_exist_is_named_and_four_are_too_many() {
    let nowhere = "aaaaaaaa-0000-4000-8000-00000000000f";
    let world = World::new().with_secret().env(&[("ARM_AUXILIARY_TENANT_IDS", nowhere)]);
    world.sandbox.fails(&["plan"]).says(&format!(
        "for the auxiliary tenant {nowhere}: client secret: AADSTS90002"
    ));
    let world = World::new().with_secret();
    world.block("  auxiliary_tenant_ids = [\"a\", \"b\", \"c\", \"d\"]");
    world.sandbox.fails(&["validate"]).says("takes 3 at most");
}

//! When a plan builds again, and when it does not.

use std::{fs, os::unix::fs::PermissionsExt as _, time::SystemTime};

use super::{BUILD, LOCAL, NAMES, build, configure, scheduled, world};
use crate::{
    agent_pool::{World, change},
    sandbox::Version,
};

/// The actions that a plan has for the build.
fn actions(world: &World) -> Vec<String> {
    world.sandbox.ok(&["plan", "-out", "saved"]);
    let planned = change(&world.sandbox.show_json(Some("saved")), BUILD);
    let actions = planned["actions"].as_array().unwrap().iter();
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_edit_builds_again_and_nothing_else_does() {
    let world = world(Version::Newest);
    let app = world.sandbox.path().join("app");
    world.sandbox.write("app/.dockerignore", "notes\n*.log\n");
    world.sandbox.write("app/notes/a", "one");
    world.sandbox.write("app/.git/HEAD", "ref: refs/heads/main");
    configure(&world, LOCAL, NAMES);
    world.apply();
    world.sandbox.plan_is_empty();

    // What a checkout, an editor and a CI system do, and what .dockerignore leaves out.
    for name in ["app.txt", "Dockerfile", ".dockerignore"] {
        let file = fs::File::options().write(true).open(app.join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    world.sandbox.write("app/notes/a", "two");
    world.sandbox.write("app/notes/b", "new");
    world.sandbox.write("app/build.log", "new");
    world.sandbox.write("app/.git/index", "new");
    world.sandbox.write("app/.terraform/modules/modules.json", "{}");
    fs::set_permissions(app.join("app.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    world.sandbox.plan_is_empty();
    copy(&app, &world.sandbox.path().join("elsewhere"));
    configure(&world, "path = \"elsewhere\"", NAMES);
    world.sandbox.plan_is_empty();
    configure(&world, LOCAL, NAMES);

    let mut runs = 1;
    let mut builds_again = |what: &str| {
        assert_eq!(actions(&world), ["delete", "create"], "{what}");
        let applied = world.sandbox.ok(&["apply", "saved"]);
        // The run that it replaces is known to be its own.
        assert!(!applied.output().contains("earlier runs"), "{applied}");
        runs += 1;
        assert_eq!(
            (scheduled(&world), build(&world)["status"].as_str()),
            (runs, Some("Succeeded")),
            "{what}"
        );
        world.sandbox.plan_is_empty();
    };
    world.sandbox.write("app/app.txt", "two");
    builds_again("content");
    fs::set_permissions(app.join("app.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    builds_again("mode");
    world.sandbox.write("app/.dockerignore", "notes\n*.log\n# nothing\n");
    builds_again(".dockerignore");
    world.sandbox.write("app/more.txt", "");
    builds_again("a new file");
    fs::rename(app.join("more.txt"), app.join("other.txt")).unwrap();
    builds_again("another name");
    fs::remove_file(app.join("other.txt")).unwrap();
    std::os::unix::fs::symlink("app.txt", app.join("other.txt")).unwrap();
    builds_again("a link");
    world.sandbox.write("app/Dockerfile.dockerignore", "notes\n");
    builds_again("a .dockerignore of the Dockerfile's own");
}

#[test]
fn the_folder_of_the_configuration_itself_plans_empty_after_apply() {
    for version in Version::both() {
        let world = world(version);
        world.sandbox.write("Dockerfile", "FROM scratch\n");
        configure(&world, "path = path.root", NAMES);
        // With a lock file, a state, its backup and a saved plan beside it.
        world.sandbox.mirror();
        world.sandbox.ok(&["plan", "-out", "saved.bin"]);
        world.sandbox.ok(&["apply", "saved.bin"]).says("1 added");
        world.sandbox.plan_is_empty();
        world.sandbox.ok(&["apply", "-refresh-only", "-auto-approve"]);
        world.sandbox.plan_is_empty();
        let there = |name: &str| world.sandbox.path().join(name).exists();
        assert!(there("terraform.tfstate") && there(".terraform.lock.hcl") && there("saved.bin"));
        world.sandbox.write(
            "main.tf",
            &format!(
                "{}# edited\n",
                fs::read_to_string(world.sandbox.path().join("main.tf")).unwrap()
            ),
        );
        assert_eq!(
            actions(&world),
            ["delete", "create"],
            "the configuration is part of that folder"
        );
    }
}

#[test]
fn the_log_that_terraform_writes_into_the_folder_is_left_out() {
    let mut world = world(Version::Newest);
    world.sandbox = crate::sandbox::Sandbox::new(Version::Newest);
    let log = world.sandbox.path().join("logs/trace.txt");
    let variables = [
        ("TF_LOG".to_owned(), "TRACE".to_owned()),
        ("TF_LOG_PATH".to_owned(), log.display().to_string()),
    ];
    let environment = world.emulator.environment().into_iter().chain(variables);
    world.sandbox = world.sandbox.env(environment);
    world.sandbox.write("Dockerfile", "FROM scratch\n");
    world.sandbox.write("logs/kept.txt", "");
    configure(&world, "path = path.root", NAMES);
    world.sandbox.ok(&["plan", "-out", "saved"]);
    world.sandbox.ok(&["apply", "saved"]).says("1 added");
    let size = |log: &std::path::Path| fs::metadata(log).unwrap().len();
    let before = size(&log);
    world.sandbox.plan_is_empty();
    assert!(size(&log) > before, "Terraform wrote to it");
    world.sandbox.write("logs/kept.txt", "edited");
    assert_eq!(actions(&world), ["delete", "create"], "what lies beside it is sent");
}

#[test]
fn files_edited_between_plan_and_apply_build_nothing() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, NAMES);
    world.sandbox.ok(&["plan", "-out", "saved"]);
    world.sandbox.write("app/app.txt", "two");
    world.sandbox.fails(&["apply", "saved"]).says("source_hash");
    assert_eq!(scheduled(&world), 0);
}

#[test]
fn files_that_another_resource_makes_are_read_at_apply() {
    let world = world(Version::Newest);
    let maker = "resource \"terraform_data\" \"maker\" {\n  provisioner \"local-exec\" {\n    command = \"mkdir -p made && printf 'FROM scratch' > made/Dockerfile\"\n  }\n}\n";
    let context = "path = terraform_data.maker.id == \"\" ? \"\" : \"made\"";
    world
        .sandbox
        .write("main.tf", &format!("{}\n{maker}", super::configuration(context, NAMES)));
    world.sandbox.ok(&["init"]);
    world.sandbox.ok(&["plan", "-out", "saved"]);
    let planned = change(&world.sandbox.show_json(Some("saved")), BUILD);
    assert_eq!(planned["after_unknown"]["source_hash"], true, "{planned}");
    world.sandbox.ok(&["apply", "saved"]).says("2 added");
    assert_eq!(build(&world)["source_hash"].as_str().map(str::len), Some(64));
    world.sandbox.plan_is_empty();
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

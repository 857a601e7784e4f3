//! Plans, checks and requests of builds, without Azure.

mod checks;

use std::{collections::BTreeMap, fs};

use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{context::ContextModel, planning::Planner, request, schema, validation, *};
use crate::{
    acr::run::Secret as Hidden,
    azure::fake::{FakeHttp, call},
    framework::{
        Diagnostics, Model, Path, Value,
        plan::plan,
        resource::{PlanRequest, RefinedPlan},
    },
    provider::{
        preflight::Preflight,
        registry_credential::{CustomCredential, SourceCredential},
    },
};

const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";

fn known(text: &str) -> Field<String> {
    Field::Known(text.to_owned())
}

fn map<T>(members: &[(&str, T)]) -> Field<BTreeMap<String, Field<T>>>
where
    T: Clone,
{
    let members = members
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Field::Known(value.clone())));
    Field::Known(members.collect())
}

/// The least configuration of a local build.
fn local(root: &str) -> ImageBuildModel {
    ImageBuildModel {
        registry_id: known(REGISTRY),
        context: Field::Known(ContextModel {
            path: known(root),
            ..ContextModel::default()
        }),
        registry_credential: blocks::of([]),
        image_names: Field::Known(vec![known("app:v1")]),
        ..ImageBuildModel::default()
    }
}

fn remote(url: &str, token: Option<&str>) -> ImageBuildModel {
    ImageBuildModel {
        context: Field::Known(ContextModel {
            url: known(url),
            token_wo: token.map(|token| Secret(token.to_owned())).into(),
            ..ContextModel::default()
        }),
        ..local("")
    }
}

/// What Terraform and the framework make of a configuration, and then the resource.
async fn planned(prior: Option<&ImageBuildModel>, config: &ImageBuildModel) -> RefinedPlan<ImageBuildModel> {
    let block = schema::schema().block;
    let before = prior.map_or(Value::Null, Model::to_value);
    let written = config.to_value();
    let Value::Map(mut proposed) = written.clone() else {
        panic!("a configuration is an object")
    };
    for attribute in block.attributes.iter().filter(|it| it.is_computed()) {
        if proposed[attribute.name].is_null() && !before.is_null() {
            proposed.insert(attribute.name.to_owned(), before.member(attribute.name).clone());
        }
    }
    let framework = plan(&block, &before, &Value::Map(proposed), &written);
    let request = PlanRequest {
        prior: prior.cloned(),
        config: config.clone(),
        planned: ImageBuildModel::from_value(&framework.planned, &Path::root()).unwrap(),
        requires_replace: framework.requires_replace,
    };
    Planner {
        azure: None,
        preflight: &Preflight::default(),
        cancel: &CancellationToken::new(),
    }
    .refine(request)
    .await
}

/// A build that has been: what a plan of it leaves open is null.
async fn built(config: &ImageBuildModel) -> ImageBuildModel {
    let planned = planned(None, config).await;
    assert!(!planned.diagnostics.has_errors(), "{:?}", planned.diagnostics);
    let state = planned.planned.to_value().with_unknown_as_null();
    ImageBuildModel::from_value(&state, &Path::root()).unwrap()
}

fn reasons(plan: &RefinedPlan<ImageBuildModel>) -> Vec<String> {
    plan.requires_replace.iter().map(ToString::to_string).collect()
}

fn folder() -> TempDir {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    fs::write(root.path().join("a"), "one").unwrap();
    root
}

#[tokio::test]
async fn the_hash_is_known_at_plan_and_its_change_builds_again() {
    let root = folder();
    let config = local(root.path().to_str().unwrap());
    let state = built(&config).await;
    assert_eq!(state.source_hash.text().unwrap().len(), 64);
    assert_eq!(planned(Some(&state), &config).await.planned, state);
    fs::write(root.path().join("a"), "two").unwrap();
    let plan = planned(Some(&state), &config).await;
    assert_eq!(reasons(&plan), ["source_hash"]);
    assert_ne!(plan.planned.source_hash, state.source_hash);
    assert!(plan.planned.source_hash.known().is_some());
}

#[tokio::test]
async fn what_was_edited_since_the_plan_is_not_built() {
    let root = folder();
    let config = local(root.path().to_str().unwrap());
    let plan = planned(None, &config).await.planned;
    fs::write(root.path().join("a"), "two").unwrap();
    let http = FakeHttp::with([]);
    let registry = REGISTRY.parse().unwrap();
    let refused = request::prepare(&http.client(), &call(60), &registry, &plan, &config).await;
    let told = refused.unwrap_err().0[0].clone();
    assert!(told.summary.contains("has changed since the plan"), "{told:?}");
    assert_eq!(told.path.unwrap().to_string(), "context.path");
    assert_eq!(http.lines(), Vec::<String>::new(), "nothing is asked of Azure");
}

#[tokio::test]
async fn the_same_files_elsewhere_are_no_change() {
    let (here, there) = (folder(), folder());
    let state = built(&local(here.path().to_str().unwrap())).await;
    let moved = local(there.path().to_str().unwrap());
    assert_eq!(planned(Some(&state), &moved).await.planned, state);
    // With another change the path is taken along.
    let waits = ImageBuildModel {
        wait: Field::Known(false),
        ..moved.clone()
    };
    let plan = planned(Some(&state), &waits).await;
    assert_eq!((reasons(&plan), &plan.planned.context), (vec![], &moved.context));
    assert_eq!(plan.planned.source_hash, state.source_hash);
}

#[tokio::test]
async fn what_is_unknown_may_be_another_source() {
    let root = folder();
    let config = local(root.path().to_str().unwrap());
    let state = built(&config).await;
    let mut unknown = config.clone();
    unknown.context = Field::Known(ContextModel {
        path: Field::Unknown,
        ..ContextModel::default()
    });
    let plan = planned(Some(&state), &unknown).await;
    assert_eq!(
        (reasons(&plan), &plan.planned.source_hash),
        (vec!["source_hash".into()], &Field::Unknown)
    );
    unknown.context = Field::Unknown;
    assert_eq!(planned(None, &unknown).await.planned.source_hash, Field::Unknown);
    // An address has no hash here.
    let plan = planned(Some(&state), &remote("https://github.com/contoso/app.git#main", None)).await;
    assert_eq!(reasons(&plan), ["context.url", "source_hash"]);
    assert_eq!(plan.planned.source_hash, Field::Null);
}

#[tokio::test]
async fn inputs_build_again_and_options_do_not() {
    let root = folder();
    let config = local(root.path().to_str().unwrap());
    let state = built(&config).await;
    let change = |change: fn(&mut ImageBuildModel)| {
        let mut changed = config.clone();
        change(&mut changed);
        changed
    };
    for (changed, want) in [
        (
            change(|it| it.image_names = Field::Known(vec![known("app:v2")])),
            "image_names",
        ),
        (change(|it| it.build_args = map(&[("A", "1".to_owned())])), "build_args"),
        (
            change(|it| it.secret_build_args_wo_version = Field::Known(2)),
            "secret_build_args_wo_version",
        ),
        (change(|it| it.target = known("test")), "target"),
        (change(|it| it.platform = known("linux/arm64")), "platform"),
        (change(|it| it.platform = known("Linux/AMD64")), ""),
        (change(|it| it.dockerfile = known(".//Dockerfile")), ""),
        (change(|it| it.push = Field::Known(false)), "push"),
        (change(|it| it.no_cache = Field::Known(true)), "no_cache"),
        (change(|it| it.triggers = map(&[("a", "b".to_owned())])), "triggers"),
        (change(|it| it.agent_pool_name = known("pool-1")), "agent_pool_name"),
        (change(|it| it.registry_id = known(&REGISTRY.to_uppercase())), ""),
        (change(|it| it.timeout_in_seconds = Field::Known(600)), ""),
        (change(|it| it.log_tail_lines = Field::Known(5)), ""),
    ] {
        let plan = planned(Some(&state), &changed).await;
        assert_eq!(reasons(&plan).join(", "), want);
        assert!(!plan.diagnostics.has_errors());
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_at_its_argument() {
    let root = folder();
    let path = root.path().to_str().unwrap();
    let file = root.path().join("a");
    let told = |config: ImageBuildModel| async move {
        let found = planned(None, &config).await.diagnostics;
        assert!(found.has_errors(), "{config:?}");
        let first = found.0[0].clone();
        (first.path.unwrap().to_string(), first.detail)
    };
    let mut no_dockerfile = local(path);
    no_dockerfile.dockerfile = known("build/Dockerfile");
    let (at, detail) = told(no_dockerfile).await;
    assert_eq!(at, "dockerfile");
    assert!(
        detail.contains("build/Dockerfile") && detail.contains("relative to the context"),
        "{detail}"
    );
    let (at, detail) = told(local("/nowhere/at/all")).await;
    assert_eq!(at, "context.path");
    assert!(detail.contains("/nowhere/at/all"), "{detail}");
    let (at, detail) = told(local(file.to_str().unwrap())).await;
    assert_eq!(at, "context.path");
    assert!(detail.contains("is not a folder"), "{detail}");
}

#[tokio::test]
async fn a_build_whose_folder_is_gone_stays_and_any_other_build_is_refused() {
    let root = folder();
    let config = local(root.path().to_str().unwrap());
    let state = built(&config).await;
    drop(root);
    let plan = planned(Some(&state), &config).await;
    assert_eq!((&plan.planned, reasons(&plan).len()), (&state, 0));
    assert!(!plan.diagnostics.has_errors());
    assert_eq!(plan.diagnostics.0.len(), 1);
    assert_eq!(
        plan.diagnostics.0[0].summary,
        "The build's context is not there any more"
    );
    // Without a build before, with another one to come, or with another folder that is not there, it is an error.
    let mut moved = config.clone();
    moved.context = local("/nowhere/at/all").context;
    let mut changed = config.clone();
    changed.target = known("final");
    for (prior, config) in [(None, &config), (Some(&state), &moved), (Some(&state), &changed)] {
        let found = planned(prior, config).await.diagnostics;
        assert!(found.has_errors());
        assert!(
            found.0[0].detail.contains("terraform destroy -refresh=false"),
            "{found:?}"
        );
    }
    // A folder without its Dockerfile is there, and wrong.
    let root = folder();
    let config = local(root.path().to_str().unwrap());
    let state = built(&config).await;
    fs::remove_file(root.path().join("Dockerfile")).unwrap();
    assert!(planned(Some(&state), &config).await.diagnostics.has_errors());
}

#[tokio::test]
async fn files_that_may_be_secret_are_told_when_they_are_sent() {
    let root = folder();
    let config = local(root.path().to_str().unwrap());
    fs::write(root.path().join("prod.tfvars"), "").unwrap();
    let plan = planned(None, &config).await;
    assert!(
        plan.diagnostics.0[0].detail.contains("prod.tfvars"),
        "{:?}",
        plan.diagnostics
    );
    let state = built(&config).await;
    assert_eq!(planned(Some(&state), &config).await.diagnostics, Diagnostics::new());
}

#[test]
fn a_request_has_everything_and_its_secrets_are_known() {
    let planned = ImageBuildModel {
        agent_pool_name: known("pool-1"),
        build_args: map(&[("A", "1".to_owned())]),
        target: known("final"),
        no_cache: Field::Known(true),
        platform: known("linux/arm/v7"),
        timeout_in_seconds: Field::Known(600),
        registry_credential: blocks::of([RegistryCredential {
            source: blocks::of([SourceCredential {
                identity: known("[caller]"),
                ..SourceCredential::default()
            }]),
            custom: blocks::of([CustomCredential {
                login_server: known("base.azurecr.io"),
                username: known("me"),
                ..CustomCredential::default()
            }]),
        }]),
        ..local(".")
    };
    let mut config = planned.clone();
    config.secret_build_args_wo = map(&[("B", Secret("hush-1".into()))]);
    let Field::Known(credentials) = &mut config.registry_credential else {
        panic!("there is one")
    };
    let Field::Known(custom) = &mut credentials[0].custom else {
        panic!("there is one")
    };
    custom[0].password_wo = Field::Known(Secret("hush-2".into()));
    let request = request::assemble(
        &planned,
        &config,
        Hidden::new("tasks-source/x.tar.gz"),
        "Dockerfile".into(),
    )
    .unwrap();
    assert_eq!(
        serde_json::to_value(&request).unwrap(),
        json!({
            "type": "DockerBuildRequest",
            "agentPoolName": "pool-1",
            "imageNames": ["app:v1"],
            "isPushEnabled": true,
            "noCache": true,
            "dockerFilePath": "Dockerfile",
            "target": "final",
            "arguments": [
                {"name": "A", "value": "1", "isSecret": false},
                {"name": "B", "value": "hush-1", "isSecret": true},
            ],
            "timeout": 600,
            "platform": {"os": "Linux", "architecture": "arm", "variant": "v7"},
            "sourceLocation": "tasks-source/x.tar.gz",
            "credentials": {
                "sourceRegistry": {"identity": "[caller]"},
                "customRegistries": {"base.azurecr.io": {
                    "userName": {"type": "Opaque", "value": "me"},
                    "password": {"type": "Opaque", "value": "hush-2"},
                }},
            },
        })
    );
    let secrets = request.secrets();
    let secrets: Vec<&str> = secrets.iter().map(Hidden::expose).collect();
    assert_eq!(secrets, ["hush-1", "hush-2"]);
    assert!(!format!("{request:?}").contains("hush"));
}

#[test]
fn without_names_nothing_is_pushed() {
    for (names, push, pushes) in [
        (Field::Null, Field::Known(true), false),
        (Field::Known(vec![]), Field::Null, false),
        (Field::Known(vec![known("a")]), Field::Known(false), false),
        (Field::Known(vec![known("a")]), Field::Null, true),
    ] {
        let planned = ImageBuildModel {
            image_names: names,
            push,
            ..local(".")
        };
        let request = request::assemble(&planned, &planned, Hidden::new("x"), "Dockerfile".into()).unwrap();
        assert_eq!(serde_json::to_value(&request).unwrap()["isPushEnabled"], pushes);
    }
}

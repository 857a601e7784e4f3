//! What of a configuration is refused, and where.

use super::*;

#[test]
fn configurations_are_checked() {
    let credential = |source: Option<SourceCredential>, custom: Option<CustomCredential>| {
        blocks::of([RegistryCredential {
            source: blocks::of(source),
            custom: blocks::of(custom),
        }])
    };
    let nothing = || Field::Known(ContextModel::default());
    let both = Field::Known(ContextModel {
        path: known("."),
        url: known("https://github.com/contoso/app.git"),
        ..ContextModel::default()
    });
    let with_token = |url: &str| remote(url, Some("hush"));
    let cases: Vec<(ImageBuildModel, &str, &str)> = vec![
        (local("."), "", ""),
        (
            ImageBuildModel {
                context: nothing(),
                ..local(".")
            },
            "context",
            "A build needs a source",
        ),
        (
            ImageBuildModel {
                context: both,
                ..local(".")
            },
            "context.url",
            "has one source",
        ),
        (local(""), "context.path", "path is empty"),
        (remote("https://github.com/contoso/app.git#main:src", None), "", ""),
        (remote("./app", None), "context.url", "Give it as path instead"),
        (remote("/dev/null", None), "context.url", "/dev/null has none"),
        (
            remote("https://hush@github.com/contoso/app.git", None),
            "context.url",
            "give the token as token_wo",
        ),
        (
            remote("https://blobs.example/app.tar.gz?sig=hush", None),
            "context.url",
            "its query has sig",
        ),
        (
            remote("s3://bucket/app.tar.gz", None),
            "context.url",
            "s3:// is no kind of context",
        ),
        (with_token("https://github.com/contoso/app.git"), "", ""),
        (
            with_token("http://git.contoso.example/app.git"),
            "context.token_wo",
            "over https only",
        ),
        (
            with_token("oci://contoso.azurecr.io/source:v1"),
            "context.token_wo",
            "credentials of that registry",
        ),
        (
            ImageBuildModel {
                context: Field::Known(ContextModel {
                    path: known("."),
                    token_wo: Field::Known(Secret("hush".into())),
                    ..ContextModel::default()
                }),
                ..local(".")
            },
            "context.token_wo",
            "needs no token",
        ),
        (
            ImageBuildModel {
                dockerfile: known("../Dockerfile"),
                ..remote("https://github.com/contoso/app.git", None)
            },
            "dockerfile",
            "leads out of the source",
        ),
        (
            ImageBuildModel {
                dockerfile: known("../Dockerfile"),
                ..local(".")
            },
            "",
            "",
        ),
        (
            ImageBuildModel {
                image_names: Field::Null,
                push: Field::Known(true),
                ..local(".")
            },
            "push",
            "nothing to push",
        ),
        (
            ImageBuildModel {
                image_names: Field::Unknown,
                push: Field::Known(true),
                ..local(".")
            },
            "",
            "",
        ),
        (
            ImageBuildModel {
                image_names: Field::Known(vec![Field::Null]),
                ..local(".")
            },
            "image_names[0]",
            "compact",
        ),
        (
            ImageBuildModel {
                build_args: map(&[("A", "1".to_owned())]),
                secret_build_args_wo: map(&[("A", Secret("hush".into()))]),
                secret_build_args_wo_version: Field::Known(1),
                ..local(".")
            },
            "build_args[\"A\"]",
            "one value for it",
        ),
        (
            ImageBuildModel {
                secret_build_args_wo: map(&[("A", Secret("hush".into()))]),
                ..local(".")
            },
            "secret_build_args_wo_version",
            "Add secret_build_args_wo_version = 1",
        ),
        (
            ImageBuildModel {
                build_args: Field::Known(BTreeMap::from([("A".to_owned(), Field::Null)])),
                ..local(".")
            },
            "build_args[\"A\"]",
            "Leave it out",
        ),
        (
            ImageBuildModel {
                platform: known("windows/amd64"),
                agent_pool_name: known("pool-1"),
                ..local(".")
            },
            "platform",
            "Linux machines only",
        ),
        (
            ImageBuildModel {
                scale: Field::Known(ScaleModel {
                    instances: Field::Known(1),
                    ..ScaleModel::default()
                }),
                ..local(".")
            },
            "scale.instances",
            "Name an agent pool",
        ),
        (
            ImageBuildModel {
                registry_credential: credential(Some(SourceCredential::default()), None),
                ..local(".")
            },
            "registry_credential[0].source[0]",
            "",
        ),
    ];
    for (config, at, says) in cases {
        let found = validation::validate(&config);
        let first = found.0.first();
        let path = first.and_then(|it| it.path.clone()).map(|path| path.to_string());
        assert_eq!(path.unwrap_or_default(), at, "{found:?}");
        assert!(
            found.0.len() <= 1 && first.is_none_or(|it| it.detail.contains(says)),
            "{found:?}"
        );
        assert!(!format!("{found:?}").contains("hush"));
    }
}

//! A build as it is asked for. A local context is packed and uploaded on the way.

use std::path::PathBuf;

use crate::{
    acr::{
        RegistryId, image_platform,
        run::{
            RunRequest, Secret, Work,
            request::{Argument, DockerBuild, Frame},
            source_upload::upload,
        },
        source::{Packed, Source},
    },
    azure::{Call, Client},
    framework::{Diagnostic, Diagnostics, Field, Path},
    provider::diagnose,
};

use super::{
    ImageBuildModel,
    context::{self, Place},
    schema::{DOCKERFILE, PLATFORM},
};

/// The request for what is planned. `config` has the write-only values. Blocks until a local context is uploaded.
///
/// # Errors
/// A context that cannot be read or has changed since the plan, an upload that failed.
pub async fn prepare(
    client: &Client,
    call: &Call,
    registry: &RegistryId,
    planned: &ImageBuildModel,
    config: &ImageBuildModel,
) -> Result<RunRequest, Diagnostics> {
    let (location, dockerfile) = match context::place(&planned.context, &planned.dockerfile) {
        Place::Local { root, dockerfile } => {
            let (packed, name) = pack(root, dockerfile, call).await?;
            if let Some(hash) = planned.source_hash.text().filter(|hash| *hash != packed.source_hash) {
                return Err(changed(hash, &packed.source_hash).into());
            }
            tracing::info!(bytes = packed.bytes, source_hash = %packed.source_hash, "uploading the build's context");
            let place = upload(client, call, registry, packed.file.path()).await;
            let doing = format!("uploading the build's context to {}", registry.human());
            let place = place
                .map_err(|error| diagnose::azure(&doing, &error).at(Path::attribute(context::BLOCK).then("path")))?;
            (Secret::new(place), name)
        }
        Place::Remote => {
            let empty = context::ContextModel::default();
            let planned_context = planned.context.known().unwrap_or(&empty);
            let token = config.context.known().and_then(|context| context.token_wo.known());
            let location = context::remote(planned_context, token)?;
            let dockerfile = planned.dockerfile.text().unwrap_or(DOCKERFILE);
            (location, dockerfile.to_owned())
        }
        Place::Unknown => {
            let detail = "The planned context is not known, so that nothing can be built. Plan again; if that does not help, please report it.";
            return Err(Diagnostic::error("Incomplete plan", detail)
                .at_attribute(context::BLOCK)
                .into());
        }
    };
    assemble(planned, config, location, dockerfile).map_err(Diagnostics::from)
}

/// The request, once the source has a location. Pure.
///
/// # Errors
/// A platform that validation would have refused.
pub fn assemble(
    planned: &ImageBuildModel,
    config: &ImageBuildModel,
    location: Secret,
    dockerfile: String,
) -> Result<RunRequest, Diagnostic> {
    let platform = image_platform::parse(planned.platform.text().unwrap_or(PLATFORM));
    let platform = platform
        .map_err(|error| Diagnostic::error("Unsupported platform", error.to_string()).at_attribute("platform"))?;
    let names = planned.image_names.known().into_iter().flatten();
    let names: Vec<String> = names.filter_map(Field::text).map(str::to_owned).collect();
    let plain = planned.build_args.known().into_iter().flatten();
    let plain = plain.filter_map(|(name, value)| Some(argument(name, value.text()?, false)));
    let secret = config.secret_build_args_wo.known().into_iter().flatten();
    let secret = secret.filter_map(|(name, value)| Some(argument(name, &value.known()?.0, true)));
    // The planned block has no passwords that are write-only.
    let credential = planned.credential().map(|credential| match config.credential() {
        Some(config) => credential.with_write_only(config).to_run(),
        None => credential.to_run(),
    });
    let build = DockerBuild {
        is_push_enabled: !names.is_empty() && planned.push != Field::Known(false),
        image_names: names,
        no_cache: planned.no_cache == Field::Known(true),
        docker_file_path: dockerfile,
        target: planned.target.known().cloned(),
        arguments: plain.chain(secret).collect(),
        frame: Frame {
            timeout: planned.timeout_in_seconds.known().copied(),
            platform,
            agent_configuration: None,
            source_location: Some(location),
            credentials: credential,
        },
    };
    Ok(RunRequest {
        agent_pool_name: planned.agent_pool_name.known().cloned(),
        ..RunRequest::new(Work::DockerBuild(build))
    })
}

fn argument(name: &str, value: &str, is_secret: bool) -> Argument {
    Argument {
        name: name.to_owned(),
        value: Secret::new(value),
        is_secret,
    }
}

/// Packs a local context on a thread of its own; with it, the Dockerfile's name in the archive.
async fn pack(root: PathBuf, dockerfile: PathBuf, call: &Call) -> Result<(Packed, String), Diagnostic> {
    let packing = move || {
        let source = Source::read(&root, &dockerfile, &context::written_by_terraform())?;
        Ok::<_, crate::acr::source::SourceError>((source.pack()?, source.dockerfile().to_owned()))
    };
    let packed = call.guard(tokio::task::spawn_blocking(packing)).await;
    let packed = packed.map_err(|by| diagnose::azure("packing the build's context", &call.interrupted(by, None)))?;
    match packed {
        Ok(Ok(packed)) => Ok(packed),
        Ok(Err(error)) => Err(
            Diagnostic::error("Packing the build's context", format!("Nothing was built: {error}."))
                .at(Path::attribute(context::BLOCK).then("path")),
        ),
        Err(error) => Err(Diagnostic::bug(format!(
            "Packing the build's context ended early: {error}."
        ))),
    }
}

fn changed(planned: &str, found: &str) -> Diagnostic {
    let detail = format!(
        "The plan was made for source_hash {planned}, and what is there now has {found}: files were edited since. Nothing was built. Plan again, and apply when nothing writes to the folder; what changes by itself belongs into .dockerignore."
    );
    Diagnostic::error("The build's context has changed since the plan", detail)
        .at(Path::attribute(context::BLOCK).then("path"))
}

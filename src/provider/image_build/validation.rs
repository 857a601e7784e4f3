//! What no single argument of a build tells. Pure; values may be unknown, and then nothing is said of them.

use crate::{
    acr::image_platform,
    framework::{Diagnostic, Diagnostics, Field, Path},
    provider::{registry_credential, running, secrets},
};

use super::{ImageBuildModel, context, resource::what};

/// Checks a configuration.
#[must_use]
pub fn validate(config: &ImageBuildModel) -> Diagnostics {
    let mut found = context::validate(&config.context);
    found.extend(running::schema::check(&config.wait, &config.scale));
    if config.scale.known().is_some() && config.agent_pool_name.is_null() {
        // Terraform shows the line of an argument, and of a block none.
        let instances = Path::attribute("scale").then("instances");
        found.push(running::gate::nothing_to_scale(&what(config)).at(instances));
    }
    found.extend(registry_credential::check(&config.registry_credential));
    secrets::check_pair(
        &Path::root(),
        "secret_build_args",
        &Field::Null,
        &config.secret_build_args_wo,
        &config.secret_build_args_wo_version,
        &mut found,
    );
    arguments(config, &mut found);
    names(config, &mut found);
    if let (Some(platform), Some(pool)) = (config.platform.text(), config.agent_pool_name.text())
        && image_platform::parse(platform).is_ok_and(|platform| platform.is_windows())
    {
        let detail = format!(
            "Agent pools have Linux machines only, so that agent pool \"{pool}\" cannot build for {platform}. Leave agent_pool_name out to build on Azure's shared machines."
        );
        found.push(Diagnostic::error("Agent pools do not build for Windows", detail).at_attribute("platform"));
    }
    if let (Some(context), Some(dockerfile)) = (config.context.known(), config.dockerfile.text())
        && context.url.known().is_some()
        && (dockerfile.starts_with('/') || dockerfile.split('/').any(|part| part == ".."))
    {
        let detail = format!(
            "\"{dockerfile}\" leads out of the source. The source is read by Azure, and the Dockerfile is in it: give its path relative to the source."
        );
        found.push(Diagnostic::error("The Dockerfile is outside of the source", detail).at_attribute("dockerfile"));
    }
    found
}

/// Build arguments: none is null, none is given twice.
fn arguments(config: &ImageBuildModel, found: &mut Diagnostics) {
    let null = |name: &str, key: &str| {
        let detail = format!(
            "The build argument {key} is null. Leave it out instead, or give \"\" for an empty one; a conditional value can be merged in: merge({{…}}, var.x == null ? {{}} : {{ {key} = var.x }})."
        );
        Diagnostic::error("Build argument without a value", detail).at(Path::attribute(name).key(key))
    };
    for (key, value) in config.build_args.known().into_iter().flatten() {
        if value.is_null() {
            found.push(null("build_args", key));
        }
    }
    for (key, value) in config.secret_build_args_wo.known().into_iter().flatten() {
        if value.is_null() {
            found.push(null("secret_build_args_wo", key));
        }
        if config.build_args.known().is_some_and(|plain| plain.contains_key(key)) {
            let detail = format!("{key} is in build_args too, and a build has one value for it. Keep the secret one.");
            let problem = Diagnostic::error("Build argument given twice", detail);
            found.push(problem.at(Path::attribute("build_args").key(key)));
        }
    }
}

/// Image names: none is null, and what is to be pushed has one.
fn names(config: &ImageBuildModel, found: &mut Diagnostics) {
    let names = config.image_names.known().map_or(&[][..], Vec::as_slice);
    for (index, name) in names.iter().enumerate() {
        if name.is_null() {
            let detail = "This image name is null. Leave it out: compact([…]) removes what is null.";
            let problem = Diagnostic::error("Image name without a value", detail);
            found.push(problem.at(Path::attribute("image_names").index(index)));
        }
    }
    let none = match &config.image_names {
        Field::Null => true,
        Field::Known(names) => names.is_empty(),
        Field::Unknown => false,
    };
    if none && config.push == Field::Known(true) {
        let detail = "push is true and there is no image_names, so that there is nothing to push it as. Add image_names, or leave push out to only try whether the image can be built.";
        found.push(Diagnostic::error("Nothing to push", detail).at_attribute("push"));
    }
}

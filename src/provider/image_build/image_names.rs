//! Names of images: what may be asked for, and which of what was pushed each of them has become. Pure.

use std::collections::BTreeMap;

use crate::{
    acr::run::Run,
    framework::{
        Field, Value,
        validators::{Problem, Validator},
    },
};

/// The tag of a name that has none.
const LATEST: &str = "latest";

/// What names may be, for documents.
pub const RULE: &str = "`repository:tag`, in lower case";

/// The check of `image_names`.
#[must_use]
pub fn check() -> Validator {
    Validator::new(RULE, check_list)
}

/// The check of a list of image names, of builds and of tasks. Null is a matter of the caller.
///
/// # Errors
/// The first name that is none, and why.
pub fn check_list(value: &Value) -> Result<(), Problem> {
    let Value::List(names) = value else { return Ok(()) };
    for name in names.iter().filter_map(Value::as_str) {
        if let Err(why) = check_one(name) {
            return Err(Problem {
                summary: "Invalid image name".into(),
                detail: format!("\"{name}\" is no image name: {why}. Expected is repository:tag, such as team/app:v1."),
            });
        }
    }
    Ok(())
}

fn check_one(name: &str) -> Result<(), &'static str> {
    let plain = without_templates(name);
    if plain.is_empty() {
        return match name.is_empty() {
            true => Err("it is empty"),
            false => Ok(()),
        };
    }
    if plain.contains("://") {
        return Err("it has a scheme");
    }
    if plain.contains('@') {
        return Err("a digest is what a build results in, not what it is asked for");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    if !plain.chars().all(allowed) {
        return Err("it has characters that image names do not have");
    }
    let (_, repository, _) = parts(&plain);
    if repository.chars().any(|c| c.is_ascii_uppercase()) {
        return Err("repositories are in lower case");
    }
    if plain.contains("//") || plain.starts_with(['/', ':']) || plain.ends_with(['/', ':']) {
        return Err("a part of it is empty");
    }
    Ok(())
}

/// The name with `{{…}}`, and aliases such as `$Registry`, replaced by a character that may stand anywhere.
fn without_templates(name: &str) -> String {
    let (mut out, mut rest) = (String::new(), name);
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((_, after)) = after.split_once("}}") else {
            break;
        };
        out.push_str(before);
        out.push('0');
        rest = after;
    }
    out.push_str(rest);
    without_aliases(&out)
}

fn without_aliases(name: &str) -> String {
    let mut pieces = name.split('$');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let after = piece.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        // A lone `$` is no alias: it stays, and is refused.
        out.push(if after.len() == piece.len() { '$' } else { '0' });
        out.push_str(after);
    }
    out
}

/// Host, repository and tag of a name. The first part is a host if it has a dot or a port, as Docker has it.
fn parts(name: &str) -> (Option<&str>, &str, Option<&str>) {
    let (host, rest) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, name),
    };
    match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (host, repository, Some(tag)),
        _ => (host, rest, None),
    }
}

/// The digests of what was pushed: by the configured name that it was asked for with, else by repository and tag.
pub fn digests(names: &Field<Vec<Field<String>>>, run: &Run) -> BTreeMap<String, String> {
    let names: Vec<&str> = names.known().into_iter().flatten().filter_map(Field::text).collect();
    let mut digests = BTreeMap::new();
    for image in run.output_images.iter().flatten() {
        let Some(digest) = image.digest.clone() else { continue };
        let repository = image.repository.as_deref().unwrap_or_default();
        let tag = image.tag.as_deref().unwrap_or(LATEST);
        let registry = image.registry.as_deref().unwrap_or_default();
        let is_this = |name: &&&str| {
            let (host, named, own_tag) = parts(name);
            host.is_none_or(|host| host.eq_ignore_ascii_case(registry))
                && named == repository
                && own_tag.unwrap_or(LATEST) == tag
        };
        // Two names may mean the same image; each has its digest.
        let mut found = names.iter().filter(is_this).peekable();
        if found.peek().is_none() {
            digests.insert(format!("{repository}:{tag}"), digest);
        } else {
            digests.extend(found.map(|name| ((*name).to_owned(), digest.clone())));
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acr::run::Image;

    #[test]
    fn names_are_checked() {
        for name in [
            "app",
            "app:v1",
            "team/app:v1.2_3-x",
            "contoso.azurecr.io/team/app:V1",
            "app:{{.Run.ID}}",
            "{{.Values.image}}",
            "{{.Run.Registry}}/app:1",
            "localhost:5000/app",
            "$Registry/app:$ID",
        ] {
            assert_eq!(check_one(name), Ok(()), "{name}");
        }
        for (name, says) in [
            ("", "empty"),
            ("App:v1", "lower case"),
            ("https://contoso.azurecr.io/app:1", "scheme"),
            ("app@sha256:00", "digest"),
            ("app: v1", "characters"),
            ("A B:??", "characters"),
            ("app:$", "characters"),
            ("app:", "a part of it is empty"),
            ("/app", "a part of it is empty"),
            ("team//app", "a part of it is empty"),
        ] {
            let why = check_one(name).unwrap_err();
            assert!(why.contains(says), "{name}: {why}");
        }
    }

    #[test]
    fn digests_have_the_users_names() {
        let image = |repository: &str, tag: &str, digest: &str| Image {
            registry: Some("contoso.azurecr.io".into()),
            repository: Some(repository.into()),
            tag: Some(tag.into()),
            digest: Some(digest.into()),
        };
        let run = Run {
            output_images: Some(vec![
                image("app", "v1", "sha256:1"),
                image("team/web", "latest", "sha256:2"),
                image("app", "cf1", "sha256:3"),
            ]),
            ..Run::default()
        };
        let names = [
            "contoso.azurecr.io/app:v1",
            "app:v1",
            "team/web",
            "app:{{.Run.ID}}",
            "app:v2",
        ];
        let names = Field::Known(names.map(|name| Field::Known(name.to_owned())).to_vec());
        let found: Vec<(String, String)> = digests(&names, &run).into_iter().collect();
        let want = [
            ("app:cf1", "sha256:3"),
            ("app:v1", "sha256:1"),
            ("contoso.azurecr.io/app:v1", "sha256:1"),
            ("team/web", "sha256:2"),
        ];
        assert_eq!(found, want.map(|(name, digest)| (name.to_owned(), digest.to_owned())));
        assert!(digests(&Field::Null, &Run::default()).is_empty());
    }
}

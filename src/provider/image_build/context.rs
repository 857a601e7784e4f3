//! Where a build's source comes from, as the user wrote it: a folder of this machine, or an address that Azure reads itself.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use crate::{
    acr::{
        context::{Context, ContextError, TokenError, with_token},
        run::Secret,
        source::Source,
    },
    framework::{Diagnostic, Diagnostics, Field, Path},
    model,
};

/// The block's name.
pub const BLOCK: &str = "context";

model! {
    /// The `context` block.
    pub struct ContextModel {
        /// A folder of this machine.
        pub path: String,
        /// The token that opens the address; null in state.
        pub token_wo: crate::framework::model::Secret,
        /// Changed by the user with the token.
        pub token_wo_version: i64,
        /// An address that Azure reads itself.
        pub url: String,
    }
}

/// What is known of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine, and the Dockerfile as it was written.
    Local {
        /// The context.
        root: PathBuf,
        /// The Dockerfile, absolute or relative to the context.
        dockerfile: PathBuf,
    },
    /// An address: nothing of it is read here.
    Remote,
    /// Not known before apply.
    Unknown,
}

/// A local source and its hash.
#[derive(Debug)]
pub struct Hashed {
    /// What would be sent.
    pub source: Source,
    /// Its hash.
    pub hash: String,
}

/// The variable that names the file that Terraform writes its log to. It is written to during plan and apply.
const TF_LOG_PATH: &str = "TF_LOG_PATH";

/// The files that Terraform is writing to while the context is read. A relative path counts from where Terraform was
/// started, which is not where it runs when it was told `-chdir`.
#[must_use]
pub fn written_by_terraform() -> Vec<PathBuf> {
    let Some(log) = std::env::var_os(TF_LOG_PATH).filter(|log| !log.is_empty()) else {
        return Vec::new();
    };
    let started = std::env::var_os("PWD").map(|folder| PathBuf::from(folder).join(&log));
    std::iter::once(log.into()).chain(started).collect()
}

fn at(name: &str) -> Path {
    Path::attribute(BLOCK).then(name)
}

/// Where the source is.
#[must_use]
pub fn place(context: &Field<ContextModel>, dockerfile: &Field<String>) -> Place {
    let context = match context {
        Field::Known(context) => context,
        // A required block is never null; if it were, validation has said so.
        Field::Null | Field::Unknown => return Place::Unknown,
    };
    match (&context.path, &context.url, dockerfile) {
        (Field::Known(root), _, Field::Known(dockerfile)) => Place::Local {
            root: root.into(),
            dockerfile: dockerfile.into(),
        },
        (Field::Null, Field::Known(_), _) => Place::Remote,
        _ => Place::Unknown,
    }
}

/// Looks at a local source and hashes it, on a thread of its own, for which nobody waits any longer once `cancel` is tripped.
///
/// # Errors
/// At `context.path` or `dockerfile`: what cannot be read, and what to do.
pub async fn look(root: PathBuf, dockerfile: PathBuf, cancel: &CancellationToken) -> Result<Hashed, Diagnostic> {
    // A missing Dockerfile is the Dockerfile's fault, everything else the context's.
    let reading = move || {
        let attribute = |path: Path| move |error: crate::acr::source::SourceError| (path, error.to_string());
        let blamed = match root.is_dir() && !root.join(&dockerfile).is_file() {
            true => Path::attribute("dockerfile"),
            false => at("path"),
        };
        let source = Source::read(&root, &dockerfile, &written_by_terraform()).map_err(attribute(blamed))?;
        let hash = source.hash().map_err(attribute(at("path")))?;
        Ok(Hashed { source, hash })
    };
    let hashed = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            let detail = "Terraform was interrupted while the build's context was read. Nothing was built.";
            return Err(Diagnostic::error("The build's context was not read to its end", detail).at(at("path")));
        }
        hashed = tokio::task::spawn_blocking(reading) => hashed,
    };
    match hashed {
        Ok(Ok(hashed)) => Ok(hashed),
        Ok(Err((path, why))) => Err(unreadable(path, &why)),
        Err(error) => Err(Diagnostic::bug(format!(
            "Reading the build's context ended early: {error}."
        ))),
    }
}

fn unreadable(path: Path, why: &str) -> Diagnostic {
    let (summary, advice) = if path == Path::attribute("dockerfile") {
        (
            "The Dockerfile cannot be read",
            "The path is relative to the context, as in docker build inside of that folder. Set dockerfile, or correct context.path.",
        )
    } else {
        (
            "The build's context cannot be read",
            "A relative path counts from the folder in which Terraform runs; write \"${path.module}/app\" for a folder beside the module.",
        )
    };
    let detail = format!(
        "{}.\n\n{advice} If another resource of this configuration makes the files, take the path from that resource rather than as text: then they are read at apply. To destroy a build whose files are gone, use terraform destroy -refresh=false: it reads none.",
        capitalised(why)
    );
    Diagnostic::error(summary, detail).at(path)
}

/// Nothing can be compared with what was built: the context of a build that stays as it is.
#[must_use]
pub fn gone(root: &std::path::Path) -> Diagnostic {
    let detail = format!(
        "There is no folder {} any more, so that nothing tells whether the files have changed since the build. It stays as it is, and nothing is built. Bring the folder back to have its files compared again; destroying the build needs no folder.",
        root.display()
    );
    Diagnostic::warning("The build's context is not there any more", detail).at(at("path"))
}

/// The text with a capital letter to begin with.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}

/// What the user should know of what is sent.
#[must_use]
pub fn warnings(source: &Source) -> Diagnostics {
    let told = source
        .warnings()
        .iter()
        .map(|text| Diagnostic::warning("The build's context", text.clone()).at(at("path")));
    Diagnostics(told.collect())
}

/// Checks the block. Values may be unknown.
#[must_use]
pub fn validate(context: &Field<ContextModel>) -> Diagnostics {
    let mut found = Diagnostics::new();
    let Field::Known(context) = context else {
        return found;
    };
    match (&context.path, &context.url) {
        (Field::Null, Field::Null) => {
            let detail = "A build needs a source: set path (a folder of this machine) or url (an address that Azure reads itself) in context.";
            found.push(Diagnostic::error("No source to build", detail).at(Path::attribute(BLOCK)));
        }
        (Field::Known(_), Field::Known(_)) => {
            let detail = "path is a folder of this machine, url an address that Azure reads itself: a build has one source. Remove one of them.";
            found.push(Diagnostic::error("Two sources to build", detail).at(at("url")));
        }
        _ => {}
    }
    if context.path.text() == Some("") {
        let detail = "path is empty. Write \".\" for the folder in which Terraform runs, or \"${path.module}/app\" for one beside the module.";
        found.push(Diagnostic::error("Empty path", detail).at(at("path")));
    }
    if let Some(url) = context.url.text()
        && let Err(problem) = check_url(url)
    {
        found.push(Diagnostic::error("Unusable context", problem).at(at("url")));
    }
    if !context.token_wo.is_null() {
        if context.path.known().is_some() {
            let detail = "A folder of this machine needs no token; token_wo opens the address in url. Remove token_wo.";
            found.push(Diagnostic::error("Token without an address", detail).at(at("token_wo")));
        } else if let (Some(url), Some(token)) = (context.url.text(), context.token_wo.known())
            && let Err(error) = with_token(url, &Secret::new(token.0.as_str()))
            && !matches!(error, TokenError::Context(_))
        {
            let detail = format!("token_wo cannot be used: {error}.");
            found.push(Diagnostic::error("Unusable token", detail).at(at("token_wo")));
        }
    }
    found
}

/// What is wrong with an address, as sentences.
fn check_url(url: &str) -> Result<(), String> {
    const EXPECTED: &str = "Expected is a git repository (https://host/repository.git#branch:folder), an artifact (oci://registry/repository:tag) or the https address of an archive (.tar.gz).";
    match Context::parse(url) {
        Ok(Context::Nothing) => Err(format!(
            "A build needs a source with a Dockerfile in it; /dev/null has none. {EXPECTED}"
        )),
        Ok(_) => Ok(()),
        Err(ContextError::Local) => Err(format!(
            "This is a path of this machine, which Azure cannot read. Give it as path instead: then the folder is packed and uploaded. {EXPECTED}"
        )),
        Err(ContextError::Malformed(problem)) => Err(format!("This address cannot be used: {problem}. {EXPECTED}")),
        Err(ContextError::Scheme(scheme)) => Err(format!("{scheme} is no kind of context. {EXPECTED}")),
        Err(ContextError::UserInfo) => Err(
            "This address has a user name, password or token before its host, and it is stored in the state. Take out what stands between // and @, and give the token as token_wo, which is never stored."
                .to_owned(),
        ),
        Err(ContextError::Signed(name)) => Err(format!(
            "This address is signed (its query has {name}), and it is stored in the state. Take out the query, and give it as token_wo, which is never stored."
        )),
    }
}

/// What a request names as its source, for an address.
///
/// # Errors
/// A token that the address does not take.
pub fn remote(context: &ContextModel, token: Option<&crate::framework::model::Secret>) -> Result<Secret, Diagnostic> {
    let url = context.url.text().unwrap_or_default();
    let Some(token) = token else {
        return Ok(Secret::new(url));
    };
    with_token(url, &Secret::new(token.0.as_str())).map_err(|error| {
        Diagnostic::error("Unusable token", format!("token_wo cannot be used: {error}.")).at(at("token_wo"))
    })
}

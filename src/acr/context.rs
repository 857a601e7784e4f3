//! Where a task or a build takes its source from: the `contextPath` of a step, the `sourceLocation` of a run.
//!
//! What is taken, after the Azure CLI 2.91.0: a git repository (`https`, `http`, `git://` or `git@`, with `#branch:folder`
//! behind it), an artifact of a registry (`oci://`), an archive (any other `https` or `http` address), and `/dev/null` for
//! steps that need no source. The CLI wants `.git` at the end of a repository that is not on Azure DevOps; other clients'
//! documents show GitHub addresses without, so that these pass here too. Everything else is refused before Azure sees it,
//! because Azure says nothing until a run fails.
//!
//! A context is no secret: Azure returns it to every reader. So one that carries a secret is refused, and no error here
//! repeats what it was.

use std::fmt;

use azure_core::http::Url;

mod token;

pub use token::{TokenError, with_token};

/// The context of steps that need no source.
pub const NO_SOURCE: &str = "/dev/null";

/// Hosts of Azure DevOps; the second also as a parent domain, from when each organisation had one of its own.
const AZURE_DEVOPS: [&str; 2] = ["dev.azure.com", "visualstudio.com"];

const GITHUB: &str = "github.com";

/// Names of query parameters that carry a right to read, or belong to one: Azure Storage's shared access signatures, other
/// clouds' signed addresses, tokens of code hosts. Names that end with `token` or `signature` count too.
const SECRET_PARAMETERS: &[&str] = &[
    "sig",
    "se",
    "skoid",
    "password",
    "pat",
    "api_key",
    "apikey",
    "access_key",
    "x-amz-credential",
    "x-goog-credential",
];

/// A context that Azure can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context {
    /// `/dev/null`: the steps need no source.
    Nothing,
    /// A git repository, or a folder of it.
    Git(Git),
    /// An artifact of a registry: `oci://registry/repository:tag`.
    Artifact,
    /// An archive that is downloaded, usually `.tar.gz`.
    Archive,
}

/// A git repository as a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Git {
    /// The address without branch and folder.
    pub repository: String,
    /// Branch, tag or commit; the repository's default branch if there is none.
    pub branch: Option<String>,
    /// The folder within it; its root if there is none.
    pub folder: Option<String>,
    /// Who serves it.
    pub host: GitHost,
}

/// Who serves a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitHost {
    /// github.com.
    GitHub,
    /// Azure DevOps, also by its former name.
    AzureDevOps,
    /// Anybody else.
    Other,
}

/// Why a text is no context. Never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextError {
    /// No text, or white space in it.
    Malformed(&'static str),
    /// A path that only this machine, or nobody, can read.
    Local,
    /// Another scheme than those that are taken.
    Scheme(String),
    /// A user name, a password or a token before the host.
    UserInfo,
    /// A query parameter that carries a right to read; this is its name.
    Signed(String),
}

impl Context {
    /// Parses a context.
    ///
    /// # Errors
    /// What is no context, what only this machine can read, and what carries a secret.
    pub fn parse(text: &str) -> Result<Self, ContextError> {
        if text.is_empty() {
            return Err(ContextError::Malformed("it is empty"));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ContextError::Malformed("it has white space in it"));
        }
        if text == NO_SOURCE {
            return Ok(Self::Nothing);
        }
        if let Some(rest) = without_prefix(text, "git@") {
            return secure_shell(text, rest);
        }
        let text = match without_prefix(text, "github.com/") {
            Some(_) => format!("https://{text}"),
            None => text.to_owned(),
        };
        let Some((scheme, _)) = text.split_once("://") else {
            return Err(ContextError::Local);
        };
        let scheme = scheme.to_ascii_lowercase();
        if scheme == "file" {
            return Err(ContextError::Local);
        }
        if !matches!(scheme.as_str(), "https" | "http" | "git" | "oci") {
            return Err(ContextError::Scheme(shown_scheme(&scheme)));
        }
        let url = Url::parse(&text).map_err(|_| ContextError::Malformed("it is no address"))?;
        refuse_secrets(&url)?;
        if url.host_str().is_none_or(str::is_empty) || url.path().trim_matches('/').is_empty() {
            return Err(ContextError::Malformed("it names a host at most, and nothing on it"));
        }
        match scheme.as_str() {
            "oci" => Ok(Self::Artifact),
            "git" => Self::git(&text, GitHost::of(&url)),
            _ if is_repository(&url) => Self::git(&text, GitHost::of(&url)),
            _ => Ok(Self::Archive),
        }
    }

    /// A repository's address, with branch and folder behind it.
    fn git(text: &str, host: GitHost) -> Result<Self, ContextError> {
        let (repository, place) = match text.split_once('#') {
            Some((repository, place)) => (repository, Some(place)),
            None => (text, None),
        };
        let (branch, folder) = match place {
            None => ("", ""),
            Some(place) => place.split_once(':').unwrap_or((place, "")),
        };
        let given = |part: &str| (!part.is_empty()).then(|| part.to_owned());
        let (branch, folder) = (given(branch), given(folder));
        if place.is_some() && branch.is_none() && folder.is_none() {
            return Err(ContextError::Malformed("nothing stands behind its #"));
        }
        Ok(Self::Git(Git {
            repository: repository.to_owned(),
            branch,
            folder,
            host,
        }))
    }
}

impl GitHost {
    fn of(url: &Url) -> Self {
        Self::named(url.host_str().unwrap_or_default())
    }

    fn named(host: &str) -> Self {
        let host = host.to_ascii_lowercase();
        let below = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        if AZURE_DEVOPS.into_iter().any(below) {
            Self::AzureDevOps
        } else if host == GITHUB || host == format!("www.{GITHUB}") {
            Self::GitHub
        } else {
            Self::Other
        }
    }
}

/// Whether a web address is one of a git repository.
fn is_repository(url: &Url) -> bool {
    let path = url.path().trim_end_matches('/').to_ascii_lowercase();
    // An archive has no branches.
    path.ends_with(".git")
        || url.fragment().is_some()
        || match GitHost::of(url) {
            GitHost::AzureDevOps => true,
            // Deeper addresses are files and archives.
            GitHost::GitHub => path.matches('/').count() == 2,
            GitHost::Other => false,
        }
}

/// `git@host:path`: the user name `git` is everybody's.
fn secure_shell(text: &str, rest: &str) -> Result<Context, ContextError> {
    let address = rest.split('#').next().unwrap_or_default();
    match address.split_once([':', '/']) {
        Some((host, path)) if !host.is_empty() && !host.contains('@') && !path.is_empty() => {
            Context::git(text, GitHost::named(host))
        }
        _ => Err(ContextError::Malformed("behind git@, a host and a path are expected")),
    }
}

fn refuse_secrets(url: &Url) -> Result<(), ContextError> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ContextError::UserInfo);
    }
    let is_secret =
        |name: &str| SECRET_PARAMETERS.contains(&name) || name.ends_with("token") || name.ends_with("signature");
    let mut names = url.query_pairs().map(|(name, _)| name.to_ascii_lowercase());
    match names.find(|name| is_secret(name)) {
        Some(name) => Err(ContextError::Signed(name)),
        None => Ok(()),
    }
}

/// The rest of a text that begins so, in any casing.
fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// A scheme as far as it can be one: what is none may be anything.
fn shown_scheme(scheme: &str) -> String {
    let is_scheme = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if is_scheme {
        format!("{scheme}://")
    } else {
        "such an address".to_owned()
    }
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const EXPECTED: &str = "expected is a git repository (https://host/repository.git#branch:folder), an artifact (oci://registry/repository:tag), the https address of an archive, or /dev/null for steps that need no source";
        match self {
            Self::Malformed(problem) => write!(f, "this context cannot be used: {problem}; {EXPECTED}"),
            Self::Local => write!(
                f,
                "this context is a path of this machine, which Azure cannot read; {EXPECTED}. Build a local folder with acr_image_build, or push it to a repository"
            ),
            Self::Scheme(scheme) => write!(f, "{scheme} is no kind of context; {EXPECTED}"),
            Self::UserInfo => f.write_str(
                "this context has a user name, password or token before its host, and a context is no secret: Azure shows it to every reader. Take out what stands between // and @, and give the token as context_access_token or context_access_token_wo",
            ),
            Self::Signed(name) => write!(
                f,
                "this context is signed (its query has {name}), and a context is no secret: Azure shows it to every reader. Take out the query, and give it as context_access_token or context_access_token_wo"
            ),
        }
    }
}

impl std::error::Error for ContextError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_with_branch_and_folder() {
        use GitHost::{AzureDevOps, GitHub, Other};
        for (text, branch, folder, host) in [
            ("https://github.com/contoso/app.git", None, None, GitHub),
            ("https://github.com/contoso/app.git#main", Some("main"), None, GitHub),
            (
                "https://github.com/contoso/app.git#main:src/web",
                Some("main"),
                Some("src/web"),
                GitHub,
            ),
            ("https://github.com/contoso/app.git#:src", None, Some("src"), GitHub),
            (
                "https://github.com/contoso/app#feature/x:src",
                Some("feature/x"),
                Some("src"),
                GitHub,
            ),
            ("https://github.com/contoso/app", None, None, GitHub),
            ("HTTPS://GitHub.com/contoso/App.GIT#v1", Some("v1"), None, GitHub),
            (
                "git@github.com:contoso/app.git#main:src",
                Some("main"),
                Some("src"),
                GitHub,
            ),
            ("git://git.contoso.example/app.git", None, None, Other),
            (
                "http://git.contoso.example:8080/app.git#main",
                Some("main"),
                None,
                Other,
            ),
            ("https://git.contoso.example/team/app#main", Some("main"), None, Other),
            (
                "https://dev.azure.com/contoso/shop/_git/app#main:src",
                Some("main"),
                Some("src"),
                AzureDevOps,
            ),
            (
                "https://contoso.visualstudio.com/shop/_git/app",
                None,
                None,
                AzureDevOps,
            ),
            ("git@ssh.dev.azure.com:v3/contoso/shop/app", None, None, AzureDevOps),
        ] {
            let Ok(Context::Git(git)) = Context::parse(text) else {
                panic!("{text}: {:?}", Context::parse(text));
            };
            assert_eq!(
                (git.branch.as_deref(), git.folder.as_deref(), git.host),
                (branch, folder, host),
                "{text}"
            );
            assert_eq!(git.repository, text.split('#').next().unwrap());
        }
        let Ok(Context::Git(git)) = Context::parse("github.com/contoso/app.git#main") else {
            panic!("the scheme may be left out");
        };
        assert_eq!(git.repository, "https://github.com/contoso/app.git");
    }

    #[test]
    fn other_contexts() {
        for (text, expected) in [
            ("/dev/null", Context::Nothing),
            ("oci://contoso.azurecr.io/source:v1", Context::Artifact),
            ("oci://contoso.azurecr.io/team/source@sha256:0123", Context::Artifact),
            ("https://files.contoso.example/app.tar.gz", Context::Archive),
            ("https://files.contoso.example/app.tar.gz?version=7", Context::Archive),
            (
                "https://github.com/contoso/app/archive/refs/heads/main.tar.gz",
                Context::Archive,
            ),
            (
                "https://store.blob.core.windows.net/source/app.tar.gz",
                Context::Archive,
            ),
        ] {
            assert_eq!(Context::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_azure_cannot_read_is_refused() {
        for (text, says) in [
            (".", "a path of this machine"),
            ("./app", "acr_image_build"),
            ("app/source.tar.gz", "a path of this machine"),
            ("/srv/app", "a path of this machine"),
            ("C:\\app", "a path of this machine"),
            ("~/app", "a path of this machine"),
            ("/DEV/NULL", "a path of this machine"),
            ("file:///srv/app", "a path of this machine"),
            ("ssh://git@github.com/contoso/app.git", "ssh:// is no kind of context"),
            ("s3://bucket/app.tar.gz", "s3:// is no kind of context"),
            ("", "it is empty"),
            (" https://github.com/contoso/app.git", "white space"),
            ("https://github.com/contoso/app.git\n", "white space"),
            ("https://", "no address"),
            ("https://github.com", "names a host at most"),
            ("oci://contoso.azurecr.io/", "names a host at most"),
            ("git@github.com", "a host and a path are expected"),
            ("git@:app.git", "a host and a path are expected"),
            ("https://github.com/contoso/app.git#", "nothing stands behind its #"),
            ("https://github.com/contoso/app.git#:", "nothing stands behind its #"),
        ] {
            let error = Context::parse(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_are_refused_and_never_repeated() {
        const SECRET: &str = "s3cr3t";
        for text in [
            "https://s3cr3t@github.com/contoso/app.git",
            "https://me:s3cr3t@github.com/contoso/app.git#main",
            "https://s3cr3t@dev.azure.com/contoso/shop/_git/app",
            "https://:s3cr3t@files.contoso.example/app.tar.gz",
            "oci://me:s3cr3t@contoso.azurecr.io/source:v1",
            "git://s3cr3t@git.contoso.example/app.git",
            "github.com/contoso/app.git?access_token=s3cr3t",
            "https://store.blob.core.windows.net/source/app.tar.gz?sv=2024-11-04&sr=b&sig=s3cr3t",
            "https://store.blob.core.windows.net/source/app.tar.gz?SE=2027-01-01&x=s3cr3t",
            "https://store.blob.core.windows.net/source/app.tar.gz?%73ig=s3cr3t",
            "https://bucket.example/app.tar.gz?X-Amz-Signature=s3cr3t",
            "https://git.contoso.example/app.tar.gz?private_token=s3cr3t",
            // Not contexts at all, and still nobody's business.
            "me:s3cr3t@github.com/contoso/app.git",
            "app.tar.gz?sig=s3cr3t",
            "s3cr3t@host://x",
            "https://me:s3cr3t@[bad/app.git",
            "git@s3cr3t@github.com:app.git",
            "ftp://me:s3cr3t@files.contoso.example/app.tar.gz",
        ] {
            let error = Context::parse(text).expect_err(text);
            assert!(!format!("{error} {error:?}").contains(SECRET), "{text}: {error}");
        }
        let signed = "https://store.blob.core.windows.net/source/app.tar.gz?sig=s3cr3t";
        let error = Context::parse(signed).unwrap_err().to_string();
        assert!(
            error.contains("its query has sig") && error.contains("context_access_token"),
            "{error}"
        );
    }
}

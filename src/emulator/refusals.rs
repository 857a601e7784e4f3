//! ARM's errors: codes as the service uses them, wording of our own.
//!
//! Errors of ARM's gateway carry `x-ms-failure-cause: gateway` and have only `code` and `message`; those of the resource
//! provider add `target` and `details`; those of the network provider add empty `details`. Texts that nobody has published are invented here; only their codes and shapes
//! are meant to be relied on, and where even the code is unknown the function says so.

use super::answer::Answer;
use super::json::Json;

/// Says to clients that something is outside this emulator: never a code that Azure uses.
const NOT_SERVED: &str = "NotServedByEmulator";

/// An error answer in the making.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: String,
    message: String,
    target: Option<&'static str>,
    /// The one entry of `details`: code, message and target. Boxed, because errors are returned everywhere.
    inner: Option<Box<[String; 3]>>,
    /// The network provider's errors end with an empty list.
    empty_details: bool,
    gateway: bool,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// An error of ARM's gateway.
    pub(super) fn gateway(status: u16, code: &str, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            code: code.into(),
            message: message.into(),
            target: None,
            inner: None,
            empty_details: false,
            gateway: true,
            headers: Vec::new(),
        }
    }

    /// An error of the resource provider.
    pub(super) fn provider(status: u16, code: &str, message: impl Into<String>) -> Refusal {
        Refusal {
            target: Some("request"),
            gateway: false,
            ..Refusal::gateway(status, code, message)
        }
    }

    /// An error of the network provider.
    pub(super) fn network(status: u16, code: &str, message: impl Into<String>) -> Refusal {
        Refusal {
            empty_details: true,
            gateway: false,
            ..Refusal::gateway(status, code, message)
        }
    }

    /// The HTTP answer.
    pub(super) fn into_answer(self) -> Answer {
        let mut error = vec![("code", Json::from(self.code)), ("message", Json::from(self.message))];
        if let Some(target) = self.target {
            error.push(("target", target.into()));
            let inner = self.inner.map(|inner| {
                let [code, message, target] = *inner;
                let members = [
                    ("code", code.into()),
                    ("message", message.into()),
                    ("target", target.into()),
                ];
                Json::Array(vec![Json::object(members)])
            });
            error.push(("details", inner.unwrap_or_else(Json::null)));
        }
        if self.empty_details {
            error.push(("details", Json::Array(Vec::new())));
        }
        let mut answer = Answer::json(self.status, Json::object([("error", Json::Object(error))]));
        answer.headers = self.headers;
        if self.gateway {
            answer = answer.header("x-ms-failure-cause", "gateway");
        }
        answer
    }

    /// 401: the bearer token is missing or unusable. Clients read the tenant's address from the challenge.
    pub(super) fn unauthenticated(code: &str, message: &str, authority: &str) -> Refusal {
        let challenge = format!(
            "Bearer authorization_uri=\"{authority}\", error=\"invalid_token\", error_description=\"{message}\""
        );
        let mut refusal = Refusal::gateway(401, code, message);
        refusal.headers.push(("www-authenticate", challenge));
        refusal
    }

    /// 403: the principal may not do this.
    pub(super) fn unauthorized(client_id: &str, object_id: &str, action: &str, scope: &str) -> Refusal {
        let message = format!(
            "The client '{client_id}' with object id '{object_id}' has no authorization to perform action '{action}' over scope '{scope}'. If it was granted just now, ask for a new token."
        );
        Refusal::gateway(403, "AuthorizationFailed", message)
    }

    /// 403: a linked resource is out of the principal's reach. `join` is the action that is missing there.
    pub(super) fn linked_unauthorized(client_id: &str, action: &str, scope: &str, linked: &str, join: &str) -> Refusal {
        let message = format!(
            "The client '{client_id}' may perform action '{action}' on scope '{scope}'; however, it may not perform action(s) '{join}' on the linked scope(s) '{linked}'."
        );
        Refusal::gateway(403, "LinkedAuthorizationFailed", message)
    }

    /// 404: no such subscription. Also for every real one: nothing beyond the emulator's own is ever answered for.
    pub(super) fn subscription(id: &str) -> Refusal {
        Refusal::gateway(
            404,
            "SubscriptionNotFound",
            format!("There is no subscription '{id}' here."),
        )
    }

    /// 404: no such resource group.
    pub(super) fn group(name: &str) -> Refusal {
        Refusal::gateway(
            404,
            "ResourceGroupNotFound",
            format!("There is no resource group '{name}'."),
        )
    }

    /// 404: no such resource. `path` is `Namespace/type/name/...`, without the group.
    pub(super) fn resource(path: &str, group: &str) -> Refusal {
        let message = format!("The Resource '{path}' under resource group '{group}' does not exist.");
        Refusal::gateway(404, "ResourceNotFound", message)
    }

    /// 404: a write to a child whose parent is missing.
    pub(super) fn parent(path: &str) -> Refusal {
        let message = format!("The parent '{path}' of this resource does not exist.");
        Refusal::gateway(404, "ParentResourceNotFound", message)
    }

    /// 400: the location does not offer the type.
    pub(super) fn location(location: &str, resource_type: &str, offered: &[&str]) -> Refusal {
        let message = format!(
            "The location '{location}' does not offer the resource type '{resource_type}'. The regions that do are '{}'.",
            offered.join(",")
        );
        Refusal::gateway(400, "LocationNotAvailableForResourceType", message)
    }

    /// 400: no location in the body of a tracked resource.
    pub(super) fn location_required() -> Refusal {
        Refusal::gateway(400, "LocationRequired", "This resource needs a location.")
    }

    /// 409: the object exists in another location.
    pub(super) fn moved(id: &str, location: &str) -> Refusal {
        let message =
            format!("The resource '{id}' already exists in location '{location}' and cannot be moved by a write.");
        Refusal::gateway(409, "InvalidResourceLocation", message)
    }

    /// 400: a body that is no JSON object.
    pub(super) fn content(problem: &str) -> Refusal {
        let message = format!("The request body cannot be read: '{problem}'.");
        Refusal::gateway(400, "InvalidRequestContent", message)
    }

    /// 400: a property that the Tasks provider refuses, in its aggregate style. The code for most properties is unknown.
    pub(super) fn input(parameters: &str, property: &str, text: &str) -> Refusal {
        let message = format!("Some of the properties of '{parameters}' are invalid.. InnerErrors: {property}:{text}");
        Refusal::provider(400, "InvalidInputValue", message)
    }

    /// 400: as [`Refusal::input`], with the part that is wrong in `details`, as the Tasks provider does for tasks.
    pub(super) fn inner(parameters: &str, part: &str, code: &str, text: &str) -> Refusal {
        Refusal {
            inner: Some(Box::new([code, text, part].map(str::to_string))),
            ..Refusal::input(parameters, part, text)
        }
    }

    /// 400: the Tasks provider cannot make anything of the body: it is empty, or its discriminator is missing or unknown.
    pub(super) fn unreadable() -> Refusal {
        let text =
            "A request body is needed, and where it can be of several types, its discriminator must name a known one.";
        Refusal::provider(400, "InvalidRequestBody", text)
    }

    /// 400: the URL of a source trigger. The errors of source control name their service as the target.
    pub(super) fn repository_url(url: &str, service: &'static str) -> Refusal {
        let text = format!("The repository URL '{url}' is invalid.");
        Refusal {
            target: Some(service),
            ..Refusal::provider(400, "InvalidRepositoryUrl", text)
        }
    }

    /// 409: the pool is busy or failed. The code is reported from the field, the text is not.
    pub(super) fn conflict(pool: &str, state: &str) -> Refusal {
        let message = format!("The agent pool '{pool}' cannot be changed while its status is '{state}'.");
        Refusal::provider(409, "RegistryStatusConflict", message)
    }

    /// 400: `api-version` is missing.
    pub(super) fn api_version_missing() -> Refusal {
        Refusal::gateway(
            400,
            "MissingApiVersionParameter",
            "Every request needs the query parameter api-version.",
        )
    }

    /// 404: the namespace has this version, the type does not.
    pub(super) fn type_lacks_version(namespace: &str, resource_type: &str, version: &str) -> Refusal {
        let message =
            format!("The namespace '{namespace}' has no resource type '{resource_type}' in api version '{version}'.");
        Refusal::gateway(404, "InvalidResourceType", message)
    }

    /// 400: nobody serves this version.
    pub(super) fn unknown_version(resource_type: &str, version: &str, supported: &[&str]) -> Refusal {
        let message = format!(
            "Nobody serves API version '{version}' of type '{resource_type}'. The supported api-versions are '{}'.",
            supported.join(", ")
        );
        Refusal::gateway(400, "NoRegisteredProviderFound", message)
    }

    /// 501: real Azure may well serve this; the emulator does not, and says so.
    pub(super) fn not_served(what: &str) -> Refusal {
        let message = format!("This is acr-emulator, not Azure: it does not serve {what}.");
        Refusal {
            gateway: false,
            ..Refusal::gateway(501, NOT_SERVED, message)
        }
    }
}

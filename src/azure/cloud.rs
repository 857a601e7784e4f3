//! Which Azure: the endpoint of its resource manager, the authority that issues tokens, and the tokens' audience.

use std::fmt;

use azure_core::http::Url;

/// One Azure cloud. All URLs are https, without user info, path, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    arm_endpoint: Url,
    authority_host: Url,
    audience: String,
}

/// Endpoint, authority and audience of the clouds that Microsoft operates or licenses.
/// Source: the documented endpoints of each cloud; the audience is the endpoint itself.
const KNOWN: [(&str, &str, &str); 3] = [
    (
        "public",
        "https://management.azure.com",
        "https://login.microsoftonline.com",
    ),
    (
        "usgovernment",
        "https://management.usgovcloudapi.net",
        "https://login.microsoftonline.us",
    ),
    (
        "china",
        "https://management.chinacloudapi.cn",
        "https://login.chinacloudapi.cn",
    ),
];

/// Why a cloud cannot be used as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCloud {
    /// The setting at fault, in the provider block's words: `resource_manager_endpoint` and so on.
    pub setting: &'static str,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Cloud {
    /// Azure's public cloud.
    pub fn public() -> Self {
        Self::known(0)
    }

    /// Azure for the United States government.
    pub fn usgovernment() -> Self {
        Self::known(1)
    }

    /// Azure operated by 21Vianet in China.
    pub fn china() -> Self {
        Self::known(2)
    }

    /// The cloud of that `environment` name (`public`, `usgovernment`, `china`; casing does not matter), if it is known.
    pub fn by_name(name: &str) -> Option<Self> {
        KNOWN
            .iter()
            .position(|(known, ..)| known.eq_ignore_ascii_case(name))
            .map(Self::known)
    }

    /// A cloud of the user's description (Azure Stack, a sovereign cloud, an emulator).
    /// `audience` defaults to the endpoint's origin.
    ///
    /// # Errors
    /// Names the setting that is no plain https origin, or an audience that is no usable scope.
    pub fn custom(arm_endpoint: &str, authority_host: &str, audience: Option<&str>) -> Result<Self, InvalidCloud> {
        let arm_endpoint = https_origin("resource_manager_endpoint", arm_endpoint)?;
        let authority_host = https_origin("active_directory_authority_host", authority_host)?;
        let audience = match audience {
            None => arm_endpoint.origin().ascii_serialization(),
            Some(audience) => checked_audience(audience)?,
        };
        Ok(Self {
            arm_endpoint,
            authority_host,
            audience,
        })
    }

    /// Where the resource manager answers; only scheme, host and port.
    pub fn arm_endpoint(&self) -> &Url {
        &self.arm_endpoint
    }

    /// Where Entra ID issues tokens; only scheme, host and port.
    pub fn authority_host(&self) -> &Url {
        &self.authority_host
    }

    /// What tokens for the resource manager are issued for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The scope that tokens are asked with.
    pub fn scope(&self) -> String {
        format!("{}/.default", self.audience)
    }

    /// Whether `url` lies at the resource manager's origin: same scheme, host (whatever the casing) and port.
    pub fn is_arm(&self, url: &Url) -> bool {
        same_origin(&self.arm_endpoint, url)
    }

    fn known(index: usize) -> Self {
        let (_, arm, authority) = KNOWN[index];
        Self::custom(arm, authority, None).expect("the table of known clouds holds plain https origins")
    }
}

/// Whether two URLs have the same origin. `Url` has already lower-cased hosts and filled in default ports.
/// A URL with user info is never the same: credentials in a URL that a service handed out are a trick.
pub fn same_origin(left: &Url, right: &Url) -> bool {
    let bare = |url: &Url| url.username().is_empty() && url.password().is_none();
    left.scheme() == right.scheme()
        && left.host_str().map(str::to_ascii_lowercase) == right.host_str().map(str::to_ascii_lowercase)
        && left.port_or_known_default() == right.port_or_known_default()
        && bare(left)
        && bare(right)
}

fn https_origin(setting: &'static str, text: &str) -> Result<Url, InvalidCloud> {
    let refuse = |message: String| Err(InvalidCloud { setting, message });
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(cause) => return refuse(format!("this is not a URL ({cause}); expected https://<host>[:<port>]")),
    };
    if url.scheme() != "https" {
        return refuse(format!(
            "the scheme is {}; tokens are only sent over https",
            url.scheme()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("the URL holds user info; remove it".to_string());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("the URL holds a query or fragment; expected https://<host>[:<port>]".to_string());
    }
    if url.path() != "/" {
        return refuse(format!(
            "the URL holds the path {}; expected https://<host>[:<port>]",
            url.path()
        ));
    }
    Ok(url)
}

fn checked_audience(text: &str) -> Result<String, InvalidCloud> {
    let audience = text.trim_end_matches('/');
    if audience.is_empty() || audience.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message = "the audience is empty or holds spaces; expected an application id URI".to_string();
        return Err(InvalidCloud {
            setting: "resource_manager_audience",
            message,
        });
    }
    Ok(audience.to_string())
}

impl fmt::Display for InvalidCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.message)
    }
}

impl std::error::Error for InvalidCloud {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_clouds_by_name() {
        assert_eq!(Cloud::by_name("Public"), Some(Cloud::public()));
        assert_eq!(Cloud::by_name("usgovernment"), Some(Cloud::usgovernment()));
        assert_eq!(Cloud::by_name("CHINA"), Some(Cloud::china()));
        assert_eq!(Cloud::by_name("german"), None);
        assert_eq!(Cloud::public().scope(), "https://management.azure.com/.default");
        assert_eq!(
            Cloud::usgovernment().authority_host().as_str(),
            "https://login.microsoftonline.us/"
        );
    }

    #[test]
    fn custom_clouds_are_plain_https_origins() {
        let authority = "https://login.example";
        let ok = Cloud::custom("https://arm.example:8443/", authority, None).unwrap();
        assert_eq!(ok.audience(), "https://arm.example:8443");
        let named = Cloud::custom("https://arm.example", authority, Some("https://aud.example/")).unwrap();
        assert_eq!(named.scope(), "https://aud.example/.default");
        let refused = [
            ("http://arm.example", "only sent over https"),
            ("arm.example", "not a URL"),
            ("https://user@arm.example", "user info"),
            ("https://arm.example/base", "the path /base"),
            ("https://arm.example?x=1", "query"),
            ("https://arm.example/#x", "fragment"),
        ];
        for (text, want) in refused {
            let error = Cloud::custom(text, authority, None).unwrap_err();
            assert_eq!(error.setting, "resource_manager_endpoint");
            assert!(error.message.contains(want), "{text}: {error}");
        }
        let error = Cloud::custom("https://arm.example", "http://login.example", None).unwrap_err();
        assert_eq!(error.setting, "active_directory_authority_host");
        let error = Cloud::custom("https://arm.example", authority, Some(" ")).unwrap_err();
        assert_eq!(error.setting, "resource_manager_audience");
    }

    #[test]
    fn origins_compare_scheme_host_and_port() {
        let cloud = Cloud::public();
        let cases = [
            ("https://MANAGEMENT.azure.com/x?y", true),
            ("https://management.azure.com:443/", true),
            ("https://management.azure.com:444/", false),
            ("http://management.azure.com/", false),
            ("https://management.azure.com.evil.example/", false),
            ("https://management.azure.com@evil.example/", false),
            ("https://x@management.azure.com/", false),
        ];
        for (url, want) in cases {
            assert_eq!(cloud.is_arm(&Url::parse(url).unwrap()), want, "{url}");
        }
    }
}

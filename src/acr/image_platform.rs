//! What an image is built for, as people write it (`linux/arm/v7`) and as requests carry it.

use std::fmt;

use super::run::request::Platform;

/// Operating systems, as requests spell them. Source: the API's specification, as the two below.
const SYSTEMS: [&str; 2] = ["Linux", "Windows"];

const ARCHITECTURES: [&str; 5] = ["amd64", "x86", "386", "arm", "arm64"];

const VARIANTS: [&str; 3] = ["v6", "v7", "v8"];

/// Why a text is no platform, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformError(String);

/// Parses `os`, `os/architecture` or `os/architecture/variant`, in any casing.
///
/// # Errors
/// The part that is not supported, and what is.
pub fn parse(text: &str) -> Result<Platform, PlatformError> {
    let mut parts = text.split('/');
    let mut part = |kind: &str, choices: &[&str]| match parts.next() {
        None => Ok(None),
        Some(given) => match choices.iter().find(|choice| choice.eq_ignore_ascii_case(given)) {
            Some(choice) => Ok(Some((*choice).to_owned())),
            None => Err(PlatformError(format!(
                "\"{given}\" in \"{text}\" is no {kind} that Azure builds for. There are {}.",
                choices.join(", ")
            ))),
        },
    };
    let os = part("operating system", &SYSTEMS)?.unwrap_or_default();
    let architecture = part("architecture", &ARCHITECTURES)?;
    let variant = part("variant", &VARIANTS)?;
    if parts.next().is_some() {
        return Err(PlatformError(format!(
            "\"{text}\" has more than three parts; expected is os/architecture/variant, such as linux/arm/v7."
        )));
    }
    Ok(Platform {
        os,
        architecture,
        variant,
    })
}

impl Platform {
    /// Whether it is Windows, which agent pools do not build for.
    pub fn is_windows(&self) -> bool {
        self.os.eq_ignore_ascii_case(SYSTEMS[1])
    }
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlatformError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_in_any_casing() {
        for (text, os, architecture, variant) in [
            ("linux", "Linux", None, None),
            ("linux/amd64", "Linux", Some("amd64"), None),
            ("Linux/ARM/V7", "Linux", Some("arm"), Some("v7")),
            ("windows/amd64", "Windows", Some("amd64"), None),
        ] {
            let platform = parse(text).unwrap();
            let found = (
                platform.os.as_str(),
                platform.architecture.as_deref(),
                platform.variant.as_deref(),
            );
            assert_eq!(found, (os, architecture, variant), "{text}");
            assert_eq!(platform.is_windows(), os == "Windows");
        }
    }

    #[test]
    fn what_is_not_built_for_is_named() {
        for (text, says) in [
            ("", "\"\" in \"\" is no operating system"),
            (
                "darwin/arm64",
                "\"darwin\" in \"darwin/arm64\" is no operating system that Azure builds for. There are Linux, Windows.",
            ),
            (
                "linux/riscv64",
                "no architecture that Azure builds for. There are amd64, x86, 386, arm, arm64.",
            ),
            ("linux/arm/v9", "no variant"),
            ("linux/arm/v7/x", "more than three parts"),
            ("linux/", "\"\" in \"linux/\" is no architecture"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}

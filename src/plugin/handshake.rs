//! What host and plugin say to each other before gRPC: the cookie, the protocol version, and the one line on standard
//! output. Pure functions; the rules are go-plugin's, as Terraform Core 1.x and OpenTofu use them.

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// The variable by which Terraform says that it is the one who starts the program.
pub const COOKIE_NAME: &str = "TF_PLUGIN_MAGIC_COOKIE";

/// Its value. No secret: it only tells a host from a person who tries to run the program.
pub const COOKIE_VALUE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// The variable with the host's client certificate, PEM. Absent when the host wants no TLS.
pub const CLIENT_CERTIFICATE: &str = "PLUGIN_CLIENT_CERT";

/// The variable with the provider protocol versions that the host speaks, comma-separated, in no order.
pub const PROTOCOL_VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";

/// The major versions of the provider protocol served here, ascending.
pub const VERSIONS_SERVED: [u32; 1] = [5];

/// The version of the handshake itself; there has only ever been this one.
const CORE_VERSION: u32 = 1;

/// Where the plugin listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket; the path is valid Unicode without `|` and line breaks, because the handshake line carries it.
    Unix(PathBuf),
    /// A loopback port, where there are no Unix sockets.
    Tcp(SocketAddr),
}

impl Address {
    /// The network's name in the handshake: `unix` or `tcp`.
    pub fn network(&self) -> &'static str {
        match self {
            Self::Unix(_) => "unix",
            Self::Tcp(_) => "tcp",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(formatter),
            Self::Tcp(address) => address.fmt(formatter),
        }
    }
}

/// Whether the cookie is the one that Terraform sends.
pub fn cookie_matches(cookie: Option<&str>) -> bool {
    cookie == Some(COOKIE_VALUE)
}

/// The protocol version to announce: the highest one both sides speak. With none in common (or none offered) the lowest
/// of our own, so that the host itself explains to its user that the versions do not fit.
pub fn negotiate_version(offered: Option<&str>) -> u32 {
    let offered: Vec<u32> = offered
        .unwrap_or_default()
        .split(',')
        .filter_map(|one| one.trim().parse().ok())
        .collect();
    let shared = VERSIONS_SERVED
        .into_iter()
        .filter(|version| offered.contains(version))
        .max();
    shared.unwrap_or(VERSIONS_SERVED[0])
}

/// The one line that the host waits for, without its line break. `certificate` is the server's, DER; without it the last
/// field stays empty and the host connects in plain text.
///
/// There is never a seventh field (connection multiplexing): this plugin does not multiplex, and older hosts would read
/// the field as part of the certificate. A host that insists says so to its user.
pub fn handshake_line(version: u32, address: &Address, certificate: Option<&[u8]>) -> String {
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    format!(
        "{CORE_VERSION}|{version}|{}|{address}|grpc|{certificate}",
        address.network()
    )
}

/// The shell assignment that makes Terraform attach to this process instead of starting its own, without line break.
pub fn reattach_line(source_address: &str, process_id: u32, address: &Address) -> String {
    let value = serde_json::json!({
        source_address: {
            "Protocol": "grpc",
            "ProtocolVersion": VERSIONS_SERVED[0],
            "Pid": process_id,
            // "Test" tells the host that the process is not its own: it sends neither Shutdown nor a kill.
            "Test": true,
            "Addr": { "Network": address.network(), "String": address.to_string() },
        }
    });
    // Within single quotes only the single quote itself has a meaning to a shell.
    format!("TF_REATTACH_PROVIDERS='{}'", value.to_string().replace('\'', r"'\''"))
}

/// Writes `line` and a line break in one piece and flushes, because the host waits for the whole line.
///
/// # Errors
/// Those of the writer.
pub fn write_line(mut output: impl Write, line: &str) -> io::Result<()> {
    output.write_all(format!("{line}\n").as_bytes())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_cookie_matches() {
        assert!(cookie_matches(Some(COOKIE_VALUE)));
        let longer = format!("{COOKIE_VALUE}0");
        for wrong in [None, Some(""), Some("d602"), Some(longer.as_str()), Some("D602BF8F")] {
            assert!(!cookie_matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn the_version_is_the_shared_one_or_our_lowest() {
        for offered in [
            None,
            Some(""),
            Some("5"),
            Some("6,5"),
            Some("5,6"),
            Some("6"),
            Some(" 6 , 5"),
            Some("x,5"),
            Some("4"),
        ] {
            assert_eq!(negotiate_version(offered), 5, "{offered:?}");
        }
    }

    #[test]
    fn handshake_lines() {
        let unix = Address::Unix("/run/a b/plugin".into());
        let tcp = Address::Tcp("127.0.0.1:10000".parse().unwrap());
        let cases = [
            (&unix, None, "1|5|unix|/run/a b/plugin|grpc|"),
            // One and two bytes are where padding would appear; 0xfb and 0xff show the standard alphabet.
            (&unix, Some(&[0xfb_u8][..]), "1|5|unix|/run/a b/plugin|grpc|+w"),
            (&tcp, Some(&[0xff, 0xff][..]), "1|5|tcp|127.0.0.1:10000|grpc|//8"),
        ];
        for (address, certificate, line) in cases {
            assert_eq!(handshake_line(5, address, certificate), line);
        }
    }

    #[test]
    fn the_reattach_line_survives_a_shell() {
        let line = reattach_line("example.test/a/b", 42, &Address::Unix("/run/it's/s".into()));
        let quoted = line
            .strip_prefix("TF_REATTACH_PROVIDERS='")
            .and_then(|rest| rest.strip_suffix('\''))
            .unwrap();
        let value: serde_json::Value = serde_json::from_str(&quoted.replace(r"'\''", "'")).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"example.test/a/b": {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": 42, "Test": true,
                "Addr": {"Network": "unix", "String": "/run/it's/s"}}})
        );
    }
}

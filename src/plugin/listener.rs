//! The socket on which the host connects: a Unix socket in a directory that only this user may enter, or, where there
//! are no Unix sockets, a loopback port within the host's range.

#[cfg(unix)]
use std::path::Path;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
};
use tonic::transport::server::Connected;

use super::{Environment, ServeError, activity::OpenConnection, handshake::Address};

/// The variables with which a host that runs plugins in containers says where the socket goes and which group may use it.
#[cfg(unix)]
const SOCKET_DIRECTORY: &str = "PLUGIN_UNIX_SOCKET_DIR";
#[cfg(unix)]
const SOCKET_GROUP: &str = "PLUGIN_UNIX_SOCKET_GROUP";

/// The variables with the first and last TCP port to try, and what the host uses when it says nothing.
const PORT_FIRST: (&str, u16) = ("PLUGIN_MIN_PORT", 10_000);
const PORT_LAST: (&str, u16) = ("PLUGIN_MAX_PORT", 25_000);

/// The longest socket path in bytes: `sun_path` less its final zero, 104 on macOS and the BSDs, 108 on Linux.
#[cfg(unix)]
const SOCKET_PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How many bytes the private directory and the socket's name add to the parent directory, separators included.
#[cfg(unix)]
const SOCKET_SUFFIX_BYTES: usize = "/plugin-123456/s".len();

/// The directory to fall back to when the temporary directory's path is too long for a socket.
#[cfg(unix)]
const SHORT_DIRECTORY: &str = "/tmp";

/// A bound, listening socket. Dropping it removes what it left in the file system.
pub struct Listener {
    socket: Socket,
    address: Address,
    /// Owns the private directory; `None` when the caller chose the place or there is no file.
    _directory: Option<tempfile::TempDir>,
}

enum Socket {
    #[cfg(unix)]
    Unix(UnixListener),
    #[cfg_attr(
        unix,
        allow(dead_code, reason = "the way where there are no Unix sockets, kept compiling here")
    )]
    Tcp(TcpListener),
}

impl Listener {
    /// Listens where the platform and the host's settings say.
    #[cfg(unix)]
    pub fn bind(environment: &Environment) -> Result<Self, ServeError> {
        let set = |name| environment(name).filter(|value| !value.is_empty());
        let parent = socket_parent(set(SOCKET_DIRECTORY).map(PathBuf::from), std::env::temp_dir())?;
        let failed = |cause| ServeError::Listen(parent.clone(), cause);
        let directory = private_directory(&parent).map_err(failed)?;
        let mut listener = Self::bind_at(&directory.path().join("s"))?;
        if let Some(group) = set(SOCKET_GROUP) {
            share_with_group(directory.path(), &directory.path().join("s"), &group).map_err(failed)?;
        }
        listener._directory = Some(directory);
        Ok(listener)
    }

    /// Listens where the platform and the host's settings say.
    #[cfg(not(unix))]
    pub fn bind(environment: &Environment) -> Result<Self, ServeError> {
        Self::bind_port(environment)
    }

    /// Listens on a Unix socket at exactly this path; the caller owns the directory.
    #[cfg(unix)]
    pub fn bind_at(path: &Path) -> Result<Self, ServeError> {
        let socket = UnixListener::bind(path).map_err(|cause| ServeError::Listen(path.to_owned(), cause))?;
        Ok(Self {
            socket: Socket::Unix(socket),
            address: Address::Unix(path.to_owned()),
            _directory: None,
        })
    }

    /// Listens on the first free loopback port of the host's range.
    #[cfg_attr(
        unix,
        allow(dead_code, reason = "the way where there are no Unix sockets, kept compiling here")
    )]
    pub fn bind_port(environment: &Environment) -> Result<Self, ServeError> {
        let (first, last) = port_range(environment);
        for port in first..=last {
            let Ok(socket) = std::net::TcpListener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)) else {
                continue;
            };
            let failed = |cause| ServeError::Listen(PathBuf::from("127.0.0.1"), cause);
            socket.set_nonblocking(true).map_err(failed)?;
            let address = Address::Tcp(socket.local_addr().map_err(failed)?);
            let socket = Socket::Tcp(TcpListener::from_std(socket).map_err(failed)?);
            return Ok(Self {
                socket,
                address,
                _directory: None,
            });
        }
        Err(ServeError::Ports(first, last))
    }

    /// Where the host connects.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match &self.socket {
            #[cfg(unix)]
            Socket::Unix(socket) => Ok(Box::new(socket.accept().await?.0)),
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                // Small messages go back and forth; waiting to fill a segment would only delay them.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // Nothing is left to do about a file that cannot be removed.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Any byte stream that a connection can run over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// An accepted connection, after TLS where there is TLS. Counts as open while it lives.
pub struct Connection {
    stream: Box<dyn Stream>,
    _open: OpenConnection,
}

impl Connection {
    /// Wraps an accepted stream.
    pub fn new(stream: Box<dyn Stream>, open: OpenConnection) -> Self {
        Self { stream, _open: open }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The directory in which the private directory is made: the host's choice, else the temporary directory, else a short one.
#[cfg(unix)]
fn socket_parent(chosen: Option<PathBuf>, temporary: PathBuf) -> Result<PathBuf, ServeError> {
    let fits = |path: &Path| {
        path.to_str().is_some_and(|text| {
            text.len() + SOCKET_SUFFIX_BYTES <= SOCKET_PATH_BYTES_MAX && !text.contains(['|', '\n', '\r'])
        })
    };
    match chosen {
        // The host looks for the socket there and nowhere else.
        Some(chosen) if fits(&chosen) => Ok(chosen),
        Some(chosen) => Err(ServeError::SocketPath(chosen)),
        None if fits(&temporary) => Ok(temporary),
        None => Ok(PathBuf::from(SHORT_DIRECTORY)),
    }
}

/// A directory below `parent` that only this user may enter; it goes when the value is dropped.
#[cfg(unix)]
fn private_directory(parent: &Path) -> io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;

    tempfile::Builder::new()
        .prefix("plugin-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
}

/// Lets the members of a group pass the directory and use the socket, as the host asked for.
#[cfg(unix)]
fn share_with_group(directory: &Path, socket: &Path, group: &str) -> io::Result<()> {
    use std::os::unix::fs::{PermissionsExt, chown};

    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let id = group_id(group, &groups)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no group {group}")))?;
    chown(directory, None, Some(id))?;
    chown(socket, None, Some(id))?;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o710))?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660))
}

/// The id of a group given by number or by name, the latter from the text of the system's group file. Groups known only
/// to a directory service have to be given by number.
#[cfg(unix)]
fn group_id(group: &str, groups: &str) -> Option<u32> {
    group.parse().ok().or_else(|| {
        let fields = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields
            .filter(|fields| fields.first() == Some(&group))
            .find_map(|fields| fields.get(2)?.parse().ok())
    })
}

/// The host's port range; a value that is no port counts as not given.
fn port_range(environment: &Environment) -> (u16, u16) {
    let port = |(name, default): (&str, u16)| environment(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    (port(PORT_FIRST), port(PORT_LAST))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_goes_where_its_path_fits() {
        let long = PathBuf::from(format!("/{}", "x".repeat(SOCKET_PATH_BYTES_MAX)));
        let limit = PathBuf::from(format!(
            "/{}",
            "x".repeat(SOCKET_PATH_BYTES_MAX - SOCKET_SUFFIX_BYTES - 1)
        ));
        let cases: [(Option<PathBuf>, PathBuf, Option<PathBuf>); 7] = [
            (None, "/t".into(), Some("/t".into())),
            (None, limit.clone(), Some(limit)),
            (None, long.clone(), Some("/tmp".into())),
            (None, "/a|b".into(), Some("/tmp".into())),
            (Some("/run/c".into()), "/t".into(), Some("/run/c".into())),
            (Some(long), "/t".into(), None),
            (Some("/a\nb".into()), "/t".into(), None),
        ];
        for (chosen, temporary, expected) in cases {
            assert_eq!(
                socket_parent(chosen.clone(), temporary.clone()).ok(),
                expected,
                "{chosen:?} {temporary:?}"
            );
        }
    }

    #[test]
    fn the_suffix_is_what_is_really_added() {
        let parent = tempfile::tempdir().unwrap();
        let path = private_directory(parent.path()).unwrap().path().join("s");
        assert_eq!(
            path.as_os_str().len(),
            parent.path().as_os_str().len() + SOCKET_SUFFIX_BYTES
        );
    }

    #[test]
    fn groups_by_number_and_by_name() {
        let file = "root:x:0:\n# comment\nbuild:x:1042:ann,ben\nbroken:x\n";
        let cases = [
            ("1042", Some(1042)),
            ("build", Some(1042)),
            ("root", Some(0)),
            ("broken", None),
            ("none", None),
        ];
        for (group, id) in cases {
            assert_eq!(group_id(group, file), id, "{group}");
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_passed_over() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let only: Environment = Box::new(move |_| Some(port.to_string()));
        assert!(
            matches!(Listener::bind_port(&only), Err(ServeError::Ports(first, last)) if (first, last) == (port, port))
        );
        drop(taken);
        let listener = Listener::bind_port(&only).unwrap();
        assert_eq!(
            listener.address(),
            &Address::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))
        );
    }

    #[test]
    fn port_ranges() {
        let nothing: Environment = Box::new(|_| None);
        let nonsense: Environment = Box::new(|_| Some("70000".to_owned()));
        assert_eq!(port_range(&nothing), (10_000, 25_000));
        assert_eq!(port_range(&nonsense), (10_000, 25_000));
    }
}

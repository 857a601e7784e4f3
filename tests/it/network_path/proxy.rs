//! Proxies: used when they are set, passed by when told so, and named when they refuse.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::{configure, options, world};

/// A proxy that tunnels, or answers every CONNECT with the status it is given. Its threads end with the test's process.
struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = log.clone();
                // A connection that breaks is the client's matter.
                thread::spawn(move || drop(tunnel(stream, refusal, &log)));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn tunnel(client: TcpStream, refusal: Option<&str>, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    log.lock().unwrap().push(request.trim().to_owned());
    let mut client = client;
    if let Some(status) = refusal {
        return write!(client, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    }
    let target = request.split(' ').nth(1).unwrap_or_default();
    let server = TcpStream::connect(target)?;
    write!(client, "HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut to_server, mut from_server) = (server.try_clone()?, server);
    let mut back = client.try_clone()?;
    thread::spawn(move || std::io::copy(&mut from_server, &mut back));
    std::io::copy(&mut reader.by_ref(), &mut to_server)?;
    Ok(())
}

#[test]
fn a_proxy_is_used_for_tokens_and_for_arm() {
    let proxy = Proxy::start(None);
    let (emulator, sandbox) = world(options(), &[("HTTPS_PROXY", &proxy.url), ("NO_PROXY", "")]);
    configure(&sandbox, "");
    sandbox.ok(&["apply", "-auto-approve"]);
    let target = format!("CONNECT {} HTTP/1.1", emulator.url().trim_start_matches("https://"));
    let asked = proxy.asked();
    assert!(
        !asked.is_empty() && asked.iter().all(|line| *line == target),
        "{asked:?}"
    );

    // Everything went through: without the proxy there is nothing.
    let (emulator, sandbox) = world(options(), &[("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "")]);
    configure(&sandbox, "");
    let run = sandbox.fails(&["plan"]);
    assert!(emulator.requests().is_empty(), "{run}");
    run.says("HTTPS_PROXY");
}

#[test]
fn hosts_that_need_no_proxy_are_passed_by() {
    let proxy = Proxy::start(None);
    let (_emulator, sandbox) = world(
        options(),
        &[("HTTPS_PROXY", &proxy.url), ("NO_PROXY", "example.com,localhost")],
    );
    configure(&sandbox, "");
    sandbox.ok(&["plan"]);
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

#[test]
fn a_proxy_that_refuses_is_named_and_its_password_is_not() {
    for (status, want) in [("407 Proxy Authentication Required", "roxy"), ("403 Forbidden", "roxy")] {
        let proxy = Proxy::start(Some(status));
        let url = proxy.url.replace("http://", "http://someone:hush-hush@");
        let (emulator, sandbox) = world(options(), &[("HTTPS_PROXY", &url), ("NO_PROXY", "")]);
        configure(&sandbox, "");
        let run = sandbox.fails(&["plan"]);
        run.says(want).says("Check HTTPS_PROXY");
        assert!(!run.output().contains("hush-hush"), "{run}");
        assert!(emulator.requests().is_empty() && !proxy.asked().is_empty());
    }
}

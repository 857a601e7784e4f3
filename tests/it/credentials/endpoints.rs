//! The emulator's plain port: what it refuses, because whoever reaches it would get a token.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use terraform_provider_acr::emulator::{self, Emulator, Options};

/// Status and body of one request, sent as it stands.
fn ask(emulator: &Emulator, target: &str, headers: &str) -> (u16, String) {
    let address = emulator.machine_environment()[0].1.replace("http://", "");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[test]
fn a_token_is_given_only_to_those_who_ask_as_they_should() {
    let emulator = emulator::start_blocking(super::options()).unwrap();
    let header = emulator.app_service_environment()[1].1.clone();
    let machine = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/";
    let absolute = format!("http://169.254.169.254{machine}");
    let app = "/msi/token?api-version=2019-08-01&resource=https://management.azure.com/";
    let metadata = "Host: 169.254.169.254\r\nMetadata: true\r\n";
    let local = "Host: 127.0.0.1:80\r\n";
    let cases = [
        ("through the proxy", absolute.as_str(), metadata.to_owned(), 200),
        ("directly", machine, metadata.to_owned(), 200),
        (
            "without the header",
            machine,
            "Host: 169.254.169.254\r\n".to_owned(),
            400,
        ),
        (
            "forwarded",
            machine,
            format!("{metadata}X-Forwarded-For: 10.0.0.1\r\n"),
            400,
        ),
        (
            "a page that was rebound",
            machine,
            "Host: evil.example\r\nMetadata: true\r\n".to_owned(),
            403,
        ),
        (
            "another host",
            "http://management.azure.com/",
            "Host: management.azure.com\r\n".to_owned(),
            403,
        ),
        (
            "no resource",
            "/metadata/identity/oauth2/token?api-version=2018-02-01",
            metadata.to_owned(),
            400,
        ),
        (
            "no version",
            "/metadata/identity/oauth2/token?resource=r",
            metadata.to_owned(),
            400,
        ),
        ("an app", app, format!("{local}X-IDENTITY-HEADER: {header}\r\n"), 200),
        (
            "an app with a guess",
            app,
            format!("{local}X-IDENTITY-HEADER: guess\r\n"),
            401,
        ),
        ("an app without", app, local.to_owned(), 401),
        ("elsewhere", "/subscriptions", local.to_owned(), 404),
    ];
    for (what, target, headers, expected) in cases {
        let (status, answer) = ask(&emulator, target, &headers);
        assert_eq!(status, expected, "{what}: {answer}");
        assert_eq!(answer.contains("access_token"), expected == 200, "{what}: {answer}");
    }
}

#[test]
fn the_plain_port_is_closed_unless_asked_for() {
    let emulator = emulator::start_blocking(Options::default()).unwrap();
    assert!(emulator.machine_environment().is_empty() && emulator.app_service_environment().is_empty());
}

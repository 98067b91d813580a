//! The shipped configurations of proxies with TLS in front of a console.

use super::tls_proxy::{Kind, TlsProxy};
use crate::console::Console;
use crate::harness::TestApp;

const SOMEBODY: &str = "127.0.0.9";
const PUBLIC: &str = "https://console.example.org";

#[test]
fn nginx_shows_the_console_and_passes_its_news_on_at_once() {
    shows_the_console(Kind::NginxOfConsole);
}

#[test]
fn caddy_shows_the_console_and_passes_its_news_on_at_once() {
    shows_the_console(Kind::CaddyOfConsole);
}

fn shows_the_console(kind: Kind) {
    let app = TestApp::builder().workers(0).start();
    let console = Console::start_with(
        &app,
        &[
            ("CONSOLE_AUTH", "accounts"),
            ("CONSOLE_PUBLIC_URL", PUBLIC),
            ("CONSOLE_PROXY_PEERS", "127.0.0.1"),
        ],
    );
    let proxy = TlsProxy::start(kind, console.port());
    let (status, page) = proxy.ask(SOMEBODY, "/login", &["--include"]);
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("strict-transport-security"), "{page}");

    let note = ["--by", "root", "--why", "the first admin"];
    let added = app.ctl(&[&["people", "add", "anna", "--role", "admin"], &note[..]].concat());
    let added = added.succeeded().stdout;
    let password = added.trim().rsplit(' ').next().expect("a password");
    let password = format!("password={password}");
    let sign_in = |origin: &str| {
        let origin = format!("Origin: {origin}");
        let form = ["--data-urlencode", "name=anna", "--data-urlencode"];
        let options = [&["--include", "--header", &origin][..], &form, &[&password]];
        proxy.ask(SOMEBODY, "/login", &options.concat())
    };
    let (status, page) = sign_in("https://another.example.org");
    assert_eq!(status, 403, "{page}");
    let (status, page) = sign_in(PUBLIC);
    assert_eq!(status, 303, "{page}");
    assert!(page.contains("__Host-paynow="), "{page}");
    assert!(page.contains("Secure"), "{page}");

    let session = Console::session(&app, "bo", "viewer");
    let cookie = format!("Cookie: __Host-paynow={session}");
    // curl stops reading; a proxy that collected the answer would have passed nothing on.
    let options = ["--no-buffer", "--header", &cookie, "--max-time", "5"];
    let (status, news) = proxy.ask(SOMEBODY, "/live/stream", &options);
    assert_eq!(status, 200, "{news}");
    assert!(news.contains("data: "), "{news}");

    let large = proxy.file("large", &vec![b'x'; 65_537]);
    let options = [
        "--data-binary",
        large.as_str(),
        "--header",
        "Origin: https://console.example.org",
    ];
    let (status, page) = proxy.ask(SOMEBODY, "/login", &options);
    // Where the console refuses a body that Caddy still sends, Caddy may not see the answer.
    assert!([413, 502].contains(&status), "{status} {page}");
}

//! SIGHUP: the settings change, and connections stay.

use std::{fs, path::PathBuf};

use ferry_protocol::MessageId;

use crate::{
    bare::{Bare, send_frame},
    harness::{Backend, Relay, World, log_level, until},
    http::ask::ask,
};

/// A relay whose settings are in a file.
struct Configured {
    world: World,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

impl Configured {
    async fn start(backend: Backend, settings: &str, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ferry.toml");
        fs::write(&file, settings).unwrap();
        let flags = [&["--config", file.to_str().unwrap()], flags].concat();
        let flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
        let world = World::start_with(backend, &flags).await;
        Self { world, file, _directory: directory }
    }

    fn relay(&self) -> &Relay {
        self.world.relay()
    }

    /// Writes the file and waits until the relay has read it.
    async fn change(&self, settings: &str, outcome: &str) {
        let before = reloads(self.relay(), outcome).await;
        fs::write(&self.file, settings).unwrap();
        self.relay().ask_to_reload();
        until("the relay reads its settings again", || async {
            (reloads(self.relay(), outcome).await > before).then_some(())
        })
        .await;
    }
}

async fn reloads(relay: &Relay, outcome: &str) -> u64 {
    let text = relay.metrics().await;
    let name = format!("ferry_config_reloads_total{{outcome=\"{outcome}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_change_for_the_next_send_of_open_connections() {
    let wide = "send-burst = 1000\nsend-rate = 1000\n";
    let relay = Configured::start(Backend::Cluster, wide, &["--rate-limits"]).await;
    let (alice, bob) = (relay.world.person("alice").await, relay.world.person("bob").await);
    let room = alice.online(relay.relay()).await.direct(bob.id).await;
    let mut device = Bare::online(&alice, relay.relay()).await;
    for text in ["one", "two", "three"] {
        device.send(room, text).await;
    }
    // One an hour is as good as none. The rate is one a second at least, so a burst of one.
    relay.change("send-burst = 1\nsend-rate = 1\n", "applied").await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        device.socket.send(&send_frame(MessageId::new(), room, "more")).await;
    }
    while answers.len() < 5 {
        let frame = device.socket.frame().await.unwrap();
        match frame["type"].as_str().unwrap() {
            "sent" => answers.push("sent".to_owned()),
            "error" => answers.push(frame["code"].as_str().unwrap().to_owned()),
            _ => {}
        }
    }
    assert!(answers.iter().any(|answer| answer == "rate_limited"), "{answers:?}");
    relay.change(wide, "applied").await;
    device.send(room, "as before").await;
    device.is_alive().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn origins_and_proxies_change() {
    let relay = Configured::start(Backend::Embedded, "", &["--rate-limits", "--login-burst", "1"]).await;
    let page = async || {
        let answer = ask(relay.relay(), "GET", "/healthz").header("origin", "https://app.example").send().await;
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(page().await, None);
    relay.change("origin = [\"https://app.example\"]\n", "applied").await;
    assert_eq!(page().await.as_deref(), Some("https://app.example"));
    relay.change("trusted-proxy = [\"127.0.0.1\"]\n", "applied").await;
    assert_eq!(page().await, None);
    // Two clients behind the proxy do not share a limit.
    let alice = relay.world.person("alice").await;
    for client in ["192.0.2.1", "192.0.2.2"] {
        let login = crate::http::ask::login(relay.relay(), &alice.name, "correct horse");
        login.header("x-forwarded-for", client).send().await.ok(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_file_keeps_what_was_and_is_told() {
    let relay = Configured::start(Backend::Embedded, "devices = 1\n", &[]).await;
    let alice = relay.world.person("alice").await;
    let mut device = Bare::online(&alice, relay.relay()).await;
    for bad in ["devices = 2\nwindow = 0\n", "devices = ", "devics = 2\n"] {
        relay.change(bad, "rejected").await;
    }
    let refused = relay.relay().client().login(&alice.name, &alice.password, "second").await.unwrap_err();
    assert_eq!(refused.code(), Some(ferry_protocol::ErrorCode::DeviceLimit));
    assert!(relay.world.logs().contains("those of before stay"), "{}", relay.world.logs());
    assert!(relay.world.logs().contains("devics"), "the log says what is wrong");
    device.is_alive().await;
    relay.change("devices = 2\n", "applied").await;
    alice.log_in(relay.relay()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_a_restart_is_named_and_left() {
    let relay = Configured::start(Backend::Embedded, "issuer = \"one\"\n", &[]).await;
    let alice = relay.world.person("alice").await;
    let mut device = Bare::online(&alice, relay.relay()).await;
    relay.change("issuer = \"two\"\nframe = 2048\nmembers = 7\n", "applied").await;
    let log = relay.world.logs();
    let told = log.lines().find(|line| line.contains("need a restart")).unwrap();
    assert!(told.contains("\"frame, issuer\"") || told.contains("\"issuer, frame\""), "{told}");
    assert!(log.contains("\"changed\":\"members\""), "{log}");
    device.is_alive().await;
    // Its token is of the old issuer, and counts.
    device.reopen(relay.relay()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_more_or_less() {
    let relay = Configured::start(Backend::Embedded, "log = \"info\"\n", &[&log_level("")]).await;
    let is_logged = |text: &str| relay.world.logs().contains(text);
    let wrong = async || {
        ask(relay.relay(), "GET", "/v1/me").bearer("canary").send().await;
    };
    wrong().await;
    assert!(!is_logged("\"level\":\"DEBUG\""), "{}", relay.world.logs());
    relay.change("log = \"debug\"\n", "applied").await;
    wrong().await;
    until("the log has details", || async { is_logged("\"level\":\"DEBUG\"").then_some(()) }).await;
    assert!(!is_logged("canary"));
}

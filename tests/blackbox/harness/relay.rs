//! A running `ferry serve`, and clients of it.

use std::{
    ops::{Deref, DerefMut},
    path::PathBuf,
    sync::OnceLock,
};

use ferry_client::{Client, ClientOptions};
use ferry_testkit::{CHEAP_PASSWORDS, OPEN_HANDED, RelayOptions};

use super::tap::Tap;

/// A pseudo-flag that the relay does not get: the value of its `FERRY_LOG`.
pub const LOG_LEVEL: &str = "--test-log=";

/// A pseudo-flag that the relay does not get: a variable of its environment, as `NAME=VALUE`.
pub const VARIABLE: &str = "--test-variable=";

/// A pseudo-flag that the relay does not get: the path of the `ferry` that runs.
pub const BINARY: &str = "--test-binary=";

/// A running relay, killed when dropped.
pub struct Relay {
    relay: ferry_testkit::Relay,
    /// Stands before the relay, for the client library.
    tap: OnceLock<Tap>,
}

impl Relay {
    pub async fn start(arguments: Vec<String>, log: PathBuf) -> Self {
        let relay = ferry_testkit::Relay::start(options(&arguments, log)).await.unwrap();
        Self { relay, tap: OnceLock::new() }
    }

    /// Returns a client whose connections go through a tap: what passes there is compared with the
    /// documents of the interface.
    pub fn client(&self) -> Client {
        let tap = self.tap.get_or_init(|| Tap::on(&self.address));
        Client::new(&format!("http://{}", tap.address), ClientOptions::default()).unwrap()
    }

    /// Starts it again on the same address with the same flags, and waits until it is ready.
    pub async fn restart(&mut self) {
        self.relay.restart().await.unwrap();
    }

    /// Lets the next restart run this version's `ferry`.
    pub fn run_this_version(&mut self) {
        self.relay.use_binary(PathBuf::from(env!("CARGO_BIN_EXE_ferry")));
    }

    /// Returns the value of a metric, for example `ferry_acks_total`.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.metrics().await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
    }
}

impl Deref for Relay {
    type Target = ferry_testkit::Relay;

    fn deref(&self) -> &Self::Target {
        &self.relay
    }
}

impl DerefMut for Relay {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.relay
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // Nothing goes through the tap any more.
        self.relay.kill();
        if let Some(tap) = self.tap.get() {
            assert_eq!(tap.faults(), [""; 0], "not as docs/openapi.json or docs/asyncapi.json says");
        }
    }
}

fn options(arguments: &[String], log: PathBuf) -> RelayOptions {
    let level = arguments.iter().find_map(|argument| argument.strip_prefix(LOG_LEVEL)).map(str::to_owned);
    let level = level.or_else(|| std::env::var("FERRY_TEST_LOG").ok());
    let mut flags = CHEAP_PASSWORDS.map(str::to_owned).to_vec();
    if !arguments.iter().any(|argument| argument == "--default-add") {
        flags.extend(OPEN_HANDED.map(str::to_owned));
    }
    // A test that needs the limits on rates says so with its own flags.
    if !arguments.iter().any(|argument| argument == "--rate-limits") {
        flags.push("--no-rate-limits".to_owned());
    }
    let pseudo = [LOG_LEVEL, VARIABLE, BINARY];
    let is_real =
        |argument: &&String| *argument != "--rate-limits" && !pseudo.iter().any(|pseudo| argument.starts_with(pseudo));
    flags.extend(arguments.iter().filter(is_real).cloned());
    let variables = arguments.iter().filter_map(|argument| argument.strip_prefix(VARIABLE)?.split_once('='));
    let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let binary = arguments.iter().find_map(|argument| argument.strip_prefix(BINARY));
    let binary = PathBuf::from(binary.unwrap_or(env!("CARGO_BIN_EXE_ferry")));
    RelayOptions { binary, flags, log_level: level.unwrap_or_else(|| "debug".to_owned()), environment, log }
}

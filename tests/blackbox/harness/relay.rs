//! A running `ferry serve`.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use ferry_client::{Client, ClientOptions};

use super::{DEADLINE, tap::Tap};

/// Not a flag of the relay: the prefix of a value for its `FERRY_LOG`.
pub const LOG_LEVEL: &str = "--test-log=";

/// A relay's process. Dropping it kills it.
pub struct Relay {
    child: Child,
    arguments: Vec<String>,
    log: PathBuf,
    /// The tap in front of the relay, for the client library.
    tap: OnceLock<Tap>,
    /// `127.0.0.1:port`.
    pub address: String,
}

impl Relay {
    pub async fn start(arguments: Vec<String>, log: PathBuf) -> Self {
        let child = spawn(&arguments, "127.0.0.1:0", &log);
        let mut relay = Self { child, arguments, log, tap: OnceLock::new(), address: String::new() };
        relay.address = relay.wait_until_it_listens(0).await;
        relay.wait_until_ready().await;
        relay
    }

    fn spawned_times(&self) -> usize {
        self.log().matches("\"message\":\"ferry listens\"").count()
    }

    async fn wait_until_it_listens(&mut self, before: usize) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let log = self.log();
            let lines: Vec<&str> = log.lines().filter(|line| line.contains("\"message\":\"ferry listens\"")).collect();
            if lines.len() > before {
                let line: serde_json::Value = serde_json::from_str(lines[lines.len() - 1]).unwrap();
                return line["address"].as_str().unwrap().to_owned();
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the relay ended with {status}:\n{log}");
            }
            assert!(Instant::now() < deadline, "the relay does not listen:\n{log}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until `/readyz` says that it is ready.
    pub async fn wait_until_ready(&self) {
        super::until("the relay is ready", || async {
            let answer = reqwest::get(self.url("/readyz")).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns a client of the library. The tap checks its connections against the documents of
    /// the interface.
    pub fn client(&self) -> Client {
        let tap = self.tap.get_or_init(|| Tap::on(&self.address));
        Client::new(&format!("http://{}", tap.address), ClientOptions::default()).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it like a crash, with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, with SIGTERM.
    pub fn ask_to_stop(&self) {
        self.signal("-TERM");
    }

    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill {signal}");
    }

    /// Waits until it has ended, and returns how.
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the relay does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Starts it again on the same address, with the same flags.
    pub async fn restart(&mut self) {
        let before = self.spawned_times();
        self.child = spawn(&self.arguments, &self.address, &self.log);
        self.wait_until_it_listens(before).await;
        self.wait_until_ready().await;
    }

    /// Returns everything that it wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns a metric's value, for example `ferry_acks_total`.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = reqwest::get(self.url("/metrics")).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.log());
        } else if let Some(tap) = self.tap.get() {
            assert_eq!(tap.faults(), [""; 0], "not as docs/openapi.json or docs/asyncapi.json says");
        }
    }
}

fn spawn(arguments: &[String], listen: &str, log: &PathBuf) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    // The machine's own settings do not apply, and passwords are cheap to hash. A test that needs
    // rate limits sets them with its own flags.
    let level = arguments.iter().find_map(|argument| argument.strip_prefix(LOG_LEVEL)).map(str::to_owned);
    let level = level.or_else(|| std::env::var("FERRY_TEST_LOG").ok());
    command.env_clear().env("FERRY_LOG", level.as_deref().unwrap_or("debug"));
    command.args([
        "serve",
        "--listen",
        listen,
        "--log-format",
        "json",
        "--argon2-memory",
        "64",
        "--argon2-iterations",
        "1",
    ]);
    if !arguments.iter().any(|argument| argument == "--rate-limits") {
        command.arg("--no-rate-limits");
    }
    command.args(arguments.iter().filter(|argument| *argument != "--rate-limits" && !argument.starts_with(LOG_LEVEL)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

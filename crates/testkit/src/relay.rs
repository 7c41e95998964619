//! `ferry serve`.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use anyhow::Context;

use crate::{Process, Scratch, get, get_over, process::read_log, until};

/// The flags with which hashing a password costs as little as possible.
pub const CHEAP_PASSWORDS: [&str; 4] = ["--argon2-memory", "64", "--argon2-iterations", "1"];

/// The flags with which strangers may add each other to rooms, as most tests begin.
pub const OPEN_HANDED: [&str; 2] = ["--default-add", "anybody"];

/// The message of the log line that says where the relay listens.
const LISTENS: &str = r#""message":"ferry listens""#;

/// How a relay is started.
#[derive(Debug)]
pub struct RelayOptions {
    /// The path of the `ferry` binary.
    pub binary: PathBuf,
    /// The flags after `ferry serve`, without `--listen` and `--log-format`. Without
    /// `--admin-listen`, operators reach it over a socket of its own.
    pub flags: Vec<String>,
    /// The value of `FERRY_LOG`. Empty leaves it out. It must let `ferry::run` log at `info`,
    /// because a line of that says where the relay listens.
    pub log_level: String,
    /// Other variables of its environment.
    pub environment: Vec<(String, String)>,
    /// The file that its log is appended to.
    pub log: PathBuf,
}

/// A running relay, killed when dropped.
#[derive(Debug)]
pub struct Relay {
    process: Process,
    options: RelayOptions,
    /// Its `host:port`. A restart keeps it.
    pub address: String,
    admin: Admin,
    /// The directory of its socket for operators.
    _directory: Scratch,
}

/// Where operators reach a relay.
#[derive(Debug, Clone)]
enum Admin {
    /// At this socket.
    Socket(PathBuf),
    /// Where its flags say.
    AsTold,
}

impl Relay {
    /// Starts a relay on a free port and waits until it is ready.
    ///
    /// # Errors
    /// Fails if the binary cannot be run, or the relay ends or does not get ready within 30 s.
    pub async fn start(options: RelayOptions) -> anyhow::Result<Self> {
        let directory = Scratch::in_memory()?;
        let is_told = options.flags.iter().any(|flag| flag.starts_with("--admin-listen"));
        let admin = if is_told { Admin::AsTold } else { Admin::Socket(directory.path("admin.sock")) };
        let (process, address) = launch(&options, "127.0.0.1:0", &admin).await?;
        Ok(Self { process, options, address, admin, _directory: directory })
    }

    /// Starts it again on the same address with the same flags, and waits until it is ready.
    /// Stop or kill it before.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        (self.process, self.address) = launch(&self.options, &self.address, &self.admin).await?;
        Ok(())
    }

    /// Lets [`Self::restart`] run another `ferry`.
    pub fn use_binary(&mut self, binary: PathBuf) {
        self.options.binary = binary;
    }

    /// Waits until `/readyz` says that it is ready, with all its nodes.
    pub async fn wait_until_ready(&self) {
        until("the relay is ready", || async { is_whole(&self.admin, &self.address).await.then_some(()) }).await;
    }

    /// Returns the socket at which operators reach it.
    ///
    /// # Panics
    /// Panics if its flags say `--admin-listen`.
    pub fn admin_socket(&self) -> &Path {
        match &self.admin {
            Admin::Socket(path) => path,
            Admin::AsTold => panic!("its flags say --admin-listen"),
        }
    }

    /// Returns the status and the body of `GET path` at its listener for operators.
    ///
    /// # Errors
    /// Fails if there is no connection, no answer within 5 s, or an answer that is not HTTP.
    pub async fn ask_as_operator(&self, path: &str) -> io::Result<(u16, String)> {
        get_over(self.admin_socket(), path).await
    }

    /// Returns its metrics.
    ///
    /// # Panics
    /// Panics if it does not answer with them.
    pub async fn metrics(&self) -> String {
        match self.ask_as_operator("/metrics").await {
            Ok((200, metrics)) => metrics,
            other => panic!("no metrics: {other:?}"),
        }
    }

    /// Returns the status and the body of the `/readyz` of operators.
    ///
    /// # Panics
    /// Panics if it does not answer in JSON.
    pub async fn readiness(&self) -> (u16, serde_json::Value) {
        let answer = self.ask_as_operator("/readyz").await;
        let (status, body) = answer.unwrap_or_else(|error| panic!("no readiness: {error}"));
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    /// Returns the URL of a path on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Kills it as a crash would, with SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop, with SIGTERM, and does not wait for that.
    pub fn ask_to_stop(&self) {
        self.process.ask_to_stop();
    }

    /// Asks it to read its settings again, with SIGHUP, and does not wait for that.
    pub fn ask_to_reload(&self) {
        self.process.signal("-HUP");
    }

    /// Stops it until [`Self::thaw`]. It keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// Lets a frozen relay go on.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// Waits until it has ended, and returns how.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Returns all that it wrote to its log, restarts included.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

async fn launch(options: &RelayOptions, listen: &str, admin: &Admin) -> anyhow::Result<(Process, String)> {
    let before = addresses(&options.log).len();
    let mut command = Command::new(&options.binary);
    // Nothing of the machine's own settings.
    command.env_clear().envs(options.environment.iter().map(|(name, value)| (name, value)));
    if !options.log_level.is_empty() {
        command.env("FERRY_LOG", &options.log_level);
    }
    command.args(["serve", "--listen", listen, "--log-format", "json"]).args(&options.flags);
    if let Admin::Socket(path) = admin {
        command.arg(format!("--admin-listen=unix:{}", path.display()));
    }
    let mut process = Process::spawn("the relay", &mut command, &options.log)?;
    let address = process.until(|| async { addresses(&options.log).into_iter().nth(before) }).await?;
    let ready = || async { is_whole(admin, &address).await.then_some(()) };
    process.until(ready).await.context("the relay listens and does not get ready")?;
    Ok((process, address))
}

/// Returns whether a relay is ready, with all its nodes if operators can say so: what tests send to
/// a user of any node must go through.
async fn is_whole(admin: &Admin, address: &str) -> bool {
    let Admin::Socket(path) = admin else {
        return get(address, "/readyz").await.is_ok_and(|(status, _)| status == 200);
    };
    let Ok((200, body)) = get_over(path, "/readyz").await else { return false };
    let found: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    found["nsqd"].as_array().is_some_and(|nodes| nodes.iter().all(|node| node["ready"] == true))
}

/// Returns the addresses that relays with this log have listened on, in the order of their
/// starts.
fn addresses(log: &Path) -> Vec<String> {
    let log = read_log(log);
    let lines = log.lines().filter(|line| line.contains(LISTENS));
    let values = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    values.filter_map(|line| Some(line["address"].as_str()?.to_owned())).collect()
}

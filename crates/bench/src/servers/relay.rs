//! `ferry serve`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{Nsqd, Process, Scratch, build, get, repository, until};

/// The binary that is measured: the given one, or the release build, brought up to date.
///
/// # Errors
/// It is not there, or cannot be built.
pub fn ferry_binary(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        anyhow::ensure!(given.is_file(), "there is no {}", given.display());
        return Ok(given.to_owned());
    }
    // Also where there is one: figures of an older build would mislead. It does nothing when the build is up to date.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    build(cargo, &["build", "--release", "--quiet", "--package", "ferry", "--bin", "ferry"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    Ok(target.join("release/ferry"))
}

/// How a relay is to be started.
#[derive(Debug)]
pub struct RelayOptions<'a> {
    /// The program.
    pub binary: &'a Path,
    /// Its database.
    pub database: &'a str,
    /// Its nsqd; none for the broker in process.
    pub nsqd: Option<&'a Nsqd>,
    /// Passwords are hashed as in earnest, and not as cheaply as can be.
    pub real_passwords: bool,
    /// Devices that a user may have.
    pub devices_per_user: usize,
    /// Members that a room may have.
    pub room_size: usize,
}

/// A running relay.
#[derive(Debug)]
pub struct RelayServer {
    /// Its process.
    pub process: Process,
    /// `host:port`.
    pub address: String,
}

impl RelayServer {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(scratch: &Scratch, options: &RelayOptions<'_>) -> anyhow::Result<Self> {
        let mut command = Command::new(options.binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FERRY_")) {
            command.env_remove(name);
        }
        // Each login says a line at the level of the one line that is needed here.
        command.env("FERRY_LOG", "warn,ferry::run=info");
        command.args(["serve", "--listen", "127.0.0.1:0", "--database", options.database, "--log-format", "json"]);
        // A day, so that no token expires in a run.
        command.args(["--no-rate-limits", "--access-ttl", "86400"]);
        command.args(["--devices", &options.devices_per_user.max(16).to_string()]);
        command.args(["--members", &options.room_size.max(1_000).to_string()]);
        if !options.real_passwords {
            command.args(["--argon2-memory", "64", "--argon2-iterations", "1"]);
        }
        if let Some(Nsqd { tcp, http, .. }) = options.nsqd {
            let http_port = http.rsplit(':').next().unwrap_or_default();
            command.args(["--nsqd", &format!("{tcp}/{http_port}")]);
        }
        let mut process = Process::spawn("server", &mut command, &scratch.path("relay.log"))?;
        let address = until(&mut process, |process| address_in(&process.log())).await?;
        until(&mut process, |_| get(&address, "/readyz").is_ok_and(|(status, _)| status == 200).then_some(())).await?;
        Ok(Self { process, address })
    }
}

fn address_in(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains(r#""message":"ferry listens""#))?;
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(line["address"].as_str()?.to_owned())
}

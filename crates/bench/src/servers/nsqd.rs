//! nsqd as `nsq.conf` has it.

use std::{path::PathBuf, process::Command};

use super::{Process, Scratch, build, free_port, get, repository, scratch::bytes_in, until};

/// A running nsqd.
#[derive(Debug)]
pub struct Nsqd {
    /// Its process.
    pub process: Process,
    /// `host:port` of its protocol.
    pub tcp: String,
    /// `host:port` of its HTTP interface.
    pub http: String,
    data: PathBuf,
}

impl Nsqd {
    /// Starts one, and builds it before where it is missing.
    ///
    /// # Errors
    /// It cannot be built, or does not start.
    pub async fn start(scratch: &Scratch) -> anyhow::Result<Self> {
        build(repository().join("tools/nsq/build"), &[])?;
        let data = scratch.directory("nsqd")?;
        let (tcp, http) = (free_port()?, free_port()?);
        let mut command = Command::new(repository().join("target/nsq/nsqd"));
        command
            .arg(format!("-config={}", repository().join("nsq.conf").display()))
            .arg(format!("-tcp-address=127.0.0.1:{tcp}"))
            .arg(format!("-http-address=127.0.0.1:{http}"))
            .arg(format!("-data-path={}", data.display()))
            .envs([("GODEBUG", "asynctimerchan=0"), ("GOGC", "50")]);
        let mut process = Process::spawn("nsqd", &mut command, &scratch.path("nsqd.log"))?;
        let (tcp, http) = (format!("127.0.0.1:{tcp}"), format!("127.0.0.1:{http}"));
        until(&mut process, |_| get(&http, "/ping").is_ok_and(|(status, _)| status == 200).then_some(())).await?;
        Ok(Self { process, tcp, http, data })
    }

    /// Bytes of its overflow, which is on tmpfs and so in memory as well.
    pub fn overflow(&self) -> u64 {
        bytes_in(&self.data)
    }
}

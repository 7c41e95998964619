//! A PostgreSQL server of its own, which a test may stop or the bench measures.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::{
    Certificate, Scratch,
    database::psql,
    must,
    process::{freeze, signal},
    repository,
};

/// A running PostgreSQL, stopped and deleted when dropped.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    /// The URL of its superuser.
    pub url: String,
    _scratch: Scratch,
}

impl Postgres {
    /// Starts a server with its data on a disk. Blocks until it is ready.
    ///
    /// # Errors
    /// Fails if PostgreSQL is not installed or does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_in(Scratch::on_disk()?)
    }

    /// Starts a server with its data in memory, if the machine has a tmpfs. Blocks until it is
    /// ready.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub fn start_in_memory() -> anyhow::Result<Self> {
        Self::start_in(Scratch::in_memory()?)
    }

    fn start_in(scratch: Scratch) -> anyhow::Result<Self> {
        // Made before the start, so that the drop stops what has started halfway.
        let mut postgres = Self { directory: scratch.path("postgres"), url: String::new(), _scratch: scratch };
        postgres.url = tool("start", &postgres.directory)?;
        Ok(postgres)
    }

    /// Starts a standby that follows this server. Blocks until it answers.
    ///
    /// # Errors
    /// Fails if PostgreSQL cannot copy the server.
    pub fn standby(&self) -> anyhow::Result<Self> {
        let scratch = Scratch::on_disk()?;
        let mut standby = Self { directory: scratch.path("postgres"), url: String::new(), _scratch: scratch };
        standby.url = tool_with("standby", &standby.directory, &[&self.url])?;
        Ok(standby)
    }

    /// Makes a standby take writes. Blocks until it does.
    pub fn promote(&self) {
        must("PostgreSQL", tool("promote", &self.directory));
    }

    /// Ends the server as the loss of its machine would. Blocks until it is gone.
    pub fn crash(&self) {
        must("PostgreSQL", tool("crash", &self.directory));
    }

    /// Returns `host:port`.
    pub fn address(&self) -> &str {
        self.url.rsplit('@').next().and_then(|rest| rest.split('/').next()).unwrap_or_default()
    }

    /// Gives the server this certificate, and turns TLS on. It takes both a moment later.
    pub fn use_certificate(&self, certificate: &Certificate) {
        for (text, file) in [(&certificate.certificate, "server.crt"), (&certificate.key, "server.key")] {
            // Written by the server, which must own its key.
            let rows = format!("SELECT regexp_split_to_table($pem${}$pem$, E'\\n')", text.trim());
            let copy = format!("COPY ({rows}) TO PROGRAM 'umask 077; cat > {file}'");
            must("PostgreSQL", psql(&self.url, &copy));
        }
        for statement in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
            must("PostgreSQL", psql(&self.url, statement));
        }
    }

    /// Returns the directory with everything that the server has on disk.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the ids of the server's process and of those that it has started for its
    /// connections.
    pub fn processes(&self) -> Vec<u32> {
        let file = fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap_or_default();
        let Some(server) = file.lines().next().and_then(|line| line.trim().parse().ok()) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        std::iter::once(server).chain(children.split_whitespace().filter_map(|id| id.parse().ok())).collect()
    }

    /// Stops the server's process and those of its connections, until the guard is dropped. They
    /// keep their connections and answer nothing, and the kernel accepts new ones.
    pub fn freeze(&self) -> Frozen {
        let mut frozen = Frozen { processes: Vec::new() };
        // The server first, so that it starts no more of them.
        must("PostgreSQL", frozen.stop(self.processes()[0]));
        for process in &self.processes()[1..] {
            // One that ends of itself just now needs no stopping.
            let _ = frozen.stop(*process);
        }
        frozen
    }

    /// Stops the server. Blocks until it has stopped.
    pub fn stop(&self) {
        must("PostgreSQL", tool("stop", &self.directory));
    }

    /// Starts a stopped server on the same port, with the same databases. Blocks until it is
    /// ready.
    pub fn start_again(&self) {
        assert_eq!(must("PostgreSQL", tool("start", &self.directory)), self.url, "PostgreSQL is at another address");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // No panic: while the test panics, it would hide the reason.
        if let Err(error) = tool("stop", &self.directory) {
            eprintln!("{error:#}");
        }
    }
}

/// Processes that are stopped. Dropping it lets them go on.
#[derive(Debug)]
pub struct Frozen {
    processes: Vec<u32>,
}

impl Frozen {
    fn stop(&mut self, process: u32) -> anyhow::Result<()> {
        self.processes.push(process);
        freeze(process)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in &self.processes {
            // It can have ended before it was stopped.
            let _ = signal("-CONT", *process);
        }
    }
}

fn tool(command: &str, directory: &Path) -> anyhow::Result<String> {
    tool_with(command, directory, &[])
}

fn tool_with(command: &str, directory: &Path, more: &[&str]) -> anyhow::Result<String> {
    let program = repository().join("tools/postgres");
    let output = Command::new(program).arg(command).arg(directory).args(more).output();
    let output = output.context("tools/postgres cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "tools/postgres {command}: {}", said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

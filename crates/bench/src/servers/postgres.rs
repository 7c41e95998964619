//! A PostgreSQL to throw away.

use std::{path::PathBuf, process::Command};

use anyhow::Context;

use super::{Scratch, repository};

/// A running PostgreSQL, stopped when dropped.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    /// Where a relay finds it.
    pub url: String,
}

impl Postgres {
    /// Starts one.
    ///
    /// # Errors
    /// What `tools/postgres` says.
    pub fn start(scratch: &Scratch) -> anyhow::Result<Self> {
        let mut postgres = Self { directory: scratch.path("postgres"), url: String::new() };
        postgres.url = tool("start", &postgres.directory)?;
        Ok(postgres)
    }

    /// The server's process and those that it has started for its connections.
    pub fn processes(&self) -> Vec<u32> {
        let file = std::fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap_or_default();
        let Some(server) = file.lines().next().and_then(|line| line.trim().parse().ok()) else { return Vec::new() };
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        std::iter::once(server).chain(children.split_whitespace().filter_map(|id| id.parse().ok())).collect()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = tool("stop", &self.directory) {
            eprintln!("{error:#}");
        }
    }
}

fn tool(command: &str, directory: &PathBuf) -> anyhow::Result<String> {
    let program = repository().join("tools/postgres");
    let output = Command::new(program).arg(command).arg(directory).output().context("tools/postgres cannot be run")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

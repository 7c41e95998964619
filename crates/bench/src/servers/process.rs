//! A process of ours.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context;

/// A running process; killed when dropped. Its output goes to a file.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

/// How much of a log an error shows.
const LOG_END: usize = 2_000;

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// A program that cannot be run, a log that cannot be written.
    pub fn spawn(name: &'static str, command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// What tables call it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has said.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The last of it.
    pub fn log_end(&self) -> String {
        let log = self.log();
        let start = (log.len().saturating_sub(LOG_END)..=log.len()).find(|&at| log.is_char_boundary(at));
        log[start.unwrap_or_default()..].to_owned()
    }

    /// # Errors
    /// It has ended.
    pub fn must_run(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("{} has ended with {status}:\n{}", self.name, self.log_end()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

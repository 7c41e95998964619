//! A process of ours, and its output.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{
    DEADLINE, get, must,
    wait::{PAUSE, until},
};

/// How long a server may take to get ready; after that its start fails.
pub(crate) const START: Duration = Duration::from_secs(30);

/// How many bytes of a log's end an error shows.
const LOG_END: usize = 2_000;

/// A running process, killed by its id when dropped. Its output goes to a file.
/// If the test panics, the drop shows that file.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

/// The error of a process that ended although it is needed.
#[derive(Debug, thiserror::Error)]
#[error("{name} has ended with {status}:\n{log}")]
pub struct Ended {
    name: &'static str,
    status: ExitStatus,
    log: String,
}

impl Process {
    /// Starts a process. Its standard output and standard error are appended to `log`.
    /// `name` is what errors call it.
    ///
    /// # Errors
    /// Fails if the program cannot be run or the log cannot be written.
    pub fn spawn(name: &'static str, command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::options().create(true).append(true).open(log);
        let output = output.with_context(|| format!("{} cannot be written", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// Returns the name that was given to [`Self::spawn`].
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns all of its output.
    pub fn log(&self) -> String {
        read_log(&self.log)
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let start = (log.len().saturating_sub(LOG_END)..=log.len()).find(|&at| log.is_char_boundary(at));
        log[start.unwrap_or_default()..].to_owned()
    }

    /// Checks that it still runs.
    ///
    /// # Errors
    /// Fails with [`Ended`] if it has ended.
    pub fn must_run(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(Ended { name: self.name, status, log: self.log_end() }.into()),
        }
    }

    /// Asks `answer` again and again until it has a value, and returns that.
    ///
    /// # Errors
    /// Fails if the process ends before that ([`Ended`]), or if there is no value within 30 s.
    pub async fn until<T, F: Future<Output = Option<T>>>(
        &mut self,
        mut answer: impl FnMut() -> F,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + START;
        loop {
            if let Some(value) = answer().await {
                return Ok(value);
            }
            self.must_run()?;
            anyhow::ensure!(Instant::now() < deadline, "{} does not get ready:\n{}", self.name, self.log_end());
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until `GET http://address/path` is answered with status 200.
    ///
    /// # Errors
    /// As of [`Self::until`].
    pub async fn until_ok(&mut self, address: &str, path: &str) -> anyhow::Result<()> {
        self.until(|| async { is_ok(address, path).await.then_some(()) }).await
    }

    /// Kills it as a crash or the out-of-memory killer would, with SIGKILL, and waits until it
    /// is gone.
    pub fn kill(&mut self) {
        must(self.name, self.child.kill());
        must(self.name, self.child.wait());
    }

    /// Asks it to stop, with SIGTERM, and does not wait for that.
    pub fn ask_to_stop(&self) {
        self.signal("-TERM");
    }

    /// Stops all of its threads, until [`Self::thaw`]. It keeps its connections and answers
    /// nothing.
    pub fn freeze(&self) {
        must(self.name, freeze(self.id()));
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        must(self.name, signal("-CONT", self.id()));
    }

    pub(crate) fn signal(&self, name: &str) {
        must(self.name, signal(name, self.id()));
    }

    /// Waits until it has ended by itself, and returns how.
    ///
    /// # Panics
    /// Panics if it still runs after [`DEADLINE`].
    pub async fn ended(&mut self) -> ExitStatus {
        let Self { name, child, .. } = self;
        until(&format!("{name} ends"), || {
            let status = must(name, child.try_wait());
            async move { status }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL ends a frozen process too. An error says that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {} ({})\n{}", self.name, self.log.display(), self.log());
        }
    }
}

/// Stops all threads of a process. Returns when they have stopped.
pub(crate) fn freeze(id: u32) -> anyhow::Result<()> {
    signal("-STOP", id)?;
    // The signal is sent, not obeyed: each thread runs on until the kernel gets round to stopping
    // it.
    let deadline = Instant::now() + DEADLINE;
    while !has_stopped(id)? {
        anyhow::ensure!(Instant::now() < deadline, "process {id} does not stop");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

pub(crate) fn signal(name: &str, id: u32) -> anyhow::Result<()> {
    let status = Command::new("kill").args([name, &id.to_string()]).status().context("kill cannot be run")?;
    anyhow::ensure!(status.success(), "kill {name} {id} failed");
    Ok(())
}

/// Returns true if every thread is in state `T` (proc_pid_stat(5); the state follows the name in
/// parentheses).
fn has_stopped(id: u32) -> anyhow::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let stat = fs::read_to_string(thread?.path().join("stat"))?;
        if !stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T')) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns true if `GET http://address/path` is answered with status 200.
pub(crate) async fn is_ok(address: &str, path: &str) -> bool {
    get(address, path).await.is_ok_and(|(status, _)| status == 200)
}

/// Returns what is in a log, or nothing if it cannot be read.
pub(crate) fn read_log(log: &Path) -> String {
    fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    #[tokio::test]
    async fn a_process_that_ends_is_an_error_that_shows_its_log() {
        let scratch = Scratch::in_memory().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such flag >&2; exit 3"]);
        let mut process = Process::spawn("the shell", &mut command, &scratch.path("log")).unwrap();
        let error = process.until(|| async { None::<()> }).await.unwrap_err();
        assert!(error.is::<Ended>(), "{error:#}");
        let text = error.to_string();
        assert!(text.starts_with("the shell has ended with exit status: 3") && text.contains("no such flag"), "{text}");
    }

    #[tokio::test]
    async fn a_frozen_process_is_killed_by_the_drop() {
        let scratch = Scratch::in_memory().unwrap();
        let process = Process::spawn("sleep", Command::new("sleep").arg("600"), &scratch.path("log")).unwrap();
        process.freeze();
        let id = process.id();
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}

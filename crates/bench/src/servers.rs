//! The processes that are measured: started on 127.0.0.1 at free ports, with their data in memory, and ended when dropped.

mod http;
mod nsqd;
mod postgres;
mod process;
mod relay;
mod scratch;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub use http::get;
pub use nsqd::Nsqd;
pub use postgres::Postgres;
pub use process::Process;
pub use relay::{RelayOptions, RelayServer, ferry_binary};
pub use scratch::Scratch;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);

/// The repository's root.
pub fn repository() -> PathBuf {
    // crates/bench, two levels down.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Asks again and again until there is an answer, or the process has ended, or too much time has passed.
pub async fn until<T>(process: &mut Process, mut ask: impl FnMut(&Process) -> Option<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + START;
    loop {
        if let Some(answer) = ask(process) {
            return Ok(answer);
        }
        process.must_run()?;
        anyhow::ensure!(Instant::now() < deadline, "{} does not get ready:\n{}", process.name(), process.log_end());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The program, on the PATH or among those for administrators, which not everybody has on it.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|directory| directory.join(name)).find(|program| program.is_file())
}

/// Runs a program that builds something, with its output on standard error.
pub fn build(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> anyhow::Result<()> {
    use anyhow::Context;
    let program = program.as_ref();
    let status = std::process::Command::new(program)
        .args(arguments)
        .current_dir(repository())
        // Standard output belongs to the results.
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("{} cannot be run", program.display()))?;
    anyhow::ensure!(status.success(), "{} {} failed", program.display(), arguments.join(" "));
    Ok(())
}

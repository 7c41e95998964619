//! Programs that are measured: found on this machine, or built first.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use ferry_testkit::{Nsqd, repository};

/// Returns the program, on the PATH or in a directory for administrators, which is not on
/// everyone's PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|directory| directory.join(name)).find(|program| program.is_file())
}

/// Runs a program that builds something, with its output on standard error.
///
/// # Errors
/// Fails if the program cannot be run, or fails.
pub fn build(program: impl AsRef<OsStr>, arguments: &[&str]) -> anyhow::Result<()> {
    let program = program.as_ref();
    let status = Command::new(program)
        .args(arguments)
        .current_dir(repository())
        // Standard output belongs to the results.
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("{} cannot be run", program.display()))?;
    anyhow::ensure!(status.success(), "{} {} failed", program.display(), arguments.join(" "));
    Ok(())
}

/// Starts an nsqd, and builds it first if it is missing.
///
/// # Errors
/// Fails if nsqd cannot be built or does not start.
pub async fn start_nsqd() -> anyhow::Result<Nsqd> {
    build(repository().join("tools/nsq/build"), &[])?;
    Nsqd::start().await
}

/// Returns the relay's binary that is measured: the given one, or the release build, brought up
/// to date.
///
/// # Errors
/// Fails if the given one is missing, or the release build fails.
pub fn ferry_binary(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        anyhow::ensure!(given.is_file(), "there is no {}", given.display());
        return Ok(given.to_owned());
    }
    // Also if there is one: figures of an older build would mislead. It does nothing when the
    // build is up to date.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    build(cargo, &["build", "--release", "--quiet", "--package", "ferry", "--bin", "ferry"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    Ok(target.join("release/ferry"))
}

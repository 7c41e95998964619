//! `ferry sql-backup`: the relay's database in a file, without tokens and keys.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use ferry_store::{LEFT_OUT_OF_BACKUPS, back_up_sqlite};

use crate::config::ServeArguments;

/// Writes a backup into a new file, which only its owner can read. Relays may run meanwhile.
///
/// # Errors
/// Fails if the settings cannot be used, if the file exists or cannot be written, and if the
/// database cannot be read. For PostgreSQL also if `pg_dump` is not there.
pub async fn back_up(arguments: ServeArguments, to: PathBuf) -> anyhow::Result<()> {
    let config = arguments.into_config()?;
    let url = config.database.expose();
    match url.strip_prefix("sqlite://") {
        Some(path) => back_up_sqlite(path, to).await.context("the backup cannot be written"),
        None => {
            let (url, roots) = (url.to_owned(), config.database_ca.clone());
            tokio::task::spawn_blocking(move || dump(&url, roots.as_deref(), &to)).await?
        }
    }
}

fn dump(url: &str, roots: Option<&Path>, to: &Path) -> anyhow::Result<()> {
    let (url, password) = without_password(url)?;
    let name = to.display();
    // pg_dump keeps the mode of a file that is there.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    drop(made.with_context(|| format!("{name} cannot be made"))?);
    let mut dump = Command::new("pg_dump");
    dump.args(["--format=custom", "--no-owner", "--no-password"]).arg("--file").arg(to);
    dump.args(LEFT_OUT_OF_BACKUPS.map(|table| format!("--exclude-table-data={table}"))).arg("--dbname").arg(url);
    // Everybody on the machine can see arguments.
    dump.envs(password.map(|password| ("PGPASSWORD", password)));
    dump.envs(roots.map(|roots| ("PGSSLROOTCERT", roots)));
    let dumped = dump.output().context("pg_dump cannot be run: install the client of PostgreSQL");
    let dumped = dumped.and_then(|dumped| {
        let said = String::from_utf8_lossy(&dumped.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(dumped.status.success(), "{said}");
        Ok(())
    });
    if dumped.is_err() {
        // Half a backup looks like one.
        let _ = std::fs::remove_file(to);
    }
    dumped
}

/// Returns the URL without its password, and the password as it is. The URL may name several hosts,
/// which no parser of URLs for the web takes.
fn without_password(url: &str) -> anyhow::Result<(String, Option<String>)> {
    let (scheme, rest) = url.split_once("://").context("database: the URL is malformed")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some((user, hosts)) = rest[..end].rsplit_once('@') else { return Ok((url.to_owned(), None)) };
    let Some((name, password)) = user.split_once(':') else { return Ok((url.to_owned(), None)) };
    Ok((format!("{scheme}://{name}@{hosts}{}", &rest[end..]), Some(decoded(password)?)))
}

/// Returns a part of a URL with what `%` stands for.
fn decoded(part: &str) -> anyhow::Result<String> {
    // `+` stands for itself here, and only in forms for a space.
    let form = format!("x={}", part.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned());
    decoded.context("database: the password in the URL is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_no_argument() {
        let split = |url| without_password(url).unwrap();
        assert_eq!(split("postgres://u:p%40+x@h:1/d?a=b"), ("postgres://u@h:1/d?a=b".into(), Some("p@+x".into())));
        assert_eq!(split("postgres://h/d"), ("postgres://h/d".into(), None));
        let two = "postgres://u:p@one:1,two:2/d?target_session_attrs=read-write";
        assert_eq!(split(two), (two.replace(":p@", "@"), Some("p".into())));
    }
}

//! A database in the PostgreSQL that the tests are given.

use std::process::Command;

use anyhow::Context;
use url::Url;
use uuid::Uuid;

/// The variable with the URL of a PostgreSQL where tests may make and drop databases.
const VARIABLE: &str = "FERRY_TEST_POSTGRES";

/// A new and empty database, dropped when this value is dropped.
#[derive(Debug)]
pub struct Database {
    /// The URL where a relay or a store finds it.
    pub url: String,
    server: String,
    name: String,
}

impl Database {
    /// Makes a database in the PostgreSQL of `FERRY_TEST_POSTGRES`. Blocks until it is there.
    ///
    /// # Errors
    /// Fails if the variable is not set or PostgreSQL does not answer.
    pub fn create() -> anyhow::Result<Self> {
        let server = std::env::var(VARIABLE).with_context(|| {
            format!("{VARIABLE} is not set: run ./test, or start a PostgreSQL with `tools/postgres start DIR`")
        })?;
        Self::create_in(&server)
    }

    /// Makes a database in the PostgreSQL whose superuser has this URL. Blocks until it is there.
    ///
    /// # Errors
    /// Fails if PostgreSQL does not answer.
    pub fn create_in(server: &str) -> anyhow::Result<Self> {
        let mut url = Url::parse(server).context("the URL of PostgreSQL is malformed")?;
        let name = format!("ferry_{}", Uuid::new_v4().simple());
        url.set_path(&name);
        psql(server, &format!("CREATE DATABASE {name}"))?;
        Ok(Self { url: url.into(), server: server.to_owned(), name })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // FORCE cuts the connections of a relay that was killed. A server that is gone has taken
        // the database along, so an error is none.
        let _ = psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Runs a statement. psql and not a client library, because a drop cannot await.
pub(crate) fn psql(server: &str, statement: &str) -> anyhow::Result<()> {
    let output = Command::new("psql").args([server, "-Xqc", statement]).output();
    let output = output.context("psql cannot be run: install the client of PostgreSQL, or run ./test")?;
    anyhow::ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

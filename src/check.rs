//! `ferry serve --check` and `ferry migrate`: what a relay would find at its start.

use anyhow::Context;
use ferry_store::{SchemaState, Store, StoreError};

use crate::{
    config::{Config, ServeArguments},
    run::open_store,
};

/// What was found before a start.
#[derive(Debug, Default)]
pub struct Checked {
    /// A line for each finding.
    pub lines: Vec<String>,
    /// How many of the lines are faults with which no relay starts.
    pub faults: usize,
}

impl Checked {
    fn fault(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
        self.faults += 1;
    }
}

/// Reads all settings and their files, and checks them, the address to listen on and the schema of
/// the database. Listens on nothing and writes nothing.
pub async fn check(arguments: ServeArguments) -> Checked {
    let mut checked = Checked::default();
    let settings = match arguments.into_settings() {
        Ok(settings) => settings,
        Err(error) => {
            checked.fault(in_one_line(&error.into()));
            return checked;
        }
    };
    for fault in settings.faults() {
        checked.fault(in_one_line(&fault.into()));
    }
    let Ok(config) = settings.into_config() else { return checked };
    listen(&config, &mut checked).await;
    match Store::schema(config.database.expose(), config.database_ca.as_deref()).await {
        Ok(state) => checked.lines.push(format!("database: {}", described(&state))),
        // Its text has the cause already.
        Err(error) => checked.fault(format!("database: {}", one_line(&error.to_string()))),
    }
    checked
}

async fn listen(config: &Config, checked: &mut Checked) {
    // The port itself is not tried: the relay that is to be replaced has it.
    match tokio::net::lookup_host(&config.listen).await.map(|mut addresses| addresses.next()) {
        Ok(Some(address)) => {
            checked
                .lines
                .extend(config.warnings(address.ip()).into_iter().map(|warning| format!("warning: {warning}")));
        }
        Ok(None) => checked.fault("listen: the name has no address"),
        Err(error) => checked.fault(format!("listen: {}: {error}", config.listen)),
    }
}

/// Returns an error with its causes, in one line.
fn in_one_line(error: &anyhow::Error) -> String {
    one_line(&format!("{error:#}"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn described(state: &SchemaState) -> String {
    let newest =
        state.newest.as_deref().map_or_else(|| "no schema yet".to_owned(), |newest| format!("schema {newest}"));
    if !state.pending.is_empty() {
        return format!("{newest}; a start runs {}", state.pending.join(", "));
    }
    match state.unknown.is_empty() {
        true => format!("{newest}, up to date"),
        false => format!("{newest}, of a newer version with which this one works"),
    }
}

/// What became of the migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Migrated {
    /// There was nothing to do. Says which schema the database has.
    Nothing(String),
    /// These migrations ran.
    Ran(Vec<String>),
    /// These migrations would run.
    Pending(Vec<String>),
}

/// Runs the migrations that the database lacks, or only says which ones they are. Relays may run
/// meanwhile, and another migration too: one runs, and the other waits.
///
/// # Errors
/// Fails if the settings cannot be used, if the database does not answer, and if a newer version
/// has migrated it so that this one cannot work with it.
pub async fn migrate(arguments: ServeArguments, only_look: bool) -> anyhow::Result<Migrated> {
    let config = arguments.into_config()?;
    let before = schema(&config).await?;
    if before.pending.is_empty() {
        return Ok(Migrated::Nothing(described(&before)));
    }
    if only_look {
        return Ok(Migrated::Pending(before.pending));
    }
    open_store(&config, None).await?;
    Ok(Migrated::Ran(before.pending))
}

async fn schema(config: &Config) -> anyhow::Result<SchemaState> {
    let state: Result<SchemaState, StoreError> =
        Store::schema(config.database.expose(), config.database_ca.as_deref()).await;
    state.context("the database cannot be looked at")
}

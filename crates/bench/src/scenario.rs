//! The scenarios: what is measured, and how.

mod backlog;
mod fanout;
mod history;
mod idle;
mod link;
mod login;
mod slow;
mod storm;

use std::time::Duration;

use crate::{
    options::{BARE, Kind, Options, Scenario},
    peer,
    report::{DELIVERIES, P50, P99, Report, Row},
    sample::{Group, generator},
    system::{Relay, System},
};

/// The number of simultaneous connects, if it does not matter.
const AT_ONCE: usize = 64;
/// The time without a delivery after which missing messages count as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a scenario for every system that it concerns.
///
/// # Errors
/// Fails for a reason that no row can show.
pub async fn run(scenario: Scenario, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    match scenario {
        Scenario::Idle => idle::run(options, report).await,
        Scenario::Fanout => {
            fanout::run(options, report).await?;
            for figure in [DELIVERIES, P50, P99] {
                report.compare("fanout", figure, BARE);
            }
            Ok(())
        }
        Scenario::Backlog => {
            backlog::run(options, report).await?;
            report.compare("backlog", "drained/s", BARE);
            Ok(())
        }
        Scenario::Storm => storm::run(options, report).await,
        Scenario::Slow => slow::run(options, report).await,
        Scenario::Login => login::run(options, report).await,
        Scenario::Link => link::run(options, report).await,
        Scenario::History => history::run(options, report).await,
        // `Options::scenarios` has replaced it by the others.
        Scenario::All => Ok(()),
    }
}

/// Prints what is measured now, for people who wait.
fn say(kind: Kind, what: &str) {
    eprintln!("{}: {what}", kind.name());
}

/// Returns the system's processes, and this one.
fn everybody(system: &dyn System) -> Vec<Group> {
    let mut groups = system.processes();
    groups.push(generator());
    groups
}

/// Starts a system.
///
/// # Errors
/// Fails if it is missing or does not start.
async fn start(kind: Kind, options: &Options) -> anyhow::Result<Box<dyn System>> {
    match kind {
        Kind::Relay(backend) => Ok(Box::new(Relay::start(backend, options, false).await?)),
        Kind::Peer(name) => peer::start(name).await,
    }
}

/// Starts the system and measures it. If that fails, the row says why.
async fn rows_of(
    kind: Kind,
    options: &Options,
    row: Row,
    measure: impl AsyncFnOnce(&mut dyn System, Row) -> anyhow::Result<Vec<Row>>,
) -> Vec<Row> {
    let outcome = match start(kind, options).await {
        Ok(mut system) => measure(&mut *system, row.clone()).await,
        Err(error) => Err(error),
    };
    outcome.unwrap_or_else(|error| vec![row.missing(&error)])
}

//! What is measured, and how.

mod backlog;
mod fanout;
mod idle;
mod login;
mod slow;
mod storm;

use std::time::Duration;

use crate::{
    options::{BARE, Options, Scenario},
    report::{DELIVERIES, P50, P99, Report, Row},
    sample::{Group, generator},
    system::{Kind, System},
};

/// Connects at a time, where it does not matter.
const AT_ONCE: usize = 64;
/// How long nothing may come before what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a scenario for everything that it concerns.
///
/// # Errors
/// What no row can say.
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
        // `Options::scenarios` has put the others in its place.
        Scenario::All => Ok(()),
    }
}

/// What is measured now, for who waits.
fn say(kind: Kind, what: &str) {
    eprintln!("{}: {what}", kind.name());
}

/// The system's processes, and this one.
fn everybody(system: &dyn System) -> Vec<Group> {
    let mut groups = system.processes();
    groups.push(generator());
    groups
}

/// Starts the system and measures it; where that fails, the row says why.
async fn rows_of(
    kind: Kind,
    options: &Options,
    row: Row,
    measure: impl AsyncFnOnce(&mut dyn System, Row) -> anyhow::Result<Vec<Row>>,
) -> Vec<Row> {
    let outcome = match kind.start(options).await {
        Ok(mut system) => measure(&mut *system, row.clone()).await,
        Err(error) => Err(error),
    };
    outcome.unwrap_or_else(|error| vec![row.missing(&error)])
}

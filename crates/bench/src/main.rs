//! `ferry-bench` measures a relay, and alternatives to it. `docs/performance.md` says how, and
//! shows the results.

mod crowd;
mod device;
mod files;
mod frames;
mod line;
mod load;
mod options;
mod pacer;
mod peer;
mod plot;
mod programs;
mod report;
mod sample;
mod scenario;
mod stamp;
mod system;
mod tally;
mod websocket;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use options::{Options, Scenario};
use report::Report;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Dropping the run ends every process that it has started.
    tokio::select! {
        outcome = Box::pin(measure(&options)) => outcome,
        _ = terminated.recv() => Ok(ExitCode::from(143)),
        _ = interrupted.recv() => Ok(ExitCode::from(130)),
    }
}

async fn measure(options: &Options) -> anyhow::Result<ExitCode> {
    let mut report = Report::new();
    let print = |text: &str| if options.json { eprintln!("{text}") } else { println!("{text}") };
    print(&report.machine.join("; "));
    let mut earlier = Report { machine: report.machine.clone(), rows: Vec::new() };
    for file in &options.from {
        let text = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let read: Report =
            serde_json::from_slice(&text).with_context(|| format!("{} holds no results", file.display()))?;
        anyhow::ensure!(read.machine == report.machine, "{} is of another machine", file.display());
        earlier.rows.extend(read.rows);
    }
    for scenario in Scenario::value_variants().iter().filter_map(ValueEnum::to_possible_value) {
        print(&earlier.tables(scenario.get_name()));
    }
    for scenario in options.scenarios() {
        scenario::run(scenario, options, &mut report).await?;
        let name = scenario.to_possible_value().context("a scenario without a name")?;
        print(&report.tables(name.get_name()));
    }
    // After the measurement, because comparisons are made within one run only.
    report.rows.splice(0..0, earlier.rows);
    if let Some(file) = &options.plot {
        std::fs::write(file, plot::draw(&report)).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    let failures = report.failures();
    for row in &failures {
        let reason = row.missing.as_deref().unwrap_or("something was lost, doubled or cut");
        eprintln!("FAILED: {}, {}, {}: {reason}", row.system, row.scenario, row.case);
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

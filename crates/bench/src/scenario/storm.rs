//! All devices are cut off at once under traffic, and all come back at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{AT_ONCE, everybody, rows_of, say};
use crate::{
    crowd::Crowd,
    files,
    load::{Load, Until},
    options::Options,
    pacer,
    report::{Report, Row},
    sample::Mark,
    system::System,
};

/// The time that traffic runs before the cut.
const BEFORE: Duration = Duration::from_secs(2);
/// The time without a delivery after which missing messages count as lost. Deliveries that a lost
/// connection held come again after nsqd's message timeout of 60 s, if the relay could not give
/// them back.
const PATIENCE: Duration = Duration::from_secs(75);

/// Runs rooms of two users with all their devices.
pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (limit, rate) = (files::raise_limit(), options.steady_rate());
    let wanted = options.storm_devices();
    for kind in options.kinds() {
        let (devices, note) = files::within_limit(kind, wanted, limit);
        let crowd = Crowd::new(devices / options.devices_per_user, options.devices_per_user, 2);
        let mut row = Row::new("storm", format!("{wanted} devices, cut at {rate} sends a second"), kind);
        row.notes.extend(note);
        say(kind, &format!("storm: {}", row.case));
        let measure = async |system: &mut dyn System, row| Ok(vec![measure(system, row, crowd, rate, options).await?]);
        report.rows.extend(rows_of(kind, options, row, measure).await);
    }
    Ok(())
}

async fn measure(
    system: &mut dyn System,
    mut row: Row,
    crowd: Crowd,
    rate: u64,
    options: &Options,
) -> anyhow::Result<Row> {
    system.prepare(&crowd).await?;
    let load = Arc::new(Load::new(crowd, options.size, Until::Confirmed)?);
    let all: Vec<usize> = (0..crowd.devices()).collect();
    system.attach(&load, &all, AT_ONCE).await?;

    // The cut comes in the middle of the traffic, so some sends are unanswered and some deliveries
    // unacked.
    let start = Instant::now();
    let time = if options.quick { BEFORE / 4 } else { BEFORE };
    let pacer = pacer::spawn(Arc::clone(&load), rate, start, time);
    tokio::time::sleep_until((start + time - time / 100).into()).await;
    system.detach(&load).await?;
    let _ = tokio::task::spawn_blocking(|| pacer.join()).await;
    let cut = load.verdict();

    let before = Mark::now(&everybody(system));
    let times = system.attach(&load, &all, all.len()).await?;
    let used = Mark::now(&everybody(system)).cpu_since(&before);
    // Sends that were unanswered at the cut never get an answer.
    let verdict = load.settle_received(PATIENCE).await;

    let seconds = |share: f64| {
        let place = ((times.len() as f64 - 1.0) * share) as usize;
        let mut sorted = times.clone();
        sorted.sort_unstable();
        sorted.get(place).copied().unwrap_or_default().as_secs_f64()
    };
    for (name, share) in [("half back s", 0.5), ("99 % back s", 0.99), ("all back and drained s", 1.0)] {
        row.figure(name, seconds(share));
    }
    row.figure("due at the cut", cut.lost as f64);
    row.figure("tries again", load.retries() as f64);
    row.cpu(&used);
    row.verdict(&verdict);
    if let Some((count, first)) = load.broken() {
        row.clean = false;
        row.note(format!("{count} connections ended, the first one: {first}"));
    }
    system.detach(&load).await?;
    Ok(row)
}

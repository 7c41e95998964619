//! Messages queue for devices that are away. Then all devices come at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{AT_ONCE, PATIENCE, everybody, rows_of, say};
use crate::{
    crowd::Crowd,
    load::{Load, Until},
    options::Options,
    report::{Report, Row},
    sample::{GENERATOR, Mark},
    system::System,
};

/// The longest time that the queueing may take. After it the scenario fails.
const QUEUEING: Duration = Duration::from_secs(300);
/// The number of sends in a room without a confirmation.
const UNDER_WAY: usize = 4;
/// The time between two checks whether everything has come.
const LOOK: Duration = Duration::from_millis(5);

/// Runs rooms of two users. One user sends from one device, and all other devices are away.
pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let crowd = Crowd { senders: 1, ..Crowd::new(options.users(), options.devices_per_user, 2) };
    let away = crowd.devices() - crowd.rooms();
    let each = options.messages().div_ceil(crowd.rooms()).max(1);
    let (messages, size) = (each * crowd.rooms(), options.size);
    let case = format!("{messages} messages of {size} bytes to {} devices each, {away} devices away", crowd.copies());
    for kind in options.kinds() {
        say(kind, &format!("backlog: {case}"));
        let row = Row::new("backlog", &case, kind);
        let measure = async |system: &mut dyn System, row| Ok(vec![measure(system, row, crowd, each, options).await?]);
        report.rows.extend(rows_of(kind, options, row, measure).await);
    }
    Ok(())
}

async fn measure(
    system: &mut dyn System,
    mut row: Row,
    crowd: Crowd,
    each: usize,
    options: &Options,
) -> anyhow::Result<Row> {
    let fresh = memory(system);
    system.prepare(&crowd).await?;
    let mut load = Load::new(crowd, options.size, Until::Confirmed)?;
    load.flood(UNDER_WAY, u32::try_from(each)?);
    let load = Arc::new(load);
    let senders = crowd.all_senders();
    let away: Vec<usize> = (0..crowd.devices()).filter(|device| senders.binary_search(device).is_err()).collect();
    system.attach(&load, &senders, AT_ONCE).await?;

    let start = Instant::now();
    load.begin();
    while load.verdict().confirmed < (each * crowd.rooms()) as u64 {
        anyhow::ensure!(start.elapsed() < QUEUEING, "the messages cannot be queued in {QUEUEING:?}");
        tokio::time::sleep(LOOK).await;
    }
    let queueing = start.elapsed();
    let (queued, overflow) = (memory(system), system.overflow());

    let (start, before) = (Instant::now(), Mark::now(&everybody(system)));
    system.attach(&load, &away, AT_ONCE).await?;
    let attached = start.elapsed();
    let verdict = load.settle(PATIENCE).await;
    let used = Mark::now(&everybody(system)).cpu_since(&before);
    let drained = load.last_delivery().saturating_duration_since(start);

    row.figure("queued/s", (each * crowd.rooms()) as f64 / queueing.as_secs_f64());
    row.figure("drained/s", load.deliveries() as f64 / drained.as_secs_f64());
    row.figure("last delivery s", drained.as_secs_f64());
    row.figure("all attached s", attached.as_secs_f64());
    for ((name, fresh), (_, queued)) in fresh.into_iter().zip(queued).filter(|((name, _), _)| *name != GENERATOR) {
        row.figure(format!("{name} MB more"), (queued - fresh) / 1024.0 / 1024.0);
    }
    row.figure("files MB", overflow as f64 / 1024.0 / 1024.0);
    row.cpu(&used);
    row.verdict(&verdict);
    system.detach(&load).await?;
    Ok(row)
}

fn memory(system: &dyn System) -> Vec<(&'static str, f64)> {
    everybody(system).iter().map(|group| (group.name, group.memory().rss as f64)).collect()
}

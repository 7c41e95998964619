//! Traffic in rooms of several sizes: throughput and latency.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{AT_ONCE, PATIENCE, everybody, rows_of, say};
use crate::{
    crowd::Crowd,
    load::{Load, Until},
    options::{Kind, Options},
    pacer,
    report::{DELIVERIES, Report, Row},
    sample::Mark,
    system::System,
};

/// The time from the preparations to the first message.
const LEAD: Duration = Duration::from_millis(50);

/// Measures each room size and rate on one system after the other.
pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    for kind in options.kinds() {
        let row = Row::new("fanout", "", kind);
        let rows = rows_of(kind, options, row, async |system, _| all_cases(system, kind, options).await).await;
        // A system that is missing is missing in each case.
        match &rows[..] {
            [row] if row.missing.is_some() => {
                for case in cases(options) {
                    report.rows.push(Row { case: case.name(options), ..row.clone() });
                }
            }
            _ => report.rows.extend(rows),
        }
    }
    Ok(())
}

/// A case, which is measured at once.
#[derive(Debug, Clone, Copy)]
struct Case {
    crowd: Crowd,
    /// The sends a second. 0 means as many as possible.
    rate: u64,
}

fn cases(options: &Options) -> Vec<Case> {
    let of_size = |size| {
        let crowd = Crowd::new(options.users(), options.devices_per_user, size);
        options.rates(size).into_iter().map(move |rate| Case { crowd, rate })
    };
    options.room_sizes().into_iter().flat_map(of_size).collect()
}

impl Case {
    fn name(&self, options: &Options) -> String {
        let Self { crowd, rate } = self;
        let pace = match rate {
            0 => format!("{} under way in each", options.under_way),
            rate => format!("{rate} sends a second"),
        };
        let (rooms, size, devices) = (crowd.rooms(), crowd.room_size, crowd.devices());
        format!("{rooms} rooms of {size}, {devices} devices, {} bytes, {pace}", options.size)
    }
}

async fn all_cases(system: &mut dyn System, kind: Kind, options: &Options) -> anyhow::Result<Vec<Row>> {
    // The largest crowd comes first: users are created once, and smaller crowds are part of it.
    let largest = cases(options).into_iter().map(|case| case.crowd).max_by_key(|crowd| crowd.users);
    if let Some(largest) = largest {
        say(kind, &format!("{} users with {} devices each", largest.users, largest.devices_per_user));
        system.prepare(&largest).await?;
    }
    let mut rows = Vec::new();
    for case in cases(options) {
        let row = Row::new("fanout", case.name(options), kind);
        say(kind, &row.case);
        rows.push(match measure(system, row.clone(), case, options).await {
            Ok(row) => row,
            Err(error) => row.missing(&error),
        });
    }
    Ok(rows)
}

async fn measure(system: &mut dyn System, row: Row, case: Case, options: &Options) -> anyhow::Result<Row> {
    let Case { crowd, rate } = case;
    system.prepare(&crowd).await?;
    let mut load = Load::new(crowd, options.size, Until::Received)?;
    if rate == 0 {
        load.flood(options.under_way, u32::MAX);
    }
    let load = Arc::new(load);
    let all: Vec<usize> = (0..crowd.devices()).collect();
    system.attach(&load, &all, AT_ONCE).await?;
    let measured = traffic(system, row, &load, rate, options).await;
    system.detach(&load).await?;
    measured
}

/// Runs the traffic over connected devices, and measures the time between warming up and the end.
pub async fn traffic(
    system: &mut dyn System,
    mut row: Row,
    load: &Arc<Load>,
    rate: u64,
    options: &Options,
) -> anyhow::Result<Row> {
    let start = Instant::now() + LEAD;
    let from = start + options.warm_up();
    let to = from + options.seconds();
    load.measure(from, to);
    let pacer = (rate > 0).then(|| pacer::spawn(Arc::clone(load), rate, start, to - start));
    if pacer.is_none() {
        load.begin();
    }
    tokio::time::sleep_until(from.into()).await;
    let before = Mark::now(&everybody(system));
    tokio::time::sleep_until(to.into()).await;
    let used = Mark::now(&everybody(system)).cpu_since(&before);
    if let Some(pacer) = pacer {
        let _ = tokio::task::spawn_blocking(|| pacer.join()).await;
    }
    load.stop();
    // Devices that did not read until now must get everything that waited.
    load.let_hear();
    let verdict = load.settle(PATIENCE).await;
    let measured = load.measured()?;
    row.figure(DELIVERIES, measured.deliveries as f64 / options.seconds().as_secs_f64());
    row.latencies(&measured);
    row.cpu(&used);
    row.verdict(&verdict);
    if let Some((count, first)) = load.broken() {
        row.clean = false;
        row.note(format!("{count} connections ended, the first one: {first}"));
    }
    Ok(row)
}

//! The cost of devices that are connected and silent.

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
    report::{Report, Row},
    sample::{GENERATOR, Mark},
    system::System,
};

/// The pause after connecting before anything is measured.
const SETTLE: Duration = Duration::from_secs(2);

/// How long the messages before the silence may take.
const TRAFFIC: Duration = Duration::from_secs(120);
/// The time after which a relay has forgotten a device's sends: it remembers them for a minute, and
/// looks when it pings the device.
const FORGOTTEN: Duration = Duration::from_secs(95);

/// The column of memory by which a relay's row is drawn.
pub const PER_DEVICE: &str = "KB/device";

/// Measures each number of devices, on a system that is started for it.
pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let limit = files::raise_limit();
    for wanted in options.idle_devices() {
        for kind in options.kinds() {
            let (devices, note) = files::within_limit(kind, wanted, limit);
            let mut row = Row::new("idle", format!("{wanted} devices"), kind);
            row.notes.extend(note);
            say(kind, &format!("{wanted} idle devices"));
            let users = devices / options.devices_per_user;
            let crowd = match options.sent {
                // Nobody sends, so the rooms do not matter, and the relay need not create any.
                0 => Crowd { senders: 0, ..Crowd::new(users, options.devices_per_user, 1) },
                sent => {
                    row.case = format!("{wanted} devices after {sent} sends each");
                    Crowd::new(users, options.devices_per_user, 2)
                }
            };
            let measure =
                async |system: &mut dyn System, row: Row| Ok(vec![measure(system, row, crowd, options).await?]);
            report.rows.extend(rows_of(kind, options, row, measure).await);
        }
    }
    Ok(())
}

async fn measure(system: &mut dyn System, mut row: Row, crowd: Crowd, options: &Options) -> anyhow::Result<Row> {
    let resident = |system: &dyn System| -> Vec<(&'static str, f64)> {
        everybody(system).iter().map(|group| (group.name, group.memory().rss as f64)).collect()
    };
    let fresh = resident(system);
    let start = Instant::now();
    system.prepare(&crowd).await?;
    let (prepared, logged_in) = (start.elapsed(), resident(system));

    let mut load = Load::new(crowd, options.size, Until::Received)?;
    if options.sent > 0 {
        load.flood(options.under_way, options.sent * 2);
    }
    let load = Arc::new(load);
    let all: Vec<usize> = (0..crowd.devices()).collect();
    system.attach(&load, &all, AT_ONCE).await?;
    if options.sent > 0 {
        load.begin();
        let verdict = load.settle(TRAFFIC).await;
        row.verdict(&verdict);
        tokio::time::sleep(FORGOTTEN).await;
    }
    tokio::time::sleep(if options.quick { SETTLE / 10 } else { SETTLE }).await;
    let connected = resident(system);

    let before = Mark::now(&everybody(system));
    tokio::time::sleep(options.idle_seconds()).await;
    let used = Mark::now(&everybody(system)).cpu_since(&before);
    if let Some((count, first)) = load.broken() {
        anyhow::bail!("{count} connections ended while idle, the first one: {first}");
    }
    system.detach(&load).await?;

    row.figure("devices", crowd.devices() as f64);
    let per_device = |bytes: f64| bytes / 1024.0 / crowd.devices() as f64;
    for (place, &(name, now)) in connected.iter().enumerate() {
        // First all memory that was added since the system started, logins included. Then the part
        // that connecting has added.
        row.figure(format!("{name} {PER_DEVICE}"), per_device(now - fresh[place].1));
        if name != GENERATOR {
            row.figure(format!("{name} KB/connection"), per_device(now - logged_in[place].1));
            row.figure(format!("{name} MB"), now / 1024.0 / 1024.0);
        }
    }
    row.cpu(&used);
    row.figure("set-up s", prepared.as_secs_f64());
    Ok(row)
}

//! A tenth of the devices does not read, and the others are measured.

use std::sync::Arc;

use super::{AT_ONCE, fanout::traffic, rows_of, say};
use crate::{
    crowd::Crowd,
    load::{Load, Until},
    options::{Kind, Options},
    report::{P99, Report, Row},
    system::System,
};

/// One device of this number does not read.
const ONE_OF: usize = 10;

/// The longest measured time in seconds. A relay closes a device that has not acked for 60 s, and
/// then the device is no longer one that does not read.
const MOST: u64 = 45;

/// Runs rooms of two users with two devices each. The first devices send, and the second ones may
/// be those that do not read.
pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let devices_per_user = options.devices_per_user.max(2);
    let seconds = options.seconds.map(|seconds| seconds.min(MOST));
    let options = &Options { devices_per_user, seconds, ..options.clone() };
    let crowd = Crowd::new(options.users(), devices_per_user, 2);
    for kind in options.backends().into_iter().map(Kind::Relay) {
        let case = format!("{} devices, {} sends a second", crowd.devices(), options.steady_rate());
        let row = Row::new("slow", case, kind);
        say(kind, &format!("slow: {}", row.case));
        report
            .rows
            .extend(rows_of(kind, options, row, async |system, row| both(system, row, crowd, options).await).await);
    }
    Ok(())
}

async fn both(system: &mut dyn System, row: Row, crowd: Crowd, options: &Options) -> anyhow::Result<Vec<Row>> {
    system.prepare(&crowd).await?;
    let mut rows: Vec<Row> = Vec::new();
    for slow in [false, true] {
        // Only devices that do not send: a device that does not read would not see the answers to
        // its sends.
        let is_deaf = |device: usize| {
            let (user, own) = (crowd.user_of(device), device % crowd.devices_per_user);
            slow && own > 0 && (user * (crowd.devices_per_user - 1) + own - 1).is_multiple_of(deaf_step(&crowd))
        };
        let load = Arc::new(Load::with_deaf(crowd, options.size, Until::Confirmed, is_deaf)?);
        let all: Vec<usize> = (0..crowd.devices()).collect();
        let deaf = all.iter().filter(|&&device| load.is_deaf(device)).count();
        system.attach(&load, &all, AT_ONCE).await?;
        let mut named = row.clone();
        named.system = format!("{}, {deaf} do not read", row.system);
        // When these devices read again they must get everything that waited: nothing may be lost
        // for them either.
        let mut measured = traffic(system, named, &load, options.steady_rate(), options).await?;
        system.detach(&load).await?;
        if let Some(without) = rows.first().and_then(|row| row.value(P99)) {
            let with = measured.value(P99).unwrap_or_default();
            measured.figure("p99 ÷ without them", if without > 0.0 { with / without } else { 0.0 });
        }
        rows.push(measured);
    }
    Ok(rows)
}

/// Returns a step with which one in [`ONE_OF`] of all devices is deaf, although first devices
/// never are.
fn deaf_step(crowd: &Crowd) -> usize {
    (ONE_OF * (crowd.devices_per_user - 1) / crowd.devices_per_user).max(1)
}

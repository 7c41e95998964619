//! Sends at a fixed rate, however late the system is.

use std::{
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::load::Load;

/// Starts a thread that sends this many messages a second to the rooms in turn, from `start` on
/// for `time`.
///
/// A message is due at its moment, and carries this moment. If the thread, the socket or the
/// system is late, the message is late by that much more (no *coordinated omission*). It is a
/// thread of its own because tokio's timers count in milliseconds.
pub fn spawn(load: Arc<Load>, rate: u64, start: Instant, time: Duration) -> JoinHandle<()> {
    std::thread::spawn(move || {
        sleep_exactly();
        let rooms = load.crowd.rooms();
        let offset = start.saturating_duration_since(load.instant(0)).as_nanos() as u64;
        for number in 0..rate * time.as_millis() as u64 / 1000 {
            let due = offset + number * 1_000_000_000 / rate;
            std::thread::sleep(load.instant(due).saturating_duration_since(Instant::now()));
            load.send_one(number as usize % rooms, due);
        }
    })
}

/// Asks the kernel not to delay this thread's wake-ups by 50 µs, as it usually does
/// (proc_pid_timerslack_ns(5)). If the kernel rejects this, all latencies are greater by that, for
/// every system alike.
fn sleep_exactly() {
    // For example `12/task/34`: a thread's id names a directory of its own.
    if let Ok(link) = std::fs::read_link("/proc/thread-self")
        && let Some(thread) = link.file_name()
    {
        let _ = std::fs::write(std::path::Path::new("/proc").join(thread).join("timerslack_ns"), "1");
    }
}

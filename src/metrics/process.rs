//! The metrics of the process, by the names that every exporter of Prometheus gives them.
//!
//! They are read from `/proc`, which needs neither a crate nor `unsafe`. On a system without it
//! they are left out.

use std::fs;

use prometheus::{
    Counter, Gauge, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// The ticks of a second in `/proc/…/stat`. Linux promises this number to programs on every
/// platform that Ferry runs on, whatever its own timer does.
const TICKS: f64 = 100.0;

/// See the module's description.
pub(super) struct Process {
    cpu: Counter,
    gauges: [(Gauge, Reading); 5],
}

type Reading = fn() -> Option<f64>;

impl Process {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str, reading: Reading| {
            Ok::<_, prometheus::Error>((Gauge::with_opts(Opts::new(name, help))?, reading))
        };
        Ok(Self {
            cpu: Counter::new("process_cpu_seconds_total", "Seconds of processor time used")?,
            gauges: [
                gauge("process_open_fds", "Open files, sockets among them", || {
                    Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64)
                })?,
                gauge("process_max_fds", "Most open files", || limit("Max open files"))?,
                gauge("process_resident_memory_bytes", "Memory in use", || status("VmRSS:"))?,
                gauge("process_virtual_memory_bytes", "Addresses in use", || status("VmSize:"))?,
                gauge("process_start_time_seconds", "Start of the process, seconds since 1970", || {
                    Some(booted()? + stat(21)? / TICKS)
                })?,
            ],
        })
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.cpu.desc().into_iter().chain(self.gauges.iter().flat_map(|(gauge, _)| gauge.desc())).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = Vec::new();
        if let (Some(user), Some(system)) = (stat(13), stat(14)) {
            // Two who ask at once may both add the same, so the counter may be a tick ahead.
            self.cpu.inc_by(((user + system) / TICKS - self.cpu.get()).max(0.0));
            families.extend(self.cpu.collect());
        }
        for (gauge, reading) in &self.gauges {
            if let Some(value) = reading() {
                gauge.set(value);
                families.extend(gauge.collect());
            }
        }
        families
    }
}

/// Returns a field of `/proc/self/stat`, counted from 0. The second one is the program's name in
/// parentheses, which may contain spaces.
fn stat(field: usize) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    rest.split(' ').nth(field.checked_sub(2)?)?.parse().ok()
}

/// Returns a line of `/proc/self/status`, which has KiB, in bytes.
fn status(name: &str) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kib| kib * 1024.0)
}

/// Returns the soft limit of a line of `/proc/self/limits`.
fn limit(name: &str) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns when the machine started, in seconds since 1970.
fn booted() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_its_own_numbers() {
        let process = Process::new().unwrap();
        assert_eq!(process.collect().len(), 6);
        let [open, most, resident, virtual_, start] = process.gauges.each_ref().map(|(gauge, _)| gauge.get());
        assert!(open >= 3.0 && open < most, "{open} of {most} files");
        assert!(resident > 1e6 && virtual_ >= resident, "{resident} of {virtual_} bytes");
        let now = ferry_protocol::now_ms() as f64 / 1e3;
        assert!((0.0..86_400.0).contains(&(now - start)), "it started today");
    }
}

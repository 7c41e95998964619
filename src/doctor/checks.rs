//! The judgement: facts go in, findings come out. Pure.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use ferry_broker::{Misfit, NodeReport};
use ferry_store::{ClusterState, ServerState};

use super::{finding::Finding, machine::Machine};
use crate::config::Config;

/// Open files beside those of connections: the database, the listener, the log, calls to nsqd.
const OTHER_FILES: u64 = 100;
/// The oldest PostgreSQL whose makers still mend it.
const POSTGRES: i32 = 140_000;
/// The nsqd that Ferry is tested with, by its first two numbers.
const NSQD: (u32, u32) = (1, 3);
/// How far the clock may be from that of SQL, milliseconds: tokens and `sent_at` bear no more.
const CLOCK: i64 = 5_000;
/// Beyond this the clocks should be set.
const CLOCK_ADVICE: i64 = 1_000;

/// Judges the limits of the process, for as many connections as the settings allow.
pub fn of_machine(machine: &Machine, config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let each = if config.nsqd.is_empty() { 1 } else { 2 };
    let wanted = config.limits.connections as u64 * each + OTHER_FILES;
    findings.push(match machine.open_files {
        Some(limit) if limit < wanted => Finding::fault(
            "open files",
            format!("{limit} at most, and {wanted} may be needed for --connections {}", config.limits.connections),
            format!("set LimitNOFILE={wanted} (ulimit -n), or lower --connections"),
        ),
        limit => Finding::good("open files", limit.map_or("no limit".to_owned(), |limit| format!("{limit} at most"))),
    });
    findings.push(match machine.dumps_core {
        true => Finding::fault(
            "core dumps",
            "this process may leave one, with messages and keys in it",
            "set LimitCORE=0 (ulimit -c 0) for ferry and for nsqd. Run the doctor as the service runs",
        ),
        false => Finding::good("core dumps", "off for this process"),
    });
    findings.push(match machine.has_swap {
        true => Finding::advice(
            "swap",
            "the machine has some, and memory with messages may come to a disk",
            "set MemorySwapMax=0 for ferry and for nsqd, or encrypt the swap",
        ),
        false => Finding::good("swap", "none"),
    });
    findings
}

/// Judges a file with secrets.
pub fn of_secret_file(what: &str, path: &Path, mode: Option<u32>) -> Finding {
    let path = path.display();
    match mode {
        None => Finding::fault(what, format!("{path} cannot be read"), "check its path and its owner"),
        Some(mode) if mode & 0o077 != 0 => Finding::fault(
            what,
            format!("{path} has the mode {mode:04o}: others can read or change it"),
            format!("chmod 600 {path}"),
        ),
        Some(mode) => Finding::good(what, format!("{path} has the mode {mode:04o}")),
    }
}

/// Judges variables of the environment that begin with `FERRY_`.
pub fn of_environment<'a>(names: impl Iterator<Item = &'a str>, known: &[String]) -> Vec<Finding> {
    let is_known = |name: &str| {
        let plain = name.strip_suffix("_FILE").unwrap_or(name);
        known.iter().any(|known| known == name || known == plain)
    };
    let unknown = names.filter(|name| name.starts_with("FERRY_") && !is_known(name));
    unknown
        .map(|name| {
            let what = format!("variable {name}");
            Finding::fault(
                what,
                "Ferry knows no such variable, and ignores it",
                "correct its name: see ferry serve --help",
            )
        })
        .collect()
}

/// Judges PostgreSQL. `now` is the time here in the middle of the question, milliseconds.
pub fn of_server(server: &ServerState, config: &Config, now: i64) -> Vec<Finding> {
    let what = "PostgreSQL";
    let mut findings = Vec::new();
    let version = format!("version {}.{}", server.version / 10_000, server.version % 10_000);
    findings.push(match server.version < POSTGRES {
        true => {
            Finding::advice(what, format!("{version}, which nobody mends any more"), "upgrade to a supported version")
        }
        false => Finding::good(what, version),
    });
    if server.read_only {
        let to_do = "name its primary, or all hosts with commas between them: the relay takes the one that writes";
        findings.push(Finding::fault(what, "takes no writes: it is a standby or read-only", to_do));
    }
    findings.push(match (server.tls, server.is_local) {
        (true, _) => Finding::good("TLS to PostgreSQL", "on, and its certificate is valid"),
        (false, true) => Finding::good("TLS to PostgreSQL", "off, on this machine alone"),
        (false, false) => Finding::fault(
            "TLS to PostgreSQL",
            "off: whoever is on the way reads password hashes and signing keys",
            "add sslmode=verify-full to the URL of --database, and --database-ca if its certificate is your own",
        ),
    });
    let apart = server.now - now;
    findings.push(match apart.abs() {
        far if far > CLOCK => Finding::fault(
            "clock",
            format!("{apart} ms from that of PostgreSQL"),
            "set both by NTP: tokens and times of messages need them to agree",
        ),
        far if far > CLOCK_ADVICE => {
            Finding::advice("clock", format!("{apart} ms from that of PostgreSQL"), "set both by NTP")
        }
        _ => Finding::good("clock", format!("{apart} ms from that of PostgreSQL")),
    });
    findings.extend(of_durability(server));
    let wanted = i64::from(config.database_connections) + 5;
    if i64::from(server.max_connections) < wanted {
        findings.push(Finding::fault(
            what,
            format!("max_connections is {}, and this relay alone may take {wanted}", server.max_connections),
            "raise max_connections, or lower --database-connections",
        ));
    }
    findings
}

/// Judges what a crash of PostgreSQL, or the loss of its machine, can undo.
fn of_durability(server: &ServerState) -> Vec<Finding> {
    let what = "durability of PostgreSQL";
    let mut findings = Vec::new();
    if !server.fsync {
        findings.push(Finding::fault(what, "fsync is off: a crash may damage the database", "set fsync = on"));
    }
    if server.synchronous_commit == "off" {
        findings.push(Finding::fault(
            what,
            "synchronous_commit is off: a crash can undo a logout that was answered",
            "set synchronous_commit = on",
        ));
    }
    if server.standbys > 0 && server.synchronous_standbys.is_empty() {
        findings.push(Finding::advice(
            what,
            "its standbys are asynchronous: a failover can undo a logout that was answered",
            "set synchronous_standby_names, for example to 'ANY 1 (*)'",
        ));
    }
    if findings.is_empty() {
        let standbys = if server.standbys > 0 { "with synchronous standbys" } else { "without standbys" };
        findings.push(Finding::good(what, standbys));
    }
    findings
}

/// Judges what relays have written. `list` is the digest of the nodes of these settings.
pub fn of_cluster(cluster: Option<&ClusterState>, list: Option<&str>) -> Vec<Finding> {
    let Some(cluster) = cluster else {
        return vec![Finding::advice("database", "it has no tables yet", "the first relay that starts makes them")];
    };
    let relays = cluster.relays.len();
    let mut findings = vec![Finding::good("relays", format!("{relays} say that they run"))];
    if let Some(list) = list
        && cluster.lists.iter().any(|other| other != list)
    {
        findings.push(Finding::fault(
            "list of nsqds",
            "relays run with another list of --nsqd than these settings have",
            "give all relays the same list, written in the same way",
        ));
    }
    if cluster.pending_closes > 0 {
        findings.push(Finding::advice(
            "queues to delete",
            format!("{} wait for an nsqd", cluster.pending_closes),
            "bring the nsqds back that do not answer",
        ));
    }
    findings
}

/// Judges the addresses of an nsqd, which has no passwords.
pub fn of_addresses(node: &str, addresses: &[IpAddr]) -> Vec<Finding> {
    let public = addresses.iter().find(|address| !is_private(**address));
    let to_do = "bind it to a private address, and let nobody but the relays reach its ports";
    let of = |address| {
        Finding::fault(of_node(node), format!("{address} is a public address, and nsqd has no passwords"), to_do)
    };
    public.map(of).into_iter().collect()
}

fn of_node(node: &str) -> String {
    format!("nsqd {node}")
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            // 100.64.0.0/10 is for networks of providers, and for VPNs (RFC 6598).
            address.is_private() || address.is_loopback() || address.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// What is known of the directory of an nsqd on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataPath {
    /// Where it is.
    pub path: PathBuf,
    /// The type of its file system.
    pub file_system: Option<String>,
    /// Its mode.
    pub mode: Option<u32>,
    /// Files that nsqd put aside, with bodies in them.
    pub bad_files: usize,
}

/// Judges an nsqd that answers. `data` is `None` if it is on another machine.
pub fn of_report(node: &str, report: &NodeReport, data: Option<&DataPath>) -> Vec<Finding> {
    let what = of_node(node);
    let mut findings = Vec::new();
    let mut numbers = report.version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    findings.push(match version < NSQD {
        true => Finding::fault(
            &what,
            format!("version {}, which Ferry is not tested with", report.version),
            "build the version that tools/nsq pins",
        ),
        false => Finding::good(&what, format!("version {}", report.version)),
    });
    if !report.accepts {
        let to_do = "check its tcp_address, and what is between it and this machine";
        findings.push(Finding::fault(&what, "its port for messages takes no connection", to_do));
    }
    if let Some(fault) = &report.fault {
        findings.push(Finding::fault(&what, format!("it is not well: {fault}"), "make room in its data_path"));
    }
    findings.extend(report.misfits.iter().map(|misfit| of_misfit(&what, misfit)));
    if report.paused > 0 {
        let found = format!("somebody has paused {} of its queues", report.paused);
        findings.push(Finding::fault(&what, found, "unpause them in nsqadmin: nothing comes out meanwhile"));
    }
    if let Some(data) = data {
        findings.extend(of_data_path(&what, data));
    }
    findings
}

fn of_misfit(what: &str, misfit: &Misfit) -> Finding {
    let option = misfit.option;
    let to_do = match misfit.logs_bodies() {
        true => "it logs message bodies: correct log_level, restart it, and delete its log".to_owned(),
        false => format!("correct {option} as in nsq.conf, and restart it"),
    };
    Finding::fault(what, misfit.to_string(), to_do)
}

fn of_data_path(what: &str, data: &DataPath) -> Vec<Finding> {
    let path = data.path.display();
    let mut findings = Vec::new();
    match data.file_system.as_deref() {
        Some("tmpfs" | "ramfs") => {}
        other => findings.push(Finding::fault(
            what,
            format!(
                "its data_path {path} is on {}: messages come to a disk",
                other.unwrap_or("an unknown file system")
            ),
            "put data_path on tmpfs, for example below /dev/shm",
        )),
    }
    if data.mode.is_some_and(|mode| mode & 0o077 != 0) {
        let to_do = format!("chmod 700 {path}");
        findings.push(Finding::fault(what, format!("others can read its data_path {path}, where messages are"), to_do));
    }
    if data.bad_files > 0 {
        findings.push(Finding::fault(
            what,
            format!("{} files named *.bad, with message bodies, that nothing deletes", data.bad_files),
            format!("find {path} -name '*.bad' -mmin +60 -delete, from time to time"),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::good(what, format!("its data_path {path} is in memory, and private")));
    }
    findings
}

/// Says that an nsqd does not answer.
pub fn of_silence(node: &str, reason: &str) -> Finding {
    let to_do = "start it; its HTTP port is the TCP port plus one unless you write HOST:TCP/HTTP";
    Finding::fault(of_node(node), format!("it does not answer: {reason}"), to_do)
}

#[cfg(test)]
mod tests;

//! The servers under measurement.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A relay, and an nsqd where it stands on one. Killed when dropped.
pub struct Servers {
    relay: Child,
    nsqd: Option<Child>,
    /// `host:port` of the relay.
    pub address: String,
    /// `host:port` of nsqd.
    pub nsqd_tcp: Option<String>,
    _data: tempfile::TempDir,
}

/// Resident bytes.
pub struct Memory {
    pub relay: u64,
    pub nsqd: Option<u64>,
}

impl Servers {
    pub async fn start(over_nsqd: bool) -> Self {
        let data = tempfile::tempdir_in("/dev/shm").unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (relay_port, tcp, http) = (free_port(), free_port(), free_port());
        let nsqd = over_nsqd.then(|| {
            Command::new(root.join("target/nsq/nsqd"))
                .arg(format!("-config={}", root.join("nsq.conf").display()))
                .arg(format!("-tcp-address=127.0.0.1:{tcp}"))
                .arg(format!("-http-address=127.0.0.1:{http}"))
                .arg(format!("-data-path={}", data.path().display()))
                .env("GOGC", "50")
                .stderr(Stdio::null())
                .spawn()
                .expect("target/nsq/nsqd: run tools/nsq/build")
        });
        let address = format!("127.0.0.1:{relay_port}");
        let mut command = Command::new(root.join("target/release/ferry"));
        command.env("FERRY_LOG", "error");
        command.args(["serve", "--no-rate-limits", "--argon2-memory", "64", "--argon2-iterations", "1"]);
        command.args(["--listen", &address, "--database", &format!("sqlite://{}/ferry.db", data.path().display())]);
        if over_nsqd {
            command.args(["--nsqd", &format!("127.0.0.1:{tcp}/{http}")]);
        }
        let relay = command.spawn().expect("target/release/ferry: run cargo build --release");
        let nsqd_tcp = over_nsqd.then(|| format!("127.0.0.1:{tcp}"));
        let servers = Self { relay, nsqd, address, nsqd_tcp, _data: data };
        for _ in 0..500 {
            let ready = reqwest::get(format!("http://{}/readyz", servers.address)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return servers;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the relay does not get ready");
    }

    pub fn memory(&self) -> Memory {
        Memory { relay: resident(self.relay.id()), nsqd: self.nsqd.as_ref().map(|nsqd| resident(nsqd.id())) }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in [Some(&mut self.relay), self.nsqd.as_mut()].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `VmRSS` of proc_pid_status(5).
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

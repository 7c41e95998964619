//! An nsqd for each test: the pinned binary, the repository's nsq.conf, free ports, and a data
//! path that is deleted afterwards.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use ferry_nsq::{Admin, ChannelName, ChannelStats, LookupAdmin, Message, Options, Publisher, Subscription, TopicName};

/// The time after which a test fails. Nothing should come near it.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A running nsqd; killed when dropped.
pub struct Nsqd {
    child: Child,
    data: tempfile::TempDir,
    flags: Vec<String>,
    pub tcp: u16,
    pub http: u16,
}

impl Nsqd {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts nsqd with further flags, for example `-lookupd-tcp-address=…`.
    pub async fn start_with(flags: &[String]) -> Self {
        // Another process may take a port between our search and nsqd's bind. Then nsqd exits, and
        // other ports are tried.
        for _ in 0..10 {
            let (tcp, http) = (free_port(), free_port());
            let data = data_directory();
            let child = spawn_nsqd(data.path(), tcp, http, flags);
            let flags = flags.to_vec();
            let mut nsqd = Self { child, data, flags, tcp, http };
            if nsqd.comes_up().await {
                return nsqd;
            }
        }
        panic!("nsqd does not come up; its output is above");
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.tcp)
    }

    pub fn admin(&self) -> Admin {
        Admin::new(&format!("127.0.0.1:{}", self.http), DEADLINE).unwrap()
    }

    pub async fn publisher(&self, options: Options) -> Publisher {
        let publisher = Publisher::connect(self.address(), options);
        connected(&publisher).await;
        publisher
    }

    pub async fn subscribe(
        &self,
        topic: &TopicName,
        channel: &ChannelName,
        options: &Options,
        ready: u32,
    ) -> Subscription {
        Subscription::connect(&self.address(), topic, channel, options, ready).await.unwrap()
    }

    /// Kills nsqd without a warning, like a crash or the OOM killer. `restart` uses the same ports
    /// and data path.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until a `kill` would not lose the channel. nsqd writes its list of topics and
    /// channels (`nsqd.dat`) some time after it has answered the call or the SUB that created one
    /// (`nsqd.go`, `Notify`).
    pub async fn remembers(&self, topic: &TopicName, channel: &ChannelName) {
        let list = self.data.path().join("nsqd.dat");
        until("nsqd writes down the channel", || async {
            let list = std::fs::read_to_string(&list).unwrap_or_default();
            (list.contains(&format!("\"{topic}\"")) && list.contains(&format!("\"{channel}\""))).then_some(())
        })
        .await;
    }

    /// Removes everything that a killed nsqd wrote, so that `restart` begins without channels and
    /// overflow.
    pub fn forget(&self) {
        for entry in std::fs::read_dir(self.data.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }

    pub async fn restart(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            self.child = spawn_nsqd(self.data.path(), self.tcp, self.http, &self.flags);
            if self.comes_up().await {
                return;
            }
        }
        panic!("nsqd does not come up again; its output is above");
    }

    /// Stops nsqd, so that it keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
        // The signal is sent, but not yet obeyed: each thread runs on until the kernel stops it.
        let deadline = Instant::now() + DEADLINE;
        while !self.has_stopped() {
            assert!(Instant::now() < deadline, "nsqd does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns true if every thread is in state `T` (proc_pid_stat(5); the state follows the name
    /// in parentheses).
    fn has_stopped(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        threads.map(|thread| thread.unwrap().path().join("stat")).all(|stat| {
            let stat = std::fs::read_to_string(stat).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        })
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success(), "kill {signal}");
    }

    /// Returns true when nsqd answers, and false if it has exited.
    async fn comes_up(&mut self) -> bool {
        let admin = self.admin();
        let deadline = Instant::now() + DEADLINE;
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            // Another nsqd may answer on a port that it took in between, so the TCP port must
            // match too.
            if admin.info().await.is_ok_and(|info| info.tcp_port == self.tcp) {
                return true;
            }
            assert!(Instant::now() < deadline, "nsqd runs, but does not answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Nsqd {
    fn drop(&mut self) {
        // SIGKILL ends a frozen process too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn_nsqd(data: &Path, tcp: u16, http: u16, flags: &[String]) -> Child {
    Command::new(binary("nsqd"))
        .arg(format!("-config={}", repository().join("nsq.conf").display()))
        .arg(format!("-tcp-address=127.0.0.1:{tcp}"))
        .arg(format!("-http-address=127.0.0.1:{http}"))
        .arg(format!("-data-path={}", data.display()))
        .args(flags)
        .env("GODEBUG", "asynctimerchan=0")
        .env("GOGC", "50")
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// Creates a data directory, on tmpfs as in production if there is one.
fn data_directory() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap()
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Returns the directory with nsq.conf.
pub fn repository() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.ancestors().find(|parent| parent.join("nsq.conf").is_file()).unwrap().to_owned()
}

pub fn binary(name: &str) -> PathBuf {
    let directory = std::env::var_os("FERRY_NSQD_DIR").map_or_else(|| repository().join("target/nsq"), PathBuf::from);
    let path = directory.join(name);
    assert!(path.is_file(), "{} is missing: run tools/nsq/build or ./test", path.display());
    path
}

pub async fn connected(publisher: &Publisher) {
    within(publisher.wait_connected()).await;
}

/// Fails the test if `work` takes too long.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, Box::pin(work)).await.expect("nothing happened in time")
}

/// Waits for `condition`, and asks again and again.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut condition: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a state of the channel, as nsqd sees it.
pub async fn until_channel(
    admin: &Admin,
    topic: &TopicName,
    channel: &ChannelName,
    what: &str,
    wanted: impl Fn(&ChannelStats) -> bool,
) {
    until(what, || async {
        let stats = admin.channel_stats(topic, channel).await.unwrap()?;
        wanted(&stats).then_some(())
    })
    .await;
}

pub fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub fn channel(name: &str) -> ChannelName {
    ChannelName::new(name).unwrap()
}

pub fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Returns the next message, as text.
pub async fn receive(subscription: &mut Subscription) -> (Message, String) {
    let message = within(subscription.next()).await.unwrap();
    let text = String::from_utf8(message.body.to_vec()).unwrap();
    (message, text)
}

/// A running nsqlookupd; killed when dropped.
pub struct Lookupd {
    child: Child,
    pub tcp: u16,
    pub http: u16,
}

impl Lookupd {
    pub async fn start() -> Self {
        for _ in 0..10 {
            let (tcp, http) = (free_port(), free_port());
            let child = Command::new(binary("nsqlookupd"))
                .arg(format!("-tcp-address=127.0.0.1:{tcp}"))
                .arg(format!("-http-address=127.0.0.1:{http}"))
                .arg("-log-level=warn")
                .stdin(Stdio::null())
                .spawn()
                .unwrap();
            let mut lookupd = Self { child, tcp, http };
            let admin = lookupd.admin();
            let exited = until("nsqlookupd answers or exits", || {
                let exited = lookupd.child.try_wait().unwrap().is_some();
                let ping = admin.ping();
                async move { if exited { Some(true) } else { ping.await.ok().map(|()| false) } }
            })
            .await;
            if !exited {
                return lookupd;
            }
        }
        panic!("nsqlookupd does not come up; its output is above");
    }

    pub fn admin(&self) -> LookupAdmin {
        LookupAdmin::new(&format!("127.0.0.1:{}", self.http), DEADLINE).unwrap()
    }
}

impl Drop for Lookupd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

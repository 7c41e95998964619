//! nsqd with the repository's `nsq.conf`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use ferry_nsq::{Admin, ChannelName, Options, Publisher, Subscription, TopicName};

use crate::{
    DEADLINE, Ended, Process, Scratch, free_port, get, must, nsq::connected, repository, scratch::bytes_in, until,
};

/// How many pairs of ports are tried. Another process may take a port between our finding it
/// free and nsqd's binding it.
const TRIES: usize = 10;

/// A running nsqd, killed when dropped.
#[derive(Debug)]
pub struct Nsqd {
    process: Process,
    flags: Vec<String>,
    data: PathBuf,
    /// The port of its protocol.
    pub tcp: u16,
    /// The port of its HTTP interface.
    pub http: u16,
    scratch: Scratch,
}

impl Nsqd {
    /// Starts an nsqd and waits until it answers.
    ///
    /// # Errors
    /// Fails if nsqd is not built or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts an nsqd with further flags, for example `-lookupd-tcp-address=…`.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub async fn start_with(flags: &[String]) -> anyhow::Result<Self> {
        // Its overflow is in memory, as in production.
        let scratch = Scratch::in_memory()?;
        let data = scratch.directory("data")?;
        let mut all = vec![
            format!("-config={}", repository().join("nsq.conf").display()),
            format!("-data-path={}", data.display()),
        ];
        all.extend_from_slice(flags);
        let (process, tcp, http) = launch_on_free_ports("nsqd", &all, &scratch.path("nsqd.log")).await?;
        Ok(Self { process, flags: all, data, tcp, http, scratch })
    }

    /// Returns `host:port` of its protocol.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.tcp)
    }

    /// Returns `host:port` of its HTTP interface.
    pub fn http_address(&self) -> String {
        format!("127.0.0.1:{}", self.http)
    }

    /// Returns what a relay's `--nsqd` wants: `host:port/port`.
    pub fn for_relay(&self) -> String {
        format!("127.0.0.1:{}/{}", self.tcp, self.http)
    }

    /// Returns a client of its HTTP interface.
    pub fn admin(&self) -> Admin {
        must("nsqd's HTTP interface", Admin::new(&self.http_address(), DEADLINE))
    }

    /// Returns a publisher that is connected.
    pub async fn publisher(&self, options: Options) -> Publisher {
        let publisher = Publisher::connect(self.address(), options);
        connected(&publisher).await;
        publisher
    }

    /// Returns a subscription to a channel, with `ready` messages in flight at most.
    pub async fn subscribe(
        &self,
        topic: &TopicName,
        channel: &ChannelName,
        options: &Options,
        ready: u32,
    ) -> Subscription {
        let subscription = Subscription::connect(&self.address(), topic, channel, options, ready).await;
        must("no subscription to nsqd", subscription)
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns the bytes of its files, which are its overflow.
    pub fn overflow(&self) -> u64 {
        bytes_in(&self.data)
    }

    /// Returns the directory of its data and of its log.
    pub fn directory(&self) -> &Path {
        self.scratch.as_path()
    }

    /// Kills it as a crash would. [`Self::restart`] has the same ports and the same files.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits until a `kill` would not lose the channel. nsqd writes its list of topics and
    /// channels (`nsqd.dat`) some time after it has answered the call or the SUB that made a
    /// channel (`nsqd.go`, `Notify`).
    pub async fn remembers(&self, topic: &TopicName, channel: &ChannelName) {
        let list = self.data.join("nsqd.dat");
        until("nsqd writes down the channel", || async {
            let list = fs::read_to_string(&list).unwrap_or_default();
            (list.contains(&format!("\"{topic}\"")) && list.contains(&format!("\"{channel}\""))).then_some(())
        })
        .await;
    }

    /// Stops it as an operator does: what is in its memory goes to its files.
    pub async fn stop(&mut self) {
        self.process.ask_to_stop();
        self.process.ended().await;
    }

    /// Removes all files of a killed nsqd, so that [`Self::restart`] begins with nothing: no
    /// channels, no overflow.
    pub fn forget(&self) {
        for entry in must("nsqd's files", fs::read_dir(&self.data)) {
            must("nsqd's files", entry.and_then(|entry| fs::remove_file(entry.path())));
        }
    }

    /// Takes its files away while it runs: it cannot write its overflow any more.
    pub fn lose_the_disk(&self) {
        must("nsqd's files", fs::rename(&self.data, self.data.with_extension("away")));
    }

    /// Gives back what [`Self::lose_the_disk`] took.
    pub fn find_the_disk(&self) {
        must("nsqd's files", fs::rename(self.data.with_extension("away"), &self.data));
    }

    /// Waits until its log has this text.
    pub async fn until_log(&self, text: &str) {
        let log = self.scratch.path("nsqd.log");
        until(&format!("nsqd logs: {text}"), || async {
            fs::read_to_string(&log).is_ok_and(|log| log.contains(text)).then_some(())
        })
        .await;
    }

    /// Starts a killed nsqd again and waits until it answers.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// Starts a killed nsqd again, this time with these flags as well.
    pub async fn restart_with(&mut self, more: &[&str]) {
        let flags: Vec<String> = self.flags.iter().cloned().chain(more.iter().map(ToString::to_string)).collect();
        let log = self.scratch.path("nsqd.log");
        let deadline = Instant::now() + DEADLINE;
        loop {
            match launch("nsqd", self.tcp, self.http, &flags, &log).await {
                Ok(process) => {
                    self.process = process;
                    return;
                }
                // Another process may have its port for a moment.
                Err(error) if error.is::<Ended>() && Instant::now() < deadline => {}
                Err(error) => panic!("nsqd does not come up again: {error:#}"),
            }
        }
    }

    /// Stops it until [`Self::thaw`]. It keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// Lets a frozen nsqd go on.
    pub fn thaw(&self) {
        self.process.thaw();
    }
}

/// Returns the path of a program of NSQ that `tools/nsq/build` has built.
/// `FERRY_NSQD_DIR` names another directory than `target/nsq`.
///
/// # Errors
/// Fails if it is not built.
pub fn nsq_binary(name: &str) -> anyhow::Result<PathBuf> {
    let directory = std::env::var_os("FERRY_NSQD_DIR").map_or_else(|| repository().join("target/nsq"), PathBuf::from);
    let path = directory.join(name);
    anyhow::ensure!(path.is_file(), "{} is missing: run tools/nsq/build or ./test", path.display());
    Ok(path)
}

/// Starts nsqd or nsqlookupd on two free ports, and returns it with the ports of its protocol
/// and of its HTTP interface.
pub(crate) async fn launch_on_free_ports(
    name: &'static str,
    flags: &[String],
    log: &Path,
) -> anyhow::Result<(Process, u16, u16)> {
    let mut tries = 0;
    loop {
        let (tcp, http) = (free_port()?, free_port()?);
        tries += 1;
        match launch(name, tcp, http, flags, log).await {
            Ok(process) => return Ok((process, tcp, http)),
            Err(error) if error.is::<Ended>() && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

/// Starts nsqd or nsqlookupd and waits until it answers. Fails with [`Ended`] if it ends, for
/// example for want of its port.
async fn launch(name: &'static str, tcp: u16, http: u16, flags: &[String], log: &Path) -> anyhow::Result<Process> {
    let mut command = Command::new(nsq_binary(name)?);
    command
        .arg(format!("-tcp-address=127.0.0.1:{tcp}"))
        .arg(format!("-http-address=127.0.0.1:{http}"))
        .args(flags)
        // As nsq.conf says how to start it.
        .envs([("GODEBUG", "asynctimerchan=0"), ("GOGC", "50")]);
    let mut process = Process::spawn(name, &mut command, log)?;
    let address = format!("127.0.0.1:{http}");
    process.until(|| async { answers(&address, tcp).await.then_some(()) }).await?;
    Ok(process)
}

/// Returns true if the server answers. nsqd says its own port too: another nsqd may have taken
/// `address` meanwhile.
async fn answers(address: &str, tcp: u16) -> bool {
    let Ok((200, info)) = get(address, "/info").await else { return false };
    let info: serde_json::Value = serde_json::from_str(&info).unwrap_or_default();
    info.is_object() && info.get("tcp_port").is_none_or(|port| port == tcp)
}

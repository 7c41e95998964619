//! nsqlookupd, which tells where a topic is.

use ferry_nsq::LookupAdmin;

use crate::{DEADLINE, Process, Scratch, must, nsqd::launch_on_free_ports};

/// A running nsqlookupd, killed when dropped.
#[derive(Debug)]
pub struct Lookupd {
    process: Process,
    /// The port where nsqds announce themselves.
    pub tcp: u16,
    /// The port of its HTTP interface.
    pub http: u16,
    _scratch: Scratch,
}

impl Lookupd {
    /// Starts an nsqlookupd and waits until it answers.
    ///
    /// # Errors
    /// Fails if nsqlookupd is not built or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let scratch = Scratch::in_memory()?;
        let flags = ["-log-level=warn".to_owned()];
        let (process, tcp, http) = launch_on_free_ports("nsqlookupd", &flags, &scratch.path("nsqlookupd.log")).await?;
        Ok(Self { process, tcp, http, _scratch: scratch })
    }

    /// Stops it as a machine under load would (SIGSTOP), until [`Self::thaw`].
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// Lets it run again.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// Returns a client of its HTTP interface.
    pub fn admin(&self) -> LookupAdmin {
        must("nsqlookupd's HTTP interface", LookupAdmin::new(&format!("127.0.0.1:{}", self.http), DEADLINE))
    }
}

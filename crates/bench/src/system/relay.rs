//! A relay with its database and its broker.

use std::{sync::Arc, time::Duration};

use ferry_protocol::RoomId;
use ferry_testkit::{CHEAP_PASSWORDS, Nsqd, OPEN_HANDED, Postgres, RelayOptions, Scratch};

use super::{Accounts, Attached, Doing, System};
use crate::{
    crowd::Crowd,
    device::{self, Login},
    load::Load,
    options::{Backend, Database, Options},
    programs::{ferry_binary, start_nsqd},
    sample::Group,
};

/// See the module's description.
pub struct Relay {
    // Dropped in this order: a part before those that it depends on.
    attached: Attached,
    /// The relay's users.
    pub accounts: Accounts,
    rooms: Option<(Crowd, Arc<[RoomId]>)>,
    server: ferry_testkit::Relay,
    nsqd: Option<Nsqd>,
    postgres: Option<Postgres>,
    _scratch: Scratch,
}

impl Relay {
    /// Starts a relay with a new database and new queues. With `real_passwords`, passwords are
    /// hashed as in production.
    ///
    /// # Errors
    /// A part is missing or does not start.
    pub async fn start(backend: Backend, options: &Options, real_passwords: bool) -> anyhow::Result<Self> {
        let binary = ferry_binary(options.ferry.as_deref())?;
        let scratch = Scratch::in_memory()?;
        let over_nsqd = backend == Backend::Nsqd;
        let postgres = (over_nsqd && options.database == Database::Postgres).then(Postgres::start_in_memory);
        let postgres = postgres.transpose()?;
        let nsqd = if over_nsqd { Some(start_nsqd().await?) } else { None };
        let sqlite = format!("sqlite://{}", scratch.path("ferry.db").display());
        let database = postgres.as_ref().map_or(&sqlite, |postgres| &postgres.url);
        let server = ferry_testkit::Relay::start(RelayOptions {
            binary,
            flags: flags(options, database, nsqd.as_ref(), real_passwords),
            // Each login says a line at the level of the one line that is needed here.
            log_level: "warn,ferry::run=info".to_owned(),
            environment: Vec::new(),
            log: scratch.path("relay.log"),
        })
        .await?;
        let accounts = Accounts::new(&server.address)?;
        let attached = Attached::default();
        Ok(Self { attached, accounts, rooms: None, server, nsqd, postgres, _scratch: scratch })
    }
}

/// The flags of a relay. With `real_passwords`, hashing a password costs as much as in production.
fn flags(options: &Options, database: &str, nsqd: Option<&Nsqd>, real_passwords: bool) -> Vec<String> {
    let devices = options.devices_per_user.max(16).to_string();
    let members = options.room_sizes().into_iter().max().unwrap_or_default().max(1_000).to_string();
    let mut flags = vec!["--database", database, "--devices", &devices, "--members", &members, "--no-rate-limits"];
    // A day, so that no token expires in a run.
    flags.extend(["--access-ttl", "86400"]);
    flags.extend(OPEN_HANDED);
    if !real_passwords {
        flags.extend(CHEAP_PASSWORDS);
    }
    let nsqd = nsqd.map(Nsqd::for_relay);
    flags.extend(nsqd.iter().flat_map(|nsqd| ["--nsqd", nsqd]));
    flags.into_iter().map(str::to_owned).collect()
}

impl System for Relay {
    fn processes(&self) -> Vec<Group> {
        let mut groups = vec![Group { name: "server", ids: vec![self.server.pid()] }];
        groups.extend(self.nsqd.iter().map(|nsqd| Group { name: "nsqd", ids: vec![nsqd.pid()] }));
        groups.extend(self.postgres.iter().map(|postgres| Group { name: "postgres", ids: postgres.processes() }));
        groups
    }

    fn prepare<'a>(&'a mut self, crowd: &'a Crowd) -> Doing<'a, ()> {
        Box::pin(async move {
            self.accounts.provide(crowd).await?;
            if crowd.senders == 0 {
                return Ok(());
            }
            let known = self.rooms.as_ref().is_some_and(|(of, _)| of == crowd);
            if !known {
                self.rooms = Some((*crowd, self.accounts.rooms(crowd).await?));
            }
            Ok(())
        })
    }

    fn attach<'a>(&'a mut self, load: &'a Arc<Load>, devices: &'a [usize], at_once: usize) -> Doing<'a, Vec<Duration>> {
        Box::pin(async move {
            let Self { attached, accounts, rooms, server, .. } = self;
            let rooms: Arc<[RoomId]> = rooms.as_ref().map(|(_, rooms)| Arc::clone(rooms)).unwrap_or_default();
            let address: Arc<str> = server.address.as_str().into();
            let run = |device, ready| {
                let login =
                    Login { address: Arc::clone(&address), token: accounts.token(device), rooms: Arc::clone(&rooms) };
                device::run(login, Arc::clone(load), device, ready)
            };
            attached.attach(load, devices, at_once, run).await
        })
    }

    fn detach<'a>(&'a mut self, load: &'a Arc<Load>) -> Doing<'a, ()> {
        Box::pin(async move {
            load.forget_ports();
            self.attached.detach().await;
            Ok(())
        })
    }

    fn overflow(&self) -> u64 {
        self.nsqd.as_ref().map_or(0, Nsqd::overflow)
    }
}

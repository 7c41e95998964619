//! A relay with its database and its broker.

use std::{sync::Arc, time::Duration};

use ferry_protocol::RoomId;

use super::{Accounts, Attached, Doing, System};
use crate::{
    crowd::Crowd,
    device::{self, Login},
    load::Load,
    options::{Backend, Database, Options},
    sample::Group,
    servers::{Nsqd, Postgres, RelayOptions, RelayServer, Scratch, ferry_binary},
};

/// See the module's description.
pub struct Relay {
    // Dropped in this order: a part before those that it depends on.
    attached: Attached,
    /// The relay's users.
    pub accounts: Accounts,
    rooms: Option<(Crowd, Arc<[RoomId]>)>,
    /// The relay's process and address.
    pub server: RelayServer,
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
        let scratch = Scratch::new()?;
        let over_nsqd = backend == Backend::Nsqd;
        let postgres = (over_nsqd && options.database == Database::Postgres).then(|| Postgres::start(&scratch));
        let postgres = postgres.transpose()?;
        let nsqd = if over_nsqd { Some(Nsqd::start(&scratch).await?) } else { None };
        let sqlite = format!("sqlite://{}", scratch.path("ferry.db").display());
        let relay = RelayOptions {
            binary: &binary,
            database: postgres.as_ref().map_or(&sqlite, |postgres| &postgres.url),
            nsqd: nsqd.as_ref(),
            real_passwords,
            devices_per_user: options.devices_per_user,
            room_size: options.room_sizes().into_iter().max().unwrap_or_default(),
        };
        let server = RelayServer::start(&scratch, &relay).await?;
        let accounts = Accounts::new(&server.address)?;
        let attached = Attached::default();
        Ok(Self { attached, accounts, rooms: None, server, nsqd, postgres, _scratch: scratch })
    }
}

impl System for Relay {
    fn processes(&self) -> Vec<Group> {
        let mut groups = vec![Group { name: self.server.process.name(), ids: vec![self.server.process.id()] }];
        groups.extend(self.nsqd.iter().map(|nsqd| Group { name: "nsqd", ids: vec![nsqd.process.id()] }));
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

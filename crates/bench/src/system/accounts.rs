//! Accounts and logins at a relay.

use std::sync::Arc;

use anyhow::Context;
use ferry_client::{Client, ClientOptions, Credentials, InMemory, Session};
use ferry_protocol::{CreateRoom, RoomId, RoomKind, Secret, UserId};
use futures_util::{StreamExt, TryStreamExt};

use crate::crowd::Crowd;

/// The number of calls at a time.
const AT_ONCE: usize = 16;

/// Users with their devices, all logged in.
pub struct Accounts {
    client: Client,
    /// A text that makes the names of a run different from those of other runs at the same relay.
    run: String,
    /// The users by number.
    users: Vec<User>,
    devices_per_user: usize,
}

struct User {
    name: String,
    id: UserId,
    session: Session,
    /// The tokens by number of the device.
    tokens: Vec<Arc<str>>,
}

impl Accounts {
    /// Creates an empty state.
    ///
    /// # Errors
    /// The address is not valid.
    pub fn new(address: &str) -> anyhow::Result<Self> {
        let client = Client::new(&format!("http://{address}"), ClientOptions::default())?;
        let run = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        Ok(Self { client, run, users: Vec::new(), devices_per_user: 0 })
    }

    /// Registers users until there are as many as in the crowd, and logs in their devices.
    ///
    /// # Errors
    /// A call failed.
    pub async fn provide(&mut self, crowd: &Crowd) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.users.is_empty() || self.devices_per_user == crowd.devices_per_user,
            "users cannot get more devices later"
        );
        self.devices_per_user = crowd.devices_per_user;
        let missing = self.users.len()..crowd.users.max(self.users.len());
        let new: Vec<User> = futures_util::stream::iter(missing)
            .map(|number| new_user(&self.client, format!("u{number}-{}", self.run), crowd.devices_per_user))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        self.users.extend(new);
        Ok(())
    }

    /// Returns the token of a device.
    pub fn token(&self, device: usize) -> Arc<str> {
        Arc::clone(&self.users[device / self.devices_per_user].tokens[device % self.devices_per_user])
    }

    /// Returns the client for calls without a login.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the username of a user.
    pub fn name(&self, user: usize) -> &str {
        &self.users[user].name
    }

    /// Registers this many users without logging them in. Returns their names.
    ///
    /// # Errors
    /// A call failed.
    pub async fn register(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let register = |number| async move {
            let name = format!("n{number}-{}", self.run);
            self.client.register(&name, &password(), None).await.context("an account cannot be made")?;
            anyhow::Ok(name)
        };
        futures_util::stream::iter(0..count).map(register).buffered(AT_ONCE).try_collect().await
    }

    /// Creates new rooms for the crowd.
    ///
    /// # Errors
    /// A call failed.
    pub async fn rooms(&self, crowd: &Crowd) -> anyhow::Result<Arc<[RoomId]>> {
        let rooms: Vec<RoomId> = futures_util::stream::iter(0..crowd.rooms())
            .map(|room| self.room(crowd, room))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(rooms.into())
    }

    async fn room(&self, crowd: &Crowd, room: usize) -> anyhow::Result<RoomId> {
        let users = &self.users[crowd.users_of(room)];
        let members = users[1..].iter().map(|user| user.id).collect();
        let create = match users.len() {
            2 => CreateRoom { kind: RoomKind::Direct, name: None, members },
            _ => CreateRoom { kind: RoomKind::Group, name: Some(format!("room {room}")), members },
        };
        Ok(users[0].session.create_room(&create).await.context("a room cannot be made")?.id)
    }
}

/// Returns the password of all users.
pub fn password() -> Secret {
    Secret::new("correct horse")
}

async fn new_user(client: &Client, name: String, devices: usize) -> anyhow::Result<User> {
    client.register(&name, &password(), None).await.context("an account cannot be made")?;
    let mut logins: Vec<Credentials> = Vec::with_capacity(devices);
    for _ in 0..devices {
        logins.push(client.login(&name, &password(), "bench").await.context("a device cannot log in")?);
    }
    let tokens = logins.iter().map(|login| login.access_token.expose().into()).collect();
    let first = logins.into_iter().next().context("a user without devices")?;
    Ok(User { name, id: first.user.id, session: Session::new(client.clone(), first, InMemory::shared()), tokens })
}

//! A database for one test, and the people in it.

use ferry_protocol::{DeviceId, UserId};

use crate::{Device, NewDevice, NewUser, Store, StoreOptions, User};

/// A store on a database of its own.
pub(super) struct Database {
    pub(super) store: Store,
    pub(super) url: String,
    place: Place,
}

enum Place {
    Directory(tempfile::TempDir),
    Postgres(ferry_testkit::Database),
}

impl Database {
    pub(super) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/ferry.db", directory.path().display());
        Self::open(url, Place::Directory(directory)).await
    }

    pub(super) async fn postgres() -> Self {
        let database = ferry_testkit::Database::create().unwrap();
        Self::open(database.url.clone(), Place::Postgres(database)).await
    }

    async fn open(url: String, place: Place) -> Self {
        let store = Store::open(&url, StoreOptions::default()).await.unwrap();
        Self { store, url, place }
    }

    /// Closes the store, then drops the database.
    pub(super) async fn remove(self) {
        drop(self.store);
        match self.place {
            Place::Directory(directory) => directory.close().unwrap(),
            Place::Postgres(database) => drop(database),
        }
    }
}

/// An account with that username.
pub(super) async fn user(store: &Store, username: &str) -> User {
    store.create_user(new_user(username)).await.unwrap()
}

pub(super) fn new_user(username: &str) -> NewUser {
    NewUser {
        id: UserId::new(),
        username: username.to_owned(),
        display_name: None,
        password_hash: "$argon2id$canary".to_owned(),
        add: ferry_protocol::Allow::Anybody,
        now: 1000,
    }
}

/// Users `prefix0`, `prefix1`, …
pub(super) async fn users(store: &Store, prefix: &str, count: usize) -> Vec<UserId> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(user(store, &format!("{prefix}{n}")).await.id);
    }
    ids
}

pub(super) fn new_device(user: UserId) -> NewDevice {
    NewDevice {
        id: DeviceId::new(),
        user,
        name: "phone".to_owned(),
        ip: Some("127.0.0.1".to_owned()),
        user_agent: None,
        now: 1000,
        proven: 1000,
        code: None,
        key: None,
        known: None,
    }
}

/// A device of that user, logged in.
pub(super) async fn device(store: &Store, user: UserId) -> Device {
    store.create_device(new_device(user), 16).await.unwrap().device
}

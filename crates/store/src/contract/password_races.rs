//! A new password and a login with the old one at the same moment. Whichever comes first, the login
//! does not survive.

use ferry_protocol::{DeviceId, UserId};

use super::{
    database::{Database, device, new_device, user},
    on_both,
    other::{Other, spawn},
};
use crate::{Conflict, Created, NewDevice, Store, StoreError};

on_both!(
    database: a_login_before_the_change_is_logged_out_by_it,
    a_login_after_the_change_is_refused,
    an_account_that_goes_meanwhile_lets_nobody_in,
);

/// Creates a user with a device. Another transaction holds the user's row.
async fn held(database: &Database) -> (Other<'_>, UserId, DeviceId) {
    let ann = user(&database.store, "ann").await;
    let phone = device(&database.store, ann.id).await.id;
    (Other::holding(database, "users", ann.id).await, ann.id, phone)
}

async fn log_in(store: Store, user: UserId) -> Result<Created, StoreError> {
    store.create_device(NewDevice { proven: 1000, ..new_device(user) }, 16).await
}

async fn change(store: Store, user: UserId, keep: DeviceId) -> Result<Vec<DeviceId>, StoreError> {
    store.change_password(user, 1000, "$new", keep, 5000).await
}

async fn devices_of(store: &Store, user: UserId) -> Vec<DeviceId> {
    store.devices_of(user).await.unwrap().into_iter().map(|device| device.id).collect()
}

async fn a_login_before_the_change_is_logged_out_by_it(database: &Database) {
    let (other, ann, phone) = held(database).await;
    let login = spawn(&database.store, |store| log_in(store, ann));
    other.until_waited_for(1).await;
    let change = spawn(&database.store, |store| change(store, ann, phone));
    other.until_waited_for(2).await;
    other.commit().await;
    let laptop = login.await.unwrap().unwrap().device.id;
    assert_eq!(change.await.unwrap().unwrap(), [laptop]);
    assert_eq!(devices_of(&database.store, ann).await, [phone]);
    assert_eq!(database.store.pending_closes(10).await.unwrap(), [(ann, laptop)]);
    let tokens = database.store.insert_refresh(laptop, 0, [1; 32], 1, 9000).await;
    assert!(matches!(tokens, Err(StoreError::NotFound)), "{tokens:?}");
}

async fn a_login_after_the_change_is_refused(database: &Database) {
    let (other, ann, phone) = held(database).await;
    let change = spawn(&database.store, |store| change(store, ann, phone));
    other.until_waited_for(1).await;
    let login = spawn(&database.store, |store| log_in(store, ann));
    other.until_waited_for(2).await;
    other.commit().await;
    assert_eq!(change.await.unwrap().unwrap(), []);
    let refused = login.await.unwrap();
    assert!(matches!(refused, Err(StoreError::Conflict(Conflict::PasswordChanged))), "{refused:?}");
    assert_eq!(devices_of(&database.store, ann).await, [phone]);
}

async fn an_account_that_goes_meanwhile_lets_nobody_in(database: &Database) {
    let (other, ann, phone) = held(database).await;
    let deletion = spawn(&database.store, |store| async move { store.delete_user(ann).await });
    other.until_waited_for(1).await;
    let login = spawn(&database.store, |store| log_in(store, ann));
    other.until_waited_for(2).await;
    other.commit().await;
    assert_eq!(deletion.await.unwrap().unwrap().devices, [phone]);
    let refused = login.await.unwrap();
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
}

//! What operators do: accounts that are disabled, limits of their own, codes for new passwords, and
//! tokens for new accounts.

use ferry_protocol::{Page, UserId};

use super::{
    database::{device, new_device, new_user, user},
    on_both,
};
use crate::{Account, AccountFilter, Conflict, NewUser, NextToken, RegistrationToken, Rotation, Store, StoreError};

on_both!(
    a_disabled_account_has_no_tokens_and_keeps_its_devices,
    a_user_may_have_a_limit_of_their_own,
    operators_find_accounts_page_by_page,
    a_code_sets_a_password_once,
    codes_are_forgotten_when_they_expire,
    a_registration_token_is_used_as_often_as_it_says,
    the_last_use_of_a_token_is_for_one,
    a_user_whose_app_is_lost_gets_rid_of_the_second_factor,
    those_who_are_told_have_a_device,
);

fn is<T: std::fmt::Debug>(outcome: Result<T, StoreError>, wanted: Conflict) {
    assert!(matches!(outcome, Err(StoreError::Conflict(found)) if found == wanted), "{outcome:?}");
}

async fn a_disabled_account_has_no_tokens_and_keeps_its_devices(store: Store) {
    let ann = user(&store, "ann").await.id;
    let phone = device(&store, ann).await;
    store.insert_refresh(phone.id, 0, [1; 32], 1, 9000).await.unwrap();
    assert!(!store.is_disabled(ann).await.unwrap());
    assert_eq!(store.disable_user(ann, 2000).await.unwrap(), [phone.id]);
    assert_eq!(store.disable_user(ann, 3000).await.unwrap(), [phone.id], "once more");
    assert_eq!(store.account(ann).await.unwrap().unwrap().0.disabled_at, Some(2000), "since the first time");
    assert!(store.is_disabled(ann).await.unwrap());
    let next = NextToken { salt: [1; 32], hash: [2; 32] };
    assert_eq!(store.rotate_refresh([1; 32], next, 5, 9000, 60, "::1").await.unwrap(), Rotation::Unknown);
    assert!(store.device(phone.id).await.unwrap().unwrap().token_generation > 0, "access tokens are old");
    is(store.create_device(new_device(ann), 16).await, Conflict::AccountDisabled);
    is(store.replace_device(new_device(ann), phone.id).await, Conflict::AccountDisabled);

    assert!(store.enable_user(ann).await.unwrap() && !store.enable_user(ann).await.unwrap());
    assert_eq!(store.replace_device(new_device(ann), phone.id).await.unwrap().unwrap().id, phone.id);
    for outcome in
        [store.disable_user(UserId::new(), 1).await.map(drop), store.enable_user(UserId::new()).await.map(drop)]
    {
        assert!(matches!(outcome, Err(StoreError::NotFound)));
    }
}

async fn a_user_may_have_a_limit_of_their_own(store: Store) {
    let ann = user(&store, "ann").await.id;
    store.set_max_devices(ann, Some(2)).await.unwrap();
    store.create_device(new_device(ann), 1).await.unwrap();
    store.create_device(new_device(ann), 1).await.unwrap();
    is(store.create_device(new_device(ann), 16).await, Conflict::DeviceLimit);
    store.set_max_devices(ann, Some(1)).await.unwrap();
    assert_eq!(store.devices_of(ann).await.unwrap().len(), 2, "those beyond the limit stay");
    store.set_max_devices(ann, None).await.unwrap();
    store.create_device(new_device(ann), 16).await.unwrap();
    assert!(matches!(store.set_max_devices(UserId::new(), Some(1)).await, Err(StoreError::NotFound)));
}

async fn operators_find_accounts_page_by_page(store: Store) {
    for name in ["ann", "anna", "ben", "cid"] {
        user(&store, name).await;
    }
    let ids = |name: &'static str| {
        let store = store.clone();
        async move { store.credentials_by_name(name).await.unwrap().unwrap().user.id }
    };
    let (ann, ben) = (ids("ann").await, ids("ben").await);
    device(&store, ann).await;
    let last = device(&store, ann).await.last_seen_at;
    store.disable_user(ben, 5).await.unwrap();
    let names = |page: &Page<Account>| page.items.iter().map(|account| account.username.clone()).collect::<Vec<_>>();
    let list = async |prefix: &str, disabled| {
        let filter = AccountFilter { prefix: prefix.to_owned(), disabled };
        names(&store.accounts(filter, 10, None).await.unwrap())
    };
    assert_eq!(list("", None).await, ["ann", "anna", "ben", "cid"]);
    assert_eq!(list("an", None).await, ["ann", "anna"]);
    assert_eq!(list("", Some(true)).await, ["ben"]);
    assert_eq!(list("", Some(false)).await, ["ann", "anna", "cid"]);
    assert_eq!(list("\0", None).await, [""; 0]);

    let first = store.accounts(AccountFilter::default(), 3, None).await.unwrap();
    assert_eq!(names(&first), ["ann", "anna", "ben"]);
    assert_eq!((first.items[0].devices, first.items[0].last_seen_at), (2, Some(last)));
    assert_eq!((first.items[1].devices, first.items[1].last_seen_at), (0, None));
    let rest = store.accounts(AccountFilter::default(), 3, first.next_cursor.as_deref()).await.unwrap();
    assert_eq!((names(&rest), rest.next_cursor), (vec!["cid".to_owned()], None));
    assert_eq!(store.account(UserId::new()).await.unwrap(), None);
}

async fn a_code_sets_a_password_once(store: Store) {
    let ann = user(&store, "ann").await.id;
    let phone = device(&store, ann).await.id;
    let before = store.credentials(ann).await.unwrap().unwrap().password_changed_at;
    assert_eq!(store.reset_of("ann").await.unwrap(), None);
    store.offer_reset(ann, [1; 32], 9000).await.unwrap();
    store.offer_reset(ann, [2; 32], 9000).await.unwrap();
    is(store.reset_password(ann, [1; 32], "$new", 5).await, Conflict::ResetCode);
    is(store.reset_password(ann, [2; 32], "$new", 9000).await, Conflict::ResetCode);
    assert_eq!(store.reset_password(ann, [2; 32], "$new", 5).await.unwrap(), [phone]);
    let found = store.reset_of("ann").await.unwrap().unwrap();
    assert_eq!((found.credentials.password_hash.as_str(), found.reset.used_at), ("$new", Some(5)));
    assert!(found.credentials.password_changed_at > before, "a login that checked the old one fails");
    assert!(store.devices_of(ann).await.unwrap().is_empty());
    is(store.reset_password(ann, [2; 32], "$other", 6).await, Conflict::ResetCode);
    assert!(matches!(store.offer_reset(UserId::new(), [3; 32], 9).await, Err(StoreError::NotFound)));
}

async fn codes_are_forgotten_when_they_expire(store: Store) {
    let (ann, ben) = (user(&store, "ann").await.id, user(&store, "ben").await.id);
    store.offer_reset(ann, [1; 32], 10).await.unwrap();
    store.offer_reset(ben, [2; 32], 11).await.unwrap();
    assert_eq!(store.forget_resets(10, 100).await.unwrap(), 1);
    assert_eq!(store.forget_resets(10, 100).await.unwrap(), 0);
    assert_eq!(store.reset_of("ann").await.unwrap(), None);
    assert!(store.reset_of("ben").await.unwrap().is_some());
}

fn token(id: &str, uses_allowed: Option<i64>, expires_at: Option<i64>) -> RegistrationToken {
    RegistrationToken { id: id.to_owned(), uses_allowed, uses: 0, created_at: 1, expires_at }
}

async fn a_registration_token_is_used_as_often_as_it_says(store: Store) {
    store.add_registration_token(token("two", Some(2), Some(5000)), [1; 32]).await.unwrap();
    store.add_registration_token(token("all", None, None), [2; 32]).await.unwrap();
    store.create_user_with_token(new_user("ann"), [1; 32]).await.unwrap();
    is(store.create_user_with_token(new_user("ann"), [1; 32]).await, Conflict::UsernameTaken);
    let late = NewUser { now: 5000, ..new_user("ben") };
    is(store.create_user_with_token(late, [1; 32]).await, Conflict::RegistrationToken);
    is(store.create_user_with_token(new_user("ben"), [9; 32]).await, Conflict::RegistrationToken);
    assert_eq!(store.credentials_by_name("ben").await.unwrap(), None, "no account without a use");
    assert!(store.is_registration_token([1; 32], 4999).await.unwrap());
    store.create_user_with_token(new_user("ben"), [1; 32]).await.unwrap();
    assert!(!store.is_registration_token([1; 32], 1).await.unwrap());
    is(store.create_user_with_token(new_user("cid"), [1; 32]).await, Conflict::RegistrationToken);
    store.create_user_with_token(new_user("cid"), [2; 32]).await.unwrap();

    let first = store.registration_tokens(1, None).await.unwrap();
    assert_eq!(first.items, [RegistrationToken { uses: 1, ..token("all", None, None) }]);
    let second = store.registration_tokens(1, first.next_cursor.as_deref()).await.unwrap();
    assert_eq!(second.items, [RegistrationToken { uses: 2, ..token("two", Some(2), Some(5000)) }]);
    assert!(store.revoke_registration_token("all").await.unwrap());
    assert!(!store.revoke_registration_token("all").await.unwrap());
    is(store.create_user_with_token(new_user("dan"), [2; 32]).await, Conflict::RegistrationToken);
}

async fn the_last_use_of_a_token_is_for_one(store: Store) {
    store.add_registration_token(token("one", Some(1), None), [1; 32]).await.unwrap();
    let each = (0..8).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.create_user_with_token(new_user(&format!("user{number}")), [1; 32]).await })
    });
    let mut made = 0;
    for outcome in futures_util::future::join_all(each).await {
        match outcome.unwrap() {
            Ok(_) => made += 1,
            refused => is(refused, Conflict::RegistrationToken),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(store.registration_tokens(9, None).await.unwrap().items[0].uses, 1);
}

async fn a_user_whose_app_is_lost_gets_rid_of_the_second_factor(store: Store) {
    let ann = user(&store, "ann").await.id;
    assert!(!store.remove_second_factor(ann).await.unwrap());
    let since = store.credentials(ann).await.unwrap().unwrap().password_changed_at;
    store.start_second_factor(ann, since, &[7; 20]).await.unwrap();
    store.confirm_second_factor(ann, &[7; 20], 1, &[[1; 32]], 1).await.unwrap();
    assert!(store.remove_second_factor(ann).await.unwrap());
    assert_eq!(store.second_factor(ann).await.unwrap(), None);
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 0);
    assert!(matches!(store.remove_second_factor(UserId::new()).await, Err(StoreError::NotFound)));
}

async fn those_who_are_told_have_a_device(store: Store) {
    let mut with = Vec::new();
    for name in ["ann", "ben", "cid", "dan"] {
        let id = user(&store, name).await.id;
        if name != "cid" {
            device(&store, id).await;
            device(&store, id).await;
            with.push(id);
        }
    }
    with.sort_unstable();
    assert_eq!(store.users_with_devices().await.unwrap(), 3);
    let first = store.users_with_devices_page(None, 2).await.unwrap();
    let rest = store.users_with_devices_page(first.last().copied(), 2).await.unwrap();
    assert_eq!([first, rest].concat(), with);
}

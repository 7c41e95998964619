//! Every two calls that change something, side by side, on the same few rows. Neither database may
//! find a deadlock, and no call may fail in a way that nobody foresaw.

use std::{collections::BTreeMap, time::Duration};

use ferry_protocol::{DeviceId, Role, RoomId, RoomKind, UpdateSettings, UserId};
use futures_util::{StreamExt, future::BoxFuture};
use uuid::Uuid;

use super::{
    changes::{add, new_room, remove, set},
    database::{Database, device, new_device, new_user, user},
    on_both,
};
use crate::{
    CodeProof, CodePurpose, InvitationLimits, NewBan, NewDevice, NewRoom, NextToken, ProfileChange, RegistrationToken,
    RequestKey, Result, RoomChange, RunId, Store, StoreError, StoreOptions,
};

on_both!(database: no_two_calls_wait_for_each_other, two_who_share_everything_can_both_go);

/// How often each pair is tried. The variable sets more, for a longer test.
const ROUNDS: usize = 1;
/// Pairs that are tried at the same time, each on rows of its own.
const TOGETHER: usize = 8;
const SECRET: [u8; 20] = [7; 20];
const LIMITS: InvitationLimits = InvitationLimits { per_user: 100, per_room: 100 };

/// The rows of one round.
#[derive(Clone)]
struct Scene {
    store: Store,
    ann: UserId,
    ben: UserId,
    cid: UserId,
    anns: DeviceId,
    token: [u8; 32],
    /// Ann is owner, ben is muted, cid is admin.
    group: RoomId,
    /// Ben is owner, and has invited ann.
    channel: RoomId,
    /// Ann has logged in with it, and ben has made a room with it.
    key: RequestKey,
}

fn key(number: u8) -> RequestKey {
    RequestKey { key: [number; 32], request: [0; 32] }
}

impl Scene {
    async fn set(store: &Store) -> Self {
        let person = async || user(store, &format!("u{}", Uuid::new_v4().simple())).await.id;
        let (ann, ben, cid) = (person().await, person().await, person().await);
        let anns = device(store, ann).await.id;
        device(store, ben).await;
        let token = *Uuid::new_v4().as_bytes();
        let token: [u8; 32] = [token, token].concat().try_into().unwrap();
        store.insert_refresh(anns, 0, token, 1, 9000).await.unwrap();
        let group = super::changes::group(store, ann, &[ben, cid]).await;
        set(store, group, ben, None, Some(i64::MAX)).await.unwrap();
        set(store, group, cid, Some(Role::Admin), None).await.unwrap();
        let channel = store.create_room(new_room(RoomKind::Channel, "Channel", ben, &[])).await.unwrap().id;
        store.invite(channel, ben, ann, LIMITS, 1, |_| Ok::<_, StoreError>(())).await.unwrap().unwrap();
        store.create_direct(ann, ben, 1, None).await.unwrap();
        store.start_second_factor(ann, 1000, &SECRET).await.unwrap();
        store.start_second_factor(ben, 1000, &SECRET).await.unwrap();
        store.confirm_second_factor(ben, &SECRET, 1, &[[1; 32]], 1).await.unwrap();
        store.befriend(ann, ben, 1, || Ok::<_, StoreError>(())).await.unwrap().unwrap();
        let key = key(0);
        store.create_device(NewDevice { key: Some(key), known: Some([1; 32]), ..new_device(ann) }, 16).await.unwrap();
        let room = new_room(RoomKind::Group, "g", ben, &[]);
        store.create_room(NewRoom { key: Some(key), ..room }).await.unwrap();
        store.offer_reset(ann, [4; 32], i64::MAX).await.unwrap();
        let registration =
            RegistrationToken { id: ann.to_string(), uses_allowed: Some(1), uses: 0, created_at: 1, expires_at: None };
        store.add_registration_token(registration, token).await.unwrap();
        Self { store: store.clone(), ann, ben, cid, anns, token, group, channel, key }
    }

    fn login(&self, user: UserId) -> NewDevice {
        new_device(user)
    }

    /// A login of ben, who has a second factor.
    fn login_with_code(&self) -> NewDevice {
        NewDevice { code: Some(code()), ..new_device(self.ben) }
    }
}

fn code() -> CodeProof {
    CodeProof::Step { secret: SECRET.to_vec(), step: 2, purpose: CodePurpose::Login }
}

type Call = fn(Scene) -> BoxFuture<'static, Result<()>>;

/// A call by its name. Its answer does not matter.
macro_rules! calls {
    ($($name:ident: |$s:ident| $call:expr),+ $(,)?) => {
        BTreeMap::from([$((stringify!($name), (|$s: Scene| {
            Box::pin(async move { $call.await.map(drop) }) as BoxFuture<'static, Result<()>>
        }) as Call)),+])
    };
}

#[rustfmt::skip]
fn calls() -> BTreeMap<&'static str, Call> {
    calls! {
        delete_ann: |s| s.store.delete_user(s.ann),
        delete_ben: |s| s.store.delete_user(s.ben),
        log_out: |s| s.store.revoke_device(s.ann, s.anns),
        log_in: |s| s.store.create_device(s.login(s.ann), 16),
        replace: |s| s.store.replace_device(s.login(s.ann), s.anns),
        new_password: |s| s.store.change_password(s.ann, 1000, "$new", s.anns, 2000),
        refresh: |s| s.store.rotate_refresh(s.token, NextToken { salt: [1; 32], hash: s.token.map(|byte| !byte) }, 2, 9000, 60, "::1"),
        log_in_with_code: |s| s.store.create_device(s.login_with_code(), 16),
        start_factor: |s| s.store.start_second_factor(s.ann, 1000, &SECRET),
        confirm_factor: |s| s.store.confirm_second_factor(s.ann, &SECRET, 1, &[[1; 32], [2; 32]], 5),
        end_factor: |s| s.store.end_second_factor(s.ben, code()),
        use_code: |s| s.store.use_code(s.ben, code()),
        recover: |s| s.store.use_code(s.ben, CodeProof::Recovery([1; 32])),
        try_code: |s| s.store.take_code_try(s.ben, CodePurpose::Login, 5),
        connect: |s| s.store.open_connection(s.anns, 5),
        probe: |s| s.store.probe(RunId(Uuid::new_v4())),
        prove: |s| s.store.note_proof(s.anns, 5),
        block_ben: |s| s.store.block(s.ann, s.ben, 5),
        block_ann: |s| s.store.block(s.ben, s.ann, 5),
        unblock_ben: |s| s.store.unblock(s.ann, s.ben),
        befriend_ann: |s| s.store.befriend(s.ben, s.ann, 5, || Ok::<_, StoreError>(())),
        unfriend_ben: |s| s.store.unfriend(s.ann, s.ben),
        settings: |s| s.store.update_settings(s.ann, UpdateSettings { presence: Some(false), ..UpdateSettings::default() }),
        profile: |s| s.store.update_user(s.ann, ProfileChange { about: Some(Some("Ann".into())), ..ProfileChange::default() }),
        rename_device: |s| s.store.rename_device(s.ann, s.anns, "phone"),
        log_in_again: |s| s.store.create_device(NewDevice { key: Some(s.key), ..s.login(s.ann) }, 16),
        replace_again: |s| s.store.replace_device(NewDevice { key: Some(key(1)), ..s.login(s.ann) }, s.anns),
        create_again: |s| s.store.create_room(NewRoom { key: Some(s.key), ..new_room(RoomKind::Group, "g", s.ben, &[s.ann]) }),
        direct_again: |s| s.store.create_direct(s.cid, s.ben, 5, Some(s.key)),
        forget_keys: |s| s.store.forget_keys(i64::MAX, 100),
        log_in_known: |s| s.store.create_device(NewDevice { known: Some([1; 32]), ..s.login(s.ann) }, 16),
        replace_known: |s| s.store.replace_device(NewDevice { known: Some([2; 32]), ..s.login(s.ann) }, s.anns),
        forget_known: |s| s.store.forget_known(i64::MAX, 100),
        create_by_ann: |s| s.store.create_room(new_room(RoomKind::Group, "g", s.ann, &[s.cid, s.ben])),
        create_by_ben: |s| s.store.create_room(new_room(RoomKind::Group, "g", s.ben, &[s.ann, s.cid])),
        direct_of_ann: |s| s.store.create_direct(s.ann, s.cid, 5, None),
        direct_of_cid: |s| s.store.create_direct(s.cid, s.ann, 5, None),
        join: |s| add(&s.store, s.channel, s.cid, Role::Member, 5, 100),
        mute: |s| set(&s.store, s.group, s.ben, None, Some(9)),
        leave_muted: |s| remove(&s.store, s.group, s.ben),
        leave_as_admin: |s| remove(&s.store, s.group, s.cid),
        transfer: |s| s.store.transfer_room(s.group, s.ann, s.ben, |_, _| Ok::<_, StoreError>(())),
        delete_room: |s| s.store.delete_room(s.group, s.ann, |_| Ok::<_, StoreError>(())),
        update_room: |s| s.store.update_room(s.group, s.ann, |_| Ok::<_, StoreError>(RoomChange { name: Some("n".into()), ..RoomChange::default() })),
        invite: |s| s.store.invite(s.channel, s.ben, s.cid, LIMITS, 5, |_| Ok::<_, StoreError>(())),
        accept: |s| s.store.accept_invitation(s.channel, s.ann, 100, 5),
        decline: |s| s.store.decline_invitation(s.channel, s.ann),
        withdraw: |s| s.store.withdraw_invitation(s.channel, s.ben, s.ann, |_, _| Ok::<_, StoreError>(())),
        hide: |s| s.store.hide_room(s.group, s.ben, true),
        ban_cid: |s| s.store.ban(NewBan { room: s.group, actor: s.ann, whom: s.cid, until: 9, reason: None, now: 5 }, |_, _| Ok::<_, StoreError>(())),
        ban_ann: |s| s.store.ban(NewBan { room: s.channel, actor: s.ben, whom: s.ann, until: 9, reason: None, now: 5 }, |_, _| Ok::<_, StoreError>(())),
        lift_ban: |s| s.store.lift_ban(s.channel, s.ben, s.cid, |_| Ok::<_, StoreError>(())),
        end_bans: |s| s.store.forget_ended_bans(i64::MAX),
        note_close: |s| s.store.note_close(s.ann, s.anns, None, 0),
        close_done: |s| s.store.close_done(s.anns),
        take_closes: |s| s.store.take_due_closes(100, 0),
        end_mutes: |s| s.store.forget_ended_mutes(i64::MAX),
        lease: |s| s.store.take_lease("sweep", RunId(s.ann.0), 0),
        running: |s| s.store.say_running(RunId(s.ann.0), 1000),
        abandoned: |s| s.store.revoke_if_abandoned(s.ann, s.anns, 0),
        disable: |s| s.store.disable_user(s.ann, 5),
        enable: |s| s.store.enable_user(s.ann),
        limit_devices: |s| s.store.set_max_devices(s.ann, Some(3)),
        offer_reset: |s| s.store.offer_reset(s.ann, [3; 32], 9),
        reset: |s| s.store.reset_password(s.ann, [4; 32], "$new", 5),
        forget_resets: |s| s.store.forget_resets(i64::MAX, 100),
        remove_factor: |s| s.store.remove_second_factor(s.ben),
        register: |s| s.store.create_user_with_token(new_user(&format!("u{}", Uuid::new_v4().simple())), s.token),
        revoke_token: |s| s.store.revoke_registration_token(&s.ann.to_string()),
    }
}

/// Returns what a call said, if it is not an answer that a caller foresees.
fn fault(outcome: Result<()>) -> Option<String> {
    match outcome {
        Ok(()) | Err(StoreError::NotFound | StoreError::Conflict(_)) => None,
        Err(error) => Some(format!("{error:?}")),
    }
}

async fn no_two_calls_wait_for_each_other(database: &Database) {
    // SQLite has one writer at a time. On a busy machine the others wait longer than a user would.
    let patient = StoreOptions { acquire_timeout: Duration::from_secs(60), ..StoreOptions::default() };
    let store = Store::open(&database.url, patient).await.unwrap();
    let rounds = std::env::var("FERRY_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let calls: Vec<_> = calls().into_iter().collect();
    let pairs =
        calls.iter().enumerate().flat_map(|(index, one)| calls[index..].iter().map(move |other| (*one, *other)));
    let faults = futures_util::stream::iter(pairs)
        .map(|((one, first), (other, second))| {
            let store = store.clone();
            async move {
                for _ in 0..rounds {
                    let scene = Scene::set(&store).await;
                    let (a, b) = (tokio::spawn(first(scene.clone())), tokio::spawn(second(scene)));
                    for (name, outcome) in [(one, a.await.unwrap()), (other, b.await.unwrap())] {
                        if let Some(fault) = fault(outcome) {
                            return Some(format!("{name} of {one} and {other}: {fault}"));
                        }
                    }
                }
                None
            }
        })
        .buffer_unordered(TOGETHER)
        .filter_map(std::future::ready)
        .collect::<Vec<_>>()
        .await;
    assert_eq!(faults, [""; 0]);
}

/// Two users who have blocked, banned and invited each other. Each end of an account changes rows
/// that the other changes as well.
async fn two_who_share_everything_can_both_go(database: &Database) {
    let patient = StoreOptions { acquire_timeout: Duration::from_secs(60), ..StoreOptions::default() };
    let store = Store::open(&database.url, patient).await.unwrap();
    let faults = futures_util::stream::iter(0..100)
        .map(|_| {
            let store = store.clone();
            async move {
                let (ann, ben) = two_who_share_everything(&store).await;
                let gone = [ann, ben].map(|user| {
                    let store = store.clone();
                    tokio::spawn(async move { store.delete_user(user).await.map(drop) })
                });
                let [ann, ben] = gone;
                [ann.await.unwrap(), ben.await.unwrap()].into_iter().find_map(fault)
            }
        })
        .buffer_unordered(TOGETHER)
        .filter_map(std::future::ready)
        .collect::<Vec<_>>()
        .await;
    assert_eq!(faults, [""; 0]);
}

async fn two_who_share_everything(store: &Store) -> (UserId, UserId) {
    let person = async || user(store, &format!("u{}", Uuid::new_v4().simple())).await.id;
    let (ann, ben, cid) = (person().await, person().await, person().await);
    for (one, other) in [(ann, ben), (ben, ann)] {
        store.block(one, other, 1).await.unwrap();
        // Cid stays, so none of the rooms ends with the two.
        let room = super::changes::group(store, one, &[cid]).await;
        let ban = NewBan { room, actor: one, whom: other, until: 9, reason: None, now: 1 };
        store.ban(ban, |_, _| Ok::<_, StoreError>(())).await.unwrap().unwrap();
        let room = super::changes::group(store, cid, &[one]).await;
        store.invite(room, one, other, LIMITS, 1, |_| Ok::<_, StoreError>(())).await.unwrap().unwrap();
    }
    (ann, ben)
}

//! A refresh token is used once, and the new one is stored before it is used.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ferry_client::protocol::{DeviceFrame, RelayFrame};
use ferry_client::{ClientError, ClosedReason, CredentialStore, Credentials, Event, Secret};
use ferry_testkit::soon;

use crate::fake::{Relay, welcome};
use crate::{connect, next, quick};

/// Remembers the credentials that it got, and fails when told to.
#[derive(Default)]
struct Kept {
    saved: Mutex<Vec<String>>,
    elsewhere: Mutex<Option<Credentials>>,
    full: AtomicBool,
}

impl CredentialStore for Kept {
    fn load(&self) -> io::Result<Option<Credentials>> {
        Ok(self.elsewhere.lock().unwrap().clone())
    }

    fn save(&self, credentials: &Credentials) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::Error::other("disk full"));
        }
        self.saved.lock().unwrap().push(credentials.refresh_token.expose().to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn simultaneous_calls_make_one_refresh() {
    let relay = Relay::start().await;
    let store = Arc::new(Kept::default());
    // Expired by the clock, and rejected by the relay: both lead to a refresh.
    for (expires_at, number) in [(0, 1), (i64::MAX, 2)] {
        let session = relay.session_with(store.clone(), i64::MAX);
        let mut credentials = (*session.credentials()).clone();
        credentials.expires_at = expires_at;
        credentials.refresh_token = Secret::new(format!("refresh-{}", number - 1));
        let session = ferry_client::Session::new(session.client().clone(), credentials, store.clone());
        let calls = (0..20).map(|_| session.me());
        for me in futures_util::future::join_all(calls).await {
            assert_eq!(me.unwrap().user, relay.user);
        }
        assert_eq!(relay.state.get().refreshes, number);
    }
    assert_eq!(*store.saved.lock().unwrap(), ["refresh-1", "refresh-2"]);
}

#[tokio::test]
async fn credentials_that_cannot_be_kept_are_not_used_and_not_lost() {
    let relay = Relay::start().await;
    let store = Arc::new(Kept::default());
    store.full.store(true, Ordering::Relaxed);
    let session = relay.session_with(store.clone(), 0);
    assert!(matches!(session.me().await, Err(ClientError::Store(_))));
    store.full.store(false, Ordering::Relaxed);
    assert_eq!(session.me().await.unwrap().user, relay.user);
    assert_eq!(relay.state.get().refreshes, 1);
    assert_eq!(*store.saved.lock().unwrap(), ["refresh-1"]);
}

#[tokio::test]
async fn what_another_process_has_refreshed_is_taken_over() {
    let relay = Relay::start().await;
    let store = Arc::new(Kept::default());
    let session = relay.session_with(store.clone(), 0);
    let tokens = session.client().refresh(&Secret::new("refresh-0")).await.unwrap();
    let mut elsewhere = (*session.credentials()).clone();
    (elsewhere.access_token, elsewhere.refresh_token) = (tokens.access_token, tokens.refresh_token);
    elsewhere.expires_at = i64::MAX;
    *store.elsewhere.lock().unwrap() = Some(elsewhere);
    assert_eq!(session.me().await.unwrap().user, relay.user);
    assert_eq!(relay.state.get().refreshes, 1);
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_lose_the_new_token() {
    let relay = Relay::start().await;
    let store = Arc::new(Kept::default());
    let session = relay.session_with(store.clone(), 0);
    // Polled once, so the refresh runs and nobody waits for it.
    let mut me = Box::pin(session.me());
    assert!(futures_util::poll!(&mut me).is_pending());
    drop(me);
    assert_eq!(session.me().await.unwrap().user, relay.user);
    assert_eq!(relay.state.get().refreshes, 1);
}

#[tokio::test]
async fn a_refused_refresh_means_logged_out_and_is_not_repeated() {
    let relay = Relay::start().await;
    relay.state.get().revoked = true;
    relay.state.get().valid.clear();
    let session = relay.session();
    for _ in 0..2 {
        assert!(matches!(session.me().await, Err(ClientError::LoggedOut)));
    }
    assert_eq!(relay.state.get().refreshes, 1);
    let (_connection, mut events) = session.connect(quick());
    assert!(matches!(next(&mut events).await, Event::Closed(ClosedReason::LoggedOut)));
}

#[tokio::test]
async fn a_socket_refused_for_its_token_is_opened_with_a_new_one() {
    let mut relay = Relay::start().await;
    relay.state.get().valid.clear();
    let (_connection, _events) = connect(&relay);
    let peer = relay.welcomed().await;
    assert_eq!(peer.token, "access-1");
    peer.close(4003).await;
    assert_eq!(relay.welcomed().await.token, "access-2");
    assert_eq!(relay.state.get().refreshes, 2);
}

#[tokio::test]
async fn the_token_is_renewed_in_band() {
    let mut relay = Relay::start().await;
    let (_connection, _events) = connect(&relay);
    let mut peer = relay.peer().await;
    peer.send(&RelayFrame::Welcome(welcome(1_200))).await;
    match peer.frame().await {
        DeviceFrame::Hello(hello) => assert_eq!(hello.token.expose(), "access-1"),
        other => panic!("{other:?}"),
    }
    peer.send(&RelayFrame::Renewed { token_expires_at: 1_000 + 2_500 }).await;
    match soon("another renewal", peer.frame()).await {
        DeviceFrame::Hello(hello) => assert_eq!(hello.token.expose(), "access-2"),
        other => panic!("{other:?}"),
    }
}

//! Inboxes of links: there while they are read, in memory only.

use std::time::Duration;

use bytes::Bytes;
use ferry_protocol::{DeviceId, LinkId, UserId};
use ferry_testkit::until;

use super::{Subject, next, take};
use crate::{Inbox, Swept};

impl Subject {
    /// Returns the names of all topics of links. The broker in this process has none to show.
    async fn links(&self) -> Vec<String> {
        let Some(nsqd) = &self.nsqd else { return Vec::new() };
        let topics = nsqd.admin().stats().await.unwrap().into_iter().map(|topic| topic.name);
        topics.filter(|name| name.starts_with("link.")).collect()
    }
}

pub(super) async fn an_inbox_hands_out_in_order_and_goes_with_its_reader(subject: Subject) {
    let (user, link) = (UserId::new(), LinkId::new());
    let (left, right) = (Inbox::of_offerer(user, link), Inbox::of_acceptor(user, link, DeviceId::new()));
    let mut reader = subject.broker.open_inbox(&left, 8).await.unwrap();
    let other = subject.broker.open_inbox(&right, 8).await.unwrap();
    // Longer than any device may send, and more than the window.
    let parts: Vec<Bytes> = (0..40_u8).map(|n| Bytes::from(vec![n; 61 << 10])).collect();
    for part in &parts {
        subject.broker.post(&left, part.clone()).await.unwrap();
    }
    for part in &parts {
        assert!(take(&mut reader).await == part, "in order, and whole");
    }
    // What is posted and not taken goes with the reader, and what was taken as well.
    subject.broker.post(&left, "unread".into()).await.unwrap();
    next(&mut reader).await;
    subject.broker.post(&left, "unread, too".into()).await.unwrap();
    drop(reader);
    until("only the other inbox is left", || async {
        (subject.nsqd.is_none() || subject.links().await == [right.name.clone()]).then_some(())
    })
    .await;
    let mut reader = subject.broker.open_inbox(&left, 8).await.unwrap();
    subject.broker.post(&left, "new".into()).await.unwrap();
    assert_eq!(take(&mut reader).await, "new");
    drop((reader, other));
    until("nothing is left", || async { subject.links().await.is_empty().then_some(()) }).await;
}

pub(super) async fn what_is_posted_to_nobody_is_lost_and_leaves_nothing(subject: Subject) {
    let (user, link) = (UserId::new(), LinkId::new());
    let (unread, read) = (Inbox::of_offerer(user, link), Inbox::of_offerer(user, LinkId::new()));
    let _reader = subject.broker.open_inbox(&read, 8).await.unwrap();
    subject.broker.post(&unread, "too late".into()).await.unwrap();
    // The first look only notes it: its reader may be about to come.
    let left = usize::from(subject.nsqd.is_some());
    for _ in 0..2 {
        let swept = subject.broker.sweep_inboxes(Duration::from_secs(60)).await;
        assert_eq!(swept, Swept { removed: 0, left });
    }
    assert_eq!(subject.broker.sweep_inboxes(Duration::ZERO).await, Swept { removed: left, left: 0 });
    assert!(subject.nsqd.is_none() || subject.links().await == [read.name.clone()]);
    let mut reader = subject.broker.open_inbox(&unread, 8).await.unwrap();
    subject.broker.post(&unread, "in time".into()).await.unwrap();
    assert_eq!(take(&mut reader).await, "in time");
}

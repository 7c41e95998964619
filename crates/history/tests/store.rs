//! A history as its user sees it: what is stored comes back, in whatever order it came.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;

use ferry_conversation::Draft;
use ferry_history::{Collector, History, HistoryError, Origin, Owner, Record, RoomNow};
use ferry_protocol::{MessageId, Receipt, ReceiptEvent, Role, RoomId, RoomKind, Sent, Stream, UserId};
use proptest::prelude::*;

mod common;

use common::{Home, Writer, is_in_a_file, take_all, take_at, target, texts};

#[test]
fn what_is_committed_is_there_after_reopening() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let (hello, lost) = (bob.says("hello"), bob.says("never committed"));
    let mut history = home.open();
    assert!(take_all(&mut history, &[&hello])[0].is_new);
    let mut batch = history.begin().unwrap();
    batch.message(&lost, Origin::Live, 0).unwrap();
    drop(batch);
    drop(history);
    let mut history = home.open();
    assert_eq!(texts(&history, room), ["hello"]);
    let taken = take_all(&mut history, &[&hello]);
    assert!(!taken[0].is_new && taken[0].is_unprinted, "nobody has shown it yet");
    history.printed(&[(hello.message.from.device, hello.message.id)], &[]).unwrap();
    assert!(!take_all(&mut history, &[&hello])[0].is_unprinted);
    // What was not committed can come again.
    assert!(take_all(&mut history, &[&lost])[0].is_new);
    assert_eq!(history.page(room, None, 10).unwrap().messages[1].record, lost);
}

#[test]
fn edits_deletions_and_reactions_are_folded() {
    let (home, room) = (Home::new(), RoomId::new());
    let (mut bob, mut carol) = (Writer::new(room), Writer::new(room));
    let (hello, secret) = (bob.says("hello"), bob.says("secret"));
    let edit = bob.send(Draft::edit(target(&hello), "good evening"));
    let forged = carol.send(Draft::edit(target(&hello), "I owe carol"));
    let forged_deletion = carol.send(Draft::delete(target(&hello)));
    let reaction = carol.send(Draft::react(target(&hello), "👍"));
    let deletion = bob.send(Draft::delete(target(&secret)));
    let mut history = home.open();
    // Actions before their targets.
    take_all(&mut history, &[&edit, &forged, &forged_deletion, &reaction, &deletion, &hello, &secret]);
    let page = history.page(room, None, 10).unwrap();
    let [first, second] = &page.messages[..] else { panic!("{page:?}") };
    assert_eq!((first.text.as_deref(), first.edited_at), (Some("good evening"), Some(edit.message.sent_at)));
    assert_eq!(first.reactions["👍"], [carol.from.user]);
    assert_eq!((second.text.as_deref(), second.deleted_by), (None, Some(bob.from.user)));
    assert_eq!(second.record.message.body.get(), "null");
}

#[test]
fn a_moderator_deletes_only_where_the_room_is_no_direct_one() {
    let (home, room) = (Home::new(), RoomId::new());
    let (mut bob, mut moderator) = (Writer::new(room), Writer::new(room));
    moderator.from.role = Role::Moderator;
    let (hello, unlucky) = (bob.says("hello"), bob.says("canary-unlucky"));
    let deletion = moderator.send(Draft::delete(target(&unlucky)));
    let mut history = home.open();
    take_all(&mut history, &[&hello, &unlucky, &deletion]);
    assert_eq!(texts(&history, room), ["hello", "canary-unlucky"], "the kind of the room is not known");
    let mut batch = history.begin().unwrap();
    batch.room_is(room, &RoomNow { kind: RoomKind::Group, name: Some("g".into()), peer: None }, 1).unwrap();
    batch.commit().unwrap();
    history.tidy().unwrap();
    assert_eq!(texts(&history, room), ["hello", "-"]);
    assert!(!is_in_a_file(home.directory.path(), "canary-unlucky"));
    let later = bob.says("a later one");
    let deletion = moderator.send(Draft::delete(target(&later)));
    take_all(&mut history, &[&deletion, &later]);
    assert_eq!(texts(&history, room), ["hello", "-", "-"]);
}

#[test]
fn what_is_deleted_is_in_no_file() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let mut history = home.open();
    // Enough before and after it that pages split and segments of the index merge.
    let many: Vec<Record> = (0..300).map(|number| bob.says(&format!("filler {number} words"))).collect();
    take_all(&mut history, &many.iter().collect::<Vec<_>>());
    let canary = bob.send(Draft::reply(MessageId::new(), "canaryword sings canaryagain"));
    let edit = bob.send(Draft::edit(target(&canary), "canaryedit"));
    take_all(&mut history, &[&canary, &edit]);
    let more: Vec<Record> = (0..300).map(|number| bob.says(&format!("canary{number} after"))).collect();
    take_all(&mut history, &more.iter().collect::<Vec<_>>());
    assert!(is_in_a_file(home.directory.path(), "canaryword"));
    take_all(&mut history, &[&bob.send(Draft::delete(target(&canary)))]);
    history.tidy().unwrap();
    for gone in ["canaryword", "sings", "canaryagain", "canaryedit"] {
        assert!(!is_in_a_file(home.directory.path(), gone), "{gone}");
    }
    // The words of the index are stored without what they share with the word before.
    let query = history.query("canaryw*").unwrap();
    assert!(history.search(&query, None, 10).unwrap().is_empty());
    // Neither the message nor its edit comes back.
    take_all(&mut history, &[&canary, &edit]);
    let restored = {
        let mut batch = history.begin().unwrap();
        let taken = batch.message(&canary, Origin::Restored, 0).unwrap();
        batch.commit().unwrap();
        taken
    };
    assert!(!restored.is_new);
    history.tidy().unwrap();
    assert!(!is_in_a_file(home.directory.path(), "canaryword"));
}

#[test]
fn the_earliest_stamp_of_two_copies_counts_on_every_device() {
    let room = RoomId::new();
    let mut bob = Writer::new(room);
    let early = bob.says("hello");
    let mut late = early.clone();
    (late.message.sent_at, late.message.seq) = (early.message.sent_at + 90_000, 7);
    let mut digests = Vec::new();
    for order in [[&early, &late], [&late, &early]] {
        let home = Home::new();
        let mut history = home.open();
        take_all(&mut history, &order);
        let page = history.page(room, None, 10).unwrap();
        assert_eq!(page.messages.len(), 1);
        assert_eq!(page.messages[0].record.message.sent_at, early.message.sent_at);
        assert_eq!(history.search(&history.query("hello").unwrap(), None, 10).unwrap().len(), 1);
        digests.push(history.digest().unwrap());
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_page_ends_where_the_next_one_begins() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let mut history = home.open();
    let all: Vec<Record> = (0..25).map(|number| bob.says(&number.to_string())).collect();
    take_all(&mut history, &all.iter().rev().collect::<Vec<_>>());
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let page = history.page(room, before, 10).unwrap();
        let Some(earlier) = page.before else {
            pages.push(page.messages.len());
            break;
        };
        pages.push(page.messages.len());
        before = Some(earlier);
    }
    assert_eq!(pages, [10, 10, 5]);
    let from = history.place_of(room, all[3].message.id).unwrap();
    assert_eq!(history.page(room, from, 10).unwrap().messages.len(), 3);
}

#[test]
fn a_search_finds_what_a_text_says_now() {
    let (home, room, other) = (Home::new(), RoomId::new(), RoomId::new());
    let (mut bob, mut carol) = (Writer::new(room), Writer::new(other));
    let lunch = bob.says("Lunch at noon, Ödön?");
    let dinner = bob.says("dinner at eight");
    let edit = bob.send(Draft::edit(target(&dinner), "supper at nine"));
    let elsewhere = carol.says("lunch elsewhere");
    let tokyo = carol.says("明日は東京に行きます");
    let mut history = home.open();
    take_all(&mut history, &[&lunch, &dinner, &edit, &elsewhere, &tokyo]);
    let find = |text: &str| -> Vec<MessageId> {
        let query = history.query(text).unwrap();
        let hits = history.search(&query, None, 50).unwrap();
        hits.into_iter().map(|hit| hit.shown.record.message.id).collect()
    };
    assert_eq!(find("lunch").len(), 2);
    assert_eq!(find("odon"), [lunch.message.id]);
    assert_eq!(find("LUN* noon"), [lunch.message.id]);
    assert_eq!(find("\"at noon\""), [lunch.message.id]);
    assert!(find("\"noon at\"").is_empty());
    assert!(find("dinner").is_empty(), "it says something else now");
    assert_eq!(find("supper"), [dinner.message.id]);
    assert_eq!(find("東京"), [tokyo.message.id]);
    assert_eq!(find("京"), [tokyo.message.id]);
    assert!(find("京東").is_empty());
    assert_eq!(find(&format!("lunch from:{}", carol.from.user)), [elsewhere.message.id]);
    assert_eq!(find(&format!("lunch in:{room}")), [lunch.message.id]);
    assert_eq!(find("lunch before:2023-11-01").len(), 0);
    assert_eq!(find("lunch after:2023-11").len(), 2);
    assert_eq!(find("\" OR 1=1 --\""), [] as [MessageId; 0]);
    for bad in ["", "  ", "from:nobody-knows", "in:nowhere", "after:soon", "\"open"] {
        assert!(matches!(history.query(bad), Err(HistoryError::BadQuery(_))), "{bad}");
    }
}

#[test]
fn unread_is_what_others_wrote_after_the_cursor() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let mut mine = Writer::new(room);
    mine.from.user = home.owner.user;
    let mut history = home.open();
    let first = bob.says("one");
    let own = mine.says("mine");
    let late = bob.says("late");
    let last = bob.says("three");
    take_all(&mut history, &[&first, &own, &last]);
    assert_eq!(history.unread(room).unwrap(), 2);
    let read =
        ReceiptEvent::Read { room, user: home.owner.user, up_to: last.message.id, sent_at: last.message.sent_at };
    let mut batch = history.begin().unwrap();
    assert!(batch.receipt(&Receipt::new(read, 1)).unwrap());
    assert!(!batch.read(room, first.message.id, first.message.sent_at).unwrap(), "a cursor never goes back");
    batch.commit().unwrap();
    assert_eq!(history.unread(room).unwrap(), 0);
    take_all(&mut history, &[&late]);
    assert_eq!(history.unread(room).unwrap(), 1, "it came below the cursor");
    assert!(history.page(room, None, 10).unwrap().messages[2].is_unread || history.unread(room).unwrap() == 1);
    let mut batch = history.begin().unwrap();
    batch.read(room, last.message.id, last.message.sent_at + 1).unwrap();
    batch.commit().unwrap();
    assert_eq!(history.unread(room).unwrap(), 0);
}

#[test]
fn no_time_or_number_does_harm() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let mut history = home.open();
    for (sent_at, epoch, seq) in
        [(i64::MIN, i64::MIN, 0), (-1, -1, 1), (i64::MAX, i64::MAX, u64::MAX), (0, 0, 0), (5, i64::MAX, u64::MAX - 1)]
    {
        let mut odd = bob.says("odd");
        (odd.message.sent_at, odd.message.epoch, odd.message.seq) = (sent_at, epoch, seq);
        take_at(&mut history, &[&odd], i64::MAX);
    }
    assert_eq!(history.page(room, None, 10).unwrap().messages.len(), 5);
    assert_eq!(history.rooms().unwrap().len(), 1);
    history.holes(i64::MAX).unwrap();
    history.digest().unwrap();
    history.check().unwrap();
}

#[test]
fn what_is_sent_from_here_is_stored_as_others_see_it() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut mine = Writer::new(room);
    mine.from.user = home.owner.user;
    let draft = mine.says("from here");
    let mut history = home.open();
    let mut batch = history.begin().unwrap();
    batch.sending(&draft, 1).unwrap();
    batch.commit().unwrap();
    assert_eq!(history.unsent().unwrap(), std::slice::from_ref(&draft));
    let sent = Sent {
        id: draft.message.id,
        sent_at: 5_000,
        recipients: 1,
        unreachable: vec![UserId::new()],
        stream: Stream::Http,
        epoch: 9,
        seq: 1,
        role: Some(Role::Owner),
    };
    let mut batch = history.begin().unwrap();
    batch.sent(&draft, &sent, 1).unwrap();
    batch.commit().unwrap();
    assert!(history.unsent().unwrap().is_empty());
    let shown = history.page(room, None, 10).unwrap().messages.remove(0);
    let message = shown.record.message;
    assert_eq!((message.sent_at, message.epoch, message.seq), (5_000, 9, 1));
    assert_eq!((message.from.role, message.stream, shown.is_unread), (Role::Owner, Stream::Http, false));
    assert_eq!(history.last_sent(room, mine.from.device).unwrap(), Some(message.id));
    assert!(history.unprinted(i64::MIN, 10).unwrap().is_empty());
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_stays() {
    let home = Home::new();
    drop(home.open());
    let stranger = Owner { user: UserId::new(), ..home.owner.clone() };
    assert!(matches!(History::open(&home.file(), &stranger), Err(HistoryError::OtherOwner)));
    let elsewhere = Owner { server: "http://elsewhere".into(), ..home.owner.clone() };
    assert!(matches!(History::open(&home.file(), &elsewhere), Err(HistoryError::OtherOwner)));
    for bytes in [&b""[..], b"not a database, but long enough to have a header of a hundred bytes or so, as SQLite wants it to have........"] {
        fs::write(home.file(), bytes).unwrap();
        assert!(matches!(History::open(&home.file(), &home.owner), Err(HistoryError::Damaged(_))));
        assert_eq!(fs::read(home.file()).unwrap(), bytes);
    }
}

#[test]
fn the_file_is_for_its_owner_alone() {
    let home = Home::new();
    let _history = home.open();
    #[cfg(unix)]
    for file in fs::read_dir(home.directory.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
    let names: Vec<_> = fs::read_dir(home.directory.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains(".new")), "{names:?}");
}

#[test]
fn one_collects_while_others_read_and_send() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let (mut history, mut other) = (home.open(), home.open());
    let _collector = Collector::take(history.path(), "ferry tail (process 1)").unwrap();
    assert!(matches!(Collector::take(other.path(), "x"), Err(HistoryError::Collected { .. })));
    take_all(&mut history, &[&bob.says("one")]);
    assert_eq!(texts(&other, room), ["one"]);
    take_all(&mut other, &[&bob.says("two")]);
    assert_eq!(texts(&history, room), ["one", "two"]);
}

#[derive(Debug, Clone)]
enum Deed {
    Say(u8, u8),
    Edit(u8, u8),
    Delete(u8, u8),
    React(u8, u8),
    Again(u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        3 => (any::<u8>(), any::<u8>()).prop_map(|(who, what)| Deed::Say(who, what)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(who, what)| Deed::Edit(who, what)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(who, what)| Deed::Delete(who, what)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(who, what)| Deed::React(who, what)),
        1 => any::<u8>().prop_map(Deed::Again),
    ];
    proptest::collection::vec(deed, 1..30)
}

fn records(room: RoomId, deeds: &[Deed]) -> Vec<Record> {
    let mut writers = [Writer::new(room), Writer::new(room), Writer::new(room)];
    writers[2].from.role = Role::Moderator;
    let mut all: Vec<Record> = Vec::new();
    for deed in deeds {
        let about = |which: u8| all.get(usize::from(which) % all.len().max(1)).map(target);
        let record = match *deed {
            Deed::Say(who, what) => Some(writers[usize::from(who) % 3].says(&format!("text {what}"))),
            Deed::Edit(who, which) => about(which).map(|it| writers[usize::from(who) % 3].send(Draft::edit(it, "new"))),
            Deed::Delete(who, which) => about(which).map(|it| writers[usize::from(who) % 3].send(Draft::delete(it))),
            Deed::React(who, which) => {
                about(which).map(|it| writers[usize::from(who) % 3].send(Draft::react(it, "👍")))
            }
            Deed::Again(which) => all.get(usize::from(which) % all.len().max(1)).cloned().map(|mut again| {
                again.message.sent_at += 500;
                again.message.seq += 1_000;
                again
            }),
        };
        all.extend(record);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Two devices with the same records show the same, whatever the order and however often.
    #[test]
    fn a_union_does_not_depend_on_the_order(
        deeds in deeds(),
        seed in any::<u64>(),
        is_group in any::<bool>(),
    ) {
        let room = RoomId::new();
        let records = records(room, &deeds);
        let kind = if is_group { RoomKind::Group } else { RoomKind::Direct };
        let is = RoomNow { kind, name: None, peer: None };
        let mut shuffled: Vec<&Record> = records.iter().chain(records.iter().step_by(3)).collect();
        let mut state = seed | 1;
        for index in (1..shuffled.len()).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            shuffled.swap(index, usize::try_from(state % (index as u64 + 1)).unwrap());
        }
        let in_order: Vec<&Record> = records.iter().collect();
        let mut seen = Vec::new();
        for (order, kind_first) in [(in_order, true), (shuffled, false)] {
            let home = Home::new();
            let mut history = home.open();
            let mut batch = history.begin().unwrap();
            if kind_first {
                batch.room_is(room, &is, 1).unwrap();
            }
            for record in order {
                batch.message(record, Origin::Restored, 0).unwrap();
            }
            if !kind_first {
                batch.room_is(room, &is, 1).unwrap();
            }
            batch.commit().unwrap();
            let page = history.page(room, None, 1_000).unwrap();
            let shown: Vec<_> = page.messages.into_iter().map(|shown| {
                (shown.record, shown.text, shown.edited_at, shown.deleted_by, shown.reactions)
            }).collect();
            seen.push((history.digest().unwrap(), shown));
        }
        prop_assert_eq!(&seen[0], &seen[1]);
    }
}

#[test]
fn of_two_times_of_a_notice_or_an_expiry_the_earlier_counts_in_every_order() {
    let notice = |at: i64, id: MessageId| {
        let event = ferry_protocol::NoticeEvent::DeviceRemoved { device: ferry_protocol::DeviceId(uuid::Uuid::nil()) };
        ferry_protocol::Notice { id, at, event }
    };
    let (id, room, message) = (MessageId::new(), RoomId::new(), MessageId::new());
    let (user, device) = (UserId::new(), ferry_protocol::DeviceId::new());
    let month = 40 * 86_400_000;
    let digests = [[month, 2 * month], [2 * month, month]].map(|times| {
        let home = Home::new();
        let mut history = home.open();
        for at in times {
            let notice = notice(at, id);
            let mut batch = history.begin().unwrap();
            batch.notice(&notice, &serde_json::to_string(&notice).unwrap(), Origin::Live).unwrap();
            let event = ReceiptEvent::Expired { room, user, device, messages: vec![message] };
            batch.receipt(&Receipt { id: MessageId::new(), at, event }).unwrap();
            batch.commit().unwrap();
        }
        history.check().unwrap();
        history.digest().unwrap()
    });
    assert_eq!(digests[0], digests[1]);
}

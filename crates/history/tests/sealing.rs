//! Messages that come sealed and leave sealed, with a sealer that stands for real encryption: each
//! message has a key of its own, which is used once.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use std::net::{TcpListener, TcpStream};

use common::{Home, Writer, is_in_a_file, target, texts};
use ferry_conversation::Draft;
use ferry_history::{
    Content, History, HistoryError, Keys, Opened, Origin, Record, Result, Sealed, Sealer, Secrets,
    backup::{Backup, Key, Lock, Plan, RecoveryKey},
    sync::{
        Side,
        noise::{self, Code, Trust},
        sync,
    },
};
use ferry_protocol::{Body, KIND_SEALED, Message, MessageId, RoomId};

const NOW: i64 = 1_800_000_000_000;
const KEYS: Keys = Keys { mls_epoch: 7, leaf: 3 };

/// Opens a message whose secret it has, and forgets the secret.
struct OneTime;

impl Sealer for OneTime {
    fn open(&mut self, message: &Message, secrets: &mut Secrets<'_>) -> Result<Opened> {
        if message.body.as_text().as_deref() == Some("nonsense") {
            return Ok(Opened::Never);
        }
        let Some(text) = secrets.get(message.id.0.as_bytes())? else { return Ok(Opened::NotYet) };
        secrets.remove(message.id.0.as_bytes())?;
        let body = Body::text(&String::from_utf8(text).unwrap());
        let (kind, reply_to, mentions, content_type) = ("text".to_owned(), None, Vec::new(), None);
        Ok(Opened::Content(Box::new(Content { kind, body, reply_to, mentions, content_type, keys: KEYS })))
    }

    fn seal(&mut self, draft: &Message, secrets: &mut Secrets<'_>) -> Result<Option<Sealed>> {
        let used = secrets.get(b"ratchet")?.map_or(0, |used| used[0]);
        secrets.put(b"ratchet", &[used + 1])?;
        if draft.body.as_text().as_deref() == Some("broken") {
            return Err(HistoryError::Damaged("the ratchet is gone".to_owned()));
        }
        Ok(Some(Sealed { body: Body::text(&format!("sealed {used}")), keys: KEYS }))
    }
}

/// Returns the message in which a text of this writer travels.
fn sealed(writer: &mut Writer) -> Record {
    writer.send(Draft::new(KIND_SEALED, Body::text("ciphertext")))
}

fn open(home: &Home) -> History {
    home.open().with_sealer(Box::new(OneTime))
}

/// Gives a device what opens a message, through the only door: the sealer's secrets.
fn give(history: History, message: MessageId, text: &str) -> History {
    struct Giver(MessageId, String);
    impl Sealer for Giver {
        fn open(&mut self, _: &Message, _: &mut Secrets<'_>) -> Result<Opened> {
            unreachable!("nothing is opened here")
        }
        fn seal(&mut self, _: &Message, secrets: &mut Secrets<'_>) -> Result<Option<Sealed>> {
            secrets.put(self.0.0.as_bytes(), self.1.as_bytes())?;
            Ok(None)
        }
    }
    let mut history = history.with_sealer(Box::new(Giver(message, text.to_owned())));
    let draft = Writer::new(RoomId::new()).says("carries a secret");
    let mut batch = history.begin().unwrap();
    batch.sending(&draft, 0).unwrap();
    batch.not_sent(draft.message.id).unwrap();
    batch.commit().unwrap();
    history.with_sealer(Box::new(OneTime))
}

fn deliver(history: &mut History, record: &Record) -> ferry_history::Taken {
    let mut batch = history.begin().unwrap();
    let taken = batch.message(record, Origin::Live, NOW).unwrap();
    batch.commit().unwrap();
    taken
}

fn find(history: &History, word: &str) -> usize {
    history.search(&history.query(word).unwrap(), None, 10).unwrap().len()
}

/// The message as a device has it to which it came open.
fn opened(record: &Record, text: &str) -> Record {
    let mut message = record.message.clone();
    (message.kind, message.body) = ("text".to_owned(), Body::text(text));
    message.into()
}

fn sync_both(one: &mut History, other: &mut History) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    let (code, keys) = (Code::generate(), (one.link_key(0).unwrap(), other.link_key(0).unwrap()));
    std::thread::scope(|scope| {
        let answers = scope.spawn(|| {
            let (mut pipe, _) = noise::answer(far, &Trust { key: &keys.0, code: Some(&code), known: &[] }).unwrap();
            sync(one, &mut pipe, Side::Answers, "", NOW, &mut |_| true).unwrap();
        });
        let (mut pipe, _) = noise::lead(near, &Trust { key: &keys.1, code: Some(&code), known: &[] }).unwrap();
        assert!(sync(other, &mut pipe, Side::Leads, "", NOW, &mut |_| true).unwrap().is_equal);
        answers.join().unwrap();
    });
}

#[test]
fn what_is_delivered_is_opened_in_the_transaction_that_stores_it() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let record = sealed(&mut bob);
    let mut history = give(open(&home), record.message.id, "lunch");
    // A crash before the end: the key is still there.
    let mut batch = history.begin().unwrap();
    assert!(batch.message(&record, Origin::Live, NOW).unwrap().opened.is_some());
    drop(batch);
    assert_eq!(texts(&history, room), Vec::<String>::new());

    let taken = deliver(&mut history, &record);
    assert!(taken.is_new && taken.is_unprinted);
    assert_eq!(taken.opened.unwrap().message.body.as_text().unwrap(), "lunch");
    assert_eq!((texts(&history, room), find(&history, "lunch")), (vec!["lunch".to_owned()], 1));
    // It comes again: it is known, and nobody needs the key, which is gone.
    let again = deliver(&mut history, &record);
    assert!(!again.is_new && again.opened.is_none());
    let mut earlier = record.clone();
    earlier.message.sent_at -= 5;
    deliver(&mut history, &earlier);
    assert_eq!(texts(&history, room), ["lunch"]);
    history.check().unwrap();

    // A device to which it came open has the same history.
    let other = Home { owner: home.owner.clone(), ..Home::new() };
    let mut plain = other.open();
    deliver(&mut plain, &opened(&earlier, "lunch"));
    assert_eq!(plain.digest().unwrap(), history.digest().unwrap());
}

#[test]
fn what_cannot_be_opened_yet_waits_and_is_shown_once_it_is_open() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let (record, broken) = (sealed(&mut bob), bob.send(Draft::new(KIND_SEALED, Body::text("nonsense"))));
    let mut history = open(&home);
    let taken = deliver(&mut history, &record);
    assert!(taken.is_new && taken.is_unprinted && taken.opened.is_none());
    deliver(&mut history, &broken);
    assert_eq!((texts(&history, room), history.unopened(room).unwrap()), (vec!["-".to_owned(); 2], 2));
    assert_eq!(history.digest().unwrap(), Home::new().open().digest().unwrap(), "it is no record yet");
    history.check().unwrap();
    // It was shown as what cannot be opened, and the user read on.
    let (device, id) = (bob.from.device, record.message.id);
    history.printed(&[(device, id), (device, broken.message.id)], &[]).unwrap();
    let mut batch = history.begin().unwrap();
    batch.read(room, broken.message.id, broken.message.sent_at).unwrap();
    assert_eq!(batch.open_again(room).unwrap(), 0);
    batch.commit().unwrap();
    assert_eq!(history.unread(room).unwrap(), 0);

    let mut history = give(history, id, "dinner");
    let mut batch = history.begin().unwrap();
    assert_eq!(batch.open_again(room).unwrap(), 1);
    batch.commit().unwrap();
    assert_eq!((texts(&history, room), find(&history, "dinner")), (vec!["dinner".to_owned(), "-".into()], 1));
    let unprinted = history.unprinted(i64::MIN, 10).unwrap();
    assert_eq!(unprinted.len(), 1, "what is inside was not shown before");
    assert_eq!((history.unread(room).unwrap(), history.unopened(room).unwrap()), (1, 1));
    history.check().unwrap();
    history.rebuild().unwrap();
    history.check().unwrap();
}

#[test]
fn another_device_and_a_backup_bring_what_this_one_could_not_open() {
    let (mine, other, restored) = (Home::new(), Home::new(), Home::new());
    let owner = mine.owner.clone();
    let (other, restored) = (Home { owner: owner.clone(), ..other }, Home { owner, ..restored });
    let room = RoomId::new();
    let mut bob = Writer::new(room);
    let (one, two) = (sealed(&mut bob), bob.send(Draft::new(KIND_SEALED, Body::text("nonsense"))));
    let mut history = open(&mine);
    deliver(&mut history, &one);
    deliver(&mut history, &two);
    let mut sibling = open(&other);
    // The sibling's copy of the second has a later stamp.
    let mut later = opened(&two, "at noon");
    later.message.sent_at += 9;
    deliver(&mut sibling, &opened(&one, "lunch"));
    deliver(&mut sibling, &later);

    // A backup of before has neither of them.
    let key = RecoveryKey::generate();
    let lock = Lock::recipients([key.recipient().as_str()]).unwrap();
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: NOW };
    let file = mine.directory.path().join("closed.age");
    assert_eq!(history.create_backup(&file, &plan, &mut |_| true).unwrap().manifest.counts.messages, 0);

    sync_both(&mut history, &mut sibling);
    sync_both(&mut history, &mut sibling);
    assert_eq!(
        (texts(&history, room), history.unopened(room).unwrap()),
        (vec!["lunch".to_owned(), "at noon".into()], 0)
    );
    assert_eq!(history.digest().unwrap(), sibling.digest().unwrap());
    history.check().unwrap();

    let mut third = open(&restored);
    deliver(&mut third, &one);
    let file = other.directory.path().join("open.age");
    sibling.create_backup(&file, &plan, &mut |_| true).unwrap();
    let mut backup = Backup::open(&file, Key::Recovery(vec![key])).unwrap();
    backup.restore(&mut third, false, NOW, &mut |_| true).unwrap();
    assert_eq!((texts(&third, room), third.unopened(room).unwrap()), (vec!["lunch".to_owned(), "at noon".into()], 0));
    assert_eq!(third.digest().unwrap(), sibling.digest().unwrap());
}

#[test]
fn what_is_deleted_before_it_was_opened_is_a_deleted_message_everywhere() {
    let (mine, room) = (Home::new(), RoomId::new());
    let other = Home { owner: mine.owner.clone(), ..Home::new() };
    let mut bob = Writer::new(room);
    let record = sealed(&mut bob);
    let deletion = bob.send(Draft::delete(target(&record)));
    let (mut history, mut sibling) = (open(&mine), open(&other));
    deliver(&mut sibling, &opened(&record, "secret canary"));
    deliver(&mut sibling, &deletion);
    for order in [[&record, &deletion], [&deletion, &record]] {
        let home = Home { owner: mine.owner.clone(), ..Home::new() };
        let mut history = open(&home);
        order.into_iter().for_each(|record| drop(deliver(&mut history, record)));
        assert_eq!(history.digest().unwrap(), sibling.digest().unwrap());
        assert_eq!(history.unopened(room).unwrap(), 0);
        history.check().unwrap();
    }
    // The other device has it opened and deleted, this one only closed.
    deliver(&mut history, &record);
    sync_both(&mut history, &mut sibling);
    assert_eq!((texts(&history, room), history.digest().unwrap()), (vec!["-".to_owned()], sibling.digest().unwrap()));
    history.check().unwrap();
}

#[test]
fn the_outbox_keeps_the_draft_and_sends_the_same_sealed_message_each_time() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut me = Writer::new(room);
    me.from.user = home.owner.user;
    let draft = me.says("lunch");
    let mut history = open(&home);
    // A crash before the end: the ratchet is where it was.
    drop(history.begin().unwrap().sending(&draft, NOW).unwrap());
    let mut batch = history.begin().unwrap();
    let sends = batch.sending(&draft, NOW).unwrap();
    batch.commit().unwrap();
    assert_eq!((sends.message.kind.as_str(), sends.message.body.as_text().unwrap()), (KIND_SEALED, "sealed 0".into()));
    assert_eq!(sends.message.id, draft.message.id);

    let mut history = open(&home);
    assert_eq!(history.unsent().unwrap(), std::slice::from_ref(&draft));
    assert_eq!(history.to_send(&draft).unwrap(), sends);
    let mut batch = history.begin().unwrap();
    // The group has gone on: the draft is sealed anew, under the same id.
    let anew = batch.seal_again(draft.message.id, NOW).unwrap().unwrap();
    assert_eq!((anew.message.id, anew.message.body.as_text().unwrap()), (draft.message.id, "sealed 1".into()));
    assert_eq!(batch.seal_again(MessageId::new(), NOW).unwrap(), None);
    let sent = ferry_protocol::Sent {
        id: draft.message.id,
        role: None,
        recipients: 1,
        unreachable: Vec::new(),
        stream: draft.message.stream,
        epoch: 1_000,
        seq: 1,
        sent_at: NOW,
    };
    batch.sent(&draft, &sent, NOW).unwrap();
    batch.commit().unwrap();
    assert_eq!((texts(&history, room), find(&history, "lunch")), (vec!["lunch".to_owned()], 1));
    let stored = history.messages_of_id(room, draft.message.id, None).unwrap();
    assert!(stored[0].record.to_json().contains(r#""ferry.sealed":{"mls_epoch":7,"leaf":3}"#));

    // What cannot be sealed is not put into the outbox, and the ratchet stays.
    let broken = me.says("broken");
    let mut batch = history.begin().unwrap();
    batch.sending(&broken, NOW).unwrap_err();
    drop(batch);
    assert_eq!(history.unsent().unwrap(), []);
    let next = me.says("dinner");
    let mut batch = history.begin().unwrap();
    assert_eq!(batch.sending(&next, NOW).unwrap().message.body.as_text().unwrap(), "sealed 2");
}

#[test]
fn secrets_leave_no_trace_and_are_in_no_backup() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let record = sealed(&mut bob);
    let history = give(open(&home), record.message.id, "an old secret");
    let mut history = give(history, record.message.id, "canary of a secret");
    history.tidy().unwrap();
    assert!(is_in_a_file(home.directory.path(), "canary of a secret"));
    assert!(!is_in_a_file(home.directory.path(), "an old secret"), "it was replaced");
    let key = RecoveryKey::generate();
    let lock = Lock::recipients([key.recipient().as_str()]).unwrap();
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: NOW };
    let file = home.directory.path().join("backup.age");
    history.create_backup(&file, &plan, &mut |_| true).unwrap();
    let other = Home { owner: home.owner.clone(), ..Home::new() };
    let mut restored = open(&other);
    Backup::open(&file, Key::Recovery(vec![key])).unwrap().restore(&mut restored, false, NOW, &mut |_| true).unwrap();
    assert!(!is_in_a_file(other.directory.path(), "canary of a secret"));
}

#[test]
fn an_earlier_copy_of_a_deleted_sealed_message_changes_only_its_stamp() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let record = sealed(&mut bob);
    let deletion = bob.send(Draft::delete(target(&record)));
    let mut history = home.open();
    deliver(&mut history, &record);
    deliver(&mut history, &deletion);
    let mut earlier = record.clone();
    earlier.message.sent_at -= 5;
    assert!(!deliver(&mut history, &earlier).is_new);
    assert_eq!(texts(&history, room), ["-"]);
    history.check().unwrap();
    // A device that got them in another order has the same.
    let other = Home { owner: home.owner.clone(), ..Home::new() };
    let mut sibling = other.open();
    [&deletion, &earlier, &record].into_iter().for_each(|record| drop(deliver(&mut sibling, record)));
    assert_eq!(sibling.digest().unwrap(), history.digest().unwrap());
}

#[test]
fn what_no_relay_would_take_is_not_taken_from_inside_either() {
    struct Inside(&'static str);
    impl Sealer for Inside {
        fn open(&mut self, _: &Message, _: &mut Secrets<'_>) -> Result<Opened> {
            let (kind, body) = (self.0.to_owned(), Body::json(&serde_json::json!({"forged": true})));
            let (reply_to, mentions, content_type) = (None, Vec::new(), None);
            Ok(Opened::Content(Box::new(Content { kind, body, reply_to, mentions, content_type, keys: KEYS })))
        }
        fn seal(&mut self, _: &Message, _: &mut Secrets<'_>) -> Result<Option<Sealed>> {
            Err(HistoryError::Damaged("the ratchet is gone".to_owned()))
        }
    }
    // The relay's own kinds, one that would be opened for ever, no kind at all, and an edit of
    // nothing.
    for kind in ["ferry.system", KIND_SEALED, "A B", "edit"] {
        let (home, room) = (Home::new(), RoomId::new());
        let mut history = home.open().with_sealer(Box::new(Inside(kind)));
        let taken = deliver(&mut history, &sealed(&mut Writer::new(room)));
        assert!(taken.opened.is_none(), "{kind}");
        assert_eq!(history.unopened(room).unwrap(), 1, "{kind}");
        history.check().unwrap();
    }
    // What cannot be sealed goes nowhere.
    let mut history = Home::new().open().with_sealer(Box::new(Inside("text")));
    let draft = Writer::new(RoomId::new()).says("in the clear");
    history.begin().unwrap().sending(&draft, NOW).unwrap_err();
    history.to_send(&draft).unwrap_err();
}

#[test]
fn a_draft_that_is_sealed_again_keeps_its_place_and_a_refused_one_leaves_no_trace() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut history = open(&home);
    let mut me = Writer::new(room);
    let (one, two) = (me.says("canary-one"), me.says("two"));
    let mut batch = history.begin().unwrap();
    batch.sending(&one, NOW).unwrap();
    batch.sending(&two, NOW + 1).unwrap();
    batch.seal_again(one.message.id, NOW + 2).unwrap();
    batch.commit().unwrap();
    assert_eq!(history.unsent().unwrap(), [one.clone(), two]);
    let mut batch = history.begin().unwrap();
    batch.not_sent(one.message.id).unwrap();
    batch.commit().unwrap();
    history.tidy().unwrap();
    assert!(!is_in_a_file(home.directory.path(), "canary-one"));
}

#[test]
fn what_will_never_be_opened_is_not_tried_again() {
    struct Once(bool);
    impl Sealer for Once {
        fn open(&mut self, _: &Message, _: &mut Secrets<'_>) -> Result<Opened> {
            assert!(!std::mem::replace(&mut self.0, true), "it was said before");
            Ok(Opened::Never)
        }
        fn seal(&mut self, _: &Message, _: &mut Secrets<'_>) -> Result<Option<Sealed>> {
            Ok(None)
        }
    }
    let (home, room) = (Home::new(), RoomId::new());
    let record = sealed(&mut Writer::new(room));
    // At first it may be opened later, and then it turns out that it will not.
    let mut history = home.open();
    deliver(&mut history, &record);
    let mut history = history.with_sealer(Box::new(Once(false)));
    for _ in 0..3 {
        assert!(!deliver(&mut history, &record).is_new);
    }
    let mut batch = history.begin().unwrap();
    assert_eq!(batch.open_again(room).unwrap(), 0);
    batch.commit().unwrap();
    assert_eq!(history.unopened(room).unwrap(), 1);
}

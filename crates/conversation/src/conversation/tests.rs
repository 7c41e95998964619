use ferry_protocol::{Body, DeviceId, KIND_DELETE, KIND_EDIT, Role, Sender, Stream, UserId};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use super::*;
use crate::Draft;

mod generator;
mod vectors;

/// A user who writes with one device, in a connection that never ends.
struct Writer {
    room: RoomId,
    from: Sender,
    seq: u64,
}

impl Writer {
    fn new(room: RoomId, role: Role) -> Self {
        Self { room, from: Sender { user: UserId::new(), device: DeviceId::new(), role }, seq: 0 }
    }

    /// Returns the message that a relay makes of a draft, a second after the one before.
    fn send(&mut self, draft: Draft) -> Message {
        self.seq += 1;
        let Draft { kind, body, reply_to, mentions, content_type, after } = draft;
        let (id, room, from, epoch) = (MessageId::new(), self.room, self.from, 1_000);
        let sent_at = epoch + 1_000 * i64::try_from(self.seq).unwrap();
        Message {
            id,
            room,
            from,
            kind,
            body,
            reply_to,
            mentions,
            content_type,
            stream: Stream::Socket,
            after,
            epoch,
            seq: self.seq,
            sent_at,
        }
    }

    fn says(&mut self, text: &str) -> (Message, Target) {
        let message = self.send(Draft::text(text));
        let target = Target::from(&message);
        (message, target)
    }
}

fn group() -> (Conversation, Writer, Writer) {
    let room = RoomId::new();
    let conversation = Conversation::new(room, RoomKind::Group, Capacity::default());
    (conversation, Writer::new(room, Role::Member), Writer::new(room, Role::Member))
}

fn text(conversation: &Conversation, target: &Target) -> String {
    conversation.get(target).unwrap().text().unwrap().into_owned()
}

#[test]
fn an_edit_of_the_author_counts_and_anybody_elses_is_ignored() {
    let (mut conversation, mut alice, mut mallory) = group();
    let (hello, target) = alice.says("hello");
    assert_eq!(conversation.apply(&hello), Change::Added(target));
    let edit = alice.send(Draft::edit(target, "good evening"));
    assert_eq!(conversation.apply(&edit), Change::Edited(target));
    assert_eq!(conversation.apply(&edit), Change::Nothing);
    assert_eq!(conversation.get(&target).unwrap().edited_at(), Some(edit.sent_at));

    for role in [Role::Member, Role::Moderator, Role::Owner] {
        mallory.from.role = role;
        let forged = mallory.send(Draft::edit(target, "I owe mallory"));
        assert_eq!(conversation.apply(&forged), Change::Ignored(Ignored::NotAuthor), "{role}");
        // A target that names mallory as author is another message, which does not exist.
        let about_nothing = mallory.send(Draft::edit(Target { from: mallory.from.user, ..target }, "I owe mallory"));
        conversation.apply(&about_nothing);
    }
    assert_eq!((text(&conversation, &target).as_str(), conversation.len()), ("good evening", 1));
}

#[test]
fn a_deletion_needs_the_author_or_a_moderators_stamp() {
    let (mut conversation, mut alice, mut mallory) = group();
    let (hello, target) = alice.says("hello");
    conversation.apply(&hello);
    let mut forged = mallory.send(Draft::delete(target));
    assert_eq!(conversation.apply(&forged), Change::Ignored(Ignored::NotAllowed));
    forged.body = Body::json(&json!({
        "target": { "message": target.message, "from": target.from, "role": "owner" },
        "from": { "user": target.from, "role": "moderator" },
        "role": "moderator",
    }));
    assert_eq!(conversation.apply(&forged), Change::Ignored(Ignored::NotAllowed), "a role that a body claims is none");
    assert_eq!(text(&conversation, &target), "hello");

    mallory.from.role = Role::Moderator;
    assert_eq!(conversation.apply(&mallory.send(Draft::delete(target))), Change::Deleted(target));
    let entry = conversation.get(&target).unwrap();
    assert_eq!((entry.text(), entry.deleted_by()), (None, Some(mallory.from.user)));

    let (own, target) = mallory.says("oops");
    conversation.apply(&own);
    mallory.from.role = Role::Member;
    assert_eq!(conversation.apply(&mallory.send(Draft::delete(target))), Change::Deleted(target));
}

#[test]
fn in_a_direct_room_nobody_deletes_for_the_other() {
    let (mut alice, mut bob) = (Writer::new(RoomId::new(), Role::Member), Writer::new(RoomId::new(), Role::Owner));
    bob.room = alice.room;
    let mut conversation = Conversation::new(alice.room, RoomKind::Direct, Capacity::default());
    let (hello, target) = alice.says("hello");
    conversation.apply(&hello);
    assert_eq!(conversation.apply(&bob.send(Draft::delete(target))), Change::Ignored(Ignored::NotAllowed));
    assert_eq!(conversation.apply(&alice.send(Draft::delete(target))), Change::Deleted(target));
}

#[test]
fn a_deletion_is_final_and_drops_what_was_said() {
    let (mut conversation, mut alice, mut bob) = group();
    let hello = alice.send(Draft::reply(MessageId::new(), "canary").mention(bob.from.user));
    let target = Target::from(&hello);
    let edit = alice.send(Draft::edit(target, "canary, edited"));
    let reaction = bob.send(Draft::react(target, "👍"));
    for message in [&hello, &edit, &reaction, &alice.send(Draft::delete(target))] {
        conversation.apply(message);
    }
    let later = alice.send(Draft::edit(target, "back again"));
    for message in [&later, &edit, &reaction, &hello] {
        assert_eq!(conversation.apply(message), Change::Nothing);
    }
    let entry = conversation.get(&target).unwrap();
    assert_eq!((entry.text(), entry.edited_at(), entry.reactions().len()), (None, None, 0));
    let message = entry.message();
    assert_eq!((message.body.get(), message.reply_to, message.mentions.len()), ("null", None, 0));
}

#[test]
fn of_two_deletions_the_earlier_one_is_told_of() {
    let (_, mut alice, mut bob) = group();
    bob.from.role = Role::Admin;
    let (hello, target) = alice.says("hello");
    let (first, second) = (bob.send(Draft::delete(target)), alice.send(Draft::delete(target)));
    assert!(first.sent_at < second.sent_at);
    for deletions in [[&first, &second], [&second, &first]] {
        let mut conversation = Conversation::new(alice.room, RoomKind::Channel, Capacity::default());
        for message in [deletions[0], &hello, deletions[1]] {
            conversation.apply(message);
        }
        assert_eq!(conversation.get(&target).unwrap().deleted_by(), Some(bob.from.user));
    }
}

#[test]
fn an_action_reaches_no_other_room() {
    let (mut conversation, mut alice, mut bob) = group();
    let (hello, target) = alice.says("hello");
    conversation.apply(&hello);
    let elsewhere = RoomId::new();
    (alice.room, bob.room, bob.from.role) = (elsewhere, elsewhere, Role::Owner);
    let actions =
        [alice.send(Draft::edit(target, "x")), bob.send(Draft::delete(target)), bob.send(Draft::react(target, "x"))];
    let mut other = Conversation::new(elsewhere, RoomKind::Group, Capacity::default());
    for action in &actions {
        assert_eq!(conversation.apply(action), Change::Ignored(Ignored::OtherRoom));
        other.apply(action);
    }
    assert_eq!((text(&conversation, &target).as_str(), other.len()), ("hello", 0));
    assert!(conversation.get(&target).unwrap().reactions().is_empty());
}

#[test]
fn two_authors_under_one_id_are_two_messages() {
    let (mut conversation, mut alice, mut mallory) = group();
    let (hello, target) = alice.says("hello");
    let (mut collides, _) = mallory.says("never mind");
    collides.id = hello.id;
    let other = Target::from(&collides);
    for message in [&collides, &hello] {
        conversation.apply(message);
    }
    conversation.apply(&mallory.send(Draft::edit(other, "I am alice")));
    conversation.apply(&mallory.send(Draft::delete(other)));
    assert_eq!(text(&conversation, &target), "hello");
    assert_eq!(conversation.get(&other).unwrap().deleted_by(), Some(mallory.from.user));
    assert_eq!(conversation.of_id(hello.id).count(), 2);
}

#[test]
fn an_id_used_again_does_not_change_what_was_said() {
    let (mut conversation, mut alice, _) = group();
    let (hello, target) = alice.says("hello");
    let (mut again, _) = alice.says("I never said hello");
    again.id = hello.id;
    for message in [&again, &hello, &again] {
        conversation.apply(message);
    }
    assert_eq!((text(&conversation, &target).as_str(), conversation.len()), ("hello", 1));
}

#[test]
fn reactions_are_one_a_person_and_emoji() {
    let (mut conversation, mut alice, mut bob) = group();
    let (hello, target) = alice.says("hello");
    conversation.apply(&hello);
    for reaction in [
        bob.send(Draft::react(target, "👍")),
        bob.send(Draft::react(target, "👍")),
        bob.send(Draft::react(target, "🎉")),
        alice.send(Draft::react(target, "👍")),
        bob.send(Draft::unreact(target, "🎉")),
    ] {
        conversation.apply(&reaction);
    }
    let reactions = conversation.get(&target).unwrap().reactions();
    let mut both = vec![alice.from.user, bob.from.user];
    both.sort_unstable();
    assert_eq!(reactions, [("👍", both)].into());
}

#[test]
fn what_is_done_to_a_message_may_come_before_it() {
    let (mut conversation, mut alice, mut bob) = group();
    let (hello, target) = alice.says("hello");
    assert_eq!(conversation.apply(&bob.send(Draft::react(target, "👍"))), Change::Reacted(target));
    assert_eq!(conversation.apply(&alice.send(Draft::edit(target, "hi"))), Change::Edited(target));
    assert!(conversation.get(&target).is_none() && conversation.is_empty());
    conversation.apply(&hello);
    assert_eq!((text(&conversation, &target).as_str(), conversation.waiting.len()), ("hi", 0));
    assert_eq!(conversation.get(&target).unwrap().reactions().len(), 1);
}

#[test]
fn everything_is_bounded() {
    let (_, mut alice, mut mallory) = group();
    let capacity = Capacity { messages: 3, waiting: 2 };
    let mut conversation = Conversation::new(alice.room, RoomKind::Group, capacity);
    let said: Vec<_> = (0..5).map(|number| alice.says(&number.to_string())).collect();
    for (message, _) in &said {
        conversation.apply(message);
    }
    let texts: Vec<_> = conversation.iter().map(|entry| entry.text().unwrap().into_owned()).collect();
    assert_eq!(texts, ["2", "3", "4"]);
    assert_eq!(conversation.apply(&said[0].0), Change::TooOld(said[0].1));

    // Many reactions to messages that do not exist push no edit out.
    let (hello, target) = alice.says("hello");
    conversation.apply(&alice.send(Draft::edit(target, "hi")));
    for _ in 0..10 {
        let nothing = Target { message: MessageId::new(), from: target.from };
        conversation.apply(&mallory.send(Draft::react(nothing, "👍")));
        assert!(conversation.waiting.len() <= 2 && conversation.slots.len() <= 5);
    }
    conversation.apply(&hello);
    assert_eq!(text(&conversation, &target), "hi");
    // Too many emojis of one user push out only that user's own.
    conversation.apply(&alice.send(Draft::react(target, "👍")));
    for number in 0..100 {
        conversation.apply(&mallory.send(Draft::react(target, &number.to_string())));
    }
    let reactions = conversation.get(&target).unwrap().reactions();
    assert!(reactions.len() == 17 && reactions.contains_key("👍") && reactions.contains_key("99"));
}

#[test]
fn debug_shows_nothing_that_somebody_wrote() {
    let (mut conversation, mut alice, _) = group();
    let (hello, target) = alice.says("canary");
    for message in [hello, alice.send(Draft::edit(target, "canary")), alice.send(Draft::react(target, "canary"))] {
        conversation.apply(&message);
    }
    let entry = conversation.get(&target).unwrap();
    assert!(!format!("{conversation:?} {entry:?}").contains("canary"), "{entry:?}");
}

#[test]
fn what_is_malformed_or_edits_no_text_changes_nothing() {
    let (mut conversation, mut alice, _) = group();
    for kind in [KIND_EDIT, KIND_DELETE, "reaction", "forward", "text"] {
        let bad = alice.send(Draft::new(kind, Body::json(&json!({ "target": null }))));
        assert_eq!(conversation.apply(&bad), Change::Ignored(Ignored::Malformed), "{kind}");
    }
    let poll = alice.send(Draft::new("poll", Body::json(&json!({ "question": "?" }))));
    conversation.apply(&poll);
    conversation.apply(&alice.send(Draft::edit(Target::from(&poll), "no poll")));
    let entry = conversation.get(&Target::from(&poll)).unwrap();
    assert_eq!((entry.text(), entry.edited_at(), entry.message()), (None, None, &poll));
}

proptest! {
    #[test]
    fn the_same_messages_make_the_same_conversation_in_whatever_order_and_however_often(
        deeds in generator::deeds(),
        kind in select(vec![RoomKind::Direct, RoomKind::Group]),
        picks in proptest::collection::vec((any::<Index>(), any::<Index>()), 0..200),
        again in proptest::collection::vec(any::<Index>(), 0..40),
    ) {
        let room = RoomId::new();
        let sent = generator::messages(room, &deeds);
        let mut in_order = Conversation::new(room, kind, Capacity::default());
        for message in &sent {
            in_order.apply(message);
        }
        let mut shuffled: Vec<&Message> = sent.iter().collect();
        shuffled.extend(again.iter().map(|index| index.get(&sent)));
        for (one, other) in picks {
            let (one, other) = (one.index(shuffled.len()), other.index(shuffled.len()));
            shuffled.swap(one, other);
        }
        let mut disordered = Conversation::new(room, kind, Capacity::default());
        for message in shuffled {
            disordered.apply(message);
        }
        prop_assert_eq!(vectors::state(&disordered), vectors::state(&in_order));
    }
}

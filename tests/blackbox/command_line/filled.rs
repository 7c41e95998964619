//! A backup with more messages than a test could send.

use std::path::PathBuf;

use ferry_client::Draft;
use ferry_history::{
    History, Origin, Owner, PersonNow, RoomNow,
    backup::{Plan, RecoveryKey},
};
use ferry_protocol::{DeviceId, Message, MessageId, Role, RoomId, RoomKind, Sender, Stream};

use super::Shell;

impl Shell {
    /// Returns a backup of a profile's user, and its key: alice has said `number 0` and so on in
    /// the room `filled`.
    pub fn filled_backup(&self, profile: &str, messages: usize) -> (PathBuf, PathBuf) {
        self.backup_of(profile, (0..messages).map(|number| format!("number {number}")))
    }

    /// Does the same with other texts.
    pub fn backup_of(&self, profile: &str, texts: impl Iterator<Item = String>) -> (PathBuf, PathBuf) {
        let user = |profile: &str| {
            self.json(&format!("--profile {profile} whoami"))["user"]["id"].as_str().unwrap().parse().unwrap()
        };
        let owner = Owner { server: self.server.clone(), user: user(profile) };
        let place = tempfile::tempdir_in(self.home.path()).unwrap().keep();
        let mut history = History::open(&place.join("history"), &owner).unwrap();
        let (room, key) = (RoomId::new(), RecoveryKey::generate());
        let from = Sender { user: user("alice"), device: DeviceId::new(), role: Role::Member };
        let mut batch = history.begin().unwrap();
        batch.recovery_key_is(&key, 1).unwrap();
        batch.room_is(room, &RoomNow { kind: RoomKind::Group, name: Some("filled".into()), peer: None }, 1).unwrap();
        batch.person_is(from.user, &PersonNow { username: "alice".into(), display_name: None }, 1).unwrap();
        let mut after = None;
        for (number, text) in texts.enumerate() {
            let Draft { kind, body, reply_to, mentions, content_type, .. } = Draft::text(&text);
            let (id, seq) = (MessageId::new(), number as u64 + 1);
            let (stream, epoch, sent_at) = (Stream::Socket, 1_000, 1_700_000_000_000 + 1_000 * number as i64);
            let message = Message {
                id,
                room,
                from,
                kind,
                body,
                reply_to,
                mentions,
                content_type,
                stream,
                after,
                epoch,
                seq,
                sent_at,
            };
            after = Some(id);
            batch.message(&message.into(), Origin::Live, sent_at).unwrap();
        }
        batch.commit().unwrap();
        let (file, key_file) = (place.join("backup.age"), place.join("key.txt"));
        std::fs::write(&key_file, key.to_file("today")).unwrap();
        let lock = history.recovery_key().unwrap().unwrap().lock().unwrap();
        let plan = Plan { lock: &lock, is_increment: false, app: "a test", now: ferry_protocol::now_ms() };
        history.create_backup(&file, &plan, &mut |_| true).unwrap();
        (file, key_file)
    }

    /// Puts something into the history of one device of a user, and into no other one.
    pub fn only_here(&self, profile: &str, texts: impl Iterator<Item = String>) {
        let (file, key) = self.backup_of(profile, texts);
        self.ok(&format!("--profile {profile} backup restore {} --key {}", file.display(), key.display()));
    }
}

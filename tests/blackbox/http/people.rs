//! Friends, blocks and settings: what is common to their tests.

use ferry_client::{ClientError, Event};
use ferry_protocol::{ErrorCode, NoticeEvent, RoomKind, UserId};

use crate::harness::{Online, within};

mod blocks;
mod friends;
mod settings;

/// What a call answered, or the code of its refusal.
async fn code<T>(call: impl Future<Output = Result<T, ClientError>>) -> Result<T, ErrorCode> {
    call.await.map_err(|error| error.code().unwrap_or_else(|| panic!("{error}")))
}

/// What these tests are about. Devices hear of logins and rooms as well.
fn is_of_people(event: &NoticeEvent) -> bool {
    use NoticeEvent::{BlockChanged, FriendAccepted, FriendRemoved, FriendRequested, SettingsChanged};
    matches!(
        event,
        FriendRequested { .. } | FriendAccepted { .. } | FriendRemoved { .. } | BlockChanged { .. } | SettingsChanged
    )
}

/// The next notice or the next message's text, whichever comes first, acked.
async fn next(online: &mut Online) -> Result<NoticeEvent, String> {
    loop {
        while let Some(notice) = online.notices.pop_front() {
            if is_of_people(&notice.event) {
                return Ok(notice.event);
            }
        }
        match within(online.events.next()).await.expect("the connection ended") {
            Event::Notice(incoming) => {
                incoming.ack();
                online.notices.push_back(incoming.notice.clone());
            }
            Event::Message(incoming) => {
                incoming.ack();
                return Err(incoming.message.body.as_text().unwrap());
            }
            _ => {}
        }
    }
}

/// The next notice. A message before it fails the test.
async fn notice(online: &mut Online) -> NoticeEvent {
    next(online).await.unwrap_or_else(|text| panic!("a message before the notice: {text}"))
}

/// The next message's text. A notice before it fails the test.
async fn text(online: &mut Online) -> String {
    next(online).await.expect_err("a notice before the message")
}

fn create(kind: RoomKind, members: &[UserId]) -> ferry_protocol::CreateRoom {
    let name = (kind != RoomKind::Direct).then(|| "a room".to_owned());
    ferry_protocol::CreateRoom { kind, name, members: members.to_vec() }
}

//! Friends, blocks and settings: what their tests have in common.

use ferry_client::{ClientError, Event};
use ferry_protocol::{ErrorCode, NoticeEvent, RoomKind, UserId};

use crate::harness::{Online, within};

mod blocks;
mod friends;
mod settings;

/// Returns what a call answered, or the code of its error.
async fn code<T>(call: impl Future<Output = Result<T, ClientError>>) -> Result<T, ErrorCode> {
    call.await.map_err(|error| error.code().unwrap_or_else(|| panic!("{error}")))
}

/// Returns whether these tests are about this notice. Devices also get notices of logins and
/// rooms.
fn is_of_people(event: &NoticeEvent) -> bool {
    use NoticeEvent::{BlockChanged, FriendAccepted, FriendRemoved, FriendRequested, SettingsChanged};
    matches!(
        event,
        FriendRequested { .. } | FriendAccepted { .. } | FriendRemoved { .. } | BlockChanged { .. } | SettingsChanged
    )
}

/// Returns the next notice or the text of the next message, whichever comes first, acked.
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

/// Returns the next notice. A message before it fails the test.
async fn notice(online: &mut Online) -> NoticeEvent {
    next(online).await.unwrap_or_else(|text| panic!("a message before the notice: {text}"))
}

/// Returns the text of the next message. A notice before it fails the test.
async fn text(online: &mut Online) -> String {
    next(online).await.expect_err("a notice before the message")
}

fn create(kind: RoomKind, members: &[UserId]) -> ferry_protocol::CreateRoom {
    let name = (kind != RoomKind::Direct).then(|| "a room".to_owned());
    ferry_protocol::CreateRoom { kind, name, members: members.to_vec() }
}

//! `/v1/me/export`: everything that SQL holds about a user, as one JSON document.
//!
//! The document is written while it is read from SQL, a page at a time, so that its length costs no
//! memory. It is not a snapshot: a change meanwhile may be in one part and not in another.

use std::sync::Arc;

use bytes::Bytes;
use ferry_protocol::{FriendState, LeftOut, Page, UserId, now_ms};
use ferry_store::{ExportHead, LEFT_OUT, StoreError};
use futures_util::{Stream, stream};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::json;
use warp::reply::{Reply, Response};

use super::{Route, any_of, call::Call, route};
use crate::{app::App, identity::Authenticated, refusal::Refusal};

/// Rows that are read at a time.
const PAGE: usize = 200;

/// The lists of the document, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Memberships,
    RoomsCreated,
    Mutes,
    Invitations,
    InvitationsMade,
    Friends,
    RequestsReceived,
    RequestsMade,
    Blocks,
}

const LISTS: [(&str, List); 9] = [
    ("memberships", List::Memberships),
    ("rooms_created", List::RoomsCreated),
    ("mutes", List::Mutes),
    ("invitations", List::Invitations),
    ("invitations_made", List::InvitationsMade),
    ("friends", List::Friends),
    ("requests_received", List::RequestsReceived),
    ("requests_made", List::RequestsMade),
    ("blocks", List::Blocks),
];

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([route!(app, get, Device, Export, warp::path!("v1" / "me" / "export"), export)])
}

async fn export(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let head = match call.app.store.export_head(who.user).await {
        // The device was logged in a moment ago, so the account has gone since.
        Err(StoreError::NotFound) => return Err(Refusal::unauthorized()),
        head => opening(&head?)?,
    };
    let lists = lists(Arc::clone(&call.app), who.user);
    let document = stream::StreamExt::chain(stream::once(std::future::ready(Ok(head))), lists);
    let mut response = warp::reply::stream(document).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A browser keeps it as a file, and does not show it.
    let file = HeaderValue::from_static("attachment; filename=\"ferry-export.json\"");
    headers.insert(header::CONTENT_DISPOSITION, file);
    Ok(response)
}

/// Writes the beginning of the document: all but the lists, without the last bracket.
fn opening(head: &ExportHead) -> Result<Bytes, Refusal> {
    let left_out = LEFT_OUT.map(|(table, columns, why)| LeftOut {
        table: table.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        why: why.to_owned(),
    });
    let mut document = json!({
        "exported_at": now_ms(),
        "account": head.account,
        "devices": head.devices,
        "closing_queues": head.closing_queues,
        "idempotency_keys": head.idempotency_keys,
        "known_devices": head.known_devices,
        "left_out": left_out,
    });
    if let Some(count) = head.daily_count {
        document["daily_count"] = json!(count);
    }
    let mut text = serde_json::to_vec(&document).map_err(|_| Refusal::internal())?;
    text.pop();
    Ok(text.into())
}

/// How far the lists are written.
struct Progress {
    app: Arc<App>,
    user: UserId,
    /// The number of the list.
    list: usize,
    /// The page to read. `None` at the beginning of a list.
    cursor: Option<String>,
}

/// Writes the lists and the last bracket. If SQL does not answer, the stream fails, and so the
/// connection ends without the end of the body: the client sees that the document is not whole.
fn lists(app: Arc<App>, user: UserId) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
    stream::try_unfold(Progress { app, user, list: 0, cursor: None }, |mut progress| async move {
        let Some((name, list)) = LISTS.get(progress.list) else {
            progress.list += 1;
            let is_end = progress.list == LISTS.len() + 1;
            return Ok(is_end.then(|| (Bytes::from_static(b"}"), progress)));
        };
        let (is_first, cursor) = (progress.cursor.is_none(), progress.cursor.take());
        let Items { mut text, next } = items(&progress.app, progress.user, *list, cursor.as_deref()).await?;
        match (is_first, text.is_empty()) {
            (true, _) => text.insert_str(0, &format!(",\"{name}\":[")),
            (false, false) => text.insert(0, ','),
            // Everything that was left has been removed since the page before.
            (false, true) => {}
        }
        progress.cursor = next;
        if progress.cursor.is_none() {
            text.push(']');
            progress.list += 1;
        }
        Ok(Some((text.into(), progress)))
    })
}

/// A page, as JSON without the brackets around it.
struct Items {
    text: String,
    next: Option<String>,
}

impl<T: Serialize> TryFrom<Page<T>> for Items {
    type Error = StoreError;

    fn try_from(page: Page<T>) -> Result<Self, StoreError> {
        let items: Result<Vec<String>, _> = page.items.iter().map(serde_json::to_string).collect();
        Ok(Self { text: items.map_err(|error| StoreError::Other(error.into()))?.join(","), next: page.next_cursor })
    }
}

/// Reads a page of a list.
async fn items(app: &App, user: UserId, list: List, cursor: Option<&str>) -> Result<Items, StoreError> {
    let store = &app.store;
    let friends = async |state| store.friends(user, state, PAGE, cursor).await?.try_into();
    match list {
        List::Memberships => store.exported_memberships(user, PAGE, cursor).await?.try_into(),
        List::RoomsCreated => store.exported_rooms(user, PAGE, cursor).await?.try_into(),
        List::Mutes => store.exported_mutes(user, PAGE, cursor).await?.try_into(),
        List::Invitations => store.invitations_of(user, PAGE, cursor).await?.try_into(),
        List::InvitationsMade => store.exported_invitations(user, PAGE, cursor).await?.try_into(),
        List::Friends => friends(FriendState::Friends).await,
        List::RequestsReceived => friends(FriendState::Incoming).await,
        List::RequestsMade => friends(FriendState::Outgoing).await,
        List::Blocks => store.blocks(user, PAGE, cursor).await?.try_into(),
    }
}

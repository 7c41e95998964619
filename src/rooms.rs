//! Rooms: made, changed, handed on, deleted and written to.
//!
//! Each call does all that a change needs, in this order: SQL, the caches of all relays, who may
//! see whose presence, and notices. The store asks [`roles`] while it holds the room's lock.

mod bans;
mod invitations;
mod members;

use std::sync::Arc;

use ferry_protocol::{
    CreateRoom, ErrorCode, NoticeEvent, Page, Role, Room, RoomId, RoomKind, Send, Sent, Stream, UpdateRoom, UserId,
    now_ms,
};
use ferry_store::{
    Conflict, DeletedRoom, LeftRoom, Membership, NewRoom, RequestKey, RoomChange, RoomView, Standing, Store, StoreError,
};
use tokio_util::task::TaskTracker;

use crate::{
    changes::Changes,
    config::Current,
    identity::Authenticated,
    limits::RateLimits,
    presence::PresenceTracker,
    refusal::Refusal,
    relay::{Dispatcher, NotSent},
    roles,
    stamp::{Known, SendsOverHttp, Stamp},
    text::{DESCRIPTION_MAX, ROOM_NAME_MAX, clean_lines, clean_text},
};

/// Rooms of a deleted account that are read together, before each is told.
const AHEAD: usize = 50;

/// See the module's description.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// SQL.
    pub store: Store,
    /// Caches and the other relays.
    pub changes: Arc<Changes>,
    /// Messages and notices.
    pub dispatcher: Arc<Dispatcher>,
    /// Who may see whom changes with memberships.
    pub presence: Arc<PresenceTracker>,
    /// Limits of sends and invitations.
    pub limits: Arc<RateLimits>,
    /// Sends over HTTP that are outstanding for somebody.
    pub sends_over_http: Arc<SendsOverHttp>,
    /// The limit of members for each room.
    pub config: Current,
    /// Tasks beside an answer. The relay waits for them at its end.
    pub tasks: TaskTracker,
}

impl Rooms {
    /// Creates a room. Returns it, and false if it is a direct room that existed already. If the
    /// same request came before, with the same key, it returns what it returned then.
    ///
    /// # Errors
    /// Fails with `invalid`, `room_full`, `too_many_rooms` or `not_allowed`. A repetition fails
    /// with `not_found` if the room is gone, or the user is no longer in it.
    pub async fn create(
        &self,
        who: Authenticated,
        create: CreateRoom,
        key: Option<RequestKey>,
    ) -> Result<(Room, bool), Refusal> {
        // Before anything else is checked: what was allowed then may not be allowed now.
        if let Some(key) = key
            && let Err(error) = self.store.require_first(who.user, key, now_ms()).await
        {
            return self.made_before(who.user, error).await;
        }
        let CreateRoom { kind, name, mut members } = create;
        members.sort_unstable();
        members.dedup();
        let known = self.store.users_by_ids(&members).await?;
        if known.len() != members.len() {
            return Err(Refusal::invalid("members", "not all of these are users"));
        }
        if kind == RoomKind::Direct {
            return self.create_direct(who, name.is_some(), &members, key).await;
        }
        let name = name.ok_or_else(|| Refusal::invalid("name", "a room of this kind needs one"))?;
        members.retain(|member| *member != who.user);
        if members.len() >= self.config.now().limits.members {
            return Err(Refusal::new(ErrorCode::RoomFull, "more members than a room may have"));
        }
        let new = NewRoom {
            id: RoomId::new(),
            kind,
            name: Some(room_name(&name)?),
            creator: who.user,
            members: members.clone(),
            now: now_ms(),
            key,
        };
        let room = match self.store.create_room(new).await {
            Ok(room) => room,
            Err(error) => return self.made_before(who.user, error).await,
        };
        let mut roles: Vec<(UserId, Role)> = members.into_iter().map(|member| (member, Role::Member)).collect();
        roles.push((who.user, Role::Owner));
        let users: Vec<UserId> = roles.iter().map(|(user, _)| *user).filter(|user| *user != who.user).collect();
        self.presence.sight_of_all_changed(&users).await;
        self.presence.sight_changed(who.user).await;
        self.dispatcher.tell_of_new_room(who, room.id, roles).await;
        Ok((self.view(room.id, who.user).await?, true))
    }

    /// A pair has one direct room: creating it again returns the same.
    async fn create_direct(
        &self,
        who: Authenticated,
        is_named: bool,
        members: &[UserId],
        key: Option<RequestKey>,
    ) -> Result<(Room, bool), Refusal> {
        let me = who.user;
        if is_named {
            return Err(Refusal::invalid("name", "a direct room has none"));
        }
        let others: Vec<_> = members.iter().filter(|member| **member != me).collect();
        let [other] = others.as_slice() else {
            return Err(Refusal::invalid("members", "a direct room is with exactly one other user"));
        };
        let (room, is_new) = match self.store.create_direct(me, **other, now_ms(), key).await {
            Ok(made) => made,
            Err(error) => return self.made_before(me, error).await,
        };
        self.changes.room_changed(room.id).await;
        if is_new {
            self.presence.sight_changed(me).await;
            let members = vec![(me, Role::Member), (**other, Role::Member)];
            self.dispatcher.tell_of_new_room(who, room.id, members).await;
        }
        Ok((self.view(room.id, me).await?, is_new))
    }

    /// Returns what the same request has made before, or passes on why this one failed.
    async fn made_before(&self, user: UserId, error: StoreError) -> Result<(Room, bool), Refusal> {
        match error {
            StoreError::Conflict(Conflict::Repeated { room, is_new }) => Ok((self.view(room, user).await?, is_new)),
            error => Err(error.into()),
        }
    }

    /// Returns a page of the user's rooms: of those that the user has hidden, or of the others.
    ///
    /// # Errors
    /// Fails with `invalid` for a cursor that this list did not give.
    pub async fn own(
        &self,
        user: UserId,
        hidden: bool,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Room>, Refusal> {
        Ok(as_page(self.store.rooms_of(user, hidden, limit, cursor).await?))
    }

    /// Returns a page of the channels whose name begins with the query.
    ///
    /// # Errors
    /// Fails with `invalid` for a cursor that this list did not give.
    pub async fn public(
        &self,
        user: UserId,
        query: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Room>, Refusal> {
        Ok(as_page(self.store.public_rooms(user, query, limit, cursor).await?))
    }

    /// Returns a room that the user may see: their own, or a channel.
    ///
    /// # Errors
    /// Fails with `not_found`.
    pub async fn view(&self, room: RoomId, user: UserId) -> Result<Room, Refusal> {
        let seen = self.store.room_view(room, user).await?.ok_or_else(Refusal::not_found)?;
        if seen.role.is_none() && seen.room.kind != RoomKind::Channel {
            return Err(roles::outsider(seen.room.kind).into());
        }
        Ok(as_seen(seen))
    }

    /// Changes name and description, and tells the members if anything changed.
    ///
    /// # Errors
    /// Fails with `not_found`, `forbidden` or `invalid`.
    pub async fn update(&self, who: Authenticated, room: RoomId, update: UpdateRoom) -> Result<Room, Refusal> {
        let UpdateRoom { name, description } = update;
        self.charge_news(who.user, room).await?;
        let decide = move |standing: Standing| -> Result<RoomChange, Refusal> {
            roles::require(standing, Role::Admin)?;
            let name = name.map(|name| room_name(&name)).transpose()?;
            let description = description.map(|text| room_description(&text)).transpose()?;
            Ok(RoomChange { name, description })
        };
        let (_, is_news) = self.store.update_room(room, who.user, decide).await??;
        if is_news {
            let event = NoticeEvent::RoomChanged { room, by: who.user };
            self.dispatcher.tell_room(who, room, &[], event).await;
        }
        self.view(room, who.user).await
    }

    /// Counts the notices that a change of this room causes.
    ///
    /// # Errors
    /// Fails with `rate_limited`.
    async fn charge_news(&self, user: UserId, room: RoomId) -> Result<(), Refusal> {
        let told = self.dispatcher.directory().audience(room).await?.map_or(0, |audience| audience.members().len());
        self.limits.news.take_many(&user, u32::try_from(told).unwrap_or(u32::MAX)).map_err(Refusal::rate_limited)
    }

    /// Deletes a room, and tells its members and those who were invited.
    ///
    /// # Errors
    /// Fails with `not_found` or `forbidden`.
    pub async fn delete(&self, who: Authenticated, room: RoomId) -> Result<(), Refusal> {
        let decide = |standing| roles::require(standing, Role::Owner);
        let DeletedRoom { members, invited } = self.store.delete_room(room, who.user, decide).await??;
        self.changes.room_changed(room).await;
        self.presence.sight_of_all_changed(&members).await;
        self.dispatcher.tell(who, members, NoticeEvent::RoomDeleted { room, by: who.user }).await;
        // The inviters were in the room, or have nothing to do with it any more.
        for (user, _) in invited {
            let event = NoticeEvent::InvitationEnded { room, user, by: who.user };
            self.dispatcher.tell(who, vec![user], event).await;
        }
        Ok(())
    }

    /// Hands the room on to another member. The former owner is an admin from then on.
    ///
    /// # Errors
    /// Fails with `not_found`, `forbidden` or `invalid`.
    pub async fn transfer(&self, who: Authenticated, room: RoomId, to: UserId) -> Result<Room, Refusal> {
        let is_self = to == who.user;
        self.charge_news(who.user, room).await?;
        let decide = move |standing: Standing, theirs: Option<&_>| roles::transfer(standing, is_self, theirs);
        let changed = self.store.transfer_room(room, who.user, to, decide).await??;
        self.changes.room_changed(room).await;
        for membership in changed {
            self.dispatcher.tell_room(who, room, &[], changed_role(&membership, who.user)).await;
        }
        self.view(room, who.user).await
    }

    /// Sends as a `send` frame does. What a device sends over HTTP is a stream of its own, and each
    /// call is an epoch of its own, so its `seq` is 1.
    ///
    /// # Errors
    /// Fails as [`Dispatcher::admit`] and [`Dispatcher::send`] do, with `rate_limited`, and with
    /// `id_reused` if this id is outstanding with another content.
    pub async fn post(&self, who: Authenticated, send: Send) -> Result<Sent, Refusal> {
        self.limits.sends.take(&who.device).map_err(Refusal::rate_limited)?;
        let earlier = match self.sends_over_http.look_up(who.device, &send) {
            Known::New => None,
            Known::Again(earlier) => Some(earlier),
            Known::Reused => return Err(Refusal::id_reused()),
        };
        let admitted = self.dispatcher.admit(who.user, who.device, &send).await?;
        if earlier.is_none() {
            self.limits.fan_out.take_many(&who.device, admitted.fan_out(&send)).map_err(Refusal::rate_limited)?;
        }
        let stamp = match &earlier {
            Some(earlier) => earlier.stamp,
            None => {
                let sent_at = now_ms();
                let epoch = self.store.open_http_epoch(who.device, sent_at).await?.ok_or_else(Refusal::unauthorized)?;
                Stamp { stream: Stream::Http, epoch, seq: 1, sent_at }
            }
        };
        let outstanding = earlier.as_ref().and_then(|earlier| earlier.outstanding.as_deref());
        let mut outcome = self.dispatcher.send(&admitted, stamp, send.clone(), outstanding).await;
        if let (Ok(sent), Some(earlier)) = (&mut outcome, &earlier) {
            sent.recipients = sent.recipients.max(earlier.recipients);
            self.sends_over_http.confirm(who.device, &send, sent.recipients);
        }
        outcome.map_err(|NotSent { refusal, outstanding, recipients }| {
            if outstanding.is_empty() {
                return refusal;
            }
            let sends = &self.sends_over_http;
            let tries = sends.note_outstanding(who.device, &send, stamp, recipients, &outstanding);
            refusal.outstanding(outstanding, tries)
        })
    }

    /// Does what follows when an account was deleted that was in these rooms.
    ///
    /// The notices go out beside the answer, which would otherwise wait for as many notices as
    /// there are users in all of the rooms.
    pub async fn departed(&self, who: Authenticated, rooms: Vec<LeftRoom>) {
        // Together, because each may wait for the other relays.
        futures_util::future::join_all(rooms.iter().map(|room| self.changes.room_changed(room.id))).await;
        let dispatcher = Arc::clone(&self.dispatcher);
        self.tasks.spawn(async move {
            for some in rooms.chunks(AHEAD) {
                let groups = some.iter().filter(|left| left.peer.is_none()).map(|left| left.id).collect();
                let peers = some.iter().filter_map(|left| left.peer).collect();
                if let Err(error) = dispatcher.directory().read_ahead(groups, peers).await {
                    tracing::debug!(%error, "the rooms of a deleted account are read one by one");
                }
                for left in some {
                    tell_of_departure(&dispatcher, who, left).await;
                }
            }
        });
    }
}

async fn tell_of_departure(dispatcher: &Dispatcher, who: Authenticated, left: &LeftRoom) {
    let (room, by) = (left.id, who.user);
    if let Some(peer) = left.peer {
        return dispatcher.tell(who, vec![peer], NoticeEvent::RoomDeleted { room, by }).await;
    }
    dispatcher.tell_room(who, room, &[], NoticeEvent::MemberRemoved { room, user: by, by }).await;
    if let Some(heir) = &left.heir {
        dispatcher.tell_room(who, room, &[], changed_role(heir, by)).await;
    }
}

fn changed_role(membership: &Membership, by: UserId) -> NoticeEvent {
    let Membership { room_id: room, user_id: user, role, muted_until, .. } = *membership;
    NoticeEvent::MemberChanged { room, user, role, muted_until, by }
}

fn room_name(name: &str) -> Result<String, Refusal> {
    clean_text(name, ROOM_NAME_MAX).map_err(|error| Refusal::invalid("name", error.to_string()))
}

/// An empty text removes the description.
fn room_description(text: &str) -> Result<Option<String>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    clean_lines(text, DESCRIPTION_MAX).map(Some).map_err(|error| Refusal::invalid("description", error.to_string()))
}

fn as_page(found: Page<RoomView>) -> Page<Room> {
    Page { items: found.items.into_iter().map(as_seen).collect(), next_cursor: found.next_cursor }
}

fn as_seen(seen: RoomView) -> Room {
    let RoomView { room, role, peer } = seen;
    Room {
        id: room.id,
        kind: room.kind,
        name: room.name,
        description: room.description,
        created_at: room.created_at,
        member_count: room.member_count,
        role,
        peer,
    }
}

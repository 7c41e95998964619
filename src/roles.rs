//! The rules of who may do what to whom in a room. Pure.
//!
//! Two rules hold everywhere. Owners act on everybody; all others act only on members with a lower
//! role. Owners give any role; all others give only roles below their own.
//!
//! The store asks this while it has the room locked, so what is allowed is still allowed when it
//! is done.

use std::borrow::Cow;

use ferry_protocol::{FOREVER, PutMember, Role, RoomKind, UserId};
use ferry_store::{Membership, MembershipChange, Standing};

#[cfg(test)]
mod vectors;

/// Why a user may not do something in a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The room or member does not exist, as far as this user may know.
    #[error("not found")]
    NotFound,
    /// The user's role does not allow it.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// The user is in the room already.
    #[error("already a member")]
    AlreadyMember,
    /// A field has a value that is not allowed.
    #[error("{field}: {detail}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        detail: &'static str,
    },
}

fn forbidden(detail: impl Into<Cow<'static, str>>) -> RoleError {
    RoleError::Forbidden(detail.into())
}

/// Returns what a user is told who is not in a room of this kind. Anybody may know that a channel
/// exists. A group or direct room is not even admitted to exist.
#[must_use]
pub fn outsider(kind: RoomKind) -> RoleError {
    match kind {
        RoomKind::Channel => forbidden("you are not in this room"),
        RoomKind::Direct | RoomKind::Group => RoleError::NotFound,
    }
}

/// Checks that the user has at least this role.
///
/// # Errors
/// Fails with `forbidden`, or with `not_found` for a room that the user may not know of.
pub fn require(standing: Standing, least: Role) -> Result<(), RoleError> {
    let is_enough = standing.role.map_or_else(|| Err(outsider(standing.kind)), |role| Ok(role >= least))?;
    if is_enough { Ok(()) } else { Err(forbidden(format!("this takes the role `{least}`"))) }
}

/// Decides on adding a member, or on changing one. `myself` says that users change themselves.
///
/// # Errors
/// Fails with `forbidden`, with `not_found` for a room that the user may not know of, or with
/// `invalid` for a time that is not one.
pub fn put(
    standing: Standing,
    myself: bool,
    theirs: Option<&Membership>,
    change: &PutMember,
) -> Result<MembershipChange, RoleError> {
    let mine = standing.role.ok_or_else(|| outsider(standing.kind))?;
    if change.muted_until.is_some_and(|until| !(0..=FOREVER).contains(&until)) {
        return Err(RoleError::Invalid { field: "muted_until", detail: "must be 0 or a time" });
    }
    let Some(theirs) = theirs else {
        if standing.kind == RoomKind::Direct {
            return Err(forbidden("a direct room always has exactly two members"));
        }
        let role = change.role.unwrap_or(Role::Member);
        may_add(mine, role)?;
        return Ok(MembershipChange::Add { role, muted_until: change.muted_until });
    };
    let role = change.role.unwrap_or(theirs.role);
    if role != theirs.role {
        may_change_role(mine, myself, theirs.role, role)?;
    }
    if change.muted_until.is_some() {
        may_mute(mine, myself, theirs.role)?;
    }
    let muted_until = change.muted_until.unwrap_or(theirs.muted_until);
    // Everybody may ask for what is so already. It changes nothing and sends no notice.
    let is_so = (role, muted_until) == (theirs.role, theirs.muted_until);
    Ok(if is_so { MembershipChange::Keep } else { MembershipChange::Set { role, muted_until } })
}

/// Decides on joining a room without being added.
///
/// # Errors
/// Fails with `already_member`, or with `not_found` for a room that is not open to all.
pub fn join(standing: Standing) -> Result<MembershipChange, RoleError> {
    match standing {
        Standing { role: Some(_), .. } => Err(RoleError::AlreadyMember),
        Standing { kind: RoomKind::Channel, .. } => Ok(MembershipChange::Add { role: Role::Member, muted_until: None }),
        Standing { kind, .. } => Err(outsider(kind)),
    }
}

/// Decides on removing a member. `myself` says that the user leaves.
///
/// # Errors
/// Fails with `forbidden`. Fails with `not_found` if the other is not in the room, and for a room
/// that the user may not know of.
pub fn remove(standing: Standing, myself: bool, theirs: Option<&Membership>) -> Result<(), RoleError> {
    let mine = standing.role.ok_or_else(|| outsider(standing.kind))?;
    if myself {
        let is_bound = standing.kind == RoomKind::Direct;
        return if is_bound { Err(forbidden("a direct room cannot be left")) } else { Ok(()) };
    }
    may_remove(mine, theirs.ok_or(RoleError::NotFound)?.role)
}

/// Decides on banning a user, whether or not they are a member. `myself` says that the user named
/// themselves.
///
/// # Errors
/// Fails with `forbidden`, with `not_found` for a room that the user may not know of, or with
/// `invalid` if the user named themselves.
pub fn ban(standing: Standing, myself: bool, theirs: Option<&Membership>) -> Result<(), RoleError> {
    moderates(standing)?;
    if myself {
        return Err(RoleError::Invalid { field: "user", detail: "nobody bans themselves" });
    }
    let mine = standing.role.unwrap_or(Role::Member);
    theirs.map_or(Ok(()), |theirs| may_remove(mine, theirs.role))
}

/// Checks that the user may see and lift the bans of a room, and see the invitations to it.
///
/// # Errors
/// Fails with `forbidden`, or with `not_found` for a room that the user may not know of.
pub fn moderates(standing: Standing) -> Result<(), RoleError> {
    require(standing, if standing.kind == RoomKind::Direct { Role::Member } else { Role::Admin })?;
    match standing.kind {
        RoomKind::Direct => Err(forbidden("a direct room always has exactly two members")),
        RoomKind::Group | RoomKind::Channel => Ok(()),
    }
}

/// Decides on handing a room to another member. `myself` says that the user named themselves.
///
/// # Errors
/// Fails with `forbidden`, or with `invalid` if the user named themselves. Fails with `not_found`
/// if the other is not in the room, and for a room that the user may not know of.
pub fn transfer(standing: Standing, myself: bool, theirs: Option<&Membership>) -> Result<(), RoleError> {
    require(standing, Role::Owner)?;
    if myself {
        return Err(RoleError::Invalid { field: "user", detail: "the room is yours already" });
    }
    theirs.map(drop).ok_or(RoleError::NotFound)
}

/// Decides on inviting a user. Every member may invite to a channel, because anybody may join it
/// anyway.
///
/// # Errors
/// Fails with `forbidden`, or with `not_found` for a room that the user may not know of.
pub fn invite(standing: Standing) -> Result<(), RoleError> {
    match standing.kind {
        RoomKind::Group => require(standing, Role::Admin),
        RoomKind::Channel => require(standing, Role::Member),
        RoomKind::Direct => {
            require(standing, Role::Member)?;
            Err(forbidden("a direct room always has exactly two members"))
        }
    }
}

/// Decides on taking an invitation back. `by` is the user who invited, or `None` if there is no
/// invitation.
///
/// # Errors
/// Fails with `forbidden`, or with `not_found` if there is no invitation, and for a room that the
/// user may not know of.
pub fn withdraw(standing: Standing, me: UserId, by: Option<UserId>) -> Result<(), RoleError> {
    let least = if by == Some(me) { Role::Member } else { Role::Admin };
    require(standing, least)?;
    by.map(drop).ok_or(RoleError::NotFound)
}

fn outranks(mine: Role, theirs: Role) -> bool {
    mine == Role::Owner || mine > theirs
}

fn allow(allowed: bool) -> Result<(), RoleError> {
    if allowed { Ok(()) } else { Err(forbidden("your role in this room does not allow this")) }
}

/// Checks whether a user may add a member with this role.
fn may_add(mine: Role, role: Role) -> Result<(), RoleError> {
    allow(mine >= Role::Admin && outranks(mine, role))
}

/// Checks whether a user may change a member's role. Everybody may lower their own role; only
/// others can raise it.
fn may_change_role(mine: Role, myself: bool, from: Role, to: Role) -> Result<(), RoleError> {
    allow(if myself { to < from } else { mine >= Role::Admin && outranks(mine, from) && outranks(mine, to) })
}

/// Checks whether a user may mute a member or lift that. Nobody may do it to themselves, because a
/// muted user must not lift it.
fn may_mute(mine: Role, myself: bool, theirs: Role) -> Result<(), RoleError> {
    allow(!myself && mine >= Role::Moderator && outranks(mine, theirs))
}

/// Checks whether a user may remove another member.
fn may_remove(mine: Role, theirs: Role) -> Result<(), RoleError> {
    allow(mine >= Role::Admin && outranks(mine, theirs))
}

#[cfg(test)]
mod tests {
    use Role::{Admin, Member, Moderator, Owner};
    use ferry_protocol::RoomId;

    use super::*;

    const ALL: [Role; 4] = [Member, Moderator, Admin, Owner];

    #[test]
    fn nobody_but_an_owner_acts_on_equals_or_betters() {
        for mine in [Member, Moderator, Admin] {
            for theirs in ALL.into_iter().filter(|theirs| *theirs >= mine) {
                assert!(may_remove(mine, theirs).is_err());
                assert!(may_mute(mine, false, theirs).is_err());
                assert!(may_change_role(mine, false, theirs, Member).is_err());
                assert!(may_change_role(mine, false, Member, theirs).is_err());
                assert!(may_add(mine, theirs).is_err());
            }
        }
    }

    #[test]
    fn an_owner_may_do_all_and_a_moderator_may_mute() {
        for theirs in ALL {
            assert!(may_remove(Owner, theirs).is_ok() && may_mute(Owner, false, theirs).is_ok());
            assert!(may_change_role(Owner, false, theirs, Owner).is_ok() && may_add(Owner, theirs).is_ok());
        }
        assert!(may_mute(Moderator, false, Member).is_ok() && may_remove(Moderator, Member).is_err());
        assert!(may_remove(Admin, Moderator).is_ok());
    }

    #[test]
    fn one_may_step_down_but_not_up_and_not_unmute_oneself() {
        assert!(may_change_role(Owner, true, Owner, Member).is_ok());
        assert!(may_change_role(Admin, true, Admin, Owner).is_err());
        assert!(ALL.into_iter().all(|role| may_mute(role, true, role).is_err()));
    }

    const ME: UserId = UserId(uuid::Uuid::max());

    fn as_a(role: Option<Role>) -> Standing {
        Standing { kind: RoomKind::Group, role }
    }

    fn membership(role: Role, muted_until: i64) -> Membership {
        Membership { room_id: RoomId::new(), user_id: ME, role, muted_until, joined_at: 1 }
    }

    fn change(role: Option<Role>, muted_until: Option<i64>) -> PutMember {
        PutMember { role, muted_until }
    }

    #[test]
    fn asking_for_what_is_so_changes_nothing() {
        for mine in ALL {
            let theirs = membership(Admin, 7);
            for asked in [change(None, None), change(Some(Admin), None)] {
                assert_eq!(put(as_a(Some(mine)), false, Some(&theirs), &asked), Ok(MembershipChange::Keep));
            }
        }
        assert_eq!(
            put(as_a(Some(Owner)), false, Some(&membership(Admin, 7)), &change(None, Some(7))),
            Ok(MembershipChange::Keep)
        );
        // A user who may not mute is told so, whatever they ask for.
        assert!(put(as_a(Some(Member)), false, Some(&membership(Admin, 7)), &change(None, Some(7))).is_err());
    }

    #[test]
    fn what_is_left_out_stays_as_it_is() {
        let theirs = membership(Member, 7);
        let asked = put(as_a(Some(Owner)), false, Some(&theirs), &change(Some(Admin), None));
        assert_eq!(asked, Ok(MembershipChange::Set { role: Admin, muted_until: 7 }));
        let asked = put(as_a(Some(Owner)), false, Some(&theirs), &change(None, Some(0)));
        assert_eq!(asked, Ok(MembershipChange::Set { role: Member, muted_until: 0 }));
        let added = put(as_a(Some(Owner)), false, None, &change(None, None));
        assert_eq!(added, Ok(MembershipChange::Add { role: Member, muted_until: None }));
        let added = put(as_a(Some(Owner)), false, None, &change(Some(Moderator), Some(0)));
        assert_eq!(added, Ok(MembershipChange::Add { role: Moderator, muted_until: Some(0) }));
    }

    #[test]
    fn of_a_room_that_is_not_ones_own_one_learns_no_more_than_its_kind_allows() {
        for (kind, error) in [
            (RoomKind::Channel, forbidden("you are not in this room")),
            (RoomKind::Group, RoleError::NotFound),
            (RoomKind::Direct, RoleError::NotFound),
        ] {
            let standing = Standing { kind, role: None };
            let theirs = membership(Member, 0);
            let answers = [
                put(standing, false, Some(&theirs), &change(None, Some(-1))).map(drop),
                put(standing, true, None, &change(None, None)).map(drop),
                remove(standing, false, Some(&theirs)),
                remove(standing, false, None),
                remove(standing, true, None),
                require(standing, Member),
            ];
            for answer in answers {
                assert_eq!(answer.unwrap_err(), error);
            }
        }
    }

    #[test]
    fn who_is_not_there_is_not_found_and_who_is_comes_in_once() {
        assert_eq!(remove(as_a(Some(Owner)), false, None).unwrap_err(), RoleError::NotFound);
        let error = |kind, role| join(Standing { kind, role }).unwrap_err();
        assert_eq!(error(RoomKind::Channel, Some(Member)), RoleError::AlreadyMember);
        assert_eq!(error(RoomKind::Group, Some(Member)), RoleError::AlreadyMember);
        assert_eq!(error(RoomKind::Group, None), RoleError::NotFound);
    }

    #[test]
    fn a_direct_room_is_for_its_two() {
        let standing = Standing { kind: RoomKind::Direct, role: Some(Member) };
        assert!(put(standing, false, None, &change(None, None)).is_err());
        assert!(remove(standing, true, Some(&membership(Member, 0))).is_err());
        assert!(remove(standing, false, Some(&membership(Member, 0))).is_err());
    }
}

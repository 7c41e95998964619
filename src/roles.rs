//! Who may do what to whom in a room. Pure.
//!
//! One rule under all: nobody acts on their equals or betters, but an owner on anybody; and nobody gives a role that is not below their
//! own, but an owner any.

use ferry_protocol::Role;

use crate::refusal::Refusal;

fn outranks(mine: Role, theirs: Role) -> bool {
    mine == Role::Owner || mine > theirs
}

fn allow(allowed: bool) -> Result<(), Refusal> {
    if allowed { Ok(()) } else { Err(Refusal::forbidden("your role in this room does not allow this")) }
}

/// Adding somebody with this role.
///
/// # Errors
/// `forbidden`.
pub fn may_add(mine: Role, role: Role) -> Result<(), Refusal> {
    allow(mine >= Role::Admin && outranks(mine, role))
}

/// Changing somebody's role. One may always step down; one's own way up is somebody else's to give.
///
/// # Errors
/// `forbidden`.
pub fn may_change_role(mine: Role, myself: bool, from: Role, to: Role) -> Result<(), Refusal> {
    allow(if myself { to < from } else { mine >= Role::Admin && outranks(mine, from) && outranks(mine, to) })
}

/// Muting somebody, or lifting it. Not oneself: who is muted must not lift it.
///
/// # Errors
/// `forbidden`.
pub fn may_mute(mine: Role, myself: bool, theirs: Role) -> Result<(), Refusal> {
    allow(!myself && mine >= Role::Moderator && outranks(mine, theirs))
}

/// Removing somebody else.
///
/// # Errors
/// `forbidden`.
pub fn may_remove(mine: Role, theirs: Role) -> Result<(), Refusal> {
    allow(mine >= Role::Admin && outranks(mine, theirs))
}

#[cfg(test)]
mod tests {
    use Role::{Admin, Member, Moderator, Owner};

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
}

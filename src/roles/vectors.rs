//! The roles allow what the vectors say. crates/client/vectors/README.md describes each call.

use ferry_protocol::RoomId;
use serde_json::{Value, json};

use super::*;
use cases::Step;

#[path = "../../crates/client/vectors/cases.rs"]
mod cases;

const ME: UserId = UserId(uuid::Uuid::max());
const OTHER: UserId = UserId(uuid::Uuid::nil());

fn standing(step: &Step) -> Standing {
    Standing { kind: step.get("kind"), role: step.get("role") }
}

fn theirs(step: &Step) -> Option<Membership> {
    let theirs: Value = step.get("theirs");
    if theirs.is_null() {
        return None;
    }
    let (role, muted_until) = (cases::read(theirs["role"].clone()), cases::read(theirs["muted_until"].clone()));
    Some(Membership { room_id: RoomId::new(), user_id: OTHER, role, muted_until, joined_at: 1 })
}

/// Returns the user who invited, as the vectors name them.
fn inviter(step: &Step) -> Option<UserId> {
    step.get::<Option<String>>("by").map(|by| match by.as_str() {
        "me" => ME,
        "other" => OTHER,
        _ => panic!("`by` is `me` or `other`"),
    })
}

fn refusal(error: &RoleError) -> Value {
    json!(match error {
        RoleError::NotFound => "not_found",
        RoleError::Forbidden(_) => "forbidden",
        RoleError::AlreadyMember => "already_member",
        RoleError::Invalid { .. } => "invalid",
    })
}

fn verdict(answer: Result<(), RoleError>) -> Value {
    answer.map_or_else(|error| refusal(&error), |()| json!("ok"))
}

fn change(answer: Result<MembershipChange, RoleError>) -> Value {
    match answer {
        Err(error) => refusal(&error),
        Ok(MembershipChange::Keep) => json!({ "change": "keep" }),
        Ok(MembershipChange::Add { role, muted_until: None }) => json!({ "change": "add", "role": role }),
        Ok(MembershipChange::Add { role, muted_until }) => {
            json!({ "change": "add", "role": role, "muted_until": muted_until })
        }
        Ok(MembershipChange::Set { role, muted_until }) => {
            json!({ "change": "set", "role": role, "muted_until": muted_until })
        }
    }
}

#[test]
fn roles_allow_what_the_vectors_say() {
    for case in cases::cases("roles.json") {
        case.run(|step| {
            let (mine, theirs) = (standing(step), theirs(step));
            let myself = || step.get("myself");
            match step.call.as_str() {
                "put" => change(put(mine, myself(), theirs.as_ref(), &step.get("asked"))),
                "join" => change(join(mine)),
                "remove" => verdict(remove(mine, myself(), theirs.as_ref())),
                "ban" => verdict(ban(mine, myself(), theirs.as_ref())),
                "moderates" => verdict(moderates(mine)),
                "transfer" => verdict(transfer(mine, myself(), theirs.as_ref())),
                "invite" => verdict(invite(mine)),
                "withdraw" => verdict(withdraw(mine, ME, inviter(step))),
                "require" => verdict(require(mine, step.get("least"))),
                _ => step.unknown(),
            }
        });
    }
}

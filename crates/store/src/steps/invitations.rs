//! Steps of transactions on invitations.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{RoomId, UserId};

use crate::{
    error::Result,
    pool::steps,
    schema::{blocks, invitations},
    sql_types::Sql,
};

steps! {
    /// Steps on invitations. The caller has locked the room.
    pub(crate) trait InvitationSteps {
        /// Deletes an invitation. Returns the user who invited, or `None` if there was no
        /// invitation.
        async fn end_invitation(conn, room: RoomId, user: UserId) -> Result<Option<UserId>> {
            let invitation = invitations::table
                .filter(invitations::room_id.eq(Sql(room)))
                .filter(invitations::user_id.eq(Sql(user)));
            Ok(diesel::delete(invitation).returning(invitations::invited_by).get_result(conn).await.optional()?)
        }

        /// Ends the invitations that a user made. Returns the invited users who saw theirs.
        async fn end_invitations_by(conn, room: RoomId, by: UserId) -> Result<Vec<UserId>> {
            let seen = conn.invited_to(room).await?;
            let made = invitations::table
                .filter(invitations::room_id.eq(Sql(room)))
                .filter(invitations::invited_by.eq(Sql(by)));
            diesel::delete(made).execute(conn).await?;
            Ok(seen.into_iter().filter(|(_, inviter)| *inviter == by).map(|(user, _)| user).collect())
        }

        /// Returns the user who invited `user` to the room, if anyone did.
        async fn inviter_of(conn, room: RoomId, user: UserId) -> Result<Option<UserId>> {
            let invitation = invitations::table
                .filter(invitations::room_id.eq(Sql(room)))
                .filter(invitations::user_id.eq(Sql(user)));
            Ok(invitation.select(invitations::invited_by).first(conn).await.optional()?)
        }

        /// Returns the invited users who see their invitation, each with the user who invited them.
        async fn invited_to(conn, room: RoomId) -> Result<Vec<(UserId, UserId)>> {
            let hides = blocks::table
                .filter(blocks::blocker.eq(invitations::user_id))
                .filter(blocks::blocked.eq(invitations::invited_by));
            let invited = invitations::table
                .filter(invitations::room_id.eq(Sql(room)))
                .filter(diesel::dsl::not(diesel::dsl::exists(hides)));
            Ok(invited.select((invitations::user_id, invitations::invited_by)).load(conn).await?)
        }
    }
}

//! Steps of transactions on what a user may do in a day.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::UserId;

use crate::{
    error::{Conflict, Result},
    pool::steps,
    schema::daily_counts,
    sql_types::Sql,
};

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;

/// The most people that a user adds to rooms, and invites, in a day (UTC), over all relays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyLimits {
    /// People added to rooms.
    pub added: i64,
    /// People invited to rooms.
    pub invited: i64,
}

steps! {
    /// Steps on what a user may do in a day. The caller holds the user.
    pub(crate) trait QuotaSteps {
        /// Counts people whom the user adds to rooms, or invites. Fails with `TooManyToday` if that
        /// is too many. The error rolls the transaction back, so nothing is counted then.
        async fn count_people(conn, user: UserId, added: i64, invited: i64, limits: DailyLimits, now: i64) -> Result<()> {
            if (added, invited) == (0, 0) {
                return Ok(());
            }
            let today = now.div_euclid(DAY);
            let row = daily_counts::table.filter(daily_counts::user_id.eq(Sql(user)));
            let before = row
                .select((daily_counts::day, daily_counts::added, daily_counts::invited))
                .first::<(i64, i64, i64)>(conn)
                .await
                .optional()?;
            let (added, invited) = match before {
                Some((day, so_far, asked)) if day == today => (so_far + added, asked + invited),
                _ => (added, invited),
            };
            if added > limits.added || invited > limits.invited {
                return Err(Conflict::TooManyToday { until: (today + 1) * DAY }.into());
            }
            let counted = (daily_counts::day.eq(today), daily_counts::added.eq(added), daily_counts::invited.eq(invited));
            diesel::insert_into(daily_counts::table)
                .values((daily_counts::user_id.eq(Sql(user)), counted))
                .on_conflict(daily_counts::user_id)
                .do_update()
                .set(counted)
                .execute(conn)
                .await?;
            Ok(())
        }
    }
}

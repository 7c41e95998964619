//! The outbox: the channels that the broker still has to delete.

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, UserId};

use super::{
    Result, Store, StoreError,
    clock::SqlClock,
    page::one_more,
    pool::{query, statement, transaction},
    schema::closing_channels,
    sql_types::Sql,
};

/// A channel that the broker still has to delete.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct PendingClose {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// How often it was tried, this time included.
    pub tries: i32,
    /// The nodes that have not deleted it, with commas between them. `None` means all of them.
    pub nodes: Option<String>,
}

impl Store {
    /// Notes that the broker still has to delete the channel of a logged-out device, and when to
    /// try again, in milliseconds from now. `nodes` are those that are left, `None` if all may be.
    /// If somebody else has tried too, all are asked again.
    pub async fn note_close(&self, user: UserId, id: DeviceId, nodes: Option<String>, wait: i64) -> Result<()> {
        let noted_at = ferry_protocol::now_ms();
        transaction!(self, async |conn| {
            let next_try = sql::<BigInt>(conn.now()) + wait;
            let first = closing_channels::table
                .filter(closing_channels::device_id.eq(Sql(id)))
                .filter(closing_channels::tries.eq(0));
            let noted = diesel::update(first)
                .set((
                    closing_channels::next_try_at.eq(next_try),
                    closing_channels::nodes.eq(&nodes),
                    closing_channels::tries.eq(1),
                ))
                .execute(conn)
                .await?;
            if noted > 0 {
                return Ok(());
            }
            let next_try = sql::<BigInt>(conn.now()) + wait;
            diesel::insert_into(closing_channels::table)
                .values((
                    closing_channels::user_id.eq(Sql(user)),
                    closing_channels::device_id.eq(Sql(id)),
                    closing_channels::created_at.eq(noted_at),
                    closing_channels::next_try_at.eq(sql::<BigInt>(conn.now()) + wait),
                    closing_channels::nodes.eq(&nodes),
                    closing_channels::tries.eq(1),
                ))
                .on_conflict(closing_channels::device_id)
                .do_update()
                .set((
                    closing_channels::next_try_at.eq(next_try),
                    closing_channels::nodes.eq(None::<String>),
                    closing_channels::tries.eq(closing_channels::tries + 1),
                ))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Puts off a deletion that was [taken](Self::take_due_closes), unless somebody else has tried
    /// since.
    pub async fn postpone_close(&self, taken: &PendingClose, nodes: Option<String>, wait: i64) -> Result<()> {
        let (device, tries) = (taken.device, taken.tries);
        statement!(self, async |conn| {
            let next_try = sql::<BigInt>(conn.now()) + wait;
            let mine = closing_channels::table
                .filter(closing_channels::device_id.eq(Sql(device)))
                .filter(closing_channels::tries.eq(tries));
            diesel::update(mine)
                .set((closing_channels::next_try_at.eq(next_try), closing_channels::nodes.eq(&nodes)))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Notes that a deletion that was [taken](Self::take_due_closes) is done, unless somebody else
    /// has tried since, and may have failed elsewhere.
    pub async fn taken_close_done(&self, taken: &PendingClose) -> Result<()> {
        let (device, tries) = (taken.device, taken.tries);
        statement!(self, async |conn| {
            let mine = closing_channels::table
                .filter(closing_channels::device_id.eq(Sql(device)))
                .filter(closing_channels::tries.eq(tries));
            diesel::delete(mine).execute(conn).await?;
            Ok(())
        })
    }

    /// Takes the channels whose deletion is due, at most `limit`. They are due again after `lease`
    /// milliseconds, so that another relay tries if this one ends. No two relays take the same.
    pub async fn take_due_closes(&self, limit: usize, lease: i64) -> Result<Vec<PendingClose>> {
        statement!(self, async |conn| {
            let due = closing_channels::table
                .filter(closing_channels::next_try_at.le(sql::<BigInt>(conn.now())))
                .order(closing_channels::next_try_at)
                .limit(one_more(limit) - 1)
                .select(closing_channels::device_id)
                .load::<DeviceId>(conn)
                .await?;
            // Checked again for each row: another relay may have taken it meanwhile.
            let still_due = closing_channels::table
                .filter(closing_channels::device_id.eq_any(due.into_iter().map(Sql)))
                .filter(closing_channels::next_try_at.le(sql::<BigInt>(conn.now())));
            let taken = diesel::update(still_due)
                .set((
                    closing_channels::next_try_at.eq(sql::<BigInt>(conn.now()) + lease),
                    closing_channels::tries.eq(closing_channels::tries + 1),
                ))
                .returning((
                    closing_channels::user_id,
                    closing_channels::device_id,
                    closing_channels::tries,
                    closing_channels::nodes,
                ));
            Ok(taken.get_results(conn).await?)
        })
    }

    /// Returns the channels that the broker still has to delete. Returns at most `limit`, the
    /// oldest first.
    pub async fn pending_closes(&self, limit: usize) -> Result<Vec<(UserId, DeviceId)>> {
        query!(self, async |conn| {
            let pending = closing_channels::table
                .order((closing_channels::created_at, closing_channels::device_id))
                .limit(one_more(limit) - 1)
                .select((closing_channels::user_id, closing_channels::device_id));
            Ok(pending.load(conn).await?)
        })
    }

    /// Returns how many channels the broker still has to delete.
    pub async fn count_pending_closes(&self) -> Result<i64> {
        query!(self, async |conn| Ok(closing_channels::table.count().get_result(conn).await?))
    }

    /// Notes that the broker has deleted the device's channel on every node. Calling it again has
    /// no further effect.
    pub async fn close_done(&self, id: DeviceId) -> Result<()> {
        statement!(self, async |conn| {
            let pending = closing_channels::table.filter(closing_channels::device_id.eq(Sql(id)));
            diesel::delete(pending).execute(conn).await?;
            Ok(())
        })
    }
}

//! What relays agree on: which of them run, and which does a task for all.

use std::collections::HashSet;

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;

use super::{
    Result, Store, StoreError,
    clock::SqlClock,
    pool::{query, statement, transaction},
    schema::{leases, relays},
    sql_types::{RunId, Sql},
};

/// The beginning of the names of leases that say which lists of nodes running relays have. All
/// relays with a list keep its lease together.
const NODES: &str = "nodes ";

fn of_list(list: &str) -> String {
    format!("{NODES}{list}")
}

impl Store {
    /// Notes that this run of a relay is there, and returns all runs that said so within the last
    /// `patience` milliseconds, this one included. The clock of the database counts.
    pub async fn say_running(&self, run: RunId, patience: i64) -> Result<HashSet<RunId>> {
        statement!(self, async |conn| {
            diesel::insert_into(relays::table)
                .values((relays::run.eq(Sql(run)), relays::seen_at.eq(sql::<BigInt>(conn.now()))))
                .on_conflict(relays::run)
                .do_update()
                .set(relays::seen_at.eq(sql::<BigInt>(conn.now())))
                .execute(conn)
                .await?;
            let there = relays::table
                .filter(relays::seen_at.gt(sql::<BigInt>(conn.now()) - patience))
                .select(relays::run)
                .load::<RunId>(conn)
                .await?;
            Ok(there.into_iter().collect())
        })
    }

    /// Notes that this run has ended, and forgets runs that were last there more than `age`
    /// milliseconds ago.
    pub async fn say_ended(&self, run: RunId, age: i64) -> Result<()> {
        statement!(self, async |conn| {
            let old = relays::seen_at.le(sql::<BigInt>(conn.now()) - age);
            diesel::delete(relays::table.filter(relays::run.eq(Sql(run)).or(old))).execute(conn).await?;
            Ok(())
        })
    }

    /// Returns the lists of nodes, other than this one, that running relays have.
    pub async fn other_nodes(&self, list: &str) -> Result<Vec<String>> {
        let own = of_list(list);
        query!(self, async |conn| {
            let others = leases::table
                .filter(leases::task.like(of_list("%")).and(leases::task.ne(own)))
                .filter(leases::expires_at.gt(sql::<BigInt>(conn.now())))
                .select(leases::task)
                .load::<String>(conn)
                .await?;
            Ok(others.into_iter().filter_map(|task| task.strip_prefix(NODES).map(str::to_owned)).collect())
        })
    }

    /// Notes for `span` milliseconds that a relay has this list of nodes.
    pub async fn say_nodes(&self, list: &str, run: RunId, span: i64) -> Result<()> {
        let task = of_list(list);
        statement!(self, async |conn| {
            let until = sql::<BigInt>(conn.now()) + span;
            diesel::insert_into(leases::table)
                .values((leases::task.eq(task), leases::holder.eq(Sql(run)), leases::expires_at.eq(until)))
                .on_conflict(leases::task)
                .do_update()
                .set((leases::holder.eq(Sql(run)), leases::expires_at.eq(sql::<BigInt>(conn.now()) + span)))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Forgets the list of nodes if no relay has run within the last `patience` milliseconds.
    pub async fn forget_nodes(&self, list: &str, patience: i64) -> Result<()> {
        let task = of_list(list);
        statement!(self, async |conn| {
            let seen = relays::seen_at.gt(sql::<BigInt>(conn.now()) - patience);
            let running: i64 = relays::table.filter(seen).count().get_result(conn).await?;
            // A relay that starts in between says its list again within a second.
            if running == 0 {
                diesel::delete(leases::table.filter(leases::task.eq(task))).execute(conn).await?;
            }
            Ok(())
        })
    }

    /// Checks that the database takes a write, and leaves nothing there.
    pub async fn probe(&self, run: RunId) -> Result<()> {
        // Nobody else has this row.
        let task = format!("probe.{}", run.0);
        transaction!(self, async |conn| {
            diesel::insert_into(leases::table)
                .values((leases::task.eq(&task), leases::holder.eq(Sql(run)), leases::expires_at.eq(0)))
                .execute(conn)
                .await?;
            diesel::delete(leases::table.filter(leases::task.eq(&task))).execute(conn).await?;
            Ok(())
        })
    }

    /// Takes or keeps the lease of a task, for `span` milliseconds. Returns false if another run
    /// has it.
    pub async fn take_lease(&self, task: &str, run: RunId, span: i64) -> Result<bool> {
        let task = task.to_owned();
        transaction!(self, async |conn| {
            let until = sql::<BigInt>(conn.now()) + span;
            let mine = leases::holder.eq(Sql(run)).or(leases::expires_at.le(sql::<BigInt>(conn.now())));
            let free = leases::table.filter(leases::task.eq(&task)).filter(mine);
            let taken = diesel::update(free)
                .set((leases::holder.eq(Sql(run)), leases::expires_at.eq(until)))
                .execute(conn)
                .await?;
            if taken > 0 {
                return Ok(true);
            }
            let until = sql::<BigInt>(conn.now()) + span;
            let made = diesel::insert_into(leases::table)
                .values((leases::task.eq(&task), leases::holder.eq(Sql(run)), leases::expires_at.eq(until)))
                .on_conflict_do_nothing()
                .execute(conn)
                .await?;
            Ok(made > 0)
        })
    }

    /// Gives up the lease of a task, so that another relay can take it at once.
    pub async fn release_lease(&self, task: &str, run: RunId) -> Result<()> {
        let task = task.to_owned();
        statement!(self, async |conn| {
            let mine = leases::table.filter(leases::task.eq(&task)).filter(leases::holder.eq(Sql(run)));
            diesel::delete(mine).execute(conn).await?;
            Ok(())
        })
    }
}

//! Accounts as operators see and change them.

use std::{collections::HashMap, fmt};

use diesel::{dsl::max, prelude::*};
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, Page, UserId};

use super::{
    Result, Store, StoreError,
    chunk::CHUNK,
    page::{after, one_more, page},
    pool::{query, steps, transaction},
    row_locks::RowLocks,
    schema::{account_rules, devices, memberships, second_factors, users},
    sql_types::Sql,
    tokens::TokenSteps,
};

/// Sorts after every character that may follow a prefix.
const LAST_CHARACTER: char = char::MAX;

/// An account as operators see it: nothing that its user says about themselves, and nothing of what
/// they write.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub username: String,
    /// When it was created.
    pub created_at: i64,
    /// Since when it is disabled. `None` if it is not.
    pub disabled_at: Option<i64>,
    /// Its own limit of devices. `None` if that of the relay counts.
    pub max_devices: Option<i64>,
    /// How many devices it has.
    pub devices: i64,
    /// When one of its devices was last there. `None` without a device.
    pub last_seen_at: Option<i64>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).field("disabled_at", &self.disabled_at).finish_non_exhaustive()
    }
}

/// Which accounts a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Those whose username begins like this, in canonical form.
    pub prefix: String,
    /// Those that are disabled, or those that are not. `None` shows both.
    pub disabled: Option<bool>,
}

/// The columns of an account that are its own.
type Row = (UserId, String, i64, Option<i64>, Option<i64>);

/// Selects them.
macro_rules! columns {
    () => {
        (
            users::id,
            users::username,
            users::created_at,
            account_rules::disabled_at.nullable(),
            account_rules::max_devices.nullable(),
        )
    };
}

/// Completes accounts by what their devices say. Written as a macro, because the query is one for
/// each database.
macro_rules! with_devices {
    ($conn:ident, $rows:expr) => {{
        let rows: Vec<Row> = $rows;
        let mut seen: HashMap<UserId, (i64, Option<i64>)> = HashMap::new();
        for some in rows.chunks(CHUNK) {
            let theirs = devices::table
                .filter(devices::user_id.eq_any(some.iter().map(|row| Sql(row.0))))
                .group_by(devices::user_id)
                .select((devices::user_id, diesel::dsl::count_star(), max(devices::last_seen_at)));
            let found = theirs.load::<(UserId, i64, Option<i64>)>($conn).await?;
            seen.extend(found.into_iter().map(|(user, count, last)| (user, (count, last))));
        }
        rows.into_iter().map(|row| completed(row, &seen)).collect::<Vec<Account>>()
    }};
}

fn completed(row: Row, seen: &HashMap<UserId, (i64, Option<i64>)>) -> Account {
    let (id, username, created_at, disabled_at, max_devices) = row;
    let (devices, last_seen_at) = seen.get(&id).copied().unwrap_or((0, None));
    Account { id, username, created_at, disabled_at, max_devices, devices, last_seen_at }
}

steps! {
    /// Steps on what operators set. The caller has locked the user.
    trait RuleSteps {
        /// Makes the row of what operators set for the user, if it is not there.
        async fn have_rules(conn, user: UserId) -> Result<()> {
            diesel::insert_into(account_rules::table)
                .values(account_rules::user_id.eq(Sql(user)))
                .on_conflict_do_nothing()
                .execute(conn)
                .await?;
            Ok(())
        }
    }
}

impl Store {
    /// Returns a page of accounts, ordered by username.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn accounts(&self, filter: AccountFilter, limit: usize, cursor: Option<&str>) -> Result<Page<Account>> {
        let last = after(cursor, |key| Some(key.to_owned()))?.unwrap_or_default();
        let AccountFilter { prefix, disabled } = filter;
        // No stored name contains a NUL, and PostgreSQL rejects a parameter that does.
        if prefix.contains('\0') {
            return Ok(page(Vec::new(), limit, |_| String::new()));
        }
        let end = format!("{prefix}{LAST_CHARACTER}");
        query!(self, async |conn| {
            let mut found = users::table
                .left_join(account_rules::table)
                .filter(users::username.gt(&last))
                .filter(users::username.ge(&prefix))
                .filter(users::username.lt(&end))
                .order(users::username)
                .limit(one_more(limit))
                .select(columns!())
                .into_boxed();
            if let Some(disabled) = disabled {
                found = match disabled {
                    true => found.filter(account_rules::disabled_at.is_not_null()),
                    false => found.filter(account_rules::disabled_at.is_null()),
                };
            }
            let rows: Vec<Row> = found.load(conn).await?;
            let accounts = with_devices!(conn, rows);
            Ok(page(accounts, limit, |account: &Account| account.username.clone()))
        })
    }

    /// Returns an account, and in how many rooms it is.
    pub async fn account(&self, id: UserId) -> Result<Option<(Account, i64)>> {
        query!(self, async |conn| {
            let row = users::table.left_join(account_rules::table).filter(users::id.eq(Sql(id))).select(columns!());
            let rows: Vec<Row> = row.load(conn).await?;
            let rooms = memberships::table.filter(memberships::user_id.eq(Sql(id))).count();
            let rooms: i64 = rooms.get_result(conn).await?;
            let accounts = with_devices!(conn, rows);
            Ok(accounts.into_iter().next().map(|account| (account, rooms)))
        })
    }

    /// Returns whether an account is disabled.
    pub async fn is_disabled(&self, id: UserId) -> Result<bool> {
        query!(self, async |conn| {
            let disabled = account_rules::table
                .filter(account_rules::user_id.eq(Sql(id)))
                .filter(account_rules::disabled_at.is_not_null());
            Ok(diesel::select(diesel::dsl::exists(disabled)).get_result(conn).await?)
        })
    }

    /// Disables an account: no login works from now on, and all tokens of its devices are revoked,
    /// in one transaction. The devices stay, with their queues. Returns them; doing it again
    /// returns them again.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the user does not exist.
    pub async fn disable_user(&self, id: UserId, now: i64) -> Result<Vec<DeviceId>> {
        transaction!(self, async |conn| {
            // A login waits, and then finds the account disabled.
            conn.lock_user(id).await?;
            conn.have_rules(id).await?;
            let enabled = account_rules::table
                .filter(account_rules::user_id.eq(Sql(id)))
                .filter(account_rules::disabled_at.is_null());
            diesel::update(enabled).set(account_rules::disabled_at.eq(Some(now))).execute(conn).await?;
            let theirs = devices::table.filter(devices::user_id.eq(Sql(id))).order(devices::id).select(devices::id);
            let theirs: Vec<DeviceId> = theirs.load(conn).await?;
            for device in &theirs {
                conn.revoke_tokens(*device).await?;
            }
            Ok(theirs)
        })
    }

    /// Lets an account log in again. Returns false if it was not disabled.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the user does not exist.
    pub async fn enable_user(&self, id: UserId) -> Result<bool> {
        transaction!(self, async |conn| {
            conn.lock_user(id).await?;
            let disabled = account_rules::table
                .filter(account_rules::user_id.eq(Sql(id)))
                .filter(account_rules::disabled_at.is_not_null());
            Ok(diesel::update(disabled).set(account_rules::disabled_at.eq(None::<i64>)).execute(conn).await? > 0)
        })
    }

    /// Sets how many devices a user may have. `None` means as many as the relay allows. Devices
    /// beyond the limit stay.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the user does not exist.
    pub async fn set_max_devices(&self, id: UserId, most: Option<i64>) -> Result<()> {
        transaction!(self, async |conn| {
            conn.lock_user(id).await?;
            conn.have_rules(id).await?;
            let rules = account_rules::table.filter(account_rules::user_id.eq(Sql(id)));
            diesel::update(rules).set(account_rules::max_devices.eq(most)).execute(conn).await?;
            Ok(())
        })
    }

    /// Takes away the second factor of a user who has lost it, with its recovery codes. Returns
    /// false if there was none.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the user does not exist.
    pub async fn remove_second_factor(&self, id: UserId) -> Result<bool> {
        transaction!(self, async |conn| {
            conn.lock_user(id).await?;
            let theirs = second_factors::table.filter(second_factors::user_id.eq(Sql(id)));
            Ok(diesel::delete(theirs).execute(conn).await? > 0)
        })
    }

    /// Returns how many users have a device: those whom an announcement reaches.
    pub async fn users_with_devices(&self) -> Result<i64> {
        query!(self, async |conn| {
            let count = devices::table.select(diesel::dsl::count(devices::user_id).aggregate_distinct());
            Ok(count.get_result(conn).await?)
        })
    }

    /// Returns users who have a device: at most `limit`, with ids greater than `after`, in the
    /// order of ids.
    pub async fn users_with_devices_page(&self, after: Option<UserId>, limit: usize) -> Result<Vec<UserId>> {
        let after = after.unwrap_or(UserId(uuid::Uuid::nil()));
        query!(self, async |conn| {
            let users = devices::table
                .filter(devices::user_id.gt(Sql(after)))
                .order(devices::user_id)
                .select(devices::user_id)
                .distinct()
                .limit(one_more(limit) - 1);
            Ok(users.load(conn).await?)
        })
    }
}

//! Steps of transactions on accounts.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::UserId;

use crate::{
    error::{Conflict, Result},
    pool::steps,
    schema::{account_rules, users},
    sql_types::Sql,
};

steps! {
    /// Steps on accounts. The caller has locked the user.
    pub(crate) trait AccountSteps {
        /// Checks that the password has not changed since `since`. Fails with `PasswordChanged` if
        /// it has.
        async fn check_password(conn, user: UserId, since: i64) -> Result<()> {
            let same = users::table.filter(users::id.eq(Sql(user))).filter(users::password_changed_at.eq(since));
            let same: bool = diesel::select(diesel::dsl::exists(same)).get_result(conn).await?;
            if same { Ok(()) } else { Err(Conflict::PasswordChanged.into()) }
        }

        /// Checks that the account is not disabled. Fails with `AccountDisabled` if it is.
        async fn check_enabled(conn, user: UserId) -> Result<()> {
            let disabled = account_rules::table
                .filter(account_rules::user_id.eq(Sql(user)))
                .filter(account_rules::disabled_at.is_not_null());
            let disabled: bool = diesel::select(diesel::dsl::exists(disabled)).get_result(conn).await?;
            if disabled { Err(Conflict::AccountDisabled.into()) } else { Ok(()) }
        }

        /// Returns how many devices the user may have, if there is a limit of their own.
        async fn own_max_devices(conn, user: UserId) -> Result<Option<usize>> {
            let own = account_rules::table.filter(account_rules::user_id.eq(Sql(user)));
            let own = own.select(account_rules::max_devices).first::<Option<i64>>(conn).await.optional()?;
            Ok(own.flatten().and_then(|own| usize::try_from(own).ok()))
        }

        /// Returns the user's username and display name.
        async fn names(conn, user: UserId) -> Result<(String, Option<String>)> {
            let names = users::table.filter(users::id.eq(Sql(user))).select((users::username, users::display_name));
            Ok(names.first(conn).await?)
        }

        /// Returns the user's picture, if there is one.
        async fn avatar(conn, user: UserId) -> Result<Option<String>> {
            Ok(users::table.filter(users::id.eq(Sql(user))).select(users::avatar).first(conn).await?)
        }
    }
}

//! The contract of the store. Each case runs on SQLite and on PostgreSQL.

mod accounts;
mod administration;
mod bans;
mod changes;
mod closes;
mod database;
mod deadlocks;
mod devices;
mod exports;
mod faults;
mod friends;
mod idempotency;
mod invitations;
mod known_devices;
mod members;
mod mutes;
mod other;
mod password_races;
mod passwords;
mod relays;
mod roles;
mod rooms;
mod second_factors;
mod tls;
mod tokens;
mod upgrades;

/// Makes two tests of each case, one for each database. A case gets the store; after `database:` it
/// gets the whole database.
macro_rules! on_both {
    (database: $($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let database = crate::contract::database::Database::sqlite().await;
                    super::$case(&database).await;
                    database.remove().await;
                }
            )+
        }
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let database = crate::contract::database::Database::postgres().await;
                    super::$case(&database).await;
                    database.remove().await;
                }
            )+
        }
    };
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let database = crate::contract::database::Database::sqlite().await;
                    super::$case(database.store.clone()).await;
                    database.remove().await;
                }
            )+
        }
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let database = crate::contract::database::Database::postgres().await;
                    super::$case(database.store.clone()).await;
                    database.remove().await;
                }
            )+
        }
    };
}
use on_both;

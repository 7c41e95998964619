//! The store's contract, on both databases: each case runs once on SQLite and once on PostgreSQL.

mod accounts;
mod changes;
mod database;
mod devices;
mod faults;
mod friends;
mod invitations;
mod members;
mod mutes;
mod other;
mod password_races;
mod passwords;
mod roles;
mod rooms;
mod tokens;

/// Makes a test on each database of every case, which is given the store; or, with `database:` before them, the whole database.
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

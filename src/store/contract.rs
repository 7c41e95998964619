//! The store's contract, on both databases: each case runs once on SQLite and once on PostgreSQL.

mod accounts;
mod database;
mod devices;
mod faults;
mod members;
mod mutes;
mod rooms;
mod tokens;

/// Makes a test on each database of every case.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let database = crate::store::contract::database::Database::sqlite().await;
                    super::$case(database.store.clone()).await;
                    database.remove().await;
                }
            )+
        }
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let database = crate::store::contract::database::Database::postgres().await;
                    super::$case(database.store.clone()).await;
                    database.remove().await;
                }
            )+
        }
    };
}
use on_both;

//! Steps of transactions on devices.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, UserId};

use crate::{
    chunk::CHUNK,
    error::Result,
    pool::steps,
    schema::{closing_channels, devices},
    sql_types::Sql,
};

steps! {
    /// Steps on devices.
    pub(crate) trait DeviceSteps {
        /// Deletes those of the devices that belong to the user, and puts their channels into the
        /// outbox. Returns the devices that it deleted.
        async fn log_out(conn, user: UserId, these: &'a [DeviceId], closed_at: i64) -> Result<Vec<DeviceId>> {
            let mut gone = Vec::new();
            for some in these.chunks(CHUNK) {
                let devices = devices::table.filter(devices::user_id.eq(Sql(user))).filter(devices::id.eq_any(some.iter().copied().map(Sql)));
                // Deleting comes first: if two logouts of one device race, the second deletes
                // nothing and so adds nothing to the outbox.
                gone.extend(diesel::delete(devices).returning(devices::id).get_results::<DeviceId>(conn).await?);
            }
            for &device in &gone {
                diesel::insert_into(closing_channels::table)
                    .values((
                        closing_channels::device_id.eq(Sql(device)),
                        closing_channels::user_id.eq(Sql(user)),
                        closing_channels::created_at.eq(closed_at),
                    ))
                    .on_conflict_do_nothing()
                    .execute(conn)
                    .await?;
            }
            Ok(gone)
        }
    }
}

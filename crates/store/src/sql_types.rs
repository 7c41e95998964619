//! Ferry's own types in SQL. An id is `uuid` in PostgreSQL and text in SQLite, so that you can read
//! it in the `sqlite3` shell. Roles and kinds are text in both.
//!
//! The ids belong to `ferry_protocol`, which knows nothing of SQL. Rust allows these
//! implementations here because the SQL types are local.

use std::{fmt, io::Write as _};

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, Queryable},
    expression::AsExpression,
    pg::{Pg, PgValue},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{SqlType, Text},
    sqlite::Sqlite,
};
use ferry_protocol::{Allow, DeviceId, Role, RoomId, RoomKind, UserId};
use uuid::Uuid;

/// An id.
#[derive(Clone, SqlType, QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Id;

/// A role, kind or setting: text that names a variant of an enum.
#[derive(SqlType, QueryId)]
#[diesel(postgres_type(oid = 25, array_oid = 1009))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Name;

/// An id, role, kind or setting as a parameter of a query: `users::id.eq(Sql(id))`. Diesel's trait
/// for parameters needs a local type; reading needs no wrapper.
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Id)]
#[diesel(sql_type = Name)]
pub struct Sql<T: fmt::Debug>(pub T);

impl<T, DB> ToSql<Id, DB> for Sql<T>
where
    DB: Backend,
    T: ToSql<Id, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

impl<T, DB> ToSql<Name, DB> for Sql<T>
where
    DB: Backend,
    T: ToSql<Name, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

/// A run of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub Uuid);

/// What a repeatable request made: a device or a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeId(pub Uuid);

macro_rules! readable {
    ($type:ty as $sql:ty) => {
        impl<DB> Queryable<$sql, DB> for $type
        where
            DB: Backend,
            Self: FromSql<$sql, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
}

macro_rules! id {
    ($type:ident) => {
        readable!($type as Id);

        impl ToSql<Id, Pg> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                out.write_all(self.0.as_bytes())?;
                Ok(IsNull::No)
            }
        }

        impl FromSql<Id, Pg> for $type {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                Ok(Self(Uuid::from_slice(value.as_bytes())?))
            }
        }

        impl ToSql<Id, Sqlite> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.0.to_string());
                Ok(IsNull::No)
            }
        }

        impl FromSql<Id, Sqlite> for $type {
            fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
                Ok(Self(Uuid::try_parse(&text)?))
            }
        }
    };
}

macro_rules! name {
    ($type:ident) => {
        readable!($type as Name);

        impl ToSql<Name, Pg> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                out.write_all(self.as_str().as_bytes())?;
                Ok(IsNull::No)
            }
        }

        impl ToSql<Name, Sqlite> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.as_str());
                Ok(IsNull::No)
            }
        }

        impl<DB> FromSql<Name, DB> for $type
        where
            DB: Backend,
            String: FromSql<Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(String::from_sql(value)?.parse()?)
            }
        }
    };
}

id!(RunId);
id!(MadeId);
id!(UserId);
id!(DeviceId);
id!(RoomId);
name!(Role);
name!(RoomKind);
name!(Allow);

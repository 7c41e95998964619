//! The tables, as `migrations/` makes them in both databases.

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::sql_types::{Id, Name};

    users (id) {
        id -> Id,
        username -> Text,
        display_name -> Nullable<Text>,
        display_name_folded -> Nullable<Text>,
        password_hash -> Text,
        created_at -> BigInt,
        password_changed_at -> BigInt,
        direct_from -> Name,
        add_from -> Name,
        receipts -> Bool,
        presence -> Bool,
        findable -> Bool,
        about -> Nullable<Text>,
        avatar -> Nullable<Text>,
        email -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::Id;

    devices (id) {
        id -> Id,
        user_id -> Id,
        name -> Text,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        last_epoch -> BigInt,
        http_epoch -> BigInt,
        token_generation -> BigInt,
        proven_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};
    use crate::sql_types::Id;

    refresh_tokens (hash) {
        hash -> Binary,
        device_id -> Id,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        salt -> Nullable<Binary>,
        successor -> Nullable<Binary>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::sql_types::Id;

    closing_channels (device_id) {
        device_id -> Id,
        user_id -> Id,
        created_at -> BigInt,
        next_try_at -> BigInt,
        tries -> Integer,
        nodes -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::sql_types::Id;

    relays (run) {
        run -> Id,
        seen_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_types::Id;

    leases (task) {
        task -> Text,
        holder -> Id,
        expires_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Id, Name};

    rooms (id) {
        id -> Id,
        kind -> Name,
        name -> Nullable<Text>,
        description -> Nullable<Text>,
        name_folded -> Text,
        direct_key -> Nullable<Text>,
        created_at -> BigInt,
        created_by -> Nullable<Id>,
        member_count -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::Id;

    room_bans (room_id, user_id) {
        room_id -> Id,
        user_id -> Id,
        banned_by -> Nullable<Id>,
        until -> BigInt,
        reason -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool};
    use crate::sql_types::{Id, Name};

    memberships (room_id, user_id) {
        room_id -> Id,
        user_id -> Id,
        role -> Name,
        muted_until -> BigInt,
        joined_at -> BigInt,
        chosen -> Bool,
        hidden -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::sql_types::Id;

    daily_counts (user_id) {
        user_id -> Id,
        day -> BigInt,
        added -> BigInt,
        invited -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool};
    use crate::sql_types::Id;

    idempotency_keys (user_id, key) {
        user_id -> Id,
        key -> Binary,
        request -> Binary,
        made -> Id,
        is_new -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary};
    use crate::sql_types::Id;

    known_devices (user_id, hash) {
        user_id -> Id,
        hash -> Binary,
        used_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::sql_types::Id;

    room_mutes (room_id, user_id) {
        room_id -> Id,
        user_id -> Id,
        until -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::sql_types::Id;

    invitations (room_id, user_id) {
        room_id -> Id,
        user_id -> Id,
        invited_by -> Id,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::sql_types::Id;

    friendships (lesser, greater) {
        lesser -> Id,
        greater -> Id,
        asked_by -> Nullable<Id>,
        since -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::sql_types::Id;

    blocks (blocker, blocked) {
        blocker -> Id,
        blocked -> Id,
        since -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};
    use crate::sql_types::Id;

    second_factors (user_id) {
        user_id -> Id,
        secret -> Binary,
        active_since -> Nullable<BigInt>,
        last_step -> BigInt,
        login_tries -> BigInt,
        device_tries -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::Binary;
    use crate::sql_types::Id;

    recovery_codes (user_id, hash) {
        user_id -> Id,
        hash -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::sql_types::Id;

    account_rules (user_id) {
        user_id -> Id,
        disabled_at -> Nullable<BigInt>,
        max_devices -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};
    use crate::sql_types::Id;

    password_resets (user_id) {
        user_id -> Id,
        hash -> Binary,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    registration_tokens (id) {
        id -> Text,
        hash -> Binary,
        uses_allowed -> Nullable<BigInt>,
        uses -> BigInt,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    signing_keys (kid) {
        kid -> Text,
        secret -> Binary,
        created_at -> BigInt,
        active_at -> BigInt,
        retired_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::Text;

    applied_migrations (version) {
        version -> Text,
        checksum -> Text,
        needs -> Text,
    }
}

diesel::joinable!(account_rules -> users (user_id));
diesel::joinable!(devices -> users (user_id));
diesel::joinable!(invitations -> rooms (room_id));
diesel::joinable!(room_bans -> users (user_id));
diesel::joinable!(known_devices -> users (user_id));
diesel::joinable!(memberships -> rooms (room_id));
diesel::joinable!(password_resets -> users (user_id));
diesel::joinable!(memberships -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(
    users,
    devices,
    refresh_tokens,
    closing_channels,
    known_devices,
    rooms,
    memberships,
    room_mutes,
    room_bans,
    invitations,
    friendships,
    blocks,
    password_resets,
    account_rules,
    signing_keys
);

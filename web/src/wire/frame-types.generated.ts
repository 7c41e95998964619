// Made from docs/asyncapi.json by scripts/wire-types.mjs. Do not edit it.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Format: uuid
         * @description A UUID. Those that the relay makes are UUIDv7.
         * @example 01a1fc99-26c8-7206-a933-13b3cafbd593
         */
        Id: string;
        /**
         * Format: uuid
         * @description A UUIDv7, chosen by who sends. A message is the same as another where the sending device and this are the same.
         * @example 01a1fc99-2a1c-7098-8e77-5261408728b4
         */
        MessageId: string;
        /**
         * Format: int64
         * @description Milliseconds since the Unix epoch.
         * @example 1795239258249
         */
        Time: number;
        /**
         * @description Ordered: `member` < `moderator` < `admin` < `owner`.
         * @enum {string}
         */
        Role: "member" | "moderator" | "admin" | "owner";
        /**
         * @description What the body is. Names that begin with `ferry.` are the relay's own.
         * @example text
         */
        Kind: string;
        /**
         * @description What is said: any JSON value, handed on byte for byte. Of some kinds its form is checked.
         * @example hello
         */
        Body: unknown;
        /**
         * @description What clients act on. Further ones may come: take one that is not known for permanent.
         * @enum {string}
         */
        ErrorCode: "malformed" | "invalid" | "unauthorized" | "token_in_url" | "forbidden" | "not_found" | "method_not_allowed" | "too_large" | "unsupported_media_type" | "username_taken" | "device_limit" | "password_needed" | "account_disabled" | "registration_closed" | "registration_token" | "code_needed" | "code_wrong" | "totp_active" | "room_full" | "already_member" | "last_owner" | "muted" | "id_reused" | "rate_limited" | "unavailable" | "internal" | "unknown_type" | "upgrade_required" | "too_many_rooms" | "too_many_invitations" | "not_allowed" | "blocked" | "banned" | "too_many_bans" | "encrypted_room" | "stale_group" | "invalid_commit";
        /** @description The message is in the queues of every recipient. */
        Sent: {
            id: components["schemas"]["MessageId"];
            sent_at: components["schemas"]["Time"];
            /**
             * @description To how many users it went, the sender not counted.
             * @example 1
             */
            recipients: number;
            /**
             * @description Members without any device: nothing is kept for them.
             * @example []
             */
            unreachable: components["schemas"]["Id"][];
            /**
             * @description How the device sent it: not named for its socket. `epoch` and `seq` order one stream, `sent_at` orders two.
             * @enum {string}
             */
            stream?: "socket" | "http";
            /**
             * @description The stamp that the others see on the message.
             * @example 1795239258653
             */
            epoch: number;
            /**
             * @description The same.
             * @example 1
             */
            seq: number;
            /** @description The role that the others see on the message. Not told if the message was confirmed before the sender lost the room. */
            role?: components["schemas"]["Role"];
        };
        /**
         * @description The media type of the body, for kinds that need one.
         * @example text/markdown
         */
        ContentType: string;
        /**
         * @description Who in the room is called upon by it.
         * @example []
         */
        Mentions: components["schemas"]["Id"][];
        /** @description A message, by name. */
        Target: {
            message: components["schemas"]["Id"];
            /** @description Its author. */
            from: components["schemas"]["Id"];
        } & {
            [key: string]: unknown;
        };
        /** @description The target says this from now on. */
        EditBody: {
            target: components["schemas"]["Target"];
            body: string;
        } & {
            [key: string]: unknown;
        };
        /** @description Takes the target back, for all. */
        DeleteBody: {
            target: components["schemas"]["Target"];
        } & {
            [key: string]: unknown;
        };
        /** @description Puts an emoji to the target. */
        ReactionBody: {
            target: components["schemas"]["Target"];
            /** @description 1 to 64 bytes without blanks and control characters. */
            emoji: string;
            /** @description Whether it is taken away again. `null` counts as left out. */
            remove?: boolean | null;
        } & {
            [key: string]: unknown;
        };
        /** @description Passes on what somebody said elsewhere. */
        ForwardBody: {
            /** @description What the forwarder claims. Nobody has checked it. */
            origin: {
                from: components["schemas"]["Id"];
                sent_at: number;
                room?: components["schemas"]["Id"] | null;
                message?: components["schemas"]["Id"] | null;
            } & {
                [key: string]: unknown;
            };
            kind: components["schemas"]["Kind"] & unknown;
            body: components["schemas"]["Body"];
        } & {
            [key: string]: unknown;
        };
        /** @description Of five kinds the relay checks the form of the body; every other kind is the clients' own. */
        KnownKinds: unknown & unknown & unknown & unknown & unknown;
        /**
         * @description What to ack. Good in its connection only.
         * @example 0000000000000004
         */
        Delivery: string;
        Hello: {
            /** @constant */
            type: "hello";
            /**
             * @description An access token.
             * @example eyJ0…
             */
            token: string;
        };
        Send: {
            /** @constant */
            type: "send";
            id: components["schemas"]["MessageId"];
            room: components["schemas"]["Id"];
            kind: components["schemas"]["Kind"];
            body: components["schemas"]["Body"];
            /** @description The message that this one answers. */
            reply_to?: components["schemas"]["Id"];
            mentions?: components["schemas"]["Mentions"];
            content_type?: components["schemas"]["ContentType"];
            /** @description The last message of this device in the room that the relay confirmed before. Nobody checks it. A receiver that does not have it knows that something is missing. */
            after?: components["schemas"]["Id"];
        } & components["schemas"]["KnownKinds"];
        Ack: {
            /** @constant */
            type: "ack";
            /** @description The `delivery` of each message and notice that is stored. Unknown ones are ignored. */
            deliveries: string[];
        };
        Read: {
            /** @constant */
            type: "read";
            room: components["schemas"]["Id"];
            /** @description The last message that was read. */
            up_to: components["schemas"]["Id"];
            /** @description That of the message: whatever the room had before is read too. */
            sent_at: components["schemas"]["Time"];
            /** @description Who wrote what was read since the last cursor: they hear of it, if both sides let others know of their reading. */
            authors?: components["schemas"]["Id"][];
        };
        NoticesRead: {
            /** @constant */
            type: "notices_read";
            /** @description What the user has read. */
            notices: components["schemas"]["Id"][];
        };
        SetTyping: {
            /** @constant */
            type: "typing";
            room: components["schemas"]["Id"];
            /**
             * @description False: no longer.
             * @default true
             */
            active: boolean;
        };
        SetPresence: {
            /** @constant */
            type: "presence";
            /**
             * @description Whether somebody is at the device.
             * @enum {string}
             */
            status: "online" | "away";
        };
        Watch: {
            /** @constant */
            type: "watch";
            /** @description In the place of those before. */
            users: components["schemas"]["Id"][];
        };
        OfferLink: {
            /** @constant */
            type: "link";
            link: components["schemas"]["Id"];
            /** @description The device that may accept. Without it each other device of the user may. */
            to?: components["schemas"]["Id"];
        };
        AcceptLink: {
            /** @constant */
            type: "link_accept";
            link: components["schemas"]["Id"];
        };
        CloseLink: {
            /** @constant */
            type: "link_closed";
            link: components["schemas"]["Id"];
        };
        LinkOffer: {
            /** @constant */
            type: "link_offer";
            link: components["schemas"]["Id"];
            /** @description The device that offers it. */
            from: components["schemas"]["Id"];
        };
        LinkAccept: {
            /** @constant */
            type: "link_accept";
            link: components["schemas"]["Id"];
            /** @description The device at the other end. */
            from: components["schemas"]["Id"];
        };
        LinkClosed: {
            /** @constant */
            type: "link_closed";
            link: components["schemas"]["Id"];
            /**
             * @description Take a reason that you do not know for `closed`.
             * @enum {string}
             */
            reason: "closed" | "declined" | "unanswered" | "taken" | "not_found" | "busy" | "limit" | "rate_limited" | "gone" | "idle" | "too_long" | "overflow" | "lost" | "unavailable";
        };
        Typing: {
            /** @constant */
            type: "typing";
            room: components["schemas"]["Id"];
            user: components["schemas"]["Id"];
            /** @description False: no longer. */
            active: boolean;
            /** @description After so many milliseconds without another such frame they are no longer typing; 0 where they are not. */
            expires_in_ms: number;
        };
        /**
         * @description `away`: all of their devices said that nobody is at them.
         * @enum {string}
         */
        PresenceStatus: "online" | "away" | "offline";
        PresenceFrame: {
            /** @constant */
            type: "presence";
            user: components["schemas"]["Id"];
            status: components["schemas"]["PresenceStatus"];
            /** @description Of somebody offline: when they were last there, in whole minutes. */
            last_seen?: components["schemas"]["Time"];
        };
        Ping: {
            /** @constant */
            type: "ping";
        };
        Limits: {
            /** @description The longest frame from a device, bytes. */
            frame: number;
            /** @description Sends at once. */
            send_burst: number;
            /** @description And then sends a second. */
            send_rate: number;
            /** @description Devices of a user. */
            devices: number;
        };
        Welcome: {
            /** @constant */
            type: "welcome";
            /** @constant */
            protocol: 1;
            user: components["schemas"]["Id"];
            device: components["schemas"]["Id"];
            server_time: components["schemas"]["Time"];
            /** @description Send a `hello` with a newer token before. */
            token_expires_at: components["schemas"]["Time"];
            /** @description So many deliveries may wait for an ack. */
            window: number;
            limits: components["schemas"]["Limits"];
            queue?: components["schemas"]["QueueState"];
            /** @description What the relay can do beyond the first version. `links`: it carries links. Ignore names that you do not know. */
            features?: string[];
        };
        /** @description What the relay can say of the device's queue. */
        QueueState: {
            /** @description Since when nothing that was accepted for the device can have been lost. If this is later than the last `drained` of the device, something may be missing. It may be later than it has to be, and is never too early. */
            whole_since: components["schemas"]["Time"];
            /** @description How many deliveries the queue has dropped because it was full, since the relay started. */
            dropped: number;
        };
        /** @description Stamped by the relay, with the role at the time of sending. */
        Sender: {
            user: components["schemas"]["Id"];
            device: components["schemas"]["Id"];
            role: components["schemas"]["Role"];
        };
        /** @description The same for every device of every recipient. Two are the same where `from.device` and `id` are. */
        Message: {
            id: components["schemas"]["MessageId"];
            room: components["schemas"]["Id"];
            from: components["schemas"]["Sender"];
            kind: components["schemas"]["Kind"];
            body: components["schemas"]["Body"];
            reply_to?: components["schemas"]["Id"];
            mentions?: components["schemas"]["Mentions"];
            content_type?: components["schemas"]["ContentType"];
            /** @description The last message of this device in the room that the relay confirmed before. Nobody checks it. A receiver that does not have it knows that something is missing. */
            after?: components["schemas"]["Id"];
            /**
             * @description How the device sent it: not named for its socket. `epoch` and `seq` order one stream, `sent_at` orders two.
             * @enum {string}
             */
            stream?: "socket" | "http";
            /** @description When the sending device's connection opened; grows with every connection of a device, and with every send over HTTP. */
            epoch: components["schemas"]["Time"];
            /** @description 1, 2, 3, … within one stream, epoch and room: a number left out is a message that has not come (yet). */
            seq: number;
            sent_at: components["schemas"]["Time"];
        } & components["schemas"]["KnownKinds"];
        Delivered: {
            /** @constant */
            type: "message";
            delivery: components["schemas"]["Delivery"];
            /** @description Whether it was handed to this device before and not acked. */
            redelivered: boolean;
            message: components["schemas"]["Message"];
        };
        DeliveredNotice: {
            /** @constant */
            type: "notice";
            delivery: components["schemas"]["Delivery"];
            redelivered: boolean;
            notice: components["schemas"]["Notice"];
        };
        /** @description A device was logged in. To the user's other devices. */
        DeviceAdded: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "device_added";
            device: components["schemas"]["Id"];
            name: string;
            ip?: string;
        };
        /** @description A device was logged out. To the user's devices that are left. */
        DeviceRemoved: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "device_removed";
            device: components["schemas"]["Id"];
        };
        /** @description Somebody is in a room now. To them, and all who are in it. */
        MemberAdded: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "member_added";
            room: components["schemas"]["Id"];
            user: components["schemas"]["Id"];
            role: components["schemas"]["Role"];
            /** @description Who did it; `user` where they joined by themselves. */
            by: components["schemas"]["Id"];
        };
        /** @description Somebody is in a room no more. To them, and all who are still in it. */
        MemberRemoved: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "member_removed";
            room: components["schemas"]["Id"];
            user: components["schemas"]["Id"];
            by: components["schemas"]["Id"];
        };
        /** @description A member's role or mute is another one. To all who are in the room. */
        MemberChanged: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "member_changed";
            room: components["schemas"]["Id"];
            user: components["schemas"]["Id"];
            role: components["schemas"]["Role"];
            /** @description 0 where they may send. */
            muted_until: components["schemas"]["Time"];
            by: components["schemas"]["Id"];
        };
        /** @description The name or the description is another one. To all who are in the room. */
        RoomChanged: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "room_changed";
            room: components["schemas"]["Id"];
            by: components["schemas"]["Id"];
        };
        /** @description A room is gone. To all who were in it. */
        RoomDeleted: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "room_deleted";
            room: components["schemas"]["Id"];
            by: components["schemas"]["Id"];
        };
        /** @description Somebody asks one into a room. To who is invited. */
        Invited: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "invited";
            room: components["schemas"]["Id"];
            by: components["schemas"]["Id"];
        };
        /** @description An invitation was accepted, declined or withdrawn, or its room is gone. To who was invited, and who invited. */
        InvitationEnded: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "invitation_ended";
            room: components["schemas"]["Id"];
            /** @description Who was invited. */
            user: components["schemas"]["Id"];
            by: components["schemas"]["Id"];
        };
        /** @description `by` asks `user` to be a friend. To both. */
        FriendRequested: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "friend_requested";
            user: components["schemas"]["Id"];
            by: components["schemas"]["Id"];
        };
        /** @description `by` has accepted what `user` had asked. To both. */
        FriendAccepted: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "friend_accepted";
            user: components["schemas"]["Id"];
            by: components["schemas"]["Id"];
        };
        /** @description `by` has ended the friendship with `user`, or withdrawn the request; of one that is rejected only `by` hears. To both. */
        FriendRemoved: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "friend_removed";
            user: components["schemas"]["Id"];
            by: components["schemas"]["Id"];
        };
        /** @description The user has blocked `user`, or has lifted that. To their own devices alone. */
        BlockChanged: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "block_changed";
            user: components["schemas"]["Id"];
            blocked: boolean;
        };
        /** @description The user's settings have changed: ask for them again. To their own devices alone. */
        SettingsChanged: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "settings_changed";
        };
        /** @description The user's second factor was turned on or off. To their own devices alone. */
        SecondFactorChanged: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "second_factor_changed";
            /** @description Whether a login needs a code now. */
            active: boolean;
        };
        /** @description Devices have stored messages of the user's. In small rooms. */
        ReceiptDelivered: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "delivered";
            room: components["schemas"]["Id"];
            to: {
                user: components["schemas"]["Id"];
                device: components["schemas"]["Id"];
                messages: components["schemas"]["Id"][];
            }[];
        };
        /** @description How many more devices have each message. In larger rooms; to be added up, an estimate. */
        ReceiptDeliveredCount: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "delivered_count";
            room: components["schemas"]["Id"];
            messages: {
                message: components["schemas"]["Id"];
                devices: number;
            }[];
        };
        /** @description A user has read the room up to a message. A cursor never goes back. To their own other devices, and to the authors where both let others know of their reading. */
        ReceiptRead: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "read";
            room: components["schemas"]["Id"];
            user: components["schemas"]["Id"];
            up_to: components["schemas"]["Id"];
            sent_at: components["schemas"]["Time"];
        };
        /** @description The user has read notices on another device of theirs. */
        ReceiptNoticesRead: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "notices_read";
            notices: components["schemas"]["Id"][];
        };
        /** @description A device was logged out while messages of the user's waited for it: it will never get them. */
        ReceiptExpired: {
            id: components["schemas"]["MessageId"];
            at: components["schemas"]["Time"];
            /** @constant */
            kind: "expired";
            room: components["schemas"]["Id"];
            user: components["schemas"]["Id"];
            device: components["schemas"]["Id"];
            messages: components["schemas"]["Id"][];
        };
        /** @description What became of messages. None is promised. Ack also what is of a kind that is not known. */
        Receipt: {
            /** @enum {string} */
            kind: "delivered" | "delivered_count" | "read" | "notices_read" | "expired";
        } & (components["schemas"]["ReceiptDelivered"] | components["schemas"]["ReceiptDeliveredCount"] | components["schemas"]["ReceiptRead"] | components["schemas"]["ReceiptNoticesRead"] | components["schemas"]["ReceiptExpired"]);
        DeliveredReceipt: {
            /** @constant */
            type: "receipt";
            delivery: components["schemas"]["Delivery"];
            redelivered: boolean;
            receipt: components["schemas"]["Receipt"];
        };
        DeliveredGroup: {
            /** @constant */
            type: "group";
            delivery: components["schemas"]["Delivery"];
            redelivered: boolean;
            /** @description A later version says what is in it. */
            group: Record<string, never>;
        };
        /** @description What the relay tells of its own accord. Ack also what is of a kind that is not known. */
        Notice: {
            /** @enum {string} */
            kind: "device_added" | "device_removed" | "member_added" | "member_removed" | "member_changed" | "room_changed" | "room_deleted" | "invited" | "invitation_ended" | "friend_requested" | "friend_accepted" | "friend_removed" | "block_changed" | "settings_changed" | "second_factor_changed";
        } & (components["schemas"]["DeviceAdded"] | components["schemas"]["DeviceRemoved"] | components["schemas"]["MemberAdded"] | components["schemas"]["MemberRemoved"] | components["schemas"]["MemberChanged"] | components["schemas"]["RoomChanged"] | components["schemas"]["RoomDeleted"] | components["schemas"]["Invited"] | components["schemas"]["InvitationEnded"] | components["schemas"]["FriendRequested"] | components["schemas"]["FriendAccepted"] | components["schemas"]["FriendRemoved"] | components["schemas"]["BlockChanged"] | components["schemas"]["SettingsChanged"] | components["schemas"]["SecondFactorChanged"]);
        Drained: {
            /** @constant */
            type: "drained";
        };
        /** @description The message is in the queues of every recipient. */
        SentFrame: {
            /** @constant */
            type: "sent";
            id: components["schemas"]["MessageId"];
            sent_at: components["schemas"]["Time"];
            /**
             * @description To how many users it went, the sender not counted.
             * @example 1
             */
            recipients: number;
            /**
             * @description Members without any device: nothing is kept for them.
             * @example []
             */
            unreachable: components["schemas"]["Id"][];
            /**
             * @description How the device sent it: not named for its socket. `epoch` and `seq` order one stream, `sent_at` orders two.
             * @enum {string}
             */
            stream?: "socket" | "http";
            /**
             * @description The stamp that the others see on the message.
             * @example 1795239258653
             */
            epoch: number;
            /**
             * @description The same.
             * @example 1
             */
            seq: number;
            /** @description The role that the others see on the message. Not told if the message was confirmed before the sender lost the room. */
            role?: components["schemas"]["Role"];
        };
        Renewed: {
            /** @constant */
            type: "renewed";
            token_expires_at: components["schemas"]["Time"];
        };
        Pong: {
            /** @constant */
            type: "pong";
        };
        Error: {
            /** @constant */
            type: "error";
            code: components["schemas"]["ErrorCode"];
            /** @description For people. */
            message: string;
            /** @description Whether the same frame may succeed later. */
            temporary: boolean;
            /** @description Milliseconds to wait. */
            retry_after_ms?: number;
            /** @description That of the `send`, where it was one. */
            id?: components["schemas"]["Id"];
            /** @description The field at fault, where there is one. */
            field?: string;
            /** @description After a send that did not reach everybody: the users for whom it is outstanding. All others have it. Send the same frame again, and it goes to these alone. */
            outstanding?: components["schemas"]["Id"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;

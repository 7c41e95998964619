// Made from docs/openapi.json by scripts/wire-types.mjs. Do not edit it.

export interface paths {
    "/v1/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make an account */
        post: operations["createAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/password-resets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a new password with a code of the operator
         * @description The code counts once, and for a day. All devices of the user are logged out, and a second factor stays. A repetition with the same code and password gets the same answer.
         */
        post: operations["resetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's devices */
        get: operations["listSessions"];
        put?: never;
        /**
         * Log in
         * @description Makes a device with a queue of its own, or takes the place of one of the user's devices. An unknown user and a wrong password get the same answer, after the same time. An account with a second factor needs `code`: without it, the answer to the right password is 401 `code_needed`, and with a wrong one 401 `code_wrong`. A repetition with the same `Idempotency-Key` makes no second device: it gets the same one with new tokens, and the tokens of the earlier answer are revoked.
         */
        post: operations["createSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sessions/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Get the next pair of tokens
         * @description No access token is needed. With the cookie the body may be left out, and its type with it. A refresh token gives the same next one again, until that was used, and for a minute longer. After that all tokens of the device are revoked.
         */
        post: operations["refreshSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sessions/current": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Log this device out
         * @description Its queue with all that waited, its tokens and its socket are gone.
         */
        delete: operations["logOut"];
        options?: never;
        head?: never;
        /** Rename this device */
        patch: operations["renameThisDevice"];
        trace?: never;
    };
    "/v1/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Log one of one's devices out
         * @description Another device than the one that asks needs a proof of the password that is not older than 10 minutes: a login or password change on the device that asks, or `password` (with `code`, if there is a second factor). Otherwise the answer is 403 `password_needed`.
         */
        delete: operations["logDeviceOut"];
        options?: never;
        head?: never;
        /** Rename one of one's devices */
        patch: operations["renameDevice"];
        trace?: never;
    };
    "/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's own account */
        get: operations["showMe"];
        put?: never;
        post?: never;
        /**
         * Delete the account
         * @description Its devices, its direct rooms and its memberships go with it. A wrong password or code is `invalid`, so that it is not taken for a token that expired.
         */
        delete: operations["deleteMe"];
        options?: never;
        head?: never;
        /**
         * Change what one says about oneself
         * @description The relay fetches no picture and checks no address. Nobody else sees `email`.
         */
        patch: operations["updateMe"];
        trace?: never;
    };
    "/v1/me/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Everything that SQL holds about one
         * @description One document of any length, which comes in pieces while the relay reads. If the relay fails meanwhile, the connection ends before the end of the document.
         */
        get: operations["exportMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Change the password
         * @description All other devices are logged out. The tokens of this one are revoked, and it gets new ones. Needs `code`, if there is a second factor.
         */
        put: operations["changePassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether there is a second factor */
        get: operations["showTotp"];
        /**
         * Make a secret for a second factor
         * @description For an app that makes time-based codes (TOTP, RFC 6238: SHA-1, 6 digits, 30 s). Nothing is on before a code confirms it. A secret that was not confirmed is replaced.
         */
        put: operations["startTotp"];
        /**
         * Turn the second factor on
         * @description With a code of the secret that was made last. Without one, the answer is 404.
         */
        post: operations["confirmTotp"];
        /**
         * Turn the second factor off
         * @description If it is off, the answer is 404.
         */
        delete: operations["endTotp"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's settings */
        get: operations["showSettings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Change one's settings */
        patch: operations["updateSettings"];
        trace?: never;
    };
    "/v1/friends": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's friends, or requests */
        get: operations["listFriends"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/friends/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Ask for a friendship, or accept one */
        put: operations["befriend"];
        post?: never;
        /** End a friendship, withdraw a request, or reject one */
        delete: operations["unfriend"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whom one has blocked */
        get: operations["listBlocks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/blocks/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Block somebody
         * @description They are not told.
         */
        put: operations["block"];
        post?: never;
        /** Lift a block */
        delete: operations["unblock"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Find people */
        get: operations["searchUsers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user */
        get: operations["showUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's rooms, or public ones */
        get: operations["listRooms"];
        put?: never;
        /**
         * Make a room
         * @description A repetition with the same `Idempotency-Key` makes no second room: it gets the same status and room again, or 404 if the room is gone for the user.
         */
        post: operations["createRoom"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A room */
        get: operations["showRoom"];
        put?: never;
        post?: never;
        /**
         * Delete a room
         * @description Takes the role `owner`.
         */
        delete: operations["deleteRoom"];
        options?: never;
        head?: never;
        /**
         * Change its name or description
         * @description Takes the role `admin`.
         */
        patch: operations["updateRoom"];
        trace?: never;
    };
    "/v1/rooms/{id}/owner": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hand a room on
         * @description To another member. Takes the role `owner`.
         */
        post: operations["transferRoom"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message
         * @description For scripts: what the frame `send` does on a socket.
         */
        post: operations["postMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/presence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether people are there */
        get: operations["showPresence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/presence/friends": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the friends are */
        get: operations["listFriendsPresence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/presence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is there in a room */
        get: operations["listPresence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say how far one has read
         * @description To one's own other devices, and to the authors where both sides let others know of their reading.
         */
        post: operations["readRoom"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/notices/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mark notices as read
         * @description On one's other devices.
         */
        post: operations["readNotices"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is in a room */
        get: operations["listMembers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/members/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Add or change a member
         * @description Nobody acts on their equals or betters, and nobody gives a role that is not below their own; an owner may do both.
         */
        put: operations["putMember"];
        post?: never;
        /** Remove a member, or leave */
        delete: operations["removeMember"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/join": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Join a channel */
        post: operations["joinRoom"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/leave": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Leave a room */
        post: operations["leaveRoom"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/hidden": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Hide a room from the list
         * @description The user stays a member and gets what is sent.
         */
        put: operations["hideRoom"];
        post?: never;
        /**
         * Show a hidden room in the list again
         * @description Asking for a direct room with its other user does so too.
         */
        delete: operations["unhideRoom"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/bans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who is banned from a room
         * @description Takes the role `admin`. Bans that have ended are left out.
         */
        get: operations["listBans"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/bans/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Keep somebody out of a room, or change their ban
         * @description Takes the role `admin`, and a higher role than a member has. A member is removed.
         */
        put: operations["ban"];
        post?: never;
        /**
         * Lift a ban
         * @description Takes the role `admin`.
         */
        delete: operations["liftBan"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Open invitations to a room
         * @description Takes the role `admin`.
         */
        get: operations["listInvitationsOfRoom"];
        put?: never;
        /**
         * Invite somebody
         * @description To a group it takes the role `admin`, to a channel anybody in it may.
         */
        post: operations["invite"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{id}/invitations/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take an invitation back */
        delete: operations["withdrawInvitation"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Invitations that one has */
        get: operations["listInvitations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/invitations/{room}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Accept an invitation */
        post: operations["acceptInvitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/invitations/{room}/decline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decline an invitation */
        post: operations["declineInvitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/socket": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Open the socket
         * @description A request for a WebSocket (RFC 6455). Who comes with neither a token nor a cookie sends the frame `hello` first.
         */
        get: operations["openSocket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process answers */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether to send people here */
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The keys that access tokens are signed with */
        get: operations["keys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document, for people */
        get: operations["docs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What that page is made of */
        get: operations["docsFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The web client */
        get: operations["webClient"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sw.js": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The service worker of the web client */
        get: operations["webServiceWorker"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/manifest.webmanifest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a browser needs to install the web client */
        get: operations["webManifest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/assets/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the page is made of */
        get: operations["webAsset"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/icons/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The icons of the web client */
        get: operations["webIcon"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
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
         * @description In its canonical form.
         * @example carol
         */
        Username: string;
        /** @example Carol C. */
        DisplayName: string;
        /**
         * @description Ordered: `member` < `moderator` < `admin` < `owner`.
         * @enum {string}
         */
        Role: "member" | "moderator" | "admin" | "owner";
        /**
         * @description `direct`: exactly two users. `group`: by invitation. `channel`: anybody may find and join it.
         * @enum {string}
         */
        RoomKind: "direct" | "group" | "channel";
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
         * @description 3 to 32 of `a-z 0-9 . _ -`, beginning with a letter or a digit. It is brought to Unicode's form NFKC and to lower case first, so that other spellings of such a name are taken too.
         * @example Carol
         */
        NewUsername: string;
        /**
         * Format: password
         * @description At least 8 characters in the form NFC, and at most 1,024 bytes in UTF-8. At least 3 different characters, none of the 10,000 most common passwords, and at least 5 characters beside the names of the user and the relay and runs such as `12345`.
         * @example correct horse
         */
        NewPassword: string;
        /**
         * Format: password
         * @example correct horse
         */
        Password: string;
        /**
         * Format: password
         * @description The code of the second factor, if there is one: six digits, or a recovery code. Blanks, hyphens and case do not matter.
         * @example 287082
         */
        Code: string;
        /**
         * @description White space around it is taken off. No control characters, line breaks or characters that nobody sees.
         * @example Carol C.
         */
        NewDisplayName: string;
        /**
         * @description As a display name.
         * @example laptop
         */
        DeviceName: string;
        /**
         * @description As a display name, but longer.
         * @example summer trip
         */
        RoomName: string;
        /**
         * @description Of any number of lines, each as a display name but that it may be empty.
         * @example In January,
         *     if it snows
         */
        Description: string;
        /** @description A user, as others see them. */
        User: {
            id: components["schemas"]["Id"];
            username: components["schemas"]["Username"];
            display_name?: components["schemas"]["DisplayName"];
            about?: components["schemas"]["About"];
            avatar?: components["schemas"]["Avatar"];
            created_at: components["schemas"]["Time"];
        };
        /**
         * @description What a user says about themselves, in several lines.
         * @example I row.
         */
        About: string;
        /**
         * @description A picture: an `https` URL, or a reference that clients understand, such as the digest of the content. Ferry never fetches it.
         * @example https://example.org/carol.png
         */
        Avatar: string;
        /**
         * @description An e-mail address that nobody has checked.
         * @example carol@example.org
         */
        Email: string;
        MeAnswer: {
            user: components["schemas"]["Me"];
        };
        /** @description A user, as they see themselves. */
        Me: {
            id: components["schemas"]["Id"];
            username: components["schemas"]["Username"];
            display_name?: components["schemas"]["DisplayName"];
            about?: components["schemas"]["About"];
            avatar?: components["schemas"]["Avatar"];
            created_at: components["schemas"]["Time"];
            email?: components["schemas"]["Email"];
        };
        UserAnswer: {
            user: components["schemas"]["User"];
        };
        CreateAccount: {
            username: components["schemas"]["NewUsername"];
            password: components["schemas"]["NewPassword"];
            display_name?: components["schemas"]["NewDisplayName"];
            /**
             * @description The operator's token, if the relay takes new accounts only with one.
             * @example k4zq-7m2x-c5wd-ahj3-tn6e-b2ru
             */
            registration_token?: string;
        };
        ResetPassword: {
            /**
             * @description In any spelling of it.
             * @example carol
             */
            username: string;
            /**
             * @description What the operator has given. Case, blanks and hyphens do not matter.
             * @example k4zq-7m2x-c5wd-ahj3-tn6e-b2ru
             */
            code: string;
            new_password: components["schemas"]["NewPassword"];
        };
        CreateSession: {
            /**
             * @description In any spelling of it.
             * @example carol
             */
            username: string;
            password: components["schemas"]["Password"];
            device_name: components["schemas"]["DeviceName"];
            /**
             * @description True for a browser: the tokens come as `HttpOnly` cookies and not in the answer. The request needs an `Origin` that the relay allows.
             * @default false
             */
            cookie: boolean;
            /** @description One of the user's devices whose place this one takes: its id, and all that waits for it. The other's tokens are revoked. */
            replace?: components["schemas"]["Id"];
            code?: components["schemas"]["Code"];
            /**
             * Format: password
             * @description What an earlier login of this user on the same device has returned as `known`. Then the guesses of others do not count against this login. Anything else counts as nothing.
             */
            known?: string;
        };
        RenameSession: {
            name: components["schemas"]["DeviceName"];
        };
        DeviceAnswer: {
            device: components["schemas"]["Device"];
        };
        DeleteSession: {
            password?: components["schemas"]["Password"];
            code?: components["schemas"]["Code"];
        };
        /**
         * @description For `Authorization: Bearer …`. A JWT, to be treated as opaque.
         * @example eyJ0…
         */
        AccessToken: string;
        /**
         * @description It gives the next one, and gives it again if the answer was lost.
         * @example frt_…
         */
        RefreshToken: string;
        /**
         * @description For how long the access token is valid, seconds.
         * @example 900
         */
        ExpiresIn: number;
        Tokens: {
            access_token: components["schemas"]["AccessToken"];
            expires_in: components["schemas"]["ExpiresIn"];
            refresh_token: components["schemas"]["RefreshToken"];
        };
        /** @description The tokens came as cookies. */
        Refreshed: {
            expires_in: components["schemas"]["ExpiresIn"];
            access_token?: never;
            refresh_token?: never;
        };
        RefreshSession: {
            refresh_token?: components["schemas"]["RefreshToken"];
        };
        /** @description A device: one login session. */
        Device: {
            id: components["schemas"]["Id"];
            name: components["schemas"]["DeviceName"];
            /**
             * @description The address that it logged in from, or last refreshed its tokens from.
             * @example 127.0.0.1
             */
            ip: string;
            /**
             * @description That of the login.
             * @example curl/7.88.1
             */
            user_agent?: string;
            created_at: components["schemas"]["Time"];
            /** @description When it last logged in, refreshed its tokens, opened a socket or sent over HTTP. */
            last_seen_at: components["schemas"]["Time"];
            /** @description Whether it has a socket on the relay that answers. */
            online: boolean;
            /** @description Whether it is the device that asks. */
            current: boolean;
        };
        Devices: {
            /** @description Longest logged in first. */
            devices: components["schemas"]["Device"][];
        };
        /** @description A new login. The tokens are there together, or not at all where they came as cookies. */
        Session: {
            access_token?: components["schemas"]["AccessToken"];
            expires_in?: components["schemas"]["ExpiresIn"];
            refresh_token?: components["schemas"]["RefreshToken"];
            user: components["schemas"]["User"];
            device: components["schemas"]["Device"];
            /** @description The token by which the relay knows this device at its next login, also after a logout. Not there if it came as a cookie. It proves nothing: the login needs the password all the same. */
            known?: string;
        };
        /** @description What is left out stays. `null` and the empty text take a field away. */
        UpdateMe: {
            /** @example Caz */
            display_name?: string | null;
            /** @example I row. */
            about?: string | null;
            /**
             * @description An `https` URL without a user, or letters, digits and `. _ ~ + = -`, with `sha256:`, `sha384:`, `sha512:` or `blake3:` before them or nothing.
             * @example https://example.org/carol.png
             */
            avatar?: string | null;
            /** @example carol@example.org */
            email?: string | null;
        };
        ChangePassword: {
            old_password: components["schemas"]["Password"];
            new_password: components["schemas"]["NewPassword"];
            code?: components["schemas"]["Code"];
        };
        DeleteMe: {
            password: components["schemas"]["Password"];
            code?: components["schemas"]["Code"];
        };
        TotpStatus: {
            /** @description Whether a login needs a code. */
            active: boolean;
            since?: components["schemas"]["Time"];
            /**
             * @description How many are left.
             * @example 10
             */
            recovery_codes: number;
        };
        StartTotp: {
            password: components["schemas"]["Password"];
        };
        TotpSecret: {
            /**
             * @description In base32, for an app in which it is typed.
             * @example GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
             */
            secret: string;
            /**
             * Format: uri
             * @description The same for a QR code.
             * @example otpauth://totp/ferry:carol?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ferry&algorithm=SHA1&digits=6&period=30
             */
            uri: string;
        };
        ConfirmTotp: {
            code: components["schemas"]["Code"];
        };
        RecoveryCodes: {
            /** @description Each is good once, in the place of a code. */
            recovery_codes: string[];
        };
        EndTotp: {
            password: components["schemas"]["Password"];
            code: components["schemas"]["Code"];
        };
        /** @description A room, as who asks sees it. */
        Room: {
            id: components["schemas"]["Id"];
            kind: components["schemas"]["RoomKind"];
            name?: components["schemas"]["RoomName"];
            description?: components["schemas"]["Description"];
            created_at: components["schemas"]["Time"];
            /** @example 3 */
            member_count: number;
            /** @description One's own in it; not there where one is not a member. */
            role?: components["schemas"]["Role"];
            /** @description For `direct`: the other one. */
            peer?: components["schemas"]["Id"];
        };
        RoomAnswer: {
            room: components["schemas"]["Room"];
        };
        CreateRoom: {
            kind: components["schemas"]["RoomKind"];
            /** @description Required for `group` and `channel`, refused for `direct`. */
            name?: components["schemas"]["RoomName"];
            /**
             * @description Who else is in it from the start. For `direct` exactly one other user.
             * @example []
             */
            members?: components["schemas"]["Id"][];
        };
        /** @description What is left out stays. */
        UpdateRoom: {
            name?: components["schemas"]["RoomName"];
            /**
             * @description The empty text takes it away.
             * @example In January,
             *     if it snows
             */
            description?: string;
        };
        TransferRoom: {
            user: components["schemas"]["Id"];
        };
        /** @description What is left out stays as it is; a new member is a `member`. */
        PutMember: {
            role?: components["schemas"]["Role"];
            /** @description Until when they may not send; 0 lifts it. */
            muted_until?: components["schemas"]["Time"];
        };
        /** @description A membership. */
        Member: {
            user: components["schemas"]["Id"];
            username: components["schemas"]["Username"];
            display_name?: components["schemas"]["DisplayName"];
            role: components["schemas"]["Role"];
            /** @description 0 where they may send. */
            muted_until: components["schemas"]["Time"];
            joined_at: components["schemas"]["Time"];
        };
        MemberAnswer: {
            member: components["schemas"]["Member"];
        };
        PutBan: {
            /** @description When the ban ends. Left out: never. */
            until?: components["schemas"]["Time"];
            /** @description Why, for those who may see the list of bans. */
            reason?: string;
        };
        /** @description Somebody who may not come into a room. */
        Ban: {
            user: components["schemas"]["Id"];
            username: components["schemas"]["Username"];
            display_name?: components["schemas"]["DisplayName"];
            /** @description Who banned them; missing once that account is deleted. */
            by?: components["schemas"]["Id"];
            /** @description When the ban ends; 9007199254740991 for never. */
            until: components["schemas"]["Time"];
            reason?: string;
            created_at: components["schemas"]["Time"];
        };
        BanAnswer: {
            ban: components["schemas"]["Ban"];
        };
        Invite: {
            user: components["schemas"]["Id"];
        };
        /** @description An open invitation. */
        Invitation: {
            room: components["schemas"]["Id"];
            kind: components["schemas"]["RoomKind"];
            name?: components["schemas"]["RoomName"];
            /** @description Who is invited. */
            user: components["schemas"]["Id"];
            /** @description Who invited them. */
            by: components["schemas"]["Id"];
            created_at: components["schemas"]["Time"];
        };
        InvitationAnswer: {
            invitation: components["schemas"]["Invitation"];
        };
        PostMessage: {
            mentions?: components["schemas"]["Mentions"];
            content_type?: components["schemas"]["ContentType"];
            /** @description The last message of this device in the room that the relay confirmed before. Nobody checks it. A receiver that does not have it knows that something is missing. */
            after?: components["schemas"]["Id"];
            /** @description With it a retry is seen once; where it is left out the relay makes one. */
            id?: components["schemas"]["MessageId"];
            /** @default text */
            kind: components["schemas"]["Kind"];
            body: components["schemas"]["Body"];
            /** @description The message that this one answers. */
            reply_to?: components["schemas"]["Id"];
        } & components["schemas"]["KnownKinds"];
        /** @enum {string} */
        Allow: "anybody" | "friends";
        /** @description What one lets others do and see. */
        Settings: {
            /** @description Who may make a direct room with one. */
            direct: components["schemas"]["Allow"];
            /** @description Who may add one to a group or channel. */
            add: components["schemas"]["Allow"];
            /** @description Whether others hear what one has read. */
            receipts: boolean;
            /** @description Whether others see when one is online. */
            presence: boolean;
            /** @description Whether a search finds one by a part of the name. The whole username always does. */
            findable: boolean;
        };
        /** @description What is left out stays. */
        UpdateSettings: {
            /** @description Who may make a direct room with one. */
            direct?: components["schemas"]["Allow"];
            /** @description Who may add one to a group or channel. */
            add?: components["schemas"]["Allow"];
            /** @description Whether others hear what one has read. */
            receipts?: boolean;
            /** @description Whether others see when one is online. */
            presence?: boolean;
            /** @description Whether a search finds one by a part of the name. The whole username always does. */
            findable?: boolean;
        };
        /** @description Everything that SQL holds about a user, as far as they may see it. */
        Export: {
            exported_at: components["schemas"]["Time"];
            account: {
                id: components["schemas"]["Id"];
                username: components["schemas"]["Username"];
                display_name?: components["schemas"]["DisplayName"];
                about?: components["schemas"]["About"];
                avatar?: components["schemas"]["Avatar"];
                created_at: components["schemas"]["Time"];
                email?: components["schemas"]["Email"];
                password_changed_at: components["schemas"]["Time"];
                settings: components["schemas"]["Settings"];
            };
            /** @description How many people one has added and invited on the last day on which one did. `day` counts days since the Unix epoch. */
            daily_count?: {
                day: number;
                added: number;
                invited: number;
            };
            devices: {
                id: components["schemas"]["Id"];
                name: components["schemas"]["DeviceName"];
                ip?: string;
                user_agent?: string;
                created_at: components["schemas"]["Time"];
                last_seen_at: components["schemas"]["Time"];
                /** @description The start of its latest connection. */
                last_epoch: number;
                /** @description Its latest send over HTTP. */
                http_epoch: number;
                /** @description How often all its tokens were revoked. */
                token_generation: number;
                proven_at: components["schemas"]["Time"];
                /** @description That they exist, and when. Ferry does not have the tokens, and their hashes are left out. */
                refresh_tokens: {
                    created_at: components["schemas"]["Time"];
                    expires_at: components["schemas"]["Time"];
                    used_at?: components["schemas"]["Time"];
                }[];
            }[];
            /** @description The queues of logged-out devices that are still to be deleted. */
            closing_queues: {
                device: components["schemas"]["Id"];
                created_at: components["schemas"]["Time"];
            }[];
            /** @description Logins and new rooms that may be repeated: what they made. */
            idempotency_keys: {
                made: components["schemas"]["Id"];
                is_new: boolean;
                created_at: components["schemas"]["Time"];
            }[];
            /** @description The devices that the relay knows from a login, by their last ones. */
            known_devices: {
                used_at: components["schemas"]["Time"];
            }[];
            /** @description What the document leaves out, and why. */
            left_out: {
                table: string;
                columns: string[];
                why: string;
            }[];
            memberships: {
                room: components["schemas"]["Id"];
                kind: components["schemas"]["RoomKind"];
                name?: components["schemas"]["RoomName"];
                description?: components["schemas"]["Description"];
                /** @description The other user of a direct room. */
                peer?: components["schemas"]["Id"];
                role: components["schemas"]["Role"];
                muted_until: components["schemas"]["Time"];
                joined_at: components["schemas"]["Time"];
                /** @description Whether one came by one's own will. */
                chosen: boolean;
                /** @description Whether one has hidden it from the list. */
                hidden: boolean;
            }[];
            /** @description The rooms that one has made. One may have left them. */
            rooms_created: {
                room: components["schemas"]["Id"];
                created_at: components["schemas"]["Time"];
            }[];
            /** @description The mutes with which one has left rooms. */
            mutes: {
                room: components["schemas"]["Id"];
                until: components["schemas"]["Time"];
            }[];
            invitations: components["schemas"]["Invitation"][];
            invitations_made: {
                room: components["schemas"]["Id"];
                user: components["schemas"]["Id"];
                created_at: components["schemas"]["Time"];
            }[];
            friends: components["schemas"]["Friend"][];
            requests_received: components["schemas"]["Friend"][];
            requests_made: components["schemas"]["Friend"][];
            blocks: components["schemas"]["Block"][];
        };
        /** @description A friend, or a request for it. */
        Friend: {
            user: components["schemas"]["Id"];
            username: components["schemas"]["Username"];
            display_name?: components["schemas"]["DisplayName"];
            avatar?: components["schemas"]["Avatar"];
            state: components["schemas"]["FriendState"];
            /** @description When it was asked or, of friends, accepted. */
            since: components["schemas"]["Time"];
        };
        /**
         * @description `incoming`: they have asked. `outgoing`: one has asked oneself.
         * @enum {string}
         */
        FriendState: "friends" | "incoming" | "outgoing";
        FriendAnswer: {
            friend: components["schemas"]["Friend"];
        };
        /** @description Somebody whom one has blocked. */
        Block: {
            user: components["schemas"]["Id"];
            username: components["schemas"]["Username"];
            display_name?: components["schemas"]["DisplayName"];
            since: components["schemas"]["Time"];
        };
        BlockAnswer: {
            block: components["schemas"]["Block"];
        };
        ReadCursor: {
            /** @description The last message that was read. */
            up_to: components["schemas"]["Id"];
            /** @description That of the message: whatever the room had before is read too. */
            sent_at: components["schemas"]["Time"];
            /**
             * @description Who wrote what was read since the last cursor: they hear of it, if both sides let others know of their reading.
             * @example []
             */
            authors?: components["schemas"]["Id"][];
        };
        ReadNotices: {
            notices: components["schemas"]["Id"][];
        };
        /**
         * @description `away`: all of their devices said that nobody is at them.
         * @enum {string}
         */
        PresenceStatus: "online" | "away" | "offline";
        /** @description Whether somebody is there, as who asks may see it. */
        Presence: {
            user: components["schemas"]["Id"];
            status: components["schemas"]["PresenceStatus"];
            /** @description Of somebody offline: when they were last there, in whole minutes. */
            last_seen?: components["schemas"]["Time"];
        };
        Presences: {
            /** @description In the order that was asked for. */
            presences: components["schemas"]["Presence"][];
        };
        PageOfUsers: {
            items: components["schemas"]["User"][];
            /**
             * @description Where the next page begins: to be sent as `cursor`. Not there on the last one.
             * @example MDFhMWZjOTktMjg4OQ
             */
            next_cursor?: string;
        };
        PageOfRooms: {
            items: components["schemas"]["Room"][];
            /**
             * @description Where the next page begins: to be sent as `cursor`. Not there on the last one.
             * @example MDFhMWZjOTktMjg4OQ
             */
            next_cursor?: string;
        };
        PageOfMembers: {
            items: components["schemas"]["Member"][];
            /**
             * @description Where the next page begins: to be sent as `cursor`. Not there on the last one.
             * @example MDFhMWZjOTktMjg4OQ
             */
            next_cursor?: string;
        };
        PageOfInvitations: {
            items: components["schemas"]["Invitation"][];
            /**
             * @description Where the next page begins: to be sent as `cursor`. Not there on the last one.
             * @example MDFhMWZjOTktMjg4OQ
             */
            next_cursor?: string;
        };
        PageOfBans: {
            items: components["schemas"]["Ban"][];
            /**
             * @description Where the next page begins: to be sent as `cursor`. Not there on the last one.
             * @example MDFhMWZjOTktMjg4OQ
             */
            next_cursor?: string;
        };
        PageOfFriends: {
            items: components["schemas"]["Friend"][];
            /**
             * @description Where the next page begins: to be sent as `cursor`. Not there on the last one.
             * @example MDFhMWZjOTktMjg4OQ
             */
            next_cursor?: string;
        };
        PageOfBlocks: {
            items: components["schemas"]["Block"][];
            /**
             * @description Where the next page begins: to be sent as `cursor`. Not there on the last one.
             * @example MDFhMWZjOTktMjg4OQ
             */
            next_cursor?: string;
        };
        PageOfPresences: {
            items: components["schemas"]["Presence"][];
            /**
             * @description Where the next page begins: to be sent as `cursor`. Not there on the last one.
             * @example MDFhMWZjOTktMjg4OQ
             */
            next_cursor?: string;
        };
        /** @description Why a request was refused (RFC 9457). */
        Problem: {
            /** @description `urn:ferry:error:` and the code. */
            type: string;
            /** @description The code in words. */
            title: string;
            status: number;
            code: components["schemas"]["ErrorCode"];
            /** @description What is wrong this time, for people. It may change. */
            detail: string;
            /** @description The field at fault, where there is one. */
            field?: string;
            /** @description Seconds to wait. */
            retry_after?: number;
            /** @description After a send that did not reach everybody: the users for whom it is outstanding. All others have it. Send the same message again, and it goes to these alone. */
            outstanding?: components["schemas"]["Id"][];
            /** @description After a login that is one too many: the user's devices. Log in again with `replace`, or log one out. */
            devices?: components["schemas"]["Device"][];
        };
        /**
         * @example {
         *       "status": "ready"
         *     }
         */
        Readiness: {
            /**
             * @description `stopping` after SIGTERM.
             * @enum {string}
             */
            status: "ready" | "not ready" | "stopping";
        };
        Health: {
            /** @constant */
            status: "ok";
        };
        /** @description A JWK set (RFC 7517, RFC 8037). */
        KeySet: {
            keys: {
                /** @constant */
                kty: "OKP";
                /** @constant */
                crv: "Ed25519";
                /** @constant */
                alg: "EdDSA";
                /** @constant */
                use: "sig";
                kid: string;
                /** @description The public key, in base64url. */
                x: string;
            }[];
        };
    };
    responses: {
        /** @description `malformed`: not JSON, a field missing or of the wrong type, an unknown field, a body that ends too early or takes too long; `token_in_url`: the query has a parameter that is named like a token */
        malformed_or_token_in_url: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:malformed",
                 *       "title": "malformed",
                 *       "status": 400,
                 *       "code": "malformed",
                 *       "detail": "missing field `username`"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 400;
                    /** @enum {unknown} */
                    code?: "malformed" | "token_in_url";
                };
            };
        };
        /** @description `id_reused`: this id is outstanding with another content */
        id_reused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:id_reused",
                 *       "title": "id reused",
                 *       "status": 409,
                 *       "code": "id_reused",
                 *       "detail": "this id was used for another message"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "id_reused";
                };
            };
        };
        /** @description `username_taken`: somebody has this username */
        username_taken: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:username_taken",
                 *       "title": "username taken",
                 *       "status": 409,
                 *       "code": "username_taken",
                 *       "detail": "somebody has this username",
                 *       "field": "username"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "username_taken";
                };
            };
        };
        /** @description `too_large`: the body is over the limit */
        too_large: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:too_large",
                 *       "title": "too large",
                 *       "status": 413,
                 *       "code": "too_large",
                 *       "detail": "the body must be 65536 bytes at most"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 413;
                    /** @enum {unknown} */
                    code?: "too_large";
                };
            };
        };
        /** @description `unsupported_media_type`: the body is not `application/json` */
        unsupported_media_type: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:unsupported_media_type",
                 *       "title": "unsupported media type",
                 *       "status": 415,
                 *       "code": "unsupported_media_type",
                 *       "detail": "the body must be application/json"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 415;
                    /** @enum {unknown} */
                    code?: "unsupported_media_type";
                };
            };
        };
        /** @description `invalid`: a value is not allowed; `field` says of which field */
        invalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:invalid",
                 *       "title": "invalid",
                 *       "status": 422,
                 *       "code": "invalid",
                 *       "detail": "a username has 3 to 32 characters",
                 *       "field": "username"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 422;
                    /** @enum {unknown} */
                    code?: "invalid";
                };
            };
        };
        /** @description `rate_limited`: too many at once */
        rate_limited: {
            headers: {
                "Retry-After": components["headers"]["Retry-After"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:rate_limited",
                 *       "title": "rate limited",
                 *       "status": 429,
                 *       "code": "rate_limited",
                 *       "detail": "too many of these at once",
                 *       "retry_after": 6
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 429;
                    /** @enum {unknown} */
                    code?: "rate_limited";
                };
            };
        };
        /** @description `internal`: a fault in the relay */
        internal: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:internal",
                 *       "title": "internal",
                 *       "status": 500,
                 *       "code": "internal",
                 *       "detail": "a fault in the relay"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 500;
                    /** @enum {unknown} */
                    code?: "internal";
                };
            };
        };
        /** @description `unavailable`: SQL or the queue does not answer now, or too many passwords are being checked */
        unavailable: {
            headers: {
                "Retry-After": components["headers"]["Retry-After"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:unavailable",
                 *       "title": "unavailable",
                 *       "status": 503,
                 *       "code": "unavailable",
                 *       "detail": "the database does not answer",
                 *       "retry_after": 1
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 503;
                    /** @enum {unknown} */
                    code?: "unavailable";
                };
            };
        };
        /** @description `malformed`: a header, a cookie or a parameter comes twice, or programs could read the request differently; `token_in_url`: the query has a parameter that is named like a token */
        token_in_url: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:token_in_url",
                 *       "title": "token in url",
                 *       "status": 400,
                 *       "code": "token_in_url",
                 *       "detail": "send the token in the Authorization header, never in a URL"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 400;
                    /** @enum {unknown} */
                    code?: "malformed" | "token_in_url";
                };
            };
        };
        /** @description `unauthorized`: no valid access token */
        unauthorized: {
            headers: {
                "WWW-Authenticate"?: "Bearer";
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:unauthorized",
                 *       "title": "unauthorized",
                 *       "status": 401,
                 *       "code": "unauthorized",
                 *       "detail": "a valid access token is needed"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 401;
                    /** @enum {unknown} */
                    code?: "unauthorized";
                };
            };
        };
        /** @description `unauthorized`: the username or the password is wrong; `code_needed`: the password is right, and the account has a second factor; `code_wrong`: the password is right, and the code is wrong or was used before */
        login_failed: {
            headers: {
                "WWW-Authenticate"?: "Bearer";
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:unauthorized",
                 *       "title": "unauthorized",
                 *       "status": 401,
                 *       "code": "unauthorized",
                 *       "detail": "the username or the password is wrong"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 401;
                    /** @enum {unknown} */
                    code?: "unauthorized" | "code_needed" | "code_wrong";
                };
            };
        };
        /** @description `totp_active`: the second factor is on already */
        totp_active: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:totp_active",
                 *       "title": "totp active",
                 *       "status": 409,
                 *       "code": "totp_active",
                 *       "detail": "the second factor is on: turn it off first"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "totp_active";
                };
            };
        };
        /** @description `forbidden`: not with your role in this room, or from a foreign origin */
        forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:forbidden",
                 *       "title": "forbidden",
                 *       "status": 403,
                 *       "code": "forbidden",
                 *       "detail": "this takes the role `admin`"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 403;
                    /** @enum {unknown} */
                    code?: "forbidden";
                };
            };
        };
        /** @description `registration_closed`: the relay takes no new accounts; `registration_token`: it takes them only with a token of its operator, and there is none, or it no longer counts; `forbidden`: from a foreign origin */
        registration_refused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:registration_closed",
                 *       "title": "registration closed",
                 *       "status": 403,
                 *       "code": "registration_closed",
                 *       "detail": "this relay takes no new accounts"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 403;
                    /** @enum {unknown} */
                    code?: "registration_closed" | "registration_token" | "forbidden";
                };
            };
        };
        /** @description `account_disabled`: the password is right, and the operator has disabled the account; `forbidden`: from a foreign origin */
        forbidden_or_disabled: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:account_disabled",
                 *       "title": "account disabled",
                 *       "status": 403,
                 *       "code": "account_disabled",
                 *       "detail": "the operator of this relay has disabled your account"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 403;
                    /** @enum {unknown} */
                    code?: "account_disabled" | "forbidden";
                };
            };
        };
        /** @description `forbidden`: from a foreign origin; `password_needed`: the last proof of the password is too old */
        forbidden_or_password_needed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:forbidden",
                 *       "title": "forbidden",
                 *       "status": 403,
                 *       "code": "forbidden",
                 *       "detail": "this takes the role `admin`"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 403;
                    /** @enum {unknown} */
                    code?: "forbidden" | "password_needed";
                };
            };
        };
        /** @description `device_limit`: the user has as many devices as they may */
        device_limit: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:device_limit",
                 *       "title": "device limit",
                 *       "status": 409,
                 *       "code": "device_limit",
                 *       "detail": "log another device out first"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "device_limit";
                };
            };
        };
        /** @description `not_found`: no such thing, or none that you may know of */
        not_found: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:not_found",
                 *       "title": "not found",
                 *       "status": 404,
                 *       "code": "not_found",
                 *       "detail": "there is no such thing here"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 404;
                    /** @enum {unknown} */
                    code?: "not_found";
                };
            };
        };
        /** @description `blocked`: you have blocked this user yourself */
        blocked: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:blocked",
                 *       "title": "blocked",
                 *       "status": 409,
                 *       "code": "blocked",
                 *       "detail": "you have blocked this user: lift that first"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "blocked";
                };
            };
        };
        /** @description `forbidden`: not with your role in this room, or from a foreign origin; `not_allowed`: the other user does not let you do this */
        forbidden_or_not_allowed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:forbidden",
                 *       "title": "forbidden",
                 *       "status": 403,
                 *       "code": "forbidden",
                 *       "detail": "this takes the role `admin`"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 403;
                    /** @enum {unknown} */
                    code?: "forbidden" | "not_allowed";
                };
            };
        };
        /** @description `room_full`: the room has as many members as it may; `too_many_rooms`: a user is in as many rooms as they may be */
        room_full_or_too_many_rooms: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:room_full",
                 *       "title": "room full",
                 *       "status": 409,
                 *       "code": "room_full",
                 *       "detail": "the room has as many members as it may have"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "room_full" | "too_many_rooms";
                };
            };
        };
        /** @description `forbidden`: not with your role in this room, or from a foreign origin; `muted`: you are muted in this room */
        forbidden_or_muted: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:forbidden",
                 *       "title": "forbidden",
                 *       "status": 403,
                 *       "code": "forbidden",
                 *       "detail": "this takes the role `admin`"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 403;
                    /** @enum {unknown} */
                    code?: "forbidden" | "muted";
                };
            };
        };
        /** @description `room_full`: the room has as many members as it may; `last_owner`: a room with others in it needs an owner; `too_many_rooms`: a user is in as many rooms as they may be */
        room_full_or_last_owner_or_too_many_rooms: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:room_full",
                 *       "title": "room full",
                 *       "status": 409,
                 *       "code": "room_full",
                 *       "detail": "the room has as many members as it may have"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "room_full" | "last_owner" | "too_many_rooms";
                };
            };
        };
        /** @description `last_owner`: a room with others in it needs an owner */
        last_owner: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:last_owner",
                 *       "title": "last owner",
                 *       "status": 409,
                 *       "code": "last_owner",
                 *       "detail": "make somebody else an owner first"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "last_owner";
                };
            };
        };
        /** @description `room_full`: the room has as many members as it may; `already_member`: the user is in the room already; `too_many_rooms`: a user is in as many rooms as they may be */
        room_full_or_already_member_or_too_many_rooms: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:room_full",
                 *       "title": "room full",
                 *       "status": 409,
                 *       "code": "room_full",
                 *       "detail": "the room has as many members as it may have"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "room_full" | "already_member" | "too_many_rooms";
                };
            };
        };
        /** @description `already_member`: the user is in the room already; `too_many_invitations`: the user, or the room, has as many open invitations as they may */
        already_member_or_too_many_invitations: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:already_member",
                 *       "title": "already member",
                 *       "status": 409,
                 *       "code": "already_member",
                 *       "detail": "the user is in the room already"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "already_member" | "too_many_invitations";
                };
            };
        };
        /** @description `forbidden`: not with your role in this room, or from a foreign origin; `banned`: a ban keeps the user out, until `retry_after` if it ends */
        forbidden_or_banned: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:banned",
                 *       "title": "banned",
                 *       "status": 403,
                 *       "code": "banned",
                 *       "detail": "the user is banned from this room"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 403;
                    /** @enum {unknown} */
                    code?: "forbidden" | "banned";
                };
            };
        };
        /** @description `forbidden`: not with your role in this room, or from a foreign origin; `not_allowed`: the other user does not let you do this; `banned`: a ban keeps the user out, until `retry_after` if it ends */
        forbidden_or_not_allowed_or_banned: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:forbidden",
                 *       "title": "forbidden",
                 *       "status": 403,
                 *       "code": "forbidden",
                 *       "detail": "this takes the role `admin`"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 403;
                    /** @enum {unknown} */
                    code?: "forbidden" | "not_allowed" | "banned";
                };
            };
        };
        /** @description `last_owner`: the room would be left without an owner; `too_many_bans`: the room has as many bans as it may */
        last_owner_or_too_many_bans: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:last_owner",
                 *       "title": "last owner",
                 *       "status": 409,
                 *       "code": "last_owner",
                 *       "detail": "make somebody else an owner first"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 409;
                    /** @enum {unknown} */
                    code?: "last_owner" | "too_many_bans";
                };
            };
        };
        /** @description `upgrade_required`: no WebSocket of version 13 was asked for */
        upgrade_required: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:ferry:error:upgrade_required",
                 *       "title": "upgrade required",
                 *       "status": 426,
                 *       "code": "upgrade_required",
                 *       "detail": "this is a WebSocket, version 13"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @constant */
                    status?: 426;
                    /** @enum {unknown} */
                    code?: "upgrade_required";
                };
            };
        };
    };
    parameters: {
        /** @description The room. */
        room: components["schemas"]["Id"];
        /** @description The user. */
        user: components["schemas"]["Id"];
        /** @description The user. */
        user_id: components["schemas"]["Id"];
        /** @description The device. */
        device: components["schemas"]["Id"];
        /** @description Names the request, so that a repetition of it within 24 hours makes nothing a second time. The same key with another body is `invalid`. */
        idempotency_key: string;
        /** @description The room that one is invited to. */
        invited_to: components["schemas"]["Id"];
        /** @description How many items a page has at most. */
        limit: number;
        /** @description `next_cursor` of the page before, of this very list. */
        cursor: string;
    };
    requestBodies: never;
    headers: {
        /** @description Seconds to wait. */
        "Retry-After": number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    createAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "username": "Carol",
                 *       "password": "correct horse",
                 *       "display_name": "Carol C."
                 *     }
                 */
                "application/json": components["schemas"]["CreateAccount"];
            };
        };
        responses: {
            /** @description The account. Nobody is logged in. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "username": "carol",
                     *         "display_name": "Carol C.",
                     *         "created_at": 1795239257800
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["UserAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            403: components["responses"]["registration_refused"];
            409: components["responses"]["username_taken"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    resetPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "username": "carol",
                 *       "code": "k4zq-7m2x-c5wd-ahj3-tn6e-b2ru",
                 *       "new_password": "battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["ResetPassword"];
            };
        };
        responses: {
            /** @description The new password is in force. Nobody is logged in. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them, without pages. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "devices": [
                     *         {
                     *           "id": "01a1fc99-26f5-7198-b94a-fff415490853",
                     *           "name": "laptop",
                     *           "ip": "127.0.0.1",
                     *           "user_agent": "curl/7.88.1",
                     *           "created_at": 1795239257845,
                     *           "last_seen_at": 1795239257845,
                     *           "online": false,
                     *           "current": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Devices"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    createSession: {
        parameters: {
            query?: never;
            header?: {
                /** @description Names the request, so that a repetition of it within 24 hours makes nothing a second time. The same key with another body is `invalid`. */
                "Idempotency-Key"?: components["parameters"]["idempotency_key"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "username": "carol",
                 *       "password": "correct horse",
                 *       "device_name": "laptop"
                 *     }
                 */
                "application/json": components["schemas"]["CreateSession"];
            };
        };
        responses: {
            /** @description A new device. */
            201: {
                headers: {
                    /** @description With cookies: `__Host-ferry_access`, `__Secure-ferry_refresh` and `__Secure-ferry_known`, `HttpOnly; SameSite=Strict; Secure`. */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJ0…",
                     *       "expires_in": 900,
                     *       "refresh_token": "frt_…",
                     *       "user": {
                     *         "id": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "username": "carol",
                     *         "display_name": "Carol C.",
                     *         "created_at": 1795239257800
                     *       },
                     *       "device": {
                     *         "id": "01a1fc99-26f5-7198-b94a-fff415490853",
                     *         "name": "laptop",
                     *         "ip": "127.0.0.1",
                     *         "user_agent": "curl/7.88.1",
                     *         "created_at": 1795239257845,
                     *         "last_seen_at": 1795239257845,
                     *         "online": false,
                     *         "current": true
                     *       },
                     *       "known": "3q2-7w…"
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["login_failed"];
            403: components["responses"]["forbidden_or_disabled"];
            409: components["responses"]["device_limit"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    refreshSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "refresh_token": "frt_…"
                 *     }
                 */
                "application/json": components["schemas"]["RefreshSession"];
            };
        };
        responses: {
            /** @description The next pair; with cookies they are not in the answer. */
            200: {
                headers: {
                    /** @description With cookies: `__Host-ferry_access` and `__Secure-ferry_refresh`, `HttpOnly; SameSite=Strict; Secure`. */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJ0…",
                     *       "expires_in": 900,
                     *       "refresh_token": "frt_…"
                     *     }
                     */
                    "application/json": components["schemas"]["Tokens"] | components["schemas"]["Refreshed"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    logOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    renameThisDevice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "old laptop"
                 *     }
                 */
                "application/json": components["schemas"]["RenameSession"];
            };
        };
        responses: {
            /** @description The device as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "device": {
                     *         "id": "01a1fc99-26f5-7198-b94a-fff415490853",
                     *         "name": "old laptop",
                     *         "ip": "127.0.0.1",
                     *         "user_agent": "curl/7.88.1",
                     *         "created_at": 1795239257845,
                     *         "last_seen_at": 1795239257845,
                     *         "online": false,
                     *         "current": true
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["DeviceAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    logDeviceOut: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The device. */
                id: components["parameters"]["device"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse"
                 *     }
                 */
                "application/json": components["schemas"]["DeleteSession"];
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden_or_password_needed"];
            404: components["responses"]["not_found"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    renameDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The device. */
                id: components["parameters"]["device"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "old laptop"
                 *     }
                 */
                "application/json": components["schemas"]["RenameSession"];
            };
        };
        responses: {
            /** @description The device as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "device": {
                     *         "id": "01a1fc99-26f5-7198-b94a-fff415490853",
                     *         "name": "old laptop",
                     *         "ip": "127.0.0.1",
                     *         "user_agent": "curl/7.88.1",
                     *         "created_at": 1795239257845,
                     *         "last_seen_at": 1795239257845,
                     *         "online": false,
                     *         "current": true
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["DeviceAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    showMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "username": "carol",
                     *         "display_name": "Carol C.",
                     *         "about": "I row.",
                     *         "avatar": "https://example.org/carol.png",
                     *         "created_at": 1795239257800,
                     *         "email": "carol@example.org"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MeAnswer"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    deleteMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse"
                 *     }
                 */
                "application/json": components["schemas"]["DeleteMe"];
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    updateMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "display_name": "Caz"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateMe"];
            };
        };
        responses: {
            /** @description The account as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "username": "carol",
                     *         "display_name": "Caz",
                     *         "created_at": 1795239257800
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MeAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    exportMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document. */
            200: {
                headers: {
                    /** @description A browser keeps the document as a file. */
                    "Content-Disposition"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Export"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "old_password": "correct horse",
                 *       "new_password": "battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["ChangePassword"];
            };
        };
        responses: {
            /** @description New tokens; with cookies they are not in the answer. */
            200: {
                headers: {
                    /** @description With cookies: `__Host-ferry_access` and `__Secure-ferry_refresh`, `HttpOnly; SameSite=Strict; Secure`. */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJ0…",
                     *       "expires_in": 900,
                     *       "refresh_token": "frt_…"
                     *     }
                     */
                    "application/json": components["schemas"]["Tokens"] | components["schemas"]["Refreshed"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    showTotp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether a login needs a code. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "active": true,
                     *       "since": 1795239257800,
                     *       "recovery_codes": 10
                     *     }
                     */
                    "application/json": components["schemas"]["TotpStatus"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    startTotp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse"
                 *     }
                 */
                "application/json": components["schemas"]["StartTotp"];
            };
        };
        responses: {
            /** @description The secret. It is not shown again. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
                     *       "uri": "otpauth://totp/ferry:carol?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ferry&algorithm=SHA1&digits=6&period=30"
                     *     }
                     */
                    "application/json": components["schemas"]["TotpSecret"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            409: components["responses"]["totp_active"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    confirmTotp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "287082"
                 *     }
                 */
                "application/json": components["schemas"]["ConfirmTotp"];
            };
        };
        responses: {
            /** @description Recovery codes. They are not shown again. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "recovery_codes": [
                     *         "abcd-efgh-ijkl-mnop-qrst-uvwx",
                     *         "yz23-4567-abcd-efgh-ijkl-mnop"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["RecoveryCodes"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            409: components["responses"]["totp_active"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    endTotp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse",
                 *       "code": "287082"
                 *     }
                 */
                "application/json": components["schemas"]["EndTotp"];
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    showSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "direct": "anybody",
                     *       "add": "anybody",
                     *       "receipts": true,
                     *       "presence": true,
                     *       "findable": true
                     *     }
                     */
                    "application/json": components["schemas"]["Settings"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    updateSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "direct": "friends"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateSettings"];
            };
        };
        responses: {
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "direct": "friends",
                     *       "add": "anybody",
                     *       "receipts": true,
                     *       "presence": true,
                     *       "findable": true
                     *     }
                     */
                    "application/json": components["schemas"]["Settings"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listFriends: {
        parameters: {
            query?: {
                /** @description Which. */
                state?: components["schemas"]["FriendState"];
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description By username. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *           "username": "bob",
                     *           "state": "outgoing",
                     *           "since": 1795239258249
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfFriends"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    befriend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is accepted, or was so already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "friend": {
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "username": "bob",
                     *         "state": "friends",
                     *         "since": 1795239258249
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["FriendAnswer"];
                };
            };
            /** @description It is asked. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "friend": {
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "username": "bob",
                     *         "state": "outgoing",
                     *         "since": 1795239258249
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["FriendAnswer"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            409: components["responses"]["blocked"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    unfriend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listBlocks: {
        parameters: {
            query?: {
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description By username. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *           "username": "bob",
                     *           "since": 1795239258249
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfBlocks"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    block: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They are blocked already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "block": {
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "username": "bob",
                     *         "since": 1795239258249
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BlockAnswer"];
                };
            };
            /** @description They are blocked. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "block": {
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "username": "bob",
                     *         "since": 1795239258249
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BlockAnswer"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    unblock: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    searchUsers: {
        parameters: {
            query: {
                /**
                 * @description How a username or display name begins, in whatever case.
                 * @example al
                 */
                query: string;
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Those whose username or display name begins with the text, by username. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "01a1fc98-9e20-757a-a697-92e58e48f371",
                     *           "username": "alice",
                     *           "created_at": 1795239222816
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfUsers"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    showUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                id: components["parameters"]["user_id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "username": "carol",
                     *         "display_name": "Carol C.",
                     *         "created_at": 1795239257800
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["UserAnswer"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listRooms: {
        parameters: {
            query?: {
                /** @description Whether to list channels that anybody may join. */
                public?: boolean;
                /** @description Whether to list the rooms that one has hidden. They are left out otherwise. */
                hidden?: boolean;
                /** @description With `public`: a text anywhere in the name. */
                query?: string;
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One's own, oldest first; or channels, by name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "01a1fc99-2889-7222-823a-5829d999e059",
                     *           "kind": "group",
                     *           "name": "summer trip",
                     *           "created_at": 1795239258249,
                     *           "member_count": 3,
                     *           "role": "owner"
                     *         }
                     *       ],
                     *       "next_cursor": "MDFhMWZjOTktMjg4OS03MjIyLTgyM2EtNTgyOWQ5OTllMDU5"
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfRooms"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    createRoom: {
        parameters: {
            query?: never;
            header?: {
                /** @description Names the request, so that a repetition of it within 24 hours makes nothing a second time. The same key with another body is `invalid`. */
                "Idempotency-Key"?: components["parameters"]["idempotency_key"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateRoom"];
            };
        };
        responses: {
            /** @description The direct room that was there. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "room": {
                     *         "id": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "direct",
                     *         "created_at": 1795239258298,
                     *         "member_count": 2,
                     *         "role": "member",
                     *         "peer": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["RoomAnswer"];
                };
            };
            /** @description The new room. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "room": {
                     *         "id": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "group",
                     *         "name": "summer trip",
                     *         "created_at": 1795239258249,
                     *         "member_count": 3,
                     *         "role": "owner"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["RoomAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden_or_not_allowed"];
            404: components["responses"]["not_found"];
            409: components["responses"]["room_full_or_too_many_rooms"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    showRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One's own, or a channel. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "room": {
                     *         "id": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "group",
                     *         "name": "summer trip",
                     *         "created_at": 1795239258249,
                     *         "member_count": 3,
                     *         "role": "owner"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["RoomAnswer"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    deleteRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    updateRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "winter trip",
                 *       "description": "In January,\nif it snows"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateRoom"];
            };
        };
        responses: {
            /** @description The room as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "room": {
                     *         "id": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "group",
                     *         "name": "winter trip",
                     *         "created_at": 1795239258249,
                     *         "member_count": 3,
                     *         "role": "owner"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["RoomAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    transferRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e"
                 *     }
                 */
                "application/json": components["schemas"]["TransferRoom"];
            };
        };
        responses: {
            /** @description The room; who asks is `admin` from then on. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "room": {
                     *         "id": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "group",
                     *         "name": "summer trip",
                     *         "created_at": 1795239258249,
                     *         "member_count": 3,
                     *         "role": "admin"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["RoomAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    postMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "body": "hello"
                 *     }
                 */
                "application/json": components["schemas"]["PostMessage"];
            };
        };
        responses: {
            /** @description It is in the queues of every recipient. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a1fc99-2a1c-7098-8e77-5261408728b4",
                     *       "sent_at": 1795239258653,
                     *       "recipients": 1,
                     *       "unreachable": [],
                     *       "epoch": 1795239258653,
                     *       "seq": 1,
                     *       "role": "member"
                     *     }
                     */
                    "application/json": components["schemas"]["Sent"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden_or_muted"];
            404: components["responses"]["not_found"];
            409: components["responses"]["id_reused"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    showPresence: {
        parameters: {
            query: {
                /** @description 1 to 256 ids, with commas between them. */
                users: components["schemas"]["Id"][];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description To everybody with whom they share nothing, people look offline. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "presences": [
                     *         {
                     *           "user": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *           "status": "online"
                     *         },
                     *         {
                     *           "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *           "status": "offline",
                     *           "last_seen": 1795239240000
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Presences"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listFriendsPresence: {
        parameters: {
            query?: {
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How those on a page of the friends are, by username. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "user": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *           "status": "offline",
                     *           "last_seen": 1795239240000
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfPresences"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listPresence: {
        parameters: {
            query?: {
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Those who are online or away, by their ids. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "user": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *           "status": "away"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfPresences"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    readRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "up_to": "01a1fc99-2a1c-7098-8e77-5261408728b4",
                 *       "sent_at": 1795239258653,
                 *       "authors": [
                 *         "01a1fc98-9e5c-76e9-ae78-c50e618feb1e"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["ReadCursor"];
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    readNotices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "notices": [
                 *         "01a1fc9a-1d11-7c02-9f0e-0b7c2f6f5f11"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["ReadNotices"];
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listMembers: {
        parameters: {
            query?: {
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Longest standing first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *           "username": "bob",
                     *           "role": "moderator",
                     *           "muted_until": 0,
                     *           "joined_at": 1795239258249
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfMembers"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    putMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "role": "moderator"
                 *     }
                 */
                "application/json": components["schemas"]["PutMember"];
            };
        };
        responses: {
            /** @description The member, changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "member": {
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "username": "bob",
                     *         "role": "moderator",
                     *         "muted_until": 0,
                     *         "joined_at": 1795239258249
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MemberAnswer"];
                };
            };
            /** @description The member, added. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "member": {
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "username": "bob",
                     *         "role": "member",
                     *         "muted_until": 0,
                     *         "joined_at": 1795239258249
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MemberAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden_or_not_allowed_or_banned"];
            404: components["responses"]["not_found"];
            409: components["responses"]["room_full_or_last_owner_or_too_many_rooms"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    removeMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            409: components["responses"]["last_owner"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    joinRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The room. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "room": {
                     *         "id": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "channel",
                     *         "name": "summer trip",
                     *         "created_at": 1795239258249,
                     *         "member_count": 3,
                     *         "role": "member"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["RoomAnswer"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden_or_banned"];
            404: components["responses"]["not_found"];
            409: components["responses"]["room_full_or_already_member_or_too_many_rooms"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    leaveRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            409: components["responses"]["last_owner"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    hideRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    unhideRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listBans: {
        parameters: {
            query?: {
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Oldest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *           "username": "mallory",
                     *           "by": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *           "until": 1795242858700,
                     *           "reason": "spam",
                     *           "created_at": 1795239258700
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfBans"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    ban: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "spam"
                 *     }
                 */
                "application/json": components["schemas"]["PutBan"];
            };
        };
        responses: {
            /** @description The ban, changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ban": {
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "username": "mallory",
                     *         "by": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "until": 1795242858700,
                     *         "reason": "spam",
                     *         "created_at": 1795239258700
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BanAnswer"];
                };
            };
            /** @description The ban. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ban": {
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "username": "mallory",
                     *         "by": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "until": 1795242858700,
                     *         "reason": "spam",
                     *         "created_at": 1795239258700
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["BanAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            409: components["responses"]["last_owner_or_too_many_bans"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    liftBan: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listInvitationsOfRoom: {
        parameters: {
            query?: {
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Oldest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "room": "01a1fc99-2889-7222-823a-5829d999e059",
                     *           "kind": "group",
                     *           "name": "summer trip",
                     *           "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *           "by": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *           "created_at": 1795239258700
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfInvitations"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    invite: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e"
                 *     }
                 */
                "application/json": components["schemas"]["Invite"];
            };
        };
        responses: {
            /** @description The one that was open already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "invitation": {
                     *         "room": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "group",
                     *         "name": "summer trip",
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "by": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "created_at": 1795239258700
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["InvitationAnswer"];
                };
            };
            /** @description The invitation. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "invitation": {
                     *         "room": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "group",
                     *         "name": "summer trip",
                     *         "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *         "by": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *         "created_at": 1795239258700
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["InvitationAnswer"];
                };
            };
            400: components["responses"]["malformed_or_token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden_or_banned"];
            404: components["responses"]["not_found"];
            409: components["responses"]["already_member_or_too_many_invitations"];
            413: components["responses"]["too_large"];
            415: components["responses"]["unsupported_media_type"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    withdrawInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room. */
                id: components["parameters"]["room"];
                /** @description The user. */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    listInvitations: {
        parameters: {
            query?: {
                /** @description How many items a page has at most. */
                limit?: components["parameters"]["limit"];
                /** @description `next_cursor` of the page before, of this very list. */
                cursor?: components["parameters"]["cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Oldest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "room": "01a1fc99-2889-7222-823a-5829d999e059",
                     *           "kind": "group",
                     *           "name": "summer trip",
                     *           "user": "01a1fc98-9e5c-76e9-ae78-c50e618feb1e",
                     *           "by": "01a1fc99-26c8-7206-a933-13b3cafbd593",
                     *           "created_at": 1795239258700
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PageOfInvitations"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            422: components["responses"]["invalid"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    acceptInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room that one is invited to. */
                room: components["parameters"]["invited_to"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The room; one is `member` of it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "room": {
                     *         "id": "01a1fc99-2889-7222-823a-5829d999e059",
                     *         "kind": "group",
                     *         "name": "summer trip",
                     *         "created_at": 1795239258249,
                     *         "member_count": 3,
                     *         "role": "member"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["RoomAnswer"];
                };
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden_or_banned"];
            404: components["responses"]["not_found"];
            409: components["responses"]["room_full_or_already_member_or_too_many_rooms"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    declineInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The room that one is invited to. */
                room: components["parameters"]["invited_to"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            404: components["responses"]["not_found"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    openSocket: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A WebSocket of the subprotocol `ferry.v1`: docs/asyncapi.json describes its frames. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            401: components["responses"]["unauthorized"];
            403: components["responses"]["forbidden"];
            426: components["responses"]["upgrade_required"];
            429: components["responses"]["rate_limited"];
            500: components["responses"]["internal"];
            503: components["responses"]["unavailable"];
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            400: components["responses"]["token_in_url"];
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Yes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ready"
                     *     }
                     */
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            400: components["responses"]["token_in_url"];
            /** @description Not now. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
    keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys, good for a minute. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeySet"];
                };
            };
            400: components["responses"]["token_in_url"];
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            400: components["responses"]["token_in_url"];
        };
    };
    docs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page that shows it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            400: components["responses"]["token_in_url"];
        };
    };
    docsFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                file: "swagger-ui.css" | "swagger-ui-bundle.js" | "start.js" | "favicon.png";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file; script and style compressed with gzip. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript": string;
                    "text/css": string;
                    "image/png": string;
                };
            };
            400: components["responses"]["token_in_url"];
            404: components["responses"]["not_found"];
        };
    };
    webClient: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page. The relay serves it unless it has `--web=false`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description The tag in `If-None-Match` is that of the file. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
        };
    };
    webServiceWorker: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The script. Without the web client it removes itself. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript": string;
                };
            };
            /** @description The tag in `If-None-Match` is that of the file. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
        };
    };
    webManifest: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The manifest. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/manifest+json": Record<string, never>;
                };
            };
            /** @description The tag in `If-None-Match` is that of the file. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
        };
    };
    webAsset: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A file whose name changes with its content. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript": string;
                    "text/css": string;
                    "application/json": unknown;
                    "font/woff2": string;
                };
            };
            /** @description The tag in `If-None-Match` is that of the file. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            404: components["responses"]["not_found"];
        };
    };
    webIcon: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A picture. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/svg+xml": string;
                    "image/png": string;
                };
            };
            /** @description The tag in `If-None-Match` is that of the file. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["token_in_url"];
            404: components["responses"]["not_found"];
        };
    };
}

-- Ids are UUIDv7 text, times are epoch milliseconds, enums are the contract's own words.

create table team (
    id text primary key,
    name text not null,
    plan text not null,
    time_zone text not null,
    created_at bigint not null
);

create table shop (
    id text primary key,
    team_id text not null references team (id),
    code text not null,
    name text not null,
    unique (team_id, code)
);

create table member (
    id text primary key,
    team_id text not null references team (id),
    name text not null,
    email text not null,
    password_hash text not null,
    role text not null,
    -- 員工編號, which a customer may ask for
    staff_code text,
    created_at bigint not null,
    unique (team_id, staff_code)
);
-- E-mails are stored in lower case.
create unique index member_email on member (email);
create index member_team on member (team_id);

create table member_shop (
    member_id text not null references member (id),
    shop_id text not null references shop (id),
    primary key (member_id, shop_id)
);
create index member_shop_shop on member_shop (shop_id, member_id);

create table session (
    -- SHA-256 of what the cookie holds, so that a copy of the database signs nobody in
    id text primary key,
    data text not null,
    expires_at bigint not null
);
create index session_expiry on session (expires_at);

-- An account on a channel: a LINE official account, a WhatsApp number, a web chat.
create table account (
    id text primary key,
    team_id text not null references team (id),
    channel text not null,
    name text not null,
    -- LINE: the bot's user id (destination); WhatsApp: phone_number_id; web: site id
    external_id text not null,
    waba_id text,
    display_phone text,
    -- sealed JSON of the platform's tokens and secrets
    credentials text not null,
    created_at bigint not null,
    unique (channel, external_id)
);
create index account_team on account (team_id);

-- Found by their ids all the time, so the ids are the order of the tables (without rowid).
create table customer (
    id text primary key,
    team_id text not null references team (id),
    account_id text not null references account (id),
    -- LINE: user id; WhatsApp: wa_id, or the business-scoped user id where there is no number; web: visitor id
    external_id text not null,
    name text not null,
    -- lower case, for the search by name
    name_folded text not null,
    phone text,
    is_blocked bigint not null default 0,
    -- when the platform said so: what it says comes in any order
    block_changed_at bigint not null default 0,
    created_at bigint not null,
    unique (account_id, external_id)
) without rowid;

create table tag (
    team_id text not null references team (id),
    name text not null,
    primary key (team_id, name)
);

create table customer_tag (
    customer_id text not null references customer (id),
    tag text not null,
    primary key (customer_id, tag)
) without rowid;
create index customer_tag_tag on customer_tag (tag, customer_id);

-- 對話事件. A customer has one: ended, it wakes with their next message.
create table event (
    id text primary key,
    team_id text not null references team (id),
    customer_id text not null unique references customer (id),
    account_id text not null references account (id),
    channel text not null,
    status text not null,
    owner_id text references member (id),
    last_text text not null default '',
    last_is_image bigint not null default 0,
    last_message_at bigint not null,
    last_inbound_at bigint,
    unread bigint not null default 0,
    created_at bigint not null,
    followed_at bigint,
    ended_at bigint
) without rowid;
-- The lists: newest first, counted and filtered without touching the rows.
create index event_owner on event (owner_id, status, last_message_at desc, id desc, channel, customer_id, last_inbound_at);
create index event_team on event (team_id, status, last_message_at desc, id desc, channel, owner_id, customer_id);

create table media (
    id text primary key,
    team_id text not null references team (id),
    -- none for what a customer sent
    member_id text references member (id),
    name text not null,
    mime text not null,
    bytes bigint not null,
    created_at bigint not null
);

create table message (
    id text primary key,
    team_id text not null references team (id),
    event_id text not null references event (id),
    account_id text not null references account (id),
    -- 'inbound' or 'outbound'
    direction text not null,
    -- 'text', 'image', or the platform's word for what is not shown
    kind text not null,
    text text not null default '',
    media_id text references media (id),
    at bigint not null,
    external_id text,
    member_id text references member (id),
    broadcast_id text references broadcast (id),
    position bigint,
    status text,
    reason text,
    unique (account_id, external_id)
);
create index message_event on message (event_id, at desc, id desc);
-- Replies whose outcome is not recorded yet.
create index message_sending on message (at) where status = 'sending' and broadcast_id is null;
-- A broadcast's message is in a thread once.
create unique index message_broadcast on message (broadcast_id, event_id, position) where broadcast_id is not null;

-- What the platforms posted, kept until it is processed.
create table webhook (
    id text primary key,
    account_id text not null references account (id),
    received_at bigint not null,
    body blob not null,
    attempts bigint not null default 0,
    not_before bigint not null default 0
);
create index webhook_order on webhook (not_before, id);

-- Messages taken back by the customer before they arrived here: platforms keep no order.
create table unsent (
    account_id text not null references account (id),
    external_id text not null,
    at bigint not null,
    primary key (account_id, external_id)
);

create table broadcast (
    id text primary key,
    team_id text not null references team (id),
    member_id text not null references member (id),
    idempotency_key text not null,
    -- SHA-256 of the request, to tell a repeat from a reuse of the key
    request_hash text not null,
    title text not null,
    messages text not null,
    message_count bigint not null,
    audience text not null,
    status text not null,
    created_at bigint not null,
    completed_at bigint,
    unique (member_id, idempotency_key)
);
create index broadcast_team on broadcast (team_id, id desc);
create index broadcast_member on broadcast (member_id, id desc);
create index broadcast_status on broadcast (status, id);

-- One customer selected by the audience, and the unit of the queue: one customer's messages go in order.
create table recipient (
    broadcast_id text not null references broadcast (id),
    customer_id text not null references customer (id),
    event_id text not null references event (id),
    account_id text not null references account (id),
    channel text not null,
    status text not null,
    reason text,
    platform_code text,
    updated_at bigint not null,
    -- 1 while there is something left to hand over
    is_open bigint not null,
    attempts bigint not null default 0,
    -- not to be taken before; while somebody hands it over, the end of their lease
    not_before bigint not null default 0,
    lease_owner text,
    -- the first request that may have been accepted: LINE knows a retry key for a day
    first_attempt_at bigint,
    primary key (broadcast_id, customer_id)
) without rowid;
create index recipient_queue on recipient (account_id, not_before, broadcast_id) where is_open = 1;
-- With is_open in it, so that SQLite prefers it to the primary key.
create index recipient_open on recipient (broadcast_id, is_open) where is_open = 1;
create index recipient_status on recipient (broadcast_id, status, customer_id);
create index recipient_customer on recipient (customer_id);

-- One message to one recipient.
create table delivery (
    broadcast_id text not null,
    customer_id text not null,
    position bigint not null,
    status text not null,
    reason text,
    platform_code text,
    external_id text,
    updated_at bigint not null,
    primary key (broadcast_id, customer_id, position),
    foreign key (broadcast_id, customer_id) references recipient (broadcast_id, customer_id)
) without rowid;
create index delivery_external on delivery (external_id) where external_id is not null;

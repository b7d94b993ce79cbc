-- A recipient has a number, by which its deliveries name it: to find a place by two ids of 36 letters was a quarter of
-- the work of delivery, and to write both beside each message most of its room.

create table numbered_recipient (
    id integer primary key,
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
    -- what the customer was called when the broadcast was accepted; none where no message says it
    name text,
    -- which of the broadcast's messages the recipient is to get: the bit 1 << position for each
    message_bits bigint not null default 0,
    unique (broadcast_id, customer_id)
);
insert into numbered_recipient (broadcast_id, customer_id, event_id, account_id, channel, status, reason, platform_code,
                                updated_at, is_open, attempts, not_before, lease_owner, first_attempt_at, name,
                                message_bits)
select broadcast_id, customer_id, event_id, account_id, channel, status, reason, platform_code, updated_at, is_open,
       attempts, not_before, lease_owner, first_attempt_at, name, message_bits
from recipient order by broadcast_id, customer_id;

create table numbered_delivery (
    recipient_id bigint not null references numbered_recipient (id),
    position bigint not null,
    status text not null,
    reason text,
    platform_code text,
    external_id text,
    updated_at bigint not null,
    -- when the request was made, by our clock; by the platform's where it told
    sent_at bigint,
    primary key (recipient_id, position)
) without rowid;
insert into numbered_delivery (recipient_id, position, status, reason, platform_code, external_id, updated_at, sent_at)
select r.id, d.position, d.status, d.reason, d.platform_code, d.external_id, d.updated_at, d.sent_at
from delivery d join numbered_recipient r on r.broadcast_id = d.broadcast_id and r.customer_id = d.customer_id
order by r.id, d.position;

drop table delivery;
drop table recipient;
alter table numbered_recipient rename to recipient;
alter table numbered_delivery rename to delivery;

create index recipient_queue on recipient (account_id, not_before, broadcast_id) where is_open = 1;
create index recipient_customer on recipient (customer_id);
-- With all that the page of a broadcast counts, so that it is counted without touching the rows.
create index recipient_open on recipient (broadcast_id, is_open, account_id) where is_open = 1;
create index recipient_status on recipient (broadcast_id, status, customer_id, reason, channel);
create index delivery_external on delivery (external_id) where external_id is not null;

-- A broadcast's messages are shown in the threads as they are kept for delivery: no copy of each for each customer.

-- When it was sent is when the thread says that it was.
update delivery set sent_at = (
    select m.at from message m join recipient r on r.event_id = m.event_id
    where r.broadcast_id = delivery.broadcast_id and r.customer_id = delivery.customer_id
      and m.broadcast_id = delivery.broadcast_id and m.position = delivery.position
)
where sent_at is null and status in ('sent', 'delivered', 'read', 'unknown', 'failed');

create table own_message (
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
    status text,
    reason text,
    unique (account_id, external_id)
);
insert into own_message
select id, team_id, event_id, account_id, direction, kind, text, media_id, at, external_id, member_id, status, reason
from message where broadcast_id is null;
drop table message;
alter table own_message rename to message;
create index message_media on message (media_id) where media_id is not null;
create index message_event on message (event_id, at desc, id desc);
-- Replies whose outcome is not recorded yet.
create index message_sending on message (at) where status = 'sending';

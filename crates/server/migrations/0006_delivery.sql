-- Broadcasts that are held, put off, stopped and retried; accounts that stop and are mended.

-- When it begins or began; recipients wait until then by their not_before.
alter table broadcast add column starts_at bigint not null default 0;
update broadcast set starts_at = created_at;
-- The broadcast of which it sends again what failed.
alter table broadcast add column retry_of text references broadcast (id);
-- Where it was made: what was taken back is a draft of there again.
alter table broadcast add column surface text not null default 'web';
create index broadcast_retry on broadcast (retry_of) where retry_of is not null;

-- Who did what with a broadcast, and when.
create table broadcast_log (
    broadcast_id text not null references broadcast (id),
    number bigint not null,
    at bigint not null,
    -- none for what omocast did by itself
    member_id text references member (id),
    -- the contract's LogEvent, as JSON
    event text not null,
    primary key (broadcast_id, number)
) without rowid;
insert into broadcast_log (broadcast_id, number, at, member_id, event)
select b.id, 1, b.created_at, b.member_id, json_object('event', 'accepted', 'recipients',
       (select count(*) from recipient r where r.broadcast_id = b.id))
from broadcast b;

-- Why an account takes nothing for now, and when the platform is asked again.
alter table account add column paused_reason text;
alter table account add column paused_code text;
alter table account add column paused_at bigint;
alter table account add column tried_at bigint not null default 0;
alter table account add column tries bigint not null default 0;
-- The next turn of its pace, in microseconds: every process takes its turns here.
alter table account add column next_turn_at bigint not null default 0;
-- What LINE says of the month: none where it was not asked yet, or knows no limit.
alter table account add column quota_limit bigint;
alter table account add column quota_used bigint;
alter table account add column quota_read_at bigint not null default 0;
alter table account add column quota_asked_at bigint not null default 0;

-- With all that the page of a broadcast counts, so that it is counted without touching the rows.
drop index recipient_open;
create index recipient_open on recipient (broadcast_id, is_open, account_id) where is_open = 1;
drop index recipient_status;
create index recipient_status on recipient (broadcast_id, status, customer_id, reason, channel);

-- Until when WhatsApp counts messages to this customer (the pair rate).
alter table customer add column pair_busy_until bigint not null default 0;

-- One person on several channels or numbers, known by the phone number.
alter table customer add column has_twin bigint not null default 0;
create index customer_phone on customer (team_id, phone_digits) where phone_digits is not null;
create index customer_twin on customer (team_id) where has_twin = 1;
update customer set has_twin = 1 where phone_digits is not null and exists (
    select 1 from customer other where other.team_id = customer.team_id
    and other.phone_digits = customer.phone_digits and other.id <> customer.id
);
create trigger customer_twin_insert after insert on customer when new.phone_digits is not null begin
    update customer set has_twin = 1
    where team_id = new.team_id and phone_digits = new.phone_digits and has_twin = 0 and exists (
        select 1 from customer other where other.team_id = new.team_id
        and other.phone_digits = new.phone_digits and other.id <> new.id
    );
end;
create trigger customer_twin_update after update of phone_digits on customer
when new.phone_digits is not null and new.phone_digits is not old.phone_digits begin
    update customer set has_twin = 1
    where team_id = new.team_id and phone_digits = new.phone_digits and has_twin = 0 and exists (
        select 1 from customer other where other.team_id = new.team_id
        and other.phone_digits = new.phone_digits and other.id <> new.id
    );
end;

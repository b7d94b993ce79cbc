-- Bound customers (綁定顧客), and broadcasts to them.

-- The digits of `phone`, in which the search looks: numbers are kept as the platform writes them.
alter table customer add column phone_digits text;
update customer set phone_digits = (
    select group_concat(digit, '') from (
        with recursive place (i) as (select 1 union all select i + 1 from place where i < length(customer.phone))
        select substr(customer.phone, i, 1) as digit from place
    ) where digit between '0' and '9'
) where phone is not null;

create table binding (
    customer_id text primary key references customer (id),
    team_id text not null references team (id),
    member_id text not null references member (id),
    shop_id text not null references shop (id),
    -- Whoever is bound has an event, an ended one if they never wrote: a thread for what is sent to them.
    event_id text not null references event (id),
    channel text not null,
    bound_at bigint not null,
    -- event.last_message_at, which is bound_at until somebody writes. Here, because a list is ordered by it:
    -- with seller or shop in front of it a page is read from one index, from two tables all would be sorted.
    last_contact_at bigint not null,
    -- event.last_inbound_at, so that an audience of 100,000 is counted without touching as many events
    last_inbound_at bigint
) without rowid;
-- The lists: the last contact first, counted and filtered by channel and shop without touching the rows.
create index binding_member on binding (member_id, last_contact_at desc, customer_id desc, channel, shop_id, last_inbound_at);
create index binding_shop on binding (shop_id, last_contact_at desc, customer_id desc, channel, member_id);

-- A trigger, because customers, broadcasts and replies each move the event on in a place of their own,
-- and one that forgot the list would leave it wrong for good. For an unbound customer it is one look-up.
create trigger binding_last_contact after update of last_message_at, last_inbound_at on event
when new.last_message_at <> old.last_message_at or new.last_inbound_at is not old.last_inbound_at
begin
    update binding set last_contact_at = new.last_message_at, last_inbound_at = new.last_inbound_at
    where customer_id = new.customer_id;
end;

-- Where its customers were taken from, which decides what is checked again when they are written to.
alter table broadcast add column source text not null default 'my_events';

-- A message to a recipient is kept once something becomes of it, for all messages to the recipient at once:
-- until then each of them waits, or was left for the same reason, as its recipient's row says.

-- Which of the broadcast's messages the recipient is to get: the bit 1 << position for each.
alter table recipient add column message_bits bigint not null default 0;
update recipient set message_bits = (
    select coalesce(sum(1 << position), 0) from delivery d
    where d.broadcast_id = recipient.broadcast_id and d.customer_id = recipient.customer_id
);

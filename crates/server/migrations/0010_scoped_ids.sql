-- WhatsApp names one person by the phone number, by a business-scoped user id, or by both.

-- WhatsApp's business-scoped user id, where it was told. `external_id` is what is written to: the number while one is known.
alter table customer add column scoped_id text;
update customer set scoped_id = external_id
where external_id glob '*[^0-9]*' and account_id in (select id from account where channel = 'whatsapp');
create unique index customer_scoped on customer (account_id, scoped_id) where scoped_id is not null;

-- The customer who turned out to be the same person, and is the one who is written to since.
alter table customer add column same_as text references customer (id);
create index customer_same on customer (same_as) where same_as is not null;

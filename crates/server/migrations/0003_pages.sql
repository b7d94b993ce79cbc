-- Facebook pages and Instagram accounts; files that platforms keep.

-- What a platform calls a file of ours, so that it is uploaded once for thousands of messages.
create table platform_upload (
    account_id text not null references account (id),
    media_id text not null,
    external_id text not null,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (account_id, media_id)
) without rowid;
create index platform_upload_expiry on platform_upload (expires_at);

-- Until when everything has arrived, and was read: pages are told times instead of messages.
alter table customer add column delivered_until bigint not null default 0;
alter table customer add column read_until bigint not null default 0;

-- When the request was made, by our clock; by the platform's where it told.
alter table delivery add column sent_at bigint;

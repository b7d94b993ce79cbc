-- Every medium, saved replies, drafts, test customers.

-- JSON list of the domains of the team's own sites.
alter table team add column official_domains text not null default '[]';

alter table event add column last_medium text not null default 'text';
update event set last_medium = 'image' where last_is_image <> 0;
alter table event drop column last_is_image;

alter table media add column medium text not null default 'image';
-- none for an image or a video
alter table media add column file_type text;
-- none where there is no preview of its own
alter table media add column preview_mime text;
create index media_created on media (created_at, id);

-- What keeps an upload besides the messages that hold it.
create table media_use (
    -- a draft, a saved reply or a broadcast
    holder_id text not null,
    media_id text not null references media (id),
    primary key (holder_id, media_id)
) without rowid;
create index media_use_media on media_use (media_id);
create index message_media on message (media_id) where media_id is not null;
insert into media_use (holder_id, media_id)
    select distinct b.id, m.id from broadcast b
    cross join json_each(b.messages) part join media m on m.id = json_extract(part.value, '$.media');

alter table broadcast add column name_fallback text;
alter table broadcast add column links_official bigint not null default 0;
alter table broadcast add column links_other bigint not null default 0;
-- The draft it was written in, so that a late save does not bring it back.
alter table broadcast add column draft_id text;
create index broadcast_draft on broadcast (draft_id) where draft_id is not null;

-- What the customer was called when the broadcast was accepted, where its messages say so:
-- a repeated request must be the same, and the thread shows what was sent.
alter table recipient add column name text;

create table draft (
    id text primary key,
    team_id text not null references team (id),
    member_id text not null references member (id),
    version bigint not null,
    title text not null,
    audience text,
    messages text not null,
    name_fallback text,
    surface text not null,
    updated_at bigint not null
);
create index draft_member on draft (member_id, updated_at desc, id desc);

create table saved_reply (
    id text primary key,
    team_id text not null references team (id),
    author_id text not null references member (id),
    version bigint not null,
    title text not null,
    category text not null,
    audience text not null,
    messages text not null,
    -- title and texts in lower case, for the search
    folded text not null,
    updated_at bigint not null
);
create index saved_reply_team on saved_reply (team_id, updated_at desc, id desc);

-- A member's customer on a channel, who gets what is tried.
create table test_customer (
    member_id text not null references member (id),
    channel text not null,
    customer_id text not null references customer (id),
    bound_at bigint not null,
    primary key (member_id, channel)
) without rowid;
create index test_customer_customer on test_customer (customer_id);

-- What a member writes to an account as a customer. One at a time.
create table test_code (
    member_id text primary key references member (id),
    code text not null unique,
    expires_at bigint not null
) without rowid;

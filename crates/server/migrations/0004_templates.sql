-- WhatsApp Business accounts, their message templates as Meta has them, and broadcasts of templates.

create index account_waba on account (team_id, waba_id) where waba_id is not null;

-- How the templates of a WhatsApp Business account are read. There is no row until they were tried to be read.
create table waba (
    team_id text not null references team (id),
    waba_id text not null,
    -- the last time all its templates were read
    synced_at bigint,
    tried_at bigint,
    -- why the last try failed, in the contract's word and in Meta's; none if it did not
    failure text,
    failure_code text,
    -- when they are to be read again
    due_at bigint not null,
    primary key (team_id, waba_id)
) without rowid;

create table template (
    id text primary key,
    team_id text not null references team (id),
    waba_id text not null,
    -- Meta's id
    platform_id text not null,
    name text not null,
    language text not null,
    meta_category text not null,
    status text not null,
    format text not null,
    -- JSON of header, body, footer, buttons and cards
    parts text not null,
    -- 1 if every part can be sent from here
    is_supported bigint not null,
    -- what staff call it and file it under, and JSON of who may use it
    title text not null default '',
    category text not null default '',
    audience text not null default '{"type":"everyone"}',
    -- title and name in lower case, for the search
    folded text not null,
    -- when what it says last changed
    updated_at bigint not null,
    unique (team_id, waba_id, name, language)
);
create index template_list on template (team_id, waba_id, updated_at desc, id desc);

-- Since when the customer wants no more marketing; none if they take it.
alter table customer add column marketing_stopped_at bigint;
-- when they last said so, or took it back: what the platform says comes in any order
alter table customer add column marketing_changed_at bigint not null default 0;

alter table broadcast add column kind text not null default 'messages';
alter table broadcast add column template_id text references template (id);
-- JSON of the template as it was sent, whatever becomes of it, with what the sender wrote into it
alter table broadcast add column template text;

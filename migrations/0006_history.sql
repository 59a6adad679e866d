-- Reading the past, and what a card shows while a decision is being recorded.

alter table cards
  add column recording_since timestamptz,
  add column permalink text;
create index cards_recording on cards (recording_since) where recording_since is not null;
comment on column cards.recording_since is 'Since when it may show, without buttons, that a decision is being recorded; null once it shows what is true for sure. Left standing by a crash, it has the card shown afresh.';
comment on column cards.permalink is 'The address of the message, once Slack was asked for it.';

create table readings (
  id uuid primary key,
  person_id uuid not null references persons (id),
  search jsonb not null,
  before bigint,
  read_at timestamptz not null
);
create index readings_old on readings (read_at);
comment on table readings is 'Pages of the history that somebody was shown, so that their buttons carry an id and nothing else. Forgotten after a while; that others'' history was read stands in the ledger.';
comment on column readings.id is 'Its id (UUID version 7), the value of the page''s buttons.';
comment on column readings.person_id is 'Who read.';
comment on column readings.search is 'What was looked for.';
comment on column readings.before is 'The number of the last request on the page: the next page is older. Null where there is nothing older.';
comment on column readings.read_at is 'When.';

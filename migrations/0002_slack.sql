-- What we know of Slack: deliveries that came in, and messages that stand there.

create table deliveries (
  key text primary key,
  received_at timestamptz not null,
  payload text,
  attempt int not null default 0,
  lease_until timestamptz,
  finished_at timestamptz,
  check (finished_at is null or payload is null)
);
create index deliveries_waiting on deliveries (received_at) where finished_at is null;
comment on table deliveries is 'Deliveries from Slack, each carried out once: finished in the transaction that stores the effect.';
comment on column deliveries.key is 'What makes the delivery itself, however often and by whatever way it comes.';
comment on column deliveries.received_at is 'When it came in first.';
comment on column deliveries.payload is 'The delivery, kept only until it is finished.';
comment on column deliveries.attempt is 'How often its handling was begun.';
comment on column deliveries.lease_until is 'Until when its handler has it for itself.';
comment on column deliveries.finished_at is 'When it was carried out.';

create table cards (
  channel text not null,
  ts text not null,
  request_id uuid not null references requests (id),
  kind text not null check (kind in ('card', 'approver', 'holder')),
  person_id uuid references persons (id),
  content_hash bytea,
  posted_at timestamptz not null,
  primary key (channel, ts)
);
create index cards_of_request on cards (request_id, posted_at);
comment on table cards is 'Messages of ours in Slack that are kept true in place.';
comment on column cards.channel is 'The conversation, by id.';
comment on column cards.ts is 'The message within it.';
comment on column cards.request_id is 'The request it shows.';
comment on column cards.kind is 'card: in a channel; approver: in an approver''s direct messages; holder: in the requester''s.';
comment on column cards.person_id is 'Whose direct message it is, where that is known.';
comment on column cards.content_hash is 'What it showed last, so that an update that changes nothing is not sent; null for a copy whose content is not known.';
comment on column cards.posted_at is 'When it was posted or adopted.';

create table tellings (
  request_id uuid primary key references requests (id),
  story_seq bigint not null default 0,
  notice_seq bigint not null default 0,
  trouble text
);
comment on table tellings is 'How far the story of a request has been told.';
comment on column tellings.request_id is 'The request.';
comment on column tellings.story_seq is 'The last ledger entry told in the card''s thread.';
comment on column tellings.notice_seq is 'The last ledger entry told to the requester.';
comment on column tellings.trouble is 'Why the card does not stand in its own channel, if so.';

-- Digests: who is to read which one when, and what was sent. Each is claimed once for each reader
-- and period, whichever replica comes first.

create table digest_plan (
  only_one boolean primary key default true check (only_one),
  policy text not null,
  made_at timestamptz not null,
  stale_at timestamptz not null
);
comment on table digest_plan is 'Whether the readers of digests are those of the present policy. One row at the most.';
comment on column digest_plan.only_one is 'Keeps it to one row.';
comment on column digest_plan.policy is 'The hash of the policy that the readers were worked out from.';
comment on column digest_plan.made_at is 'When.';
comment on column digest_plan.stale_at is 'From when they are worked out again: people join groups, and travel.';

create table digest_readers (
  digest text not null,
  reader text not null,
  person_id uuid references persons (id),
  schedule text not null,
  zone text not null,
  told_until timestamptz not null,
  next_at timestamptz,
  primary key (digest, reader)
);
create index digest_readers_due on digest_readers (next_at);
comment on table digest_readers is 'The present readers of each digest, each with a deadline of their own.';
comment on column digest_readers.digest is 'The digest, as the policy names it.';
comment on column digest_readers.reader is 'The id of a person, or a channel as the policy names it.';
comment on column digest_readers.person_id is 'The person; null for a channel.';
comment on column digest_readers.schedule is 'When it is sent, as the policy writes it.';
comment on column digest_readers.zone is 'The zone in which the schedule is read for this reader.';
comment on column digest_readers.told_until is 'The end of the last period that was claimed; at first, when the reader was first seen.';
comment on column digest_readers.next_at is 'When the next one is due; null where it never is again.';

create table digests_sent (
  id uuid primary key,
  digest text not null,
  reader text not null,
  person_id uuid references persons (id),
  period_from timestamptz not null,
  period_until timestamptz not null,
  ahead_until timestamptz not null,
  claimed_at timestamptz not null,
  outcome text check (outcome in ('sent', 'quiet', 'merged', 'unreachable', 'dropped')),
  settled_at timestamptz,
  constraint digests_once unique (digest, reader, period_until),
  constraint a_period_has_a_length check (period_from < period_until),
  constraint settled_has_an_outcome check ((outcome is null) = (settled_at is null))
);
create index digests_waiting on digests_sent (digest, reader) where outcome is null;
comment on table digests_sent is 'Digests that were claimed: once for each reader and period.';
comment on column digests_sent.id is 'Its id (UUID version 7).';
comment on column digests_sent.digest is 'The digest, as the policy named it then.';
comment on column digests_sent.reader is 'The id of a person, or a channel as the policy names it.';
comment on column digests_sent.person_id is 'The person; null for a channel.';
comment on column digests_sent.period_from is 'The beginning of the time that it tells of: the end of the one before.';
comment on column digests_sent.period_until is 'The end of that time.';
comment on column digests_sent.ahead_until is 'How far it looks ahead.';
comment on column digests_sent.claimed_at is 'When it was claimed.';
comment on column digests_sent.outcome is 'sent: Slack confirmed it; quiet: there was nothing to tell; merged: the next one tells it as well; unreachable: Slack does not let us write there; dropped: not a reader any more. Null while it waits.';
comment on column digests_sent.settled_at is 'When that was known.';

create index requests_decided on requests (decided_at);
create index requests_ended on requests (grant_since) where grant_status = 'revoked';
create index requests_unreviewed on requests (resource) where review is not null and review ->> 'done' is null;
create index ledger_of_policy on ledger (seq) where event = 'policy_changed';

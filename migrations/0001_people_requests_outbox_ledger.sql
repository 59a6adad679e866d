-- People, requests with their grants, what must still happen outside, and what happened.
-- Forward only. Every column says what it holds; states that cannot be are refused by CHECKs.

create table persons (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null
);
comment on table persons is 'A person of ours: the canonical id that decisions compare.';
comment on column persons.id is 'The canonical id (UUID version 7).';
comment on column persons.name is 'How the person is called where no mention is possible.';
comment on column persons.created_at is 'When the person was first seen.';

create table identities (
  person_id uuid not null references persons (id),
  kind text not null check (kind in ('slack', 'email')),
  team text not null default '',
  value text not null,
  seen_at timestamptz not null,
  primary key (person_id, kind, team, value),
  check ((kind = 'slack') = (team <> ''))
);
create unique index identities_one_slack_user on identities (team, value) where kind = 'slack';
create index identities_value on identities (kind, value);
comment on table identities is 'What other systems call a person. An e-mail may stand at two people while systems disagree; it then counts for neither.';
comment on column identities.person_id is 'Whose identity.';
comment on column identities.kind is 'slack: a Slack user; email: a confirmed address.';
comment on column identities.team is 'The Slack workspace; empty for an e-mail.';
comment on column identities.value is 'The Slack user id, or the address in lower case.';
comment on column identities.seen_at is 'When this was last read from its source.';

create table requests (
  id uuid primary key,
  number bigint generated always as identity unique,
  version bigint not null default 1,
  requester uuid not null references persons (id),
  person uuid not null references persons (id),
  resource text not null,
  role text not null,
  reason text not null,
  duration_seconds int not null check (duration_seconds > 0),
  terms jsonb not null,
  roster jsonb not null,
  origin text not null check (origin in ('slack', 'api', 'cli')),
  extends uuid references requests (id),
  asked_at timestamptz not null,

  status text not null check (status in ('pending', 'approved', 'denied', 'cancelled', 'expired')),
  step int not null default 0 check (step >= 0),
  approvals jsonb not null default '[]',
  expires_at timestamptz,
  decided_at timestamptz,
  denied_by uuid references persons (id),
  why text,

  grant_status text check (grant_status in ('activating', 'active', 'revoking', 'revoked', 'failed')),
  grant_after timestamptz,
  grant_since timestamptz,
  grant_until timestamptz,
  remind_at timestamptz,
  receipt jsonb,
  revoke_cause jsonb,
  failing jsonb,
  covered_until timestamptz,
  grant_error text,

  constraint pending_waits check ((status = 'pending') = (expires_at is not null)),
  constraint others_are_decided check ((status = 'pending') = (decided_at is null)),
  constraint denied_has_a_reason check ((status = 'denied') = (denied_by is not null and why is not null)),
  constraint a_grant_only_when_approved check ((status = 'approved') = (grant_status is not null)),
  constraint a_grant_has_a_time check ((grant_status is null) = (grant_since is null)),
  constraint active_has_an_end check (
    case grant_status when 'active' then grant_until is not null and receipt is not null
                      when 'activating' then receipt is null
                      else grant_until is null and receipt is null end),
  constraint only_active_reminds check (remind_at is null or grant_status = 'active'),
  constraint ending_has_a_cause check (
    (coalesce(grant_status, '') in ('revoking', 'revoked')) = (revoke_cause is not null)),
  constraint only_revoking_fails check (failing is null or grant_status = 'revoking'),
  constraint only_revoked_is_covered check (covered_until is null or grant_status = 'revoked'),
  constraint failed_has_an_error check ((coalesce(grant_status, '') = 'failed') = (grant_error is not null)),
  constraint nobody_extends_themselves check (extends is null or extends <> id)
);
create index requests_expiring on requests (expires_at) where status = 'pending';
create index requests_lapsing on requests (grant_until) where grant_status in ('activating', 'active');
create index requests_reminding on requests (remind_at) where remind_at is not null;
create index requests_live on requests (person, resource, role)
  where grant_status in ('activating', 'active', 'revoking');
create index requests_of_person on requests (requester, asked_at);
comment on table requests is 'A request and, once approved, its grant. The truth for running; the ledger replays to exactly this.';
comment on column requests.id is 'Its id (UUID version 7, so ids sort by age).';
comment on column requests.number is 'A short number for people.';
comment on column requests.version is 'Counted up by every change; a save names the version it read.';
comment on column requests.requester is 'Who asked.';
comment on column requests.person is 'Who is to hold the access.';
comment on column requests.resource is 'The resource, as the policy names it.';
comment on column requests.role is 'The role, as the policy names it.';
comment on column requests.reason is 'Why, verbatim.';
comment on column requests.duration_seconds is 'How long was asked for.';
comment on column requests.terms is 'What policy answered, pinned: rule, steps, limits, target, policy hash.';
comment on column requests.roster is 'Who stood behind the groups when it was asked; shown, never deciding.';
comment on column requests.origin is 'By which way it came in.';
comment on column requests.extends is 'The request whose access it prolongs.';
comment on column requests.asked_at is 'When it was asked.';
comment on column requests.status is 'Where the request stands.';
comment on column requests.step is 'Which step is being asked, from 0.';
comment on column requests.approvals is 'Who said yes, when, in which step, in which groups.';
comment on column requests.expires_at is 'When it expires if nobody decides; only while pending.';
comment on column requests.decided_at is 'When it was decided.';
comment on column requests.denied_by is 'Who denied it.';
comment on column requests.why is 'Why it was denied.';
comment on column requests.grant_status is 'Where the grant stands; only for an approved request.';
comment on column requests.grant_after is 'The end of the grant that this one prolongs.';
comment on column requests.grant_since is 'Since when the grant stands there (for revoking: since when it should be gone).';
comment on column requests.grant_until is 'When its time is over; while activating: the end named in the call, if one was begun.';
comment on column requests.remind_at is 'When the holder is to be reminded; null once that is done.';
comment on column requests.receipt is 'What the target answered; never a secret.';
comment on column requests.revoke_cause is 'Why the access is or was taken away.';
comment on column requests.failing is 'Set while the removal keeps failing.';
comment on column requests.covered_until is 'The end of another grant that keeps the same access.';
comment on column requests.grant_error is 'Why the target refused.';

create table outbox (
  id bigint generated always as identity primary key,
  stream text not null,
  effect jsonb not null,
  created_at timestamptz not null,
  due_at timestamptz not null,
  attempt int not null default 0,
  lease_until timestamptz,
  last_error text,
  settled_at timestamptz
);
create index outbox_waiting on outbox (stream, id) where settled_at is null;
create index outbox_settled on outbox (settled_at) where settled_at is not null;
comment on table outbox is 'What must still happen outside. An effect names a thing, never its value: whoever carries it out reads the state again.';
comment on column outbox.id is 'Order within a stream.';
comment on column outbox.stream is 'Effects of one stream are carried out one at a time.';
comment on column outbox.effect is 'What to do.';
comment on column outbox.created_at is 'When it was asked for.';
comment on column outbox.due_at is 'Not before; moved forward after a failure.';
comment on column outbox.attempt is 'Counted up by each taker; only the last one may settle (the fence).';
comment on column outbox.lease_until is 'Until when the taker has it for itself.';
comment on column outbox.last_error is 'What went wrong last.';
comment on column outbox.settled_at is 'When it was done.';

create table ledger (
  seq bigint primary key,
  at timestamptz not null,
  request_id uuid references requests (id),
  event text not null,
  payload text not null,
  prev bytea not null check (length(prev) = 32),
  hash bytea not null check (length(hash) = 32)
);
create index ledger_of_request on ledger (request_id, seq);
comment on table ledger is 'What happened, in commit order and without gaps. Rows are never changed or deleted.';
comment on column ledger.seq is 'Position, counted from 1 without gaps.';
comment on column ledger.at is 'When, by the database clock; never before the row above.';
comment on column ledger.request_id is 'Which request it is about, if any.';
comment on column ledger.event is 'The name of the event.';
comment on column ledger.payload is 'The whole entry as JSON: the exact bytes that are hashed.';
comment on column ledger.prev is 'The hash of the entry before; 32 zero bytes for the first.';
comment on column ledger.hash is 'SHA-256 over prev followed by the bytes of payload.';

create function ledger_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only: % refused', tg_op;
end $$;
create trigger ledger_is_append_only before update or delete or truncate on ledger
  for each statement execute function ledger_is_append_only();

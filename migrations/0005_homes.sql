-- App Home: which tabs people have opened and what they show; and removals that somebody answers for.

create table homes (
  team text not null,
  slack_user text not null,
  person_id uuid not null references persons (id),
  opened_at timestamptz not null,
  due_at timestamptz,
  attempt int not null default 0,
  lease_until timestamptz,
  forced boolean not null default false,
  pages jsonb not null default '{}',
  leads text[] not null default '{}',
  is_admin boolean not null default false,
  shows uuid[] not null default '{}',
  shown bytea,
  hash text,
  published_at timestamptz,
  primary key (team, slack_user)
);
create index homes_due on homes (due_at) where due_at is not null;
create index homes_of_person on homes (person_id);
comment on table homes is 'The App Home tabs that were opened: what each shows, and when it is to be looked at again.';
comment on column homes.team is 'The Slack workspace.';
comment on column homes.slack_user is 'The Slack user id.';
comment on column homes.person_id is 'Whose tab it is.';
comment on column homes.opened_at is 'When it was opened last.';
comment on column homes.due_at is 'When it is to be rendered again; null where nothing is awaited.';
comment on column homes.attempt is 'Counted up by each taker; only the last one may say what is shown (the fence).';
comment on column homes.lease_until is 'Until when the taker has it for itself.';
comment on column homes.forced is 'Whether it is published even if it shows the same already: it was just opened.';
comment on column homes.pages is 'Which page of which section it shows.';
comment on column homes.leads is 'The resources that the person leads, as they were found when it was rendered last.';
comment on column homes.is_admin is 'Whether the admin panel stood in it then.';
comment on column homes.shows is 'The requests that it was made of then.';
comment on column homes.shown is 'SHA-256 of what Slack has; null where that is not known.';
comment on column homes.hash is 'What Slack calls the state of the view; it comes with the next publishing.';
comment on column homes.published_at is 'When it was published last.';

create table homes_feed (
  only_one boolean primary key default true check (only_one),
  seq bigint not null
);
comment on table homes_feed is 'How far the ledger has been read for tabs that something concerns. One row at the most.';
comment on column homes_feed.only_one is 'Keeps it to one row.';
comment on column homes_feed.seq is 'The last ledger entry that was read.';

alter table requests
  add column resolved jsonb,
  drop constraint requests_grant_status_check,
  drop constraint ending_has_a_cause,
  add constraint requests_grant_status_check
    check (grant_status in ('scheduled', 'activating', 'active', 'revoking', 'resolved', 'revoked', 'failed')),
  add constraint ending_has_a_cause check (
    (coalesce(grant_status, '') in ('revoking', 'resolved', 'revoked')) = (revoke_cause is not null)),
  add constraint only_resolved_says_who check (
    (coalesce(grant_status, '') = 'resolved') = (resolved is not null));
create index requests_stuck on requests (grant_since) where failing is not null;
create index requests_resolved on requests (person, resource, role) where grant_status = 'resolved';
comment on column requests.resolved is 'Who answers for it that the access is gone though the target did not say so, why, and since when it should be gone.';

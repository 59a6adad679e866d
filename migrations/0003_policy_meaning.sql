-- What policy can mean beyond a plain approval: chased steps, starts that lie ahead, break-glass with
-- a look afterwards, bundles; what it looks back at; and notices to the people who run the bot.

alter table requests
  add column bundle jsonb,
  add column nudge_at timestamptz,
  add column nudges int not null default 0 check (nudges >= 0),
  add column escalate_at timestamptz,
  add column escalated boolean not null default false,
  add column review jsonb,
  add column review_due_at timestamptz,
  add column start_at timestamptz,
  drop constraint requests_status_check,
  drop constraint requests_grant_status_check,
  drop constraint active_has_an_end,
  add constraint requests_status_check
    check (status in ('pending', 'approved', 'denied', 'cancelled', 'expired', 'overruled')),
  add constraint requests_grant_status_check
    check (grant_status in ('scheduled', 'activating', 'active', 'revoking', 'revoked', 'failed')),
  add constraint active_has_an_end check (
    case grant_status when 'active' then grant_until is not null and receipt is not null
                      when 'activating' then receipt is null
                      else grant_until is null and receipt is null end),
  add constraint only_scheduled_starts check ((coalesce(grant_status, '') = 'scheduled') = (start_at is not null)),
  add constraint only_pending_is_chased check (
    status = 'pending' or (nudge_at is null and escalate_at is null and nudges = 0 and not escalated)),
  add constraint only_approved_is_reviewed check (review is null or status = 'approved'),
  add constraint a_review_waits_or_not check (review_due_at is null or review is not null),
  drop constraint denied_has_a_reason,
  add constraint denied_has_a_reason check (
    (denied_by is not null) = (status = 'denied') and (why is not null) = (status in ('denied', 'overruled')));
create index requests_nudging on requests (nudge_at) where nudge_at is not null;
create index requests_escalating on requests (escalate_at) where escalate_at is not null;
create index requests_starting on requests (start_at) where start_at is not null;
create index requests_reviewing on requests (review_due_at) where review_due_at is not null;
create index requests_of_holder on requests (person, asked_at);
create index requests_of_bundle on requests ((bundle ->> 'lead')) where bundle is not null;
comment on column requests.bundle is 'The bundle that it is a part of: first part, name, position.';
comment on column requests.nudge_at is 'When the people of the step are asked again.';
comment on column requests.nudges is 'How often they were.';
comment on column requests.escalate_at is 'When others may decide as well.';
comment on column requests.escalated is 'Whether they may by now.';
comment on column requests.review is 'For break-glass: the look at it afterwards, done or not.';
comment on column requests.review_due_at is 'By when that look is due; null once it is done, or said to be overdue.';
comment on column requests.start_at is 'When an approved request is to begin; only while it waits for that.';
comment on column requests.why is 'Why it was denied, or what the later policy says.';

create table notices (
  id uuid primary key,
  key text not null unique,
  channel text not null,
  text text not null,
  created_at timestamptz not null,
  posted_at timestamptz
);
comment on table notices is 'Messages that are said once, such as to the people who run the bot.';
comment on column notices.id is 'Its id (UUID version 7).';
comment on column notices.key is 'What it is about: the same thing is not said twice.';
comment on column notices.channel is 'Where to: a channel, as the policy names it.';
comment on column notices.text is 'What is said.';
comment on column notices.created_at is 'When it was found.';
comment on column notices.posted_at is 'When it was posted; null while it waits.';

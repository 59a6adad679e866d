-- What only had to wait its turn at Slack is told apart from what failed; tabs that Slack refuses; and
-- refusals that were written down lately.

alter table outbox add column waits int not null default 0;
comment on column outbox.waits is 'How many of the takings found only that Slack had to be left alone for a while; they are no failures.';

alter table homes add column refused int not null default 0;
comment on column homes.refused is 'How often in a row Slack refused it with a code that we do not know.';

create table refusals (
  key bytea primary key check (length(key) = 32),
  at timestamptz not null
);
create index refusals_at on refusals (at);
comment on table refusals is 'Which refusals stand in the ledger already. The same one is not written down again within an hour.';
comment on column refusals.key is 'SHA-256 of who was refused what, and why.';
comment on column refusals.at is 'When it was written down last.';

-- Installations by OAuth: the workspaces and organisations that installed the app, and the visits to
-- the install page that are under way. Rows stand in the default schema only; each installation's
-- requests, ledger and outbox stand in a schema of its own, in which all migrations are run too.

create table installations (
  enterprise_id text not null default '',
  team_id text not null default '',
  house text not null unique check (house ~ '^jit_[a-z0-9]{1,40}$'),
  name text not null,
  app_id text not null,
  bot_user text not null,
  scopes text[] not null,
  bot_token bytea,
  refresh_token bytea,
  expires_at timestamptz,
  installed_by text not null,
  installed_at timestamptz not null,
  removed_at timestamptz,
  removed_why text check (removed_why in ('app_uninstalled', 'tokens_revoked')),
  primary key (enterprise_id, team_id),
  check (enterprise_id <> '' or team_id <> ''),
  check ((removed_at is null) = (bot_token is not null)),
  check ((removed_at is null) = (removed_why is null)),
  check (removed_at is null or (refresh_token is null and expires_at is null)),
  check (refresh_token is null or expires_at is not null)
);
create unique index installations_team on installations (team_id) where team_id <> '';
comment on table installations is 'Where the app is installed by OAuth, one row for each workspace or organisation, kept when it is uninstalled.';
comment on column installations.enterprise_id is 'The organisation (E…); empty where the workspace belongs to none.';
comment on column installations.team_id is 'The workspace (T…); empty where the app is installed for the whole organisation.';
comment on column installations.house is 'The schema that holds its requests, ledger and outbox.';
comment on column installations.name is 'What people call it.';
comment on column installations.app_id is 'The Slack app.';
comment on column installations.bot_user is 'The user id of the bot there.';
comment on column installations.scopes is 'The scopes that the token has.';
comment on column installations.bot_token is 'The bot token, sealed under JIT_TOKEN_KEY and bound to this row; null once it was uninstalled.';
comment on column installations.refresh_token is 'What the next token is got with, sealed in the same way; null without token rotation.';
comment on column installations.expires_at is 'When the bot token ends; null without token rotation.';
comment on column installations.installed_by is 'The Slack user who installed it last.';
comment on column installations.installed_at is 'When it was installed last.';
comment on column installations.removed_at is 'When it was uninstalled; null while it is installed.';
comment on column installations.removed_why is 'What Slack said of it.';

create table install_visits (
  state bytea primary key,
  browser bytea not null,
  made_at timestamptz not null,
  ends_at timestamptz not null,
  used_at timestamptz
);
comment on table install_visits is 'Visits to the install page: each may come back from Slack once, in the same browser, in time.';
comment on column install_visits.state is 'The SHA-256 of the state that Slack hands back.';
comment on column install_visits.browser is 'The SHA-256 of the cookie that the browser was given.';
comment on column install_visits.made_at is 'When the visit began.';
comment on column install_visits.ends_at is 'Until when it may come back.';
comment on column install_visits.used_at is 'When it came back.';

// An app of Slack's own framework, Bolt, in front of the stand-in: it understands everything that
// the stand-in delivers, and the stand-in understands all its acknowledgements.
//
//   node bolt.mjs socket | http

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, LogLevel } from '@slack/bolt';
import { Checks, soon, Standin, until } from './standin.mjs';

const mode = process.argv[2];
const standin = await Standin.start();
const checks = new Checks(`Bolt by ${mode}`);
const check = checks.check.bind(checks);

const clientOptions = { slackApiUrl: standin.api_url, retryConfig: { retries: 0 } };
const ways = {
  socket: { socketMode: true, appToken: standin.app_token },
  http: { signingSecret: standin.signing_secret, endpoints: ['/slack/commands', '/slack/interactions', '/slack/events'] },
};
const app = new App({ token: standin.bot_token, logLevel: LogLevel.ERROR, clientOptions, ...ways[mode] });

// ── What the app is told, for whoever waits for it ────────────────────────────────────────────────
const heard = new Map();
const waiting = new Map();
const bodies = [];
function tell(name, value) {
  const waiter = waiting.get(name);
  waiting.delete(name);
  if (waiter) waiter(value);
  else heard.set(name, value);
}
function told(name) {
  if (heard.has(name)) {
    const value = heard.get(name);
    heard.delete(name);
    return value;
  }
  return soon(new Promise((resolve) => waiting.set(name, resolve)), name);
}
const keep = (type, value) => bodies.push({ type, body: value });
app.error(async (error) => tell('error', error));

// ── The app ───────────────────────────────────────────────────────────────────────────────────────
const words = (text) => ({ type: 'section', block_id: 'words', text: { type: 'mrkdwn', text } });
const plain = (text) => ({ type: 'plain_text', text });
const option = (text, value) => ({ text: plain(text), value });
const BUTTONS = {
  type: 'actions',
  block_id: 'row',
  elements: [
    { type: 'button', action_id: 'approve', text: plain('Approve'), value: 'r1', style: 'primary' },
    { type: 'static_select', action_id: 'pick', placeholder: plain('Pick'), options: [option('One', '1'), option('Two', '2')] },
    { type: 'overflow', action_id: 'more', options: [option('Why me?', 'why')] },
    { type: 'users_select', action_id: 'who', placeholder: plain('Who') },
    { type: 'datepicker', action_id: 'day' },
  ],
};
const modal = (title) => ({
  type: 'modal',
  callback_id: 'ask',
  private_metadata: 'meta',
  notify_on_close: true,
  title: plain(title),
  submit: plain('Send'),
  close: plain('Cancel'),
  blocks: [
    words('What do you need?'),
    { type: 'input', block_id: 'resource', label: plain('Resource'), element: { type: 'external_select', action_id: 'resource', min_query_length: 0 } },
    { type: 'input', block_id: 'why', label: plain('Why'), element: { type: 'plain_text_input', action_id: 'why' } },
    { type: 'input', block_id: 'urgent', optional: true, dispatch_action: true, label: plain('Urgent'), element: { type: 'checkboxes', action_id: 'urgent', options: [option('Yes', 'yes')] } },
    { type: 'input', block_id: 'start', optional: true, dispatch_action: true, label: plain('From'), element: { type: 'datetimepicker', action_id: 'start' } },
  ],
});

app.command('/jit', async ({ command, ack, respond, say, client }) => {
  keep('SlashCommand', command);
  tell('command', command);
  const does = {
    silent: () => ack(),
    text: () => ack('only you see this'),
    blocks: () => ack({ text: 'fallback', blocks: [words('in blocks')] }),
    channel: () => ack({ response_type: 'in_channel', text: 'everybody sees this' }),
    respond: async () => {
      await ack();
      await respond('told later');
      await respond({ response_type: 'in_channel', text: 'told all later' });
    },
    say: async () => {
      await ack();
      await say({ text: 'said', blocks: [words('said'), BUTTONS] });
    },
    open: async () => {
      await ack();
      await client.views.open({ trigger_id: command.trigger_id, view: modal('Ask') });
    },
  };
  await does[command.text.split(' ')[0]]();
  tell(`did ${command.text.split(' ')[0]}`, command);
});

app.action('approve', async ({ body, action, ack, respond }) => {
  keep('BlockAction', body);
  await ack();
  await respond({ replace_original: true, text: 'approved', blocks: [words(`approved by <@${body.user.id}>`)] });
  tell('approve', { body, action });
});
app.action(/^(pick|more|who|day|urgent|start|home)$/, async ({ body, action, ack }) => {
  // Bolt hands it on, and its types do not know it yet.
  if (action.type !== 'datetimepicker') keep('BlockAction', body);
  await ack();
  tell(`action ${action.action_id}`, { body, action });
});

app.options('resource', async ({ options, ack }) => {
  keep('BlockSuggestion', options);
  const all = ['orders-db', 'staging-db', 'wiki'].filter((name) => name.includes(options.value));
  await ack({ options: all.map((name) => option(name, name)) });
  tell('options', options);
});

app.view('ask', async ({ view, ack, body }) => {
  keep('ViewSubmitAction', body);
  const why = view.state.values.why.why.value;
  const does = {
    errors: { response_action: 'errors', errors: { why: 'Please name a ticket' } },
    update: { response_action: 'update', view: modal('Updated') },
    push: { response_action: 'push', view: modal('Pushed') },
    clear: { response_action: 'clear' },
  };
  await (does[why] ? ack(does[why]) : ack());
  tell('view', { view, body });
});
app.view({ callback_id: 'ask', type: 'view_closed' }, async ({ view, body, ack }) => {
  keep('ViewClosedAction', body);
  await ack();
  tell('closed', { view, body });
});

app.shortcut('ask', async ({ shortcut, ack, client }) => {
  keep('GlobalShortcut', shortcut);
  await ack();
  await client.views.open({ trigger_id: shortcut.trigger_id, view: modal('Short') });
  tell('shortcut', shortcut);
});
app.shortcut('ask_about', async ({ shortcut, ack, respond }) => {
  keep('MessageShortcut', shortcut);
  await ack();
  await respond(`about ${shortcut.message_ts}`);
  tell('message shortcut', shortcut);
});

const EVENTS = ['app_home_opened', 'user_change', 'subteam_members_changed', 'subteam_updated', 'app_uninstalled', 'tokens_revoked'];
for (const type of EVENTS) {
  app.event(type, async ({ event, body, client }) => {
    if (type === 'app_home_opened') {
      const view = { type: 'home', blocks: [words(`Hello <@${event.user}>`), { type: 'actions', block_id: 'home_row', elements: [{ type: 'button', action_id: 'home', text: plain('Again') }] }] };
      await client.views.publish({ user_id: event.user, view });
    }
    tell(`event ${type}`, { event, body });
  });
}

// ── What people do ────────────────────────────────────────────────────────────────────────────────
await app.start(mode === 'http' ? { port: 0, host: '127.0.0.1' } : undefined);
if (mode === 'http') {
  await standin.order('bot', { url: `http://127.0.0.1:${app.receiver.server.address().port}` });
} else {
  await standin.order('sockets', { count: 1 });
}

const slash = (text, user = 'dana') => standin.act('slash', { user, channel: 'general', command: '/jit', text });
const submit = (why, resource = 'wiki') =>
  standin.act('submit', { user: 'dana', values: [{ key: 'why', value: why }, ...(resource ? [{ key: 'resource', value: resource }] : [])] });
const acked = (reply) => assert.ok(reply.acks.length && reply.acks.every((one) => one.in_time), JSON.stringify(reply));
const general = (user) => standin.messages(user, 'general');

await check('a slash command has its words, people as mentions, and an empty acknowledgement shows nothing', async () => {
  const before = (await general('dana')).length;
  acked(await slash('silent for @bob & <others>'));
  const command = await told('command');
  assert.equal(command.text, 'silent for <@U0BOB|bob> &amp; &lt;others&gt;');
  for (const [key, value] of Object.entries({ command: '/jit', user_id: 'U0DANA', user_name: 'dana', channel_id: 'C0GENERAL', channel_name: 'general', team_id: 'T0ACME', team_domain: 'acme' })) {
    assert.equal(command[key], value, key);
  }
  assert.equal((await general('dana')).length, before);
});

await check('an acknowledgement with text is seen by the person alone', async () => {
  const reply = await slash('text');
  acked(reply);
  assert.equal(reply.shown.text, 'only you see this');
  assert.equal(reply.shown.only_for, 'U0DANA');
  assert.ok(!(await general('bob')).some((message) => message.text === 'only you see this'));
});

await check('an acknowledgement with blocks, and one for the whole channel', async () => {
  assert.equal((await slash('blocks')).shown.blocks[0].text.text, 'in blocks');
  assert.equal((await slash('channel')).shown.only_for, null);
  assert.ok((await general('bob')).some((message) => message.text === 'everybody sees this'));
});

await check('respond() says it later, to the person and to the channel', async () => {
  acked(await slash('respond'));
  await told('did respond');
  assert.ok((await general('dana')).some((message) => message.text === 'told later' && message.only_for === 'U0DANA'));
  assert.ok((await general('bob')).some((message) => message.text === 'told all later'));
});

let said;
await check('say() posts in the channel', async () => {
  acked(await slash('say'));
  await told('did say');
  said = (await general('bob')).find((message) => message.text === 'said');
  assert.equal(said.blocks.length, 2);
});

const use = (key, value) => standin.act('act', { user: 'bob', channel: 'general', ts: said.ts, key, ...(value && { value }) });
await check('a select, an overflow menu, a person and a day: each with its value', async () => {
  acked(await use('pick', '2'));
  assert.equal((await told('action pick')).action.selected_option.value, '2');
  acked(await use('more', 'why'));
  assert.equal((await told('action more')).action.selected_option.value, 'why');
  acked(await use('who', 'carol'));
  assert.equal((await told('action who')).action.selected_user, 'U0CAROL');
  acked(await use('day', '2026-11-30'));
  const { body, action } = await told('action day');
  assert.equal(action.selected_date, '2026-11-30');
  assert.equal(body.state.values.row.pick.selected_option.value, '2', 'the state of the message');
});

await check('a button tells its value and its message; respond() replaces that message', async () => {
  acked(await use('approve'));
  const { body, action } = await told('approve');
  assert.equal(action.value, 'r1');
  assert.equal(body.container.message_ts, said.ts);
  assert.equal(body.message.ts, said.ts);
  assert.equal(body.channel.id, 'C0GENERAL');
  const now = (await general('dana')).find((message) => message.ts === said.ts);
  assert.equal(now.text, 'approved');
});

const open = async () => {
  acked(await slash('open'));
  await told('did open');
};
await check('options: what is typed arrives, and what is suggested is on offer', async () => {
  await open();
  const { options } = await standin.act('suggest', { user: 'dana', key: 'resource', query: 'db' });
  assert.deepEqual(options.map((one) => one.value), ['orders-db', 'staging-db']);
  const asked = await told('options');
  assert.equal(asked.value, 'db');
  assert.equal(asked.action_id, 'resource');
  assert.equal(asked.view.callback_id, 'ask');
});

await check('a box ticked in a modal that dispatches it', async () => {
  acked(await standin.act('act', { user: 'dana', on: 'modal', key: 'urgent', value: ['yes'] }));
  const { body, action } = await told('action urgent');
  assert.equal(action.selected_options[0].value, 'yes');
  assert.equal(body.container.type, 'view');
});

await check('a date and time chosen in a modal, in seconds', async () => {
  acked(await standin.act('act', { user: 'dana', on: 'modal', key: 'start', value: 1796122800 }));
  const { body, action } = await told('action start');
  assert.equal(action.selected_date_time, 1796122800);
  assert.equal(body.view.state.values.start.start.selected_date_time, 1796122800);
});

await check('ack with errors: they stand beside their inputs, and nothing typed is lost', async () => {
  const { outcome } = await submit('errors');
  assert.deepEqual(outcome, { errors: { why: 'Please name a ticket' } });
  const { view } = await told('view');
  assert.equal(view.state.values.resource.resource.selected_option.value, 'wiki');
  assert.equal(view.state.values.urgent.urgent.selected_options[0].value, 'yes');
  assert.equal(view.private_metadata, 'meta');
  assert.equal((await standin.sees('dana')).modal.errors.why, 'Please name a ticket');
});

await check('ack with update, with push, and with clear', async () => {
  assert.equal((await submit('update')).outcome, 'updated');
  await told('view');
  assert.equal((await standin.sees('dana')).modal.content.title.text, 'Updated');
  assert.equal((await submit('push')).outcome, 'pushed');
  await told('view');
  const seen = await standin.sees('dana');
  assert.equal(seen.modal.content.title.text, 'Pushed');
  assert.equal(seen.depth, 2);
  assert.equal((await submit('clear')).outcome, 'cleared');
  await told('view');
  assert.equal((await standin.sees('dana')).modal, null);
});

await check('a bare ack closes the modal', async () => {
  await open();
  assert.equal((await submit('fine')).outcome, 'closed');
  const { body } = await told('view');
  assert.equal(body.user.id, 'U0DANA');
});

await check('a global shortcut opens a modal; closing it is told', async () => {
  acked(await standin.act('shortcut', { user: 'dana', callback_id: 'ask' }));
  assert.equal((await told('shortcut')).callback_id, 'ask');
  assert.equal((await standin.sees('dana')).modal.content.title.text, 'Short');
  acked(await standin.act('close', { user: 'dana' }));
  assert.equal((await told('closed')).body.is_cleared, false);
  acked(await standin.act('shortcut', { user: 'dana', callback_id: 'ask' }));
  await told('shortcut');
  acked(await standin.act('close', { user: 'dana', all: true }));
  assert.equal((await told('closed')).body.is_cleared, true);
});

await check('a message shortcut brings the message, and respond() answers', async () => {
  const message = await standin.act('say', { user: 'bob', channel: 'general', text: 'staging is down' });
  acked(await standin.act('shortcut', { user: 'dana', callback_id: 'ask_about', channel: 'general', ts: message.ts }));
  const shortcut = await told('message shortcut');
  assert.equal(shortcut.message.text, 'staging is down');
  assert.equal(shortcut.message.user, 'U0BOB');
  assert.equal(shortcut.channel.id, 'C0GENERAL');
  assert.ok((await general('dana')).some((one) => one.text === `about ${message.ts}` && one.only_for === 'U0DANA'));
});

await check('App Home: opened, published, and its button', async () => {
  acked(await standin.act('home', { user: 'dana' }));
  const { event } = await told('event app_home_opened');
  assert.equal(event.tab, 'home');
  assert.equal((await standin.sees('dana')).home.content.blocks[0].text.text, 'Hello <@U0DANA>');
  acked(await standin.act('act', { user: 'dana', on: 'home', key: 'home' }));
  assert.equal((await told('action home')).body.view.type, 'home');
  acked(await standin.act('home', { user: 'dana' }));
  assert.equal((await told('event app_home_opened')).event.view.type, 'home', 'the view that is there');
});

await check('events of the workspace, each acknowledged', async () => {
  const events = [
    { type: 'user_change', user: { id: 'U0DANA', name: 'dana', profile: {} }, cache_ts: 1 },
    { type: 'subteam_members_changed', subteam_id: 'S0APPROVERS', team_id: 'T0ACME', date_previous_update: 1, date_update: 2, added_users: ['U0ERIN'], added_users_count: '1', removed_users: [], removed_users_count: '0' },
    { type: 'subteam_updated', subteam: { id: 'S0APPROVERS', team_id: 'T0ACME', is_usergroup: true, handle: 'approvers', name: 'Approvers', users: ['U0ERIN'], user_count: '1', date_update: 3, date_delete: 0 } },
    { type: 'tokens_revoked', tokens: { oauth: [], bot: ['U0JITBOT'] } },
    { type: 'app_uninstalled' },
  ];
  for (const event of events) {
    acked(await standin.order('event', { event }));
    const { body } = await told(`event ${event.type}`);
    assert.match(body.event_id, /^Ev/);
    assert.equal(body.authorizations[0].is_bot, true);
  }
});

await check('an installation for a whole organisation, where team is null', async () => {
  await standin.order('org', { whole: true });
  await open();
  assert.equal((await submit('fine')).outcome, 'closed');
  const { body } = await told('view');
  assert.equal(body.team, null);
  assert.equal(body.enterprise.id, 'E0ACME');
  await standin.order('org', { whole: false });
});

if (mode === 'http') {
  await check('the challenge of the events address, and the check of the certificate', async () => {
    assert.equal((await standin.order('url_verification', { challenge: 'abc' })).ok, true);
    assert.equal((await standin.order('ssl_check')).status, 200);
  });
} else {
  await check('told to refresh its connection, it comes back and hears again', async () => {
    const opened = async () => (await standin.calls()).filter((call) => call.method === 'apps.connections.open').length;
    const before = await opened();
    await standin.order('disconnect', { reason: 'refresh_requested' });
    await until(async () => (await opened()) > before, 'another connection');
    assert.equal((await standin.order('sockets', { count: 1 })).ok, true);
    acked(await slash('silent'));
    await told('command');
  });
}

await check('nothing of it was an error to Bolt', async () => {
  assert.equal(heard.get('error'), undefined);
});

writeFileSync(join(process.env.JIT_QUALIFY, `deliveries-${mode}.json`), JSON.stringify(bodies));
await app.stop();
await standin.stop();
checks.end();

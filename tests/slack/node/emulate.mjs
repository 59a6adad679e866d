// The real bot in front of `emulate`, a model of Slack that others wrote: what it posts, updates,
// opens and tells is there afterwards.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createEmulator } from 'emulate';
import { Bot } from './bot.mjs';
import { Checks, until } from './standin.mjs';

const TOKEN = 'xoxb-emulated';
const checks = new Checks('emulate');
const check = checks.check.bind(checks);

// ── The emulator, and the way to it ───────────────────────────────────────────────────────────────
const scopes = ['chat:write', 'commands', 'users:read', 'users:read.email', 'channels:read', 'groups:read'];
const people = ['jit', 'dana', 'bob', 'carol'];
const emulator = await createEmulator({
  service: 'slack',
  port: 0,
  seed: {
    // The first may do what the bot may, the second also reads back what is there.
    tokens: { [TOKEN]: { login: 'jit', scopes }, 'xoxb-reader': { login: 'jit', scopes: [...scopes, 'channels:history', 'im:history', 'im:read', 'im:write'] } },
    slack: {
      strict_scopes: true,
      team: { name: 'Acme', domain: 'acme' },
      users: people.map((name) => ({ name, real_name: name, email: `${name}@acme.example` })),
      channels: [{ name: 'access-requests' }, { name: 'access-fallback' }],
    },
  },
});

async function api(method, args = {}, token = 'xoxb-reader') {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${emulator.url}/api/${method}`, { method: 'POST', headers, body: JSON.stringify(args) });
  return answer.json();
}

// Slack takes reads by GET too, the emulator by POST only; and it has no response_urls. What the bot
// sends is kept for the types of its arguments.
const calls = [];
const responses = [];
let lostResponses = 0;
const NUMBERS = ['limit'];
const shim = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts).toString();
  const url = new URL(request.url, 'http://shim');
  if (url.pathname.startsWith('/response/')) {
    const lost = lostResponses > 0;
    if (lost) lostResponses -= 1;
    else responses.push({ id: url.pathname.slice(10), said: JSON.parse(body) });
    response.writeHead(lost ? 404 : 200, { 'content-type': 'text/html' }).end(lost ? '' : 'ok');
    return;
  }
  const args = request.method === 'GET' ? Object.fromEntries(url.searchParams) : JSON.parse(body || '{}');
  for (const name of NUMBERS) if (name in args) args[name] = Number(args[name]);
  const token = request.headers.authorization?.replace('Bearer ', '');
  const method = url.pathname.replace('/api/', '');
  const answer = await api(method, args, token);
  calls.push({ method, args, answer });
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
});
await new Promise((resolve) => shim.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${shim.address().port}`;

const members = (await api('users.list')).members;
const id = Object.fromEntries(people.map((name) => [name, members.find((one) => one.name === name).id]));
const channels = (await api('conversations.list')).channels;
const channel = channels.find((one) => one.name === 'access-requests').id;
const fallback = channels.find((one) => one.name === 'access-fallback').id;
const team = (await api('auth.test')).team_id;

const bot = await Bot.start({
  apiUrl: `${origin}/api`,
  token: TOKEN,
  policy: `
version: 1
defaults: { request_ttl: 1h, remind_before: 1m, max_duration: 8h, channel: ${channel}, fallback_channel: ${fallback} }
groups:
  engineers: { members: [${id.dana}] }
  dba: { members: [${id.bob}, ${id.carol}] }
connectors:
  staging: { kind: postgres, mode: login, url: { env: JIT_TARGET } }
resources:
  staging-db: { connector: staging, description: The staging database, roles: { readonly: pg_read_all_data }, default_role: readonly, labels: { env: staging }, sensitivity: low }
rules:
  - { name: read staging, match: { requester_in: [engineers] }, decision: review, steps: [ { from: [dba], count: 1 } ] }
`,
});

// ── What people do ────────────────────────────────────────────────────────────────────────────────
let number = 0;
const responseUrl = () => `${origin}/response/${(number += 1)}`;
const slash = (who, text) =>
  bot.deliver('/slack/commands', {
    command: '/jit', text, user_id: id[who], user_name: who, team_id: team, channel_id: channel, channel_name: 'access-requests',
    api_app_id: 'A1', is_enterprise_install: 'false', trigger_id: randomUUID(), response_url: responseUrl(),
  });
const trigger = async (who, view) => (await api('views.generateTriggerId', { user_id: id[who], ...(view && { view_id: view }) }, TOKEN)).trigger_id;
const interaction = (type, who) => ({ type, team: { id: team, domain: 'acme' }, user: { id: id[who], team_id: team }, api_app_id: 'A1' });
function button(message, action) {
  for (const block of message.blocks ?? []) {
    const found = (block.elements ?? []).find((one) => one.action_id === action);
    if (found) return { type: 'button', action_id: action, block_id: block.block_id ?? 'b', value: found.value, action_ts: randomUUID() };
  }
  throw new Error(`no ${action} in ${JSON.stringify(message.blocks)}`);
}
async function click(who, place, message, action, trigger_id) {
  await bot.interact({
    ...interaction('block_actions', who),
    trigger_id: trigger_id ?? (await trigger(who)),
    channel: { id: place }, container: { type: 'message', message_ts: message.ts, channel_id: place },
    message, actions: [button(message, action)], response_url: responseUrl(),
  });
}
const submit = (who, view, why) =>
  bot.interact({
    ...interaction('view_submission', who),
    trigger_id: randomUUID(),
    view: { ...view, hash: randomUUID(), state: { values: { jit_why: { jit_why_text: { type: 'plain_text_input', value: why } } } } },
  });
const history = async (place) => (await api('conversations.history', { channel: place })).messages ?? [];
const replies = async (ts) => (await api('conversations.replies', { channel, ts })).messages ?? [];
const all = (message) => JSON.stringify([message.text, message.blocks]);
const message = (place, holds, what) => until(async () => (await history(place)).find(holds), what);
const last = (method) => calls.findLast((call) => call.method === method && call.answer.ok);
const answered = (method, holds = () => true) =>
  until(() => calls.findLast((call) => call.method === method && call.answer.ok && holds(call)), method);
const dm = async (who) => (await answered('chat.postMessage', (call) => call.args.channel === id[who])).answer.channel;
const said = (words) => until(() => responses.find((one) => JSON.stringify(one.said).includes(words)), `"${words}"`);

/** Asks, and answers the card in the channel. */
async function asked(reason) {
  await slash('dana', `request staging-db 1h ${reason}`);
  return message(channel, (one) => all(one).includes(reason) && !one.thread_ts_reply && one.blocks?.some((block) => block.type === 'actions'), 'the card');
}

let card;
await check('a request becomes a card by the bot, with text, blocks and buttons; the asker is told', async () => {
  card = await asked('INC-1 orders are stuck');
  assert.equal(card.user, id.jit);
  assert.ok(card.text.includes('staging-db'), card.text);
  assert.ok(button(card, 'jit_approve') && button(card, 'jit_deny'));
  await said('staging-db');
});

await check('the permalink of the card is asked for and given', async () => {
  const { args, answer } = await answered('chat.getPermalink', (call) => call.args.message_ts === card.ts);
  assert.equal(args.channel, channel);
  assert.ok(answer.permalink.includes(card.ts.replace('.', '')), answer.permalink);
});

await check('deny opens a modal; its reason decides, and the card is updated in place without buttons', async () => {
  await click('bob', channel, card, 'jit_deny');
  const { answer } = await answered('views.open', (call) => call.args.view.callback_id === 'jit_deny_reason');
  assert.equal(answer.view.type, 'modal');
  await submit('bob', { ...answer.view, private_metadata: last('views.open').args.view.private_metadata }, 'use the replica');
  const updated = await message(channel, (one) => one.ts === card.ts && all(one).includes('use the replica'), 'the denial on the card');
  assert.ok(!updated.blocks.some((block) => block.type === 'actions'), all(updated));
  assert.ok(updated.edited, 'the emulator knows that it was updated');
});

await check('the story stands in the thread of the card', async () => {
  const thread = await until(async () => {
    const several = await replies(card.ts);
    return several.length >= 2 && several;
  }, 'replies');
  assert.ok(thread.slice(1).every((one) => one.thread_ts === card.ts && one.user === id.jit));
});

let dmOfDana;
await check('approve: the card and the asker learn of it, and access is really given', async () => {
  card = await asked('INC-2 look again');
  await click('bob', channel, card, 'jit_approve');
  const active = await message(channel, (one) => one.ts === card.ts && all(one).includes('jit_revoke'), 'the active card');
  assert.ok(!all(active).includes('jit_approve'));
  dmOfDana = await dm('dana');
  const told = await message(dmOfDana, (one) => all(one).includes('jit_credentials'), 'the message to dana');
  assert.ok(button(told, 'jit_done'));
});

await check('Get credentials opens a modal at once and updates it with a password', async () => {
  const told = await message(dmOfDana, (one) => all(one).includes('jit_credentials'), 'the message to dana');
  await click('dana', dmOfDana, told, 'jit_credentials');
  const { args, answer } = await answered('views.update');
  const opened = last('views.open');
  assert.equal(args.view_id, opened.answer.view.id, 'the view that was opened');
  assert.notEqual(answer.view.hash, opened.answer.view.hash);
  assert.equal(args.view.callback_id, 'jit_credentials_shown', JSON.stringify(args.view));
});

await check('a trigger that was used already: no modal, and the person is told by message', async () => {
  const active = await message(channel, (one) => one.ts === card.ts, 'the card');
  const used = await trigger('bob');
  assert.equal((await api('views.open', { trigger_id: used, view: last('views.open').args.view }, TOKEN)).ok, true);
  const before = responses.length;
  await click('bob', channel, active, 'jit_revoke', used);
  await until(() => calls.some((call) => call.method === 'views.open' && call.args.trigger_id === used && !call.answer.ok), 'the refusal');
  await until(() => responses.length > before, 'words to bob');
});

await check('where the response_url is lost, an ephemeral message says it', async () => {
  lostResponses = 1;
  await slash('dana', 'help');
  const { args, answer } = await answered('chat.postEphemeral', (call) => call.args.user === id.dana);
  assert.equal(args.channel, channel);
  assert.ok(answer.message_ts);
});

await check('revoke: the reason is asked, the card tells of the end, the holder is told who and why', async () => {
  const active = await message(channel, (one) => one.ts === card.ts, 'the card');
  await click('bob', channel, active, 'jit_revoke');
  const { args, answer } = await answered('views.open', (call) => call.args.view.callback_id === 'jit_revoke_reason');
  await submit('bob', { ...answer.view, private_metadata: args.view.private_metadata }, 'the incident is over');
  await message(channel, (one) => one.ts === card.ts && all(one).includes('the incident is over') && !all(one).includes('jit_revoke'), 'the end on the card');
  await message(dmOfDana, (one) => all(one).includes('the incident is over'), 'the message to dana');
});

const conflicts = (method) => calls.filter((call) => call.method === method && call.answer.error === 'hash_conflict');
const opensHome = (who) => bot.event(team, { type: 'app_home_opened', user: id[who], channel: 'D0HOME', tab: 'home', event_ts: '1.1' });

await check('App Home is published when it is opened, and shows what waits for the reader', async () => {
  await asked('INC-3 for the tab');
  await opensHome('bob');
  const { args } = await answered('views.publish', (call) => call.args.user_id === id.bob && JSON.stringify(call.args.view).includes('INC-3'));
  assert.equal(args.view.type, 'home');
  assert.ok(JSON.stringify(args.view).includes('jit_approve'));
});

await check('a tab that somebody else changed: hash_conflict, and the truth is published over it', async () => {
  const before = conflicts('views.publish').length;
  const foreign = { type: 'home', blocks: [{ type: 'section', text: { type: 'plain_text', text: 'not ours' } }] };
  assert.equal((await api('views.publish', { user_id: id.bob, view: foreign }, TOKEN)).ok, true);
  await asked('INC-4 news for the tab');
  await until(() => conflicts('views.publish').length > before, 'a conflict');
  const { args } = await answered('views.publish', (call) => call.args.user_id === id.bob && JSON.stringify(call.args.view).includes('INC-4'));
  assert.equal(args.hash, undefined, 'the state that is there is not known any more');
});

await check('/jit alone opens the form, and what comes of a change is shown although something came in between', async () => {
  await bot.deliver('/slack/commands', {
    command: '/jit', text: '', user_id: id.dana, user_name: 'dana', team_id: team, channel_id: channel, channel_name: 'access-requests',
    api_app_id: 'A1', is_enterprise_install: 'false', trigger_id: await trigger('dana'), response_url: responseUrl(),
  });
  const { args, answer } = await answered('views.open', (call) => ['jit_ask_form', 'jit_wait'].includes(call.args.view.callback_id));
  // Somebody was faster: what was opened is not what is there.
  const faster = await api('views.update', { view_id: answer.view.id, view: { ...args.view, title: { type: 'plain_text', text: 'Faster' } } }, TOKEN);
  assert.equal(faster.ok, true, JSON.stringify(faster));
  const what = { type: 'external_select', selected_option: { text: { type: 'plain_text', text: 'staging-db' }, value: 'staging-db' } };
  const action = { ...what, action_id: 'jit_ask_what', block_id: 'jit_ask_what', action_ts: String(Date.now() / 1000) };
  await bot.interact({
    ...interaction('block_actions', 'dana'),
    trigger_id: await trigger('dana', answer.view.id),
    container: { type: 'view', view_id: answer.view.id },
    view: { ...answer.view, callback_id: 'jit_ask_form', private_metadata: args.view.private_metadata ?? '', state: { values: { jit_ask_what: { jit_ask_what: what } } } },
    actions: [action],
  });
  await until(() => conflicts('views.update').length > 0, 'a conflict');
  const shown = await answered('views.update', (call) => call.args.view_id === answer.view.id && JSON.stringify(call.args.view).includes('read staging'));
  assert.equal(shown.args.hash, undefined);
});

await check('the bot called nothing that its scopes do not allow, and nothing that the emulator does not know', async () => {
  const odd = calls.filter((call) => ['missing_scope', 'not_authed', 'invalid_auth', 'unknown_method'].includes(call.answer.error));
  assert.deepEqual(odd, []);
  const refused = calls.filter((call) => !call.answer.ok).map((call) => `${call.method}: ${call.answer.error}`);
  // Those that were asked for: the used trigger, and what was changed in between.
  const expected = ['views.open: exchanged_trigger_id', 'views.publish: hash_conflict', 'views.update: hash_conflict'];
  const other = refused.filter((one) => !expected.includes(one));
  assert.deepEqual(other, []);
  assert.equal(refused.filter((one) => one.startsWith('views.open')).length, 1, refused.join(', '));
});

const sent = calls.filter((call) => call.method !== 'auth.test').map(({ method, args }) => ({ method, args }));
writeFileSync(join(process.env.JIT_QUALIFY, 'calls.json'), JSON.stringify(sent));
await bot.stop();
shim.close();
await emulator.close();
checks.end();

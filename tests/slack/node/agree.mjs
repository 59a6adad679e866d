// The stand-in and `emulate` were written by different people from the same documentation: the same
// calls of Slack's own client have the same outcome on both.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { LogLevel, WebClient } from '@slack/web-api';
import { createEmulator } from 'emulate';
import { Checks, Standin } from './standin.mjs';

const checks = new Checks('stand-in and emulate');
const quiet = { retryConfig: { retries: 0 }, logLevel: LogLevel.ERROR };
const scopes = ['chat:write', 'users:read', 'users:read.email', 'channels:read', 'groups:read', 'im:write'];
const emulator = await createEmulator({
  service: 'slack',
  port: 0,
  seed: {
    tokens: { 'xoxb-one': { login: 'jitbot', scopes } },
    slack: {
      strict_scopes: true,
      team: { name: 'Acme', domain: 'acme' },
      users: ['jitbot', 'dana', 'bob'].map((name) => ({ name, real_name: name, email: `${name}@acme.example` })),
      channels: [{ name: 'access-requests' }],
    },
  },
});
const standin = await Standin.start();

/** One of the two, with what differs between them by nature. */
async function world(client, trigger) {
  const { members } = await client.users.list({});
  const { channels } = await client.conversations.list({});
  const user = (name) => members.find((one) => one.name === name).id;
  return { client, trigger, dana: user('dana'), bob: user('bob'), channel: channels.find((one) => one.name === 'access-requests').id };
}
const theirs = await world(new WebClient('xoxb-one', { slackApiUrl: `${emulator.url}/api/`, ...quiet }), async (user) =>
  (await theirs.client.apiCall('views.generateTriggerId', { user_id: user })).trigger_id);
const ours = await world(new WebClient(standin.bot_token, { slackApiUrl: standin.api_url, ...quiet }), async (user) => {
  // Nobody is there to acknowledge the command; its trigger is good all the same.
  await standin.act('slash', { user, channel: 'general', command: '/jit', text: '' });
  return lastTrigger();
});

// Deliveries of the stand-in arrive here, for their triggers only.
let delivered;
const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  delivered = new URLSearchParams(Buffer.concat(parts).toString());
  response.end();
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
await standin.order('bot', { url: `http://127.0.0.1:${server.address().port}` });
const lastTrigger = () => delivered.get('trigger_id');

const blocks = [{ type: 'section', block_id: 'b', text: { type: 'mrkdwn', text: 'words' } }];
const modal = { type: 'modal', title: { type: 'plain_text', text: 'Ask' }, blocks };
const home = { type: 'home', blocks };

/** What came of a call: `ok` or Slack's code. */
async function outcome(call) {
  try {
    return { code: 'ok', answer: await call() };
  } catch (error) {
    if (!error.data) throw error;
    return { code: error.data.error, answer: error.data };
  }
}

/** Plays a story of calls on both; the outcomes have to be the ones that Slack documents. */
async function agree(name, expected, story) {
  await checks.check(`${name}: ${expected.join(', ')}`, async () => {
    for (const [who, one] of [['the stand-in', ours], ['emulate', theirs]]) {
      const codes = [];
      await story(one, async (call) => {
        const { code, answer } = await outcome(call);
        codes.push(code);
        return answer;
      });
      assert.deepEqual(codes, expected, who);
    }
  });
}

await agree('post, update, delete, update', ['ok', 'ok', 'ok', 'message_not_found'], async ({ client, channel }, run) => {
  const { ts, message } = await run(() => client.chat.postMessage({ channel, text: 'words', blocks }));
  assert.equal(message.blocks.length, 1);
  const updated = await run(() => client.chat.update({ channel, ts, text: 'others' }));
  assert.equal(updated.text, 'others');
  assert.equal(updated.message.blocks, undefined, 'text alone takes the blocks away');
  await run(() => client.chat.delete({ channel, ts }));
  await run(() => client.chat.update({ channel, ts, text: 'x' }));
});

await agree('post and update what is not there', ['channel_not_found', 'no_text', 'message_not_found'], async ({ client, channel }, run) => {
  await run(() => client.chat.postMessage({ channel: 'C0NOWHERE1', text: 'x' }));
  await run(() => client.chat.postMessage({ channel, text: '' }));
  await run(() => client.chat.update({ channel, ts: '1700000000.000001', text: 'x' }));
});

await agree('to a person, and update by the id of that conversation', ['ok', 'ok'], async ({ client, dana }, run) => {
  const { channel, ts } = await run(() => client.chat.postMessage({ channel: dana, text: 'to you' }));
  assert.match(channel, /^D/);
  await run(() => client.chat.update({ channel, ts, text: 'still to you' }));
});

await agree('in a thread', ['ok', 'ok'], async ({ client, channel }, run) => {
  const { ts } = await run(() => client.chat.postMessage({ channel, text: 'root' }));
  const { message } = await run(() => client.chat.postMessage({ channel, text: 'reply', thread_ts: ts }));
  assert.equal(message.thread_ts, ts);
});

await agree('ephemeral, and its update', ['ok', 'message_not_found'], async ({ client, channel, dana }, run) => {
  const { message_ts } = await run(() => client.chat.postEphemeral({ channel, user: dana, text: 'only you' }));
  await run(() => client.chat.update({ channel, ts: message_ts, text: 'x' }));
});

await agree('permalinks', ['ok', 'ok', 'message_not_found'], async ({ client, channel }, run) => {
  const { ts } = await run(() => client.chat.postMessage({ channel, text: 'words' }));
  const { permalink } = await run(() => client.chat.getPermalink({ channel, message_ts: ts }));
  assert.ok(permalink.endsWith(`/archives/${channel}/p${ts.replace('.', '')}`), permalink);
  await run(() => client.chat.getPermalink({ channel, message_ts: '1700000000.000001' }));
});

await agree('people', ['ok', 'user_not_found', 'ok', 'users_not_found'], async ({ client, dana }, run) => {
  const { user } = await run(() => client.users.info({ user: dana }));
  assert.equal(user.name, 'dana');
  await run(() => client.users.info({ user: 'U0NOBODY1' }));
  await run(() => client.users.lookupByEmail({ email: 'bob@acme.example' }));
  await run(() => client.users.lookupByEmail({ email: 'nobody@acme.example' }));
});

await agree('a modal with hash', ['ok', 'ok', 'hash_conflict', 'ok'], async ({ client, trigger, dana }, run) => {
  const { view } = await run(async () => client.views.open({ trigger_id: await trigger(dana), view: modal }));
  const { view: next } = await run(() => client.views.update({ view_id: view.id, hash: view.hash, view: modal }));
  assert.equal(next.id, view.id);
  assert.notEqual(next.hash, view.hash);
  await run(() => client.views.update({ view_id: view.id, hash: view.hash, view: modal }));
  await run(() => client.views.update({ view_id: view.id, view: modal }));
});

await agree('a trigger twice, and one that never was', ['ok', 'exchanged_trigger_id', 'invalid_trigger_id'], async ({ client, trigger, bob }, run) => {
  const once = await trigger(bob);
  await run(() => client.views.open({ trigger_id: once, view: modal }));
  await run(() => client.views.open({ trigger_id: once, view: modal }));
  await run(() => client.views.open({ trigger_id: '1.2.3', view: modal }));
});

await agree('App Home with hash', ['ok', 'ok', 'hash_conflict'], async ({ client, dana }, run) => {
  const { view } = await run(() => client.views.publish({ user_id: dana, view: home }));
  const { view: next } = await run(() => client.views.publish({ user_id: dana, hash: view.hash, view: home }));
  assert.equal(next.id, view.id);
  await run(() => client.views.publish({ user_id: dana, hash: view.hash, view: home }));
});

await agree('without the scope', ['missing_scope'], async ({ client, channel }, run) => {
  if (client === ours.client) await standin.order('scopes', { scopes: ['users:read'] });
  await run(() => client.reactions.add({ channel, timestamp: '1.1', name: 'eyes' }));
});

server.close();
await standin.stop();
await emulator.close();
checks.end();

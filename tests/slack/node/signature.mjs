// Bolt's own check accepts what the stand-in signs, and nothing else.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { isValidSlackRequest, verifySlackRequest } from '@slack/bolt';
import { Checks, Standin } from './standin.mjs';

const standin = await Standin.start();
const checks = new Checks('verifySlackRequest');
const taken = [];
const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    taken.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    response.end();
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
await standin.order('bot', { url: `http://127.0.0.1:${server.address().port}` });

const deliveries = {
  'a slash command with many scripts': () =>
    standin.act('slash', { user: 'dana', channel: 'general', command: '/jit', text: 'db 1h שלום 👩‍💻 & < > % +' }),
  'an event': () => standin.order('event', { event: { type: 'user_change', user: { id: 'U0DANA', name: 'дана' } } }),
  'a global shortcut': () => standin.act('shortcut', { user: 'dana', callback_id: 'ask' }),
};

for (const [name, deliver] of Object.entries(deliveries)) {
  await checks.check(`${name}: taken as it is; refused changed, late, and with another secret`, async () => {
    taken.length = 0;
    await deliver();
    assert.equal(taken.length, 1);
    const [{ headers, body }] = taken;
    const good = { signingSecret: standin.signing_secret, body, headers };
    verifySlackRequest(good);
    assert.equal(isValidSlackRequest({ ...good, nowMilliseconds: Date.now() + 290_000 }), true);
    assert.equal(isValidSlackRequest({ ...good, nowMilliseconds: Date.now() + 302_000 }), false, 'five minutes later');
    assert.equal(isValidSlackRequest({ ...good, body: `${body} ` }), false, 'a changed body');
    assert.equal(isValidSlackRequest({ ...good, signingSecret: 'another' }), false, 'another secret');
    assert.throws(() => verifySlackRequest({ ...good, body: body.slice(1) }), /signature/i);
  });
}

server.close();
await standin.stop();
checks.end();

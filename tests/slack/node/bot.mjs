// The real bot, `jit serve`, with a private Postgres, in front of whatever speaks Slack's Web API.

import { spawn, spawnSync } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { soon } from './standin.mjs';

const SECRET = 'a-signing-secret';

/** Postgres does not run as root, so root runs it as somebody else. */
function unprivileged() {
  if (process.getuid() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    const id = (flag) => spawnSync('id', [flag, name], { encoding: 'utf8' });
    if (id('-u').status === 0) return { uid: Number(id('-u').stdout), gid: Number(id('-g').stdout) };
  }
  throw new Error('neither a user postgres nor nobody, and Postgres does not run as root');
}

/** Every line that a stream brings, until one has what is looked for. */
function line(stream, looks, what) {
  const found = new Promise((resolve, reject) => {
    const lines = createInterface({ input: stream });
    lines.on('line', (text) => {
      const value = looks(text);
      if (value !== undefined) resolve(value);
    });
    lines.on('close', () => reject(new Error(`${what} did not come`)));
  });
  return soon(found, what, 60_000);
}

const ended = (child) => new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve()));

export class Bot {
  /** Starts Postgres and the bot, with a policy that may name the database by `JIT_TARGET`. */
  static async start({ apiUrl, token, policy }) {
    const bot = new Bot();
    bot.folder = mkdtempSync(join(tmpdir(), 'jit-emulate-'));
    chmodSync(bot.folder, 0o711);
    try {
      const database = await bot.hold();
      const file = join(bot.folder, 'policy.yaml');
      writeFileSync(file, policy);
      await bot.serve({ DATABASE_URL: database, JIT_TARGET: database, SLACK_API_URL: apiUrl, SLACK_BOT_TOKEN: token, JIT_POLICY: file });
    } catch (error) {
      await bot.stop();
      throw error;
    }
    return bot;
  }

  async hold() {
    const who = unprivileged();
    const data = join(this.folder, 'postgres');
    mkdirSync(data, { mode: 0o700 });
    // A copy, since the folder of the build may be closed to whoever runs Postgres.
    const program = join(this.folder, 'jit');
    copyFileSync(process.env.JIT_BIN, program);
    chmodSync(program, 0o755);
    if (who.uid !== undefined) chownSync(data, who.uid, who.gid);
    const env = { ...process.env, HOME: data };
    this.postgres = spawn(program, ['embedded-postgres', '--data', data], { ...who, env, cwd: data, stdio: ['pipe', 'pipe', 'inherit'] });
    return line(this.postgres.stdout, (text) => JSON.parse(text).url, 'the private Postgres');
  }

  async serve(settings) {
    const env = { ...process.env, ...settings, SLACK_SIGNING_SECRET: SECRET, JIT_LISTEN: '127.0.0.1:0', JIT_LOG_FORMAT: 'json' };
    this.child = spawn(process.env.JIT_BIN, ['serve', '--stop-with-stdin'], { env, stdio: ['pipe', 'inherit', 'pipe'] });
    this.child.stderr.pipe(process.stderr, { end: false });
    const address = (text) => (text.includes('jit is running') ? JSON.parse(text).address : undefined);
    this.url = `http://${await line(this.child.stderr, address, 'the bot')}`;
  }

  /** Delivers as Slack does; the acknowledgement has to come within three seconds. */
  deliver(path, fields) {
    return this.post(path, new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded');
  }

  /** Something that happened in the workspace. */
  event(team, event) {
    const authorizations = [{ enterprise_id: null, team_id: team, user_id: 'U0BOT', is_bot: true, is_enterprise_install: false }];
    const envelope = { token: 'x', team_id: team, api_app_id: 'A1', type: 'event_callback', event_id: `Ev${randomUUID()}`, event_time: Math.floor(Date.now() / 1000), authorizations, event };
    return this.post('/slack/events', JSON.stringify(envelope), 'application/json');
  }

  async post(path, body, type) {
    const stamp = String(Math.floor(Date.now() / 1000));
    const signature = `v0=${createHmac('sha256', SECRET).update(`v0:${stamp}:${body}`).digest('hex')}`;
    const headers = { 'content-type': type, 'x-slack-request-timestamp': stamp, 'x-slack-signature': signature };
    const answer = await fetch(this.url + path, { method: 'POST', headers, body, signal: AbortSignal.timeout(3000) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  }

  /** Something that a person did with a message or a modal. */
  interact(payload) {
    return this.deliver('/slack/interactions', { payload: JSON.stringify({ token: 'x', action_ts: randomUUID(), ...payload }) });
  }

  async stop() {
    for (const child of [this.child, this.postgres].filter(Boolean)) {
      child.stdin.end();
      await soon(ended(child), 'the end of a process', 40_000);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

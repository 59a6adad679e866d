// The stand-in for Slack as a process of ours, and how checks are told.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Runs as long as its standard input is open, so it cannot outlive this process. */
export class Standin {
  static async start() {
    const child = spawn(process.env.JIT_SANDBOX, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value);
    return Object.assign(new Standin(), await next(), { child, next, last: Promise.resolve() });
  }

  /** What only the workspace itself can do. One order at a time, each with its answer. */
  order(order, values = {}) {
    const run = async () => {
      this.child.stdin.write(`${JSON.stringify({ order, ...values })}\n`);
      const answer = await this.next();
      if (answer.error) throw new Error(`${order}: ${answer.error}`);
      return answer;
    };
    this.last = this.last.then(run, run);
    return this.last;
  }

  /** What a person does on the stand-in's page. */
  async act(route, body) {
    const answer = await fetch(`${this.page_url}sandbox/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${route} ${JSON.stringify(body)}: ${text}`);
    return JSON.parse(text);
  }

  /** What a person sees. */
  async sees(user) {
    return (await fetch(`${this.page_url}sandbox/state?user=${user}`)).json();
  }

  /** The messages that a person sees in a channel. */
  async messages(user, channel) {
    const { channels } = await this.sees(user);
    return channels.find((known) => known.id === channel || known.name === channel).messages;
  }

  /** What was asked of the Web API so far. */
  async calls() {
    return (await fetch(`${this.page_url}sandbox/calls`)).json();
  }

  async stop() {
    this.child.stdin.end();
    await new Promise((resolve) => this.child.once('exit', resolve));
  }
}

/** Prints one line a check, and goes on after a failure. */
export class Checks {
  constructor(group) {
    this.group = group;
    this.failed = 0;
  }

  async check(name, run) {
    try {
      await run();
      console.log(`ok ${this.group}: ${name}`);
    } catch (error) {
      this.failed += 1;
      console.error(error);
      const told = `${error.message ?? error}`.replace(/\s+/g, ' ').slice(0, 600);
      console.log(`FAILED ${this.group}: ${name}: ${told}`);
    }
  }

  end() {
    process.exitCode = this.failed ? 1 : 0;
  }
}

/** Resolves with the promise's value, or fails after so many milliseconds: what does not come is a
 * failure and not a hang. */
export function soon(promise, what, milliseconds = 20_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Looks again and again until something holds, for 20 seconds at most. */
export async function until(holds, what) {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const found = await holds();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come`);
}

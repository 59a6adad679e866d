// Real sessions at the real database, by the psql line that the page shows.

import { spawn } from "node:child_process";
import { SOON, ensure } from "./stage.js";

/** Splits a shell line of plain words and quoted words. */
function words(line) {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((found) => found[1] ?? found[2] ?? found[3]);
}

const open = new Set();

/** Logs in. The session stays open until it is closed, or ended by the server. */
export class Session {
  constructor(line, password) {
    const [program, ...rest] = words(line);
    ensure(program === "psql", `this is no psql line: ${line}`);
    const quiet = ["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1"];
    const environment = { ...process.env, PGPASSWORD: password, PGCONNECT_TIMEOUT: "5" };
    this.child = spawn("psql", [...rest, ...quiet], { env: environment });
    open.add(this);
    this.said = "";
    this.complained = "";
    this.heard = () => {};
    this.child.stdin.on("error", () => {});
    this.child.stdout.on("data", (data) => this.hear("said", data));
    this.child.stderr.on("data", (data) => this.hear("complained", data));
    this.ended = new Promise((resolve) => this.child.once("close", (status) => {
      open.delete(this);
      resolve(status);
    }));
    this.ended.then(() => this.heard());
  }

  hear(where, data) {
    this[where] += data;
    this.heard();
  }

  /** Asks something; answers what the server says, or fails with what psql complained of. */
  async ask(sql) {
    this.said = "";
    const answered = new Promise((resolve) => {
      this.heard = () => (this.said.includes("\n--end\n") || this.child.exitCode !== null) && resolve();
    });
    this.child.stdin.write(`${sql}\n\\echo\n\\echo --end\n`);
    await within(Promise.race([answered, this.ended]), `no answer to: ${sql}`);
    ensure(this.said.includes("--end"), this.complained.trim() || "the session ended");
    return this.said.replace(/\n?--end\n/, "").trim();
  }

  /** Leaves; answers psql's exit status. */
  async close() {
    this.child.stdin.end();
    return within(this.ended, "psql did not end");
  }
}

/** Ends whatever is still open. */
export function closeAll() {
  for (const session of open) session.child.kill();
}

async function within(promise, otherwise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(otherwise)), SOON)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

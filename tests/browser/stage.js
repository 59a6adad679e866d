// What the story stands on: the demo, the browser, the pictures, and the count of what passed.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

/** What a step waits for comes within this time, or the step fails. Milliseconds. */
export const SOON = 20_000;

const BROWSER_OPTIONS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** Starts `jit demo` and answers where its page is, and how to stop it. */
export function startDemo(program) {
  // A group of its own: Ctrl-C is for the story, which stops the demo in its turn.
  const child = spawn(program, ["demo", "--listen", "127.0.0.1:0"], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  const ended = new Promise((resolve) => child.once("close", resolve));
  const page = new Promise((resolve, reject) => {
    const line = (text) => {
      said.push(text);
      const found = text.match(/^\s*(http:\/\/127\.0\.0\.1:\d+\/)\s*$/);
      if (found) resolve(found[1]);
    };
    createInterface({ input: child.stdout }).on("line", line);
    createInterface({ input: child.stderr }).on("line", line);
    child.once("error", reject);
    ended.then((status) => reject(new Error(`jit demo ended with ${status}:\n${said.join("\n")}`)));
  });
  page.catch(() => {});
  const stop = () => {
    if (child.pid) child.kill("SIGINT");
    return ended;
  };
  return { page, stop };
}

/** Starts the browser with an empty profile, which goes away with it. */
export async function startBrowser(program) {
  const home = mkdtempSync(join(tmpdir(), "jit-browser-"));
  const browser = await chromium.launch({
    executablePath: program,
    args: BROWSER_OPTIONS,
    handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false,
    env: { ...process.env, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
  const stop = async () => {
    await browser.close();
    rmSync(home, { recursive: true, force: true });
  };
  return { browser, stop };
}

/** Whatever a page complains of: its console, its scripts, what it could not load. */
export const complaints = [];

function listenTo(page, name) {
  const note = (what) => complaints.push(`${name}: ${what}`);
  page.on("console", (said) => ["error", "warning"].includes(said.type()) && note(said.text()));
  page.on("pageerror", (error) => note(error.message));
  page.on("response", (response) => response.status() >= 400 && note(`${response.status()} for ${response.url()}`));
  page.on("requestfailed", (request) => {
    // The page asks for what it has no more use of when it goes elsewhere; that is no fault.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") note(`${request.url()}: ${request.failure()?.errorText}`);
  });
}

const windows = new Map();

/** A window of its own, as a person at a desk or with a phone has it. */
export async function openWindow(browser, name, options) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(SOON);
  listenTo(page, name);
  windows.set(name, page);
  return page;
}

export const DESK = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

/** Whether somebody has ended the story before its end. */
export const interrupted = { now: false };

const counted = { passed: 0, failed: 0 };

/** Ends the story: its line is printed already. */
export class StepFailed extends Error {}

/** Plays one step and prints its line. A step that fails leaves a picture of each window. */
export async function step(what, act) {
  const number = counted.passed + counted.failed + 1;
  try {
    await act();
    counted.passed += 1;
    console.log(`ok ${number}. ${what}`);
  } catch (error) {
    if (interrupted.now) throw error;
    counted.failed += 1;
    console.log(`not ok ${number}. ${what}\n    ${plainly(error).replaceAll("\n", "\n    ")}`);
    for (const [name, page] of windows) await picture(page, `failed-${name}`).catch(() => {});
    if (complaints.length > 0) console.log(`    The pages complained:\n    ${complaints.join("\n    ")}`);
    throw new StepFailed(what);
  }
}

/** An error without the colours, and with what it waited for instead of each attempt. */
function plainly(error) {
  const lines = error.message.replace(/\u001b\[\d+m/g, "").split("\n");
  const waited = lines.find((line) => line.includes("waiting for"));
  return waited ? `${lines[0]} ${waited.replace(/^\s*-\s*/, "")}` : lines.join("\n");
}

/** The last line; whether all is well. */
export function conclude() {
  if (interrupted.now) return false;
  console.log(`${counted.passed} passed, ${counted.failed} failed`);
  return counted.passed > 0 && counted.failed === 0;
}

export function ensure(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

let pictures = 0;

/** Keeps a picture of what the window shows. */
export async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  mkdirSync(folder, { recursive: true });
  pictures += 1;
  const number = String(pictures).padStart(2, "0");
  await page.screenshot({ path: join(folder, `${number}-${name}.png`), animations: "disabled" });
}

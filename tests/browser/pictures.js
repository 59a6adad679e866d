// Draws the pictures of the README from the page of `jit demo`: real messages of the bot, as a phone
// shows them. One line of the list for each picture.

import { PHONE, openWindow, startBrowser, startDemo } from "./stage.js";
import { arrive, become, button, go, message, type, whisper } from "./people.js";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = process.env.PICTURES;
// Sharp enough to read on a page, and small enough to keep beside the code.
const WINDOW = { ...PHONE, viewport: { width: 420, height: 900 }, deviceScaleFactor: 1 };

// What is longer goes on as it begins.
const TALLEST = 440;

/** Keeps what this place of the page looks like. */
async function keep(place, name) {
  await place.evaluate((node) => node.scrollIntoView({ block: "start" }));
  // A view that changes is drawn anew, and for a moment it has no place.
  let box = null;
  for (let tries = 0; box === null && tries < 20; tries += 1) {
    await place.waitFor();
    box = await place.boundingBox();
  }
  if (box === null) throw new Error(`${name} does not stay on the page`);
  const { x, y, width, height } = box;
  await place.page().mouse.move(0, 0);
  const clip = { x, y, width, height: Math.min(height, TALLEST) };
  await place.page().screenshot({ path: join(folder, `${name}.png`), clip, animations: "disabled" });
  console.log(`drew ${name}.png`);
}

/** Has the stand-in show a message of a snapshot, for what the demo would have to wait a day for. */
async function post(address, user, snapshot) {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
  // Where the snapshot tries a name with signs, the picture shows a plain one.
  const text = readFileSync(join(root, snapshot), "utf8").replaceAll("Carol &lt;ops&gt;", "Carol Chen");
  const blocks = JSON.parse(text.slice(text.indexOf("\n[\n")));
  const answer = await fetch(`${address}api/chat.postMessage`, {
    method: "POST",
    headers: { authorization: "Bearer xoxb-acme-bot", "content-type": "application/json" },
    body: JSON.stringify({ channel: user, text: "A digest", blocks }),
  });
  const { ok, error } = await answer.json();
  if (!ok) throw new Error(`the stand-in refuses ${snapshot}: ${error}`);
}

const ask = async (page, line, answer) => {
  await go(page, "general");
  await type(page, line);
  await whisper(page, answer).waitFor();
};

/** Each picture: its name, and how the page comes to show it. */
const PICTURES = [
  ["card-waiting", async (page) => {
    await become(page, "dana");
    await ask(page, "/jit request staging-db readwrite 2h INC-42 stuck orders, the queue does not drain", "I asked");
    await go(page, "access-requests");
    return message(page, "readwrite on staging-db");
  }],
  ["card-active", async (page) => {
    for (const approver of ["bob", "carol"]) {
      await become(page, approver);
      await go(page, "access-requests");
      await button(message(page, "readwrite on staging-db"), "Approve").click();
      await message(page, `${approver === "bob" ? "Bob" : "Carol"}`).waitFor();
    }
    const active = message(page, "Active until");
    await active.waitFor();
    return active;
  }],
  ["holder", async (page) => {
    await become(page, "dana");
    await go(page, "dm");
    return message(page, "You have readwrite on staging-db");
  }],
  ["card-denied", async (page) => {
    await become(page, "erin");
    await ask(page, "/jit request staging-db readonly 1h to look around", "I asked");
    await become(page, "carol");
    await go(page, "access-requests");
    await button(message(page, "readonly on staging-db"), "Deny…").click();
    await page.locator('#modal [data-key="jit_why/jit_why_text"]').fill("Please take a replica, it has the same orders");
    await page.locator("#modal-submit").click();
    await page.locator("#modal").waitFor({ state: "detached" });
    const card = message(page, "Please take a replica");
    await card.waitFor();
    return card;
  }],
  ["break-glass", async (page) => {
    await become(page, "erin");
    await ask(page, "/jit break-glass staging-db readwrite 30m INC-43 orders are lost", "break-glass");
    await go(page, "access-requests");
    // The last message is the card of the review.
    const card = message(page, "Break-glass: ");
    await card.waitFor();
    return card;
  }],
  ["form", async (page) => {
    await become(page, "dana");
    await go(page, "general");
    await type(page, "/jit request staging-db");
    const form = page.locator('#modal[data-callback-id="jit_ask_form"]');
    await form.locator('[data-key^="jit_ask_role"]').selectOption({ label: "readonly" });
    await form.locator("text=dba").first().waitFor();
    return form;
  }],
  ["home", async (page) => {
    await page.locator('#modal [data-key^="jit_ask_reason"]').fill("to compare two orders");
    await page.locator("#modal-submit").click();
    await page.locator("#modal", { hasText: "Request sent" }).waitFor();
    await page.locator("#modal-close").click();
    await become(page, "bob");
    await go(page, "dm");
    await page.locator("#tab-home").click();
    const home = page.locator("#home");
    await home.locator("text=to compare two orders").waitFor();
    return home;
  }],
  ["digest", async (page, address) => {
    await page.locator("#tab-messages").click();
    await post(address, "U0LEE", "src/slack/view/digest/snapshots/jitbot__slack__view__digest__tests__a_day_in_which_everything_happened.snap");
    await become(page, "lee");
    await go(page, "dm");
    return message(page, "Waiting for a decision");
  }],
];

async function draw(browser, address) {
  const page = await openWindow(browser, "phone", WINDOW);
  await arrive(page, address, { user: "dana", channel: "general" });
  const wanted = process.argv.slice(2);
  for (const [name, show] of PICTURES) {
    const place = await show(page, address);
    await place.waitFor();
    if (wanted.length === 0 || wanted.includes(name)) await keep(place, name);
  }
}

mkdirSync(folder, { recursive: true });
const stops = [];
try {
  const demo = startDemo(process.env.JIT_BIN);
  stops.push(demo.stop);
  const address = await demo.page;
  const window = await startBrowser(process.env.CHROMIUM);
  stops.push(window.stop);
  await draw(window.browser, address);
} catch (error) {
  console.error(`docs/pictures: ${error.message}`);
  process.exitCode = 1;
} finally {
  for (const stop of stops.reverse()) await stop();
}

// One full story on the page: Dana asks, Erin may not decide, Bob approves, a real login works and
// is surely gone at the end; and Carol denies another request on her phone.

import { DESK, PHONE, SOON, StepFailed, complaints, conclude, ensure, interrupted, openWindow, picture, startBrowser, startDemo, step } from "./stage.js";
import { arrive, become, button, fits, go, message, row, type, whisper } from "./people.js";
import { Session, closeAll } from "./psql.js";

const ASKED = "readonly on staging-db for 30s";
const DENIED = "readwrite on staging-db for 1h";
const WHY_NOT = "Please take a replica, it has the same orders";

const BY_FORM = "to compare two orders";

const story = { line: "", password: "", session: null };

async function play(browser, address) {
  const desk = await openWindow(browser, "desk", DESK);
  const phone = await openWindow(browser, "phone", PHONE);
  await asking(desk, address);
  await refusing(desk);
  await approving(desk);
  await using(desk);
  await denying(desk, phone, address);
  await ending(desk);
  await asForm(desk, phone);
  await atHome(desk, phone);
  await looking(browser, phone, address);
  await step("no page complained of anything in its console", async () => {
    ensure(complaints.length === 0, complaints.join("\n"));
  });
}

async function asking(page, address) {
  await step("the page opens on a quiet channel, and says how to begin", async () => {
    await arrive(page, address, { user: "dana", channel: "general" });
    await page.locator("#messages .empty", { hasText: "/jit" }).waitFor();
  });
  await step("dana types /jit, and the page shows how the command goes on", async () => {
    await page.locator("#composer").click();
    await page.keyboard.type("/jit");
    await page.locator('#hint [data-command="/jit"]').waitFor();
    await picture(page, "desk-hint");
    await page.locator("#composer").fill("");
  });
  await step("dana asks; she alone is told whom that asks", async () => {
    await type(page, "/jit request staging-db 30s to look at order 1001");
    await whisper(page, "I asked one person of dba").waitFor();
    ensure(await page.locator("#messages li:not(.ephemeral)").locator("text=Request #1").count() === 0, "everybody sees it");
    await picture(page, "desk-asked");
  });
  await step("a card says who wants what for how long, and why", async () => {
    await go(page, "access-requests");
    const card = message(page, ASKED);
    await card.waitFor();
    const lines = (await card.locator(".content").innerText()).split("\n").filter((line) => line.trim());
    ensure(/^@?Dana Diaz wants readonly on staging-db for 30s$/.test(lines[0].trim()), `it begins: ${lines[0]}`);
    ensure(lines[1].includes("to look at order 1001"), `then it says: ${lines[1]}`);
    await picture(page, "desk-card-waiting");
  });
}

async function refusing(page) {
  const refused = async (words) => {
    await button(message(page, ASKED), "Approve").click();
    await whisper(page, words).waitFor();
  };
  await step("erin is no approver: her click is refused, and she is told why", async () => {
    await become(page, "erin");
    await refused("dba");
    await picture(page, "desk-refused");
  });
  await step("dana may not approve her own request, and does not see what erin was told", async () => {
    await become(page, "dana");
    ensure(await page.locator("#messages li.ephemeral").count() === 0, "dana sees what only erin may see");
    await refused("own request");
    ensure(await button(message(page, ASKED), "Approve").count() === 1, "the request is decided");
  });
}

async function approving(page) {
  await step("bob has something unread in #access-requests; reading it takes the mark away", async () => {
    await go(page, "general");
    await become(page, "bob");
    ensure(await row(page, "access-requests").locator(".badge").innerText() === "1", "it is not marked");
    await go(page, "access-requests");
    await row(page, "access-requests").locator(".badge").waitFor({ state: "detached" });
  });
  await step("bob approves; the card becomes active, and its Approve is gone", async () => {
    await button(message(page, ASKED), "Approve").click();
    await message(page, "Active until").waitFor();
    ensure(await button(message(page, ASKED), "Approve").count() === 0, "it still has its button");
    await picture(page, "desk-card-active");
  });
}

/** What stands in the dialog to be copied, below those words. */
async function textToCopy(page, words) {
  return (await page.locator(`#modal .block:has-text("${words}") + .block pre`).innerText()).trim();
}

async function using(page) {
  await step("dana has an unread direct message, and gets credentials from it in a dialog", async () => {
    await become(page, "dana");
    await row(page, "dm").locator(".badge").waitFor();
    await go(page, "dm");
    const told = message(page, "You have readonly on staging-db");
    await told.waitFor();
    await button(told, "Get credentials").click();
    await page.locator('#modal[data-callback-id="jit_credentials_shown"]').waitFor();
    await picture(page, "desk-credentials");
    story.line = await textToCopy(page, "paste this into a terminal");
    story.password = await textToCopy(page, "Password, to copy");
    await page.locator("#modal-close").click();
    await page.locator("#modal").waitFor({ state: "detached" });
  });
  await step("the psql line and that password log in, and read order 1001", async () => {
    story.session = new Session(story.line, story.password);
    const answer = await story.session.ask("select id, state from orders where id = 1001;");
    ensure(answer === "1001|paid", `the database says: ${answer}`);
  });
  await step("the password stands nowhere on the page any more", async () => {
    await page.reload();
    await message(page, "You have readonly on staging-db").waitFor();
    const html = await page.content();
    ensure(!html.includes(story.password), "it is still there");
    await picture(page, "desk-direct-message");
  });
  await step("dana is reminded before the end, and her session lives", async () => {
    await message(page, "left of readonly on staging-db").waitFor({ timeout: 40_000 });
    await story.session.ask("select 1;");
    await picture(page, "desk-reminder");
  });
}

async function denying(desk, phone, address) {
  await step("erin asks for more on the same database", async () => {
    await become(desk, "erin");
    await go(desk, "general");
    await type(desk, "/jit request staging-db readwrite 1h INC-8 to look around");
    await whisper(desk, "I asked").waitFor();
  });
  await step("carol opens it on her phone: nothing is cut off", async () => {
    await arrive(phone, address, { user: "carol", channel: "general" });
    await fits(phone, "the channel");
    await phone.locator("#side-open").click();
    await phone.locator("body.side-open").waitFor();
    await picture(phone, "phone-side");
    await row(phone, "access-requests").click();
    await message(phone, DENIED).waitFor();
    await fits(phone, "the card");
    await picture(phone, "phone-card");
  });
  await step("she cannot deny without saying why: the dialog says so at the field", async () => {
    await button(message(phone, DENIED), "Deny…").click();
    await phone.locator('#modal[data-callback-id="jit_deny_reason"]').waitFor();
    await phone.locator("#modal-submit").click();
    await phone.locator('#modal [data-error-for="jit_why"]').waitFor();
    await fits(phone, "the dialog");
    await picture(phone, "phone-deny-error");
  });
  await step("she says why; the card and erin's direct message tell it", async () => {
    await phone.locator('#modal [data-key="jit_why/jit_why_text"]').fill(WHY_NOT);
    await phone.locator("#modal-submit").click();
    await phone.locator("#modal").waitFor({ state: "detached" });
    const card = message(phone, DENIED);
    await card.locator(`text=${WHY_NOT}`).waitFor();
    ensure(await button(card, "Approve").count() === 0, "it can still be approved");
    await picture(phone, "phone-card-denied");
    await go(desk, "dm");
    await message(desk, WHY_NOT).waitFor();
  });
  await step("from there, a link leads erin to the card, still as herself", async () => {
    await message(desk, WHY_NOT).locator("a", { hasText: "See the card" }).click();
    await message(desk, DENIED).waitFor();
    ensure(await desk.locator("#app").getAttribute("data-me") === "U0ERIN", "she became somebody else");
    ensure(desk.context().pages().length === 1, "it opened another window");
  });
}

async function ending(page) {
  await step("the time is over: the card says that the access is taken away", async () => {
    await go(page, "access-requests");
    const card = message(page, ASKED);
    await card.locator("text=Taken away").waitFor({ timeout: 2 * SOON });
    ensure(await card.locator("button.btn").count() === 0, "it still has buttons");
    await picture(page, "desk-card-over");
  });
  await step("dana's open session was ended by the server", async () => {
    const answer = await story.session.ask("select 1;").catch((error) => error.message);
    ensure(/terminat|closed the connection|connection to server was lost/i.test(answer), `it answers: ${answer}`);
  });
  await step("her login is refused", async () => {
    const again = new Session(story.line, story.password);
    const answer = await again.ask("select 1;").catch((error) => error.message);
    ensure(/authentication failed|does not exist/i.test(answer), `it answers: ${answer}`);
  });
  await step("the thread of the card tells the whole story", async () => {
    await message(page, ASKED).locator("[data-thread]").click();
    for (const words of ["asked for 30s", "approved", "is given", "taken away"]) {
      await page.locator("#thread-messages li", { hasText: words }).first().waitFor();
    }
    await picture(page, "desk-thread");
  });
}

const form = (page) => page.locator('#modal[data-callback-id="jit_ask_form"]');
const input = (page, name) => form(page).locator(`[data-key^="jit_ask_${name}"]`);

async function asForm(desk, phone) {
  await step("dana types /jit alone: a form opens", async () => {
    await become(desk, "dana");
    await go(desk, "general");
    await type(desk, "/jit");
    await form(desk).waitFor();
    await picture(desk, "desk-form-empty");
  });
  await step("a part of the name finds what she may ask for", async () => {
    await form(desk).locator(".combo input").fill("stag");
    await form(desk).locator('[role="option"]', { hasText: "staging-db" }).click();
    await input(desk, "role").waitFor();
    ensure((await input(desk, "role").locator("option").allInnerTexts()).includes("readonly"), "it offers no role");
  });
  await step("before she sends it off, the form says who will be asked, and by which rule", async () => {
    await input(desk, "role").selectOption({ label: "readonly" });
    await form(desk).locator("text=dba").first().waitFor();
    await form(desk).locator("text=/rule/i").first().waitFor();
    await picture(desk, "desk-form-preview");
  });
  await step("she sends it off, and the form tells that it was taken in", async () => {
    await input(desk, "reason").fill(BY_FORM);
    await desk.locator("#modal-submit").click();
    await desk.locator("#modal", { hasText: "Request sent" }).waitFor();
    await picture(desk, "desk-form-sent");
    await desk.locator("#modal-close").click();
  });
  await step("erin opens the form on her phone by a command with a part missing: nothing is cut off", async () => {
    await become(phone, "erin");
    await go(phone, "general");
    await type(phone, "/jit request staging-db");
    await form(phone).waitFor();
    await fits(phone, "the form");
    await picture(phone, "phone-form");
    await phone.locator("#modal-close").click();
  });
}

const home = async (page) => {
  await go(page, "dm");
  await page.locator("#tab-home").click();
  return page.locator("#home");
};

async function atHome(desk, phone) {
  await step("on his phone bob finds at home what waits for him", async () => {
    await become(phone, "bob");
    const tab = await home(phone);
    await tab.locator(`text=${BY_FORM}`).waitFor();
    await fits(phone, "his home");
    await picture(phone, "phone-home-waiting");
  });
  await step("he approves it there: it leaves his home, and the card in the channel tells it", async () => {
    const tab = phone.locator("#home");
    await button(tab, "Approve").first().click();
    await tab.locator(`text=${BY_FORM}`).waitFor({ state: "detached" });
    await go(desk, "access-requests");
    await message(desk, BY_FORM).locator("text=Active until").waitFor();
  });
  await step("dana's home shows it with its end, and she gives it back there", async () => {
    const tab = await home(desk);
    await button(tab, "Done early").first().waitFor();
    await picture(desk, "desk-home");
    await button(tab, "Done early").first().click();
    await button(tab, "Done early").first().waitFor({ state: "detached" });
    await desk.locator("#tab-messages").click();
  });
  await step("lee is an admin: his home says which policy decides", async () => {
    await become(phone, "lee");
    const tab = await home(phone);
    await tab.locator("text=/policy/i").first().waitFor();
    await fits(phone, "an admin's home");
    await picture(phone, "phone-home-admin");
    await phone.locator("#tab-messages").click();
  });
}

async function looking(browser, phone, address) {
  await step("the thread and the direct messages fit a phone too", async () => {
    await become(phone, "carol");
    await go(phone, "access-requests");
    await message(phone, ASKED).locator("[data-thread]").click();
    await phone.locator("#thread-messages li", { hasText: "taken away" }).first().waitFor();
    await fits(phone, "the thread");
    await picture(phone, "phone-thread");
    await phone.locator("#thread-close").click();
    await become(phone, "dana");
    await go(phone, "dm");
    await message(phone, "you no longer have readonly on staging-db").waitFor();
    await fits(phone, "the direct messages");
    await picture(phone, "phone-direct-message");
  });
  await step("help, and what may be asked for, fit a phone", async () => {
    await go(phone, "general");
    await type(phone, "/jit help");
    await whisper(phone, "/jit request").waitFor();
    await fits(phone, "the help");
    await picture(phone, "phone-help");
    await type(phone, "/jit list");
    await whisper(phone, "orders-db").waitFor();
    await fits(phone, "the list");
    await picture(phone, "phone-list");
  });
  await step("who likes it dark gets it dark", async () => {
    const dark = await openWindow(browser, "dark", { ...DESK, colorScheme: "dark" });
    await arrive(dark, address, { user: "dana", channel: "access-requests" });
    await message(dark, ASKED).waitFor();
    const ground = await dark.evaluate(() => getComputedStyle(document.body).backgroundColor);
    ensure(ground.match(/\d+/g).slice(0, 3).every((part) => Number(part) < 60), `it is ${ground}`);
    await picture(dark, "dark-cards");
  });
}

async function run() {
  const stops = [];
  const stopAll = async () => {
    closeAll();
    for (const one of stops.reverse()) await one().catch((error) => console.error(error.message));
  };
  // Once, whether the story ends or is ended; who asks again waits for the same end.
  let stopping = null;
  const stop = () => (stopping ??= stopAll());
  const leave = (status) => () => {
    interrupted.now = true;
    stop().finally(() => process.exit(status));
  };
  process.once("SIGINT", leave(130));
  process.once("SIGTERM", leave(143));
  process.once("SIGHUP", leave(129));
  try {
    const demo = startDemo(process.env.JIT_BIN);
    stops.push(demo.stop);
    const address = await demo.page;
    const window = await startBrowser(process.env.CHROMIUM);
    stops.push(window.stop);
    if (interrupted.now) await window.stop();
    await play(window.browser, address);
  } catch (error) {
    // What comes after a failed step builds on it, and would only wait in vain.
    if (!(error instanceof StepFailed)) throw error;
  } finally {
    await stop();
  }
  return conclude();
}

run().then(
  (well) => interrupted.now || process.exit(well ? 0 : 1),
  (error) => {
    if (interrupted.now) return;
    console.error(`tests/browser: ${error.message}`);
    process.exit(1);
  },
);

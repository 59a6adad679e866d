// What people do on the page, in their own words.

import { ensure } from "./stage.js";

/** Opens the page as somebody. */
export async function arrive(page, address, query) {
  await page.goto(`${address}?${new URLSearchParams(query)}`);
  await page.locator('#app[data-ready="true"]').waitFor();
}

const narrow = (page) => page.viewportSize().width <= 760;

async function openSide(page) {
  if (narrow(page)) await page.locator("#side-open").click();
}

/** Becomes somebody else by the person switcher. */
export async function become(page, name) {
  await openSide(page);
  const person = page.locator(`#people [data-name="${name}"]`);
  const id = await person.getAttribute("data-user");
  await person.click();
  await page.locator(`#app[data-ready="true"][data-me="${id}"]`).waitFor();
}

/** Goes to a channel, or to the conversation with the app (`dm`). */
export async function go(page, channel) {
  await openSide(page);
  await row(page, channel).click();
  await page.locator(`${rowPath(channel)}[aria-current="page"]`).waitFor({ state: "attached" });
}

function rowPath(channel) {
  return channel === "dm" ? "#dms [data-channel]" : `#channels [data-channel]:has(.name:text-is("${channel}"))`;
}

/** A conversation in the side bar. */
export const row = (page, channel) => page.locator(rowPath(channel));

/** Types a line and sends it. */
export async function type(page, line) {
  await page.locator("#composer").click();
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
}

/** The newest message for everybody with these words, in the middle of the page. */
export const message = (page, words) => page.locator("#messages li[data-ts]:not(.ephemeral)", { hasText: words }).last();

/** What is told to this person alone. */
export const whisper = (page, words) => page.locator("#messages li.ephemeral", { hasText: words }).last();

/** A button of a message, by what stands on it. */
export const button = (within, name) => within.locator("button.btn", { hasText: name });

/** What the window shows is not wider than the window. */
export async function fits(page, where) {
  const tooWide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const seen = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
    const off = (node) => node.getBoundingClientRect().right > width + 1 && !node.closest("#side");
    const nodes = [...document.querySelectorAll("body *")].filter((node) => seen(node) && off(node));
    return nodes.slice(0, 3).map((node) => `${node.tagName.toLowerCase()}.${node.className}: ${node.textContent.slice(0, 40)}`);
  });
  ensure(tooWide.length === 0, `${where} is wider than the window: ${tooWide.join("; ")}`);
  const cut = await page.evaluate(() => {
    const clipped = (node) => node.scrollWidth > node.clientWidth + 1;
    return [...document.querySelectorAll("#main .btn, .modal .btn, .text, .modal h2, #title")].filter(clipped).map((node) => node.textContent.slice(0, 60));
  });
  ensure(cut.length === 0, `${where} cuts off: ${cut.join("; ")}`);
}

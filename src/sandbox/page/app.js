// The page: who you are, where you are, what is there.
//
// For a browser test. Addresses: `/?user=bob&channel=dm&thread=TS&tab=home` (ids or names; `dm` is
// the conversation with the app); `/archives/CHANNEL/pTS` is a message's permalink.
//   #app[data-ready="true"]       the first state has been drawn; [data-me] is the person it was drawn
//                                 for; [data-version] counts drawings
//   #people [data-user]           a button per person, with .badge for unread direct messages
//   #channels, #dms [data-channel]  a button per conversation, with .badge
//   #composer, #send              the input line; Enter sends; ArrowUp brings back what was sent
//   #hint [data-command]          the slash commands that fit what is typed
//   #messages, #thread-messages   li[data-ts]; .ephemeral where only you see it;
//                                 [data-thread] opens the thread; [data-from] is the author's id
//   [data-block-id], [data-action-id], [data-key="block/action"], [data-value]  Block Kit
//   #tab-home, #tab-messages, #home   the app's tabs, in its direct message
//   #modal[data-callback-id]      the open modal: #modal-submit, #modal-close, [data-error-for]
//   #confirm-ok, #confirm-deny    a confirm dialog
//   #toasts                       what Slack says when the app does not answer

import { blocks } from "./kit.js";
import { clock, el, formatDate, full, momentOf, mrkdwn } from "./text.js";

const $ = (id) => document.getElementById(id);
const store = { state: null, user: "", channel: "", thread: null, tab: "messages", drawn: 0 };
const typed = new Map();
const history_ = { lines: [], at: 0 };
let drawnModal = "";
let drawnHome = "";
let homeAsked = "";

// ---------------------------------------------------------------- talking to the server

async function post(path, body) {
  const response = await fetch(`/sandbox/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: store.user, ...body }),
  });
  const answer = await response.json().catch(() => ({ error: `HTTP ${response.status}` }));
  if (!response.ok) toast(answer.error ?? "Something went wrong");
  return answer;
}

let loading = null;
let again = false;

/** Asks for what there is; calls that come meanwhile become one. */
function load() {
  again = true;
  loading ??= (async () => {
    while (again) {
      again = false;
      const asked = store.user;
      const response = await fetch(`/sandbox/state?user=${encodeURIComponent(asked)}`);
      const state = await response.json();
      // Somebody switched meanwhile: what came is another person's.
      if (store.user !== asked) {
        again = true;
        continue;
      }
      store.state = state;
      store.user = state.me;
      draw();
    }
    loading = null;
  })();
  return loading;
}

function listen() {
  const live = new EventSource("/sandbox/live");
  live.onmessage = () => load();
  live.onopen = () => document.body.classList.remove("offline");
  live.onerror = () => document.body.classList.add("offline");
}

// ---------------------------------------------------------------- small things

function me() {
  return store.state.users.find((user) => user.id === store.user);
}

function userOf(id) {
  if (id === "USLACKBOT") return { id, real_name: "Slackbot", name: "slackbot" };
  const user = store.state.users.find((known) => known.id === id) ?? { id, real_name: id, name: id };
  if (id === store.state.app.bot_user) return { ...user, real_name: store.state.app.name, app: true };
  return user;
}

function context() {
  const { users, channels, names } = store.state;
  const real = Object.fromEntries(users.map((user) => [user.id, user.is_bot ? user.name : user.real_name]));
  return { me: store.user, tz: me().tz, names, real, users, channels };
}

function channelNow() {
  const { channels } = store.state;
  const direct = store.channel.startsWith("D") && channels.find((known) => known.im_with);
  return channels.find((known) => known.id === store.channel) ?? (direct || channels[0]);
}

function resolveChannel(wanted) {
  const { channels } = store.state;
  const name = wanted.replace(/^#/, "");
  if (name === "dm") return channels.find((known) => known.im_with)?.id;
  const own = channels.find((known) => known.id === name || (name && known.name === name));
  return own?.id ?? (name.startsWith("D") ? channels.find((known) => known.im_with)?.id : channels[0]?.id);
}

const HUES = [265, 12, 150, 205, 330, 45, 95, 180];

function avatar(user, className = "avatar") {
  const node = el("span", className);
  const letters = user.real_name.split(/\s+/).map((word) => word[0] ?? "").join("");
  node.textContent = user.app ? "🔑" : user.id === "USLACKBOT" ? "💬" : letters.slice(0, 2).toUpperCase();
  const at = store.state.users.findIndex((known) => known.id === user.id);
  node.style.setProperty("--hue", user.app || at < 0 ? 220 : HUES[at % HUES.length]);
  node.setAttribute("aria-hidden", "true");
  return node;
}

function badge(count) {
  const node = el("span", "badge", count > 9 ? "9+" : String(count));
  node.setAttribute("aria-label", `${count} unread`);
  return node;
}

function toast(text) {
  const node = el("div", "toast", text);
  $("toasts").append(node);
  setTimeout(() => node.remove(), 6000);
}

function troubled(reply) {
  if (reply?.error === "operation_timeout") toast("⚠️ The app did not answer within 3 seconds.");
  else if (reply?.error) toast(`⚠️ ${reply.error}`);
  return reply;
}

function remember() {
  const query = new URLSearchParams({ user: store.user, channel: store.channel });
  if (store.thread) query.set("thread", store.thread);
  if (store.tab === "home") query.set("tab", "home");
  history.replaceState(null, "", `/?${query}`);
}

// ---------------------------------------------------------------- drawing

function draw() {
  if (!channelNow()) return;
  store.channel = channelNow().id;
  drawSide();
  drawBar();
  drawMessages();
  drawThread();
  drawHome();
  drawModal();
  $("app").dataset.ready = "true";
  $("app").dataset.me = store.user;
  $("app").dataset.version = String((store.drawn += 1));
}

function drawSide() {
  const { team, channels, users, unread, app } = store.state;
  $("team-name").textContent = team.name;
  $("team-icon").textContent = team.name[0];
  $("me-name").textContent = me().real_name;
  $("me-note").textContent = [me().title, `${clock(new Date(), me().tz)} in ${me().tz.split("/").pop().replace("_", " ")}`]
    .filter(Boolean).join(" · ");
  const rows = (list) => list.map(channelRow);
  $("channels").replaceChildren(...rows(channels.filter((known) => !known.im_with)));
  $("dms").replaceChildren(...rows(channels.filter((known) => known.im_with)));
  const people = users.filter((user) => user.id !== app.bot_user && !user.is_bot);
  $("people").replaceChildren(...people.map((user) => personRow(user, unread[user.id] ?? 0)));
  const others = people.reduce((sum, user) => sum + (user.id === store.user ? 0 : unread[user.id] ?? 0), 0);
  $("side-badge").hidden = others === 0;
  $("side-badge").textContent = others;
  const own = channels.reduce((sum, known) => sum + (known.im_with ? known.unread : 0), 0);
  document.title = `${own ? `(${own}) ` : ""}${team.name} · ${me().real_name}`;
}

function channelRow(channel) {
  const row = el("li");
  const node = el("button", "row");
  node.type = "button";
  node.dataset.channel = channel.id;
  if (channel.id === store.channel) node.setAttribute("aria-current", "page");
  if (channel.im_with) {
    node.append(avatar(userOf(store.state.app.bot_user), "avatar tiny"), el("span", "name", store.state.app.name), el("span", "app-badge", "APP"));
  } else {
    node.append(el("span", "sign", channel.is_archived ? "🗄" : channel.is_private ? "🔒" : "#"), el("span", "name", channel.name));
  }
  if (channel.unread > 0) {
    node.classList.add("unread");
    node.append(badge(channel.unread));
  }
  node.addEventListener("click", () => go(channel.id));
  row.append(node);
  return row;
}

function personRow(user, unread) {
  const row = el("li");
  const node = el("button", "row person");
  node.type = "button";
  node.dataset.user = user.id;
  node.dataset.name = user.name;
  node.setAttribute("aria-pressed", String(user.id === store.user));
  node.title = [user.real_name, user.title, user.tz].filter(Boolean).join(" · ");
  const words = el("span", "name", user.real_name);
  words.append(el("small", "", user.deleted ? "deactivated" : user.title));
  node.append(avatar(user, "avatar small"), words);
  if (unread > 0 && user.id !== store.user) node.append(badge(unread));
  node.addEventListener("click", () => become(user.id));
  row.append(node);
  return row;
}

function drawBar() {
  const channel = channelNow();
  const direct = Boolean(channel.im_with);
  $("title").textContent = direct ? store.state.app.name : `${channel.is_private ? "🔒 " : "# "}${channel.name}`;
  $("subtitle").textContent = direct ? "App" : channel.is_archived ? "Archived" : `${channel.members.length + (channel.bot_member ? 1 : 0)} members`;
  $("me-button").replaceChildren(avatar(me(), "avatar small"));
  $("me-button").title = `You are ${me().real_name}`;
  $("tabs").hidden = !direct;
  if (!direct) store.tab = "messages";
  const home = store.tab === "home";
  $("tab-home").setAttribute("aria-selected", String(home));
  $("tab-messages").setAttribute("aria-selected", String(!home));
  $("home").hidden = !home;
  $("messages").hidden = home;
  $("form").hidden = home || channel.is_archived;
  $("composer").placeholder = direct ? `Message ${store.state.app.name} or type /` : `Message #${channel.name} or type /`;
}

/** Draws messages into a list, keeping what did not change. */
function fillList(list, rows) {
  const old = new Map([...list.children].map((node) => [node.dataset.id, node]));
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const nodes = rows.map(({ id, signature, make }) => {
    const known = old.get(id);
    if (known && known.signature === signature) return known;
    const node = make();
    node.dataset.id = id;
    node.signature = signature;
    return node;
  });
  const same = nodes.length === list.children.length && nodes.every((node, index) => node === list.children[index]);
  if (!same) list.replaceChildren(...nodes);
  return { atEnd, same };
}

function drawMessages() {
  const channel = channelNow();
  const list = $("messages");
  const switched = list.dataset.place !== `${store.user}/${channel.id}`;
  list.dataset.place = `${store.user}/${channel.id}`;
  const shown = channel.messages.filter((message) => !isReply(message) || message.broadcast);
  const { atEnd, same } = fillList(list, rowsOf(shown, channel, false));
  if (shown.length === 0) list.replaceChildren(emptyNote(channel));
  if (switched || (atEnd && !same)) list.scrollTop = list.scrollHeight;
  readUpTo(channel, channel.messages.at(-1)?.ts);
}

function emptyNote(channel) {
  const node = el("li", "empty");
  const command = store.state.app.commands[0]?.name ?? "/";
  node.append(
    el("h2", "", channel.im_with ? `This is your conversation with ${store.state.app.name}` : `Welcome to #${channel.name}`),
    el("p", "", channel.im_with ? "What the app has to tell only you comes here." : `Type ${command} below to begin.`),
  );
  return node;
}

function isReply(message) {
  return message.thread_ts && message.thread_ts !== message.ts;
}

function rowsOf(messages, channel, inThread) {
  const ctx = context();
  const rows = [];
  let day = "";
  let before = null;
  for (const message of messages) {
    const today = formatDate(momentOf(message.ts), "{date_long_pretty}", ctx.tz);
    if (today !== day && !inThread) {
      rows.push({ id: `day-${today}`, signature: today, make: () => el("li", "day", today) });
      before = null;
    }
    day = today;
    const replies = inThread ? [] : channel.messages.filter((other) => isReply(other) && other.thread_ts === message.ts && !other.only_for);
    const close = before && before.user === message.user && !before.only_for && !message.only_for && Number(message.ts) - Number(before.ts) < 300;
    const compact = Boolean(close) && replies.length === 0;
    const last = replies.at(-1)?.ts;
    const signature = JSON.stringify([message, replies.length, last, compact, ctx.me, ctx.tz, inThread]);
    rows.push({ id: message.ts, signature, make: () => messageRow(message, { channel, ctx, replies, compact, inThread }) });
    before = inThread && !isReply(message) ? null : message;
  }
  return rows;
}

function messageRow(message, { channel, ctx, replies, compact, inThread }) {
  const author = userOf(message.user);
  const node = el("li", "message");
  node.dataset.ts = message.ts;
  node.dataset.from = message.user;
  node.classList.toggle("compact", compact);
  if (message.only_for) {
    node.classList.add("ephemeral");
    node.append(el("p", "only-you", "👁 Only visible to you"));
  }
  if (message.broadcast && !inThread) node.append(el("p", "only-you", "↳ replied to a thread"));
  const gutter = el("div", "gutter");
  const when = momentOf(message.ts);
  const time = el("time", "quiet", clock(when, ctx.tz));
  time.title = full(when, ctx.tz);
  if (compact) gutter.append(time);
  else gutter.append(avatar(author));
  const main = el("div", "body");
  if (!compact) {
    const head = el("div", "head");
    head.append(el("strong", "", author.real_name));
    if (author.app) head.append(el("span", "app-badge", "APP"));
    head.append(time);
    main.append(head);
  }
  main.append(contentOf(message, channel, ctx));
  if (message.shows_edited) main.append(el("span", "quiet edited", "(edited)"));
  main.append(reactionsOf(message));
  if (replies.length > 0) main.append(threadLink(message, replies, ctx));
  node.append(gutter, main);
  if (!message.only_for) node.append(toolsOf(message, channel, inThread));
  return node;
}

function contentOf(message, channel, ctx) {
  const node = el("div", "content");
  const spot = spotOf("message", message, channel);
  if (message.blocks.length > 0) node.append(blocks(message.blocks, ctx, spot));
  else if (message.text) {
    const text = el("div", "text");
    text.append(mrkdwn(message.text, ctx));
    node.append(text);
  }
  for (const attachment of message.attachments) {
    const box = el("div", "attachment");
    if (attachment.blocks) box.append(blocks(attachment.blocks, ctx, spot));
    else box.append(mrkdwn(attachment.text ?? attachment.fallback ?? "", ctx));
    node.append(box);
  }
  for (const file of message.files) node.append(el("div", "file", `📄 ${file}`));
  return node;
}

function reactionsOf(message) {
  const node = el("div", "reactions");
  for (const [name, people] of Object.entries(message.reactions)) {
    const one = el("span", "reaction");
    one.append(mrkdwn(`:${name}: ${people.length}`, context()));
    node.append(one);
  }
  return node;
}

function threadLink(message, replies, ctx) {
  const node = el("button", "thread-link");
  node.type = "button";
  node.dataset.thread = message.ts;
  const authors = [...new Set(replies.map((reply) => reply.user))].slice(0, 4);
  authors.forEach((id) => node.append(avatar(userOf(id), "avatar tiny")));
  node.append(el("strong", "", replies.length === 1 ? "1 reply" : `${replies.length} replies`));
  node.append(el("span", "quiet", `Last reply ${formatDate(momentOf(replies.at(-1).ts), "{ago}", ctx.tz)}`));
  node.addEventListener("click", () => openThread(message.ts));
  return node;
}

function toolsOf(message, channel, inThread) {
  const node = el("div", "tools");
  if (!inThread) {
    const reply = el("button", "icon", "💬");
    reply.type = "button";
    reply.title = "Reply in thread";
    reply.setAttribute("aria-label", "Reply in thread");
    reply.addEventListener("click", () => openThread(message.thread_ts ?? message.ts));
    node.append(reply);
  }
  for (const shortcut of store.state.app.shortcuts.filter((known) => known.on_message)) {
    const use = el("button", "icon", "⚡");
    use.type = "button";
    use.title = shortcut.name;
    use.setAttribute("aria-label", shortcut.name);
    use.dataset.shortcut = shortcut.callback_id;
    use.addEventListener("click", async () => troubled(await post("shortcut", { callback_id: shortcut.callback_id, channel: channel.id, ts: message.ts })));
    node.append(use);
  }
  return node;
}

function drawThread() {
  const channel = channelNow();
  const root = store.thread && channel.messages.find((message) => message.ts === store.thread);
  $("thread").hidden = !root;
  document.body.classList.toggle("has-thread", Boolean(root));
  if (!root) return;
  $("thread-where").textContent = channel.im_with ? store.state.app.name : `#${channel.name}`;
  const replies = channel.messages.filter((message) => isReply(message) && message.thread_ts === root.ts);
  const list = $("thread-messages");
  const { atEnd, same } = fillList(list, rowsOf([root, ...replies], channel, true));
  if (atEnd && !same) list.scrollTop = list.scrollHeight;
}

function drawHome() {
  if (store.tab !== "home") return;
  const home = store.state.home;
  const signature = JSON.stringify([store.user, home?.hash]);
  if (homeAsked !== store.user) {
    homeAsked = store.user;
    post("home", {}).then(troubled);
  }
  if (signature === drawnHome) return;
  drawnHome = signature;
  const node = $("home");
  if (!home) return node.replaceChildren(el("p", "empty", "This app has not shown anything here yet."));
  node.replaceChildren(blocks(home.content.blocks, context(), spotOf("home", home)));
}

// ---------------------------------------------------------------- modals

function drawModal() {
  const view = store.state.modal;
  const signature = view ? JSON.stringify([store.user, view.id, view.hash, view.errors]) : "";
  if (signature === drawnModal) return;
  const opened = view && !drawnModal.includes(`"${view.id}"`);
  drawnModal = signature;
  const layer = $("modal-layer");
  layer.hidden = !view;
  if (!view) return layer.replaceChildren();
  const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
  const caret = document.activeElement?.selectionStart;
  const scrolled = layer.querySelector(".modal-body")?.scrollTop ?? 0;
  layer.replaceChildren(modalBox(view));
  layer.querySelector(".modal-body").scrollTop = opened ? 0 : scrolled;
  const keep = focused && layer.querySelector(`[data-key="${CSS.escape(focused)}"]`);
  const control = keep?.matches("input,textarea,select") ? keep : keep?.querySelector("input,textarea,select");
  if (control) {
    control.focus();
    if (typeof caret === "number") control.setSelectionRange?.(caret, caret);
  } else {
    (layer.querySelector("[aria-invalid]") ?? layer.querySelector(".modal-body input,.modal-body select,.modal-body textarea") ?? $("modal-close")).focus();
  }
  layer.querySelector(".has-error")?.scrollIntoView({ block: "nearest" });
}

function modalBox(view) {
  const { content } = view;
  const box = el("form", "modal");
  box.id = "modal";
  box.noValidate = true;
  box.dataset.callbackId = content.callback_id ?? "";
  box.dataset.viewId = view.id;
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-modal", "true");
  box.setAttribute("aria-labelledby", "modal-title");
  const head = el("header");
  const title = el("h2", "", content.title?.text ?? "");
  title.id = "modal-title";
  const cross = el("button", "icon", "✕");
  cross.type = "button";
  cross.id = "modal-cross";
  cross.setAttribute("aria-label", "Close");
  cross.addEventListener("click", () => closeModal(true));
  head.append(avatar(userOf(store.state.app.bot_user), "avatar small"), title, cross);
  const body = el("div", "modal-body");
  body.append(blocks(content.blocks, context(), spotOf("modal", view)));
  const foot = el("footer");
  const shut = el("button", "btn", content.close?.text ?? (content.submit ? "Cancel" : "Close"));
  shut.type = "button";
  shut.id = "modal-close";
  shut.addEventListener("click", () => closeModal(false));
  foot.append(shut);
  if (content.submit) {
    const submit = el("button", "btn primary", content.submit.text);
    submit.type = "submit";
    submit.id = "modal-submit";
    foot.append(submit);
  }
  box.append(head, body, foot);
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    submitModal(view, box);
  });
  return box;
}

function typedIn(view) {
  if (!typed.has(view.id)) typed.set(view.id, new Map());
  return typed.get(view.id);
}

/** What was typed in a view, as far as the view still has the input. */
function valuesOf(view) {
  const there = new Set([...document.querySelectorAll("#modal [data-key]")].map((node) => node.dataset.key));
  return [...typedIn(view)].filter(([key]) => there.has(key)).map(([key, value]) => ({ key, value }));
}

async function submitModal(view, box) {
  const button = box.querySelector("#modal-submit");
  if (!button || button.disabled) return;
  button.disabled = true;
  const reply = await post("submit", { values: valuesOf(view) });
  button.disabled = false;
  const failed = reply.outcome?.failed;
  if (failed) toast(failed === "operation_timeout" ? "⚠️ We had some trouble connecting. Try again?" : `⚠️ ${failed}`);
  else if (!reply.outcome?.errors) typed.delete(view.id);
  drawnModal = reply.outcome?.errors ? "" : drawnModal;
  load();
}

async function closeModal(all) {
  typed.clear();
  troubled(await post("close", { all }));
}

// ---------------------------------------------------------------- using elements

/** Where an element stands, as kit.js wants it. */
function spotOf(on, thing, channel) {
  const view = on === "message" ? null : thing;
  const where = on === "message" ? { channel: channel.id, ts: thing.ts } : { on };
  return {
    ask,
    state: view?.state,
    errors: view?.errors,
    typed: on === "modal" ? (key, value) => typedIn(view).set(key, value) : null,
    suggest: async (key, query) => (await post("suggest", { key, query })).options ?? [],
    use: async (key, value) => {
      const values = on === "modal" ? valuesOf(view).filter((one) => one.key !== key) : [];
      return troubled(await post("act", { ...where, key, value, values }));
    },
  };
}

/** A confirm dialog; whether the person went on. */
function ask(confirm) {
  return new Promise((resolve) => {
    const layer = $("confirm-layer");
    const box = el("div", "modal confirm");
    box.setAttribute("role", "alertdialog");
    box.setAttribute("aria-modal", "true");
    box.setAttribute("aria-labelledby", "confirm-title");
    const done = (yes) => {
      layer.hidden = true;
      layer.replaceChildren();
      resolve(yes);
    };
    const head = el("header");
    const title = el("h2", "", confirm.title?.text);
    title.id = "confirm-title";
    head.append(title);
    const body = el("div", "modal-body text");
    body.append(confirm.text?.type === "mrkdwn" ? mrkdwn(confirm.text.text, context()) : document.createTextNode(confirm.text?.text ?? ""));
    const deny = el("button", "btn", confirm.deny?.text ?? "Cancel");
    deny.id = "confirm-deny";
    const okay = el("button", `btn ${confirm.style ?? "primary"}`, confirm.confirm?.text ?? "OK");
    okay.id = "confirm-ok";
    deny.addEventListener("click", () => done(false));
    okay.addEventListener("click", () => done(true));
    box.addEventListener("keydown", (event) => event.key === "Escape" && done(false));
    const foot = el("footer");
    foot.append(deny, okay);
    box.append(head, body, foot);
    layer.replaceChildren(box);
    layer.hidden = false;
    okay.focus();
  });
}

// ---------------------------------------------------------------- going about

function go(channel, thread = null) {
  store.channel = channel;
  store.thread = thread;
  store.tab = "messages";
  document.body.classList.remove("side-open");
  remember();
  draw();
}

async function become(user) {
  const direct = Boolean(channelNow()?.im_with);
  store.user = user;
  $("app").dataset.ready = "false";
  homeAsked = "";
  typed.clear();
  await load();
  if (direct) store.channel = resolveChannel("dm");
  if (!store.state.channels.some((known) => known.id === store.channel)) store.thread = null;
  document.body.classList.remove("side-open");
  remember();
  draw();
}

function openThread(ts) {
  store.thread = ts;
  remember();
  draw();
  $("thread-composer").focus({ preventScroll: true });
}

const read = new Map();

/** Tells how far was read, once for each newest message, while somebody looks. */
function readUpTo(channel, ts) {
  const key = `${store.user}/${channel.id}`;
  if (!ts || document.hidden || store.tab === "home" || read.get(key) === ts) return;
  read.set(key, ts);
  post("read", { channel: channel.id, ts });
}

// ---------------------------------------------------------------- the input line

/** `@bob` and `#general` as references, where they name somebody or something. */
function referenced(text) {
  const { users, channels } = store.state;
  const safe = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return safe.replace(/(^|\s)([@#])([\w.-]+)/g, (whole, before, sign, name) => {
    const found = sign === "@" ? users.find((user) => user.name === name) : channels.find((known) => known.name === name);
    return found ? `${before}<${sign}${found.id}>` : whole;
  });
}

async function send(box, thread) {
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  grow(box);
  drawHint();
  history_.lines.push(text);
  history_.at = history_.lines.length;
  const [command] = text.split(/\s/, 1);
  const known = store.state.app.commands.some((one) => one.name === command);
  if (known && thread) return toast(`${command} does not work in threads. Sorry!`);
  if (known) return post("slash", { channel: store.channel, command, text: text.slice(command.length).trim() });
  if (text.startsWith("/")) return toast(`${command} is not a valid command.`);
  await post("say", { channel: store.channel, text: referenced(text), thread_ts: thread });
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
}

function drawHint() {
  const typedNow = $("composer").value;
  const word = typedNow.split(/\s/, 1)[0];
  const fits = typedNow.startsWith("/")
    ? store.state.app.commands.filter((one) => (typedNow.includes(" ") ? one.name === word : one.name.startsWith(word)))
    : [];
  const hint = $("hint");
  hint.hidden = fits.length === 0;
  hint.replaceChildren(...fits.map((one) => {
    const row = el("button", "hint-row");
    row.type = "button";
    row.dataset.command = one.name;
    row.setAttribute("role", "option");
    const line = el("span");
    line.append(el("strong", "", one.name), el("code", "", ` ${one.hint}`));
    row.append(line, el("small", "quiet", one.description));
    row.addEventListener("click", () => {
      if (!typedNow.includes(" ")) $("composer").value = `${one.name} `;
      $("composer").focus();
      drawHint();
    });
    return row;
  }));
}

function recall(box, step) {
  const at = Math.min(Math.max(history_.at + step, 0), history_.lines.length);
  history_.at = at;
  box.value = history_.lines[at] ?? "";
  grow(box);
  drawHint();
}

function wireComposer(form, box, thread) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(box, thread());
  });
  box.addEventListener("input", () => {
    grow(box);
    if (box.id === "composer") drawHint();
  });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send(box, thread());
    }
    if (event.key === "Tab" && box.id === "composer" && !$("hint").hidden && !box.value.includes(" ")) {
      event.preventDefault();
      $("hint").querySelector("button").click();
    }
    const oneLine = !box.value.includes("\n");
    if (event.key === "ArrowUp" && oneLine && history_.at > 0) {
      event.preventDefault();
      recall(box, -1);
    }
    if (event.key === "ArrowDown" && oneLine && history_.at < history_.lines.length) {
      event.preventDefault();
      recall(box, 1);
    }
  });
}

// ---------------------------------------------------------------- beginning

function wire() {
  wireComposer($("form"), $("composer"), () => null);
  wireComposer($("thread-form"), $("thread-composer"), () => store.thread);
  const side = (open) => () => document.body.classList.toggle("side-open", open);
  $("side-open").addEventListener("click", side(true));
  $("me-button").addEventListener("click", side(true));
  $("side-close").addEventListener("click", side(false));
  $("main").addEventListener("click", (event) => {
    if (!event.target.closest("#side-open,#me-button")) side(false)();
  });
  $("thread-close").addEventListener("click", () => {
    store.thread = null;
    remember();
    draw();
  });
  const tab = (name) => () => {
    store.tab = name;
    if (name === "home") homeAsked = "";
    drawnHome = "";
    remember();
    draw();
  };
  $("tab-home").addEventListener("click", tab("home"));
  $("tab-messages").addEventListener("click", tab("messages"));
  document.addEventListener("click", follow);
  document.addEventListener("visibilitychange", () => store.state && draw());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && store.state?.modal && $("confirm-layer").hidden) closeModal(false);
  });
}

/** The channel and the message that a permalink names. */
function permalinkOf(path) {
  const found = path.match(/^\/archives\/([^/]+)(?:\/p(\d+)(\d{6}))?$/);
  return found && { channel: found[1], ts: found[2] && `${found[2]}.${found[3]}` };
}

function showFound(ts) {
  const row = ts && document.querySelector(`#messages [data-ts="${CSS.escape(ts)}"]`);
  row?.scrollIntoView({ block: "center" });
  row?.classList.add("found");
}

/** A link to a message of this workspace leads there as the same person, in the same window. */
function follow(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const url = new URL(link.href);
  const named = url.origin === location.origin && permalinkOf(url.pathname);
  if (!named) return;
  event.preventDefault();
  go(resolveChannel(named.channel), url.searchParams.get("thread_ts"));
  showFound(named.ts);
}

async function begin() {
  wire();
  const query = new URLSearchParams(location.search);
  const permalink = permalinkOf(location.pathname);
  store.user = query.get("user") ?? "";
  await load();
  const wanted = permalink?.channel ?? query.get("channel") ?? "";
  store.channel = resolveChannel(wanted);
  store.tab = query.get("tab") === "home" ? "home" : "messages";
  store.thread = query.get("thread_ts") ?? query.get("thread") ?? null;
  remember();
  draw();
  showFound(permalink?.ts);
  listen();
}

begin();

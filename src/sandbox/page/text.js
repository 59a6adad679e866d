// Slack's text: mrkdwn, plain text with emoji, dates in the viewer's zone.
// Everything becomes DOM nodes through textContent; nothing is ever parsed as HTML.

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", no_entry: "⛔",
  no_entry_sign: "🚫", warning: "⚠️", rotating_light: "🚨", exclamation: "❗", question: "❓",
  bangbang: "‼️", information_source: "ℹ️", lock: "🔒", unlock: "🔓", key: "🔑", old_key: "🗝️",
  closed_lock_with_key: "🔐", shield: "🛡️", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  stopwatch: "⏱️", timer_clock: "⏲️", alarm_clock: "⏰", clock1: "🕐", clock3: "🕒", clock9: "🕘",
  calendar: "📆", date: "📅", spiral_calendar_pad: "🗓️", bell: "🔔", no_bell: "🔕", mega: "📣",
  loudspeaker: "📢", eyes: "👀", wave: "👋", raised_hand: "✋", point_right: "👉", "+1": "👍",
  thumbsup: "👍", "-1": "👎", thumbsdown: "👎", ok_hand: "👌", clap: "👏", pray: "🙏", muscle: "💪",
  tada: "🎉", rocket: "🚀", fire: "🔥", boom: "💥", zap: "⚡", sparkles: "✨", star: "⭐", bulb: "💡",
  memo: "📝", pencil: "📝", clipboard: "📋", page_facing_up: "📄", scroll: "📜", books: "📚",
  open_file_folder: "📂", file_folder: "📁", package: "📦", link: "🔗", pushpin: "📌",
  paperclip: "📎", mag: "🔍", gear: "⚙️", hammer_and_wrench: "🛠️", wrench: "🔧", robot_face: "🤖",
  computer: "💻", satellite: "📡", bar_chart: "📊", chart_with_upwards_trend: "📈", ticket: "🎫",
  label: "🏷️", bust_in_silhouette: "👤", busts_in_silhouette: "👥", people_holding_hands: "🧑‍🤝‍🧑",
  house: "🏠", door: "🚪", checkered_flag: "🏁", triangular_flag_on_post: "🚩", red_circle: "🔴",
  large_green_circle: "🟢", large_yellow_circle: "🟡", large_orange_circle: "🟠",
  large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", arrow_right: "➡️",
  arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️", arrows_counterclockwise: "🔄", repeat: "🔁",
  fast_forward: "⏩", stop_sign: "🛑", octagonal_sign: "🛑", smile: "😄", slightly_smiling_face: "🙂",
  thinking_face: "🤔", heart: "❤️", coffee: "☕", zzz: "💤", crescent_moon: "🌙", sunny: "☀️",
  card_index: "📇", floppy_disk: "💾", wastebasket: "🗑️", broom: "🧹", test_tube: "🧪", ghost: "👻",
  one: "1️⃣", two: "2️⃣", three: "3️⃣", four: "4️⃣", five: "5️⃣",
};

/** An element with a class and text. */
export function el(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function emojify(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] ?? whole);
}

/** A link that leads only to the web or to mail. */
export function link(url, label) {
  const node = el("a", "", label ?? url);
  if (/^(https?:|mailto:)/i.test(url)) {
    node.href = url;
    node.target = "_blank";
    node.rel = "noopener noreferrer";
  }
  return node;
}

/** A text object: plain_text or mrkdwn. */
export function textObject(object, ctx) {
  if (!object) return document.createTextNode("");
  if (object.type === "plain_text") return document.createTextNode(emojify(object.text ?? ""));
  return mrkdwn(object.text ?? "", ctx);
}

/** The same without any formatting, for labels of options and buttons. */
export function bare(object) {
  return emojify(unescape(object?.text ?? ""));
}

/** mrkdwn as nodes. */
export function mrkdwn(text, ctx) {
  const out = document.createDocumentFragment();
  const pieces = text.split(/```/);
  pieces.forEach((piece, index) => {
    const fenced = index % 2 === 1 && index < pieces.length - 1;
    if (fenced) out.append(el("pre", "", unescape(piece.replace(/^\n|\n$/g, ""))));
    else if (index % 2 === 1) lines("```" + piece, ctx, out);
    else lines(index > 0 ? piece.replace(/^\n/, "") : piece, ctx, out);
  });
  return out;
}

function lines(text, ctx, out) {
  let quote = null;
  const all = text.split("\n");
  all.forEach((line, index) => {
    const quoted = line.match(/^(?:&gt;|>)\s?(.*)$/);
    if (quoted) {
      if (quote) quote.append("\n");
      else out.append((quote = el("blockquote")));
      inline(quoted[1], ctx, quote);
      return;
    }
    const followsQuote = quote !== null;
    quote = null;
    if (index > 0 && !followsQuote) out.append("\n");
    inline(line, ctx, out);
  });
}

const RULES = [
  [/`([^`\n]+)`/, (m) => el("code", "", unescape(m[1]))],
  [/<([^<>\n]+)>/, (m, ctx) => reference(m[1], ctx)],
  [/(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])/, (m, ctx) => wrap("strong", m[1], ctx)],
  [/(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])/, (m, ctx) => wrap("em", m[1], ctx)],
  [/(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])/, (m, ctx) => wrap("s", m[1], ctx)],
];

function wrap(tag, text, ctx) {
  const node = el(tag);
  inline(text, ctx, node);
  return node;
}

function inline(text, ctx, out) {
  while (text) {
    let first = null;
    for (const [pattern, make] of RULES) {
      const match = pattern.exec(text);
      if (match && (!first || match.index < first.match.index)) first = { match, make };
    }
    if (!first) break;
    out.append(emojify(unescape(text.slice(0, first.match.index))), first.make(first.match, ctx));
    text = text.slice(first.match.index + first.match[0].length);
  }
  if (text) out.append(emojify(unescape(text)));
}

/** What stands in angle brackets: a mention, a channel, a date, a link. */
function reference(inside, ctx) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? null : unescape(inside.slice(bar + 1));
  const id = target.slice(1);
  if (target[0] === "@") return mention("@" + (ctx.real?.[id] ?? ctx.names[id] ?? label ?? id), id, ctx);
  if (target[0] === "#") return mention("#" + (ctx.names[id] ?? label ?? id), id, ctx);
  if (target.startsWith("!date^")) return date(target, label, ctx);
  if (target.startsWith("!subteam^")) {
    const group = target.slice(9);
    return mention("@" + (ctx.names[group] ?? label ?? group), group, ctx);
  }
  if (target[0] === "!") return mention(label ?? "@" + id, id, ctx);
  return link(unescape(target), label ?? unescape(target));
}

/** A mention; it stands out more where it is about the viewer. */
export function mention(text, id, ctx) {
  const node = el("span", id === ctx.me ? "mention mine" : "mention", text);
  node.dataset.ref = id;
  return node;
}

function date(target, fallback, ctx) {
  const [, seconds, format, url] = target.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return document.createTextNode(fallback ?? "");
  const shown = formatDate(when, format ?? "{date} {time}", ctx.tz);
  const node = url ? link(url, shown) : el("time", "", shown);
  node.title = full(when, ctx.tz);
  if (!url) node.dateTime = when.toISOString();
  return node;
}

function parts(when, tz, options) {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: tz, ...options });
  return Object.fromEntries(format.formatToParts(when).map((part) => [part.type, part.value]));
}

function ordinal(day) {
  const teen = day % 100 >= 11 && day % 100 <= 13;
  return day + (teen ? "th" : { 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th");
}

/** Days from today to then, in the viewer's zone. */
function daysAway(when, tz) {
  const day = (date) => {
    const p = parts(date, tz, { year: "numeric", month: "numeric", day: "numeric" });
    return Date.UTC(Number(p.year), Number(p.month) - 1, Number(p.day)) / 86400000;
  };
  return day(when) - day(new Date());
}

/** The time of day, `11:09 AM`. */
export function clock(when, tz, seconds = false) {
  const options = { hour: "numeric", minute: "2-digit", timeZone: tz };
  if (seconds) options.second = "2-digit";
  return new Intl.DateTimeFormat("en-US", options).format(when).replace(/\u202f/g, " ");
}

/** Date, time and zone in full. */
export function full(when, tz) {
  return `${formatDate(when, "{date_long} at {time_secs}", tz)} (${tz})`;
}

function ago(when) {
  const seconds = Math.round((when.getTime() - Date.now()) / 1000);
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}

/** Slack's date tokens, filled in for a zone. */
export function formatDate(when, format, tz) {
  const p = parts(when, tz, { weekday: "long", year: "numeric", month: "long", day: "numeric" });
  const short = parts(when, tz, { month: "short" }).month;
  const number = parts(when, tz, { year: "numeric", month: "2-digit", day: "2-digit" });
  const plain = {
    date_num: () => `${number.year}-${number.month}-${number.day}`,
    date: () => `${p.month} ${ordinal(Number(p.day))}, ${p.year}`,
    date_short: () => `${short} ${p.day}, ${p.year}`,
    date_long: () => `${p.weekday}, ${p.month} ${ordinal(Number(p.day))}, ${p.year}`,
    time: () => clock(when, tz),
    time_secs: () => clock(when, tz, true),
    ago: () => ago(when),
  };
  const near = { "-1": "yesterday", 0: "today", 1: "tomorrow" }[daysAway(when, tz)];
  return format.replace(/\{(\w+)\}/g, (whole, token, at) => {
    const pretty = token.endsWith("_pretty");
    if (pretty && near) return at === 0 ? near[0].toUpperCase() + near.slice(1) : near;
    const name = pretty ? token.slice(0, -"_pretty".length) : token;
    return plain[name]?.() ?? whole;
  });
}

/** Unix seconds of a wall-clock time (`2026-11-23T11:09`) in a zone. */
export function toSeconds(local, tz) {
  if (!local) return null;
  const wanted = Date.parse(local + ":00Z");
  let guess = wanted;
  for (let round = 0; round < 3; round += 1) {
    guess += wanted - Date.parse(toLocal(guess / 1000, tz) + ":00Z");
  }
  return Math.round(guess / 1000);
}

/** The wall-clock time of unix seconds in a zone. */
export function toLocal(seconds, tz) {
  const p = parts(new Date(seconds * 1000), tz, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    hourCycle: "h23",
  });
  return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}`;
}

/** A message's moment from its ts. */
export function momentOf(ts) {
  return new Date(Number(ts) * 1000);
}

/** Markdown blocks, in simple form: headings, lists, quotes, code, bold, italic, links. */
export function markdown(text, ctx) {
  const converted = text
    .replace(/^#{1,6}\s+(.*)$/gm, "*$1*")
    .replace(/\*\*([^*\n]+)\*\*/g, "*$1*")
    .replace(/~~([^~\n]+)~~/g, "~$1~")
    .replace(/^(\s*)[-*]\s+/gm, "$1• ")
    .replace(/\[([^\]\n]+)\]\((https?:[^)\s]+)\)/g, "<$2|$1>");
  return mrkdwn(converted, ctx);
}

/** Rich text nodes. */
export function richText(node, ctx) {
  const children = (into) => {
    for (const child of node.elements ?? []) into.append(richText(child, ctx));
    return into;
  };
  switch (node.type) {
    case "rich_text_section": return children(el("div", "rich"));
    case "rich_text_preformatted": return children(el("pre"));
    case "rich_text_quote": return children(el("blockquote"));
    case "rich_text_list": return richList(node, ctx);
    case "text": return styled(node, el("span", "", node.text));
    case "link": return styled(node, link(node.url, node.text));
    case "emoji": return document.createTextNode(EMOJI[node.name] ?? `:${node.name}:`);
    case "user": return mention("@" + (ctx.real?.[node.user_id] ?? node.user_id), node.user_id, ctx);
    case "channel": return mention("#" + (ctx.names[node.channel_id] ?? node.channel_id), node.channel_id, ctx);
    case "usergroup": return mention("@" + (ctx.names[node.usergroup_id] ?? ""), node.usergroup_id, ctx);
    case "broadcast": return mention("@" + node.range, "", ctx);
    case "date": return date(`!date^${node.timestamp}^${node.format}`, node.fallback, ctx);
    default: return children(el("div", "rich"));
  }
}

function richList(node, ctx) {
  const list = el(node.style === "ordered" ? "ol" : "ul", "rich-list");
  for (const item of node.elements ?? []) {
    const row = el("li");
    row.append(richText(item, ctx));
    list.append(row);
  }
  return list;
}

function styled(node, made) {
  const tags = { bold: "strong", italic: "em", strike: "s", code: "code" };
  return Object.entries(tags).reduce((inner, [style, tag]) => {
    if (!node.style?.[style]) return inner;
    const outer = el(tag);
    outer.append(inner);
    return outer;
  }, made);
}

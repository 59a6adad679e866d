// Block Kit as DOM nodes.
//
// `ctx` is who looks: { me, tz, names, real, users, channels }.
// `spot` is where it stands and what happens there:
//   use(key, value)      the bot is told at once (key is "block_id/action_id")
//   typed(key, value)    only remembered, until the modal is sent
//   suggest(key, query)  resolves to options
//   ask(confirm)         resolves to whether the person confirmed
//   state, errors        values and complaints to show

import { bare, el, link, markdown, richText, textObject, toLocal, toSeconds } from "./text.js";

/** All blocks of a surface. */
export function blocks(list, ctx, spot) {
  const out = document.createDocumentFragment();
  for (const block of list ?? []) out.append(oneBlock(block, ctx, spot));
  return out;
}

function oneBlock(block, ctx, spot) {
  const make = BLOCKS[block.type] ?? unknown;
  const node = make(block, ctx, spot);
  node.classList.add("block", `b-${block.type}`);
  if (block.block_id) node.dataset.blockId = block.block_id;
  return node;
}

function unknown(block, ctx) {
  const node = el("div");
  if (block.text) node.append(textObject(block.text, ctx));
  return node;
}

const BLOCKS = {
  section, header, context, actions, input, image, table,
  divider: () => el("hr"),
  markdown: (block, ctx) => within(el("div", "text"), markdown(block.text ?? "", ctx)),
  rich_text: (block, ctx) => within(el("div", "text"), richText(block, ctx)),
};

function within(outer, inner) {
  outer.append(inner);
  return outer;
}

function header(block, ctx) {
  return within(el("h3"), textObject(block.text, ctx));
}

function section(block, ctx, spot) {
  const node = el("div");
  const main = el("div", "section-main");
  if (block.text) main.append(within(el("div", "text"), textObject(block.text, ctx)));
  if (block.fields) {
    const fields = el("div", "fields");
    for (const field of block.fields) fields.append(within(el("div", "text field"), textObject(field, ctx)));
    main.append(fields);
  }
  node.append(main);
  if (block.accessory) node.append(within(el("div", "accessory"), element(block.accessory, block, ctx, spot)));
  return node;
}

function context(block, ctx) {
  const node = el("div");
  for (const item of block.elements ?? []) {
    if (item.type === "image") node.append(picture(item, "context-image"));
    else node.append(within(el("span", "text"), textObject(item, ctx)));
  }
  return node;
}

function actions(block, ctx, spot) {
  const node = el("div");
  for (const item of block.elements ?? []) node.append(element(item, block, ctx, spot));
  return node;
}

function image(block) {
  const node = el("figure");
  if (block.title) node.append(el("figcaption", "", bare(block.title)));
  node.append(picture(block, "block-image"));
  return node;
}

function picture(item, className) {
  const node = el("img", className);
  node.alt = item.alt_text ?? "";
  node.title = item.alt_text ?? "";
  if (/^(https?:|data:image\/)/.test(item.image_url ?? "")) node.src = item.image_url;
  node.loading = "lazy";
  return node;
}

function table(block, ctx) {
  const node = el("div", "table-wrap");
  const grid = el("table");
  (block.rows ?? []).forEach((row, index) => {
    const line = el("tr");
    for (const cell of row) {
      const box = el(index === 0 ? "th" : "td");
      box.append(cell.type === "rich_text" ? richText(cell, ctx) : document.createTextNode(cell.text ?? ""));
      line.append(box);
    }
    grid.append(line);
  });
  node.append(grid);
  return node;
}

let counter = 0;

function input(block, ctx, spot) {
  const node = el("div");
  const id = `field-${(counter += 1)}`;
  const label = el("label", "label", bare(block.label));
  label.htmlFor = id;
  if (block.optional) label.append(el("span", "quiet", " (optional)"));
  const field = element(block.element, block, ctx, spot);
  const control = field.matches("input,select,textarea") ? field : field.querySelector("input,select,textarea");
  if (control) {
    if (!control.closest(".choices")) control.id = id;
    if (!block.optional) control.setAttribute("aria-required", "true");
  }
  field.setAttribute("aria-label", bare(block.label));
  node.append(label, field);
  const error = spot.errors?.[block.block_id];
  if (error) {
    node.classList.add("has-error");
    const said = el("p", "error", error);
    said.id = `${id}-error`;
    said.dataset.errorFor = block.block_id;
    said.setAttribute("role", "alert");
    control?.setAttribute("aria-invalid", "true");
    control?.setAttribute("aria-describedby", said.id);
    node.append(said);
  }
  if (block.hint) node.append(el("p", "hint", bare(block.hint)));
  return node;
}

/** One interactive element. */
function element(item, block, ctx, spot) {
  const make = ELEMENTS[item.type];
  if (!make) return el("span", "quiet", `[${item.type}]`);
  const key = `${block.block_id}/${item.action_id}`;
  const self = {
    item, ctx, spot, key,
    /** The value it shows now, in Slack's form. */
    now: spot.state?.[block.block_id]?.[item.action_id] ?? {},
    change: (value) => changed(item, block, spot, key, value),
  };
  const node = make(self);
  if (item.action_id) {
    node.dataset.actionId = item.action_id;
    node.dataset.key = key;
  }
  return node;
}

/** Tells whoever must know of a new value. */
async function changed(item, block, spot, key, value) {
  const isInput = block.type === "input";
  spot.typed?.(key, value);
  if (isInput && !block.dispatch_action) return;
  if (item.confirm && !(await spot.ask(item.confirm))) return;
  await spot.use(key, value);
}

const ELEMENTS = {
  button, overflow, image: ({ item }) => picture(item, "accessory-image"), workflow_button: button,
  static_select: select, multi_static_select: select, users_select: select,
  multi_users_select: select, channels_select: select, multi_channels_select: select,
  conversations_select: select, multi_conversations_select: select,
  external_select: external, multi_external_select: external,
  radio_buttons: choices, checkboxes: choices,
  plain_text_input: text, email_text_input: text, url_text_input: text, number_input: text,
  rich_text_input: text, datepicker: picker, timepicker: picker, datetimepicker: picker,
};

function button({ item, spot, key }) {
  const node = el(item.url ? "a" : "button", `btn ${item.style ?? ""}`, bare(item.text));
  if (item.url) {
    const target = link(item.url, "");
    if (target.href) node.href = target.href;
    node.target = "_blank";
    node.rel = "noopener noreferrer";
    node.setAttribute("role", "button");
  } else {
    node.type = "button";
  }
  if (item.value) node.dataset.value = item.value;
  if (item.accessibility_label) node.setAttribute("aria-label", item.accessibility_label);
  node.addEventListener("click", async () => {
    if (node.classList.contains("busy")) return;
    if (item.confirm && !(await spot.ask(item.confirm))) return;
    node.classList.add("busy");
    await spot.use(key, null);
    node.classList.remove("busy");
  });
  return node;
}

function overflow({ item, spot, key }) {
  const node = el("div", "overflow");
  const open = el("button", "btn", "⋯");
  open.type = "button";
  open.setAttribute("aria-label", "More actions");
  open.setAttribute("aria-haspopup", "menu");
  const menu = el("div", "menu");
  menu.setAttribute("role", "menu");
  menu.hidden = true;
  for (const option of item.options ?? []) {
    const row = el("button", "", bare(option.text));
    row.type = "button";
    row.setAttribute("role", "menuitem");
    row.dataset.value = option.value;
    row.addEventListener("click", async () => {
      menu.hidden = true;
      if (item.confirm && !(await spot.ask(item.confirm))) return;
      if (option.url) window.open(option.url, "_blank", "noopener");
      await spot.use(key, option.value);
    });
    menu.append(row);
  }
  open.addEventListener("click", () => (menu.hidden = !menu.hidden));
  node.addEventListener("focusout", (event) => {
    if (!node.contains(event.relatedTarget)) menu.hidden = true;
  });
  node.append(open, menu);
  return node;
}

function optionNode(value, label, description) {
  const node = el("option", "", description ? `${label} — ${description}` : label);
  node.value = value;
  return node;
}

function select({ item, ctx, now, change }) {
  const node = el("select", "control");
  node.multiple = item.type.startsWith("multi_");
  const kind = item.type.replace(/^multi_/, "");
  if (!node.multiple) node.append(optionNode("", bare(item.placeholder) || "Choose an option"));
  fillOptions(node, kind, item, ctx);
  const chosen = chosenOf(now);
  for (const option of node.options) option.selected = chosen.includes(option.value);
  node.addEventListener("change", () => {
    const values = [...node.selectedOptions].map((option) => option.value).filter(Boolean);
    change(node.multiple ? values : values[0] ?? null);
  });
  return node;
}

function fillOptions(node, kind, item, ctx) {
  if (kind === "users_select") {
    for (const user of ctx.users) {
      if (!user.deleted) node.append(optionNode(user.id, user.real_name));
    }
    return;
  }
  if (kind === "channels_select" || kind === "conversations_select") {
    for (const channel of ctx.channels) {
      if (channel.name) node.append(optionNode(channel.id, `#${channel.name}`));
    }
    return;
  }
  const add = (into) => (option) =>
    into.append(optionNode(option.value, bare(option.text), bare(option.description)));
  (item.options ?? []).forEach(add(node));
  for (const group of item.option_groups ?? []) {
    const box = el("optgroup");
    box.label = bare(group.label);
    group.options.forEach(add(box));
    node.append(box);
  }
}

/** The values that are chosen, whatever Slack calls them for this element. */
function chosenOf(now) {
  const values = Object.entries(now).filter(([key]) => key.startsWith("selected_")).map(([, value]) => value);
  return values.flat().filter((value) => value !== null && value !== undefined)
    .map((value) => (typeof value === "object" ? value.value : String(value)));
}

function external({ item, spot, key, now, change }) {
  const node = el("div", "combo");
  const box = el("input", "control");
  box.type = "text";
  box.placeholder = bare(item.placeholder) || "Type to search";
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-expanded", "false");
  const current = now.selected_option ?? now.selected_options?.[0];
  if (current) box.value = bare(current.text);
  const list = el("div", "menu");
  list.setAttribute("role", "listbox");
  list.hidden = true;
  const show = (open) => {
    list.hidden = !open;
    box.setAttribute("aria-expanded", String(open));
  };
  const choose = (option) => {
    box.value = bare(option.text);
    show(false);
    change(item.type.startsWith("multi_") ? [option.value] : option.value);
  };
  let turn = 0;
  const search = async () => {
    const mine = (turn += 1);
    if (box.value.length < (item.min_query_length ?? 3)) return show(false);
    const options = await spot.suggest(key, box.value);
    if (mine !== turn) return;
    list.replaceChildren(...options.map((option) => {
      const row = el("button", "", bare(option.text));
      row.type = "button";
      row.dataset.value = option.value;
      row.setAttribute("role", "option");
      if (option.description) row.append(el("small", "quiet", bare(option.description)));
      row.addEventListener("mousedown", (event) => event.preventDefault());
      row.addEventListener("click", () => choose(option));
      return row;
    }));
    if (options.length === 0) list.replaceChildren(el("p", "quiet", "No results"));
    show(true);
  };
  let wait = 0;
  box.addEventListener("focus", () => {
    if (current && box.value === bare(current.text)) box.select();
    else search();
  });
  box.addEventListener("input", () => {
    clearTimeout(wait);
    if (box.value === "") change(item.type.startsWith("multi_") ? [] : null);
    wait = setTimeout(search, 150);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      show(false);
    }
    if (event.key === "ArrowDown") list.querySelector("button")?.focus();
    if (event.key === "Enter") {
      event.preventDefault();
      list.querySelector("button")?.click();
    }
  });
  node.addEventListener("focusout", (event) => {
    if (!node.contains(event.relatedTarget)) show(false);
  });
  node.append(box, list);
  return node;
}

function choices({ item, ctx, now, change }) {
  const node = el("div", "choices");
  const radio = item.type === "radio_buttons";
  node.setAttribute("role", radio ? "radiogroup" : "group");
  const name = `choice-${(counter += 1)}`;
  const chosen = chosenOf(now);
  for (const option of item.options ?? []) {
    const row = el("label", "choice");
    const box = el("input");
    box.type = radio ? "radio" : "checkbox";
    box.name = name;
    box.value = option.value;
    box.checked = chosen.includes(option.value);
    box.addEventListener("change", () => {
      const values = [...node.querySelectorAll("input:checked")].map((input) => input.value);
      change(radio ? values[0] : values);
    });
    const words = el("span");
    words.append(within(el("span", "text"), textObject(option.text, ctx)));
    if (option.description) words.append(within(el("small", "quiet text"), textObject(option.description, ctx)));
    row.append(box, words);
    node.append(row);
  }
  return node;
}

function text({ item, spot, key, now, change }) {
  const many = item.multiline || item.type === "rich_text_input";
  const node = el(many ? "textarea" : "input", "control");
  if (many) node.rows = 4;
  else node.type = "text";
  if (item.type === "number_input") node.inputMode = "decimal";
  node.placeholder = bare(item.placeholder);
  if (item.max_length) node.maxLength = item.max_length;
  node.value = typeof now.value === "string" ? now.value : "";
  if (item.focus_on_load) node.autofocus = true;
  const value = () => {
    if (item.type !== "rich_text_input") return node.value || null;
    const words = { type: "rich_text_section", elements: [{ type: "text", text: node.value }] };
    return node.value ? { type: "rich_text", elements: [words] } : null;
  };
  const each = item.dispatch_action_config?.trigger_actions_on?.includes("on_character_entered");
  node.addEventListener("input", () => (each ? change(value()) : spot.typed?.(key, value())));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || many || event.isComposing) return;
    event.preventDefault();
    change(value());
  });
  return node;
}

function picker({ item, ctx, now, change }) {
  const node = el("input", "control");
  node.type = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" }[item.type];
  const current = now.selected_date ?? now.selected_time ?? now.selected_date_time;
  if (item.type === "datetimepicker") {
    if (current) node.value = toLocal(Number(current), ctx.tz);
    node.title = `In your zone, ${ctx.tz}`;
  } else if (current) {
    node.value = current;
  }
  node.addEventListener("change", () => {
    change(item.type === "datetimepicker" ? toSeconds(node.value, ctx.tz) : node.value || null);
  });
  return node;
}

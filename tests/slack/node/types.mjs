// TypeScript holds payloads against the types that Slack ships with its JavaScript client.
//
//   node types.mjs views      everything that the view tests kept, and the faults that were put in
//   node types.mjs manifest   the manifests, and the same with faults in them
//   node types.mjs answers    what the stand-in answered to the Web API's calls
//   node types.mjs deliveries what the stand-in delivered to Bolt
//   node types.mjs calls      what the bot sent to the emulator

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Checks } from './standin.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const read = (path) => readFileSync(path, 'utf8');
const kept = (name) => join(process.env.JIT_QUALIFY, name);
const lines = (text) => text.split('\n').filter(Boolean);

const HEAD = `import type { HomeView, KnownBlock, ModalView } from '@slack/types';
import type * as bolt from '@slack/bolt';
import type * as web from '@slack/web-api';

type Message = { text: string; blocks: KnownBlock[] };
type Modal = Omit<ModalView, 'blocks'> & { blocks: KnownBlock[] };
type Home = Omit<HomeView, 'blocks'> & { blocks: KnownBlock[] };
type Manifest = web.AppsManifestCreateArguments['manifest'];
// A manifest may have more at its top than the type knows; ours may not.
// What JSON can say of a type: an enumeration's words, and null for what is not there.
type Plain<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Plain<T[K]> | null } : T;
// The same, with more in it than the type knows: Slack sends more than Bolt describes.
type Known<T> = T extends string ? \`\${T}\`
  : T extends readonly (infer U)[] ? Known<U>[]
  : T extends object ? { [K in keyof T]: Known<T[K]> | null } & Record<string, unknown> : T;
type Strict = Pick<Manifest, 'display_information' | 'features' | 'oauth_config' | 'settings'>;
`;

/** Checks `{name, type, value}`s; the names of those at fault, each with what is wrong. */
function faults(folder, several) {
  const place = join(here, folder);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  const head = HEAD.split('\n').length - 1;
  const rows = several.map(({ type, value }, at) => `export const v${at}: ${type} = ${JSON.stringify(value)};`);
  writeFileSync(join(place, 'all.ts'), `${HEAD}${rows.join('\n')}\n`);
  const options = {
    strict: true, noEmit: true, skipLibCheck: true, target: 'es2022', module: 'nodenext', types: ['node'],
  };
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['all.ts'] }));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const done = spawnSync(process.execPath, [tsc, '--pretty', 'false', '-p', place], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const found = new Map();
  const stray = [];
  for (const line of lines(done.stdout)) {
    const [, row, told] = line.match(/all\.ts\((\d+),\d+\): error (.*)$/) ?? [];
    const one = row && several[row - head - 1];
    if (one) found.set(one, told);
    else if (!line.startsWith(' ')) stray.push(line);
  }
  if (stray.length || done.stderr || (done.status !== 0 && !found.size)) {
    throw new Error(`tsc could not check: ${stray.join('; ')} ${done.stderr}`);
  }
  return found;
}

function none(found) {
  const told = [...found].slice(0, 5).map(([one, what]) => `${one.name}: ${what}`);
  if (found.size) throw new Error(`${found.size} faults: ${told.join('; ')}`);
}

function all(found, several) {
  const through = several.filter((one) => !found.has(one)).map((one) => one.name);
  if (!several.length || through.length) throw new Error(`takes what Slack refuses: ${through.join(', ')}`);
}

const TYPES = { message: 'Message', modal: 'Modal', home: 'Home' };
const SENT = {
  message: [
    ['web.ChatPostMessageArguments', (payload) => ({ channel: 'C1', ...payload })],
    ['web.ChatUpdateArguments', (payload) => ({ channel: 'C1', ts: '1.1', ...payload })],
    ['web.ChatPostEphemeralArguments', (payload) => ({ channel: 'C1', user: 'U1', ...payload })],
  ],
  modal: [
    ['web.ViewsOpenArguments', (view) => ({ trigger_id: '1.1', view })],
    ['web.ViewsUpdateArguments', (view) => ({ view_id: 'V1', hash: '1', view })],
  ],
  home: [['web.ViewsPublishArguments', (view) => ({ user_id: 'U1', view })]],
};

/** What the types can tell apart: everything but people's words. */
function shape(value, key) {
  if (Array.isArray(value)) return value.map((one) => shape(one, key));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.keys(value).sort().map((name) => [name, shape(value[name], name)]));
  }
  return typeof value !== 'string' || key === 'type' || key === 'style' ? value : '…';
}

function views(checks) {
  const shapes = new Map();
  const counts = {};
  for (const line of lines(read(kept('views.jsonl')))) {
    const { kind, test, payload } = JSON.parse(line);
    counts[kind] = (counts[kind] ?? 0) + 1;
    shapes.set(kind + JSON.stringify(shape(payload)), { name: test, kind, value: payload });
  }
  const bad = JSON.parse(read(join(process.env.JIT_TESTS, 'bad.json'))).filter((one) => one.refused_by.includes('types'));
  for (const [kind, count] of Object.entries(counts)) {
    const ours = [...shapes.values()].filter((one) => one.kind === kind);
    const asSent = ours.flatMap((one) => SENT[kind].map(([type, wrap]) => ({ ...one, type, value: wrap(one.value) })));
    checks.push([`${count} of kind ${kind} (${ours.length} shapes), and as arguments of its methods`, () =>
      none(faults(`views-${kind}`, [...ours.map((one) => ({ ...one, type: TYPES[kind] })), ...asSent]))]);
  }
  checks.push([`refuses ${bad.length} faults that were put in`, () => {
    const cases = bad.map((one) => ({ name: one.name, type: TYPES[one.kind], value: one.payload }));
    all(faults('views-bad', cases), cases);
  }]);
}

function manifest(checks) {
  const printed = (...more) => JSON.parse(execFileSync(process.env.JIT_BIN, ['manifest', ...more], { encoding: 'utf8' }));
  const ours = {
    'jit manifest': printed(),
    'jit manifest --mode http': printed('--mode', 'http', '--url', 'https://jit.example.com'),
    'jit manifest --install': printed('--install', '--url', 'https://jit.example.com'),
    'jit manifest --install --mode http': printed('--install', '--mode', 'http', '--url', 'https://jit.example.com'),
  };
  const typed = (name, value) => ({ name, type: 'Strict', value });
  for (const [name, value] of Object.entries(ours)) {
    checks.push([`${name} is a manifest, with scopes and events that exist`, () => none(faults('manifest', [typed(name, value)]))]);
  }
  checks.push(['refuses a scope, an event, a setting and a feature that do not exist', () => {
    const spoiled = (name, spoil) => {
      const value = structuredClone(ours['jit manifest']);
      spoil(value);
      return typed(name, value);
    };
    const cases = [
      spoiled('a scope', (one) => one.oauth_config.scopes.bot.push('chat.write')),
      spoiled('an event', (one) => (one.settings.event_subscriptions = { bot_events: ['app_home_open'] })),
      spoiled('a setting', (one) => (one.settings.socket_mode = true)),
      spoiled('a feature', (one) => (one.features.app_home.home_tab = true)),
      spoiled('no name', (one) => delete one.display_information.name),
      spoiled('a part', (one) => (one.event_subscriptions = {})),
    ];
    all(faults('manifest-bad', cases), cases);
  }]);
}

/** Bolt asks for a response_url wherever an element is used; Slack gives none in views. */
function typed(type, body) {
  return type === 'BlockAction' && body.view ? `Omit<bolt.${type}, 'response_url'>` : `bolt.${type}`;
}

/** What was delivered, against the types that Bolt gives it. */
function deliveries(checks) {
  const several = new Map();
  for (const mode of ['socket', 'http']) {
    for (const { type, body } of JSON.parse(read(kept(`deliveries-${mode}.json`)))) {
      several.set(type + JSON.stringify(shape(body)), { name: type, type: `Known<${typed(type, body)}>`, value: body });
    }
  }
  const cases = [...several.values()];
  perName(checks, 'deliveries', cases);
  const without = (name, spoil) => {
    const one = cases.find((known) => known.name === name);
    const value = structuredClone(one.value);
    spoil(value);
    return { ...one, value };
  };
  const bad = [
    without('SlashCommand', (body) => delete body.trigger_id),
    without('BlockAction', (body) => delete body.user.id),
    without('BlockAction', (body) => (body.actions = body.actions[0])),
    without('ViewSubmitAction', (body) => delete body.view.hash),
    without('MessageShortcut', (body) => delete body.message_ts),
    without('BlockSuggestion', (body) => (body.value = 1)),
    without('GlobalShortcut', (body) => (body.type = 'message_action')),
  ];
  checks.push([`refuses ${bad.length} faults that were put in`, () => all(faults('deliveries-bad', bad), bad)]);
}

/** What Slack documents of a method's answer, and its types leave out. */
const BEYOND = { 'auth.revoke': '{ revoked?: boolean }' };

/** The name of a method's type: `chat.postMessage` has `ChatPostMessageArguments`. */
function named(method, end) {
  const words = method.split('.').map((word) => word[0].toUpperCase() + word.slice(1));
  const name = words.join('').replace(/^Api/, end === 'Arguments' ? 'API' : 'Api') + end;
  const folder = join(here, '..', 'node_modules', '@slack', 'web-api', 'dist', 'types');
  const there = end === 'Response'
    ? existsSync(join(folder, 'response', `${name}.d.ts`))
    : new RegExp(`\\b${name}\\b`).test(read(join(folder, 'request', 'index.d.ts')));
  if (!there) return undefined;
  if (end !== 'Response') return `web.${name}`;
  return `Plain<web.${name}${BEYOND[method] ? ` & ${BEYOND[method]}` : ''}>`;
}

/** Each method's payloads against its own type. */
function perMethod(checks, file, end, part) {
  const several = new Map();
  for (const one of JSON.parse(read(kept(file)))) {
    const type = named(one.method, end);
    if (!type) throw new Error(`there is no type for ${one.method}`);
    several.set(type + JSON.stringify(shape(one[part])), { name: one.method, type, value: one[part] });
  }
  perName(checks, file.replace('.json', ''), [...several.values()]);
}

/** One run of the compiler, one check a name. */
function perName(checks, folder, cases) {
  let found;
  for (const name of [...new Set(cases.map((one) => one.name))].sort()) {
    const count = cases.filter((one) => one.name === name).length;
    checks.push([`${name}: ${count} ${count === 1 ? 'shape' : 'shapes'}`, () => {
      found ??= faults(folder, cases);
      none(new Map([...found].filter(([one]) => one.name === name)));
    }]);
  }
}

const groups = {
  views,
  manifest,
  deliveries,
  answers: (checks) => perMethod(checks, 'answers.json', 'Response', 'answer'),
  calls: (checks) => perMethod(checks, 'calls.json', 'Arguments', 'args'),
};
const group = process.argv[2];
const checks = new Checks(`tsc ${group}`);
const planned = [];
groups[group](planned);
for (const [name, run] of planned) await checks.check(name, run);
checks.end();

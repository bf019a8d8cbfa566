/**
 * docs/openapi.yml says what the admin API does, and nothing else: the same paths and methods, the
 * same statuses and codes, and bodies as its schemas have them. Whoever adds a route adds it there,
 * and a case below for each status that it answers.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { AdminServer } from '../src/admin/admin-server.ts';
import { furtherRoutes } from '../src/cli/start.ts';
import { parseConfig } from '../src/config/load.ts';
import { Instance } from '../src/control/operate/instance.ts';
import { NO_LOG } from '../src/control/operate/no-log.fixture.ts';
import { Reloader } from '../src/control/operate/reloader.ts';
import { Upgrade } from '../src/control/operate/upgrade.ts';
import { dashboardRoutes } from '../src/dashboard/dashboard.ts';

const ROOT = resolve(import.meta.dirname, '..');
const FILE = 'docs/openapi.yml';

type Schema = Parameters<typeof z.fromJSONSchema>[0];

interface Operation {
  security?: unknown[];
  parameters?: { name: string }[];
  responses: Record<string, { content: Record<string, { schema: Schema }> }>;
}

const DOCUMENT = inlined(parse(readFileSync(join(ROOT, FILE), 'utf8')));
const OPERATIONS = new Map<string, Operation>(
  Object.entries(DOCUMENT.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(
        ([method, one]) => [`${method.toUpperCase()} ${path}`, one] as const,
      ),
  ),
);

interface Case {
  operation: string;
  status: number;
  /** Where it differs from the operation's path. */
  path?: string;
  prepare?: (world: World) => void | Promise<void>;
}

const CASES: readonly Case[] = [
  { operation: 'GET /livez', status: 200 },
  { operation: 'GET /status', status: 200, prepare: ({ instance }) => instance.start() },
  { operation: 'GET /stats', status: 200, prepare: ({ instance }) => instance.start() },
  { operation: 'GET /metrics', status: 200 },
  {
    operation: 'GET /metrics',
    status: 404,
    prepare: ({ instance }) => {
      instance.settings.load_balancing.monitoring.metrics.enabled = false;
    },
  },
  { operation: 'GET /history', path: '/history?since=1', status: 200 },
  { operation: 'GET /errors', path: '/errors?limit=5', status: 200 },
  { operation: 'GET /errors', path: '/errors?limit=few', status: 400 },
  { operation: 'GET /config', status: 200 },
  { operation: 'GET /config/plan', path: '/config/plan?section=admin', status: 200 },
  { operation: 'GET /config/plan', path: '/config/plan?section=nothing', status: 400 },
  { operation: 'GET /config/plan', status: 422, prepare: (world) => world.breakFile() },
  { operation: 'POST /config/reload', path: '/config/reload?section=log', status: 200 },
  { operation: 'POST /config/reload', path: '/config/reload?section=nothing', status: 400 },
  { operation: 'POST /config/reload', path: '/config/reload?confirm=soon', status: 400 },
  { operation: 'POST /config/reload', path: '/config/reload?confirm=9d', status: 400 },
  { operation: 'POST /config/reload', status: 422, prepare: (world) => world.breakFile() },
  { operation: 'POST /config/confirm', status: 409 },
  {
    operation: 'POST /config/confirm',
    status: 200,
    prepare: async (world) => void (await world.reloader.reload([], 60_000)),
  },
  { operation: 'POST /upgrade', path: '/upgrade?drain=1h', status: 200 },
  { operation: 'POST /upgrade', path: '/upgrade?drain=soon', status: 400 },
  {
    operation: 'POST /upgrade',
    status: 409,
    prepare: ({ upgrade }) => {
      upgrade.begin = () => Promise.reject(new Error('the successor ended'));
    },
  },
  { operation: 'GET /alerts', status: 200 },
  { operation: 'POST /alerts/test', status: 200 },
  { operation: 'POST /alerts/silence', path: '/alerts/silence?for=1h', status: 200 },
  { operation: 'POST /alerts/silence', status: 400 },
  {
    operation: 'GET /explain',
    path: '/explain?path=/x&header=A:b',
    status: 200,
    prepare: ({ instance }) => instance.start(),
  },
  { operation: 'GET /explain', path: '/explain?client=me', status: 400 },
  { operation: 'GET /explain', path: '/explain?request=nobody', status: 404 },
  { operation: 'POST /failback', status: 409 },
  {
    operation: 'POST /failback',
    status: 200,
    prepare: ({ instance }) => {
      instance.failback = () => true;
    },
  },
  ...[
    { path: '/servers/red/drain?timeout=5m&over=1s&persist=true', status: 200 },
    { path: '/servers/red/weight?to=3', status: 200 },
    { path: '/servers/red/disable', status: 200 },
    {
      path: '/servers/red/disable',
      status: 409,
      prepare: ({ instance }: World) => {
        instance.say('127.0.0.1:2', { action: 'disable' }, { isKept: false, isForced: true });
      },
    },
    { path: '/servers/red/disable?force=true', status: 200 },
    { path: '/servers/red/enable', status: 200 },
    { path: '/servers/red/weight?to=heavy', status: 400 },
    { path: '/servers/pink/drain', status: 404 },
    { path: '/servers/red/paint', status: 404 },
    {
      path: '/servers/red/drain?persist=true',
      status: 500,
      prepare: (world: World) => void mkdirSync(join(world.folder, 'operator.json')),
    },
  ].map((one) => ({ operation: 'POST /servers/{name}/{action}', ...one })),
];

test(`${FILE} has the routes of the admin API, and no other`, async () => {
  await using world = await World.open();
  const { routes } = (await world.ask('GET', '/no-such-path')).json() as { routes: string[] };
  const ofDashboard = new Set(dashboardRoutes().map(({ path }) => `GET ${path}`));
  const names = routes.map((line) => /^\S+ \S+(?=: )/.exec(line)![0]);
  const documented = names
    .filter((name) => !ofDashboard.has(name))
    .map((name) => name.replaceAll(/:(\w+)/g, '{$1}'));
  assert.deepEqual([...OPERATIONS.keys()].sort(), documented.sort());
});

for (const { operation, status, path, prepare } of CASES) {
  const [method, template] = operation.split(' ') as [string, string];
  const asked = path ?? template;
  test(`${FILE} knows the answer ${status} of ${method} ${asked}`, async () => {
    await using world = await World.open();
    await prepare?.(world);
    const answer = await world.ask(method, asked);
    assert.equal(answer.status, status, answer.text);
    const { responses } = OPERATIONS.get(operation)!;
    assert.ok(responses[status] !== undefined, `${operation} has no response ${status}`);
    assertFits(answer, responses[status]!);
  });
}

test(`${FILE} has a case for each status that it names`, () => {
  const tried = new Set(CASES.map(({ operation, status }) => `${operation} ${status}`));
  const named = [...OPERATIONS].flatMap(([operation, { responses }]) =>
    Object.keys(responses)
      .filter((status) => !['401', '403', 'default'].includes(status))
      .map((status) => `${operation} ${status}`),
  );
  assert.deepEqual([...tried].sort(), named.sort());
});

test(`${FILE} names the parameters that the cases use`, () => {
  for (const { operation, path } of CASES) {
    const names = (OPERATIONS.get(operation)!.parameters ?? []).map(({ name }) => name);
    for (const name of new URL(path ?? '/', 'http://admin').searchParams.keys()) {
      assert.ok(names.includes(name), `${operation} has no parameter ${name}`);
    }
  }
});

test(`${FILE} says who is refused: without the token, under another name, from another site`, async () => {
  await using open = await World.open();
  await using guarded = await World.open('a-token-of-some-length');
  for (const [operation, { responses, security }] of OPERATIONS) {
    const [method, path] = operation.split(' ') as [string, string];
    const named = await open.ask(method, path, { host: 'evil.example' });
    assert.equal(named.status, 403, operation);
    assertFits(named, responses['403']!);
    const untold = await guarded.ask(method, path);
    assert.equal(untold.status === 401, security === undefined, operation);
    if (untold.status === 401) assertFits(untold, responses['401']!);
    if (method === 'GET') continue;
    const foreign = await open.ask(method, path, { origin: 'https://evil.example' });
    assert.equal(foreign.status, 403, operation);
    assertFits(foreign, responses['403']!);
  }
});

test(`${FILE} knows what any path answers`, async () => {
  await using world = await World.open();
  world.instance.status = () => {
    throw new Error('on purpose');
  };
  const answers = [
    { status: 404, answer: await world.ask('GET', '/no-such-path') },
    { status: 405, answer: await world.ask('POST', '/status') },
    { status: 500, answer: await world.ask('GET', '/status') },
  ];
  for (const { status, answer } of answers) {
    assert.equal(answer.status, status);
    for (const { responses } of OPERATIONS.values()) assertFits(answer, responses.default!);
  }
});

test(`${FILE} has the codes that the source gives, and no other`, () => {
  const folder = join(ROOT, 'src/admin');
  const sources = readdirSync(folder)
    .filter((name) => !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const given = [
    ...sources.matchAll(/\b(?:wrong|refuse)\(\s*\d+,\s*'(\w+)'/g),
    ...sources.matchAll(/\berror: '(\w+)'/g),
  ].map(([, code]) => code!);
  const documented = [...OPERATIONS.values()].flatMap(({ responses }) =>
    Object.values(responses).flatMap((response) => codesOf(response)),
  );
  assert.deepEqual([...new Set(documented)].sort(), [...new Set(given)].sort());
});

interface Answer {
  status: number;
  type: string;
  text: string;
  json: () => unknown;
}

function assertFits(answer: Answer, response: Operation['responses'][string]): void {
  const [[type, { schema }]] = Object.entries(response.content) as [[string, { schema: Schema }]];
  assert.equal(answer.type.split(';')[0], type);
  if (type !== 'application/json') return;
  const codes = codesOf(response);
  if (codes.length > 0) {
    const { error, help } = answer.json() as { error: string; help: string };
    assert.ok(codes.includes(error), `${error} is not one of ${codes.join(', ')}`);
    assert.equal(typeof help, 'string');
    return;
  }
  const { error } = z.fromJSONSchema(schema).safeParse(answer.json());
  assert.equal(error, undefined, `docs/openapi.yml: ${error?.message}`);
}

/** Codes of a problem; none for what is no problem. */
function codesOf({ content }: Operation['responses'][string]): string[] {
  const { allOf } = Object.values(content)[0]!.schema as {
    allOf?: [object, { properties: { error: { enum: string[] } } }];
  };
  return allOf?.[1].properties.error.enum ?? [];
}

/** The document without references: each is replaced by what it refers to. */
function inlined(document: Record<string, unknown>): Record<string, unknown> {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    const { $ref } = value as { $ref?: string };
    if ($ref === undefined) {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
    }
    const found = $ref
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    assert.ok(found !== undefined, `${FILE}: ${$ref} is not there`);
    return walk(found);
  };
  return walk(document) as Record<string, unknown>;
}

const configIn = (folder: string) => `
load_balancing:
  listen: "unix:${folder}/clients.sock"
  servers: [{address: "127.0.0.1:1", name: red}, "127.0.0.1:2"]
  monitoring:
    alerts: {channels: [{type: webhook, url: "http://127.0.0.1:9/"}]}
`;

/** An instance without traffic and its admin API. */
class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'openclaw-openapi-'));
  readonly instance: Instance;
  readonly reloader: Reloader;
  readonly upgrade: Upgrade;
  #admin: AdminServer;
  #port = 0;
  #isBroken = false;

  constructor(token: string) {
    const { settings } = parseConfig(configIn(this.folder), { file: 'openclaw.yml', env: {} });
    this.instance = new Instance(settings!, NO_LOG, this.folder);
    // No data threads: what a reload does to them is not asked here.
    this.instance.reload = async () => {};
    const running = { file: 'openclaw.yml', text: null, settings: settings! };
    this.reloader = new Reloader({
      instance: this.instance,
      running,
      read: () => {
        if (this.#isBroken) throw new Error('openclaw.yml has errors');
        return running;
      },
      workersOf: () => 1,
      history: undefined as never,
      now: () => new Date(0),
      onUnrecorded: () => {},
      onReload: () => {},
    });
    this.upgrade = new Upgrade(this.instance);
    this.upgrade.begin = async () => process.pid;
    const routes = furtherRoutes(this.instance, this.reloader, this.upgrade);
    this.#admin = new AdminServer({ instance: this.instance, token, routes });
  }

  static async open(token = ''): Promise<World> {
    const world = new World(token);
    world.#port = await world.#admin.listen({ host: '127.0.0.1', port: 0 });
    return world;
  }

  breakFile(): void {
    this.#isBroken = true;
  }

  ask(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((answered, failed) => {
      const options = { host: '127.0.0.1', port: this.#port, method, path, headers, agent: false };
      const asked = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece) => {
          text += piece;
        });
        response.on('end', () => {
          const { statusCode, headers: given } = response;
          const type = given['content-type'] ?? '';
          answered({ status: statusCode!, type, text, json: () => JSON.parse(text) });
        });
      });
      asked.on('error', failed).end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reloader.close();
    this.#admin.close();
    await this.instance.stop();
    rmSync(this.folder, { recursive: true });
  }
}

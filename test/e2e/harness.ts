/**
 * Runs the real openclaw as a child process. Everything it writes lies in a folder of its own,
 * which goes when it ends.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { InstanceStatus } from '../../src/control/operate/status.ts';
import { IO_UNDER_TEST } from './io-under-test.ts';
import { Peer } from './peer.ts';
import { until } from './wait.ts';

export { type Message, Peer } from './peer.ts';
export { answerOk, okWith, ScriptedServer } from './scripted-server.ts';
export { until, untilSettled } from './wait.ts';

export const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const BANNER_LAST_LINE = /check it .*\n/;
/** Halves what a start costs: the tests start openclaw some fifty times. */
const COMPILE_CACHE = join(tmpdir(), `openclaw-e2e-compile-cache-${process.getuid?.() ?? ''}`);
const PORT_MIN = 12_000;
const PORTS = 20_000;
/** More than most files take. */
const PORTS_EACH = 97;
let portsGiven = 0;
/** Ports are looked for and then opened: somebody else may be quicker, now and then. */
const PORT_TRIES = 5;

/** A line of the log. */
export interface LogLine {
  event: string;
  level: string;
  /** ISO 8601. */
  time: string;
  request: string;
  requestId: string;
  status: number;
  failure: string;
  server: string;
  attempts: number;
  [key: string]: unknown;
}

export interface Options {
  workers?: number;
  /** File descriptors that it may open. */
  descriptorsMax?: number;
  /** Instead of the Node that the test runs by. */
  node?: string;
  /** Further arguments of node itself. */
  nodeOptions?: string[];
  env?: Record<string, string>;
  /** Instead of 127.0.0.1. */
  host?: string;
  /** The configuration file, for a start anew with the same one. */
  config?: string;
  /** Of the admin API; the harness itself shows none. */
  token?: string;
}

/** Settings under load_balancing; `listen` and what tests never want are filled in. */
export type Balancing = Record<string, unknown>;

/** The configuration as a test wrote it. */
export interface WrittenSettings {
  load_balancing: Balancing;
  log: Record<string, unknown>;
}

export class Openclaw {
  readonly port: number;
  readonly adminPort: number;
  readonly folder: string;
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  /** Whether another test goes on with it; see SharedOpenclaw. */
  isShared = false;
  #logFrom = 0;
  #metricsBefore = '';

  constructor(
    port: number,
    adminPort: number,
    folder: string,
    child: ChildProcess,
    output: { stdout: string; stderr: string },
  ) {
    this.port = port;
    this.adminPort = adminPort;
    this.folder = folder;
    this.child = child;
    this.output = output;
  }

  /** Starts with one listener on a free port, and waits until it is up. */
  static async start(balancing: Balancing, options: Options = {}): Promise<Openclaw> {
    for (let tries = 1; ; tries++) {
      const run = await tryToStart(balancing, options);
      if (run.isUp) return run.openclaw;
      const { stderr } = run.openclaw.output;
      rmSync(run.openclaw.folder, { recursive: true });
      const isPortTaken = stderr.includes('another program is already listening');
      if (!isPortTaken || tries === PORT_TRIES)
        throw new Error(`openclaw did not start: ${stderr}`);
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  connect(): Promise<Peer> {
    return Peer.connect({ host: '127.0.0.1', port: this.port });
  }

  /** Sends one request on a connection of its own and gives the connection. */
  async send(text: string): Promise<Peer> {
    return (await this.connect()).send(text);
  }

  async status(): Promise<InstanceStatus> {
    const response = await this.#ask('/status');
    return (await response.json()) as InstanceStatus;
  }

  /** Writes another configuration, and has it taken over. */
  async reload(change: (settings: WrittenSettings) => void): Promise<void> {
    const file = join(this.folder, 'openclaw.yml');
    const settings = JSON.parse(readFileSync(file, 'utf8'));
    change(settings);
    writeFileSync(file, JSON.stringify(settings, null, 2));
    await this.#say('/config/reload');
  }

  /** The value of a metric, the labels as Prometheus writes them; 0 where it is absent. */
  async metric(series: string): Promise<number> {
    return this.#since((text) => metricIn(text, series), series);
  }

  /** The sum over all series of a metric. */
  async metricSum(name: string): Promise<number> {
    return this.#since((text) => sumIn(text, name), name);
  }

  async #since(read: (metrics: string) => number, name: string): Promise<number> {
    const isCounter = /_(?:total|count|sum)\b/.test(name);
    return read(await this.#metrics()) - (isCounter ? read(this.#metricsBefore) : 0);
  }

  async #metrics(): Promise<string> {
    return await (await this.#ask('/metrics')).text();
  }

  /**
   * Each time on a connection of its own: a test that keeps its process busy does not see that a kept
   * one was closed meanwhile.
   */
  #ask(path: string, method = 'GET'): Promise<Response> {
    const url = `http://127.0.0.1:${this.adminPort}${path}`;
    return fetch(url, { method, headers: { connection: 'close' } });
  }

  #logText(): string {
    return readFileSync(join(this.folder, 'openclaw.log'), 'utf8');
  }

  /**
   * From here on its log is empty, and its counters are zero, for whoever asks by this object. What
   * was done before is in the log before the line of a reload.
   *
   * @param reloadedMs when its last reload was asked for
   */
  async beginAnew(reloadedMs: number): Promise<void> {
    await until('the reload is logged', () =>
      this.log().some(({ event, time }) => event === 'reloaded' && Date.parse(time) >= reloadedMs),
    );
    const text = this.#logText();
    this.#logFrom = text.indexOf('\n', text.lastIndexOf('"event":"reloaded"')) + 1;
    this.#metricsBefore = await this.#metrics();
  }

  log(): LogLine[] {
    const text = this.#logText().slice(this.#logFrom);
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** Waits for the log line of a request for this path. */
  logged(path: string): Promise<LogLine> {
    const isIt = (line: LogLine) =>
      line.event === 'request' && line.request.split(' ')[1]?.split('?')[0] === path;
    return until(`a log line for ${path}`, () => this.log().find(isIt));
  }

  /** Takes back what was said of its servers as their operator, which outlives a reload. */
  async takeBackCommands(): Promise<void> {
    const { pools } = await this.status();
    for (const { name, admin, weightIsOperators } of pools.flatMap((pool) => pool.servers)) {
      if (admin !== 'active') await this.#say(`/servers/${name}/enable`);
      if (weightIsOperators) await this.#say(`/servers/${name}/weight?to=default`);
    }
  }

  async #say(path: string): Promise<void> {
    const response = await this.#ask(path, 'POST');
    assert.equal(response.status, 200, await response.text());
  }

  /** Waits until no server has a request in flight. */
  async untilIdle(): Promise<void> {
    await until('no request in flight', async () => {
      const { pools } = await this.status();
      return pools.every((pool) => pool.servers.every((server) => server.inFlight === 0));
    });
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
  }

  /** Open file descriptors. */
  descriptors(): number {
    return readdirSync(`/proc/${this.child.pid}/fd`).length;
  }

  /** Ends it by a signal; it must end in order. One that is shared goes on, with nothing in flight. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this;
    if (this.isShared) {
      await this.untilIdle();
      assert.equal(this.output.stderr, '');
      return;
    }
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await orKill(child, 'openclaw has ended', () => hasEnded(child));
    }
    rmSync(this.folder, { recursive: true, force: true });
    assert.equal(this.output.stderr, '');
    assert.equal(child.exitCode, 0, `ended by ${child.signalCode}`);
  }
}

/** One process for the tests of a file that can do with a reload in place of a start. */
export class SharedOpenclaw {
  readonly #options: Options;
  #running: Openclaw | null = null;

  constructor(options: Options = {}) {
    this.#options = options;
  }

  /** For one test, with its settings; the test stops it as if it were its own. */
  async take(balancing: Balancing): Promise<Openclaw> {
    if (this.#running === null) {
      this.#running = await Openclaw.start(balancing, this.#options);
      this.#running.isShared = true;
      return this.#running;
    }
    await this.#running.takeBackCommands();
    const reloadedMs = Date.now();
    await this.#running.reload((settings) => {
      settings.load_balancing = filledIn(settings.load_balancing.listen, balancing);
      settings.log = { ...LOG };
    });
    await this.#running.beginAnew(reloadedMs);
    return this.#running;
  }

  /** After the last test: it must end in order. */
  async end(): Promise<void> {
    if (this.#running === null) return;
    this.#running.isShared = false;
    await this.#running.stop();
  }
}

/** Runs a command to its end in this process: for commands that only ask a running instance. */
export async function typeCommand(
  args: string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [{ program }, { runCommand }] = await Promise.all([
    import('../../src/cli/program.ts'),
    import('../../src/cli/run.ts'),
  ]);
  const output = { stdout: '', stderr: '' };
  const folder = newFolder();
  const io = {
    out: (text: string) => {
      output.stdout += text;
    },
    err: (text: string) => {
      output.stderr += text;
    },
    env: { HOME: folder, OPENCLAW_STATE: folder },
    cwd: folder,
    colour: false,
    now: () => new Date(),
    exitCode: 0,
  };
  await runCommand(program(io), args, io);
  return { code: io.exitCode, ...output };
}

/** Runs `openclaw` with these arguments, as a process, until it ends. */
export async function runOpenclaw(
  args: string[],
  env: Record<string, string> = {},
  node = process.execPath,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const folder = newFolder();
  const { child, output } = spawnOpenclaw([node], args, { OPENCLAW_STATE: folder, ...env });
  const ended = once(child, 'close');
  await orKill(child, `openclaw ${args.join(' ')} has ended`, () => hasEnded(child));
  await ended;
  rmSync(folder, { recursive: true });
  return { code: child.exitCode, ...output };
}

/** A folder that goes with this process. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-e2e-'));
  folders.push(folder);
  return folder;
}

/**
 * A port that nobody listens on, and that nobody is given: below those that the system gives to
 * outgoing connections, each once, and those of test files beside this one far off.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = PORT_MIN + ((process.pid * PORTS_EACH + portsGiven++) % PORTS);
    if (await isFree(host, port)) return port;
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = net.createServer();
  try {
    await once(server.listen({ host, port }), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

const LOG = { access: 'all', level: 'debug' };

function filledIn(listen: unknown, balancing: Balancing): Balancing {
  return {
    listen,
    ...IO_UNDER_TEST,
    ...balancing,
    // A machine that runs many tests at once starves workers: that is not what they are about.
    performance: { overload: { enabled: false }, ...(balancing.performance as object) },
    failover: { detection: { enabled: false }, ...(balancing.failover as object) },
  };
}

async function tryToStart(
  balancing: Balancing,
  options: Options,
): Promise<{ isUp: boolean; openclaw: Openclaw }> {
  const host = options.host ?? '127.0.0.1';
  const port = await freePort(host);
  const adminPort = await freePort();
  const folder = newFolder();
  const config = options.config ?? join(folder, 'openclaw.yml');
  // JSON is YAML.
  const settings = {
    load_balancing: filledIn(`${host.includes(':') ? `[${host}]` : host}:${port}`, balancing),
    admin: {
      listen: `127.0.0.1:${adminPort}`,
      socket: join(folder, 'admin.sock'),
      ...(options.token === undefined ? {} : { token: options.token }),
    },
    log: LOG,
  };
  writeFileSync(config, JSON.stringify(settings, null, 2));
  const args = ['start', '--config', config];
  // On the command line it counts for reloads too.
  if (!('workers' in balancing)) args.push('--workers', String(options.workers ?? 1));
  const env = { OPENCLAW_STATE: folder, OPENCLAW_RUNTIME: folder, ...options.env };
  const { node = process.execPath, nodeOptions = [], descriptorsMax } = options;
  const { child, output } = spawnOpenclaw([node, ...nodeOptions], args, env, descriptorsMax);
  await orKill(
    child,
    'openclaw is up',
    () => BANNER_LAST_LINE.test(output.stdout) || hasEnded(child),
  );
  return {
    isUp: !hasEnded(child),
    openclaw: new Openclaw(port, adminPort, folder, child, output),
  };
}

/** Waits; a child that keeps a test waiting in vain would keep its process alive as well. */
async function orKill(child: ChildProcess, what: string, holds: () => boolean): Promise<void> {
  await until(what, holds).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
}

function metricIn(metrics: string, series: string): number {
  const line = metrics.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

function sumIn(metrics: string, name: string): number {
  let sum = 0;
  for (const line of metrics.split('\n')) {
    if (line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** @param node the program and its own options */
function spawnOpenclaw(
  node: string[],
  args: string[],
  env: Record<string, string>,
  descriptorsMax?: number,
): { child: ChildProcess; output: { stdout: string; stderr: string } } {
  const command = [...node, MAIN, ...args];
  const limit = descriptorsMax === undefined ? '' : `ulimit -n ${descriptorsMax}; `;
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: tmpdir(), NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return { child, output };
}

/** What a test that failed, or was ended from outside, has left running. */
const children = new Set<ChildProcess>();
const folders: string[] = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
process.on('SIGTERM', () => process.exit(1));
process.on('SIGINT', () => process.exit(1));

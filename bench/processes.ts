/**
 * The child processes of a run. Each is pinned to a core and known by its pid; all are ended, and
 * the folder of the run removed, on the end of the run, on an error, on SIGINT and on SIGTERM.
 */
import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { treePids } from './measure.ts';

const READY_MS_MAX = 10_000;
const STOP_MS_MAX = 4_000;
const STDERR_CHARS_MAX = 4_000;

const run = promisify(execFile);

/** Debian keeps nginx and haproxy where only root's PATH looks. */
const PATH = [process.env.PATH, '/usr/sbin', '/usr/local/sbin'].join(delimiter);

const children = new Set<ChildProcess>();
const folders = new Set<string>();
let ending = false;

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Gives the child a channel for messages; only for Node programs. */
  readonly ipc?: boolean;
}

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The end of what it wrote to stderr. */
  stderr(): string;
}

/** Whether the run is being cleared away, so that what fails now is no finding. */
export function isEnding(): boolean {
  return ending;
}

/** Starts a command on one core, or on those of a list as taskset takes it. The caller stops it with `stop`; `stopAll` ends what is left. */
export function start(command: Command, core: number | string): Running {
  refuseWhenEnding();
  const stdio: StdioOptions = [
    'ignore',
    'pipe',
    'pipe',
    ...(command.ipc ? (['ipc'] as const) : []),
  ];
  const child = spawn('taskset', ['-c', `${core}`, ...command.argv], {
    env: { ...process.env, ...command.env, PATH },
    stdio,
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  let stderr = '';
  child.once('error', (error) => {
    children.delete(child);
    stderr += error.message;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARS_MAX);
  });
  // Read and thrown away unless the caller listens: a full pipe would stop the child.
  child.stdout?.resume();
  return { child, pid: child.pid ?? 0, stderr: () => stderr };
}

/** Runs a command on one core to its end and gives back its stdout; throws on failure or timeout. */
export async function runToEnd(
  command: Command,
  core: number | string,
  msMax: number,
): Promise<string> {
  const running = start(command, core);
  let stdout = '';
  running.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const timer = setTimeout(() => running.child.kill('SIGKILL'), msMax);
  await ended(running.child, 'close');
  clearTimeout(timer);
  if (running.child.exitCode === 0) return stdout;
  const how = running.child.signalCode ?? `exit code ${running.child.exitCode}`;
  throw new Error(`${command.argv[0]} failed (${how}): ${running.stderr().trim()}`);
}

/** Resolves once http://127.0.0.1:PORT/PATH answers 200; throws when it does not in ten seconds. */
export async function waitUntilReady(
  running: Running,
  port: number,
  path: string,
  isTls = false,
): Promise<void> {
  const name = running.child.spawnargs.slice(3).join(' ');
  const until = Date.now() + READY_MS_MAX;
  while (Date.now() < until) {
    if (hasEnded(running.child)) {
      throw new Error(
        `could not start "${name}": ${running.stderr().trim() || 'it ended at once'}`,
      );
    }
    if ((await statusOf(port, path, isTls)) === 200) return;
    await sleep(50);
  }
  throw new Error(
    `"${name}" does not answer 200 on 127.0.0.1:${port}${path} after ${READY_MS_MAX / 1000} s: ` +
      running.stderr().trim(),
  );
}

/** Ends one process: SIGTERM, and SIGKILL to it and its children if it does not go. */
export async function stop(running: Running): Promise<void> {
  const { child, pid } = running;
  if (hasEnded(child) || pid === 0) return;
  const gone = ended(child, 'exit');
  const tree = treePids(pid);
  child.kill('SIGTERM');
  await Promise.race([gone, sleep(STOP_MS_MAX, undefined, { ref: false })]);
  if (hasEnded(child)) return;
  for (const each of tree) signal(each, 'SIGKILL');
  await gone;
}

/** Ends every child that is left and removes the folders. Nothing can be started after it. */
export async function stopAll(): Promise<void> {
  ending = true;
  await Promise.all(
    [...children].map((child) => stop({ child, pid: child.pid ?? 0, stderr: () => '' })),
  );
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
  folders.clear();
}

/** Makes sure that nothing is left behind, whichever way this process ends. */
export function cleanUpOnExit(): void {
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(name, () => {
      void stopAll().finally(() => process.exit(code));
    });
  }
  process.once('exit', () => {
    for (const child of children) child.kill('SIGTERM');
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
}

/** A new folder for the files of a run, removed by `stopAll`. */
export async function makeRunFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-bench-'));
  folders.add(folder);
  return folder;
}

/** Writes files by name into a folder, which is made where it is missing. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  refuseWhenEnding();
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      return port;
    }),
  );
}

/** What a program says its version is, or undefined where it is not installed. */
export async function versionOf(
  program: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(program, args, { env: { ...process.env, PATH } });
    return pattern.exec(stdout + stderr)?.[1] ?? 'unknown version';
  } catch (error) {
    const { code, stdout } = error as { code?: unknown; stdout?: string };
    // Some programs end with an error after they have said their version; wrk is one.
    return code === 'ENOENT' ? undefined : (pattern.exec(stdout ?? '')?.[1] ?? 'unknown version');
  }
}

/** The cores that this process may use. */
export async function allowedCores(): Promise<number[]> {
  const status = await readFile('/proc/self/status', 'utf8');
  return parseCpuList(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '');
}

/** Reads the kernel's list format: `0-3,8` is 0, 1, 2, 3, 8. */
export function parseCpuList(list: string): number[] {
  return [...list.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, first, last = first]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index),
  );
}

/** Pins this process and all its threads to a core; children inherit it. */
export async function pinSelf(core: number): Promise<void> {
  await run('taskset', ['-a', '-c', '-p', `${core}`, `${process.pid}`]);
}

function refuseWhenEnding(): void {
  if (ending) throw new Error('the run is being ended');
}

/** Whether a child has ended, or never began. */
export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

function ended(child: ChildProcess, event: 'exit' | 'close'): Promise<void> {
  return new Promise((resolve) => {
    child.once(event, () => resolve());
    child.once('error', () => resolve());
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has gone in the meantime.
  }
}

function statusOf(port: number, path: string, isTls: boolean): Promise<number> {
  return new Promise((resolve) => {
    const request = (isTls ? getSecurely : get)(
      { rejectUnauthorized: false, port, path, host: '127.0.0.1', agent: false, timeout: 1_000 },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(0));
  });
}

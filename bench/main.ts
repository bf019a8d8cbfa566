/**
 * `npm run bench`: openclaw side by side with the proxies that are installed.
 *
 * The proxies of a workload take turns within each round, so that what disturbs the machine
 * disturbs all of them; the ratio is taken in each round and the median over the rounds is
 * reported. The proxy whose turn it is has one core; load and backend have the other.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startBackend } from './backend.ts';
import { makeCertificate } from './certificate.ts';
import { type Cores, checkMachine, describeMachine, loadAverages } from './machine.ts';
import type { Result, Turn } from './metrics.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { openclaws } from './peers/openclaw.ts';
import type { Peer, PeerAsk } from './peers/peer.ts';
import {
  cleanUpOnExit,
  freePorts,
  hasEnded,
  isEnding,
  makeRunFolder,
  pinSelf,
  type Running,
  start,
  stop,
  stopAll,
  waitUntilReady,
  writeFiles,
} from './processes.ts';
import { errorsOf, reportOf, summaryOf } from './table.ts';
import type { Target, Workload } from './workloads/workload.ts';

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options.help) {
    print(USAGE);
    return;
  }
  cleanUpOnExit();
  const cores = await checkMachine();
  await pinSelf(cores.load);
  const { peers, lines } = await findPeers([...openclaws(options.ios), ...options.peers]);
  const head = [...(await describeMachine(args)), ...lines];
  print(`# openclaw's bench\n\n${head.map((line) => `- ${line}`).join('\n')}\n`);

  const bench: Bench = { cores, options, peers, folder: await makeRunFolder() };
  const results: Result[] = [];
  for (const workload of options.workloads) {
    const result = await runWorkload(bench, workload);
    results.push(result);
    print(`${reportOf(result)}\n`);
  }
  head.push(`load average at the end, the bench's own with it: ${loadAverages()}`);
  const summary = summaryOf(results);
  if (summary !== '') print(`## All of it: openclaw by each peer\n\n${summary}\n`);
  print(`- ${head.at(-1)}`);
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify({ head, results }, undefined, 2)}\n`);
  }
  const failed = results.filter(hasFailed).map(({ workload }) => workload.name);
  if (failed.length > 0) throw new Error(`there were failures in ${failed.join(', ')}: see above`);
}

function hasFailed(result: Result): boolean {
  const { turns, failures } = result;
  return (
    Object.keys(failures).length > 0 ||
    Object.keys(turns).some((peer) => errorsOf(result, peer) > 0)
  );
}

interface Bench {
  readonly cores: Cores;
  readonly options: Options;
  readonly peers: readonly Peer[];
  readonly folder: string;
}

/** Those that are installed, and a line about each that was asked for. */
async function findPeers(asked: readonly Peer[]): Promise<{ peers: Peer[]; lines: string[] }> {
  const peers: Peer[] = [];
  const lines: string[] = [];
  for (const peer of asked) {
    const version = await peer.version();
    if (version === undefined) {
      lines.push(`${peer.name} is left out; to have it: ${peer.install}`);
    } else {
      peers.push(peer);
      lines.push(`${peer.name} ${version}`);
    }
  }
  if (peers.length === 0) throw new Error(`there is nothing to measure: ${lines.join('; ')}`);
  return { peers, lines };
}

/** A proxy that fails is left out of the rest of the workload, and the report says why. */
async function runWorkload(bench: Bench, workload: Workload): Promise<Result> {
  const { options, cores } = bench;
  const contest = workload.contest?.(options.ios);
  const peers = (contest?.peers ?? bench.peers).filter(
    (peer) => workload.tls === undefined || peer.speaksTls,
  );
  const folder = join(bench.folder, workload.name);
  const tls =
    workload.tls && (await makeCertificate(workload.tls, join(folder, 'tls'), cores.load));
  const loadCore = coresOf(bench, workload).load;
  const backend = await startBackend(workload.backend, join(folder, 'backend'), loadCore);
  const { name, title, unit, note } = workload;
  const turns = Object.fromEntries(peers.map((peer): [string, Turn[]] => [peer.name, []]));
  const result: Result = {
    workload: { name, title, unit, ...(note && { note }) },
    ...(contest && { comparisons: contest.comparisons }),
    turns,
    failures: {},
  };
  const standing = new Map<Peer, StartedPeer>();

  for (let round = 0; round < options.rounds; round++) {
    for (const peer of rotated(peers, round)) {
      if (peer.name in result.failures) continue;
      progress(`${workload.name}: round ${round + 1} of ${options.rounds}, ${peer.name}`);
      try {
        const started =
          standing.get(peer) ??
          (await startPeer(bench, workload, peer, {
            backendPort: backend.port,
            folder: join(folder, peer.name.replaceAll(' ', '-')),
            tls,
          }));
        standing.set(peer, started);
        const turn = await workload.turn(started.target);
        if (hasEnded(started.running.child)) {
          throw new Error(`it ended during its turn: ${started.running.stderr().trim()}`);
        }
        turns[peer.name]!.push(turn);
        if (turn.errors > 0) warn(`${turn.errors} times a ${unit} failed`, name, round, peer);
      } catch (error) {
        if (isEnding()) throw error;
        result.failures[peer.name] = (error as Error).message;
        warn((error as Error).message, name, round, peer);
      }
      if (workload.freshPeers) await stopPeer(standing, peer);
    }
  }
  for (const peer of peers) await stopPeer(standing, peer);
  await stop(backend.running);
  return result;
}

async function stopPeer(standing: Map<Peer, StartedPeer>, peer: Peer): Promise<void> {
  const started = standing.get(peer);
  standing.delete(peer);
  if (started !== undefined) await stop(started.running);
}

interface StartedPeer {
  readonly running: Running;
  readonly target: Target;
}

/** Starts a proxy, waits until it answers through, and warms it up. */
async function startPeer(
  bench: Bench,
  workload: Workload,
  peer: Peer,
  ask: Omit<PeerAsk, 'port' | 'adminPort'>,
): Promise<StartedPeer> {
  const [port, adminPort] = (await freePorts(2)) as [number, number];
  const { folder } = ask;
  const command = peer.command({ ...ask, port, adminPort });
  await writeFiles(folder, command.files ?? {});
  const { proxy, load } = coresOf(bench, workload);
  const running = start(command, proxy);
  const { seconds } = bench.options;
  const { backendPort } = ask;
  const target = { pid: running.pid, port, adminPort, backendPort, core: load, seconds, folder };
  try {
    await waitUntilReady(running, port, workload.readyPath, workload.tls !== undefined);
    await workload.warmUp(target);
    return { running, target };
  } catch (error) {
    await stop(running);
    throw error;
  }
}

function coresOf(
  { cores }: Bench,
  workload: Workload,
): { proxy: number | string; load: number | string } {
  return workload.needsTwoCores ? cores.two : cores;
}

/** Each round begins with another proxy: none is always the first. */
function rotated<T>(all: readonly T[], by: number): T[] {
  return all.map((_, index) => all[(index + by) % all.length]!);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Said at once: a long run need not go on. */
function warn(what: string, workload: string, round: number, peer: Peer): void {
  progress('');
  process.stderr.write(`bench: ${workload}, round ${round + 1}, ${peer.name}: ${what}\n`);
}

/** One line that is written over, and only for a person who watches. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  process.stderr.write(`bench: ${isEnding() ? 'interrupted' : why}\n`);
  process.exitCode = 1;
} finally {
  progress('');
  await stopAll();
}

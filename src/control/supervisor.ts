import { createServer } from 'node:net';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Ends } from '../core/exchange/ending.ts';
import { isSameAddress, type ListenAddress, removeStaleSocket } from '../io/listener.ts';
import type { SharedTable } from '../table/table.ts';
import type { ClientCount } from '../worker/client-counts.ts';
import type { HandshakeFailure } from '../worker/entrance.ts';
import type { Answer, Question } from '../worker/explanation.ts';
import { bytesOf, type LinePiece, pieceMemory } from '../worker/line-pieces.ts';
import type { FromWorker, ListeningSocket, ToWorker, WorkerStart } from '../worker/messages.ts';
import type { WorkerPlan } from '../worker/plan.ts';
import type { ExchangeRecord } from '../worker/record.ts';

/**
 * Room for short-lived objects: two half spaces of 16 MB and what V8 adds. Larger ones cost a worker
 * up to 150 MB after some busy minutes, and no request was cheaper for it.
 */
const YOUNG_GENERATION_MB = 48;
/** A worker that dies is replaced at once, but one that keeps dying ever more slowly. */
const RESTART_MS_MIN = 50;
const RESTART_MS_MAX = 5_000;
/** After this long without a death, the next one counts as the first. */
const RESTART_FORGIVEN_MS = 60_000;

export interface SupervisorEvents {
  /** Lines of the access log; the bytes go back once the promise is fulfilled. */
  writeLines(bytes: Uint8Array, lines: number): Promise<void>;
  /** Some of the requests that went wrong. */
  onErrors(records: readonly ExchangeRecord[]): void;
  onHandshakeFailures(failures: readonly HandshakeFailure[]): void;
  /** The clients of one data thread that ask most; none once it is gone. */
  onClients(lane: number, clients: readonly ClientCount[]): void;
  /** A data thread died and will be replaced. */
  onDeath(lane: number, cause: string): void;
}

/** A listener that could not be opened. */
export class ListenError extends Error {
  readonly address: string;
  readonly code: string;

  constructor(address: string, code: string) {
    super(listenMessage(address, code));
    this.name = 'ListenError';
    this.address = address;
    this.code = code;
  }
}

/** Starts the data threads, replaces those that die, and passes plans on to them. */
export class Supervisor {
  readonly #table: SharedTable;
  readonly #events: SupervisorEvents;
  /** By lane, in the order of their start; null while one is being replaced. */
  readonly #workers = new Map<number, Worker | null>();
  /** Lanes of workers that are told to end and still drain. */
  readonly #leaving = new Set<number>();
  #plan: WorkerPlan;
  #isEnding = false;
  #restartMs = RESTART_MS_MIN;
  #lastDeathMs = 0;

  constructor(table: SharedTable, plan: WorkerPlan, events: SupervisorEvents) {
    this.#table = table;
    this.#plan = plan;
    this.#events = events;
  }

  /** Lanes of the workers that carry traffic, in the order of their start. */
  get lanes(): number[] {
    return [...this.#workers.keys()];
  }

  get workerCount(): number {
    return this.#workers.size;
  }

  /**
   * @param inherited sockets of the instance before, to accept on
   * @throws ListenError when an address cannot be opened; nothing is left running then
   */
  async start(workers: number, inherited: readonly ListeningSocket[] = []): Promise<void> {
    for (const address of this.#plan.listen) {
      if (!inherited.some((one) => isSameAddress(one.address, address))) await claim(address);
    }
    const shareOf = shares(inherited, workers);
    this.#table.setWorkers(workers);
    try {
      // One after the other: the first to fail says why, and the rest need not try.
      while (this.#workers.size < workers) {
        const lane = this.#freeLane();
        await this.#spawn(lane, shareOf(lane));
      }
    } catch (error) {
      this.#isEnding = true;
      await this.#terminate();
      throw error;
    }
  }

  /**
   * Makes every data thread follow another plan, all of them or none.
   *
   * @throws ListenError when an address that the plan adds cannot be opened; nothing has changed
   */
  async apply(plan: WorkerPlan): Promise<void> {
    for (const address of plan.listen) {
      if (!this.#plan.listen.some((one) => isSameAddress(one, address))) await claim(address);
    }
    const workers = [...this.#workers.values()].filter((worker) => worker !== null);
    try {
      await Promise.all(workers.map((worker) => prepare(worker, plan)));
    } catch (error) {
      this.#say({ type: 'abandon' });
      throw error;
    }
    this.#plan = plan;
    this.#say({ type: 'commit' });
  }

  /** Starts or ends data threads until there are `workers`; those that end drain first. */
  async resize(workers: number, withinMs: number): Promise<void> {
    this.#table.setWorkers(workers);
    while (this.#workers.size < workers) await this.#spawn(this.#freeLane());
    for (const [lane, worker] of [...this.#workers].slice(workers)) {
      this.#workers.delete(lane);
      if (worker === null) continue;
      this.#leaving.add(lane);
      worker.once('exit', () => {
        this.#table.forgetWorker(lane);
        this.#leaving.delete(lane);
      });
      worker.postMessage({ type: 'drain', withinMs, isHandedOver: false } satisfies ToWorker);
    }
  }

  /**
   * Asks workers to explain a request: about a past one all, for only one has met it; about a
   * made-up one the first.
   */
  async explain(question: Question): Promise<Answer> {
    const running = [...this.#workers.values()].filter((worker) => worker !== null);
    const asked = question.kind === 'past' ? running : running.slice(0, 1);
    const answers = await Promise.all(asked.map((worker) => askOf(worker, question)));
    const fit = answers.find(({ explanation }) => explanation !== null);
    return fit ?? answers[0] ?? UNANSWERED;
  }

  /** Ends tunnels and event streams of every worker. */
  end(ends: Ends): void {
    this.#say({ type: 'end', ends });
  }

  /** Ends tunnels and event streams of one worker. */
  endAt(lane: number, ends: Ends): void {
    this.#workers.get(lane)?.postMessage({ type: 'end', ends } satisfies ToWorker);
  }

  /** Takes back the ends at a server that have not begun. */
  spare(row: number): void {
    this.#say({ type: 'spare', row });
  }

  /** The sockets that all data threads accept on. */
  async sockets(): Promise<ListeningSocket[]> {
    const workers = [...this.#workers.values()].filter((worker) => worker !== null);
    return (await Promise.all(workers.map(socketsOf))).flat();
  }

  /**
   * Lets what is under way end, for `withinMs` at most, then ends all threads.
   *
   * @param isHandedOver another process accepts on the same sockets
   */
  async drain(withinMs: number, isHandedOver: boolean): Promise<void> {
    this.#isEnding = true;
    const ends = [...this.#workers.values()].map((worker) =>
      worker === null ? undefined : new Promise((resolve) => worker.once('exit', resolve)),
    );
    this.#say({ type: 'drain', withinMs, isHandedOver });
    await Promise.all(ends);
  }

  async #terminate(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker?.terminate()));
  }

  #say(message: ToWorker): void {
    for (const worker of this.#workers.values()) worker?.postMessage(message);
  }

  /** @throws RangeError when every lane of the table is taken */
  #freeLane(): number {
    for (let lane = 0; lane < this.#table.workerLanes; lane++) {
      if (!this.#workers.has(lane) && !this.#leaving.has(lane)) return lane;
    }
    throw new RangeError(`more than ${this.#table.workerLanes} workers, those that drain included`);
  }

  #spawn(lane: number, inherited: readonly ListeningSocket[] = []): Promise<void> {
    const { memory, serverRows, workerLanes, sources, measures } = this.#table;
    measures.useLane(lane);
    const lineMemory = pieceMemory();
    const workerData: WorkerStart = {
      lineMemory,
      lane,
      memory,
      serverRows,
      workerLanes,
      sources,
      plan: this.#plan,
      takesUnixSockets: lane === 0,
      inherited,
    };
    const worker = new Worker(new URL(`../worker/thread${ownExtension()}`, import.meta.url), {
      workerData,
      name: `openclaw-data-${lane}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#workers.set(lane, worker);
    let cause = 'it ended by itself';
    worker.on('error', (error: unknown) => {
      cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') resolve();
        else if (message.type === 'failed') reject(new ListenError(message.address, message.code));
        else if (message.type === 'errors') this.#events.onErrors(message.records);
        else if (message.type === 'lines') void this.#writeLines(worker, lineMemory, message.piece);
        else if (message.type === 'clients') this.#events.onClients(lane, message.clients);
        else if (message.type === 'handshake_failures') {
          this.#events.onHandshakeFailures(message.failures);
        }
      });
      worker.on('exit', () => {
        this.#events.onClients(lane, []);
        reject(new Error(cause));
        if (this.#workers.get(lane) !== worker) return;
        this.#workers.set(lane, null);
        if (!this.#isEnding) this.#replace(lane, cause);
      });
    });
  }

  async #writeLines(worker: Worker, memory: SharedArrayBuffer, piece: LinePiece): Promise<void> {
    await this.#events.writeLines(bytesOf(memory, piece), piece.lines);
    worker.postMessage({ type: 'written', index: piece.index } satisfies ToWorker);
  }

  #replace(lane: number, cause: string): void {
    this.#table.forgetWorker(lane);
    this.#events.onDeath(lane, cause);
    const nowMs = performance.now();
    const isForgiven = nowMs - this.#lastDeathMs > RESTART_FORGIVEN_MS;
    this.#restartMs = isForgiven ? RESTART_MS_MIN : Math.min(this.#restartMs * 2, RESTART_MS_MAX);
    this.#lastDeathMs = nowMs;
    setTimeout(() => {
      if (!this.#isEnding && this.#workers.has(lane)) this.#spawn(lane).catch(() => {});
    }, this.#restartMs);
  }
}

/**
 * Spreads inherited sockets over workers: each of an address to another one, and what is left over
 * to those that have one already. Unix sockets go to the first.
 */
function shares(
  inherited: readonly ListeningSocket[],
  workers: number,
): (lane: number) => ListeningSocket[] {
  const lanes = inherited.map(({ address }, index) => {
    const before = inherited.slice(0, index).filter((one) => isSameAddress(one.address, address));
    return address.path === '' ? before.length % workers : 0;
  });
  return (lane) => inherited.filter((_, index) => lanes[index] === lane);
}

/** A thread that dies meanwhile accepts on nothing. */
function socketsOf(worker: Worker): Promise<readonly ListeningSocket[]> {
  return new Promise((resolve) => {
    const onMessage = (message: FromWorker) => {
      if (message.type === 'sockets') end(message.sockets);
    };
    const onExit = () => end([]);
    const end = (sockets: readonly ListeningSocket[]) => {
      worker.off('message', onMessage).off('exit', onExit);
      resolve(sockets);
    };
    worker.on('message', onMessage).on('exit', onExit);
    worker.postMessage({ type: 'sockets' } satisfies ToWorker);
  });
}

/** A thread that dies while it prepares will start with the plan that is then in force. */
function prepare(worker: Worker, plan: WorkerPlan): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (message: FromWorker) => {
      if (message.type !== 'prepared' && message.type !== 'failed') return;
      worker.off('message', done);
      worker.off('exit', resolve);
      if (message.type === 'prepared') resolve();
      else reject(new ListenError(message.address, message.code));
    };
    worker.on('message', done);
    worker.once('exit', resolve);
    worker.postMessage({ type: 'prepare', plan } satisfies ToWorker);
  });
}

const EXPLAIN_MS_MAX = 2_000;
const UNANSWERED: Answer = { explanation: null, wrong: '' };
let questions = 0;

/** A thread that dies, or is too busy, does not answer. */
function askOf(worker: Worker, question: Question): Promise<Answer> {
  const number = ++questions;
  return new Promise((resolve) => {
    const end = (answer: Answer) => {
      clearTimeout(timer);
      worker.off('message', hear);
      worker.off('exit', leave);
      resolve(answer);
    };
    const hear = (message: FromWorker) => {
      if (message.type === 'explained' && message.number === number) end(message.answer);
    };
    const leave = () => end(UNANSWERED);
    const timer = setTimeout(leave, EXPLAIN_MS_MAX);
    worker.on('message', hear);
    worker.once('exit', leave);
    worker.postMessage({ type: 'explain', number, question } satisfies ToWorker);
  });
}

/** The compiled package has its threads in `.js`, a checkout in `.ts`. */
function ownExtension(): string {
  return extname(new URL(import.meta.url).pathname);
}

/**
 * Makes sure that an address is ours: the data threads share ports, so that two instances on one
 * port would both start, and each get half of the connections.
 */
async function claim(address: ListenAddress): Promise<void> {
  if (address.path !== '') {
    return removeStaleSocket(address.path).catch((error: NodeJS.ErrnoException) => {
      throw new ListenError(address.path, error.code ?? 'failed');
    });
  }
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(`${address.host}:${address.port}`, error.code ?? 'failed'));
    });
    probe.listen({ host: address.host, port: address.port, exclusive: true }, () => {
      probe.close(() => resolve());
    });
  });
}

function listenMessage(address: string, code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `cannot listen on ${address}: another program listens there already. End it, or name another address in load_balancing.listen. Who it is: ss -ltnp`;
    case 'EACCES':
      return `cannot listen on ${address}: not allowed. Ports below 1024 need a privilege: name a higher port in load_balancing.listen, or give node CAP_NET_BIND_SERVICE.`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${address}: this machine has no such address. Name one that \`ip address\` shows in load_balancing.listen, or leave the host out for all of them.`;
    case 'ENOTFOUND':
      return `cannot listen on ${address}: the name has no address. Name an IP address in load_balancing.listen.`;
    case 'ENOENT':
      return `cannot listen on ${address}: its folder does not exist. Make it, or name another path in load_balancing.listen.`;
    case 'ENOTSOCK':
      return `cannot listen on ${address}: a file lies there that is no socket. Move it away, or name another path in load_balancing.listen.`;
    default:
      return `cannot listen on ${address}: ${code}. Name another address in load_balancing.listen.`;
  }
}

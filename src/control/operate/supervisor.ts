import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { EndOrder } from '../../core/exchange/ending.ts';
import type { ServerPlan } from '../../core/servers/settings.ts';
import type { ListeningSockets } from '../../io/backend.ts';
import { isSameSocket, type ListenAddress } from '../../plan/listen.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';
import type { SharedTable } from '../../table/table.ts';
import type { ClientCount } from '../../worker/client-counts.ts';
import type { Answer, Question } from '../../worker/explanation.ts';
import type { InternalError } from '../../worker/internal-errors.ts';
import { bytesOf, type LinePiece, pieceMemory } from '../../worker/line-pieces.ts';
import type {
  FromWorker,
  HandshakeFailure,
  ListeningSocket,
  OpenSocket,
  ToWorker,
  WorkerStart,
} from '../../worker/messages.ts';
import type { ExchangeRecord } from '../../worker/record.ts';
import { withServers } from '../plans/server-plans.ts';
import { LaneSockets } from './lane-sockets.ts';
import { Restarts } from './restarts.ts';

/**
 * Room for short-lived objects: two half spaces of 16 MB and what V8 adds. Larger ones cost a worker
 * up to 150 MB after some busy minutes, and no request was cheaper for it.
 */
const YOUNG_GENERATION_MB = 48;

export interface SupervisorEvents {
  /** Lines of the access log; the bytes go back once the promise is fulfilled. */
  writeLines(bytes: Uint8Array, lines: number): Promise<void>;
  /** Some of the requests that went wrong. */
  onErrors(records: readonly ExchangeRecord[]): void;
  onHandshakeFailures(failures: readonly HandshakeFailure[]): void;
  /** Errors that cost one connection, or one stream, and not the thread. */
  onInternalErrors(lane: number, errors: readonly InternalError[]): void;
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
  /** Lanes of workers that accept. */
  readonly #running = new Set<number>();
  readonly #sockets: LaneSockets;
  readonly #restarts = new Restarts();
  /** Lanes of workers that are told to end and still drain. */
  readonly #leaving = new Set<number>();
  #plan: WorkerPlan;
  #isEnding = false;
  #accepts = 0;

  constructor(
    table: SharedTable,
    plan: WorkerPlan,
    sockets: ListeningSockets,
    events: SupervisorEvents,
  ) {
    this.#table = table;
    this.#plan = plan;
    this.#sockets = new LaneSockets(sockets);
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
  async start(workers: number, inherited: readonly OpenSocket[] = []): Promise<void> {
    for (const address of this.#plan.listen) {
      if (!inherited.some((one) => isSameSocket(one.address, address))) await this.#claim(address);
    }
    this.#sockets.inherit(inherited.filter(isOf(this.#plan.listen)), workers);
    this.#table.setWorkers(workers);
    try {
      // One after the other: the first to fail says why, and the rest need not try.
      while (this.#workers.size < workers) await this.#addLane();
    } catch (error) {
      this.#isEnding = true;
      this.#sockets.drop(() => true, inherited.length > 0)();
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
      if (!this.#plan.listen.some((one) => isSameSocket(one, address))) await this.#claim(address);
    }
    try {
      for (const lane of this.#workers.keys()) await this.#openSockets(lane, plan.listen);
      await this.#prepareAll(plan);
      this.#refuseIfEnding();
    } catch (error) {
      this.#say({ type: 'abandon' });
      this.#dropUnlistened()();
      throw error;
    }
    this.#plan = plan;
    this.#say({ type: 'commit' });
    const close = this.#dropUnlistened();
    await this.#accept();
    close();
  }

  /**
   * Makes every data thread choose among other servers of a pool. Nothing of it can fail there, so
   * that all do or, where this instance is ending, none.
   *
   * @returns when all do
   */
  async replaceServers(pool: string, servers: readonly ServerPlan[]): Promise<void> {
    this.#refuseIfEnding();
    this.#plan = withServers(this.#plan, pool, servers);
    this.#say({ type: 'servers', pool, servers });
    // Messages are answered in their order.
    await this.#accept();
  }

  /** Those that were started meanwhile too: they began with the plan before. */
  async #prepareAll(plan: WorkerPlan): Promise<void> {
    const prepared = new Set<Worker>();
    for (;;) {
      const others = this.#threads().filter((worker) => !prepared.has(worker));
      if (others.length === 0) return;
      await Promise.all(others.map((worker) => prepare(worker, plan)));
      for (const worker of others) prepared.add(worker);
    }
  }

  /** Starts or ends data threads until there are `workers`; those that end drain first. */
  async resize(workers: number, withinMs: number): Promise<void> {
    if (this.#isEnding) return;
    this.#table.setWorkers(workers);
    while (this.#workers.size < workers) await this.#addLane();
    if (this.#isEnding) return;
    const left = [...this.#workers].slice(workers);
    for (const [lane, worker] of left) {
      this.#workers.delete(lane);
      this.#running.delete(lane);
      if (worker === null) continue;
      this.#leaving.add(lane);
      worker.once('exit', () => {
        this.#table.forgetWorker(lane);
        this.#leaving.delete(lane);
      });
      worker.postMessage({ type: 'drain', withinMs, isHandedOver: false } satisfies ToWorker);
    }
    if (!this.#sockets.areKept) {
      this.#sockets.drop((one) => left.some(([lane]) => lane === one.lane));
    }
    await this.#accept();
  }

  async #addLane(): Promise<void> {
    const lane = this.#freeLane();
    await this.#openSockets(lane, this.#plan.listen);
    this.#refuseIfEnding();
    await this.#spawn(lane);
  }

  /** @throws Error where a signal to end came while something was changed */
  #refuseIfEnding(): void {
    if (!this.#isEnding) return;
    this.#sockets.drop(() => true)();
    throw new Error('this instance is ending');
  }

  async #openSockets(lane: number, addresses: readonly ListenAddress[]): Promise<void> {
    await this.#sockets
      .open(lane, addresses, this.lanes)
      .catch((error: NodeJS.ErrnoException & Listened) => {
        const { address = '', port } = error;
        const where = port === undefined ? address : `${address}:${port}`;
        throw new ListenError(where, error.code ?? 'failed');
      });
  }

  /** Tells all that run from which sockets to accept. @returns when they do */
  async #accept(): Promise<void> {
    const running = [...this.#running];
    await Promise.all(
      running.map((lane) => {
        const sockets = this.#sockets.of(lane, running, this.#plan.listen);
        return accept(this.#workers.get(lane)!, ++this.#accepts, sockets);
      }),
    );
  }

  /** @returns closes the sockets of addresses that the plan has no more */
  #dropUnlistened(): () => void {
    const isListened = isOf(this.#plan.listen);
    return this.#sockets.drop((socket) => !isListened(socket));
  }

  #threads(): Worker[] {
    return [...this.#workers.values()].filter((worker) => worker !== null);
  }

  /**
   * Asks workers to explain a request: about a past one all, for only one has met it; about a
   * made-up one the first.
   */
  async explain(question: Question): Promise<Answer> {
    const running = this.#threads();
    const asked = question.kind === 'past' ? running : running.slice(0, 1);
    const answers = await Promise.all(asked.map((worker) => askOf(worker, question)));
    const fit = answers.find(({ explanation }) => explanation !== null);
    return fit ?? answers[0] ?? UNANSWERED;
  }

  /** Ends tunnels and event streams of every worker. */
  end(order: EndOrder): void {
    this.#say({ type: 'end', order });
  }

  /** Ends tunnels and event streams of one worker. */
  endAt(lane: number, order: EndOrder): void {
    this.#workers.get(lane)?.postMessage({ type: 'end', order } satisfies ToWorker);
  }

  /** Takes back the ends at a server that have not begun. */
  cancelEndings(row: number): void {
    this.#say({ type: 'cancel_endings', row });
  }

  /** The sockets that data threads accept from. */
  async sockets(): Promise<OpenSocket[]> {
    if (this.#sockets.areKept) return this.#sockets.kept();
    return (await Promise.all(this.#threads().map(socketsOf))).flat();
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
    this.#sockets.drop(() => true, isHandedOver)();
    await Promise.all(ends);
  }

  async #terminate(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker?.terminate()));
  }

  #say(message: ToWorker): void {
    for (const worker of this.#workers.values()) worker?.postMessage(message);
  }

  /** @throws ListenError when the address is not ours to listen on */
  async #claim(address: ListenAddress): Promise<void> {
    const { host, port, path } = address;
    await this.#sockets.claim(address).catch((error: NodeJS.ErrnoException) => {
      throw new ListenError(path === '' ? `${host}:${port}` : path, error.code ?? 'failed');
    });
  }

  /** @throws RangeError when every lane of the table is taken */
  #freeLane(): number {
    for (let lane = 0; lane < this.#table.workerLanes; lane++) {
      if (!this.#workers.has(lane) && !this.#leaving.has(lane)) return lane;
    }
    throw new RangeError(`more than ${this.#table.workerLanes} workers, those that drain included`);
  }

  #spawn(lane: number): Promise<void> {
    const { memory, serverRows, workerLanes, sources } = this.#table;
    const lineMemory = pieceMemory();
    const workerData: WorkerStart = {
      lineMemory,
      lane,
      memory,
      measures: this.#table.useLane(lane),
      serverRows,
      workerLanes,
      sources,
      plan: this.#plan,
      sockets: this.#sockets.of(lane, this.lanes, this.#plan.listen),
    };
    const worker = new Worker(new URL(`../../worker/thread${ownExtension()}`, import.meta.url), {
      workerData,
      name: `openclaw-data-${lane}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#workers.set(lane, worker);
    let cause = 'it ended by itself';
    worker.on('error', (error: unknown) => {
      cause = causeOf(error);
    });
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          resolve();
          this.#begins(lane, worker);
        } else if (message.type === 'failed') {
          const error = new ListenError(message.address, message.code);
          cause = error.message;
          reject(error);
          void worker.terminate();
        } else if (message.type === 'errors') this.#events.onErrors(message.records);
        else if (message.type === 'lines') void this.#writeLines(worker, lineMemory, message.piece);
        else if (message.type === 'clients') this.#events.onClients(lane, message.clients);
        else if (message.type === 'handshake_failures') {
          this.#events.onHandshakeFailures(message.failures);
        } else if (message.type === 'internal_errors') {
          this.#events.onInternalErrors(lane, message.errors);
        }
      });
      worker.on('exit', () => {
        this.#events.onClients(lane, []);
        reject(new Error(cause));
        if (this.#workers.get(lane) !== worker) return;
        this.#workers.set(lane, null);
        this.#running.delete(lane);
        this.#sockets.died(lane);
        if (!this.#isEnding) this.#replace(lane, cause);
      });
    });
  }

  async #writeLines(worker: Worker, memory: SharedArrayBuffer, piece: LinePiece): Promise<void> {
    await this.#events.writeLines(bytesOf(memory, piece), piece.lines);
    worker.postMessage({ type: 'written', index: piece.index } satisfies ToWorker);
  }

  /** A thread accepts: from the sockets of its lane, which others did until now, and of others. */
  #begins(lane: number, worker: Worker): void {
    if (this.#workers.get(lane) !== worker) return;
    this.#running.add(lane);
    void this.#accept();
  }

  #replace(lane: number, cause: string): void {
    this.#table.forgetWorker(lane);
    this.#events.onDeath(lane, cause);
    void this.#accept();
    const isAlone = this.#threads().length === 0;
    const delayMs = this.#restarts.delayMs(lane, performance.now(), isAlone);
    setTimeout(() => this.#restart(lane), delayMs);
  }

  #restart(lane: number): void {
    if (this.#isEnding || !this.#workers.has(lane)) return;
    try {
      this.#spawn(lane).catch(() => {});
    } catch (error) {
      // The system has no thread or memory left for it: that too is tried again, later each time.
      this.#replace(lane, causeOf(error));
    }
  }
}

function causeOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function isOf(addresses: readonly ListenAddress[]) {
  return ({ address }: ListeningSocket) => addresses.some((one) => isSameSocket(one, address));
}

interface Listened {
  address?: string;
  port?: number;
}

/** A thread that dies meanwhile accepts from nothing. */
async function accept(
  worker: Worker,
  number: number,
  sockets: readonly ListeningSocket[],
): Promise<void> {
  await answerTo(worker, { type: 'accept', number, sockets }, (message) =>
    message.type === 'accepting' && message.number === number ? message : undefined,
  );
}

/** A thread that dies meanwhile accepts on nothing. */
async function socketsOf(worker: Worker): Promise<readonly OpenSocket[]> {
  const answer = await answerTo(worker, { type: 'sockets' }, (message) =>
    message.type === 'sockets' ? message : undefined,
  );
  return answer?.sockets ?? [];
}

/** A thread that dies while it prepares will start with the plan that is then in force. */
async function prepare(worker: Worker, plan: WorkerPlan): Promise<void> {
  const answer = await answerTo(worker, { type: 'prepare', plan }, (message) =>
    message.type === 'prepared' || message.type === 'unprepared' ? message : undefined,
  );
  if (answer?.type === 'unprepared') throw new Error(answer.cause);
}

const EXPLAIN_MS_MAX = 2_000;
const UNANSWERED: Answer = { explanation: null, wrong: '' };
let questions = 0;

/** A thread that dies, or is too busy, does not answer. */
async function askOf(worker: Worker, question: Question): Promise<Answer> {
  const number = ++questions;
  const answer = await answerTo(
    worker,
    { type: 'explain', number, question },
    (message) => (message.type === 'explained' && message.number === number ? message : undefined),
    EXPLAIN_MS_MAX,
  );
  return answer?.answer ?? UNANSWERED;
}

/**
 * Says something to a data thread and waits for its answer.
 *
 * @param answerIn the answer that a message is; undefined: it is another one
 * @returns undefined where the thread dies first, or does not answer in time
 */
function answerTo<A extends FromWorker>(
  worker: Worker,
  said: ToWorker,
  answerIn: (message: FromWorker) => A | undefined,
  withinMs?: number,
): Promise<A | undefined> {
  return new Promise((resolve) => {
    const end = (answer?: A) => {
      clearTimeout(timer);
      worker.off('message', hear).off('exit', leave);
      resolve(answer);
    };
    const hear = (message: FromWorker) => {
      const answer = answerIn(message);
      if (answer !== undefined) end(answer);
    };
    const leave = () => end();
    const timer = withinMs === undefined ? undefined : setTimeout(leave, withinMs);
    worker.on('message', hear).on('exit', leave);
    worker.postMessage(said);
  });
}

/** The compiled package has its threads in `.js`, a checkout in `.ts`. */
function ownExtension(): string {
  return extname(new URL(import.meta.url).pathname);
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

import type { IoKind } from '../../base/io-kind.ts';
import type { EndOrder } from '../../core/exchange/ending.ts';
import type { ServerPlan } from '../../core/servers/settings.ts';
import type { ListeningSockets } from '../../io/backend.ts';
import { isSameSocket, type ListenAddress } from '../../plan/listen.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';
import type { SharedTable } from '../../table/table.ts';
import type { ExplainAnswer, Question } from '../../worker/explanation.ts';
import type { ListeningSocket, OpenSocket, ToWorker } from '../../worker/messages.ts';
import { withServers } from '../plans/server-plans.ts';
import { causeOf, DataThread, type DataThreadEvents } from './data-thread.ts';
import { LaneSockets } from './lane-sockets.ts';
import { ListenError } from './listen-error.ts';
import { Restarts } from './restarts.ts';

export interface SupervisorEvents extends DataThreadEvents {
  /** A data thread died and will be replaced. */
  onDeath(lane: number, cause: string): void;
}

/** Starts the data threads, replaces those that die, and passes plans on to them. */
export class Supervisor {
  readonly #table: SharedTable;
  readonly #events: SupervisorEvents;
  /** By lane, in the order of their start; null while one is being replaced. */
  readonly #threads = new Map<number, DataThread | null>();
  /** Lanes of threads that accept. */
  readonly #running = new Set<number>();
  readonly #sockets: LaneSockets;
  readonly #io: IoKind;
  readonly #restarts = new Restarts();
  /** Lanes of workers that are told to end and still drain. */
  readonly #leaving = new Set<number>();
  #plan: WorkerPlan;
  #isEnding = false;

  constructor(
    table: SharedTable,
    plan: WorkerPlan,
    sockets: ListeningSockets,
    io: IoKind,
    events: SupervisorEvents,
  ) {
    this.#table = table;
    this.#plan = plan;
    this.#sockets = new LaneSockets(sockets);
    this.#io = io;
    this.#events = events;
  }

  /** Lanes of the workers that carry traffic, in the order of their start. */
  get lanes(): number[] {
    return [...this.#threads.keys()];
  }

  get workerCount(): number {
    return this.#threads.size;
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
      while (this.#threads.size < workers) await this.#addLane();
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
      for (const lane of this.#threads.keys()) await this.#openSockets(lane, plan.listen);
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
    const prepared = new Set<DataThread>();
    for (;;) {
      const others = this.#present().filter((thread) => !prepared.has(thread));
      if (others.length === 0) return;
      await Promise.all(others.map((thread) => thread.prepare(plan)));
      for (const thread of others) prepared.add(thread);
    }
  }

  /** Starts or ends data threads until there are `workers`; those that end drain first. */
  async resize(workers: number, withinMs: number): Promise<void> {
    if (this.#isEnding) return;
    this.#table.setWorkers(workers);
    while (this.#threads.size < workers) await this.#addLane();
    if (this.#isEnding) return;
    const left = [...this.#threads].slice(workers);
    for (const [lane, thread] of left) {
      this.#threads.delete(lane);
      this.#running.delete(lane);
      if (thread === null) continue;
      this.#leaving.add(lane);
      thread.onExit(() => {
        this.#table.forgetWorker(lane);
        this.#leaving.delete(lane);
      });
      thread.say({ type: 'drain', withinMs, isHandedOver: false });
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
    throw new Error('this instance is shutting down');
  }

  async #openSockets(lane: number, addresses: readonly ListenAddress[]): Promise<void> {
    try {
      await this.#sockets.open(lane, addresses, this.lanes);
    } catch (error) {
      throw ListenError.of(error);
    }
  }

  /** Tells all that run from which sockets to accept. @returns when they do */
  async #accept(): Promise<void> {
    const running = [...this.#running];
    await Promise.all(
      running.map((lane) => {
        const sockets = this.#sockets.of(lane, running, this.#plan.listen);
        return this.#threads.get(lane)!.accept(sockets);
      }),
    );
  }

  /** @returns closes the sockets of addresses that the plan has no more */
  #dropUnlistened(): () => void {
    const isListened = isOf(this.#plan.listen);
    return this.#sockets.drop((socket) => !isListened(socket));
  }

  #present(): DataThread[] {
    return [...this.#threads.values()].filter((worker) => worker !== null);
  }

  /**
   * Asks workers to explain a request: about a past one all, for only one has met it; about a
   * made-up one the first.
   */
  async explain(question: Question): Promise<ExplainAnswer> {
    const running = this.#present();
    const asked = question.kind === 'past' ? running : running.slice(0, 1);
    const answers = await Promise.all(asked.map((thread) => thread.explain(question)));
    const fit = answers.find((answer) => answer !== undefined && answer.explanation !== null);
    return fit ?? answers[0] ?? UNANSWERED;
  }

  /** Ends tunnels and event streams of every worker. */
  end(order: EndOrder): void {
    this.#say({ type: 'end', order });
  }

  /** Ends tunnels and event streams of one worker. */
  endAt(lane: number, order: EndOrder): void {
    this.#threads.get(lane)?.say({ type: 'end', order });
  }

  /** Takes back the ends at a server that have not begun. */
  cancelEndings(row: number): void {
    this.#say({ type: 'cancel_endings', row });
  }

  /** The sockets that data threads accept from. */
  async sockets(): Promise<OpenSocket[]> {
    if (this.#sockets.areKept) return this.#sockets.kept();
    return (await Promise.all(this.#present().map((thread) => thread.sockets()))).flat();
  }

  /**
   * Lets what is under way end, for `withinMs` at most, then ends all threads.
   *
   * @param isHandedOver another process accepts on the same sockets
   */
  async drain(withinMs: number, isHandedOver: boolean): Promise<void> {
    this.#isEnding = true;
    const ends = this.#present().map(
      (thread) => new Promise<void>((resolve) => thread.onExit(resolve)),
    );
    this.#say({ type: 'drain', withinMs, isHandedOver });
    this.#sockets.drop(() => true, isHandedOver)();
    await Promise.all(ends);
  }

  async #terminate(): Promise<void> {
    await Promise.all(this.#present().map((thread) => thread.terminate()));
  }

  #say(message: ToWorker): void {
    for (const thread of this.#present()) thread.say(message);
  }

  /** @throws ListenError when the address is not ours to listen on */
  async #claim(address: ListenAddress): Promise<void> {
    try {
      await this.#sockets.claim(address);
    } catch (error) {
      const { host, port, path } = address;
      const { code = 'failed' } = error as NodeJS.ErrnoException;
      throw new ListenError(path === '' ? `${host}:${port}` : path, code);
    }
  }

  /** @throws RangeError when every lane of the table is taken */
  #freeLane(): number {
    for (let lane = 0; lane < this.#table.workerLanes; lane++) {
      if (!this.#threads.has(lane) && !this.#leaving.has(lane)) return lane;
    }
    throw new RangeError(`more than ${this.#table.workerLanes} workers, draining ones included`);
  }

  #spawn(lane: number): Promise<void> {
    const { memory, serverRows, workerLanes, sources } = this.#table;
    const start = {
      lane,
      memory,
      measures: this.#table.useLane(lane),
      serverRows,
      workerLanes,
      sources,
      plan: this.#plan,
      sockets: this.#sockets.of(lane, this.lanes, this.#plan.listen),
      io: this.#io,
    };
    const thread = new DataThread(start, this.#events);
    this.#threads.set(lane, thread);
    thread.onExit(() => this.#ended(thread));
    return thread.ready.then(() => this.#begins(thread));
  }

  /** It accepts: from the sockets of its lane, which others did until now, and of others. */
  #begins(thread: DataThread): void {
    if (this.#threads.get(thread.lane) !== thread) return;
    this.#running.add(thread.lane);
    void this.#accept();
  }

  #ended(thread: DataThread): void {
    const { lane } = thread;
    if (this.#threads.get(lane) !== thread) return;
    this.#threads.set(lane, null);
    this.#running.delete(lane);
    this.#sockets.died(lane);
    if (!this.#isEnding) this.#replace(lane, thread.cause);
  }

  #replace(lane: number, cause: string): void {
    this.#table.forgetWorker(lane);
    this.#events.onDeath(lane, cause);
    void this.#accept();
    const isAlone = this.#present().length === 0;
    const delayMs = this.#restarts.delayMs(lane, performance.now(), isAlone);
    setTimeout(() => this.#restart(lane), delayMs);
  }

  #restart(lane: number): void {
    if (this.#isEnding || !this.#threads.has(lane)) return;
    try {
      this.#spawn(lane).catch(() => {});
    } catch (error) {
      // The system has no thread or memory left for it: that too is tried again, later each time.
      this.#replace(lane, causeOf(error));
    }
  }
}

function isOf(addresses: readonly ListenAddress[]) {
  return ({ address }: ListeningSocket) => addresses.some((one) => isSameSocket(one, address));
}

const UNANSWERED: ExplainAnswer = { explanation: null, wrong: '' };

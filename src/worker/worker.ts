/** One data thread's work: its listeners, its connections, its pool, and the plan they follow. */
import { containing } from '../base/contain.ts';
import { residentBytes } from '../base/resident.ts';
import { TimerWheel } from '../base/wheel.ts';
import type { Client } from '../core/clients/client.ts';
import { ENDING_MS_MAX, type EndOrder } from '../core/exchange/ending.ts';
import { ClientInfo } from '../core/forward/client-info.ts';
import { NOBODY } from '../core/ports/stream.ts';
import type { Guard } from '../core/routes/guard.ts';
import type { Route } from '../core/routes/route.ts';
import type { ServerPlan } from '../core/servers/settings.ts';
import type { Accepted, Backend, Holder, OpenBackend } from '../io/backend.ts';
import { realClock } from '../io/real-clock.ts';
import { Resolver } from '../io/resolver.ts';
import { Assembly, type PathSurroundings } from '../plan/assembly.ts';
import { isSameListener, isSameSocket, type ListenAddress } from '../plan/listen.ts';
import type { WorkerPlan } from '../plan/worker-plan.ts';
import { GAUGE, WORKER_COUNTER, WORKER_TIMING } from '../table/measures.ts';
import type { SharedTable } from '../table/table.ts';
import { Admission } from './admission.ts';
import type { ClientCount } from './busiest-clients.ts';
import { Clients } from './clients.ts';
import { type ClientTls, Entrance, type EntranceOwner } from './entrance.ts';
import { explainPast } from './explain-decision.ts';
import type { ExplainAnswer, Question } from './explanation.ts';
import { Listeners } from './listeners.ts';
import { measureThread } from './measure.ts';
import type { HandshakeFailure, ListeningSocket, OpenSocket } from './messages.ts';
import { Recorder } from './recorder.ts';
import type { RecordSink } from './records.ts';
import { rehearse } from './rehearsal.ts';

const TICK_MS = 50;
/** At its end it accepts who waits for it. Under steady traffic there is always somebody; a thread that is new takes long for each. */
const ACCEPT_WAITING_MS_MAX = 3_000;
/** Time left after the last scheduled end of a drain. */
const ENDS_BEFORE_MS = 500;
/** Memory and processor time of the thread are looked at every so many ticks. */
const TICKS_PER_LOOK = 20;
/** Clients reported to the control thread. */
const CLIENTS_TOLD = 50;

export interface WorkerOptions {
  readonly lane: number;
  readonly table: SharedTable;
  readonly plan: WorkerPlan;
  readonly openBackend: OpenBackend;
  readonly holder: Holder;
  readonly records: RecordSink;
  readonly onHandshakeFailure: (failure: HandshakeFailure) => void;
  /** Called with each error that ended one connection or stream, not the thread. */
  readonly onInternalError: (error: unknown) => void;
  /** Called about once a second with the busiest clients. */
  readonly onClients: (clients: readonly ClientCount[]) => void;
}

/** A plan that all data threads must be ready for before one follows it. */
interface Prepared {
  readonly plan: WorkerPlan;
  readonly tls: ClientTls | null;
}

export class DataWorker implements EntranceOwner {
  readonly #path: Assembly;
  readonly #backend: Backend;
  readonly #options: WorkerOptions;
  readonly #stopTicks: () => void;
  readonly #admission: Admission;
  readonly #stopHearing: () => void;
  readonly #clients: Clients;
  readonly #listeners: Listeners;
  readonly #entrance: Entrance;
  readonly recorder: Recorder;
  #isDraining = false;
  #isClosed = false;
  #prepared: Prepared | null = null;
  #tickedMs: number;
  #ticks = 0;
  #plan: WorkerPlan;

  constructor(options: WorkerOptions) {
    const { table, lane, plan } = options;
    this.#options = options;
    this.recorder = new Recorder(table, lane, options.records, realClock);
    this.#plan = plan;
    const clock = realClock;
    this.#clients = new Clients(table.measures, lane);
    this.#admission = new Admission(table, lane, clock, this.#clients.all, plan.clientsMax);
    const contain = containing((error) => {
      table.measures.add(lane, WORKER_COUNTER.internalErrors, 1);
      options.onInternalError(error);
    });
    const wheel = new TimerWheel(clock.nowMs(), TICK_MS, contain);
    this.#backend = options.openBackend({
      clock,
      wheel,
      contain,
      doorkeeper: this.#admission,
      holder: options.holder,
      resolver: new Resolver(clock),
      waitingMax: plan.clientsWaitingMax,
      readBytes: plan.readBytes,
    });
    this.#listeners = new Listeners(this.#backend, this.#accept.bind(this));
    this.recorder.follow(plan);
    const given: PathSurroundings = {
      clock,
      wheel,
      contain,
      random: Math.random,
      table,
      lane,
      connector: this.#backend.connector,
      wake: (other) => table.calls.call(other),
      settled: (exchange, server, nowMs) => this.recorder.settled(exchange, server, nowMs),
      refused: (client, code, status) => this.recorder.refused(client, code, status),
    };
    this.#path = new Assembly(given, plan);
    this.#stopHearing = table.calls.hear(lane, () => this.#path.called(clock.nowMs()));
    this.#entrance = new Entrance(this.#path.exchanges, this);
    this.#entrance.secureWith(this.#tlsOf(plan));
    this.#tickedMs = clock.nowMs();
    this.#stopTicks = this.#backend.every(TICK_MS, () => this.#guardedTick(clock.nowMs()));
  }

  /**
   * Accepts from these sockets only.
   *
   * @throws the system's error of the first that could not be opened
   */
  listen(sockets: readonly ListeningSocket[]): Promise<void> {
    return this.#listeners.follow(sockets);
  }

  /** The sockets it accepts from, by its own descriptor numbers. */
  sockets(): OpenSocket[] {
    return this.#listeners.sockets();
  }

  /**
   * Prepares another plan. The old one is followed until `commit`.
   *
   * @throws Error where the plan cannot be followed; nothing has changed
   */
  prepare(plan: WorkerPlan): void {
    this.#prepared = { plan, tls: this.#tlsOf(plan) };
  }

  /**
   * Follows the prepared plan from the next request on. Connections and requests in flight are not
   * affected; `listen` sets the sockets to accept from.
   */
  commit(): void {
    if (this.#prepared === null) return;
    const { plan, tls } = this.#prepared;
    this.#prepared = null;
    this.#plan = plan;
    this.recorder.follow(plan);
    this.#admission.clientsMax = plan.clientsMax;
    this.#backend.waitingMax = plan.clientsWaitingMax;
    this.#path.follow(plan);
    this.#entrance.secureWith(tls);
    this.#clients.drainUnless((address) => this.#listensOn(address));
  }

  abandon(): void {
    this.#prepared = null;
  }

  /**
   * Gives one pool new servers from the next request on. Certificates, lists, listeners, client
   * connections and connections to remaining servers are not affected.
   *
   * @param pool its name in the plan that is followed
   * @throws RangeError where the plan has no such pool
   */
  followServers(pool: string, servers: readonly ServerPlan[]): void {
    this.#path.followServers(pool, servers);
  }

  /** Explains a request that went through this worker, or one that is made up. */
  explain(question: Question): ExplainAnswer {
    if (question.kind === 'past') {
      return { explanation: explainPast(this.#path.engine, question.requestId) ?? null, wrong: '' };
    }
    const source = this.#path.guard.sourceOf(question.client);
    const clientInfo = new ClientInfo({
      peer: { address: question.client, port: 0, localAuthority: () => 'localhost' },
      peerIsTrusted: this.#path.guard.believesHeadersOf(source),
      source,
      scheme: 'http',
    });
    const told = rehearse(this.#path.engine, this.route, clientInfo, question, Math.random);
    if (typeof told === 'string') return { explanation: null, wrong: told };
    return { explanation: told, wrong: '' };
  }

  /** Ends some of the tunnels and event streams. */
  end(order: EndOrder): void {
    this.#path.engine.longLived.end(order, this.#path.engine.clock.nowMs());
  }

  /** Cancels the scheduled ends at a server. */
  cancelEndings(row: number): void {
    this.#path.engine.longLived.cancelEndings(row);
  }

  /**
   * Stops accepting and waits for requests in flight; tunnels and event streams, which would not
   * end by themselves, are ended meanwhile, and the rest after `withinMs`.
   *
   * @param isHandedOver another process accepts on the same sockets
   */
  async drain(withinMs: number, isHandedOver: boolean): Promise<void> {
    this.#isDraining = true;
    await this.#listeners.end(Math.min(withinMs, ACCEPT_WAITING_MS_MAX), isHandedOver);
    const overMs = Math.max(0, withinMs - ENDING_MS_MAX - ENDS_BEFORE_MS);
    this.end({ row: -1, most: Infinity, webSocketsOnly: false, afterMs: 0, overMs });
    const { clock } = this.#path.engine;
    const empty = this.#clients.drain();
    const cancel = this.#backend.after(withinMs, () => this.#clients.abort(clock.nowMs()));
    await empty;
    cancel();
    this.close();
  }

  /** Ends at once. */
  close(): void {
    this.#isClosed = true;
    this.#stopTicks();
    this.#stopHearing();
    this.#backend.close();
    this.recorder.flush();
    this.#listeners.close();
    this.#clients.abort(this.#path.engine.clock.nowMs());
    this.#path.closeIdle();
  }

  /** @throws Error from OpenSSL if a certificate, key or list is invalid */
  #tlsOf({ tls }: WorkerPlan): ClientTls | null {
    return tls && { security: this.#backend.securityOf(tls), hstsLine: tls.hstsLine };
  }

  get route(): Route {
    return this.#path.route(this.#plan.routes[0].name);
  }

  get guard(): Guard {
    return this.#path.guard;
  }

  get readsProxyHeaders(): boolean {
    return this.#plan.readsProxyHeaders;
  }

  get httpsPort(): number {
    return this.#plan.httpsPort;
  }

  /** @param opened as the listener was opened; a reload may have changed its protocol */
  #accept(accepted: Accepted, opened: ListenAddress): void {
    const { measures } = this.#path.engine.table;
    measures.add(this.#path.engine.lane, WORKER_COUNTER.clientConnectionsAccepted, 1);
    const address = this.#plan.listen.find((one) => isSameSocket(one, opened)) ?? opened;
    this.#entrance.open(accepted, address);
  }

  enter(client: Client, address: ListenAddress): void {
    this.#clients.add(client, address);
    if (this.#isDraining || !this.#listensOn(address)) client.drain();
  }

  #listensOn(address: ListenAddress): boolean {
    return this.#plan.listen.some((one) => isSameListener(one, address));
  }

  leave(client: Client): void {
    this.#clients.delete(client);
  }

  handshakeFailed(failure: HandshakeFailure): void {
    this.#options.onHandshakeFailure(failure);
  }

  #guardedTick(nowMs: number): void {
    if (this.#isClosed) return;
    try {
      this.#tick(nowMs);
    } catch (error) {
      this.#path.engine.contain(error, NOBODY, nowMs);
    }
  }

  #tick(nowMs: number): void {
    const { wheel, table, lane } = this.#path.engine;
    wheel.advance(nowMs);
    this.#path.tick(nowMs);
    this.#admission.tick(this.#backend);
    const lateMs = nowMs - this.#tickedMs - TICK_MS;
    this.#tickedMs = nowMs;
    table.measures.timeOfWorker(lane, WORKER_TIMING.loopDelay, Math.max(0, lateMs));
    const { shedder } = this.#path.engine;
    shedder.sawDelay(lateMs, nowMs);
    table.measures.set(lane, GAUGE.shedShare, shedder.share);
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_LOOK !== 0) return;
    this.recorder.flush();
    measureThread(table.measures, lane);
    if (this.#plan.measures) this.#options.onClients(this.recorder.clients.top(CLIENTS_TOLD));
    shedder.sawMemory(residentBytes());
    this.#path.tend(nowMs);
    table.measures.set(lane, GAUGE.idleServerConnections, this.#path.idleConnections());
  }
}

import { randomInt } from 'node:crypto';
import { descriptorLimit } from '../../base/descriptors.ts';
import { Turns } from '../../base/turns.ts';
import { formatDuration } from '../../base/units.ts';
import type { Settings } from '../../config/schema.ts';
import { differInServersAlone } from '../../config/servers-alone.ts';
import { strategyDefinition } from '../../core/balance/registry.ts';
import type { EndOrder } from '../../core/exchange/ending.ts';
import type { StateChange } from '../../core/servers/upkeep.ts';
import { realClock } from '../../io/clock.ts';
import { nodeListeningSockets } from '../../io/node/listening-sockets.ts';
import { TLS_FAILURES } from '../../io/tls/failures.ts';
import { guarded } from '../../observe/guarded.ts';
import type { Log, LogChange, Logger } from '../../observe/log.ts';
import { urlOf } from '../../plan/listen.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';
import { WORKER_COUNTER } from '../../table/measures.ts';
import { SharedTable } from '../../table/table.ts';
import type { Answer, Question } from '../../worker/explanation.ts';
import { PoolSources, type PreparedSources } from '../discovery/pool-sources.ts';
import type { SourceTime } from '../discovery/source.ts';
import { staysWithinDescriptors } from '../plans/descriptor-budget.ts';
import { PlanMaker } from '../plans/plan-maker.ts';
import { HealthKeeper } from '../watch/health-keeper.ts';
import { Observer, type Surroundings } from '../watch/observer.ts';
import { Pressure } from '../watch/pressure.ts';
import type { Inheritance } from './handover.ts';
import { ABILITY, type Ability, abilityOf, lossBy } from './last-server.ts';
import { DRAIN_OVER_MS, Operator, type OperatorCommand } from './operator.ts';
import { type InstanceStatus, statusOf } from './status.ts';
import { Supervisor } from './supervisor.ts';

/** Room for servers and workers beyond today's, so that a reload can bring more of either. */
const SERVER_ROWS = 4096;
const WORKER_LANES = 64;
const LOOKS_AT_PRESSURE_MS = 1_000;
/** Clients' addresses whose connections are counted at one time: above `max_connections`. */
const SOURCES = 65_536;

const REAL_TIME: SourceTime = {
  nowMs: realClock.nowMs,
  after: (ms, step) => {
    const timer = setTimeout(step, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** What became of an operator's command. */
export type CommandOutcome =
  /** `note`: what the operator should know besides, or ''. */
  | { readonly kind: 'done'; readonly note: string }
  | { readonly kind: 'unknown_server' }
  /** Nobody would be left to answer; `why` says who and what. */
  | { readonly kind: 'last_server'; readonly why: string };

/** Where the instance writes what happens. */
export interface InstanceLog extends Pick<Log, 'logger' | 'writeLines' | 'dropped'> {
  /** Makes the log ready for other settings. @throws Error that names the mend */
  prepare(settings: Settings): Promise<LogChange>;
}

/** A running load balancer: the shared table, the data threads and the plan they follow. */
export class Instance {
  readonly log: Logger;
  /** What metrics, status, alerts and dashboard are made of. */
  readonly observer: Observer;
  readonly #table: SharedTable;
  readonly #plans: PlanMaker;
  readonly #sources: PoolSources;
  readonly #supervisor: Supervisor;
  readonly #operator: Operator;
  readonly #health: HealthKeeper;
  #plan: WorkerPlan;
  #settings: Settings;
  readonly #workers: number;
  #workerDeaths = 0;
  readonly #instanceLog: InstanceLog;
  #pressure: NodeJS.Timeout | undefined;
  /** One change of the plan at a time. */
  readonly #changes = new Turns();
  /** Whether a change of servers that sources told waits for its turn. */
  #isToFollowSources = false;

  /**
   * @param stateDirectory where the key of session cookies is kept
   * @param ownDirectory where what an operator said is kept, of this configuration file alone
   * @param workers data threads that it will start with
   * @throws TlsError when a certificate or key cannot be used, SessionKeyError when that key can be neither read nor made, OperatorFileError when
   *   what an operator said cannot be read
   */
  constructor(
    settings: Settings,
    instanceLog: InstanceLog,
    stateDirectory: string,
    ownDirectory = stateDirectory,
    workers = 1,
  ) {
    const log = instanceLog.logger;
    this.log = log;
    this.#instanceLog = instanceLog;
    this.#settings = settings;
    this.#table = SharedTable.create({
      serverRows: SERVER_ROWS,
      workerLanes: WORKER_LANES,
      sources: SOURCES,
    });
    this.#table.setSeed(randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0);
    this.#plans = new PlanMaker(this.#table, stateDirectory);
    this.#workers = workers;
    this.#sources = new PoolSources(REAL_TIME, {
      onChange: () => this.#followSources(),
      onFailure: (source, cause) => log.warn({ event: 'servers_unknown', source, cause }),
    });
    const sources = this.#sources.prepare(settings);
    this.#plan = this.#plans.make(settings, sources.servers, workers);
    this.#plans.followed(this.#plan, settings, sources.servers);
    sources.commit();
    this.#operator = new Operator(this.#table, ownDirectory, {
      onDrained: (server, overMs) => {
        this.#supervisor.end(endAllAt(server.row, 0, overMs));
        this.observer.changes.changed(server.label, 'drained', 'the time of its drain is over');
      },
      onForgotten: (address) => log.info({ event: 'operator_state_dropped', server: address }),
      onUnwritten: (error) =>
        log.warn({
          event: 'operator_state_unwritten',
          cause: error.message,
          text: 'a restart brings back what operators said before',
        }),
    });
    this.#operator.apply(this.#plan.pools[0].servers);
    this.#health = new HealthKeeper(this.#table, settings, this.#plan.pools[0], {
      onChange: (change) => {
        const { aspect, ...what } = change;
        log[isForTheWorse(change) ? 'warn' : 'info']({ event: `${aspect}_changed`, ...what });
        this.observer.changes.note(what.subject, `${aspect} ${what.to}`, what.cause);
      },
      lanes: () => this.#supervisor.lanes,
      end: (lane, order) => this.#supervisor.endAt(lane, order),
      onBegin: (told) => log.info({ event: 'rebalancing', ...told }),
    });
    this.#supervisor = new Supervisor(this.#table, this.#plan, nodeListeningSockets, {
      writeLines: (bytes, lines) => instanceLog.writeLines(bytes, lines),
      onErrors: (records) => {
        for (const record of records) this.observer.requests.add(record);
      },
      onClients: (lane, clients) => this.observer.clients.tell(lane, clients),
      onHandshakeFailures: (failures) => {
        for (const { reason, ...failure } of failures) {
          const [text, help] = TLS_FAILURES[reason];
          log.info({ event: 'tls_handshake_failed', reason, ...failure, text, help });
        }
      },
      onInternalErrors: (lane, errors) => {
        for (const { stack: cause, times } of errors) {
          log.error({ event: 'internal_error', during: 'a connection', lane, times, cause });
        }
      },
      onDeath: (lane, cause) => {
        this.#workerDeaths += 1;
        log.error({ event: 'worker_died', lane, cause });
      },
    });
    this.observer = new Observer(this.#table, log, settings, this.#plan, () =>
      this.#surroundings(),
    );
  }

  get plan(): WorkerPlan {
    return this.#plan;
  }

  /**
   * @param inheritance what the instance before hands over
   * @throws ListenError when an address cannot be opened
   */
  async start(inheritance?: Inheritance): Promise<void> {
    const workers = this.#workers;
    if (inheritance !== undefined) this.#operator.inherit(inheritance.said);
    await this.#supervisor.start(workers, inheritance?.sockets);
    const { log } = this;
    this.#health.start(log);
    this.observer.start();
    const pressure = new Pressure(this.#table, log);
    const look = guarded(log, 'pressure', () => pressure.look(performance.now()));
    this.#pressure = setInterval(look, LOOKS_AT_PRESSURE_MS).unref();
    this.#warnOfFewDescriptors();
    this.#plans.start(log, () => void this.#renewCertificates());
    log.info({ event: 'started', workers, listeners: this.#plan.listen.map(urlOf) });
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Requests and tunnels under way at each server, by address. */
  inFlight(): Map<string, number> {
    const servers = this.#plan.pools[0].servers;
    return new Map(servers.map(({ name, row }) => [name, this.#table.inFlight(row)]));
  }

  /** What servers of these addresses could do for new requests; those not yet known count as working. */
  abilityOf(addresses: readonly string[]): Ability {
    const rows = new Map(this.#plan.pools[0].servers.map(({ name, row }) => [name, row]));
    if (addresses.some((address) => !rows.has(address))) return ABILITY.works;
    const known = addresses.map((address) => rows.get(address)!);
    return abilityOf(
      this.#table,
      known.filter((row) => this.#table.takesNew(row)),
    );
  }

  /**
   * Follows other settings from the next request on: all data threads together, or none.
   * Connections, requests under way and listeners that stay are not touched.
   *
   * @param workers data threads that the settings ask for
   * @throws ListenError when an address cannot be opened, TlsError when a certificate cannot be
   *   used, SessionKeyError when the key of session cookies cannot be read, Error when the log cannot
   *   be opened; nothing has changed then
   */
  reload(settings: Settings, workers: number): Promise<void> {
    return this.#changes.run(async () => {
      const sources = this.#sources.prepare(settings);
      try {
        if (this.#isOfServersAlone(settings, sources.servers, workers)) {
          await this.#replaceServers(settings, sources);
        } else await this.#replacePlan(settings, sources, workers);
      } catch (error) {
        sources.abandon();
        this.#plans.freeRows(this.#plan);
        throw error;
      }
      this.#warnOfFewDescriptors();
      this.log.info({ event: 'reloaded', workers, listeners: this.#plan.listen.map(urlOf) });
    });
  }

  /** Whether nothing has changed but servers: in the settings, and in the files that they name. */
  #isOfServersAlone(settings: Settings, servers: readonly unknown[], workers: number): boolean {
    return (
      workers === this.#supervisor.workerCount &&
      differInServersAlone(this.#settings, settings) &&
      staysWithinDescriptors(this.#plan, settings, servers.length, workers) &&
      !this.#plans.haveFilesChanged
    );
  }

  async #replacePlan(settings: Settings, sources: PreparedSources, workers: number): Promise<void> {
    const plan = this.#plans.make(settings, sources.servers, workers);
    const logChange = await this.#instanceLog.prepare(settings);
    try {
      await this.#supervisor.apply(plan);
    } catch (error) {
      await logChange.abandon();
      throw error;
    }
    logChange.commit();
    this.#follow(plan, settings, sources);
    this.observer.apply(settings, plan);
    await this.#supervisor.resize(workers, settings.load_balancing.timeout.drain);
  }

  /** The short way: no file that is known is read, and no connection that stays is touched. */
  async #replaceServers(settings: Settings, sources: Followed): Promise<void> {
    const plan = this.#plans.withServers(this.#plan, settings, sources.servers);
    const [pool] = plan.pools;
    await this.#supervisor.replaceServers(pool.settings.name, pool.servers);
    this.#follow(plan, settings, sources);
    this.observer.followServers(settings, plan);
  }

  /** The data threads follow this plan now: so does everything else that looks at servers. */
  #follow(plan: WorkerPlan, settings: Settings, sources: Followed): void {
    this.#operator.apply(plan.pools[0].servers);
    this.#endRemoved(plan, settings.load_balancing.timeout.drain);
    this.#health.apply(settings, plan.pools[0]);
    this.#plan = plan;
    this.#settings = settings;
    this.#plans.followed(plan, settings, sources.servers);
    sources.commit();
  }

  /** What sources tell meanwhile is followed in one step. */
  #followSources(): void {
    if (this.#isToFollowSources) return;
    this.#isToFollowSources = true;
    void this.#changes.run(async () => {
      this.#isToFollowSources = false;
      try {
        const { servers } = this.#sources;
        await this.#replaceServers(this.#settings, { servers, commit: () => {} });
        this.log.info({ event: 'servers_changed', servers: this.#plan.pools[0].servers.length });
      } catch (error) {
        this.#plans.freeRows(this.#plan);
        const cause = (error as Error).message;
        this.log.error({ event: 'servers_refused', cause, text: 'those before stay in use' });
      }
    });
  }

  /** A certificate, key or authority is another one: new handshakes are made with it. */
  #renewCertificates(): Promise<void> {
    return this.#changes.run(async () => {
      try {
        const { servers } = this.#sources;
        const plan = this.#plans.withFreshTls(this.#plan, this.#settings, servers);
        await this.#supervisor.apply(plan);
        this.#plan = plan;
        this.#plans.followed(plan, this.#settings, servers);
        this.#health.apply(this.#settings, plan.pools[0]);
        this.observer.apply(this.#settings, plan);
        this.log.info({ event: 'certificates_renewed' });
      } catch (error) {
        const cause = (error as Error).message;
        this.log.error({ event: 'certificates_refused', cause, text: 'those before stay in use' });
      }
    });
  }

  /** What a successor goes on with. */
  async inheritance(): Promise<Inheritance> {
    return { sockets: await this.#supervisor.sockets(), said: this.#operator.all() };
  }

  /**
   * Lets what is under way end, then ends.
   *
   * @param successor another instance accepts on the same sockets; the rest is ended after
   *   `withinMs`
   */
  async stop(successor?: { pid: number; withinMs: number }): Promise<void> {
    const withinMs = successor?.withinMs ?? this.#settings.load_balancing.timeout.drain;
    this.log.info({ event: 'stopping', withinMs, successor: successor?.pid });
    this.#plans.stop();
    this.#sources.stop();
    await this.#supervisor.drain(withinMs, successor !== undefined);
    this.#health.stop();
    this.#operator.close();
    this.observer.stop();
    clearInterval(this.#pressure);
    this.log.info({ event: 'stopped' });
  }

  /** Why a request went where it went, or where a made-up one would go. */
  explain(question: Question): Promise<Answer> {
    return this.#supervisor.explain(question);
  }

  /** Lets the primaries take over from the backups. @returns false where they never stopped */
  failback(): boolean {
    return this.#health.failback();
  }

  status(): InstanceStatus {
    const { observer } = this;
    return statusOf(this.#table, this.#plan, observer, this.#operator, this.#surroundings());
  }

  /**
   * An operator says something of a server.
   *
   * @param name the server's name or address
   * @param how isKept: whether it outlives restarts; isForced: even if no server is left to answer
   * @throws Error when it is to be kept and cannot be written; nothing has changed then
   */
  say(
    name: string,
    command: OperatorCommand,
    how: { readonly isKept: boolean; readonly isForced: boolean },
  ): CommandOutcome {
    const [pool] = this.#plan.pools;
    const server = pool.servers.find((one) => one.label === name || one.name === name);
    if (server === undefined) return { kind: 'unknown_server' };
    const why = how.isForced ? null : lossBy(this.#table, pool.servers, server, command);
    if (why !== null) return { kind: 'last_server', why };
    const wasActive = this.#table.takesNew(server.row);
    this.#operator.say(server, command, how.isKept);
    if (command.action === 'enable' || command.action === 'drain')
      this.#supervisor.cancelEndings(server.row);
    if (!wasActive && this.#table.takesNew(server.row)) this.#health.cameBack(server.row);
    this.observer.changes.changed(server.label, commandText(command), 'asked for by an operator');
    const isIdle =
      command.action === 'weight' && command.weight && !strategyDefinition(pool.strategy).weighted;
    const note = isIdle ? `the strategy ${pool.strategy} looks at no weights but 0` : '';
    return { kind: 'done', note };
  }

  /** What tunnels and event streams there are at servers that are configured no more ends in time. */
  #endRemoved(plan: WorkerPlan, drainMs: number): void {
    const before = new Set(this.#plan.pools[0].servers.map(({ row }) => row));
    for (const { row } of plan.pools[0].servers) {
      if (!before.delete(row)) this.#supervisor.cancelEndings(row);
    }
    const overMs = Math.min(drainMs, DRAIN_OVER_MS);
    for (const row of before) this.#supervisor.end(endAllAt(row, drainMs, overMs));
  }

  #warnOfFewDescriptors(): void {
    const { max_connections: clients, performance } = this.#settings.load_balancing;
    const servers = performance.connection_pool.max_connections;
    const clientsMax = this.#plan.clientsMax;
    const serverConnectionsMax = this.#plan.pools[0].settings.connectionsMax;
    if (clientsMax === clients && serverConnectionsMax === servers) return;
    this.log.warn({
      event: 'connections_bounded',
      descriptors: descriptorLimit(),
      clientsMax,
      serverConnectionsMax,
      mend: `the settings allow ${clients} clients (load_balancing.max_connections) and ${servers} connections to servers (connection_pool.max_connections), more than this process may open file descriptors for: raise the limit (ulimit -n, LimitNOFILE= in a systemd unit), or lower the settings`,
    });
  }

  #surroundings(): Surroundings {
    return {
      lanes: this.#supervisor.lanes,
      workerDeaths: this.#workerDeaths,
      lostLogRecords:
        this.#table.measures.total(WORKER_COUNTER.recordsLost) + this.#instanceLog.dropped(),
    };
  }
}

/** Sources whose servers are followed. */
type Followed = Pick<PreparedSources, 'servers' | 'commit'>;

const WORSE = new Set(['down', 'open', 'ejected', 'backups', 'no_server']);

function isForTheWorse(change: StateChange): boolean {
  return WORSE.has(change.to);
}

/** Ends all that would go on by itself at a server. */
function endAllAt(row: number, afterMs: number, overMs: number): EndOrder {
  return { row, most: Infinity, webSocketsOnly: false, afterMs, overMs };
}

function commandText(command: OperatorCommand): string {
  switch (command.action) {
    case 'drain':
      return command.withinMs === null ? 'drain' : `drain for ${formatDuration(command.withinMs)}`;
    case 'weight':
      return command.weight === null ? 'configured weight' : `weight ${command.weight}`;
    default:
      return command.action;
  }
}

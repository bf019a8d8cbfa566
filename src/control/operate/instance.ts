import { randomInt } from 'node:crypto';
import { type IoChoice, ioText } from '../../base/io-kind.ts';
import { Turns } from '../../base/turns.ts';
import type { Settings } from '../../config/schema.ts';
import { differInServersAlone } from '../../config/servers-alone.ts';
import type { ServerPlan } from '../../core/servers/settings.ts';
import type { StateChange } from '../../core/servers/upkeep.ts';
import { chooseIo } from '../../io/choice.ts';
import { nodeListeningSockets } from '../../io/node/listening-sockets.ts';
import { realClock } from '../../io/real-clock.ts';
import { TLS_FAILURES } from '../../io/tls/failures.ts';
import { guarded } from '../../observe/guarded.ts';
import type { Log, LogChange, Logger } from '../../observe/log.ts';
import { urlOf } from '../../plan/listen.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';
import { WORKER_COUNTER } from '../../table/measures.ts';
import { SharedTable } from '../../table/table.ts';
import type { ExplainAnswer, Question } from '../../worker/explanation.ts';
import { PoolSources, type PreparedSources } from '../discovery/pool-sources.ts';
import { SOURCE_KINDS } from '../discovery/registry.ts';
import type { SourceKind, SourceTime } from '../discovery/source.ts';
import { boundsByDescriptors, staysWithinDescriptors } from '../plans/descriptor-budget.ts';
import { PlanMaker } from '../plans/plan-maker.ts';
import { HealthKeeper } from '../watch/health-keeper.ts';
import { type InstanceFacts, Observer } from '../watch/observer.ts';
import { Pressure } from '../watch/pressure.ts';
import type { Inheritance } from './handover.ts';
import { ABILITY, type Ability, abilityOf } from './last-server.ts';
import { type CommandOutcome, ServerCommands } from './server-commands.ts';
import { type InstanceStatus, statusOf } from './status.ts';
import { Supervisor } from './supervisor.ts';

/** Room for servers and workers beyond today's, so that a reload can bring more of either. */
const SERVER_ROWS = 4096;
const WORKER_LANES = 64;
const LOOKS_AT_PRESSURE_MS = 1_000;
/** Client addresses whose connections are counted at a time: more than `max_connections`. */
const SOURCES = 65_536;

const REAL_TIME: SourceTime = {
  nowMs: realClock.nowMs,
  after: (ms, step) => {
    const timer = setTimeout(step, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** The instance's log. */
export interface InstanceLog extends Pick<Log, 'logger' | 'writeLines' | 'dropped'> {
  /** Prepares the log for new settings. @throws Error that says how to fix it */
  prepare(settings: Settings): Promise<LogChange>;
}

/** A running load balancer: the shared table, the data threads and the plan they follow. */
export class Instance {
  readonly log: Logger;
  /** The source of metrics, status, alerts and the dashboard. */
  readonly observer: Observer;
  readonly #table: SharedTable;
  readonly #plans: PlanMaker;
  readonly #sources: PoolSources;
  readonly #supervisor: Supervisor;
  readonly #commands: ServerCommands;
  readonly #health: HealthKeeper;
  #plan: WorkerPlan;
  #settings: Settings;
  readonly #workers: number;
  /** What its data threads do their I/O by. */
  readonly io: IoChoice;
  #workerDeaths = 0;
  readonly #instanceLog: InstanceLog;
  #pressure: NodeJS.Timeout | undefined;
  /** One change of the plan at a time. */
  readonly #changes = new Turns();
  /** Whether a change of servers reported by sources waits for its turn. */
  #isToFollowSources = false;

  /**
   * @param stateDirectory where the key of session cookies is kept
   * @param ownDirectory where operators' commands are kept, for this configuration file only
   * @param workers data threads to start with
   * @param kinds kinds of sources that servers may come from
   * @throws TlsError when a certificate or key cannot be used, SessionKeyError when that key can be
   *   neither read nor made, OperatorFileError when what an operator said cannot be read, IoError
   *   when the kind of I/O that is asked for cannot be had
   */
  constructor(
    settings: Settings,
    instanceLog: InstanceLog,
    stateDirectory: string,
    ownDirectory = stateDirectory,
    workers = 1,
    kinds: readonly SourceKind[] = SOURCE_KINDS,
  ) {
    this.io = chooseIo(settings.load_balancing.io);
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
    this.#sources = new PoolSources(
      REAL_TIME,
      {
        onChange: () => this.#followSources(),
        onFailure: (source, cause) => log.warn({ event: 'servers_unknown', source, cause }),
      },
      kinds,
    );
    const sources = this.#sources.prepare(settings);
    this.#plan = this.#plans.make(settings, sources.servers, workers);
    this.#plans.followed(this.#plan, settings, sources.servers);
    sources.commit();
    this.#commands = new ServerCommands(this.#table, ownDirectory, log, this.#plan.pools, {
      end: (order) => this.#supervisor.end(order),
      cancelEndings: (row) => this.#supervisor.cancelEndings(row),
      cameBack: (row) => this.#health.cameBack(row),
      changed: (...what) => this.observer.changes.changed(...what),
    });
    this.#health = new HealthKeeper(this.#table, settings, this.#plan.pools, {
      onChange: (change) => {
        const { aspect, ...what } = change;
        log[isForTheWorse(change) ? 'warn' : 'info']({ event: `${aspect}_changed`, ...what });
        this.observer.changes.note(what.subject, `${aspect} ${what.to}`, what.cause);
      },
      lanes: () => this.#supervisor.lanes,
      end: (lane, order) => this.#supervisor.endAt(lane, order),
      onBegin: (told) => log.info({ event: 'rebalancing', ...told }),
    });
    this.#supervisor = new Supervisor(this.#table, this.#plan, nodeListeningSockets, this.io.kind, {
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
   * @param inheritance what the previous instance hands over
   * @throws ListenError when an address cannot be opened
   */
  async start(inheritance?: Inheritance): Promise<void> {
    const workers = this.#workers;
    if (inheritance !== undefined) this.#commands.operator.inherit(inheritance.said);
    await this.#supervisor.start(workers, inheritance?.sockets);
    const { log } = this;
    this.#health.start(log);
    this.observer.start();
    const pressure = new Pressure(this.#table, log);
    const look = guarded(log, 'pressure', () => pressure.look(performance.now()));
    this.#pressure = setInterval(look, LOOKS_AT_PRESSURE_MS).unref();
    this.#warnOfFewDescriptors();
    this.#plans.start(log, () => void this.#renewCertificates());
    const listeners = this.#plan.listen.map(urlOf);
    log.info({ event: 'started', workers, listeners, io: ioText(this.io) });
  }

  get settings(): Settings {
    return this.#settings;
  }

  get #servers(): ServerPlan[] {
    return this.#plan.pools.flatMap(({ servers }) => servers);
  }

  /** Requests and tunnels in flight at each server, by address. */
  inFlight(): Map<string, number> {
    return new Map(this.#servers.map(({ name, row }) => [name, this.#table.inFlight(row)]));
  }

  /** Whether servers at these addresses could take new requests; unknown ones count as working. */
  abilityOf(addresses: readonly string[]): Ability {
    const rows = new Map(this.#servers.map(({ name, row }) => [name, row]));
    if (addresses.some((address) => !rows.has(address))) return ABILITY.works;
    const known = addresses.map((address) => rows.get(address)!);
    return abilityOf(
      this.#table,
      known.filter((row) => this.#table.takesNew(row)),
    );
  }

  /**
   * Follows other settings from the next request on: all data threads together, or none.
   * Connections, requests in flight and remaining listeners are not affected.
   *
   * @param workers data threads that the settings ask for
   * @throws ListenError when an address cannot be opened, TlsError when a certificate cannot be
   *   used, SessionKeyError when the key of session cookies cannot be read, Error when the log
   *   cannot be opened; nothing has changed then
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

  /** Whether only servers have changed, in the settings and in the files they name. */
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

  /** The short way: reads no known file and affects no remaining connection. */
  async #replaceServers(settings: Settings, sources: Followed): Promise<void> {
    const plan = this.#plans.withServers(this.#plan, settings, sources.servers);
    const [pool] = plan.pools;
    await this.#supervisor.replaceServers(pool.settings.name, pool.servers);
    this.#follow(plan, settings, sources);
    this.observer.followServers(settings, plan);
  }

  /** The data threads follow this plan now, and so does everything else that looks at servers. */
  #follow(plan: WorkerPlan, settings: Settings, sources: Followed): void {
    this.#commands.follow(plan.pools, settings.load_balancing.timeout.drain);
    this.#health.apply(settings, plan.pools);
    this.#plan = plan;
    this.#settings = settings;
    this.#plans.followed(plan, settings, sources.servers);
    sources.commit();
  }

  /** Whatever sources report meanwhile is applied in one step. */
  #followSources(): void {
    if (this.#isToFollowSources) return;
    this.#isToFollowSources = true;
    void this.#changes.run(async () => {
      this.#isToFollowSources = false;
      const sources = this.#sources.latest();
      try {
        await this.#replaceServers(this.#settings, sources);
        this.log.info({ event: 'servers_changed', servers: this.#servers.length });
      } catch (error) {
        this.#plans.freeRows(this.#plan);
        sources.abandon();
        const cause = (error as Error).message;
        this.log.error({ event: 'servers_refused', cause, text: 'the previous ones stay in use' });
      }
    });
  }

  /** A certificate, key or authority has changed: new handshakes use it. */
  #renewCertificates(): Promise<void> {
    return this.#changes.run(async () => {
      try {
        const { servers } = this.#sources;
        const plan = this.#plans.withFreshTls(this.#plan, this.#settings, servers);
        await this.#supervisor.apply(plan);
        this.#plan = plan;
        this.#plans.followed(plan, this.#settings, servers);
        this.#health.apply(this.#settings, plan.pools);
        this.observer.apply(this.#settings, plan);
        this.log.info({ event: 'certificates_renewed' });
      } catch (error) {
        const cause = (error as Error).message;
        this.log.error({
          event: 'certificates_refused',
          cause,
          text: 'the previous ones stay in use',
        });
      }
    });
  }

  /** What a successor inherits. */
  async inheritance(): Promise<Inheritance> {
    return { sockets: await this.#supervisor.sockets(), said: this.#commands.operator.all() };
  }

  /**
   * Lets requests in flight end, then stops.
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
    this.#commands.operator.close();
    this.observer.stop();
    clearInterval(this.#pressure);
    this.log.info({ event: 'stopped' });
  }

  /** Why a request went where it went, or where a made-up one would go. */
  explain(question: Question): Promise<ExplainAnswer> {
    return this.#supervisor.explain(question);
  }

  /**
   * Returns traffic from the backups to the primaries. @returns false if they never stopped serving
   */
  failback(): boolean {
    return this.#health.failback();
  }

  status(): InstanceStatus {
    return statusOf({
      table: this.#table,
      plan: this.#plan,
      observer: this.observer,
      operator: this.#commands.operator,
      surroundings: this.#surroundings(),
    });
  }

  /** As `ServerCommands.say` does. */
  say(...said: Parameters<ServerCommands['say']>): CommandOutcome {
    return this.#commands.say(...said);
  }

  #warnOfFewDescriptors(): void {
    const bounds = boundsByDescriptors(this.#plan, this.#settings);
    if (bounds !== null) this.log.warn({ event: 'connections_bounded', ...bounds });
  }

  #surroundings(): InstanceFacts {
    return {
      io: this.io,
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

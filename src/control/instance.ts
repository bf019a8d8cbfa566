import type { Settings } from '../config/schema.ts';
import type { Change } from '../core/exchange/upkeep.ts';
import type { Log, LogChange, Logger } from '../observe/log.ts';
import { ADMIN } from '../table/layout.ts';
import { WORKER_COUNTER } from '../table/measures.ts';
import { SharedTable } from '../table/table.ts';
import type { WorkerPlan } from '../worker/plan.ts';
import { HealthKeeper } from './health-keeper.ts';
import { Observer, type Surroundings } from './observer.ts';
import { PersistenceState } from './persistence.ts';
import { planOf, urlOf } from './plan.ts';
import { ServerRows } from './rows.ts';
import { type InstanceStatus, SERVER_ACTIONS, type ServerAction, statusOf } from './status.ts';
import { Supervisor } from './supervisor.ts';

/** Room for servers and workers beyond today's, so that a reload can bring more of either. */
const SERVER_ROWS = 4096;
const WORKER_LANES = 64;

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
  readonly #rows: ServerRows;
  readonly #persistence: PersistenceState;
  readonly #supervisor: Supervisor;
  readonly #health: HealthKeeper;
  #plan: WorkerPlan;
  #settings: Settings;
  #workerDeaths = 0;
  readonly #instanceLog: InstanceLog;

  /**
   * @param stateDirectory where the key of session cookies is kept
   * @throws SessionKeyError when that key can be neither read nor made
   */
  constructor(settings: Settings, instanceLog: InstanceLog, stateDirectory: string) {
    const log = instanceLog.logger;
    this.log = log;
    this.#instanceLog = instanceLog;
    this.#settings = settings;
    this.#table = SharedTable.create({ serverRows: SERVER_ROWS, workerLanes: WORKER_LANES });
    this.#rows = new ServerRows(this.#table);
    this.#persistence = new PersistenceState(stateDirectory);
    this.#plan = planOf(settings, this.#rows, this.#persistence.planOf(settings));
    this.#health = new HealthKeeper(this.#table, settings, this.#plan.pool, (change) => {
      const { aspect, ...what } = change;
      log[isForTheWorse(change) ? 'warn' : 'info']({ event: `${aspect}_changed`, ...what });
      this.observer.noteChange(what.subject, `${aspect} ${what.to}`, what.cause);
    });
    this.#supervisor = new Supervisor(this.#table, this.#plan, {
      writeLines: (bytes, lines) => instanceLog.writeLines(bytes, lines),
      onErrors: (records) => {
        for (const record of records) this.observer.recordError(record);
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

  /** @throws ListenError when an address cannot be opened */
  async start(workers: number): Promise<void> {
    await this.#supervisor.start(workers);
    this.#health.start();
    this.observer.start();
    this.log.info({ event: 'started', workers, listeners: this.#plan.listen.map(urlOf) });
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Requests and tunnels under way at each server, by address. */
  inFlight(): Map<string, number> {
    const servers = this.#plan.pool.servers;
    return new Map(servers.map(({ name, row }) => [name, this.#table.inFlight(row)]));
  }

  /**
   * Follows other settings from the next request on: all data threads together, or none.
   * Connections, requests under way and listeners that stay are not touched.
   *
   * @param workers data threads that the settings ask for
   * @throws ListenError when an address cannot be opened, SessionKeyError when the key of session
   *   cookies cannot be read, Error when the log cannot be opened; nothing has changed then
   */
  async reload(settings: Settings, workers: number): Promise<void> {
    const plan = planOf(settings, this.#rows, this.#persistence.planOf(settings));
    const logChange = await this.#instanceLog.prepare(settings);
    try {
      await this.#supervisor.apply(plan);
    } catch (error) {
      await logChange.abandon();
      throw error;
    }
    logChange.commit();
    this.#health.apply(settings, plan.pool);
    this.#plan = plan;
    this.#settings = settings;
    this.observer.apply(settings, plan);
    await this.#supervisor.resize(workers, settings.load_balancing.timeout.drain);
    this.#rows.keep(new Set(plan.pool.servers.map((server) => server.name)));
    this.log.info({ event: 'reloaded', workers, listeners: plan.listen.map(urlOf) });
  }

  /** Lets what is under way end, then ends. */
  async stop(): Promise<void> {
    const withinMs = this.#settings.load_balancing.timeout.drain;
    this.log.info({ event: 'stopping', withinMs });
    await this.#supervisor.drain(withinMs);
    this.#health.stop();
    this.observer.stop();
    this.log.info({ event: 'stopped' });
  }

  /** Lets the primaries take over from the backups. @returns false where they never stopped */
  failback(): boolean {
    return this.#health.failback();
  }

  status(): InstanceStatus {
    return statusOf(this.#table, this.#plan, this.observer, this.#surroundings());
  }

  /**
   * What an operator does to a server: drain (it keeps what it has), disable (nothing goes there),
   * enable (it takes traffic again).
   *
   * @param name the server's name or address
   * @returns false where there is no such server
   */
  setServer(name: string, action: ServerAction): boolean {
    const server = this.#plan.pool.servers.find((one) => one.label === name || one.name === name);
    if (server === undefined) return false;
    const wasActive = this.#table.admin(server.row) === ADMIN.active;
    this.#table.setAdmin(server.row, SERVER_ACTIONS[action]);
    if (action === 'enable' && !wasActive) this.#health.cameBack(server.row);
    this.observer.serverChanged(server.label, action, 'asked for by an operator');
    return true;
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

const WORSE = new Set(['down', 'open', 'ejected', 'backups', 'no_server']);

function isForTheWorse(change: Change): boolean {
  return WORSE.has(change.to);
}

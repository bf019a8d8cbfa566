import type { Settings } from '../config/schema.ts';
import type { Logger } from '../observe/log.ts';
import { COUNTER, HEALTH } from '../table/layout.ts';
import { SharedTable } from '../table/table.ts';
import type { WorkerPlan } from '../worker/plan.ts';
import { planOf, urlOf } from './plan.ts';
import { ServerRows } from './rows.ts';
import { Supervisor } from './supervisor.ts';

/** Room for servers and workers beyond today's, so that a reload can bring more of either. */
const SERVER_ROWS = 4096;
const WORKER_LANES = 32;

/** What one server is doing, for status and the dashboard. */
export interface ServerStatus {
  name: string;
  address: string;
  state: 'up' | 'down' | 'unknown';
  backup: boolean;
  weight: number;
  inFlight: number;
  requests: number;
  failures: number;
  latencyMs: number;
}

export interface InstanceStatus {
  pid: number;
  uptimeMs: number;
  workers: number;
  workerDeaths: number;
  listeners: string[];
  pools: { name: string; strategy: string; servers: ServerStatus[] }[];
  lostLogRecords: number;
}

/** A running load balancer: the shared table, the data threads and the plan they follow. */
export class Instance {
  readonly log: Logger;
  readonly #table: SharedTable;
  readonly #rows: ServerRows;
  readonly #supervisor: Supervisor;
  readonly #startedMs = performance.now();
  #plan: WorkerPlan;
  #settings: Settings;
  #workerDeaths = 0;
  #lostLogRecords = 0;

  constructor(settings: Settings, log: Logger) {
    this.log = log;
    this.#settings = settings;
    this.#table = SharedTable.create({ serverRows: SERVER_ROWS, workerLanes: WORKER_LANES });
    this.#rows = new ServerRows(this.#table);
    this.#plan = planOf(settings, this.#rows);
    this.#supervisor = new Supervisor(this.#table, this.#plan, {
      onRecords: (records, lost) => {
        this.#lostLogRecords += lost;
        for (const record of records) {
          log[record.status >= 500 ? 'warn' : 'info']({ event: 'request', ...record });
        }
      },
      onDeath: (lane, cause) => {
        this.#workerDeaths += 1;
        log.error({ event: 'worker_died', lane, cause });
      },
    });
  }

  get plan(): WorkerPlan {
    return this.#plan;
  }

  /** @throws ListenError when an address cannot be opened */
  async start(workers: number): Promise<void> {
    await this.#supervisor.start(workers);
    this.log.info({ event: 'started', workers, listeners: this.#plan.listen.map(urlOf) });
  }

  /** Lets what is under way end, then ends. */
  async stop(): Promise<void> {
    const withinMs = this.#settings.load_balancing.timeout.drain;
    this.log.info({ event: 'stopping', withinMs });
    await this.#supervisor.drain(withinMs);
    this.log.info({ event: 'stopped' });
  }

  status(): InstanceStatus {
    const { pool, listen } = this.#plan;
    return {
      pid: process.pid,
      uptimeMs: Math.round(performance.now() - this.#startedMs),
      workers: this.#supervisor.workerCount,
      workerDeaths: this.#workerDeaths,
      listeners: listen.map(urlOf),
      pools: [
        {
          name: pool.settings.name,
          strategy: pool.strategy,
          servers: pool.servers.map((server) => this.#serverStatus(server)),
        },
      ],
      lostLogRecords: this.#lostLogRecords,
    };
  }

  #serverStatus(server: WorkerPlan['pool']['servers'][number]): ServerStatus {
    const table = this.#table;
    const health = table.health(server.row);
    return {
      name: server.label,
      address: server.name,
      state: health === HEALTH.up ? 'up' : health === HEALTH.down ? 'down' : 'unknown',
      backup: server.backup,
      weight: server.weight,
      inFlight: table.inFlight(server.row),
      requests: table.counted(server.row, COUNTER.requests),
      failures: table.counted(server.row, COUNTER.failures),
      latencyMs: table.latencyUs(server.row, performance.now()) / 1000,
    };
  }
}

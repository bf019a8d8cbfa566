import type { ServerSettings, Settings } from '../../config/schema.ts';
import type { ServerPlan } from '../../core/servers/settings.ts';
import { realClock } from '../../io/real-clock.ts';
import { guarded } from '../../observe/guarded.ts';
import type { Logger } from '../../observe/log.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';
import type { SharedTable } from '../../table/table.ts';
import { withinDescriptors } from './descriptor-budget.ts';
import { FileLooks } from './file-looks.ts';
import { GuardState, networkFilesOf } from './guard-state.ts';
import { planOf, poolOf } from './make-worker-plan.ts';
import { PersistenceState } from './persistence-state.ts';
import { DEFAULT_POOL, serverPlansOf, withServers } from './server-plans.ts';
import { ServerRows } from './server-rows.ts';
import { sessionKeyFile } from './session-key.ts';
import { ServerIdentities, TlsState } from './tls-state.ts';

/** How often the state of limits is refreshed. */
const REFRESH_MS = 1_000;

/** Makes plans for the data threads, and keeps what outlives them. */
export class PlanMaker {
  readonly #rows: ServerRows;
  readonly #persistence: PersistenceState;
  readonly #guard = new GuardState(realClock.nowMs);
  readonly #tls = new TlsState();
  readonly #stateDirectory: string;
  #identities = new ServerIdentities();
  /** Lists of networks and the key of session cookies. */
  #files = new FileLooks([]);
  /** Whether files were read last for a plan that is not followed. */
  #isAhead = false;
  #refresher: NodeJS.Timeout | undefined;

  /** @param stateDirectory where the key of session cookies is kept */
  constructor(table: SharedTable, stateDirectory: string) {
    this.#rows = new ServerRows(table);
    this.#persistence = new PersistenceState(stateDirectory);
    this.#stateDirectory = stateDirectory;
  }

  /**
   * A plan for these settings; reads every file they name.
   *
   * @param workers data threads that will follow it
   * @throws TlsError when a certificate cannot be used, SessionKeyError when the key of session
   *   cookies cannot be read, NetworkFileError when a list of networks cannot, RangeError when
   *   there are more servers than the table has rows
   */
  make(settings: Settings, servers: readonly ServerSettings[], workers: number): WorkerPlan {
    this.#isAhead = true;
    // The key's file is made where there is none yet, so that it is looked at afterwards.
    const persistence = this.#persistence.planOf(settings);
    const keyFiles = persistence?.type === 'cookie' ? [sessionKeyFile(this.#stateDirectory)] : [];
    this.#files = new FileLooks([...networkFilesOf(settings), ...keyFiles]);
    const tls = this.#tls.planOf(settings, servers);
    const guard = this.#guard.planOf(settings);
    const plans = this.#serversOf(settings, servers, new ServerIdentities());
    const plan = planOf(settings, this.#rows, persistence, tls, guard, plans);
    return withinDescriptors(plan, workers);
  }

  /**
   * The plan with other servers. Nothing else changes, and only files of new TLS settings are read.
   *
   * @throws TlsError, RangeError as `make` does
   */
  withServers(
    plan: WorkerPlan,
    settings: Settings,
    servers: readonly ServerSettings[],
  ): WorkerPlan {
    this.#tls.watch(servers);
    const identities = new ServerIdentities(this.#identities);
    const plans = this.#serversOf(settings, servers, identities);
    return withServers(plan, DEFAULT_POOL, plans);
  }

  /** The plan with certificates, keys and authorities as their files have them now. @throws TlsError */
  withFreshTls(
    plan: WorkerPlan,
    settings: Settings,
    servers: readonly ServerSettings[],
  ): WorkerPlan {
    this.#isAhead = true;
    const tls = this.#tls.planOf(settings, servers);
    const plans = this.#serversOf(settings, servers, new ServerIdentities());
    return { ...withServers(plan, DEFAULT_POOL, plans), tls };
  }

  /** Whether a file has changed since the plan that is followed was made of it. */
  get haveFilesChanged(): boolean {
    return this.#isAhead || this.#files.haveChanged || this.#tls.haveFilesChanged;
  }

  /** The data threads follow this plan now, which was made of these. */
  followed(plan: WorkerPlan, settings: Settings, servers: readonly ServerSettings[]): void {
    this.#isAhead = false;
    this.#guard.follow(plan.guard);
    this.#tls.followed(settings, servers);
    this.freeRows(plan);
  }

  /** Frees the rows of servers that the current plan does not have. */
  freeRows({ pools }: WorkerPlan): void {
    this.#rows.keep(pools);
  }

  /** @param onRenewed a certificate, key or authority has changed, and come to rest */
  start(log: Logger, onRenewed: () => void): void {
    const refresh = guarded(log, 'limits', () => this.#guard.refresh());
    this.#refresher = setInterval(refresh, REFRESH_MS).unref();
    this.#tls.start(log, onRenewed);
  }

  stop(): void {
    this.#tls.stop();
    clearInterval(this.#refresher);
  }

  #serversOf(
    settings: Settings,
    servers: readonly ServerSettings[],
    identities: ServerIdentities,
  ): ServerPlan[] {
    const plans = serverPlansOf(poolOf(settings), servers, this.#rows, identities);
    this.#identities = identities;
    return plans;
  }
}

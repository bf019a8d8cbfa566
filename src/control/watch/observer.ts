import { hostname } from 'node:os';
import type { IoChoice } from '../../base/io-kind.ts';
import { sum } from '../../base/sum.ts';
import { VERSION } from '../../base/version.ts';
import type { Settings } from '../../config/schema.ts';
import { breakerName } from '../../core/servers/upkeep.ts';
import { type ActiveAlert, AlertEngine, type AlertMessage } from '../../observe/alerts.ts';
import { channelsOf } from '../../observe/channels.ts';
import { type ChannelStatus, Dispatcher } from '../../observe/dispatcher.ts';
import { guarded } from '../../observe/guarded.ts';
import type { Logger } from '../../observe/log.ts';
import { noticeOf, type Origin, testNotice } from '../../observe/message.ts';
import { Metrics } from '../../observe/metrics.ts';
import { StatsdSender } from '../../observe/statsd.ts';
import type { View } from '../../observe/view.ts';
import { urlOf } from '../../plan/listen.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';
import type { SharedTable } from '../../table/table.ts';
import { CertificateExpiry } from './certificate-expiry.ts';
import { ClientBoard } from './client-board.ts';
import { conditionsOf } from './conditions.ts';
import { RecentCounts } from './last-minute.ts';
import { RecentRequests } from './recent-requests.ts';
import { ServerChanges } from './server-changes.ts';
import { serverFactsOf } from './server-facts.ts';
import { TrafficHistory } from './traffic-history.ts';
import { WorkerLoads } from './worker-loads.ts';

const TICK_MS = 1000;

export interface AlertsStatus {
  /** False: no condition is looked at. */
  isEnabled: boolean;
  active: ActiveAlert[];
  channels: ChannelStatus[];
  silentUntilMs: number;
}

/** What the observer is told by the instance each time it looks. */
export interface InstanceFacts {
  /** Lanes of the workers that run. */
  readonly lanes: readonly number[];
  readonly io: IoChoice;
  readonly workerDeaths: number;
  readonly lostLogRecords: number;
}

/**
 * Watches the instance once a second from the control thread: keeps the last hour, raises alerts,
 * feeds StatsD, and answers what metrics, status and dashboard ask.
 */
export class Observer {
  readonly history: TrafficHistory;
  readonly clients = new ClientBoard();
  readonly lastMinute: RecentCounts;
  readonly requests = new RecentRequests();
  readonly workers: WorkerLoads;
  readonly changes: ServerChanges;
  readonly #table: SharedTable;
  readonly #log: Logger;
  readonly #surroundings: () => InstanceFacts;
  readonly #metrics = new Metrics();
  readonly #startedSeconds: number;
  #settings: Settings;
  #plan: WorkerPlan;
  #engine: AlertEngine;
  #dispatcher: Dispatcher;
  #statsd: StatsdSender | null = null;
  #statsdDueMs = 0;
  #statsdFailed = false;
  readonly certificates: CertificateExpiry;
  #reloadError = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(
    table: SharedTable,
    log: Logger,
    settings: Settings,
    plan: WorkerPlan,
    surroundings: () => InstanceFacts,
  ) {
    this.#table = table;
    this.#log = log;
    this.#surroundings = surroundings;
    this.#settings = settings;
    this.#plan = plan;
    this.#startedSeconds = Date.now() / 1000 - process.uptime();
    this.history = new TrafficHistory(table, Date.now());
    this.lastMinute = new RecentCounts(table);
    this.workers = new WorkerLoads(table);
    this.changes = new ServerChanges(table, log);
    this.certificates = new CertificateExpiry(log, settings);
    this.#engine = this.#newEngine();
    this.#dispatcher = this.#newDispatcher();
  }

  start(): void {
    this.#openStatsd();
    const tick = guarded(this.#log, 'metrics and alerts', () => this.tick(Date.now()));
    this.#timer = setInterval(tick, TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#dispatcher.close();
    this.#statsd?.close();
    this.#statsd = null;
  }

  /** Follows other settings; alerts that have begun go on where their times are the same. */
  apply(settings: Settings, plan: WorkerPlan): void {
    const before = this.#settings.load_balancing.monitoring;
    const after = settings.load_balancing.monitoring;
    this.followServers(settings, plan);
    this.certificates.follow(settings);
    if (JSON.stringify(before.alerts) !== JSON.stringify(after.alerts)) {
      this.#dispatcher.close();
      this.#dispatcher = this.#newDispatcher();
      const isSame =
        before.alerts.for === after.alerts.for && before.alerts.cooldown === after.alerts.cooldown;
      if (!isSame) this.#engine = this.#newEngine();
    }
    if (JSON.stringify(before.metrics) !== JSON.stringify(after.metrics)) {
      this.#statsd?.close();
      this.#openStatsd();
    }
  }

  /** Follows settings in which nothing but servers is new. */
  followServers(settings: Settings, plan: WorkerPlan): void {
    this.#settings = settings;
    this.#plan = plan;
    this.#reloadError = '';
  }

  /** One look at everything. @param nowMs milliseconds since 1970 */
  tick(nowMs: number): void {
    const servers = this.#plan.pools.flatMap((pool) => pool.servers);
    this.changes.look(servers, nowMs);
    this.history.sample(
      servers.map(({ row }) => row),
      nowMs,
    );
    const { lanes } = this.#surroundings();
    this.lastMinute.sample(lanes);
    this.workers.sample(lanes, nowMs);
    this.clients.tick(nowMs);
    this.certificates.look(nowMs);
    this.#raise(nowMs);
    if (this.#statsd !== null && nowMs >= this.#statsdDueMs) {
      this.#statsdDueMs = nowMs + this.#settings.load_balancing.monitoring.metrics.interval;
      this.#statsd.send(this.view());
    }
  }

  /** A configuration was refused; the next one that is applied ends the alert. */
  reloadFailed(reason: string): void {
    this.#reloadError = reason;
  }

  async metricsText(): Promise<{ type: string; text: string }> {
    return await this.#metrics.scrape(this.view());
  }

  get alertsEnabled(): boolean {
    const { alerts, enabled } = this.#settings.load_balancing.monitoring;
    return enabled && alerts.enabled;
  }

  alerts(): AlertsStatus {
    return {
      isEnabled: this.alertsEnabled,
      active: this.#engine.active(),
      channels: this.#dispatcher.status(),
      silentUntilMs: this.#engine.silentUntilMs,
    };
  }

  /** @param untilMs milliseconds since 1970; 0 ends a silence */
  silenceAlerts(untilMs: number): void {
    this.#engine.silence(untilMs);
    if (untilMs === 0) this.#log.info({ event: 'alerts_resumed' });
    else this.#log.info({ event: 'alerts_silenced', until: new Date(untilMs).toISOString() });
  }

  /** Sends one message through each channel. */
  async testAlerts(): Promise<{ channel: string; error: string }[]> {
    return await this.#dispatcher.test(testNotice(this.#origin()));
  }

  view(): View {
    const { pools } = this.#plan;
    const undelivered = new Map<string, number>();
    for (const { channel, undelivered: count } of this.#dispatcher.status()) {
      undelivered.set(channel, count);
    }
    return {
      ...this.#surroundings(),
      table: this.#table,
      servers: pools.flatMap(({ settings, servers }) =>
        servers.map(({ label, row }) => ({
          pool: settings.name,
          label,
          row,
          ...(settings.breaker === null ? {} : { breaker: breakerName(this.#table, row) }),
        })),
      ),
      pools: pools.map(({ settings: { name, row } }) => ({ name, row })),
      version: VERSION,
      startedSeconds: this.#startedSeconds,
      certificates: this.certificates.list(),
      alertsActive: this.#engine.active().map(({ name }) => name),
      undelivered,
    };
  }

  #raise(nowMs: number): void {
    if (!this.alertsEnabled) return;
    const { alerts } = this.#settings.load_balancing.monitoring;
    const facts = {
      window: this.history.window(alerts.window),
      servers: serverFactsOf(this.#table, this.#plan, this, alerts.window),
      pools: this.#plan.pools.map(({ settings }) => settings.name),
      unservedErrors: sum(this.history.server(this.#table.measures.noRow).errors),
      failures: this.lastMinute.counts().failures,
      certificates: this.certificates.list(),
      reloadError: this.#reloadError,
      nowMs,
    };
    for (const message of this.#engine.judge(conditionsOf(alerts, facts), nowMs)) {
      this.#logAlert(message);
      if (isWanted(message, alerts.events)) {
        this.#dispatcher.send(noticeOf(message, this.#origin()));
      }
    }
  }

  /** By the name `alert`: `name` is the log's own. */
  #logAlert({ name: alert, phase, subject, sinceMs, measured, outliers }: AlertMessage): void {
    const since = new Date(sinceMs).toISOString();
    const told = { event: 'alert', alert, subject, phase, since, measured, outliers };
    this.#log[phase === 'begin' ? 'warn' : 'info'](told);
  }

  #newEngine(): AlertEngine {
    const { alerts } = this.#settings.load_balancing.monitoring;
    return new AlertEngine({ forMs: alerts.for, cooldownMs: alerts.cooldown });
  }

  #newDispatcher(): Dispatcher {
    const { channels: configured } = this.#settings.load_balancing.monitoring.alerts;
    const channels = this.alertsEnabled ? channelsOf(configured) : [];
    return new Dispatcher(channels, {
      onFailure: (channel, error, isLast) => {
        const event = isLast ? 'alert_undelivered' : 'alert_delayed';
        this.#log[isLast ? 'error' : 'warn']({ event, channel, cause: error });
      },
    });
  }

  #openStatsd(): void {
    const { metrics, enabled } = this.#settings.load_balancing.monitoring;
    this.#statsd = null;
    if (!enabled || !metrics.enabled || !metrics.endpoints.includes('statsd')) return;
    this.#statsd = new StatsdSender(metrics.statsd, (error) => {
      // Once: a StatsD that is not there would else fill the log.
      if (!this.#statsdFailed) this.#log.warn({ event: 'statsd_failed', cause: error.message });
      this.#statsdFailed = true;
    });
  }

  #origin(): Origin {
    const { pools, listen } = this.#plan;
    return { host: hostname(), pool: pools[0].settings.name, listeners: listen.map(urlOf) };
  }
}

/** server_down and server_up are the two ends of one alert, and can be asked for apart. */
function isWanted(message: AlertMessage, events: readonly string[]): boolean {
  if (message.name !== 'server_down') return true;
  return events.includes(message.phase === 'begin' ? 'server_down' : 'server_up');
}

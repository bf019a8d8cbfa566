/**
 * One run: some workers of the real core between seeded clients and servers, on a seeded network
 * and clock. All that happens follows from the seed.
 *
 * A run has three times: trouble (in most runs), healing, and a last round of plain clients that
 * have to succeed. After it everything has to end by itself.
 */
import { Timer } from '../src/base/wheel.ts';
import { strategyNames } from '../src/core/balance/registry.ts';
import { DEFAULT_HEAD_LIMITS, DEFAULT_RESPONSE_LIMITS } from '../src/core/http1/head.ts';
import type { ServerPlan } from '../src/core/servers/settings.ts';
import { Upkeep } from '../src/core/servers/upkeep.ts';
import { ADMIN, BREAKER, HEALTH } from '../src/table/layout.ts';
import { SharedTable } from '../src/table/table.ts';
import { Chance } from './chance.ts';
import { type ClientManner, plainManner, SimClient, troubledManner } from './client.ts';
import { SimClock } from './clock.ts';
import { type Setup, SimWorker, TICK_MS } from './instance.ts';
import { Invariants, type Violation } from './invariants.ts';
import { Ledger } from './ledger.ts';
import { Network, type Weather } from './network.ts';
import type { Sabotage } from './sabotage.ts';
import { SimServer } from './server.ts';
import { SocketClient } from './socket-client.ts';
import { Trace } from './trace.ts';
import type { World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The same for every run of one seed. */
  readonly traceHash: string;
  readonly requests: number;
  readonly simulatedMs: number;
  /** All events, where they were asked for. */
  readonly lines: readonly string[];
}

/** Clients arrive within this time, and trouble ends with it. */
const TROUBLE_MS = 10_000;
/** What trouble left behind is over by then: the longest timeouts and stalls. */
const SETTLE_MS = 12_000;
/** By then everything has to have ended. */
const END_MS = 300_000;
const EVENTS_MAX = 2_000_000;
const CHECK_EVERY_MS = 100;
const WARM_UP_EVERY_MS = 400;
const WARM_UPS_MAX = 100;
/** A client with one request and nothing special about it. */
const WARM_UP: ClientManner = {
  isPlain: true,
  requests: 1,
  depth: 1,
  isHttp10: false,
  keepsAlive: true,
  thinkMs: [0, 0],
  gapMs: [0, 0],
  dawdles: 0,
  dawdleMs: [0, 0],
  halfCloses: false,
  leavesAfterMs: Number.POSITIVE_INFINITY,
  uploads: 0,
  tunnels: false,
  endsMalformed: false,
  stopsUpload: false,
};

const CALM: Omit<Weather, 'latencyMs' | 'cut'> = {
  stall: 0,
  stallMs: [0, 0],
  reset: 0,
  refuse: 0,
  blackHole: 0,
};

export function simulate(seed: number, sabotage: Sabotage = {}, isVerbose = false): Outcome {
  const run = new Run(seed, sabotage, isVerbose);
  return run.run();
}

class Run {
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #clock = new SimClock();
  readonly #trace: Trace;
  readonly #world: World;
  readonly #setup: Setup;
  readonly #table: SharedTable;
  readonly #servers: SimServer[];
  readonly #workers: SimWorker[] = [];
  readonly #clients = new Set<SimClient>();
  /** Clients with a WebSocket. */
  #sockets = 0;
  readonly #calm: Weather;
  readonly #upkeep: Upkeep;
  readonly #calls: Chance;
  /** Connections are opened ahead of need until then: for ever would be no end. */
  readonly #warmUntilMs: number;
  #isLastRound = false;

  constructor(seed: number, sabotage: Sabotage, isVerbose: boolean) {
    this.#seed = seed;
    const chance = new Chance(seed);
    this.#chance = chance;
    this.#calls = chance.fork();
    const clock = this.#clock;
    const nowMs = () => clock.nowMs();
    this.#trace = new Trace(nowMs, isVerbose);
    this.#calm = {
      ...CALM,
      latencyMs: [0, chance.pick([1, 5, 30])],
      cut: chance.pick([0, 0.1, 0.5]),
    };
    const isTroubled = chance.happens(0.7);
    const weather = isTroubled ? troubledWeather(this.#calm, chance) : this.#calm;
    const invariants = new Invariants(this.#trace, nowMs);
    const network = new Network(clock, chance.fork(), this.#trace, sabotage, weather);
    network.onMisuse = (end, what) => invariants.fail('streamContract', what, end.connection);
    const wafBytes = chance.happens(0.4) ? chance.pick([1_024, 16_384, 131_072]) : 0;
    this.#world = {
      clock,
      network,
      ledger: new Ledger(),
      invariants,
      screens: wafBytes > 0,
      isTroubled,
      isWell: !isTroubled,
    };

    const names = Array.from({ length: chance.whole(1, 5) }, (_, at) => `server-${at}`);
    const lanes = chance.whole(1, 3);
    this.#table = SharedTable.create({ serverRows: names.length, workerLanes: lanes });
    this.#setup = { ...setupOf(chance, names, isTroubled), wafBytes };
    if (this.#setup.isTight) this.#world.isWell = false;
    if (this.#setup.policy.highWaterBytes >= 16_384 && chance.happens(0.7)) {
      network.tellsOfEnds = false;
    }
    this.#servers = names.map((name) => new SimServer(this.#world, name, chance.fork()));
    this.#warmUntilMs = clock.nowMs() + TROUBLE_MS;
    const upkeep = {
      settings: this.#setup.settings,
      servers: this.#setup.plans,
      outliers: null,
      failback: null,
    };
    this.#upkeep = new Upkeep(
      this.#table,
      upkeep,
      (change) => this.#trace.note(0, `${change.subject}: ${change.aspect} ${change.to}`),
      clock.nowMs(),
    );
    for (let lane = 0; lane < lanes; lane++) {
      this.#workers.push(
        new SimWorker(this.#world, this.#setup, this.#table, lane, chance.fork(), (other) =>
          this.#call(other),
        ),
      );
    }
  }

  run(): Outcome {
    const { clock, invariants, network, ledger } = this.#world;
    const startMs = clock.nowMs();
    this.#schedule(startMs);
    let events = 0;
    try {
      while (clock.nextMs() < startMs + END_MS && clock.step()) {
        events += 1;
        if (events > EVENTS_MAX) break;
      }
      if (clock.nextMs() !== Number.POSITIVE_INFINITY) {
        invariants.fail('progress', `things still happen after ${clock.nowMs() - startMs} ms`);
      }
      let timerDueMs = Number.POSITIVE_INFINITY;
      for (const worker of this.#workers) {
        timerDueMs = Math.min(timerDueMs, worker.wheel.earliestMs());
        if (worker.connections > 0) {
          invariants.fail('nothingLeft', `${worker.name} counts ${worker.connections} connections`);
        }
        for (const server of worker.servers) {
          if (server.endpoint.idle.length === 0) continue;
          invariants.fail('nothingLeft', `${worker.name} keeps connections to ${server.label}`);
        }
      }
      const rows = this.#setup.plans.map((plan) => plan.row);
      invariants.finish(ledger, this.#table, rows, network.open, timerDueMs);
    } catch (error) {
      invariants.fail('progress', `it threw ${(error as Error).stack}`);
    }
    return {
      seed: this.#seed,
      violations: invariants.violations,
      traceHash: this.#trace.hash,
      requests: ledger.requests.size,
      simulatedMs: clock.nowMs() - startMs,
      lines: this.#trace.lines,
    };
  }

  #schedule(startMs: number): void {
    const chance = this.#chance;
    const { clock, network } = this.#world;
    const isTroubled = this.#world.isTroubled;
    const manner = isTroubled && chance.happens(0.8) ? troubledManner : plainManner;
    for (let count = chance.whole(3, 16); count > 0; count--) {
      const client = chance.fork();
      const atMs = startMs + chance.within([0, TROUBLE_MS * 0.7]);
      clock.at(atMs, () => this.#addClient(client, manner(client)));
    }
    this.#scheduleSockets(chance.fork(), startMs);
    if (isTroubled) {
      for (let count = chance.whole(0, 3); count > 0; count--) {
        const server = chance.pick(this.#servers);
        clock.at(startMs + chance.within([0, TROUBLE_MS]), () => server.crash());
      }
    }
    if (network.sabotage.leaksTimer) clock.after(10, () => this.#leakTimer());
    if (chance.happens(0.6)) this.#flipServers(chance.fork(), startMs + TROUBLE_MS);
    if (chance.happens(0.15)) {
      const worker = chance.pick(this.#workers);
      if (isTroubled) clock.at(startMs + chance.within([0, TROUBLE_MS]), () => worker.drain());
    }
    clock.at(startMs + TROUBLE_MS, () => this.#heal());
    const last = chance.fork();
    clock.at(startMs + TROUBLE_MS + SETTLE_MS, () => this.#lastRound(last, WARM_UPS_MAX));
    clock.after(TICK_MS, () => this.#tick());
    this.#checkEvery();
  }

  /** WebSockets come, and servers and workers want to be rid of some. */
  #scheduleSockets(chance: Chance, startMs: number): void {
    const { clock } = this.#world;
    const names = this.#workers.map((worker) => worker.name);
    for (let count = chance.whole(0, 6); count > 0; count--) {
      const client = chance.fork();
      clock.at(startMs + chance.within([0, TROUBLE_MS * 0.7]), () => {
        this.#sockets += 1;
        new SocketClient(this.#world, client, client.pick(names), () => {
          this.#sockets -= 1;
        });
      });
    }
    for (let count = chance.whole(0, 4); count > 0; count--) {
      const worker = chance.pick(this.#workers);
      const row = chance.pick([-1, ...this.#setup.plans.map((plan) => plan.row)]);
      const most = chance.pick([1, Number.POSITIVE_INFINITY]);
      const overMs = chance.pick([0, 1_000]);
      clock.at(startMs + chance.within([0, TROUBLE_MS]), () => {
        worker.endSockets(row, most, overMs);
      });
    }
  }

  /** Half-open breakers want to be tried by somebody before all can succeed. */
  #lastRound(chance: Chance, warmUpsLeft: number): void {
    const { clock } = this.#world;
    const table = this.#table;
    const isClosed = ({ row }: ServerPlan) => table.breakers.state(row) === BREAKER.closed;
    if (warmUpsLeft > 0 && !this.#setup.plans.every(isClosed)) {
      this.#addClient(chance.fork(), WARM_UP);
      clock.after(WARM_UP_EVERY_MS, () => this.#lastRound(chance, warmUpsLeft - 1));
      return;
    }
    this.#world.isWell = !this.#setup.isTight;
    this.#isLastRound = true;
    for (let count = 4; count > 0; count--) this.#addClient(chance.fork(), plainManner(chance));
  }

  #addClient(chance: Chance, manner: ClientManner): void {
    const names = this.#workers.map((worker) => worker.name);
    const client = new SimClient(this.#world, chance, manner, names, () => {
      this.#clients.delete(client);
    });
    this.#clients.add(client);
  }

  /** Turns every worker's wheel, and jumps where nothing would happen for a while. */
  #tick(): void {
    const { clock } = this.#world;
    const nowMs = clock.nowMs();
    let nextMs = clock.nextMs();
    const { settings } = this.#setup;
    const isWaiting = this.#table.poolCounts.waiting(settings.row) > 0;
    if (isWaiting) nextMs = Math.min(nextMs, nowMs + TICK_MS);
    for (const worker of this.#workers) {
      worker.tick(nowMs);
      if (nowMs < this.#warmUntilMs) worker.warm(nowMs);
      nextMs = Math.min(nextMs, worker.wheel.earliestMs());
    }
    nextMs = Math.min(nextMs, clock.nextMs());
    if (nextMs === Number.POSITIVE_INFINITY) return;
    const tick = Math.max(Math.floor(nowMs / TICK_MS) + 1, Math.ceil(nextMs / TICK_MS));
    clock.at(tick * TICK_MS, () => this.#tick());
  }

  #checkEvery(): void {
    const { clock, network, ledger, invariants } = this.#world;
    this.#upkeep.turn(clock.nowMs());
    const { connectionsMax } = this.#setup.settings;
    const { highWaterBytes } = this.#setup.policy;
    invariants.checkBounds(this.#table, this.#setup.plans, network.open, connectionsMax);
    // What waits for the firewall's verdict comes on top of what is kept for another attempt.
    const replayBytes = this.#setup.policy.replayBytes + this.#setup.wafBytes;
    invariants.checkMemory(network.open, ledger, highWaterBytes, replayBytes);
    for (const { row } of this.#setup.plans) {
      const underWay = this.#workers.map((worker) => worker.underWayAt(row));
      invariants.checkCounts(
        this.#table,
        row,
        underWay.reduce((sum, count) => sum + count, 0),
      );
    }
    for (const client of this.#clients) {
      const { upload } = client;
      if (upload === null) continue;
      invariants.checkUpload(upload.request, upload.takenBytes, highWaterBytes, replayBytes);
    }
    // Goes on for as long as anybody is there.
    if (this.#clients.size > 0 || this.#sockets > 0 || !this.#isLastRound) {
      clock.after(CHECK_EVERY_MS, () => this.#checkEvery());
    }
  }

  /** One worker calls another: it hears soon, late, or never, for a call only saves time. */
  #call(lane: number): void {
    const { clock } = this.#world;
    if (this.#calls.happens(0.1)) return;
    const worker = this.#workers[lane]!;
    clock.after(this.#calls.within([0, 5]), () => worker.called(clock.nowMs()));
  }

  /** The operator and the health checks change their minds; one server always stays usable. */
  #flipServers(chance: Chance, untilMs: number): void {
    const { clock } = this.#world;
    clock.after(chance.within([10, 1_500]), () => {
      if (clock.nowMs() >= untilMs) return;
      const { plans } = this.#setup;
      const plan = chance.pick(plans);
      const mayTakeOut = plan !== plans[0] || (this.#world.isTroubled && chance.happens(0.2));
      const health = mayTakeOut ? chance.pick([HEALTH.unknown, HEALTH.up, HEALTH.down]) : HEALTH.up;
      const admin = mayTakeOut
        ? chance.pick([ADMIN.active, ADMIN.active, ADMIN.draining, ADMIN.maintenance])
        : ADMIN.active;
      this.#trace.note(0, `${plan.label}: health ${health}, admin ${admin}`);
      this.#table.setHealth(plan.row, health);
      this.#table.setAdmin(plan.row, admin);
      this.#flipServers(chance, untilMs);
    });
  }

  #heal(): void {
    this.#trace.note(0, 'all is well again');
    this.#world.isTroubled = false;
    this.#world.network.weather = this.#calm;
    for (const { row } of this.#setup.plans) {
      this.#table.setHealth(row, HEALTH.up);
      this.#table.setAdmin(row, ADMIN.active);
    }
  }

  #leakTimer(): void {
    const wheel = this.#workers[0]!.wheel;
    const timer: Timer = new Timer(wheel, {
      onTimer: (nowMs) => timer.set(nowMs + 60_000),
      crashed: () => {},
    });
    timer.set(this.#world.clock.nowMs() + 60_000);
  }
}

function troubledWeather(calm: Weather, chance: Chance): Weather {
  const some = (share: number) => (chance.happens(0.5) ? share : 0);
  return {
    latencyMs: [0, chance.pick([1, 30, 300])],
    cut: chance.pick([calm.cut, 0.9]),
    stall: some(0.02),
    stallMs: [100, chance.pick([1_000, 5_000])],
    reset: some(0.005),
    refuse: some(0.2),
    blackHole: some(0.1),
  };
}

function setupOf(
  chance: Chance,
  names: readonly string[],
  isTroubled: boolean,
): Omit<Setup, 'wafBytes'> {
  const isBounded = isTroubled && chance.happens(0.2);
  const isTight = chance.happens(0.3);
  const hasBackup = names.length > 1 && chance.happens(0.2);
  const plans = names.map(
    (name, row): ServerPlan => ({
      row,
      label: name,
      name,
      address: { host: name, port: 80, path: '', tls: null },
      weight: chance.whole(1, 4),
      backup: hasBackup && row === names.length - 1,
      maxInFlight: isTight ? chance.pick([0, 1, 2]) : isBounded ? chance.whole(10, 14) : 0,
    }),
  );
  const strategy = chance.pick(strategyNames);
  const panicThresholdPercent = chance.pick([0, 0, 50]);
  // In the order in which seeds have always drawn them.
  const { tracing, highWaterBytes, replayBytes, ...settings } = {
    name: 'simulated',
    row: 0,
    strategy,
    detects: true,
    breaker: chance.happens(0.5)
      ? { failureThreshold: chance.whole(1, 4), recoveryMs: 1_000, halfOpenMs: 1_000 }
      : null,
    ejection: chance.happens(0.3)
      ? { failuresInRow: 3, ejectionMs: 500, ejectionMsMax: 2_000, ejectedPercentMax: 50 }
      : null,
    slowStartMs: chance.pick([0, 0, 2_000]),
    tracing: chance.pick([null, { sampled: 1 }]),
    retryWithinMs: chance.pick([0, 4_000]),
    timeouts: {
      connectMs: 1_000,
      readMs: 2_000,
      writeMs: 2_000,
      streamMs: 3_000,
    },
    responseLimits: DEFAULT_RESPONSE_LIMITS,
    connectionsMax: isTight ? chance.pick([1, 2, 4, 100]) : 1_000,
    idleMax: chance.pick([0, 1, 8]),
    idleMin: chance.pick([0, 0, 2]),
    idleMs: 3_000,
    ageMsMax: 0,
    longAwaitMs: 500,
    waitingMax: isTight ? chance.pick([1, 5, 100]) : 100,
    waitMs: isTight ? chance.pick([300, 2_000]) : 10_000,
    retries: chance.pick([0, 1, 3]),
    retryBudgetPercent: 20,
    highWaterBytes: chance.pick([0, 1_024, 16_384]),
    replayBytes: chance.pick([2_048, 65_536]),
  };
  return {
    isTight,
    strategy,
    plans,
    panicThresholdPercent,
    settings,
    policy: {
      requestMs: 3_000,
      idleMs: 8_000,
      readMs: 2_000,
      writeMs: 2_000,
      uploadBytesPerSecond: 0,
      downloadBytesPerSecond: 0,
      highWaterBytes,
      replayBytes,
      tracing,
      headLimits: DEFAULT_HEAD_LIMITS,
    },
  };
}

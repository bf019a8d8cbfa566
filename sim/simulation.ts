/**
 * One run: some workers of the real core between seeded clients and servers, on a seeded network
 * and clock. All that happens follows from the seed.
 *
 * A run has three times: trouble (in most runs), healing, and a last round of plain clients that
 * have to succeed. After it everything has to end by itself.
 */
import { Timer } from '../src/base/wheel.ts';
import type { ServerPlan } from '../src/core/servers/settings.ts';
import { ADMIN, BREAKER, HEALTH } from '../src/table/layout.ts';
import { Chance } from './chance.ts';
import { SimClient } from './client.ts';
import { type ClientManner, plainManner, troubledManner } from './client-manner.ts';
import { SimClock } from './clock.ts';
import { type Extras, extrasOf, withSecondPool } from './extras.ts';
import { Http2Client } from './http2-client.ts';
import type { SimStream } from './http2-stream.ts';
import { SimInstance } from './instance.ts';
import { Invariants, type Violation } from './invariants.ts';
import { Ledger } from './ledger.ts';
import { Network } from './network.ts';
import { Reloads } from './reloads.ts';
import type { Sabotage } from './sabotage.ts';
import { SimServer } from './server.ts';
import { type Setup, setupOf } from './setup.ts';
import { SocketClient } from './socket-client.ts';
import { Trace } from './trace.ts';
import { calmWeather, troubledWeather, type Weather } from './weather.ts';
import { TICK_MS } from './worker.ts';
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
  readonly #instance: SimInstance;
  readonly #reloads: Reloads;
  readonly #extras: Extras;
  readonly #servers: SimServer[];
  readonly #clients = new Set<SimClient>();
  readonly #http2Clients = new Set<Http2Client>();
  /** Clients with a WebSocket. */
  #sockets = 0;
  readonly #calm: Weather;
  /** Connections are opened ahead of need until then: for ever would be no end. */
  readonly #warmUntilMs: number;
  #isLastRound = false;

  constructor(seed: number, sabotage: Sabotage, isVerbose: boolean) {
    this.#seed = seed;
    const chance = new Chance(seed);
    this.#chance = chance;
    const calls = chance.fork();
    const clock = this.#clock;
    const nowMs = () => clock.nowMs();
    this.#trace = new Trace(nowMs, isVerbose);
    this.#calm = calmWeather(chance);
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
    const setup = setupOf(chance, names, isTroubled, wafBytes);
    const extras = extrasOf(seed, isTroubled);
    this.#extras = extras;
    this.#setup = extras.hasSecondPool ? withSecondPool(setup, extras.chance) : setup;
    if (this.#setup.isTight) this.#world.isWell = false;
    const { highWaterBytes } = this.#setup.plan.routes[0].policy;
    if (highWaterBytes >= 16_384 && chance.happens(0.7)) network.tellsOfEnds = false;
    this.#servers = names.map((name) => new SimServer(this.#world, name, chance.fork()));
    if (extras.hasSecondPool) {
      this.#servers.push(new SimServer(this.#world, 'server-second', extras.chance.fork()));
    }
    this.#warmUntilMs = clock.nowMs() + TROUBLE_MS;
    this.#instance = new SimInstance(this.#world, this.#setup, lanes, chance, calls, extras.chance);
    this.#reloads = new Reloads(this.#instance, this.#setup, extras.chance);
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
      const timerDueMs = this.#instance.finish();
      invariants.finish(ledger, this.#instance.table, this.#setup.plan, network.open, timerDueMs);
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
      const worker = chance.pick(this.#instance.workers);
      if (isTroubled) clock.at(startMs + chance.within([0, TROUBLE_MS]), () => worker.drain());
    }
    this.#scheduleExtras(startMs);
    clock.at(startMs + TROUBLE_MS, () => this.#heal());
    const last = chance.fork();
    clock.at(startMs + TROUBLE_MS + SETTLE_MS, () => this.#lastRound(last, WARM_UPS_MAX));
    clock.after(TICK_MS, () => this.#tick());
    this.#checkEvery();
  }

  /** The plan changes, workers die, and some clients speak HTTP/2. */
  #scheduleExtras(startMs: number): void {
    const { clock } = this.#world;
    const { chance, reloads, deaths, streams } = this.#extras;
    const isPlain = !this.#world.isTroubled;
    for (let count = streams; count > 0; count--) {
      const atMs = startMs + chance.within([0, TROUBLE_MS * 0.9]);
      clock.at(atMs, () => this.#addHttp2Client(isPlain));
    }
    for (let count = reloads; count > 0; count--) {
      clock.at(startMs + chance.within([0, TROUBLE_MS]), () => this.#reloads.reload());
    }
    for (let count = deaths; count > 0; count--) {
      clock.at(startMs + chance.within([0, TROUBLE_MS * 0.7]), () => this.#instance.killOne());
    }
  }

  /** WebSockets come, and servers and workers want to be rid of some. */
  #scheduleSockets(chance: Chance, startMs: number): void {
    const { clock } = this.#world;
    const names = this.#instance.listeners;
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
      const worker = chance.pick(this.#instance.workers);
      const row = chance.pick([-1, ...this.#instance.servers.map((server) => server.row)]);
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
    const { table, servers } = this.#instance;
    const isClosed = ({ row }: ServerPlan) => table.breakers.state(row) === BREAKER.closed;
    if (warmUpsLeft > 0 && !servers.every(isClosed)) {
      this.#addClient(chance.fork(), WARM_UP);
      clock.after(WARM_UP_EVERY_MS, () => this.#lastRound(chance, warmUpsLeft - 1));
      return;
    }
    this.#world.isWell = !this.#setup.isTight;
    this.#isLastRound = true;
    for (let count = 4; count > 0; count--) this.#addClient(chance.fork(), plainManner(chance));
    if (this.#extras.streams > 0)
      for (let count = 4; count > 0; count--) this.#addHttp2Client(true);
  }

  #addHttp2Client(isPlain: boolean): void {
    const chance = this.#extras.chance.fork();
    const open = (stream: SimStream) => this.#instance.openStream(chance, stream);
    const client = new Http2Client(this.#world, chance, isPlain, open, () => {
      this.#http2Clients.delete(client);
    });
    this.#http2Clients.add(client);
  }

  #addClient(chance: Chance, manner: ClientManner): void {
    const names = this.#instance.listeners;
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
    if (this.#instance.isWaiting) nextMs = Math.min(nextMs, nowMs + TICK_MS);
    for (const worker of this.#instance.workers) {
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
    const { clock, invariants } = this.#world;
    this.#instance.check();
    const { highWaterBytes } = this.#setup.plan.routes[0].policy;
    const { heldBytes } = this.#instance;
    for (const client of this.#clients) {
      const { upload } = client;
      if (upload === null) continue;
      invariants.checkUpload(upload.request, upload.takenBytes, highWaterBytes, heldBytes);
    }
    for (const { upload, stream } of this.#http2Clients) {
      const { pendingBytes, connection } = stream;
      invariants.checkStream(pendingBytes, connection, highWaterBytes, heldBytes);
      if (upload === null) continue;
      invariants.checkUpload(upload.request, upload.takenBytes, highWaterBytes, heldBytes);
    }
    // Goes on for as long as anybody is there.
    if (
      this.#clients.size + this.#http2Clients.size > 0 ||
      this.#sockets > 0 ||
      !this.#isLastRound
    ) {
      clock.after(CHECK_EVERY_MS, () => this.#checkEvery());
    }
  }

  /** The operator and the health checks change their minds; one server always stays usable. */
  #flipServers(chance: Chance, untilMs: number): void {
    const { clock } = this.#world;
    clock.after(chance.within([10, 1_500]), () => {
      if (clock.nowMs() >= untilMs) return;
      const plan = chance.pick(this.#instance.servers);
      const isFirst = this.#setup.plan.pools.some(({ servers }) => servers[0] === plan);
      const mayTakeOut = !isFirst || (this.#world.isTroubled && chance.happens(0.2));
      const health = mayTakeOut ? chance.pick([HEALTH.unknown, HEALTH.up, HEALTH.down]) : HEALTH.up;
      const admin = mayTakeOut
        ? chance.pick([ADMIN.active, ADMIN.active, ADMIN.draining, ADMIN.maintenance])
        : ADMIN.active;
      this.#trace.note(0, `${plan.label}: health ${health}, admin ${admin}`);
      const { table } = this.#instance;
      table.setHealth(plan.row, health);
      table.setAdmin(plan.row, admin);
      this.#flipServers(chance, untilMs);
    });
  }

  #heal(): void {
    this.#trace.note(0, 'all is well again');
    this.#world.isTroubled = false;
    this.#world.network.weather = this.#calm;
    if (this.#extras.reloads > 0) this.#reloads.restore();
    const { table, servers } = this.#instance;
    for (const { row } of servers) {
      table.setHealth(row, HEALTH.up);
      table.setAdmin(row, ADMIN.active);
    }
  }

  #leakTimer(): void {
    const wheel = this.#instance.workers[0]!.wheel;
    const timer: Timer = new Timer(wheel, {
      onTimer: (nowMs) => timer.set(nowMs + 60_000),
      crashed: () => {},
    });
    timer.set(this.#world.clock.nowMs() + 60_000);
  }
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { type Awaited, Lateness } from './lateness.ts';

const SETTINGS = { latencyMinMs: 500, latencyFactor: 5, workers: 2 };
const TURN_MS = 50;

/** How long a server takes for a request. */
type Latency = (server: number, nowMs: number) => number;

interface Load {
  /** Clients that ask again as soon as they are answered; 0: requests come at `perSecond`. */
  readonly clients: number;
  readonly perSecond?: number;
  /** Which server the nth request goes to, where it is not the next one in turn. */
  readonly route?: (nth: number) => number;
  /** When whoever waits gives up. */
  readonly patienceMs?: number;
}

/** Servers under load, millisecond by millisecond. */
class World {
  readonly ejected: { server: number; atMs: number; cause: string }[] = [];
  /** Answers that took over a second, those still awaited too. */
  slow = 0;
  nowMs = 0;
  readonly #servers: Writable[];
  readonly #lateness = new Lateness();
  readonly #latency: Latency;
  readonly #random = seededRandom(1);
  readonly #load: Load;
  #flights: Flight[] = [];
  /** By server and worker: requests sent, and those until the last with a prompt answer. */
  readonly #sent: number[][];
  readonly #untilPrompt: number[][];
  #requests = 0;
  #due = 0;
  #turn = 0;

  constructor(servers: number, load: Load, latency: Latency) {
    this.#servers = Array.from({ length: servers }, () => ({
      awaited: 0,
      over: 0,
      long: 0,
      untilPrompt: 0,
      firstByteUs: 0,
      firstBytes: 0,
      isUsable: true,
    }));
    this.#sent = this.#servers.map(() => Array<number>(SETTINGS.workers).fill(0));
    this.#untilPrompt = this.#sent.map((counts) => [...counts]);
    this.#load = load;
    this.#latency = latency;
  }

  run(untilMs: number): this {
    for (; this.nowMs < untilMs; this.nowMs++) this.#step();
    return this;
  }

  /** The process stands still, its clients and servers do not. */
  pause(ms: number): void {
    this.nowMs += ms;
  }

  #step(): void {
    const { nowMs } = this;
    const { clients, perSecond = 0, patienceMs = Infinity } = this.#load;
    this.#flights = this.#flights.filter((flight) => {
      const isOver = flight.endsMs <= nowMs || nowMs - flight.sentMs >= patienceMs;
      if (isOver) this.#end(flight, flight.endsMs <= nowMs);
      return !isOver;
    });
    this.#due += perSecond / 1000;
    while (clients > 0 ? this.#flights.length < clients : this.#due >= 1) {
      this.#due -= 1;
      this.#send();
    }
    if (nowMs < this.#turn) return;
    this.#turn = nowMs + TURN_MS;
    const samples = this.#servers.map((server) => ({ ...server }));
    for (const { index, cause } of this.#lateness.turn(samples, SETTINGS, nowMs)) {
      this.#servers[index]!.isUsable = false;
      this.ejected.push({ server: index, atMs: nowMs, cause });
    }
  }

  #send(): void {
    const usable = this.#servers.map((_, at) => at).filter((at) => this.#servers[at]!.isUsable);
    const nth = this.#requests++;
    const routed = this.#load.route?.(nth);
    const server = routed ?? usable[nth % usable.length]!;
    const ms = this.#latency(server, this.nowMs);
    if (ms >= 1000) this.slow += 1;
    this.#servers[server]!.awaited += 1;
    const worker = Math.floor(this.#random() * SETTINGS.workers);
    const place = ++this.#sent[server]![worker]!;
    const endsMs = this.nowMs + ms;
    this.#flights.push({ server, worker, nth: place, sentMs: this.nowMs, endsMs });
  }

  #end(flight: Flight, isAnswered: boolean): void {
    const server = this.#servers[flight.server]!;
    const ms = this.nowMs - flight.sentMs;
    server.over += 1;
    const untilPrompt = this.#untilPrompt[flight.server]!;
    if (ms >= SETTINGS.latencyMinMs) server.long += 1;
    else if (flight.nth > untilPrompt[flight.worker]!) {
      server.untilPrompt += flight.nth - untilPrompt[flight.worker]!;
      untilPrompt[flight.worker] = flight.nth;
    }
    if (!isAnswered) return;
    server.firstBytes += 1;
    server.firstByteUs += ms * 1000;
  }
}

interface Flight {
  readonly server: number;
  readonly worker: number;
  /** The how many-th of its worker at its server. */
  readonly nth: number;
  readonly sentMs: number;
  readonly endsMs: number;
}

type Writable = { -readonly [Key in keyof Awaited]: Awaited[Key] };

const SECOND_MS = 1000;
const START_MS = 10 * SECOND_MS;
/** The second of the servers takes 1.5 s from the tenth second on. */
const turnsSlow: Latency = (server, nowMs) => (server === 1 && nowMs >= START_MS ? 1500 : 5);

test('a server that turns slow gets at most eight requests, from clients that wait', () => {
  const world = new World(3, { clients: 8 }, turnsSlow).run(START_MS + 4000);
  assert.deepEqual(
    world.ejected.map(({ server }) => server),
    [1],
  );
  assert.ok(world.slow <= 8, `${world.slow} slow ones`);
  assert.match(world.ejected[0]!.cause, /^\d+ requests in a row had no answer within 500 ms/);
  assert.match(world.ejected[0]!.cause, /the others answer in 5 ms$/);
});

test('the same where requests come at a rate, 18 a second or 600', () => {
  const some = new World(3, { clients: 0, perSecond: 18 }, turnsSlow).run(START_MS + 4000);
  assert.deepEqual(
    some.ejected.map(({ server }) => server),
    [1],
  );
  assert.ok(some.slow <= 8, `${some.slow} slow ones`);
  const many = new World(3, { clients: 0, perSecond: 600 }, turnsSlow).run(START_MS + 4000);
  assert.equal(many.ejected.length, 1);
  assert.ok(many.ejected[0]!.atMs < START_MS + 700);
});

test('of two servers one can be late, of one none', () => {
  const two = new World(2, { clients: 8 }, turnsSlow).run(START_MS + 4000);
  assert.equal(two.ejected.length, 1);
  const alone: Latency = (_server, nowMs) => (nowMs >= START_MS ? 1500 : 5);
  assert.deepEqual(new World(1, { clients: 8 }, alone).run(START_MS + 4000).ejected, []);
});

test('clients that give up early do not hide it', () => {
  const load = { clients: 0, perSecond: 60, patienceMs: 800 };
  assert.equal(new World(3, load, turnsSlow).run(START_MS + 4000).ejected.length, 1);
});

test('where all turn slow together none is late', () => {
  const all: Latency = (_server, nowMs) => (nowMs >= START_MS ? 1500 : 5);
  for (const load of [
    { clients: 8 },
    { clients: 0, perSecond: 18 },
    { clients: 0, perSecond: 600 },
  ]) {
    assert.deepEqual(new World(3, load, all).run(START_MS + 4000).ejected, []);
  }
});

test('where two of three turn slow none is late: it is not they who stand out', () => {
  const two: Latency = (server, nowMs) => (server !== 1 && nowMs >= START_MS ? 1500 : 5);
  const { ejected } = new World(3, { clients: 0, perSecond: 60 }, two).run(START_MS + 4000);
  assert.deepEqual(ejected, []);
});

test('long polls are no sign, on all servers or with quick requests among them', () => {
  const polls = new World(3, { clients: 0, perSecond: 20 }, () => 30_000).run(120_000);
  assert.deepEqual(polls.ejected, []);
  for (const share of [0.02, 0.1, 0.3]) {
    const random = seededRandom(7);
    const mixed: Latency = () => (random() < share ? 5_000 : 5);
    const { ejected } = new World(3, { clients: 0, perSecond: 30 }, mixed).run(600_000);
    assert.deepEqual(ejected, [], `${share} of the requests`);
  }
});

test('a server that alone has the long polls stays in', () => {
  let nth = 0;
  const latency: Latency = (server) => (server === 1 && nth++ % 3 > 0 ? 10_000 : 5);
  const { ejected } = new World(3, { clients: 0, perSecond: 30 }, latency).run(300_000);
  assert.deepEqual(ejected, []);
});

test('a burst of slow requests at one server, while nobody asks the others, is no sign', () => {
  const load = { clients: 0, perSecond: 30, route: (nth: number) => (nth < 600 ? nth % 3 : 1) };
  const latency: Latency = (_server, nowMs) => (nowMs >= 20_500 ? 3_000 : 5);
  assert.deepEqual(new World(3, load, latency).run(24_000).ejected, []);
});

test('slow servers among quick ones are no sign as long as they are as ever', () => {
  const latency: Latency = (server) => (server === 1 ? 700 : 5);
  assert.deepEqual(new World(3, { clients: 0, perSecond: 30 }, latency).run(60_000).ejected, []);
});

test('a pause of our own is none of the servers', () => {
  const world = new World(3, { clients: 0, perSecond: 60 }, (server) => (server === 1 ? 60 : 5));
  world.run(START_MS);
  for (let times = 0; times < 20; times++) {
    world.pause(4_000);
    world.run(world.nowMs + 500 + times * 7);
  }
  assert.deepEqual(world.ejected, []);
});

/** Requests that are slow wherever they go. */
const HARMLESS: Record<string, (random: () => number) => Latency> = {
  'one in twenty takes 5 s, from the start': (random) => () => (random() < 0.05 ? 5_000 : 5),
  'one in three takes 5 s, from the start': (random) => () => (random() < 0.3 ? 5_000 : 5),
  'some wait for 30 s': (random) => () => (random() < 0.03 ? 30_000 : 10),
  'two in five take 0.8 s': (random) => () => (random() < 0.4 ? 800 : 5),
  'times are spread wide': (random) => () => 100 * Math.exp(1.5 * normal(random)),
  'for ten seconds in a minute all take 0.7 s on average': (random) => (_server, nowMs) =>
    (nowMs % 60_000 > 50_000 ? 700 : 20) * -Math.log(1 - random()),
  'for five seconds in a minute half take 3 s': (random) => (_server, nowMs) =>
    nowMs % 60_000 < 5_000 && random() < 0.5 ? 3_000 : 10,
  'a server stops for 300 ms now and then': (random) => (server, nowMs) => {
    const sinceMs = nowMs % 9_000;
    return server === 1 && sinceMs < 300 ? 305 - sinceMs : 20 * random();
  },
};

for (const [name, latencyOf] of Object.entries(HARMLESS)) {
  test(`no server is late where ${name}`, () => {
    for (const servers of [2, 3, 10]) {
      for (const load of [
        { clients: 16 },
        { clients: 0, perSecond: 30 },
        { clients: 0, perSecond: 200 },
      ]) {
        const world = new World(servers, load, latencyOf(seededRandom(servers)));
        const seen = `${servers} servers, ${JSON.stringify(load)}`;
        assert.deepEqual(world.run(120_000).ejected, [], seen);
      }
    }
  });
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

test('a server that turns slow is late while long polls wait at all of them', () => {
  const random = seededRandom(3);
  const latency: Latency = (server, nowMs) => {
    if (random() < 0.1) return 20_000;
    return server === 1 && nowMs >= 60_000 ? 1_500 : 5;
  };
  const { ejected } = new World(3, { clients: 0, perSecond: 100 }, latency).run(64_000);
  assert.deepEqual(
    ejected.map(({ server }) => server),
    [1],
  );
});

/** Everything at once, for a while: see main.ts. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../src/base/random.ts';
import { freePort, Openclaw } from '../e2e/harness.ts';
import { IO_UNDER_TEST } from '../e2e/io-under-test.ts';
import { CLIENTS, type Client, type Deed, type Ending, type Target } from './clients.ts';
import {
  descriptorsOf,
  GAUGES,
  type Metrics,
  memoryTrouble,
  metricsOf,
  type Sample,
  sampleOf,
} from './watch.ts';

const SERVERS = 4;
const SERVER_PROGRAM = join(import.meta.dirname, 'server.program.ts');
const KILL_EVERY_MS = 4_000;
const DEAD_MS = 1_500;
const RELOAD_EVERY_MS = 1_000;
const OPERATE_EVERY_MS = 3_000;
const SAMPLE_EVERY_MS = 1_000;
/** By then all that clients left behind is over: idle connections, timeouts, event streams. */
const SETTLE_MS = 30_000;
const EXAMPLES_MAX = 8;

const BALANCING = {
  ...IO_UNDER_TEST,
  timeout: { connect: '1s', read: '10s', write: '5s', request: '3s', idle: '30s', stream: '10s' },
  health_check: { interval: '1s', timeout: '500ms', endpoint: '/small', success_threshold: 1 },
  failover: { detection: { enabled: true, interval: '500ms', timeout: '500ms' } },
  performance: {
    connection_pool: { max_connections: 200, max_idle_connections: 60, idle_timeout: '3s' },
  },
};
const STRATEGIES = ['round_robin', 'weighted_round_robin', 'least_connections', 'least_latency'];

export interface SoakReport {
  readonly minutes: number;
  readonly tallies: ReadonlyMap<string, Record<Ending, number>>;
  /** Some of what was seen, with how often. */
  readonly seen: ReadonlyMap<string, number>;
  readonly samples: readonly Sample[];
  readonly kills: number;
  readonly reloads: number;
  readonly troubles: readonly string[];
}

export class Soak {
  readonly #random = seededRandom(1);
  readonly #ports: number[] = [];
  readonly #servers = new Map<number, ChildProcess>();
  readonly #agent = new http.Agent({ keepAlive: true, timeout: 4_000 });
  readonly #tallies = new Map<string, Record<Ending, number>>();
  readonly #seen = new Map<string, number>();
  readonly #samples: Sample[] = [];
  readonly #troubles: string[] = [];
  #claw!: Openclaw;
  #isOver = false;
  #responses = 0;
  #deedsThatMayCount = 0;
  #kills = 0;
  #reloads = 0;

  /** @param onSample hears about once a second how it goes */
  async run(minutes: number, onSample: (sample: Sample) => void): Promise<SoakReport> {
    try {
      await this.#start();
      const descriptorsBefore = descriptorsOf(this.#claw);
      const startMs = performance.now();
      const over = sleep(minutes * 60_000).then(() => {
        this.#isOver = true;
      });
      await Promise.all([
        over,
        ...CLIENTS.flatMap((client) =>
          Array.from({ length: client.count }, () => this.#live(client)),
        ),
        this.#every(KILL_EVERY_MS, () => this.#killOne()),
        this.#every(RELOAD_EVERY_MS, () => this.#reload()),
        this.#every(OPERATE_EVERY_MS, () => this.#operate()),
        this.#every(SAMPLE_EVERY_MS, async () => {
          const sample = await sampleOf(this.#claw, startMs);
          this.#samples.push(sample);
          onSample(sample);
        }),
      ]);
      this.#agent.destroy();
      await this.#checkEnd(descriptorsBefore);
    } finally {
      this.#agent.destroy();
      await this.#stop();
    }
    return {
      minutes,
      tallies: this.#tallies,
      seen: this.#seen,
      samples: this.#samples,
      kills: this.#kills,
      reloads: this.#reloads,
      troubles: [...this.#troubles, ...memoryTrouble(this.#samples)],
    };
  }

  async #start(): Promise<void> {
    while (this.#ports.length < SERVERS + 1) this.#ports.push(await freePort());
    await Promise.all(this.#ports.map((port) => this.#startServer(port)));
    const servers = this.#ports.slice(0, SERVERS).map((port) => `127.0.0.1:${port}`);
    this.#claw = await Openclaw.start({ ...BALANCING, servers }, { workers: 2 });
    await this.#reload();
  }

  async #stop(): Promise<void> {
    for (const child of this.#servers.values()) child.kill('SIGKILL');
    await this.#claw?.stop().catch((error: Error) => {
      this.#troubles.push(`it did not end in order: ${error.message}`);
    });
  }

  async #startServer(port: number): Promise<void> {
    const child = fork(SERVER_PROGRAM, [String(port)]);
    this.#servers.set(port, child);
    await once(child, 'message');
  }

  async #every(ms: number, act: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await sleep(ms);
      if (!this.#isOver) await act().catch((error: Error) => this.#note(`! ${error.message}`));
    }
  }

  async #live(client: Client): Promise<void> {
    const target: Target = { port: this.#claw.port, random: this.#random, agent: this.#agent };
    const tally = { well: 0, meant: 0, excused: 0, lost: 0 };
    const whole = this.#tallies.get(client.name) ?? tally;
    this.#tallies.set(client.name, whole);
    while (!this.#isOver) {
      const deed = await client.act(target);
      whole[deed.ending] += 1;
      this.#count(client, deed);
      await sleep(client.pauseMs * (0.5 + this.#random()));
    }
  }

  #count(client: Client, { ending, what, responses }: Deed): void {
    this.#responses += responses;
    // Of a request that was broken off nobody here knows whether it was counted; at most five are.
    if (ending !== 'well') this.#deedsThatMayCount += 5;
    if (what === undefined || what === '' || ending === 'meant') return;
    this.#note(`${ending}: ${client.name}: ${what}`);
    if (ending === 'lost' && this.#troubles.length < EXAMPLES_MAX) {
      this.#troubles.push(`lost: ${client.name}: ${what}`);
    }
  }

  #note(what: string): void {
    if (this.#seen.size < 100 || this.#seen.has(what)) {
      this.#seen.set(what, (this.#seen.get(what) ?? 0) + 1);
    }
  }

  async #killOne(): Promise<void> {
    const port = this.#ports[this.#kills++ % SERVERS]!;
    const child = this.#servers.get(port)!;
    child.kill('SIGKILL');
    await once(child, 'exit');
    await sleep(DEAD_MS);
    await this.#startServer(port);
  }

  /**
   * Another strategy, another weight, and a backup that comes and goes: a server that is taken out
   * takes its counters along, and they are to be exact.
   */
  async #reload(): Promise<void> {
    this.#reloads += 1;
    const strategy = STRATEGIES[Math.floor(this.#random() * STRATEGIES.length)]!;
    const servers = this.#ports.slice(0, SERVERS).map((port, at) => ({
      address: `127.0.0.1:${port}`,
      name: `server-${at}`,
      max_connections: 40,
      ...(strategy === 'weighted_round_robin' && {
        weight: 1 + Math.floor(this.#random() * 5),
      }),
    }));
    const backup = { address: `127.0.0.1:${this.#ports[SERVERS]}`, backup: true };
    const withBackup = this.#random() < 0.5 ? [...servers, backup] : servers;
    const { port, adminPort, folder } = this.#claw;
    const settings = {
      load_balancing: { ...BALANCING, listen: `127.0.0.1:${port}`, strategy, servers: withBackup },
      admin: { listen: `127.0.0.1:${adminPort}`, socket: join(folder, 'admin.sock') },
      log: { access: 'off', level: 'info' },
    };
    writeFileSync(join(folder, 'openclaw.yml'), JSON.stringify(settings));
    const response = await this.#admin('/config/reload');
    if (!response.ok) this.#troubles.push(`a reload was refused: ${await response.text()}`);
  }

  async #operate(): Promise<void> {
    const name = `server-${Math.floor(this.#random() * SERVERS)}`;
    await this.#admin(`/servers/${name}/drain`);
    await sleep(500);
    await this.#admin(`/servers/${name}/enable`);
  }

  #admin(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#claw.adminPort}${path}`, { method: 'POST' });
  }

  async #checkEnd(descriptorsBefore: number): Promise<void> {
    const untilMs = performance.now() + SETTLE_MS;
    let left: string[] = [];
    let metrics: Metrics;
    do {
      await sleep(500);
      metrics = await metricsOf(this.#claw);
      left = GAUGES.filter((name) => metrics(name) !== 0).map(
        (name) => `${name} is ${metrics(name)}`,
      );
    } while (left.length > 0 && performance.now() < untilMs);
    this.#troubles.push(...left);

    // The admin API's own connections, files of the log, and the like come and go.
    const descriptors = descriptorsOf(this.#claw);
    if (descriptors > descriptorsBefore + 8) {
      this.#troubles.push(`descriptors: ${descriptorsBefore} before, ${descriptors} after`);
    }
    const counted = metrics('openclaw_requests_total');
    if (counted < this.#responses || counted > this.#responses + this.#deedsThatMayCount) {
      this.#troubles.push(`${counted} requests were counted, and ${this.#responses} were answered`);
    }
    const deaths = metrics('openclaw_worker_deaths_total');
    if (deaths > 0) this.#troubles.push(`${deaths} workers died`);
  }
}

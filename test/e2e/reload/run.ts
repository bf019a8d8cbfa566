/** Reloads one after the other, each with another configuration, while everything is under way. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { strategyDefinition } from '../../../src/core/balance/registry.ts';
import { freePort, Openclaw } from '../harness.ts';
import { IO_UNDER_TEST } from '../io-under-test.ts';

const STRATEGIES = [
  'round_robin',
  'least_connections',
  'ip_hash',
  'weighted_round_robin',
  'power_of_two',
  'random',
  'least_latency',
] as const;

/** Else idle connections gather for a minute, for a POST takes none that rested long. */
const PERFORMANCE = { connection_pool: { idle_timeout: '2s' } };

export type Balancing = Record<string, unknown>;

export class ReloadRun {
  readonly openclaw: Openclaw;
  readonly addresses: readonly string[];
  /** 0: nobody looks into it. */
  readonly inspectorPort: number;
  readonly #servers: ChildProcess;
  readonly #ports: readonly number[];
  #round = 0;

  private constructor(
    openclaw: Openclaw,
    addresses: readonly string[],
    servers: ChildProcess,
    ports: readonly number[],
    inspectorPort: number,
  ) {
    this.openclaw = openclaw;
    this.addresses = addresses;
    this.#servers = servers;
    this.#ports = ports;
    this.inspectorPort = inspectorPort;
  }

  /** @param servers at least 4: the last two come and go */
  static async start(servers: number, isInspected = false): Promise<ReloadRun> {
    const child = fork(join(import.meta.dirname, 'servers.program.ts'), [String(servers)]);
    const [addresses] = (await once(child, 'message')) as [string[]];
    try {
      // Not before the servers have taken their ports.
      const inspectorPort = isInspected ? await freePort() : 0;
      const nodeOptions = isInspected
        ? [`--inspect=127.0.0.1:${inspectorPort}`, '--inspect-publish-uid=http']
        : [];
      const options = { workers: 2, nodeOptions };
      const balancing = { servers: addresses.slice(0, -2), performance: PERFORMANCE };
      const openclaw = await Openclaw.start(balancing, options);
      const ports = [openclaw.port, await freePort()];
      return new ReloadRun(openclaw, addresses, child, ports, inspectorPort);
    } catch (error) {
      child.disconnect();
      throw error;
    }
  }

  /** Writes the next configuration and makes openclaw follow it. @returns milliseconds it took */
  async reload(): Promise<number> {
    this.#round += 1;
    this.configure(this.#next(this.#round));
    const startedMs = performance.now();
    const url = `http://127.0.0.1:${this.openclaw.adminPort}/config/reload`;
    const response = await fetch(url, { method: 'POST' });
    assert.equal(response.status, 200, await response.text());
    return performance.now() - startedMs;
  }

  configure(balancing: Balancing): void {
    const file = join(this.openclaw.folder, 'openclaw.yml');
    const settings = this.#settings();
    writeFileSync(file, stringify({ ...settings, load_balancing: balancing }));
  }

  async stop(): Promise<void> {
    try {
      await this.openclaw.stop();
    } finally {
      this.#servers.disconnect();
      await once(this.#servers, 'exit');
    }
  }

  /** Everything that a reload can change, at different paces so that all meet all. */
  #next(round: number): Balancing {
    const every = <T>(...choices: T[]) => choices[round % choices.length]!;
    const strategy = every(...STRATEGIES);
    const isWeighted = strategyDefinition(strategy).weighted;
    const [port, other] = this.#ports;
    const come = round % 4;
    const mine = `127.0.0.1:${port}`;
    return {
      ...IO_UNDER_TEST,
      listen: round % 5 === 0 ? [mine, `127.0.0.1:${other}`] : mine,
      strategy,
      workers: 2,
      servers: this.addresses
        .slice(0, come === 0 ? undefined : come === 1 ? -2 : -1)
        .map((address, index) =>
          isWeighted ? { address, weight: 1 + ((round + index) % 3) } : address,
        ),
      health_check: {
        enabled: round % 3 === 0,
        type: 'tcp',
        interval: every('2s', '3s'),
        timeout: '1s',
      },
      session_persistence: { enabled: round % 11 === 0, type: 'source_ip' },
      performance: PERFORMANCE,
      timeout: { read: every('20s', '30s', '40s') },
      failover: { detection: { enabled: false }, circuit_breaker: { enabled: round % 2 === 0 } },
    };
  }

  #settings(): Record<string, unknown> {
    const { folder, adminPort } = this.openclaw;
    return {
      admin: { listen: `127.0.0.1:${adminPort}`, socket: join(folder, 'admin.sock') },
      log: { access: 'errors', level: 'info' },
    };
  }
}

export interface Footprint {
  residentBytes: number;
  descriptors: number;
  /** Processor time of the control thread so far, in milliseconds; the system counts in tens. */
  controlCpuMs: number;
}

export function footprintOf(openclaw: Openclaw): Footprint {
  const { pid } = openclaw.child;
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'latin1');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return {
    residentBytes: openclaw.residentBytes(),
    descriptors: openclaw.descriptors(),
    controlCpuMs: (user! + system!) * 10,
  };
}

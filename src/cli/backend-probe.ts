/** `openclaw lb backend test`: the configured probe, once, with every step and its time. */
import { formatAddress, parseAddress } from '../base/address.ts';
import { printable } from '../base/printable.ts';
import { parseConfig } from '../config/load.ts';
import type { Settings } from '../config/schema.ts';
import { poolServers } from '../config/servers.ts';
import { planOf } from '../control/plans/make-worker-plan.ts';
import { ServerRows } from '../control/plans/server-rows.ts';
import { probePlanOf } from '../control/watch/health-plan.ts';
import type { ProbedServer } from '../control/watch/prober.ts';
import { type ProbeResult, probe } from '../io/probe.ts';
import { realClock } from '../io/real-clock.ts';
import { Resolver } from '../io/resolver.ts';
import { SharedTable } from '../table/table.ts';
import { check, readConfig, requireFile } from './config-file.ts';
import { CommandError, EXIT, type Io } from './io.ts';

export interface BackendTestOptions {
  server: string;
  count: number;
  config?: string;
  json?: boolean;
}

const PAUSE_MS = 500;

export async function testBackend(io: Io, options: BackendTestOptions): Promise<void> {
  const { server, timeoutMs } = probed(io, options);
  const resolver = new Resolver(realClock);
  const results: ProbeResult[] = [];
  for (let round = 0; round < options.count; round++) {
    if (round > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const result = await new Promise<ProbeResult>((resolve) => {
      probe(server.address, server.spec, timeoutMs, resolve, resolver);
    });
    results.push(result);
    if (!options.json) io.out(resultText(server, result));
  }
  if (options.json) io.out(`${JSON.stringify({ server: server.label, results }, null, 2)}\n`);
  if (results.some((result) => !result.isHealthy)) io.exitCode = EXIT.refused;
}

function resultText(server: ProbedServer, result: ProbeResult): string {
  const asked = askedText(server.spec);
  const lines = [`${server.label}: ${asked}`];
  for (const { name, ms } of result.steps) lines.push(`  ${name.padEnd(11)} ${ms.toFixed(1)} ms`);
  if (result.status !== 0) lines.push(`  ${'status'.padEnd(11)} ${result.status}`);
  const verdict = result.isHealthy ? 'healthy' : `not healthy: ${printable(result.reason)}`;
  lines.push(`  ${'verdict'.padEnd(11)} ${verdict}, after ${result.ms.toFixed(1)} ms`);
  return `${lines.join('\n')}\n`;
}

function askedText({ http, grpc }: ProbedServer['spec']): string {
  if (grpc !== undefined) {
    return `grpc.health.v1.Health/Check${grpc.service === '' ? '' : ` of ${grpc.service}`}`;
  }
  return http === null ? 'TCP connect' : `${http.method} ${http.target}`;
}

/** The server with the configured probe; one that is not configured is probed like the others. */
function probed(io: Io, options: BackendTestOptions): { server: ProbedServer; timeoutMs: number } {
  const settings = structuredClone(settingsOf(io, options));
  const { load_balancing: balancing } = settings;
  const address = addressOf(options.server);
  const known = poolServers(settings).find(
    (one) => one.name === options.server || one.address === address,
  );
  if (known === undefined && address === undefined) {
    throw new CommandError(
      `"${options.server}" is neither a configured server nor an address`,
      EXIT.usage,
      'write it as host:port',
    );
  }
  balancing.servers = [known ?? { ...PLAIN, address: address! }];
  balancing.weights = [];
  balancing.failover.detection.enabled = true;
  balancing.failover.enabled = true;
  const rows = new ServerRows(SharedTable.create({ serverRows: 1, workerLanes: 1 }));
  const plan = probePlanOf(settings, planOf(settings, rows, null, null).pools[0].servers)!;
  return { server: plan.servers[0]!, timeoutMs: plan.timeoutMs };
}

const PLAIN = {
  weight: 1,
  backup: false,
  proxy_protocol: 'off',
  tls: { enabled: false, verify: true },
} as const;

function addressOf(text: string): string | undefined {
  const parsed = parseAddress(text);
  return parsed.ok ? formatAddress(parsed.value) : undefined;
}

/** Without a configuration a TCP connect tells whether somebody is there. */
function settingsOf(io: Io, { config }: BackendTestOptions): Settings {
  const defaults = () => parseConfig('admin: {}\n', { file: 'defaults', env: {} }).settings!;
  let file: string;
  try {
    file = requireFile(io, config);
  } catch (error) {
    if (config === undefined) return defaults();
    throw error;
  }
  const { settings } = check(io, readConfig(file), file);
  if (settings !== undefined) return settings;
  throw new CommandError(`${file} has errors`, EXIT.refused, 'openclaw config validate shows them');
}

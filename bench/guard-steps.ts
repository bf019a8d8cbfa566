/** What access lists and limits add to a request, in nanoseconds: node bench/guard-steps.ts */
import { NetworkSet } from '../src/base/network-set.ts';
import { TrustedProxies } from '../src/core/forward/client-address.ts';
import { ClientInfo } from '../src/core/forward/client-info.ts';
import { Rate } from '../src/core/limits/rate.ts';
import { SOURCES_MAX, SourceRates } from '../src/core/limits/source-rates.ts';
import { Guard, type Limits } from '../src/core/routes/guard.ts';

const REQUESTS = 500_000;
const ROUNDS = 7;
const NOBODY = NetworkSet.of([]);

function networks(count: number): NetworkSet {
  const all = Array.from({ length: count }, (_, n) => {
    return `${10 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.0/25`;
  });
  return NetworkSet.of(all);
}

function limits(): Limits {
  const [perSource, overall] = [new Rate(1e7, 1e7), new Rate(1e7, 1e7)];
  const rates = new SourceRates(SourceRates.create(SOURCES_MAX), perSource, overall);
  return { observes: false, connectionsMax: 0, rates, perSource, overall, exempt: NOBODY };
}

function judged(denied: NetworkSet | null, limiting: Limits | null): () => void {
  const access = denied === null ? null : { allowed: null, denied };
  const guard = new Guard(TrustedProxies.none, access, limiting, { low: 1, high: 2 });
  const clientInfo = new ClientInfo({
    peer: { address: '192.0.2.1', port: 0, localAuthority: () => '' },
    peerIsTrusted: false,
    scheme: 'http',
    source: guard.sourceOf('192.0.2.1'),
  });
  return () => void guard.judge(clientInfo, performance.now());
}

function nanoseconds(step: () => void): number {
  for (let done = 0; done < REQUESTS / 5; done++) step();
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let done = 0; done < REQUESTS; done++) step();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, ((user + system) * 1000) / REQUESTS);
  }
  return least;
}

const clock = nanoseconds(() => void performance.now());
const rows: [string, () => void][] = [
  ['a denylist of 10 networks', judged(networks(10), null)],
  ['a denylist of 1,000 networks', judged(networks(1_000), null)],
  ['a denylist of 100,000 networks', judged(networks(100_000), null)],
  ['limits by address and over all', judged(null, limits())],
];
for (const [name, step] of rows) {
  console.log(`${name.padEnd(34)} ${Math.round(nanoseconds(step) - clock)} ns`);
}

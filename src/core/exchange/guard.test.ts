import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkSet } from '../../base/network-set.ts';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead } from '../http1/head.ts';
import { Rate } from '../limits/rate.ts';
import { SourceRates } from '../limits/source-rates.ts';
import { Via } from './forward.ts';
import { type Access, Guard, type Limits } from './guard.ts';

const SEED = { low: 1, high: 2 };
const NOBODY = NetworkSet.of([]);

function guardOf(parts: { trusted?: string[]; access?: Access; limits?: Partial<Limits> }): Guard {
  const { perSource = null, overall = null } = parts.limits ?? {};
  const rates = new SourceRates(SourceRates.create(64), perSource, overall);
  const limits: Limits | null =
    parts.limits === undefined
      ? null
      : {
          observes: false,
          connectionsMax: 0,
          rates: perSource === null && overall === null ? null : rates,
          perSource,
          overall,
          exempt: NOBODY,
          ...parts.limits,
        };
  return new Guard(NetworkSet.of(parts.trusted ?? []), parts.access ?? null, limits, SEED);
}

function viaOf(guard: Guard, address: string): Via {
  const source = guard.sourceOf(address);
  return new Via({
    peerAddress: address,
    peerIsTrusted: guard.trusts(source),
    scheme: 'http',
    localAuthority: () => '',
    source,
  });
}

function headOf(lines = ''): Head {
  const head = new Head();
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, 'latin1');
  assert.ok(readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) > 0);
  return head;
}

const policies: [what: string, limits: Partial<Limits>, policy: string][] = [
  ['a second', { perSource: new Rate(10, 10) }, '"address";q=10;w=1'],
  ['a burst of some seconds', { perSource: new Rate(10, 35) }, '"address";q=30;w=3'],
  ['less than a second', { perSource: new Rate(10, 4) }, '"address";q=4;w=1'],
  [
    'both',
    { perSource: new Rate(1, 1), overall: new Rate(500, 500) },
    '"address";q=1;w=1, "all";q=500;w=1',
  ],
];
for (const [what, limits, policy] of policies) {
  test(`the policy of ${what} promises what is certain`, () => {
    const guard = guardOf({ limits });
    const via = viaOf(guard, '192.0.2.1');
    let code = '';
    for (let asked = 0; code === '' && asked < 1000; asked++) code = guard.judge(via, headOf(), 0);
    assert.equal(code, 'address_rate_limited');
    assert.match(guard.headerLines, /^Retry-After: 1\r\nRateLimit: "address";r=0;t=1\r\n/);
    assert.ok(guard.headerLines.endsWith(`RateLimit-Policy: ${policy}\r\n`), guard.headerLines);
    assert.equal(guard.judge(via, headOf(), 60_000), '');
    assert.equal(guard.headerLines, '');
  });
}

test('what is only observed is let through, and said', () => {
  const guard = guardOf({ limits: { observes: true, overall: new Rate(1, 1) } });
  const via = viaOf(guard, '192.0.2.1');
  assert.equal(guard.judge(via, headOf(), 0), '');
  assert.equal(guard.observed, '');
  assert.equal(guard.judge(via, headOf(), 0), '');
  assert.equal(guard.observed, 'rate_limited');
});

test('a peer without an address is not let in by an allowlist, nor denied by a denylist', () => {
  const every = NetworkSet.of(['0.0.0.0/0', '::/0']);
  const allowing = guardOf({ access: { allowed: every, denied: NOBODY } });
  assert.equal(allowing.judge(viaOf(allowing, 'unix'), headOf(), 0), 'address_denied');
  const denying = guardOf({ access: { allowed: null, denied: every } });
  assert.equal(denying.judge(viaOf(denying, 'unix'), headOf(), 0), '');
});

test('peers without an address are not limited as if they were one client', () => {
  const guard = guardOf({ limits: { perSource: new Rate(1, 1) } });
  const via = viaOf(guard, 'unix');
  for (let asked = 0; asked < 10; asked++) assert.equal(guard.judge(via, headOf(), 0), '');
});

test('a header that no proxy could have written leaves the proxy its own address', () => {
  const denied = NetworkSet.of(['192.0.2.0/24']);
  const guard = guardOf({ trusted: ['10.0.0.1'], access: { allowed: null, denied } });
  const via = viaOf(guard, '10.0.0.1');
  assert.equal(guard.judge(via, headOf('X-Forwarded-For: 192.0.2.1\r\n'), 0), 'address_denied');
  assert.equal(guard.judge(via, headOf('X-Forwarded-For: 192.0.2.1, x\r\n'), 0), '');
  assert.equal(guard.judge(via, headOf('X-Forwarded-For: 203.0.113.1\r\n'), 0), '');
  const own = guardOf({
    trusted: ['10.0.0.1'],
    access: { allowed: null, denied: NetworkSet.of(['10.0.0.1']) },
  });
  assert.equal(own.judge(viaOf(own, '10.0.0.1'), headOf(), 0), 'address_denied');
  const { source } = viaOf(own, '10.0.0.1');
  assert.equal(own.refusalOf(source, 1).code, '', 'its requests are judged, not its connection');
});

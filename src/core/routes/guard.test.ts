import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkSet } from '../../base/network-set.ts';
import { TrustedProxies } from '../forward/client-address.ts';
import { ClientInfo } from '../forward/client-info.ts';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead } from '../http1/head.ts';
import { Rate } from '../limits/rate.ts';
import { SourceRates } from '../limits/source-rates.ts';
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
  return new Guard(proxiesOf(parts.trusted), parts.access ?? null, limits, SEED);
}

function proxiesOf(trusted: string[] = []): TrustedProxies {
  return new TrustedProxies(NetworkSet.of(trusted), false, 'auto');
}

function clientInfoOf(guard: Guard, address: string): ClientInfo {
  const source = guard.sourceOf(address);
  return new ClientInfo({
    peer: { address: address, port: 0, localAuthority: () => '' },
    peerIsTrusted: guard.trusts(source),
    scheme: 'http',
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
    const clientInfo = clientInfoOf(guard, '192.0.2.1');
    let code = '';
    for (let asked = 0; code === '' && asked < 1000; asked++) code = guard.judge(clientInfo, 0);
    assert.equal(code, 'address_rate_limited');
    assert.match(guard.headerLines, /^Retry-After: 1\r\nRateLimit: "address";r=0;t=1\r\n/);
    assert.ok(guard.headerLines.endsWith(`RateLimit-Policy: ${policy}\r\n`), guard.headerLines);
    assert.equal(guard.judge(clientInfo, 60_000), '');
    assert.equal(guard.headerLines, '');
  });
}

test('what is only observed is let through, and said', () => {
  const guard = guardOf({ limits: { observes: true, overall: new Rate(1, 1) } });
  const clientInfo = clientInfoOf(guard, '192.0.2.1');
  assert.equal(guard.judge(clientInfo, 0), '');
  assert.equal(guard.observed, '');
  assert.equal(guard.judge(clientInfo, 0), '');
  assert.equal(guard.observed, 'rate_limited');
});

test('a peer without an address is not let in by an allowlist, nor denied by a denylist', () => {
  const every = NetworkSet.of(['0.0.0.0/0', '::/0']);
  const allowing = guardOf({ access: { allowed: every, denied: NOBODY } });
  assert.equal(allowing.judge(clientInfoOf(allowing, 'unix'), 0), 'address_denied');
  const denying = guardOf({ access: { allowed: null, denied: every } });
  assert.equal(denying.judge(clientInfoOf(denying, 'unix'), 0), '');
});

test('peers without an address are not limited as if they were one client', () => {
  const guard = guardOf({ limits: { perSource: new Rate(1, 1) } });
  const clientInfo = clientInfoOf(guard, 'unix');
  for (let asked = 0; asked < 10; asked++) assert.equal(guard.judge(clientInfo, 0), '');
});

/** Judges a request of a trusted proxy at 10.0.0.1 with these header lines. */
function judgeProxied(guard: Guard, lines: string): string {
  const clientInfo = clientInfoOf(guard, '10.0.0.1');
  assert.ok(proxiesOf(['10.0.0.1']).identify(clientInfo, headOf(lines)));
  return guard.judge(clientInfo, 0);
}

test('requests of a trusted proxy are judged by the client that it names', () => {
  const denied = NetworkSet.of(['192.0.2.0/24']);
  const guard = guardOf({ trusted: ['10.0.0.1'], access: { allowed: null, denied } });
  assert.equal(judgeProxied(guard, 'X-Forwarded-For: 192.0.2.1\r\n'), 'address_denied');
  assert.equal(judgeProxied(guard, 'X-Forwarded-For: 203.0.113.1\r\n'), '');
  const own = guardOf({
    trusted: ['10.0.0.1'],
    access: { allowed: null, denied: NetworkSet.of(['10.0.0.1']) },
  });
  assert.equal(judgeProxied(own, ''), 'address_denied');
  const { source } = clientInfoOf(own, '10.0.0.1');
  assert.equal(own.refusalOf(source, 1).code, '', 'its requests are judged, not its connection');
});

test('where two headers name different clients, both have to be let in, and the proxy too', () => {
  const trusted = ['10.0.0.1'];
  const lines = (one: string, other: string) =>
    `X-Forwarded-For: ${one}\r\nForwarded: for=${other}\r\n`;
  const denying = guardOf({
    trusted,
    access: { allowed: null, denied: NetworkSet.of(['192.0.2.0/24']) },
  });
  assert.equal(judgeProxied(denying, lines('192.0.2.1', '203.0.113.1')), 'address_denied');
  assert.equal(judgeProxied(denying, lines('203.0.113.1', '192.0.2.1')), 'address_denied');
  assert.equal(judgeProxied(denying, lines('203.0.113.1', '203.0.113.2')), '');
  const allowing = (allowed: string[]) =>
    guardOf({ trusted, access: { allowed: NetworkSet.of(allowed), denied: NOBODY } });
  const both = ['203.0.113.1', '203.0.113.2'] as const;
  assert.equal(judgeProxied(allowing([both[0], '10.0.0.1']), lines(...both)), 'address_denied');
  assert.equal(judgeProxied(allowing([both[1], '10.0.0.1']), lines(...both)), 'address_denied');
  assert.equal(judgeProxied(allowing([...both]), lines(...both)), 'address_denied');
  assert.equal(judgeProxied(allowing([...both, '10.0.0.1']), lines(...both)), '');
});

test('a client that its proxy does not name is not let in by an allowlist, and counts as the proxy', () => {
  const access = { allowed: NetworkSet.of(['0.0.0.0/0', '::/0']), denied: NOBODY };
  const allowing = guardOf({ trusted: ['10.0.0.1'], access });
  assert.equal(judgeProxied(allowing, 'Forwarded: for=_hidden\r\n'), 'address_denied');
  const limiting = guardOf({ trusted: ['10.0.0.1'], limits: { perSource: new Rate(1, 1) } });
  assert.equal(judgeProxied(limiting, 'Forwarded: for=_one\r\n'), '');
  assert.equal(judgeProxied(limiting, 'Forwarded: for=_two\r\n'), 'address_rate_limited');
});

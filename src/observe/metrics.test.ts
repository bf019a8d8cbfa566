import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { FAMILIES } from './families.ts';
import { Metrics } from './metrics.ts';
import { viewWithTraffic } from './view.fixture.ts';

const { text } = await new Metrics().scrape(viewWithTraffic());
const lines = text.split('\n');
const has = (line: string) => assert.ok(lines.includes(line), `${line}\nis not in\n${text}`);

test('requests are told by pool, server, method and status class', () => {
  has('openclaw_requests_total{pool="default",server="red",method="GET",code="2xx"} 10');
  has('openclaw_requests_total{pool="default",server="10.0.0.2:80",method="POST",code="5xx"} 1');
  has('openclaw_requests_total{pool="default",server="",method="other",code="4xx"} 1');
});

test('a histogram is cumulated, in seconds, and ends in all there are', () => {
  const name = 'openclaw_request_duration_seconds';
  has(`${name}_bucket{pool="default",server="red",le="0.0005"} 1`);
  has(`${name}_bucket{pool="default",server="red",le="0.005"} 5`);
  has(`${name}_bucket{pool="default",server="red",le="+Inf"} 10`);
  has(`${name}_count{pool="default",server="red"} 10`);
  has(`${name}_sum{pool="default",server="red"} 0.05`);
});

test('states are told as 1 for the one that holds', () => {
  has('openclaw_server_up{pool="default",server="10.0.0.2:80"} 0');
  has('openclaw_server_admin_state{pool="default",server="red",state="active"} 1');
  has('openclaw_server_breaker_state{pool="default",server="red",state="open"} 1');
  assert.ok(!text.includes('breaker_state{pool="default",server="10.0.0.2:80"'));
});

test('each family has exactly the labels that it names', () => {
  for (const { name, labels, type } of FAMILIES) {
    const first = type === 'histogram' ? `${name}_bucket` : name;
    const sample = lines.find((line) => line.match(/^[a-z_]+/)?.[0] === first);
    assert.ok(sample !== undefined, `${name} has no sample`);
    const told = [...sample.matchAll(/([a-z]+)="/g)].map(([, label]) => label);
    assert.deepEqual(told, type === 'histogram' ? [...labels, 'le'] : labels, name);
  }
});

test('promtool finds nothing to say', (context) => {
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if (checked.error !== undefined) {
    context.skip('promtool is not installed: apt-get install prometheus');
    return;
  }
  assert.equal(checked.stdout + checked.stderr, '');
  assert.equal(checked.status, 0);
});

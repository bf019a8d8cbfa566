import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PRESETS, presetText } from '../../cli/presets.ts';
import { parseConfig } from '../../config/load.ts';
import type { PoolPlan } from '../../plan/worker-plan.ts';
import { upkeepPlanOf } from './health-plan.ts';

const NO_POOL = { settings: {}, servers: [] } as unknown as PoolPlan;

function latencyFactorOf(text: string): number | undefined {
  const { settings } = parseConfig(text, { file: 'openclaw.yml', env: {} });
  return upkeepPlanOf(settings!, NO_POOL).outliers?.latencyFactor;
}

test('servers are compared by latency, but not where clients are bound to them', () => {
  const servers = 'load_balancing: {servers: [a:1, b:1]';
  assert.ok(latencyFactorOf(`${servers}}`)! > 0);
  for (const binding of [
    'strategy: ip_hash',
    'strategy: consistent_hash',
    'session_persistence: {enabled: true, type: cookie}',
    'session_persistence: {enabled: true, type: source_ip}',
  ]) {
    assert.equal(latencyFactorOf(`${servers}, ${binding}}`), 0, binding);
  }
});

test('gateways of agents are not left out for thinking longer than others', () => {
  const preset = PRESETS['agent-gateway']!;
  assert.equal(latencyFactorOf(presetText(preset, preset.answers)), 0);
});

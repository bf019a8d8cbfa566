/** Prometheus itself scrapes a real openclaw, and answers with its numbers. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort, newFolder, Openclaw, okWith, ScriptedServer, until } from './harness.ts';

const RULES = join(import.meta.dirname, '../../examples/prometheus-rules.yml');
const GRAFANA = join(import.meta.dirname, '../../examples/grafana.json');
const TOKEN = 'a-token-of-some-length';
const REQUESTS = 7;

function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined;
}
const why =
  isInstalled('prometheus') && isInstalled('promtool')
    ? false
    : 'prometheus is not installed: apt-get install prometheus';

describe('Prometheus', { skip: why }, () => {
  const folder = newFolder();
  let server: ScriptedServer;
  let openclaw: Openclaw;
  let prometheus: ChildProcess;
  let url: string;

  before(async () => {
    server = await ScriptedServer.listen();
    server.on('/', (peer) => void peer.send(okWith('fine')));
    openclaw = await Openclaw.start(
      { servers: [{ address: server.address, name: 'red' }] },
      { token: TOKEN },
    );
    for (let at = 0; at < REQUESTS; at++) assert.equal((await fetch(openclaw.url)).status, 200);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    writeFileSync(join(folder, 'token'), TOKEN);
    writeFileSync(
      join(folder, 'prometheus.yml'),
      JSON.stringify({
        global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
        rule_files: [RULES],
        scrape_configs: [
          {
            job_name: 'openclaw',
            authorization: { credentials_file: join(folder, 'token') },
            static_configs: [{ targets: [`127.0.0.1:${openclaw.adminPort}`] }],
          },
        ],
      }),
    );
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
  });

  after(async () => {
    if (prometheus?.exitCode === null) {
      prometheus.kill('SIGKILL');
      await once(prometheus, 'exit');
    }
    await openclaw?.stop();
    await server?.close();
  });

  /** Values of a query, by their labels; none while Prometheus is not up. */
  async function query(text: string): Promise<{ labels: Record<string, string>; value: number }[]> {
    const asked = `${url}/api/v1/query?${new URLSearchParams({ query: text })}`;
    const answer = await fetch(asked).catch(() => null);
    if (answer === null || !answer.ok) return [];
    const { data } = (await answer.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  test('the target is up, and a query answers with our numbers', async () => {
    await until('the target is up', async () => (await query('up'))[0]?.value === 1);
    const [requests] = await query('openclaw_requests_total{code="2xx"}');
    assert.equal(requests!.value, REQUESTS);
    assert.equal(requests!.labels.server, 'red');
    assert.equal(requests!.labels.method, 'GET');
    const [count] = await query('openclaw_request_duration_seconds_count');
    assert.equal(count!.value, REQUESTS);
    const [quantile] = await query(
      'histogram_quantile(0.99, sum by (le) (openclaw_request_duration_seconds_bucket))',
    );
    assert.ok(quantile!.value > 0 && quantile!.value < 60);
  });

  test('our alert rules are loaded and none of them is broken', async () => {
    const answer = await fetch(`${url}/api/v1/rules`);
    const { data } = (await answer.json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    const rules = data.groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 0);
    for (const { name, lastError } of rules) assert.equal(lastError, undefined, name);
  });

  test('Prometheus can read every query of the Grafana dashboard', async () => {
    const { panels } = JSON.parse(readFileSync(GRAFANA, 'utf8')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    for (const { title, targets } of panels) {
      for (const { expr } of targets) {
        const asked = expr
          .replaceAll('$__rate_interval', '1m')
          .replaceAll('$__range', '1h')
          .replaceAll(/\$\w+|\$\{\w+(:\w+)?\}/g, '.*');
        const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: asked })}`);
        assert.equal(answer.status, 200, `${title}: ${asked}: ${await answer.text()}`);
      }
    }
  });

  test('promtool finds nothing to say about the metrics', async () => {
    const response = await fetch(`http://127.0.0.1:${openclaw.adminPort}/metrics`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const input = await response.text();
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(status, 0);
  });
});

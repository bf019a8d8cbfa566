/** What an operator is shown of trouble that no user, or no server, knows of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Openclaw, okWith, ScriptedServer, until } from './harness.ts';

test('a server whose failures others make up for, and what the firewall detects, are told', async () => {
  const [good, bad] = await Promise.all([ScriptedServer.listen(), ScriptedServer.listen()]);
  good.on('/', (peer) => void peer.send(okWith('fine')));
  bad.on('/', (peer) => void peer.send('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'));
  const openclaw = await Openclaw.start({
    servers: [good, bad].map(({ address }, at) => ({ address, name: ['good', 'bad'][at] })),
    security: { waf: { enabled: true, mode: 'detect' } },
  });
  try {
    for (let sent = 0; sent < 6; sent++) assert.equal((await fetch(openclaw.url)).status, 200);
    // A second that ends within a request knows of its attempt, and not yet that it failed.
    const seen = await until('every attempt has failed', async () => {
      const status = await openclaw.status();
      return status.pools[0]!.servers[1]!.failureRate === 1 ? status : undefined;
    });
    assert.equal(seen.errorRate, 0);
    assert.ok(seen.failureRate > 0);
    const [ofGood, ofBad] = seen.pools[0]!.servers;
    assert.equal(ofGood!.failureRate, 0);
    assert.equal(
      await openclaw.metric('openclaw_server_failures_total{pool="default",server="bad"}'),
      ofBad!.failures,
    );

    await fetch(`${openclaw.url}/?q=1'+or+1=1--+`);
    const { errors, hits } = await until('the suspected attack', async () => {
      const response = await fetch(`http://127.0.0.1:${openclaw.adminPort}/errors`);
      const told = (await response.json()) as { errors: object[]; hits: { verdicts: string[] }[] };
      return told.hits.length > 0 ? told : undefined;
    });
    assert.match(hits[0]!.verdicts[0]!, /^sql-condition /);
    assert.deepEqual(errors, []);
    await until('its count', async () => (await openclaw.status()).lastMinute.waf.detected === 1);
  } finally {
    await openclaw.stop();
    await Promise.all([good.close(), bad.close()]);
  }
});

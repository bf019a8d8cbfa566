/** An error of our own costs the connection, or the HTTP/2 stream, that met it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { selfSigned } from './certificates.ts';
import { newFolder, Openclaw, okWith, type Peer, ScriptedServer, until } from './harness.ts';

const THROWING = new URL('throwing.ts', import.meta.url).href;
const ERRORS = ['request', 'answer', 'record'];
const files = selfSigned(newFolder(), 'localhost', ['DNS:localhost']);
let server: ScriptedServer;
before(async () => {
  server = await ScriptedServer.listen();
});
after(() => server.close());

const start = (more: object) =>
  Openclaw.start(
    { servers: [server.address], ...more },
    { workers: 1, nodeOptions: [`--import=${THROWING}`] },
  );

/** Each error is in the log with its stack, was counted, and nobody died of it. */
async function assertTold(openclaw: Openclaw, times: number): Promise<void> {
  await openclaw.untilIdle();
  await until('all errors to be told', () => {
    const told = openclaw.log().filter(({ event }) => event === 'internal_error');
    const sum = told.reduce((all, line) => all + Number(line.times), 0);
    for (const { cause } of told) assert.match(String(cause), /made for a test: .*\n +at /);
    return sum === times;
  });
  assert.equal(await openclaw.metric('openclaw_internal_errors_total{worker="0"}'), times);
  assert.equal(
    openclaw.log().find(({ event }) => event === 'worker_died'),
    undefined,
  );
}

test('an error ends one HTTP/1 connection, and the others go on', async () => {
  let waiting: Peer | undefined;
  server.on('/slow', (peer) => {
    waiting = peer;
  });
  const openclaw = await start({});
  try {
    const slow = await openclaw.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('the slow request', () => waiting);
    for (const what of ERRORS) {
      const peer = await openclaw.send(`GET /throws/${what} HTTP/1.1\r\nHost: a\r\n\r\n`);
      if (what === 'record') assert.equal((await peer.response()).status, 200);
      else {
        await peer.gone();
        assert.equal((await openclaw.logged(`/throws/${what}`)).failure, 'internal_error');
      }
    }
    waiting!.send(okWith('at last'));
    assert.equal((await slow.response()).body.toString(), 'at last');
    await assertTold(openclaw, ERRORS.length);
  } finally {
    await openclaw.stop();
  }
});

test('an error ends one HTTP/2 stream, and the others go on', async () => {
  let waiting: Peer | undefined;
  server.on('/slow', (peer) => {
    waiting = peer;
  });
  const openclaw = await start({ security: { tls: files } });
  const session = http2.connect(`https://127.0.0.1:${openclaw.port}`, {
    rejectUnauthorized: false,
  });
  const ask = (path: string) => session.request({ ':path': path });
  try {
    const slow = ask('/slow');
    await until('the slow request', () => waiting);
    for (const what of ERRORS) {
      const stream = ask(`/throws/${what}`).resume();
      if (what === 'record') await once(stream, 'response');
      else {
        await assert.rejects(once(stream, 'response'), /NGHTTP2_INTERNAL_ERROR/);
        assert.equal((await openclaw.logged(`/throws/${what}`)).failure, 'internal_error');
      }
    }
    waiting!.send(okWith('at last'));
    const [fields] = await once(slow, 'response');
    assert.equal(fields[':status'], 200);
    await assertTold(openclaw, ERRORS.length);
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

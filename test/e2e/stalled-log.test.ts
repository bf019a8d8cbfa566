/** A disk that takes nothing any more: traffic goes on, and what is not written is counted. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Openclaw, okWith, ScriptedServer, until } from './harness.ts';

const onUnix = process.platform === 'win32' ? 'a FIFO is needed' : false;
/** Of each request, so that few of them fill what may wait: a line has up to 8,192 of it. */
const LONG = 'x'.repeat(6_000);

let server: ScriptedServer;
let openclaw: Openclaw;

before(async () => {
  server = await ScriptedServer.listen();
  server.on(`/${LONG}`, (peer) => void peer.send(okWith('fine')));
  openclaw = await Openclaw.start({ servers: [server.address] });
});

after(async () => {
  try {
    await openclaw.stop();
  } finally {
    await server.close();
  }
});

async function lost(): Promise<number> {
  return (await openclaw.status()).lostLogRecords;
}

test('requests are answered while the log is stuck; then it goes on', {
  skip: onUnix,
}, async () => {
  const file = join(openclaw.folder, 'openclaw.yml');
  const fifo = join(openclaw.folder, 'stuck.log');
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
  // It is open for reading, and nobody reads: writing blocks as soon as 64 KB wait in it.
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const settings = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...settings, log: { ...settings.log, file: fifo } }));
  const reload = `http://127.0.0.1:${openclaw.adminPort}/config/reload`;
  assert.equal((await fetch(reload, { method: 'POST' })).status, 200);

  const peer = await openclaw.connect();
  const ask = async () => {
    peer.send(`GET /${LONG} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal((await peer.response()).status, 200);
  };
  await until('a line that is lost', async () => {
    for (let time = 0; time < 200; time++) await ask();
    return (await lost()) > 0;
  });
  for (let time = 0; time < 100; time++) await ask();

  // The disk is back.
  const bytes = Buffer.alloc(1 << 20);
  const read = () => {
    try {
      return readSync(reader, bytes);
    } catch {
      return 0;
    }
  };
  await until('the log to be written again', async () => {
    while (read() > 0);
    const before = await lost();
    for (let time = 0; time < 20; time++) await ask();
    return (await lost()) === before;
  });
  const back = { ...settings, log: { ...settings.log, file: join(openclaw.folder, 'after.log') } };
  writeFileSync(file, JSON.stringify(back));
  assert.equal((await fetch(reload, { method: 'POST' })).status, 200);
  await until('the log to have moved', () => {
    while (read() > 0);
    return readFileSync(join(openclaw.folder, 'after.log'), 'utf8').includes('"reloaded"');
  });
  closeSync(reader);
  peer.close();
});

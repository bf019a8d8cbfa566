import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { afterReads } from './after-reads.ts';

/** Blocks the thread: a timer is due then, and bytes have come. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('what came while the thread was blocked is read before the timer is heard', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [net.Socket];
  t.after(() => {
    client.destroy();
    peer.destroy();
    server.close();
  });
  const heard: string[] = [];
  client.on('data', () => heard.push('bytes'));
  const isOver = new Promise<void>((resolve) => {
    const late = afterReads(() => {
      heard.push('timer');
      resolve();
    });
    setImmediate(() => {
      setTimeout(late, 5);
      peer.write('x');
      block(50);
    });
  });
  await isOver;
  assert.deepEqual(heard, ['bytes', 'timer']);
});

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { TIMING } from '../table/measures.ts';
import { StatsdSender } from './statsd.ts';
import { viewWithTraffic } from './view.fixture.ts';

test('StatsD gets what came since the last time, gauges as they are, and the tags', async (context) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  context.after(() => socket.close());
  const got: string[] = [];
  const waiting: { line: string; found: () => void }[] = [];
  socket.on('message', (datagram) => {
    assert.ok(datagram.length <= 1432, 'a datagram fits one packet');
    got.push(...datagram.toString().split('\n'));
    for (const { line, found } of waiting) if (got.includes(line)) found();
  });
  const until = (line: string) =>
    new Promise<void>((found) => {
      if (got.includes(line)) found();
      else waiting.push({ line, found });
    });

  const address = `127.0.0.1:${socket.address().port}`;
  const sender = new StatsdSender({ address, prefix: 'edge', tags: { site: 'a' } }, (error) => {
    throw error;
  });
  context.after(() => sender.close());
  const view = viewWithTraffic();
  sender.send(view);
  await until('edge.requests:10|c|#site:a,pool:default,server:red,method:GET,code:2xx');
  await until('edge.server_requests_in_flight:1|g|#site:a,pool:default,server:red');
  await until('edge.request_duration.count:10|c|#site:a,pool:default,server:red');
  await until('edge.process_start_time:1700000000|g|#site:a');

  got.length = 0;
  view.table.measures.countRequest(0, 0, 'GET', 200);
  view.table.measures.time(0, 0, TIMING.total, 0.05);
  sender.send(view);
  await until('edge.requests:1|c|#site:a,pool:default,server:red,method:GET,code:2xx');
  await until('edge.request_duration.p99:0.025|g|#site:a,pool:default,server:red');
  await until('edge.process_start_time:1700000000|g|#site:a');
  assert.deepEqual(
    got.filter((line) => line.startsWith('edge.requests:')),
    ['edge.requests:1|c|#site:a,pool:default,server:red,method:GET,code:2xx'],
    'what did not change is not sent again',
  );
});

/** A table with some traffic in it, for tests of what reads it. */
import { COUNTER, HEALTH } from '../table/layout.ts';
import { GAUGE, TIMING, WORKER_COUNTER, WORKER_TIMING } from '../table/measures.ts';
import { SharedTable } from '../table/table.ts';
import type { View } from './view.ts';

export function viewWithTraffic(): View {
  const table = SharedTable.create({ serverRows: 4, workerLanes: 2 });
  const { measures } = table;
  for (let i = 0; i < 10; i++) {
    measures.countRequest(0, i % 2, 'GET', 200);
    measures.time(0, i % 2, TIMING.total, i + 0.5);
    measures.time(0, i % 2, TIMING.firstByte, 1);
  }
  measures.countRequest(1, 1, 'POST', 502);
  measures.countRequest(measures.noRow, 0, '', 400);
  measures.time(1, 0, TIMING.connect, 0.15);
  measures.countFailure(0, 3);
  measures.set(0, GAUGE.clientConnections, 7);
  measures.add(1, GAUGE.tunnels, 2);
  measures.add(0, WORKER_COUNTER.streamsCompleted, 3);
  measures.timeOfWorker(0, WORKER_TIMING.loopDelay, 2);
  table.counters.add(0, 0, COUNTER.bytesToClients, 4096);
  table.setHealth(1, HEALTH.down);
  table.enter(0, 1);
  return {
    table,
    lanes: [0, 1],
    servers: [
      { pool: 'default', label: 'red', row: 0, breaker: 'open' },
      { pool: 'default', label: '10.0.0.2:80', row: 1 },
    ],
    pools: [{ name: 'default', row: 0 }],
    version: '1.2.3',
    startedSeconds: 1_700_000_000,
    workerDeaths: 1,
    lostLogRecords: 0,
    certificates: [
      { path: '/etc/cert.pem', names: ['example.com'], expiresSeconds: 1_800_000_000 },
    ],
    alertsActive: ['high_latency'],
    undelivered: new Map([['slack', 2]]),
  };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logger } from '../../observe/log.ts';
import { GAUGE } from '../../table/measures.ts';
import { SharedTable } from '../../table/table.ts';
import { Pressure } from './pressure.ts';

test('each trouble is told once when it begins, and when it is over for a minute', () => {
  const table = SharedTable.create({ serverRows: 1, workerLanes: 2 });
  const told: string[] = [];
  const tell = ({ event }: { event: string }) => told.push(event);
  const pressure = new Pressure(table, { warn: tell, info: tell } as unknown as Logger);
  pressure.look(0);
  table.clientCounts.addWaiting(1, 3);
  for (let second = 1; second <= 5; second++) pressure.look(second * 1_000);
  assert.deepEqual(told, ['clients_full']);
  table.clientCounts.addWaiting(1, -3);
  pressure.look(64_000);
  assert.equal(told.length, 1);
  pressure.look(65_000);
  table.measures.set(0, GAUGE.shedShare, 0.3);
  pressure.look(66_000);
  pressure.look(67_000);
  assert.deepEqual(told, ['clients_full', 'clients_full_over', 'overloaded']);
});

/** An operator's weight, as every chooser sees it in the shared table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { SharedTable } from '../../table/table.ts';
import { Server } from '../servers/server.ts';
import { Chooser } from './choose.ts';
import { createStrategy, type StrategyName, strategies } from './registry.ts';
import { VERDICT } from './server-verdict.ts';
import { TriedSet } from './tried-set.ts';

const UNTRIED = new TriedSet();
const PICKS = 3000;

/** Servers a and b of weight 1, and two workers' choosers on one table. */
function pool(strategy: StrategyName) {
  const table = SharedTable.create({ serverRows: 2, workerLanes: 2 });
  const workers = [1, 2].map((seed) => {
    const random = seededRandom(seed);
    const servers = ['a', 'b'].map(
      (name, row) =>
        new Server(
          {
            row,
            name,
            label: name,
            address: { host: name, port: 1, path: '', tls: null },
            weight: 1,
            backup: false,
            maxInFlight: 0,
          },
          { table, lane: 0, clock: { nowMs: () => 0, wallMs: () => 0 } },
        ),
    );
    const chooser = new Chooser<Server>({
      servers,
      strategy: createStrategy(strategy, random),
      table,
      poolRow: 0,
      random,
      panicThresholdPercent: 100,
    });
    return { chooser, servers, random };
  });
  /** The part of each worker's picks that goes to a; what is picked stays in flight. */
  const shares = () => {
    const chosen: number[][] = [[], []];
    for (let nth = 0; nth < PICKS; nth++) {
      for (const [lane, { chooser, random }] of workers.entries()) {
        const { row } = chooser.choose((random() * 2 ** 32) | 0, UNTRIED)!;
        table.enter(row, lane);
        chosen[lane]!.push(row);
      }
    }
    return chosen.map((rows, lane) => {
      for (const row of rows) table.leave(row, lane);
      return rows.filter((row) => row === 0).length / PICKS;
    });
  };
  return { table, workers, shares };
}

for (const { name, weighted } of strategies) {
  test(`${name}: a server of the weight 0 gets nothing new, in a panic neither`, () => {
    const { table, workers, shares } = pool(name);
    table.setOperatorWeight(0, 0);
    assert.deepEqual(shares(), [0, 0]);
    const { chooser, servers } = workers[0]!;
    assert.equal(chooser.verdict(servers[0]!, UNTRIED), VERDICT.draining);
    table.setOperatorWeight(0, -1);
    for (const share of shares()) assert.ok(share > 0.2, `${share}`);
  });

  if (!weighted) continue;
  test(`${name}: both workers follow a weight at once, and the configured one after it`, () => {
    const { table, shares } = pool(name);
    table.setOperatorWeight(0, 4);
    for (const share of shares()) assert.ok(Math.abs(share - 0.8) < 0.1, `${share}`);
    table.setOperatorWeight(0, -1);
    for (const share of shares()) assert.ok(Math.abs(share - 0.5) < 0.1, `${share}`);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { parseIp } from '../../base/ip.ts';
import { seededRandom } from '../../base/random.ts';
import { ClientSource } from './client-source.ts';
import { Rate } from './rate.ts';
import { SourceRates } from './source-rates.ts';

const SEED = { low: 0x1234567, high: 0x89abcdef };
const sourceOf = (text: string) => new ClientSource(parseIp(text), SEED);

function ratesOf(sources: number, perSource: Rate | null, overall: Rate | null = null) {
  return new SourceRates(SourceRates.create(sources), perSource, overall);
}

const ask = (rates: SourceRates, text: string, nowMs: number) => {
  const { place, tag } = sourceOf(text);
  return rates.take(place, tag, nowMs);
};

test('each address has its own rate, an IPv6 client one for its /64', () => {
  const rates = ratesOf(1024, new Rate(1, 1));
  assert.equal(ask(rates, '192.0.2.1', 0), 0);
  assert.ok(ask(rates, '192.0.2.1', 0) > 0);
  assert.equal(ask(rates, '192.0.2.2', 0), 0);
  assert.equal(ask(rates, '2001:db8::1', 0), 0);
  assert.ok(ask(rates, '2001:db8::ffff:1', 0) > 0);
  assert.equal(ask(rates, '2001:db8:0:1::1', 0), 0);
  assert.ok(ask(rates, '::ffff:192.0.2.2', 0) > 0);
});

test('the rate over all clients is one rate, and what it refuses is not charged to the client', () => {
  const rates = ratesOf(1024, new Rate(10, 2), new Rate(2, 2));
  assert.equal(ask(rates, '192.0.2.1', 0), 0);
  assert.equal(ask(rates, '192.0.2.2', 0), 0);
  assert.equal(ask(rates, '192.0.2.3', 0), -500);
  assert.equal(ask(rates, '192.0.2.3', 0), -500);
  assert.equal(ask(rates, '192.0.2.3', 0), -500);
  assert.equal(ask(rates, '192.0.2.3', 1000), 0);
  assert.equal(ask(rates, '192.0.2.3', 1000), 0);
  assert.equal(ask(rates, '192.0.2.3', 1000), 100);
});

test('many addresses of an attacker do not push out one that asks at its full rate', () => {
  const perSecond = 10;
  const rates = ratesOf(256, new Rate(perSecond, perSecond));
  const random = seededRandom(7);
  for (let times = 0; times < perSecond; times++) assert.equal(ask(rates, '192.0.2.1', 0), 0);
  for (let times = 0; times < 20_000; times++) {
    const word = Math.floor(random() * 2 ** 32);
    ask(rates, `2001:db8:${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}::1`, 0);
    if (times % 100 === 0) assert.ok(ask(rates, '192.0.2.1', 0) > 0, `after ${times}`);
  }
  assert.equal(rates.memory.byteLength, SourceRates.create(256).byteLength);
});

test('a new address never pays for the one that it displaces', () => {
  const rates = ratesOf(16, new Rate(1, 5));
  for (let address = 0; address < 200; address++) {
    for (let times = 0; times < 5; times++) {
      assert.equal(ask(rates, `10.0.${address >> 4}.${address}`, 0), 0);
    }
  }
});

test('all threads together let through what one would', async () => {
  const BURST = 5_000;
  const memory = SourceRates.create(64);
  const { place, tag } = sourceOf('192.0.2.1');
  const program = `
    const { workerData, parentPort } = require('node:worker_threads');
    (async () => {
      const { Rate } = await import(workerData.rate);
      const { SourceRates } = await import(workerData.rates);
      const rates = new SourceRates(workerData.memory, new Rate(1, ${BURST}), null);
      let taken = 0;
      for (let n = 0; n < ${BURST}; n++) {
        if (rates.take(workerData.place, workerData.tag, 0) === 0) taken += 1;
      }
      parentPort.postMessage(taken);
    })();`;
  const workerData = {
    memory,
    place,
    tag,
    rate: new URL('./rate.ts', import.meta.url).href,
    rates: new URL('./source-rates.ts', import.meta.url).href,
  };
  const workers = Array.from({ length: 3 }, () => new Worker(program, { eval: true, workerData }));
  const taken = await Promise.all(
    workers.map((worker) => new Promise<number>((resolve) => worker.once('message', resolve))),
  );
  assert.equal(
    taken.reduce((sum, one) => sum + one, 0),
    BURST,
  );
});

test('where a client lies follows from the seed', () => {
  const one = sourceOf('192.0.2.1');
  const other = new ClientSource(parseIp('192.0.2.1'), { low: 1, high: 2 });
  assert.notEqual(one.place, other.place);
  assert.notEqual(one.tag, other.tag);
  const places = new Set(Array.from({ length: 256 }, (_, n) => sourceOf(`10.0.0.${n}`).place));
  assert.equal(places.size, 256);
});

test('a table that is made late refuses nobody for what it holds by chance', () => {
  for (let hours = 0; hours < 24; hours++) {
    const nowMs = hours * 3_600_000;
    for (const perSecond of [1, 5_000, 10_000_000]) {
      const rates = ratesOf(64, new Rate(perSecond, 1), new Rate(perSecond, 1));
      rates.begin(nowMs);
      assert.equal(ask(rates, '192.0.2.1', nowMs), 0, `${perSecond} a second after ${hours} h`);
    }
  }
});

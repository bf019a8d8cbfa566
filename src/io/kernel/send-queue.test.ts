import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { SendQueue } from './send-queue.ts';

test('a queue gives what was added, in order, however it is taken and put back', () => {
  const random = seededRandom(14);
  const queue = new SendQueue();
  const into = Buffer.alloc(100_000);
  let expected = '';
  for (let step = 0; step < 2_000; step++) {
    const what = random();
    if (what < 0.5) {
      const text = 'abcdefghij'.repeat(Math.floor(random() ** 4 * 4_000)).slice(0, -1);
      const bytes = Buffer.from(`<${step}>`.repeat(Math.floor(random() ** 4 * 5_000)));
      queue.add(text, bytes, 0, bytes.length);
      expected += text + bytes.toString('latin1');
    } else if (queue.lengthBytes > 0) {
      const lengthBytes = Math.min(Math.ceil(random() * 70_000), queue.lengthBytes);
      queue.take(into, 7, lengthBytes);
      const taken = into.toString('latin1', 7, 7 + lengthBytes);
      assert.equal(taken, expected.slice(0, lengthBytes));
      const backBytes = what < 0.75 ? Math.floor(random() * lengthBytes) : 0;
      queue.putBack(into.subarray(7 + lengthBytes - backBytes, 7 + lengthBytes));
      expected = expected.slice(lengthBytes - backBytes);
    }
    assert.equal(queue.lengthBytes, expected.length);
  }
});

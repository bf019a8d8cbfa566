import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wire } from '../../../test/http1/wire.ts';

test('a connection follows its policy from the next request on', () => {
  const wire = new Wire();
  const request = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(200)}\r\n\r\n`);
  wire.clientSends(request);
  const { policy } = wire.route;
  wire.route.policy = { ...policy, headLimits: { ...policy.headLimits, headBytes: 100 } };
  wire.serverSends('HTTP/1.1 204 No Content\r\n\r\n');
  assert.match(wire.client.text, /^HTTP\/1.1 204 /);
  wire.client.text = '';
  wire.clientSends(request);
  assert.match(wire.client.text, /^HTTP\/1.1 431 .*head_too_large/s);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULTS } from '../../src/core/http1/faults.ts';
import { FIELDS_MAX } from '../../src/core/http1/head.ts';
import { ACCEPTED, type Sent } from '../corpus/http1/accepted.ts';
import { REFUSED } from '../corpus/http1/refused.ts';
import { readRequests } from './read-requests.ts';
import { Wire } from './wire.ts';

/** Whole, byte by byte, and cut in two at some places. */
function waysToCut(text: string): Buffer[][] {
  const bytes = Buffer.from(text, 'latin1');
  const ways = [[bytes], Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))];
  const step = Math.max(1, Math.floor(bytes.length / 50));
  for (let at = 1; at < bytes.length; at += step) {
    ways.push([bytes.subarray(0, at), bytes.subarray(at)]);
  }
  return ways;
}

for (const { name, bytes, fault, why } of REFUSED) {
  test(`refused with ${fault}: ${name}`, () => {
    for (const pieces of waysToCut(bytes)) {
      const wire = new Wire();
      for (const piece of pieces) wire.clientSends(piece);
      // In pieces a fault may be found with the next line feed only.
      if (wire.client.text === '') wire.clientSends(Buffer.from('\n'));
      const [status] = FAULTS[fault];
      assert.ok(wire.client.text.startsWith(`HTTP/1.1 ${status} `), `${why}: ${wire.client.text}`);
      assert.match(wire.client.text, new RegExp(`\\(${fault}\\)`));
      assert.match(wire.client.text, /\r\nConnection: close\r\n/);
      assert.equal(wire.client.text.split('Content-Type:').length, 2, 'one answer');
      assert.notEqual(wire.client.state, 'open');
      for (const server of wire.servers) {
        assert.equal(server.stream.state, 'destroyed');
        const { requests, end } = readRequests([Buffer.from(server.stream.text, 'latin1')]);
        const isWhole = requests.length > 1 || (requests.length === 1 && end === 'between');
        assert.ok(!isWhole, 'no server got a whole request');
      }
    }
  });
}

function expectSent(text: string, expected: Sent, why: string): void {
  const limits = { headBytes: 64 * 1024, targetBytes: 64 * 1024, fields: FIELDS_MAX };
  const { requests, end } = readRequests([Buffer.from(text, 'latin1')], { limits });
  assert.equal(end, 'between', why);
  assert.equal(requests.length, 1, why);
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
  assert.equal(lines[0], expected.line, why);
  for (const line of expected.has ?? []) assert.ok(lines.includes(line), `${line} in ${text}`);
  const names = requests[0]!.fields.map(([name]) => name.toLowerCase());
  for (const name of expected.lacks ?? []) assert.ok(!names.includes(name), `${name} in ${text}`);
  assert.equal(requests[0]!.payload, expected.payload ?? '', why);
}

for (const { name, bytes, sent, keeps = true, why } of ACCEPTED) {
  test(`accepted: ${name}`, () => {
    for (const pieces of waysToCut(bytes)) {
      const wire = new Wire();
      for (const piece of pieces) wire.clientSends(piece);
      for (let index = 0; index < sent.length; index++) {
        assert.equal(wire.servers.length, index + 1, `${why}: ${wire.client.text}`);
        expectSent(wire.sent[index]!, sent[index]!, why);
        wire.serverSends('HTTP/1.1 204 No Content\r\n\r\n');
        wire.clientSends(Buffer.alloc(0));
      }
      assert.equal(wire.servers.length, sent.length);
      assert.equal(wire.client.text.split('HTTP/1.1 204 No Content\r\n').length, sent.length + 1);
      assert.equal(wire.client.state === 'open', keeps, 'connection kept');
    }
  });
}

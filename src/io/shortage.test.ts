import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeCauseOf } from './close-cause.ts';
import { isShortage } from './shortage.ts';

const coded = (code: string) => Object.assign(new Error(code), { code, address: '127.0.0.1' });

test('a lack of descriptors, ports or memory says nothing about the server', () => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']) {
    assert.ok(isShortage(coded(code)), code);
    assert.equal(closeCauseOf(coded(code)), 'shortage', code);
  }
});

test('what the server or the network did is no shortage', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ETIMEDOUT', 'ENOENT']) {
    assert.ok(!isShortage(coded(code)), code);
    assert.notEqual(closeCauseOf(coded(code)), 'shortage', code);
  }
});

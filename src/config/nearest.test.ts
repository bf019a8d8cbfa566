import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './nearest.ts';

test('a misspelt name finds the one that was meant', () => {
  const known = ['round_robin', 'least_connections', 'random', 'ip_hash', 'health_check', 'tls'];
  const meant: [string, string | undefined][] = [
    ['roundrobin', 'round_robin'],
    ['least_conn', 'least_connections'],
    ['radnom', 'random'],
    ['iphash', 'ip_hash'],
    ['healthCheck', 'health_check'],
    ['helth-check', 'health_check'],
    ['tsl', 'tls'],
    ['frobnicate', undefined],
    ['', undefined],
  ];
  for (const [name, expected] of meant) assert.equal(nearest(name, known), expected, name);
});

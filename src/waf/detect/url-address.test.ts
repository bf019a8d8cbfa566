import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reachOf } from './url-address.ts';

test('every spelling of the loopback address is this machine', () => {
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0x7f.1',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    'localhost',
    'a.localhost',
    '0',
  ]) {
    assert.equal(reachOf(host).kind, 'internal', host);
  }
});

test('the metadata service is known by every spelling', () => {
  for (const host of [
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '169.254.43518',
    '[::ffff:a9fe:a9fe]',
    '[fd00:ec2::254]',
    'metadata.google.internal',
  ]) {
    assert.equal(reachOf(host).kind, 'metadata', host);
  }
});

test('private networks are internal, public hosts are not', () => {
  for (const host of [
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '100.64.0.1',
    '[fe80::1]',
    '[fd12::1]',
  ]) {
    assert.equal(reachOf(host).kind, 'internal', host);
  }
  for (const host of [
    '8.8.8.8',
    '172.32.0.1',
    '11.0.0.1',
    'example.com',
    '[2606:2800::1]',
    '1.2.3.4.5',
    'localhost.example.com',
    '',
  ]) {
    assert.equal(reachOf(host).kind, 'public', host);
  }
});

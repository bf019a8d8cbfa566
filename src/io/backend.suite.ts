/**
 * What every backend has to do: call `backendSuite` with it. Only the port is used; peers are Node's
 * own sockets.
 */
import { describe, it } from 'node:test';
import { Surroundings, type TestWith } from './backend.fixture.ts';
import type { ListeningSockets, OpenBackend } from './backend.ts';
import { descriptors, type InShortage } from './descriptors.suite.ts';
import { duplexes } from './duplexes.suite.ts';
import { forwarding } from './forwarding.suite.ts';
import { listeners } from './listeners.suite.ts';
import { servers } from './servers.suite.ts';
import { streams } from './streams.suite.ts';
import { security } from './tls.suite.ts';
import { choices } from './tls-choices.suite.ts';
import { securedServers } from './tls-servers.suite.ts';

/** Nothing hangs for longer. */
const TEST_MS_MAX = 20_000;

/** Each test has surroundings of its own. */
export function testingWith(open: OpenBackend): TestWith {
  return (what, test) =>
    it(what, { timeout: TEST_MS_MAX }, async () => {
      const around = new Surroundings(open);
      try {
        await test(around);
      } finally {
        around.end();
      }
    });
}

export function backendSuite(
  name: string,
  open: OpenBackend,
  sockets: ListeningSockets,
  inShortage: InShortage = 'wait',
): void {
  const testWith = testingWith(open);
  describe(`a stream of the ${name} backend`, () => streams(testWith));
  describe(`a duplex of the ${name} backend`, () => duplexes(testWith));
  describe(`bytes through the ${name} backend`, () => forwarding(testWith));
  describe(`listeners of the ${name} backend`, () => listeners(testWith, sockets));
  describe(`descriptors of the ${name} backend`, () => descriptors(testWith, inShortage));
  describe(`connections to servers by the ${name} backend`, () => servers(testWith));
  describe(`TLS by the ${name} backend`, () => security(testWith));
  describe(`what TLS by the ${name} backend agrees on`, () => choices(testWith));
  describe(`servers with TLS by the ${name} backend`, () => securedServers(testWith));
}

/** The race of a name's addresses, by attempts whose ends the test decides and a clock of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN_IDENTITY, type ServerAddress } from '../core/ports/server-address.ts';
import { type AttemptOwner, Dial } from './dial.ts';
import { Resolver } from './resolver.ts';

const NAMED: ServerAddress = { host: 'a.example', port: 80, path: '', tls: null };
const TLS = { serverName: 'a.example', verify: false, identity: PLAIN_IDENTITY };
const REFUSED = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

class Race {
  nowMs = 0;
  readonly resolver: Resolver;
  readonly owners = new Map<string, AttemptOwner<string>>();
  readonly closed: string[] = [];
  readonly told: string[] = [];
  readonly dial: Dial<string>;
  #timer: { dueMs: number; call: () => void } | null = null;

  constructor(
    addresses: readonly string[],
    { address = NAMED, refusesAtOnce = 'none', avoided = '' } = {},
  ) {
    const clock = { nowMs: () => this.nowMs, wallMs: () => this.nowMs };
    this.resolver = new Resolver(clock, (_host, done) => done(addresses, null));
    if (avoided !== '') this.resolver.failed(avoided, address.port);
    const context = {
      clock,
      resolver: this.resolver,
      after: (delayMs: number, call: () => void) => {
        const timer = { dueMs: this.nowMs + delayMs, call };
        this.#timer = timer;
        return () => {
          if (this.#timer === timer) this.#timer = null;
        };
      },
    };
    const attempt = (host: string, owner: AttemptOwner<string>) => {
      if (host === refusesAtOnce) throw REFUSED;
      this.owners.set(host, owner);
      return { close: () => this.closed.push(host) };
    };
    this.dial = new Dial(address, context, attempt, {
      onConnected: () => this.told.push('connected'),
      onOpen: (connection, host) => this.told.push(`open ${connection} to ${host}`),
      onFailed: ({ code }, step) => this.told.push(`failed ${step} ${code}`),
    });
  }

  get begun(): string[] {
    return [...this.owners.keys()];
  }

  get isTimed(): boolean {
    return this.#timer !== null;
  }

  advance(byMs: number): void {
    this.nowMs += byMs;
    const timer = this.#timer;
    if (timer === null || timer.dueMs > this.nowMs) return;
    this.#timer = null;
    timer.call();
  }

  /** The order in which the next connection tries them. */
  next(addresses: readonly string[]): readonly string[] {
    return this.resolver.lateFailuresLast(addresses, NAMED.port);
  }
}

test('the next address begins after 250 ms of silence, and the losers are closed', () => {
  const race = new Race(['1.1.1.1', '2.2.2.2', '3.3.3.3']);
  race.advance(249);
  assert.deepEqual(race.begun, ['1.1.1.1']);
  race.advance(1);
  assert.deepEqual(race.begun, ['1.1.1.1', '2.2.2.2']);
  race.owners.get('2.2.2.2')!.connected();
  race.owners.get('2.2.2.2')!.opened('one');
  assert.deepEqual(race.told, ['connected', 'open one to 2.2.2.2']);
  assert.deepEqual([race.closed, race.isTimed], [['1.1.1.1'], false]);
  // The first was silent for as long as it takes to count as that; nothing is known of the third.
  assert.deepEqual(race.next(['1.1.1.1', '2.2.2.2', '3.3.3.3']), ['2.2.2.2', '3.3.3.3', '1.1.1.1']);
  race.owners.get('1.1.1.1')!.failed(REFUSED, 'connect');
  assert.equal(race.told.length, 2, 'who lost the race is not heard');
});

test('the next address begins at once when one fails, and the last error is told', () => {
  const race = new Race(['1.1.1.1', '2.2.2.2']);
  race.owners.get('1.1.1.1')!.failed(REFUSED, 'connect');
  assert.deepEqual(race.begun, ['1.1.1.1', '2.2.2.2']);
  const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
  race.owners.get('2.2.2.2')!.failed(reset, 'tls');
  assert.deepEqual(race.told, ['failed tls ECONNRESET']);
  assert.deepEqual([race.closed, race.isTimed], [[], false], 'who failed has closed itself');
});

test('a slow address still wins after another has failed', () => {
  const race = new Race(['1.1.1.1', '2.2.2.2']);
  race.advance(250);
  race.owners.get('2.2.2.2')!.failed(REFUSED, 'connect');
  assert.deepEqual(race.told, []);
  race.owners.get('1.1.1.1')!.opened('late');
  assert.deepEqual(race.told, ['open late to 1.1.1.1']);
});

test('an address that answered has a second for its handshake', () => {
  const race = new Race(['1.1.1.1', '2.2.2.2'], { address: { ...NAMED, tls: TLS } });
  race.advance(100);
  race.owners.get('1.1.1.1')!.connected();
  race.advance(999);
  assert.deepEqual(race.begun, ['1.1.1.1']);
  race.advance(1);
  race.owners.get('2.2.2.2')!.connected();
  assert.deepEqual(race.begun, ['1.1.1.1', '2.2.2.2']);
  assert.deepEqual(race.told, ['connected'], 'it is told of the first alone');
});

test('eight addresses are tried at most', () => {
  const addresses = Array.from({ length: 20 }, (_, at) => `10.0.0.${at}`);
  const race = new Race(addresses);
  for (const address of addresses) race.owners.get(address)?.failed(REFUSED, 'connect');
  assert.deepEqual(race.begun, addresses.slice(0, 8));
  assert.deepEqual(race.told, ['failed connect ECONNREFUSED']);
});

test('giving up closes all, and remembers who was silent', () => {
  const race = new Race(['1.1.1.1', '2.2.2.2', '3.3.3.3']);
  race.advance(250);
  race.dial.cancel();
  assert.deepEqual([race.closed, race.isTimed], [['1.1.1.1', '2.2.2.2'], false]);
  assert.deepEqual(race.next(['1.1.1.1', '2.2.2.2']), ['2.2.2.2', '1.1.1.1']);
  race.owners.get('1.1.1.1')!.failed(REFUSED, 'connect');
  race.owners.get('2.2.2.2')!.connected();
  race.dial.cancel();
  assert.deepEqual([race.told, race.begun.length, race.closed.length], [[], 2, 2]);
});

test('an address that failed lately is tried last', () => {
  assert.deepEqual(new Race(['1.1.1.1', '2.2.2.2'], { avoided: '1.1.1.1' }).begun, ['2.2.2.2']);
});

test('a shortage of this machine says nothing about an address', () => {
  const race = new Race(['1.1.1.1', '2.2.2.2']);
  const shortage = Object.assign(new Error('too many'), { code: 'EMFILE' });
  race.owners.get('1.1.1.1')!.failed(shortage, 'connect');
  assert.deepEqual(race.next(['1.1.1.1', '2.2.2.2']), ['1.1.1.1', '2.2.2.2']);
});

test('what is refused at once is told later, and the next address is tried', async () => {
  const race = new Race(['1.1.1.1', '2.2.2.2'], { refusesAtOnce: '1.1.1.1' });
  assert.deepEqual(race.begun, []);
  await new Promise(process.nextTick);
  assert.deepEqual(race.begun, ['2.2.2.2']);
  const alone = new Race([], {
    address: { ...NAMED, host: '1.1.1.1' },
    refusesAtOnce: '1.1.1.1',
  });
  assert.deepEqual(alone.told, []);
  await new Promise(process.nextTick);
  assert.deepEqual(alone.told, ['failed connect ECONNREFUSED']);
  const cancelled = new Race(['1.1.1.1', '2.2.2.2'], { refusesAtOnce: '1.1.1.1' });
  cancelled.dial.cancel();
  await new Promise(process.nextTick);
  assert.deepEqual([cancelled.told, cancelled.begun], [[], []]);
});

test('a name without an address fails later, as a name does', async () => {
  const race = new Race([]);
  assert.deepEqual(race.told, []);
  await new Promise(process.nextTick);
  assert.deepEqual(race.told, ['failed resolve ENOTFOUND']);
});

test('a socket path is dialled with an empty host', () => {
  const race = new Race([], { address: { ...NAMED, host: '', path: '/run/one.sock' } });
  assert.deepEqual(race.begun, ['']);
});

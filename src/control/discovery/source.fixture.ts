/** What every kind of source keeps to. A new kind is one more call of `keepsTheContract`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerSettings, Settings } from '../../config/schema.ts';
import type { SourceKind, SourceTime } from './source.ts';

/** Time that passes when it is told to. */
export class FakeTime implements SourceTime {
  #nowMs = 0;
  readonly #steps = new Map<object, { dueMs: number; step: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, step: () => void): () => void {
    const key = {};
    this.#steps.set(key, { dueMs: this.#nowMs + ms, step });
    return () => void this.#steps.delete(key);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    for (const [key, { dueMs, step }] of [...this.#steps]) {
      if (dueMs > this.#nowMs || !this.#steps.delete(key)) continue;
      step();
    }
  }

  /** Calls that are still to come. */
  get waiting(): number {
    return this.#steps.size;
  }
}

/** How a suite makes the world around a source answer. */
export interface World {
  readonly settings: Settings;
  /** Settings that name no source of this kind; null: there are none. */
  readonly without: Settings | null;
  /** Lets time pass until the source has told what there is. */
  settle(time: FakeTime): void | Promise<void>;
  readonly expected: readonly string[];
}

export function keepsTheContract(kind: SourceKind, world: () => World): void {
  const open = (settings: Settings, time: FakeTime) => {
    const told: string[][] = [];
    const source = kind.open(kind.partOf(settings), time);
    const onServers = (servers: readonly ServerSettings[]) =>
      told.push(servers.map(({ address }) => address));
    return { told, source, start: () => source.start({ onServers, onFailure: () => {} }) };
  };

  test(`${kind.name}: the first answer has all servers, each address once`, async () => {
    const { settings, settle, expected } = world();
    const time = new FakeTime();
    const { told, start, source } = open(settings, time);
    start();
    await settle(time);
    assert.deepEqual(told[0], expected);
    assert.equal(new Set(told[0]).size, told[0]!.length);
    source.stop();
  });

  test(`${kind.name}: nothing is told, and nothing waits, after it is stopped`, async () => {
    const { settings, settle } = world();
    const time = new FakeTime();
    const { told, start, source } = open(settings, time);
    start();
    source.stop();
    const before = told.length;
    await settle(time);
    assert.equal(told.length, before);
    assert.equal(time.waiting, 0);
  });

  test(`${kind.name}: the same settings have the same part, so that a reload does not end it`, () => {
    const { settings, without } = world();
    assert.deepEqual(kind.partOf(structuredClone(settings)), kind.partOf(settings));
    if (without !== null) assert.equal(kind.partOf(without), null);
  });
}

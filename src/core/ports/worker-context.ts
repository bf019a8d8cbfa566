import type { Clock } from '../../base/clock.ts';
import type { Contain } from '../../base/contain.ts';
import type { Random } from '../../base/random.ts';
import type { TimerWheel } from '../../base/wheel.ts';
import type { SharedTable } from '../../table/table.ts';
import { Framing } from '../http1/framing.ts';
import { Head } from '../http1/head.ts';
import type { Connector } from './stream.ts';

/** What a worker gets from its surroundings. */
export interface WorkerParts {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly table: SharedTable;
  /** This worker's lane in the table. */
  readonly lane: number;
  readonly connector: Connector;
  /** Wakes another worker, so that it looks at its queues. */
  readonly wake: (lane: number) => void;
  /** Catches what one part throws while another calls it. */
  readonly contain: Contain;
}

/** What all parts of one worker's data path share. */
export class WorkerContext implements WorkerParts {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly table: SharedTable;
  readonly lane: number;
  readonly connector: Connector;
  readonly wake: (lane: number) => void;
  readonly contain: Contain;

  /** Heads and framings are read and used within one callback, so one of each serves all. */
  readonly requestHead = new Head();
  readonly requestFraming = new Framing();
  readonly responseHead = new Head();
  readonly responseFraming = new Framing();

  constructor(given: WorkerParts) {
    this.clock = given.clock;
    this.wheel = given.wheel;
    this.random = given.random;
    this.table = given.table;
    this.lane = given.lane;
    this.connector = given.connector;
    this.wake = given.wake;
    this.contain = given.contain;
  }
}

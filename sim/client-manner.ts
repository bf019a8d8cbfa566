import type { Chance, Range } from './chance.ts';

/** What a client is like; each of them is one connection after the other, until all is asked. */
export interface ClientManner {
  /** It does its part, in time. */
  readonly isPlain: boolean;
  readonly requests: number;
  /** Requests that are under way at one time. */
  readonly depth: number;
  readonly isHttp10: boolean;
  readonly keepsAlive: boolean;
  readonly thinkMs: Range;
  readonly gapMs: Range;
  /** Chance that a read is followed by a pause, and for how long. */
  readonly dawdles: number;
  readonly dawdleMs: Range;
  /** Says that nothing more comes right after its last request. */
  readonly halfCloses: boolean;
  /** Leaves at some moment, whatever is under way. */
  readonly leavesAfterMs: number;
  readonly uploads: number;
  readonly tunnels: boolean;
  /** Its last request is not one. */
  readonly endsMalformed: boolean;
  /** Stops in the middle of an upload. */
  readonly stopsUpload: boolean;
}

/** What a client does whose requests must all succeed. */
export function plainManner(chance: Chance): ClientManner {
  return {
    isPlain: true,
    requests: chance.whole(1, 6),
    depth: chance.pick([1, 1, 1, 2, 5]),
    isHttp10: chance.happens(0.15),
    keepsAlive: chance.happens(0.9),
    thinkMs: chance.pick<Range>([
      [0, 0],
      [0, 30],
      [0, 2_500],
    ]),
    gapMs: chance.pick<Range>([
      [0, 0],
      [0, 20],
      [0, 200],
    ]),
    dawdles: chance.pick([0, 0, 0.1, 0.5]),
    dawdleMs: chance.pick<Range>([
      [0, 5],
      [0, 100],
      [0, 1_000],
    ]),
    halfCloses: chance.happens(0.15),
    leavesAfterMs: Number.POSITIVE_INFINITY,
    uploads: chance.pick([0, 0.2, 0.7]),
    tunnels: chance.happens(0.12),
    endsMalformed: false,
    stopsUpload: false,
  };
}

export function troubledManner(chance: Chance): ClientManner {
  return {
    ...plainManner(chance),
    isPlain: false,
    leavesAfterMs: chance.happens(0.3) ? chance.within([0, 3_000]) : Number.POSITIVE_INFINITY,
    dawdleMs: chance.pick<Range>([
      [0, 5],
      [0, 100],
      [0, 6_000],
    ]),
    gapMs: chance.pick<Range>([
      [0, 0],
      [0, 20],
      [0, 3_000],
    ]),
    endsMalformed: chance.happens(0.15),
    stopsUpload: chance.happens(0.1),
  };
}

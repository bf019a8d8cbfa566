/** What the bench measures. A workload gives some of these; the report knows how to show each. */

export const METRICS = {
  cpuUs: { title: 'CPU µs', digits: 1 },
  perSecond: { title: 'a second', digits: 0 },
  p50Ms: { title: 'p50 ms', digits: 2 },
  p99Ms: { title: 'p99 ms', digits: 2 },
  slowestMs: { title: 'slowest ms', digits: 1 },
  lost: { title: 'lost', digits: 0 },
  slowHeld: { title: 'slow ones at the end', digits: 0 },
  kernelKb: { title: 'kernel KB for each', digits: 1 },
  rssMb: { title: 'resident MB', digits: 1 },
  idleBytes: { title: 'bytes a connection', digits: 0 },
} as const;

export type Metric = keyof typeof METRICS;

/** What one turn of one proxy gave. */
export interface Turn {
  readonly values: Readonly<Partial<Record<Metric, number>>>;
  /** Requests that failed or were answered with anything but success: other than 0, the run has failed. */
  readonly errors: number;
}

/** Whose figures, and what they are divided by. */
export type Comparison = readonly [ours: string, other: string];

/** All turns of one workload. */
export interface Result {
  readonly workload: {
    readonly name: string;
    readonly title: string;
    readonly unit: string;
    /** What a reader has to know of the figures. */
    readonly note?: string;
  };
  /** Each openclaw's by each other one's where it is absent. */
  readonly comparisons?: readonly Comparison[];
  /** By the name of the proxy, round by round. */
  readonly turns: Record<string, Turn[]>;
  /** Why a proxy has no turn, or no more, by its name. */
  readonly failures: Record<string, string>;
}

/** The middle value; of an even number of values, the mean of the middle two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median and extent over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * One proxy against another, round by round: what disturbs a round disturbs both alike. Rounds in
 * which either has no value are left out.
 */
export function ratioSpread(
  ours: readonly Turn[],
  theirs: readonly Turn[],
  metric: Metric,
): Spread | undefined {
  const ratios = ours.flatMap((turn, round) => {
    const mine = turn.values[metric];
    const other = theirs[round]?.values[metric];
    return mine === undefined || !other ? [] : [mine / other];
  });
  return ratios.length === 0 ? undefined : spreadOf(ratios);
}

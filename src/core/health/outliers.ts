/** What one server did since the last comparison. */
export interface Sample {
  readonly attempts: number;
  readonly failures: number;
  /** Sum of the times to first byte. */
  readonly firstByteUs: number;
  readonly firstBytes: number;
  /** Answers that took `latencyMinMs` or longer. */
  readonly long: number;
}

export interface OutlierSettings {
  /** A server with fewer attempts is not judged, nor compared with. */
  readonly requestsMin: number;
  /** Share of failed attempts that makes an outlier. */
  readonly errorPercent: number;
  /** How many times the median latency of the others makes an outlier; 0: latency is not judged. */
  readonly latencyFactor: number;
  /** A server that answers in less is not slow, whatever the factor. */
  readonly latencyMinMs: number;
}

export interface Outlier {
  /** Index of the sample. */
  readonly index: number;
  /** For the log: what is wrong, with the figures. */
  readonly cause: string;
}

/** More slow answers than usual, by so many standard deviations and so many more, are no chance. */
const DEVIATIONS_MIN = 5;
const LONG_MIN = 10;
const UNSEEN = 3;

/** The servers that stand out, the worst first. */
export function findOutliers(samples: readonly Sample[], settings: OutlierSettings): Outlier[] {
  const found: (Outlier & { badness: number })[] = [];
  const judged = samples.map((sample) => sample.attempts >= settings.requestsMin);
  samples.forEach((sample, index) => {
    if (!judged[index]) return;
    const others = samples.filter((_, at) => at !== index && judged[at]);
    if (others.length === 0) return;
    const percent = errorPercent(sample);
    const usual = median(others.map(errorPercent));
    if (percent >= settings.errorPercent && percent > usual) {
      const cause = `${Math.round(percent)}% of its requests failed`;
      found.push({ index, cause, badness: 1000 + percent });
      return;
    }
    const ms = latencyMs(sample);
    const usualMs = median(others.map(latencyMs));
    const isSlow =
      settings.latencyFactor > 0 &&
      ms > usualMs * settings.latencyFactor &&
      ms >= settings.latencyMinMs &&
      isOftenSlow(sample, others);
    if (isSlow) {
      const cause = `it took ${ms.toFixed(0)} ms to respond, the others ${usualMs.toFixed(0)} ms`;
      found.push({ index, cause, badness: Math.min(ms / usualMs, 1000) });
    }
  });
  return found.sort((one, other) => other.badness - one.badness);
}

/**
 * Whether so many of its answers are slow that it is no chance. A few very slow ones, of requests
 * that are as slow anywhere (reports, long polls), raise an average as well.
 */
function isOftenSlow(sample: Sample, others: readonly Sample[]): boolean {
  let long = 0;
  let answers = 0;
  for (const other of others) {
    long += other.long;
    answers += other.attempts;
  }
  // Of few answers it is not known that none would be slow.
  const share = Math.min(1, (long + UNSEEN) / (answers + UNSEEN));
  const usual = sample.attempts * share;
  const deviation = Math.sqrt(usual * (1 - share));
  return sample.long > usual + DEVIATIONS_MIN * deviation + LONG_MIN;
}

function errorPercent(sample: Sample): number {
  return Math.min(100, (100 * sample.failures) / sample.attempts);
}

function latencyMs(sample: Sample): number {
  return sample.firstBytes === 0 ? 0 : sample.firstByteUs / sample.firstBytes / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Sees that a server has turned slow while its first answers are still awaited: by the time that
 * they come every client of a busy pool would wait there.
 *
 * An answer within `latencyMinMs` is prompt. Where a server has answered nothing promptly for a
 * while, and requests enough wait there or waited long, it is late. How many are enough follows
 * from how often answers of this pool are slow anyhow: so many slow ones in a row must not come by
 * chance. What usually waits there (long polls, uploads being stored) is taken off, and none is
 * late while the others are: then it is the requests, or something behind all of them.
 */

/** What is known of one server, all but the last counted since its row was made. */
export interface Awaited {
  /** Requests sent whole, whose answer was awaited from then on. */
  readonly awaited: number;
  /** Those of them that are awaited no more: answered, failed, or left by their client. */
  readonly over: number;
  /** Those of the latter that had been awaited for `latencyMinMs` or longer. */
  readonly long: number;
  readonly firstByteUs: number;
  readonly firstBytes: number;
  /** Whether it may be given requests. */
  readonly isUsable: boolean;
}

export interface LatenessSettings {
  readonly latencyMinMs: number;
  /** How many times as long as usual is late. */
  readonly latencyFactor: number;
}

/** Fewer waiting requests are no sign. */
const WAITING_MIN = 4;
/** So unlikely must it be that the requests are slow by chance. */
const CHANCE = 1e-7;
/** Where more of the answers are slow than this, waiting says nothing. */
const LONG_SHARE_MAX = 0.5;
/** A server that has answered less than this is not judged, nor compared with. */
const ANSWERS_MIN = 20;
/** Answers, and turns, over which what is usual is averaged. */
const USUAL_ANSWERS = 200;
const USUAL_TURNS = 200;
/** The others' last prompt answer may be so much older than that of the one that is late. */
const SAME_TIME_MS = 100;
/** After a longer pause between turns we were the ones who were late. */
const PAUSE_MS = 250;

/** The servers of one pool. Times are given, turns come a few times a second or more often. */
export class Lateness {
  #servers: Watched[] = [];
  #turnedMs = 0;

  /**
   * @param samples one a server, always in the same order
   * @returns the servers that are late, with the reason
   */
  turn(
    samples: readonly Awaited[],
    settings: LatenessSettings,
    nowMs: number,
  ): { index: number; cause: string }[] {
    const servers = this.#servers;
    while (servers.length < samples.length) servers.push(new Watched(samples[servers.length]!));
    const hasPaused = nowMs - this.#turnedMs > PAUSE_MS;
    this.#turnedMs = nowMs;
    for (const [index, sample] of samples.entries()) {
      servers[index]!.take(sample, hasPaused, nowMs);
    }
    const late: { index: number; cause: string }[] = [];
    for (const [index, server] of servers.entries()) {
      if (!server.isJudged || server.promptMs === nowMs) continue;
      const others = servers.filter((one) => one !== server && one.isJudged);
      if (others.length === 0) continue;
      const usualMs = Math.max(server.usualMs, medianOf(others.map((one) => one.usualMs)));
      const lateMs = Math.max(settings.latencyMinMs, settings.latencyFactor * usualMs);
      const longShare = Math.max(server.longShare, ...others.map((one) => one.longShare));
      if (!server.isLate(requestsFor(longShare), lateMs, nowMs)) continue;
      const fine = others.filter(
        (one) =>
          one.promptMs >= server.promptMs - SAME_TIME_MS && !one.isLate(1, lateMs / 2, nowMs),
      );
      if (fine.length * 2 <= others.length) continue;
      const usualText = medianOf(fine.map((one) => one.usualMs)).toFixed(0);
      const cause = `${server.waiting} requests in a row had no answer within ${Math.round(lateMs)} ms, the others answer in ${usualText} ms`;
      late.push({ index, cause });
    }
    return late;
  }

  /** Other servers, or another order: what was known of the servers counts no more. */
  reset(): void {
    this.#servers = [];
  }
}

class Watched {
  /** When it answered promptly last. */
  promptMs = -Infinity;
  /** Usual time to first byte. */
  usualMs = 0;
  /** The same of turns without a slow answer. */
  #promptUsualMs = 0;
  /** Share of its answers that were slow. */
  longShare = 0;
  #last: Awaited;
  #answers = 0;
  /** Requests awaited on average. */
  #usualAwaited = 0;
  /** As many of those that wait are what usually waits. */
  #expected = 0;
  /** Requests that were sent before are not looked at. */
  #from: number;
  /** Since when `#from` is exceeded by how much: the time at which it was exceeded by the nth. */
  readonly #sinceMs: number[] = [];

  constructor(sample: Awaited) {
    this.#last = sample;
    this.#from = sample.awaited;
  }

  get isJudged(): boolean {
    return this.#last.isUsable && this.#answers >= ANSWERS_MIN;
  }

  /** Requests without a prompt answer since the last one that had one. */
  get waiting(): number {
    return Math.max(0, this.#last.awaited - this.#from - this.#expected);
  }

  take(sample: Awaited, hasPaused: boolean, nowMs: number): void {
    const before = this.#last;
    this.#last = sample;
    const over = sample.over - before.over;
    const long = sample.long - before.long;
    this.#answers += over;
    const of = Math.min(this.#answers, USUAL_ANSWERS);
    if (over > 0) this.longShare += (long / over - this.longShare) * weightOf(over, of);
    const bytes = sample.firstBytes - before.firstBytes;
    if (bytes > 0) {
      const ms = (sample.firstByteUs - before.firstByteUs) / bytes / 1000;
      const weight = weightOf(bytes, of);
      this.usualMs += (ms - this.usualMs) * weight;
      if (long === 0) this.#promptUsualMs += (ms - this.#promptUsualMs) * weight;
    }
    this.#usualAwaited +=
      (sample.awaited - sample.over - this.#usualAwaited) * weightOf(1, USUAL_TURNS);
    if (!sample.isUsable) this.#begin(sample.awaited, nowMs);
    else if (over > long) this.#begin(sample.over, nowMs);
    else if (hasPaused) this.#sinceMs.length = 0;
    const { waiting } = this;
    while (this.#sinceMs.length < Math.min(waiting, WAITING_TOLD_MAX)) this.#sinceMs.push(nowMs);
  }

  /** Whether so many requests have waited for so long. */
  isLate(requests: number, ms: number, nowMs: number): boolean {
    const sinceMs = this.#sinceMs[requests - 1];
    return sinceMs !== undefined && nowMs - sinceMs >= ms;
  }

  #begin(from: number, nowMs: number): void {
    this.promptMs = nowMs;
    this.#from = from;
    this.#expected = Math.floor(2 * this.#usualAwaited * this.#longTimeShare);
    this.#sinceMs.length = 0;
  }

  /** Share that slow answers have of all the time that answers are awaited here. */
  get #longTimeShare(): number {
    if (this.usualMs === 0) return 0;
    const promptMs = (1 - this.longShare) * this.#promptUsualMs;
    return Math.max(0, 1 - promptMs / this.usualMs);
  }
}

/** No more than this are ever enough: see `requestsFor` and LONG_SHARE_MAX. */
const WAITING_TOLD_MAX = 32;

/** How many slow answers in a row do not come by chance, where such a share of all is slow. */
function requestsFor(longShare: number): number {
  if (longShare > LONG_SHARE_MAX) return Infinity;
  if (longShare <= 0) return WAITING_MIN;
  return Math.max(WAITING_MIN, Math.ceil(Math.log(CHANCE) / Math.log(longShare)));
}

/** What `count` new values weigh in an average over `of`. */
function weightOf(count: number, of: number): number {
  return 1 - (1 - 1 / Math.max(1, of)) ** count;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[sorted.length >> 1]!;
}

/**
 * Sees that a server has turned slow while its first answers are still awaited: by the time that
 * they come every client of a busy pool would wait there.
 *
 * An answer within `latencyMinMs` is prompt. Where a server has answered nothing promptly for a
 * while of what was sent since its last prompt answer was, it is late if that is no chance: so many
 * slow requests in a row must be unlikely with the share that is slow anyhow in this pool, and with
 * the share that was slow at the others in the same time. What was sent before and still waits
 * (long polls) is no sign, and none is late while the others are: then it is the requests, or
 * something behind all of them.
 */

/** What is known of one server, all but the last counted since its row was made. */
export interface Awaited {
  /** Requests sent whole, whose answer was awaited from then on. */
  readonly awaited: number;
  /** Those of them that are awaited no more: answered, failed, or left by their client. */
  readonly over: number;
  /** Those of the latter that had been awaited for `latencyMinMs` or longer. */
  readonly long: number;
  /** Requests until and with the last of each worker that was over sooner. */
  readonly untilPrompt: number;
  readonly firstByteUs: number;
  readonly firstBytes: number;
  /** Whether it may be given requests. */
  readonly isUsable: boolean;
}

export interface LatenessSettings {
  readonly latencyMinMs: number;
  /** How many times as long as usual is late. */
  readonly latencyFactor: number;
  /** Among which requests are spread: each has a row of its own. */
  readonly workers: number;
}

/** Fewer waiting requests are no sign. */
const WAITING_MIN = 4;
/** So unlikely must it be that the requests are slow by chance. */
const CHANCE = 1e-7;
/** The same where it is only known what the others did meanwhile. */
const CHANCE_MEANWHILE = 1e-3;
/** Where more of the answers are slow than this, waiting says nothing. */
const LONG_SHARE_MAX = 0.5;
/** A server that has answered less than this is not judged, nor compared with. */
const ANSWERS_MIN = 20;
/** Answers over which what is usual is averaged. */
const USUAL_ANSWERS = 200;
/** The others' last prompt answer may be so much older than that of the one that is late. */
const SAME_TIME_MS = 100;
/** What the others did lately is looked at for so long, or up to twice as long. */
const RECENT_MS = 2_000;
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
      servers[index]!.take(sample, hasPaused, settings.latencyMinMs, nowMs);
    }
    const all = sumOf(servers.map((server) => server.tally));
    for (const server of servers) {
      if (server.promptMs === nowMs) server.others = less(all, server.tally);
    }
    const late: { index: number; cause: string }[] = [];
    for (const [index, server] of servers.entries()) {
      if (!server.isJudged || server.promptMs === nowMs || server.waiting < WAITING_MIN) continue;
      const others = servers.filter((one) => one !== server && one.isJudged);
      if (others.length === 0) continue;
      const usualMs = Math.max(server.usualMs, medianOf(others.map((one) => one.usualMs)));
      const lateMs = Math.max(settings.latencyMinMs, settings.latencyFactor * usualMs);
      const meanwhile = less(less(all, server.tally), server.others);
      const longMeanwhile = meanwhile.long + Math.max(0, meanwhile.overdue);
      const answers = meanwhile.prompt + longMeanwhile;
      const longShare = Math.max(
        longMeanwhile / Math.max(1, answers),
        shareOf(sumOf(others.map((one) => one.recent))),
        server.longShare,
        ...others.map((one) => one.longShare),
      );
      const requests = Math.max(
        requestsFor(longShare, settings.workers, CHANCE),
        requestsFor((longMeanwhile + 1) / (answers + 1), settings.workers, CHANCE_MEANWHILE),
      );
      if (!server.isLate(requests, lateMs, nowMs)) continue;
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

/** Counts of answers; overdue ones are still awaited. */
interface Tally {
  readonly prompt: number;
  readonly long: number;
  readonly overdue: number;
}

const NOTHING: Tally = { prompt: 0, long: 0, overdue: 0 };

class Watched {
  /** When it answered promptly last. */
  promptMs = -Infinity;
  /** What the other servers had done by then. */
  others = NOTHING;
  /** Usual time to first byte, where it is prompt. */
  usualMs = 0;
  /** Share of its answers that were slow. */
  #longShare = 0;
  /** How many were overdue when it answered promptly last. */
  #overdueThen = 0;
  #last: Awaited;
  #answers = 0;
  /** Requests without a prompt answer that are not looked at. */
  #ignored: number;
  /** When there was the nth request without a prompt answer since the last that had one. */
  readonly #sinceMs: number[] = [];
  /** The fewest that were awaited at a time, in this span of `latencyMinMs` and in the one before. */
  #fewest = Infinity;
  #fewestBefore = 0;
  #spanMs = 0;
  #earlier = NOTHING;
  #evenEarlier = NOTHING;
  #earlierMs = 0;

  constructor(sample: Awaited) {
    this.#last = sample;
    this.#ignored = unprompt(sample);
  }

  get isJudged(): boolean {
    return this.#last.isUsable && this.#answers >= ANSWERS_MIN;
  }

  /** Requests without a prompt answer that were sent after the last one that had one. */
  get waiting(): number {
    return unprompt(this.#last) - this.#ignored;
  }

  get tally(): Tally {
    const { over, long } = this.#last;
    return { prompt: over - long, long, overdue: this.#fewestBefore };
  }

  /** What it did in the last seconds. */
  get recent(): Tally {
    return less(this.tally, this.#evenEarlier);
  }

  /** Of its answers and of those that were overdue before it answered nothing more. */
  get longShare(): number {
    const answers = Math.min(this.#answers, USUAL_ANSWERS);
    return Math.max(this.#longShare, this.#overdueThen / Math.max(1, answers + this.#overdueThen));
  }

  take(sample: Awaited, hasPaused: boolean, longMs: number, nowMs: number): void {
    const before = this.#last;
    const waitingBefore = this.waiting;
    this.#last = sample;
    const over = sample.over - before.over;
    const long = sample.long - before.long;
    this.#answers += over;
    const of = Math.min(this.#answers, USUAL_ANSWERS);
    if (over > 0) this.#longShare += (long / over - this.#longShare) * weightOf(over, of);
    const bytes = sample.firstBytes - before.firstBytes;
    if (bytes > 0 && long === 0) {
      const ms = (sample.firstByteUs - before.firstByteUs) / bytes / 1000;
      this.usualMs += (ms - this.usualMs) * weightOf(bytes, of);
    }
    this.#fewest = Math.min(this.#fewest, sample.awaited - sample.over);
    if (nowMs - this.#spanMs >= longMs) {
      this.#fewestBefore = this.#fewest;
      this.#fewest = sample.awaited - sample.over;
      this.#spanMs = nowMs;
    }
    if (nowMs - this.#earlierMs >= RECENT_MS) {
      this.#evenEarlier = this.#earlier;
      this.#earlier = this.tally;
      this.#earlierMs = nowMs;
    }
    if (over > long) {
      this.promptMs = nowMs;
      this.#overdueThen = this.#fewestBefore;
    }
    if (sample.isUsable) this.#ignored = Math.min(this.#ignored, unprompt(sample));
    else this.#ignored = unprompt(sample);
    // A worker that had none since may have a row that is long over.
    if (over > long) {
      const isOver = unprompt(sample) - (sample.awaited - sample.over);
      this.#ignored = Math.max(this.#ignored, isOver);
    }
    // Those that are no longer in a row were the first of it, as far as can be told.
    const sent = sample.awaited - before.awaited;
    this.#sinceMs.splice(0, Math.max(0, waitingBefore + sent - this.waiting));
    if (hasPaused || !sample.isUsable) this.#sinceMs.length = 0;
    const told = Math.min(this.waiting, WAITING_TOLD_MAX);
    this.#sinceMs.length = Math.min(this.#sinceMs.length, told);
    while (this.#sinceMs.length < told) this.#sinceMs.push(nowMs);
  }

  /** Whether so many requests have waited for so long. */
  isLate(requests: number, ms: number, nowMs: number): boolean {
    const sinceMs = this.#sinceMs[requests - 1];
    return sinceMs !== undefined && nowMs - sinceMs >= ms;
  }
}

/** Requests of each worker since the last that had a prompt answer. */
function unprompt({ awaited, untilPrompt }: Awaited): number {
  return awaited - untilPrompt;
}

/** @returns share of the slow ones */
function shareOf({ prompt, long, overdue }: Tally): number {
  const slow = long + Math.max(0, overdue);
  return slow / Math.max(1, prompt + slow);
}

function sumOf(tallies: readonly Tally[]): Tally {
  let [prompt, long, overdue] = [0, 0, 0];
  for (const one of tallies) {
    prompt += one.prompt;
    long += one.long;
    overdue += one.overdue;
  }
  return { prompt, long, overdue };
}

function less(one: Tally, other: Tally): Tally {
  return {
    prompt: one.prompt - other.prompt,
    long: one.long - other.long,
    overdue: one.overdue - other.overdue,
  };
}

/** More are never asked for: where it would take more, waiting says nothing. */
const WAITING_TOLD_MAX = 64;

/**
 * How many slow answers in a row do not come by chance, where such a share of all is slow: each of
 * the workers has a row, and there are so many ways in which rows together are as long as that.
 */
function requestsFor(longShare: number, workers: number, chance: number): number {
  if (longShare > LONG_SHARE_MAX) return Infinity;
  let logOfChance = 0;
  for (let requests = 1; requests <= WAITING_TOLD_MAX; requests++) {
    logOfChance += Math.log(longShare) + Math.log((requests + workers - 1) / requests);
    if (logOfChance <= Math.log(chance) && requests >= WAITING_MIN) return requests;
  }
  return Infinity;
}

/** What `count` new values weigh in an average over `of`. */
function weightOf(count: number, of: number): number {
  return 1 - (1 - 1 / Math.max(1, of)) ** count;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[sorted.length >> 1]!;
}

import type { Channel } from './channels.ts';
import type { Notice } from './message.ts';

/** A notice is tried this often, over about a minute and a half in all. */
const TRIES_MAX = 6;
const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 30_000;
/** Notices that wait for one channel; the oldest is dropped for a new one. */
const WAITING_MAX = 100;

export interface ChannelStatus {
  readonly channel: string;
  readonly sent: number;
  /** Notices that were dropped: after all tries, or because too many waited. */
  readonly undelivered: number;
  readonly waiting: number;
  /** Why the last try failed; empty where it did not. */
  readonly error: string;
}

export interface DispatcherEvents {
  /** A try failed; `isLast` says that the notice is given up. */
  onFailure(channel: string, error: string, isLast: boolean): void;
}

/** Sends notices through all channels, each at its own pace, without anyone waiting for it. */
export class Dispatcher {
  readonly #lines: Line[];

  /** @param delay waits for so many milliseconds */
  constructor(
    channels: readonly Channel[],
    events: DispatcherEvents,
    delay: (ms: number) => Promise<void> = unhurried,
  ) {
    this.#lines = channels.map((channel) => new Line(channel, events, delay));
  }

  send(notice: Notice): void {
    for (const line of this.#lines) line.add(notice);
  }

  /** Tries each channel once, and says how it went. */
  async test(notice: Notice): Promise<{ channel: string; error: string }[]> {
    return await Promise.all(
      this.#lines.map(async ({ channel }) => {
        try {
          await channel.send(notice);
          return { channel: channel.name, error: '' };
        } catch (error) {
          return { channel: channel.name, error: (error as Error).message };
        }
      }),
    );
  }

  status(): ChannelStatus[] {
    return this.#lines.map((line) => line.status());
  }

  /** Sends nothing more. */
  close(): void {
    for (const line of this.#lines) line.close();
  }
}

/** What waits for one channel. */
class Line {
  readonly channel: Channel;
  readonly #events: DispatcherEvents;
  readonly #delay: (ms: number) => Promise<void>;
  readonly #waiting: Notice[] = [];
  #isRunning = false;
  #isClosed = false;
  #sent = 0;
  #undelivered = 0;
  #error = '';

  constructor(channel: Channel, events: DispatcherEvents, delay: (ms: number) => Promise<void>) {
    this.channel = channel;
    this.#events = events;
    this.#delay = delay;
  }

  add(notice: Notice): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#waiting.shift();
      this.#undelivered += 1;
    }
    this.#waiting.push(notice);
    if (!this.#isRunning) void this.#run();
  }

  status(): ChannelStatus {
    return {
      channel: this.channel.name,
      sent: this.#sent,
      undelivered: this.#undelivered,
      waiting: this.#waiting.length,
      error: this.#error,
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0 && !this.#isClosed) await this.#deliver(this.#waiting.shift()!);
    this.#isRunning = false;
  }

  async #deliver(notice: Notice): Promise<void> {
    let backoffMs = BACKOFF_MS_MIN;
    for (let tries = 1; !this.#isClosed; tries++) {
      try {
        await this.channel.send(notice);
        this.#sent += 1;
        this.#error = '';
        return;
      } catch (error) {
        this.#error = (error as Error).message;
        const isLast = tries >= TRIES_MAX;
        this.#events.onFailure(this.channel.name, this.#error, isLast);
        if (isLast) {
          this.#undelivered += 1;
          return;
        }
      }
      await this.#delay(backoffMs);
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
    }
  }
}

function unhurried(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

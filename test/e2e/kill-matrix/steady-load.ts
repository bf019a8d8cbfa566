import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What came of the requests of a while. */
export interface Tally {
  requests: number;
  /** No answer, or one that is not 200. */
  failed: number;
  /** Answers that had begun and broke off. */
  brokenOff: number;
  slowestMs: number;
  /** What went wrong, with how often it did. */
  causes: Record<string, number>;
}

const PAUSE_MS = 4;

/** GETs without end: each client asks, waits for the answer, pauses a little, and asks again. */
export class SteadyLoad {
  readonly #url: string;
  readonly #agent: http.Agent;
  #tally = newTally();
  #isOver = false;
  #clients: Promise<void>[];

  constructor(url: string, clients: number) {
    this.#url = url;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: clients });
    this.#clients = Array.from({ length: clients }, () => this.#client());
  }

  /** What came of the requests since the last call. */
  take(): Tally {
    const tally = this.#tally;
    this.#tally = newTally();
    return tally;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
  }

  async #client(): Promise<void> {
    while (!this.#isOver) {
      const startedMs = performance.now();
      const cause = await this.#get();
      const tally = this.#tally;
      tally.requests += 1;
      tally.slowestMs = Math.max(tally.slowestMs, Math.round(performance.now() - startedMs));
      if (cause === BROKEN_OFF) tally.brokenOff += 1;
      else if (cause !== '') tally.failed += 1;
      if (cause !== '') tally.causes[cause] = (tally.causes[cause] ?? 0) + 1;
      await sleep(PAUSE_MS);
    }
  }

  /** @returns what went wrong; empty where nothing did */
  #get(): Promise<string> {
    return new Promise((resolve) => {
      const request = http.get(this.#url, { agent: this.#agent }, (response) => {
        let body = '';
        response.setEncoding('latin1');
        response.on('data', (piece: string) => {
          body += piece;
        });
        response.once('error', () => resolve(BROKEN_OFF));
        response.once('end', () => {
          resolve(
            response.statusCode === 200 ? '' : `${response.statusCode} ${body.split('\n')[1]}`,
          );
        });
      });
      request.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  }
}

const BROKEN_OFF = 'broken off';

function newTally(): Tally {
  return { requests: 0, failed: 0, brokenOff: 0, slowestMs: 0, causes: {} };
}

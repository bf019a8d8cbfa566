/** What openclaw's own observability costs: one binary, with all of it off, on, and every request logged. */
import { get } from 'node:http';
import { variant } from '../peers/openclaw.ts';
import { runWrk, small } from './http.ts';
import { measureLoad, type Target, type Workload } from './workload.ts';

/** More often than any scraper asks. */
const SCRAPE_EVERY_MS = 1_000;

const ALL_ON = `
    tracing: {enabled: true}
    metrics:
      interval: 1s
      endpoints: [prometheus, statsd]
    alerts:
      thresholds: {high_traffic: 1000000, high_error_rate: 50, high_latency: 1m}
      channels: [{type: webhook, url: "http://127.0.0.1:9/"}]`;

/** The log's rotation goes on meanwhile: a turn writes some hundred thousand lines. */
const off = variant('all off', { log: 'log: {access: "off"}\n' });
const on = variant('all on', { monitoring: ALL_ON });
const accessAll = variant('access all', { monitoring: ALL_ON, log: 'log: {access: all}\n' });

const ASK = { path: '/small', connections: 64 };

export const observe: Workload = {
  ...small,
  name: 'observe',
  title: 'as small, openclaw against itself: all off, all on, and with an access log of all',
  contest: () => ({
    peers: [off, on, accessAll],
    comparisons: [
      [on.name, off.name],
      [accessAll.name, off.name],
    ],
  }),
  turn: (target) => measureLoad(target, () => whileScraped(target, () => runWrk(target, ASK))),
};

async function whileScraped<T>(target: Target, load: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => scrape(target.adminPort), SCRAPE_EVERY_MS);
  return await load().finally(() => clearInterval(timer));
}

/** With metrics off the answer is 404, and that is cheap too. */
function scrape(port: number): void {
  get({ host: '127.0.0.1', port, path: '/metrics', agent: false }, (response) =>
    response.resume(),
  ).on('error', () => {});
}

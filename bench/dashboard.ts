/**
 * Whether the dashboard drops frames in a real browser: a hundred servers with traffic, an hour of
 * history, an update a second: node bench/dashboard.ts [SECONDS] [SERVERS]
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { launch } from '../test/e2e/chromium.ts';
import { Openclaw } from '../test/e2e/harness.ts';

const [seconds = 20, servers = 100] = process.argv.slice(2).map(Number);
const REQUESTS_PER_SECOND = 200;
const SETTLE_MS = 3000;
/** At 60 a second one frame takes 16.7 ms: beyond the first bound one was late, beyond the second one was dropped. */
const LATE_MS = 20;
const DROPPED_MS = 34;

/** Answers after 0 to 20 ms, now and then with 503: every cell of the table has something to do. */
async function startServer(): Promise<Server> {
  const server = createServer((_, response) => {
    const status = Math.random() < 0.02 ? 503 : 200;
    setTimeout(() => response.writeHead(status).end('x'), Math.random() * 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** The page has been open for a while: it knows the whole last hour. */
async function fillHistory(page: Page): Promise<void> {
  const columns = 9;
  const nowMs = Date.now() - 1000;
  const samples = Array.from({ length: columns }, (_, column) =>
    Array.from({ length: 3600 }, (_, at) =>
      column === 0 ? nowMs - (3600 - at) * 1000 : Math.random() * 100,
    ),
  );
  await page.route('**/history?since=0', (route) => route.fulfill({ json: { samples } }));
}

/** In the page: gaps between frames and long tasks, for so many seconds. */
const MEASURE = `new Promise((done) => {
  const gaps = [];
  const tasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) tasks.push(duration);
  }).observe({ type: 'longtask' });
  performance.clearResourceTimings();
  let last = performance.now();
  const endMs = last + ${seconds * 1000};
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    if (now < endMs) return requestAnimationFrame(step);
    const updates = performance.getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('/status')).length;
    done({ gaps: gaps.slice(1), tasks, updates });
  };
  requestAnimationFrame(step);
})`;

const list = await Promise.all(Array.from({ length: servers }, startServer));
const openclaw = await Openclaw.start(
  {
    servers: list.map((server, at) => ({
      address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      name: `server-${at}`,
    })),
    security: { waf: { enabled: true } },
  },
  { workers: 2 },
);
const traffic = setInterval(() => {
  const answer = fetch(openclaw.url).then((response) => response.text());
  answer.catch(() => {});
}, 1000 / REQUESTS_PER_SECOND);
const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await fillHistory(page);
  await page.goto(`http://127.0.0.1:${openclaw.adminPort}/`);
  await page
    .locator('#server-rows tr')
    .nth(servers - 1)
    .waitFor();
  await page.waitForTimeout(SETTLE_MS);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const processorMs = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value * 1000;
  };
  const beforeMs = await processorMs();
  const { gaps, tasks, updates } = await page.evaluate<{
    gaps: number[];
    tasks: number[];
    updates: number;
  }>(MEASURE);
  const spentMs = (await processorMs()) - beforeMs;
  const over = (ms: number) => gaps.filter((gap) => gap > ms).length;
  const rows: [string, string | number][] = [
    ['servers', servers],
    ['updates', updates],
    ['frames', gaps.length],
    [`frames after more than ${LATE_MS} ms`, over(LATE_MS)],
    [`frames after more than ${DROPPED_MS} ms`, over(DROPPED_MS)],
    ['longest gap', `${Math.max(...gaps).toFixed(1)} ms`],
    ['tasks over 50 ms', tasks.length === 0 ? 0 : tasks.map((ms) => `${Math.round(ms)} ms`).join()],
    ['processor time of the page', `${((spentMs / seconds / 1000) * 100).toFixed(1)}% of a core`],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(32)}${value}`);
} finally {
  clearInterval(traffic);
  await browser.close();
  await openclaw.stop();
  for (const server of list) {
    server.close();
    server.closeAllConnections();
  }
}

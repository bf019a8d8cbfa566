/** The dashboard in a real browser, before a real openclaw. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type Demo, startDemo } from '../../src/cli/demo.ts';
import { launch, noBrowser } from './chromium.ts';
import { Openclaw, until } from './harness.ts';

describe('dashboard', { skip: noBrowser }, () => {
  let browser: Browser;
  let openclaw: Openclaw;
  let demo: Demo;
  const problems: string[] = [];

  before(async () => {
    demo = await startDemo();
    const channel = { type: 'webhook', url: `http://${demo.addresses[0]}/` };
    openclaw = await Openclaw.start({
      servers: demo.addresses.map((address, at) => ({ address, name: `server-${at}` })),
      security: { waf: { enabled: true } },
      monitoring: {
        alerts: { thresholds: { high_traffic: 1 }, window: '1s', channels: [channel] },
      },
    });
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    try {
      await openclaw?.stop();
    } finally {
      demo?.close();
    }
  });

  const url = () => `http://127.0.0.1:${openclaw.adminPort}/`;

  async function open(options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
    const page = await browser.newPage({ locale: 'en-US', ...options });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    await page.goto(url());
    await page.getByRole('row', { name: /server-0/ }).waitFor();
    return page;
  }

  test('it shows the traffic that flows, and its alert', async () => {
    const page = await open();
    let isOver = false;
    const traffic = (async () => {
      while (!isOver) await (await fetch(openclaw.url)).text();
    })();
    const requests = page.locator('#tile-requests');
    await until('a rate in its tile', async () =>
      /^[1-9]/.test((await requests.textContent()) ?? ''),
    );
    await page.getByText('high_traffic').waitFor();
    const chart = page.getByRole('img', { name: /^Requests\/s: now [1-9]/ });
    await chart.waitFor();
    const share = page.getByRole('row', { name: /server-1/ }).locator('.share');
    await until('a share', async () => /[1-9]\d*%/.test((await share.textContent()) ?? ''));
    isOver = true;
    await traffic;
    await page.close();
  });

  test('it shows what the firewall blocked, and by which rule', async () => {
    const page = await open();
    assert.equal((await fetch(`${openclaw.url}/?q=1'+or+1=1--+`)).status, 403);
    const row = page.getByRole('table', { name: 'Suspected attacks' }).getByRole('row');
    await row.filter({ hasText: 'sql-condition' }).filter({ hasText: 'Blocked' }).waitFor();
    const card = page.locator('.card').filter({ hasText: 'Firewall' });
    await until('the count', async () => /Blocked\s*1/.test((await card.textContent()) ?? ''));
    await page.close();
  });

  test('a click drains a server, disables it, and takes it back', async () => {
    const page = await open();
    const row = page.getByRole('row', { name: /server-0/ });
    const adminOf = async () => (await openclaw.status()).pools[0]!.servers[0]!.admin;
    await row.getByRole('button', { name: 'Drain server-0' }).click();
    await row.locator('.state.draining').waitFor();
    assert.equal(await adminOf(), 'draining');
    await row.getByRole('button', { name: 'Disable server-0' }).click();
    await row.locator('.state.maintenance').waitFor();
    assert.equal(await adminOf(), 'maintenance');
    await row.getByRole('button', { name: 'Enable server-0' }).click();
    await until('server-0 is active', async () => (await adminOf()) === 'active');
    await page.close();
  });

  test('a server is drained with the keyboard alone', async () => {
    const page = await open();
    const drain = page.getByRole('button', { name: 'Drain server-1' });
    await drain.focus();
    await page.keyboard.press('Enter');
    await page
      .getByRole('row', { name: /server-1/ })
      .locator('.state.draining')
      .waitFor();
    await page.getByRole('button', { name: 'Enable server-1' }).press('Space');
    await page
      .getByRole('row', { name: /server-1/ })
      .locator('.state.draining')
      .waitFor({ state: 'detached' });
    await page.close();
  });

  test('the last hour is there at once on load', async () => {
    const page = await open();
    await page.locator('canvas').first().waitFor();
    const columns = await page.evaluate<number[]>(
      'fetch("history").then((a) => a.json()).then(({ samples }) => samples.map((one) => one.length))',
    );
    assert.ok(columns[0]! > 0);
    assert.equal(new Set(columns).size, 1);
    await page.close();
  });

  test('it speaks Chinese, remembers theme and language, and fits a telephone', async () => {
    const context = await browser.newContext({
      locale: 'zh-CN',
      viewport: { width: 390, height: 844 },
    });
    const page = await context.newPage();
    await page.goto(url());
    await page.getByRole('heading', { name: '服务器', exact: true }).waitFor();
    await page.locator('#theme').click();
    await page.locator('#language').click();
    await page.reload();
    await page.getByRole('heading', { name: 'Servers' }).waitFor();
    assert.equal(await page.evaluate('document.documentElement.dataset.theme'), 'dark');
    const excess = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    assert.equal(await page.evaluate(excess), 0, 'nothing stands out to the right');
    await context.close();
  });

  test('nothing went wrong in the page', () => {
    assert.deepEqual(problems, []);
  });
});

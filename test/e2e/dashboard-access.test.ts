/** The dashboard for everybody: rules of accessibility, the login, and a hundred servers. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { axeScript, launch, noBrowser } from './chromium.ts';
import { Openclaw, until } from './harness.ts';

const TOKEN = 'a-token-of-some-length';
const SERVERS = 100;
/** WCAG 2.2 up to AA, and what axe's makers hold to be good practice. */
const AXE = `axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'],
  // Of what passes, axe need not describe every element.
  resultTypes: ['violations'],
})
  .then(({ violations }) => violations.map(({ id, help, nodes }) =>
    id + ': ' + help + ': ' + nodes.map(({ html }) => html).join(' ')))`;

describe('dashboard', { skip: noBrowser }, () => {
  /** Answers every other request with 500. */
  const server = createServer((_, response) => {
    count += 1;
    response.writeHead(count % 2 === 0 ? 200 : 500).end('x');
  });
  let count = 0;
  let browser: Browser;
  let openclaw: Openclaw;

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    openclaw = await Openclaw.start(
      {
        // One that answers, and many that are there to be shown.
        servers: Array.from({ length: SERVERS }, (_, at) => ({
          address: at === 0 ? `127.0.0.1:${port}` : `127.0.0.1:${at}`,
          name: `server-${at}`,
          backup: at !== 0,
        })),
        monitoring: {
          alerts: {
            window: '1s',
            cooldown: '0s',
            thresholds: { high_traffic: 1 },
            channels: [{ type: 'webhook', url: 'http://127.0.0.1:9/' }],
          },
        },
      },
      { token: TOKEN },
    );
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    server.close();
    server.closeAllConnections();
    await openclaw?.stop();
  });

  async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    // Scripts of the test itself are not the page's.
    const context = await browser.newContext({ locale: 'en-US', bypassCSP: true, ...options });
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${openclaw.adminPort}/`);
    return page;
  }

  async function logIn(page: Page, token = TOKEN): Promise<void> {
    await page.locator('#token').fill(token);
    await page.locator('#token').press('Enter');
  }

  function rowOf(page: Page, server: number) {
    return page
      .locator('#server-rows tr')
      .filter({ has: page.getByText(`server-${server}`, { exact: true }) });
  }

  async function violations(page: Page): Promise<string[]> {
    const isThere = await page.evaluate<boolean>("'axe' in window");
    if (!isThere) await page.addScriptTag({ path: axeScript()! });
    return await page.evaluate<string[]>(AXE);
  }

  test('nothing is shown without the token; a wrong one says so, the right one opens', async () => {
    const page = await open();
    const dialog = page.getByRole('dialog', { name: 'Log in' });
    await dialog.waitFor();
    assert.equal(await rowOf(page, 0).count(), 0);
    await page.keyboard.press('Escape');
    assert.ok(await dialog.isVisible(), 'Escape leaves it open');
    await logIn(page, 'not-the-token-at-all');
    await page.getByRole('alert').filter({ hasText: 'This is not the token.' }).waitFor();
    await logIn(page);
    await rowOf(page, 0).waitFor();
    assert.equal(await dialog.isVisible(), false);
    assert.equal(page.url().includes(TOKEN), false, 'the token is in no address');

    await page.reload();
    await rowOf(page, 0).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await dialog.waitFor();
    await page.context().close();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const locale of ['en-US', 'zh-CN']) {
      test(`axe finds nothing: ${colorScheme}, ${locale}`, async (context) => {
        if (axeScript() === null) return context.skip('axe-core is not installed: npm ci');
        const page = await open({ colorScheme, locale, viewport: { width: 1280, height: 900 } });
        await page.locator('#login').waitFor();
        assert.deepEqual(await violations(page), [], 'the login');
        await logIn(page);
        await rowOf(page, 0).waitFor();
        // With an alert, with errors, and with the configuration open.
        const isShown = async () => {
          await Promise.all([1, 2, 3, 4].map(() => fetch(openclaw.url)));
          return (
            (await page.locator('#alert-list li').count()) > 0 &&
            (await page.locator('#error-rows tr').count()) > 0
          );
        };
        await until('an alert and an error', isShown);
        await page.locator('#config summary').click();
        await until('the configuration', async () =>
          (await page.locator('#config-text').textContent())!.includes('load_balancing'),
        );
        assert.deepEqual(await violations(page), [], 'the page');
        await page.setViewportSize({ width: 390, height: 844 });
        assert.deepEqual(await violations(page), [], 'on a telephone');
        await page.context().close();
      });
    }
  }

  test('with a hundred servers an update takes a fraction of a frame in scripts, and no row is made anew', async () => {
    const page = await open();
    await logIn(page);
    await rowOf(page, SERVERS - 1).waitFor();
    await page.evaluate(`
      window.made = 0;
      new MutationObserver((all) => {
        for (const { addedNodes } of all)
          for (const node of addedNodes) if (node.nodeType === 1) window.made += 1;
      }).observe(document.querySelector('#server-rows'), { childList: true, subtree: true });
    `);
    const session = await page.context().newCDPSession(page);
    // Of the thread's own processor time: what others do on the machine does not count.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const scriptMs = async () => {
      const { metrics } = await session.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'ScriptDuration')!.value * 1000;
    };
    const updates = () =>
      page.evaluate<number>(
        "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/status')).length",
      );
    const before = { ms: await scriptMs(), updates: await updates() };
    await until('some updates', async () => (await updates()) >= before.updates + 4);
    const ms = ((await scriptMs()) - before.ms) / ((await updates()) - before.updates);
    assert.ok(ms < 1000 / 60, `${ms.toFixed(1)} ms of processor time for an update`);
    assert.equal(await page.evaluate('window.made'), 0);
    await page.context().close();
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AdminServer } from '../admin/admin-server.ts';
import type { Instance } from '../control/operate/instance.ts';
import { AdminClient } from './admin-client.ts';
import type { AdminOptions } from './admin-options.ts';
import type { Io } from './io.ts';

const CAUSE = 'CN is \x1b]0;owned\x07 \x9b2J';

/** Two instances whose configurations name one socket, which the first has. */
async function open(context: TestContext) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'openclaw-')));
  context.after(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, 'openclaw.sock');
  const asked: string[] = [];
  const start = async (name: string) => {
    const file = join(folder, `${name}.yml`);
    const handle = () => {
      asked.push(name);
      return { status: 200, body: { name, cause: CAUSE } };
    };
    const admin = new AdminServer({
      instance: {} as Instance,
      token: '',
      routes: [{ method: 'POST', path: '/act', help: '', handle }],
      configuration: () => file,
    });
    const port = await admin.listen({ host: '127.0.0.1', port: 0 });
    context.after(() => admin.close());
    const settings = { admin: { listen: `127.0.0.1:${port}`, socket } };
    writeFileSync(file, JSON.stringify(settings));
    return { admin, file, port };
  };
  const first = await start('first');
  await first.admin.listenUnix(socket);
  const second = await start('second');
  await assert.rejects(second.admin.listenUnix(socket), { code: 'EADDRINUSE' });
  const act = async (options: AdminOptions, env: Io['env'] = {}, cwd = '/') => {
    const io = { env: { HOME: folder, ...env }, cwd, now: () => new Date(0) } as unknown as Io;
    return AdminClient.find(io, options).post<{ cause: string }>('/act');
  };
  return { folder, socket, asked, first, second, act };
}

test('a command goes to the instance of its file, whoever has the default socket', async (context) => {
  const { folder, asked, first, second, act } = await open(context);
  const link = join(folder, 'openclaw.yml');
  symlinkSync(second.file, link);
  await act({ config: first.file });
  await act({ config: second.file });
  await act({ config: link });
  await act({}, { OPENCLAW_CONFIG: second.file });
  await act({}, {}, folder);
  assert.deepEqual(asked, ['first', 'second', 'second', 'second', 'second']);
});

test('where only another instance answers nothing is done, and the error says how to reach it', async (context) => {
  const { folder, socket, asked, second, act } = await open(context);
  second.admin.close();
  const expected = { exitCode: 1, message: /openclaw\.sock runs .*first\.yml, not .*second\.yml/ };
  await assert.rejects(act({ config: second.file }), expected);
  await assert.rejects(act({}, { OPENCLAW_CONFIG: second.file }), expected);
  symlinkSync(second.file, join(folder, 'openclaw.yml'));
  await assert.rejects(act({}, {}, folder), {
    ...expected,
    help: /--config FILE or --admin ADDRESS/,
  });
  await assert.rejects(
    act({}, { OPENCLAW_CONFIG: join(folder, 'none.yml') }),
    /no configuration at/,
  );
  assert.deepEqual(asked, []);
  await act({ config: second.file, admin: socket });
  assert.deepEqual(asked, ['first'], '--admin means whoever answers there');
});

test('a socket that nobody listens on any more does not hide the TCP address', async (context) => {
  const { folder, asked, second, act } = await open(context);
  const settings = {
    admin: { listen: `127.0.0.1:${second.port}`, socket: join(folder, 'gone.sock') },
  };
  writeFileSync(settings.admin.socket, '');
  writeFileSync(second.file, JSON.stringify(settings));
  await act({ config: second.file });
  assert.deepEqual(asked, ['second']);
});

test('what servers and clients have said is printable, and as it is with --json', async (context) => {
  const { first, act } = await open(context);
  const { cause } = await act({ config: first.file });
  assert.equal(cause, 'CN is �]0;owned� �2J');
  assert.equal((await act({ config: first.file, json: true })).cause, CAUSE);
});

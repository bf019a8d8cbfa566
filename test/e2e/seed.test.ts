/**
 * The commands of the document that asked for openclaw, typed into a shell as they stand there, long
 * dashes and curled quotes included, with its own configuration and a running instance. Its servers
 * alone have other addresses, so that nothing leaves this machine.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import type { InstanceStatus } from '../../src/control/operate/status.ts';
import { freePort, newFolder, okWith, ScriptedServer, until } from './harness.ts';
import { IO_UNDER_TEST } from './io-under-test.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const FIXTURES = join(ROOT, 'test/fixtures');
const COMMANDS = readFileSync(join(FIXTURES, 'seed-commands.txt'), 'utf8').trim().split('\n');

/** Node's own, of features that it calls experimental. */
const NODES_WARNING = /\(node:\d+\)|ExperimentalWarning/;

/** What is said, by how the command begins. Each ends with 0. */
const SAID: readonly (readonly [string, RegExp])[] = [
  ['openclaw config set', /openclaw\.yml (is written|already has this value)/],
  ['openclaw config export', /load_balancing is in lb-config\.yml/],
  ['openclaw config import', /openclaw\.yml (is written|already has this value)/],
  ['openclaw config validate', /openclaw\.yml: 0 errors/],
  ['openclaw config reload', /applied|nothing differs/],
  ['openclaw config get', /^strategy: "round_robin"$/m],
  ['openclaw lb backend status', /^127\.0\.0\.1:\d+ +up/m],
  ['openclaw lb status', /^servers +3 up/m],
  ['openclaw lb stats', /^SERVER/],
  ['openclaw lb backend test', /verdict +healthy/],
  ['openclaw logs', /started .*listeners=/],
];

const folder = newFolder();
const servers: ScriptedServer[] = [];
let type: (line: string) => Promise<{ code: number | null; text: string }>;
let instance: ReturnType<typeof spawn>;
/** What it wrote to standard error: warnings about the configuration. */
let complaints = '';

before(async () => {
  for (let count = 0; count < 3; count++) {
    const server = await ScriptedServer.listen();
    server.on('/health', (peer) => void peer.send(okWith('well')));
    servers.push(server);
  }
  const [listen, admin] = [await freePort(), await freePort()];
  const seed = readFileSync(join(FIXTURES, 'openclaw.yml'), 'utf8')
    .replaceAll(/192\.168\.1\.10(\d):8080/g, (_, at) => servers[Number(at)]!.address)
    .replaceAll('/path/to/cert.pem', join(FIXTURES, 'certificates/nameless.crt'))
    .replaceAll('/path/to/key.pem', join(FIXTURES, 'certificates/nameless.key'));
  writeFileSync(join(folder, 'openclaw.yml'), seed);
  const command = `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'src/main.ts')}" "$@"\n`;
  writeFileSync(join(folder, 'openclaw'), command, { mode: 0o755 });
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    HOME: folder,
    OPENCLAW_STATE: folder,
    OPENCLAW_RUNTIME: folder,
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  };
  type = async (line) => {
    const shell = spawn('bash', ['-c', line], { cwd: folder, env });
    let text = '';
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
    }
    const [code] = (await once(shell, 'close')) as [number | null];
    return { code, text };
  };
  // What is not its own: free ports, and no mail or message to anybody.
  const own = `load_balancing.listen 127.0.0.1:${listen} admin.listen 127.0.0.1:${admin}`;
  const alerts = 'load_balancing.monitoring.alerts.enabled false';
  const io = `load_balancing.io ${IO_UNDER_TEST.io ?? 'auto'}`;
  const { code, text } = await type(`openclaw config set ${own} ${alerts} ${io}`);
  assert.equal(code, 0, text);
  instance = spawn(join(folder, 'openclaw'), ['start'], { cwd: folder, env });
  let output = '';
  instance.stdout!.setEncoding('utf8').on('data', (piece: string) => {
    output += piece;
  });
  instance.stderr!.setEncoding('utf8').on('data', (piece: string) => {
    complaints += piece;
  });
  await until('openclaw is up', () => output.includes('check it') || instance.exitCode !== null);
  // By the API: each look by a command would start a process.
  await until('its servers are up', async () => {
    const response = await fetch(`http://127.0.0.1:${admin}/status`);
    const { pools } = (await response.json()) as InstanceStatus;
    const states = pools.flatMap((pool) => pool.servers).map(({ state }) => state);
    return states.length === servers.length && states.every((state) => state === 'up');
  });
});

after(async () => {
  instance.kill('SIGTERM');
  await once(instance, 'exit');
  for (const server of servers) await server.close();
  assert.doesNotMatch(complaints, NODES_WARNING);
});

for (const [index, line] of COMMANDS.entries()) {
  test(`${index + 1}: ${line}`, async () => {
    const { code, text } = await type(line.replace('192.168.1.100:8080', servers[0]!.address));
    assert.equal(code, 0, text);
    assert.doesNotMatch(text, NODES_WARNING);
    const [, said] = SAID.find(([begin]) => line.startsWith(begin))!;
    assert.match(text, said);
  });
}

test('whoever reads only the beginning gets no stack trace', async () => {
  const { code, text } = await type('set -o pipefail; openclaw config schema | head -c 1');
  assert.equal(text, '{');
  assert.equal(code, 0);
});

test('an instance goes on when nobody reads what it says', async () => {
  instance.stdout!.destroy();
  await type('openclaw config set load_balancing.strategy random');
  const { code, text } = await type('openclaw config reload && openclaw lb status');
  assert.equal(code, 0, text);
  assert.match(text, /pool +default: random/);
});

/** docs/operations.md before a real openclaw: what it tells people to type works as it stands there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EXIT, type Io } from '../../src/cli/io.ts';
import { program } from '../../src/cli/program.ts';
import { runCommand } from '../../src/cli/run.ts';
import { CODES } from '../../src/core/answers/codes.ts';
import { Openclaw, okWith, ScriptedServer } from './harness.ts';

const DOCS = resolve(import.meta.dirname, '../../docs');
const DOC = readFileSync(join(DOCS, 'operations.md'), 'utf8');
const SETTINGS = readFileSync(join(DOCS, 'configuration.md'), 'utf8');
const REQUEST_ID = 'a-request-of-mine';

/** What goes on until it is stopped, or would have this process replaced. */
const NOT_TYPED = /^openclaw (?:lb top|upgrade)\b/;
/** What there is nothing to do for, and says so. */
const REFUSED = /^openclaw (?:lb failback|config (?:confirm|rollback))\b/;

/** On indented lines, up to their comment, and in backquotes. */
function commandsOf(text: string): string[] {
  const indented = [...text.matchAll(/^ {4}(openclaw [a-z].*?)(?: {2,}.*)?$/gm)];
  const quoted = [...text.matchAll(/`(openclaw [a-z][^`]*)`/g)];
  return [...new Set([...indented, ...quoted].map(([, line]) => line!.split(' # ')[0]!.trim()))];
}

/** As a shell splits them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
}

describe('docs/operations.md', () => {
  let servers: ScriptedServer[];
  let openclaw: Openclaw;

  before(async () => {
    servers = await Promise.all([ScriptedServer.listen(), ScriptedServer.listen()]);
    for (const server of servers) server.on('/', (peer) => void peer.send(okWith('fine')));
    openclaw = await Openclaw.start({
      servers: servers.map(({ address }, at) => ({ address, name: ['a', 'b'][at] })),
      monitoring: {
        alerts: { channels: [{ type: 'webhook', url: `http://${servers[0]!.address}/` }] },
      },
    });
    await fetch(openclaw.url, { headers: { 'X-Request-Id': REQUEST_ID } });
  });

  after(async () => {
    try {
      await openclaw.stop();
    } finally {
      for (const server of servers) await server.close();
    }
  });

  async function type(line: string): Promise<{ code: number; out: string; err: string }> {
    const said = { code: 0, out: '', err: '' };
    const io: Io = {
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
      env: { HOME: openclaw.folder, OPENCLAW_STATE: openclaw.folder },
      cwd: openclaw.folder,
      colour: false,
      now: () => new Date(),
      exitCode: 0,
    };
    const known = line
      .replace('REQUEST-ID', REQUEST_ID)
      .replace('192.168.1.100:8080', servers[0]!.address)
      .replace(/\bSERVER\b/, 'b')
      // It waits for its end.
      .replace('--timeout 10m --wait', '--timeout 1s --wait');
    await runCommand(program(io), wordsOf(known).slice(1), io);
    said.code = io.exitCode;
    return said;
  }

  test('every command does what it says', async () => {
    const commands = commandsOf(DOC).filter((line) => !NOT_TYPED.test(line));
    assert.ok(commands.length > 30, `${commands.length} are found in it`);
    for (const command of commands) {
      const { code, out, err } = await type(command);
      const isFine = code === EXIT.done || (code === EXIT.refused && REFUSED.test(command));
      assert.ok(isFine, `${command}: ${code}: ${out}${err}`);
    }
  });

  test('its tables have the columns that are printed', async () => {
    const headOf = (text: string, first: string) => {
      const [head] = text.split('\n').filter((line) => line.trim().startsWith(`${first} `));
      return head!.trim().split(/ +/);
    };
    const backends = (await type('openclaw lb backend status')).out;
    // What was said of weights before is a column of its own.
    const shown = headOf(backends, 'SERVER').filter((title) => title !== 'WEIGHT');
    assert.deepEqual(headOf(DOC, 'SERVER'), shown);
    const stats = (await type('openclaw lb stats')).out;
    assert.deepEqual(headOf(DOC, 'WORKER'), headOf(stats, 'WORKER'));
    const columns = [...DOC.matchAll(/`([A-Z][A-Z0-9/ ]+)`/g)].map(([, title]) => title!);
    for (const title of columns) {
      assert.ok(`${backends}${stats}`.includes(title), `${title} is no column`);
    }
  });

  test('its settings and codes are known', () => {
    const settings = [...DOC.matchAll(/`([a-z_]+(?:\.[a-z_]+)+)(?:: [^`]*)?`/g)];
    for (const [, name] of settings) {
      const isFile = /\.(?:md|yml|json|conf)$/.test(name!);
      const places = [`\`${name}\``, `\`load_balancing.${name}\``];
      assert.ok(isFile || places.some((one) => SETTINGS.includes(one)), `${name} is no setting`);
    }
    for (const [, code] of DOC.matchAll(/50[234] `(\w+)`/g))
      assert.ok(CODES.includes(code!), `${code} is no code`);
  });
});

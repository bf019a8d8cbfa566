import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { RULES } from '../waf/catalogue.ts';
import type { Io } from './io.ts';
import { runCommand } from './run.ts';
import { wafCommand } from './waf.ts';

function workplace(context: TestContext, config?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'openclaw.yml');
  if (config !== undefined) writeFileSync(file, config);
  const type = async (...argv: string[]) => {
    let out = '';
    let err = '';
    const io: Io = {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      env: {},
      cwd: folder,
      colour: false,
      now: () => new Date(0),
      exitCode: 0,
    };
    await runCommand(wafCommand(io), argv, io);
    return { out, err, exitCode: io.exitCode };
  };
  return { folder, file, type };
}

const CONFIG = (more: string) => `load_balancing:
  servers:
    - address: 127.0.0.1:3000
  security:
    waf:
      enabled: true
${more}`;

const ATTACK = "/item?id=1'%20or%20'1'='1";

test('an attack is refused: the rule, the place, what matched and why are shown', async (context) => {
  const { type } = workplace(context);
  const { out, exitCode } = await type('test', '--path', ATTACK);
  assert.equal(exitCode, 1);
  assert.match(out, /^sql-condition {2}\+5 \(critical, level 1\)$/m);
  assert.match(out, /^ {2}where {4}query "id", as the application reads it$/m);
  assert.match(out, /^ {2}matched {2}' or '1'='1$/m);
  assert.match(out, /^score 5, threshold 5: refused with 403$/m);
});

test('a harmless request passes with code 0, and no rule speaks', async (context) => {
  const { type } = workplace(context);
  const { out, exitCode } = await type('test', '--path', '/search?q=drop table road');
  assert.equal(exitCode, 0);
  assert.match(out, /No rule speaks\.\n\nscore 0, threshold 5: passes/);
});

test('the exclusions that are proposed silence the request when they are pasted', async (context) => {
  const { type } = workplace(context);
  const first = await type('test', '--path', ATTACK);
  const pasted = first.out.slice(first.out.indexOf('exclusions:'));
  assert.deepEqual(parse(pasted), {
    exclusions: [{ rule: 'sql-condition', path: '/item', parameter: 'id' }],
  });
  assert.match(pasted, /with it the score is 0 and the request passes/);
  const settled = workplace(
    context,
    CONFIG(
      `${pasted
        .split('\n')
        .map((line) => `      ${line}\n`)
        .join('')}`,
    ),
  );
  const second = await settled.type('test', '--path', ATTACK, '--config', settled.file);
  assert.equal(second.exitCode, 0, second.out + second.err);
});

test('mode, level and threshold are those of the configuration', async (context) => {
  const { type, file } = workplace(
    context,
    CONFIG('      mode: detect\n      paranoia_level: 2\n'),
  );
  const { out, exitCode } = await type('test', '--path', ATTACK, '--config', file);
  assert.equal(exitCode, 0);
  assert.match(out, /mode detect, paranoia level 2 \(openclaw\.yml\)/);
  assert.match(out, /a hit, logged and let through/);
  const strict = await type('test', '--path', '/?q=select a from b', '--paranoia', '1', '-c', file);
  assert.match(strict.out, /paranoia level 1 \(openclaw\.yml\)[\s\S]*No rule speaks/);
});

test('a body is read as its Content-Type says, else as it begins; rounds of decoding are told', async (context) => {
  const { type, folder } = workplace(context);
  const json = await type('test', '--path', '/api', '--body', '{"name":"<svg onload=alert(1)>"}');
  assert.match(json.out, /^POST \/api\nbody 32 bytes, read as application\/json$/m);
  assert.match(json.out, /where {4}json "name"/);
  writeFileSync(join(folder, 'body'), 'q=%253Cscript%253Ealert(1)%253C/script%253E');
  const form = await type('test', '--path', '/f', '--body-file', 'body');
  assert.match(form.out, /where {4}form "q", after one further round of decoding/);
  const header = await type('test', '--header', 'User-Agent: sqlmap/1.8', '--json');
  const report = JSON.parse(header.out) as { blocked: boolean; matches: { rule: string }[] };
  assert.equal(report.blocked, true);
  assert.equal(report.matches[0]!.rule, 'scanner-agent');
});

test('a body larger than body_limit is refused where the configuration says so', async (context) => {
  const limits = (oversize: string) =>
    CONFIG(`      body_limit: 1k\n      oversize: ${oversize}\n`);
  const large = ['test', '--path', '/upload', '--body', 'x'.repeat(1025), '--config'];
  const refusing = workplace(context, limits('refuse'));
  const refused = await refusing.type(...large, refusing.file);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.out, /refused with 413: the body is larger than body_limit \(1024 bytes\)/);
  assert.doesNotMatch(refused.out, /exclusions:/);
  const passing = workplace(context, limits('pass'));
  assert.equal((await passing.type(...large, passing.file)).exitCode, 0);
});

test('what is not there is told with its own exit code', async (context) => {
  const { type } = workplace(context);
  assert.equal((await type('test', '--path', 'item')).exitCode, 2);
  assert.equal((await type('test', '--header', 'nothing')).exitCode, 2);
  assert.equal((await type('test', '--body', 'a', '--body-file', 'b')).exitCode, 2);
  assert.equal((await type('test', '--body-file', 'none')).exitCode, 3);
  assert.equal((await type('test', '--config', 'none.yml')).exitCode, 3);
  const mistaken = workplace(context, CONFIG('      exclusions: [{ rule: sql-nothing }]\n'));
  const unknown = await mistaken.type('test');
  assert.equal(unknown.exitCode, 1);
  assert.match(unknown.err, /sql-nothing/);
});

test('the rules are listed, all or those of a class', async (context) => {
  const { type } = workplace(context);
  const all = await type('rules');
  for (const { id } of RULES) assert.ok(all.out.includes(`\n${id} `), id);
  const ssrf = JSON.parse((await type('rules', '--class', 'ssrf', '--json')).out) as object[];
  assert.equal(ssrf.length, RULES.filter((rule) => rule.class === 'ssrf').length);
});

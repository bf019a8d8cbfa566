import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from './load.ts';
import { parseNetworkFile } from './network-file.ts';

test('a list holds a network a line, with comments', () => {
  const text = '# offices\n10.0.0.0/8\r\n\n  192.0.2.7   # the printer\n2001:DB8::/32\n';
  assert.deepEqual(parseNetworkFile(text), {
    networks: ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'],
    problem: undefined,
  });
});

test('the first line that holds no network is named', () => {
  const { problem } = parseNetworkFile('10.0.0.0/8\n10.0.0.0/33\nx\n');
  assert.match(problem!, /^line 2: .*0 to 32/);
});

const text =
  'load_balancing:\n  servers: [127.0.0.1:3000]\n  security:\n    access_control:\n      denylist_file: bad.txt\n';

function problemsWith(content: string | undefined): string[] {
  const surroundings = {
    readFile: () =>
      content === undefined
        ? ({ ok: false, reason: 'there is no such file' } as const)
        : ({ ok: true, bytes: Buffer.from(content), mode: 0o644 } as const),
    nowMs: 0,
  };
  const { problems } = parseConfig(text, { file: '/etc/openclaw.yml', env: {}, surroundings });
  return problems.map(({ line, message }) => `${line}: ${message}`);
}

test('a list that cannot be read or understood is a problem of the configuration', () => {
  assert.deepEqual(problemsWith('192.0.2.0/24\n'), []);
  assert.match(problemsWith(undefined)[0]!, /^5: .*\/etc\/bad\.txt: there is no such file/);
  assert.match(
    problemsWith('192.0.2.0/24\nhello\n')[0]!,
    /^5: .*\/etc\/bad\.txt, line 2: a network/,
  );
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { AlertMessage } from './alerts.ts';
import { channelsOf } from './channels.ts';
import { Dispatcher } from './dispatcher.ts';
import { noticeOf, testNotice } from './message.ts';

const ORIGIN = { host: 'edge-1', pool: 'default', listeners: ['http://127.0.0.1:8080'] };
const ALERT: AlertMessage = {
  phase: 'begin',
  name: 'high_error_rate',
  subject: '',
  atMs: Date.UTC(2026, 0, 1, 12, 1),
  sinceMs: Date.UTC(2026, 0, 1, 12, 0),
  measured: '7.2% of responses are 5xx over 1m, threshold 5%',
  outliers: ['10.0.0.1:80: 31% of 120 <requests>'],
};

interface Post {
  url: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

/** An HTTP server that takes notices; the first `failures` posts get a 500. */
async function httpServer(context: TestContext, failures = 0) {
  const posts: Post[] = [];
  let arrived = () => {};
  const server = createHttpServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    if (failures > 0) {
      failures -= 1;
      response.writeHead(500).end();
      return;
    }
    posts.push({ url: request.url!, headers: request.headers, body: JSON.parse(text) });
    response.end('ok');
    arrived();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = async () => {
    while (posts.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
    return posts.shift()!;
  };
  return { base, post };
}

/** So much of an SMTP server as takes one mail: RFC 5321 §3.1 and §3.3. */
async function smtpServer(context: TestContext) {
  const talk: string[] = [];
  const sockets = new Set<Socket>();
  let mail = '';
  let delivered!: (mail: string) => void;
  const whole = new Promise<string>((resolve) => (delivered = resolve));
  const server = createServer((socket) => {
    sockets.add(socket);
    let isData = false;
    let rest = '';
    socket.write('220 mail.test ESMTP\r\n');
    socket.on('data', (bytes) => {
      rest += bytes.toString('latin1');
      for (let at = rest.indexOf('\r\n'); at !== -1; at = rest.indexOf('\r\n')) {
        const line = rest.slice(0, at);
        rest = rest.slice(at + 2);
        if (isData) {
          if (line !== '.') mail += `${line}\n`;
          else {
            isData = false;
            socket.write('250 taken\r\n');
            delivered(mail);
          }
          continue;
        }
        talk.push(line);
        if (line === 'DATA') {
          isData = true;
          socket.write('354 go on\r\n');
        } else if (line.startsWith('AUTH')) socket.write('235 welcome\r\n');
        else if (line.startsWith('EHLO')) socket.write('250-mail.test\r\n250 AUTH PLAIN\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, talk, whole };
}

const quiet = { onFailure: () => {} };

test('a notice says what, where, since when, how much, who stands out and what to type', () => {
  const { subject, text } = noticeOf(ALERT, ORIGIN);
  assert.equal(subject, '[openclaw ALERT] the error rate is high (edge-1)');
  assert.deepEqual(text.split('\n'), [
    'where: edge-1, pool default, http://127.0.0.1:8080',
    'since: 2026-01-01T12:00:00Z',
    'measured: 7.2% of responses are 5xx over 1m, threshold 5%',
    'stands out: 10.0.0.1:80: 31% of 120 <requests>',
    'next: openclaw logs --level warn --since 10m',
    '',
  ]);
});

test('a notice of an end says how long it lasted', () => {
  const { subject, text } = noticeOf({ ...ALERT, phase: 'end' }, ORIGIN);
  assert.match(subject, /over] the error rate is normal again/);
  assert.match(text, /^lasted: 1m, from 2026-01-01T12:00:00Z$/m);
});

test('what a certificate or a server says steers nothing that shows the alert', () => {
  const measured = 'CN is \x1b]0;owned\x07 \x9b2J \u202egpj.exe';
  const { subject, text, alert } = noticeOf({ ...ALERT, subject: 'a\x1b[2J', measured }, ORIGIN);
  for (const shown of [subject, text.replaceAll('\n', ''), alert!.measured]) {
    assert.doesNotMatch(shown, /[\x00-\x1f\x7f-\x9f\u202e]/);
  }
});

test('slack and webhook get a notice as JSON', async (context) => {
  const { base, post } = await httpServer(context);
  const [slack, webhook] = channelsOf([
    { type: 'slack', webhook: `${base}/slack` },
    { type: 'webhook', url: `${base}/hook`, headers: { 'x-key': 'k1' } },
  ]);
  await slack!.send(noticeOf(ALERT, ORIGIN));
  const toSlack = await post();
  assert.equal(toSlack.url, '/slack');
  assert.match(String(toSlack.body.text), /31% of 120 &lt;requests&gt;/);
  await webhook!.send(noticeOf(ALERT, ORIGIN));
  const toHook = await post();
  assert.equal(toHook.headers['x-key'], 'k1');
  assert.equal(toHook.headers['content-type'], 'application/json');
  assert.equal(toHook.body.alert, 'high_error_rate');
  assert.equal(toHook.body.phase, 'begin');
  assert.equal(toHook.body.since, '2026-01-01T12:00:00.000Z');
});

test('email goes to all recipients over SMTP, with login', async (context) => {
  const { port, talk, whole } = await smtpServer(context);
  const smtp = {
    host: '127.0.0.1',
    port,
    secure: false,
    user: 'u',
    password: 'p',
    from: 'lb@example.com',
  };
  const recipients = ['a@example.com', 'b@example.com'];
  const [email] = channelsOf([{ type: 'email', recipients, smtp }]);
  await email!.send(noticeOf(ALERT, ORIGIN));
  const mail = await whole;
  assert.ok(talk.includes('MAIL FROM:<lb@example.com>'), talk.join('\n'));
  assert.ok(talk.includes('RCPT TO:<a@example.com>') && talk.includes('RCPT TO:<b@example.com>'));
  assert.ok(talk.includes(`AUTH PLAIN ${Buffer.from('\0u\0p').toString('base64')}`));
  assert.match(mail, /^Subject: \[openclaw ALERT\] the error rate is high \(edge-1\)$/m);
  assert.match(mail, /^measured: 7.2% of responses are 5xx/m);
});

test('a channel that fails is tried again, later and later, until it takes the notice', async (context) => {
  const { base, post } = await httpServer(context, 3);
  const failed: string[] = [];
  const waits: number[] = [];
  const dispatcher = new Dispatcher(
    channelsOf([{ type: 'slack', webhook: base }]),
    { onFailure: (channel, error) => failed.push(`${channel}: ${error}`) },
    async (ms) => void waits.push(ms),
  );
  dispatcher.send(noticeOf(ALERT, ORIGIN));
  await post();
  assert.deepEqual(failed, Array(3).fill('slack: status 500, expected 200-299'));
  assert.deepEqual(waits, [1000, 2000, 4000]);
});

test('a channel that never takes it is given up and counted, and the others are not held up', async () => {
  let lastFailure = () => {};
  const givenUp = new Promise<void>((resolve) => (lastFailure = resolve));
  let delivered = 0;
  const dead = { name: 'dead', send: () => Promise.reject(new Error('ECONNREFUSED')) };
  const alive = {
    name: 'alive',
    send: async () => {
      delivered += 1;
    },
  };
  const dispatcher = new Dispatcher(
    [dead, alive],
    { onFailure: (_channel, _error, isLast) => isLast && lastFailure() },
    async () => {},
  );
  dispatcher.send(testNotice(ORIGIN));
  await givenUp;
  await new Promise(setImmediate);
  assert.equal(delivered, 1);
  assert.deepEqual(dispatcher.status(), [
    { channel: 'dead', sent: 0, undelivered: 1, waiting: 0, error: 'ECONNREFUSED' },
    { channel: 'alive', sent: 1, undelivered: 0, waiting: 0, error: '' },
  ]);
});

test('notices that wait for a channel are bounded', () => {
  const stuck = { name: 'stuck', send: () => new Promise<void>(() => {}) };
  const dispatcher = new Dispatcher([stuck], quiet);
  for (let i = 0; i < 500; i++) dispatcher.send(testNotice(ORIGIN));
  const [status] = dispatcher.status();
  assert.equal(status!.waiting, 100);
  assert.equal(status!.undelivered, 399);
});

test('a failure never names the URL, which is a secret', async () => {
  const [slack] = channelsOf([{ type: 'slack', webhook: 'http://127.0.0.1:9/secret' }]);
  await assert.rejects(slack!.send(testNotice(ORIGIN)), (error: Error) => {
    assert.ok(!error.message.includes('secret'), error.message);
    return true;
  });
});

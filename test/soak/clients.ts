/**
 * The clients of a soak. Each is a loop that does one thing again and again until it is told to
 * stop, and writes down what came of it.
 */
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { pattern } from './content.ts';

/** What came of one thing that a client did. */
export type Ending =
  /** As it should. */
  | 'well'
  /** The client itself broke it off, or was refused as it had to be. */
  | 'meant'
  /** A failure that the killing of a server explains: it was under way there, and cannot be repeated. */
  | 'excused'
  /** It should have worked. */
  | 'lost';

export interface Deed {
  readonly ending: Ending;
  /** What was seen, where that is of interest. */
  readonly what?: string;
  /** Responses of which the client got a head. */
  readonly responses: number;
}

export interface Target {
  readonly port: number;
  readonly random: () => number;
  readonly agent: http.Agent;
}

export interface Client {
  readonly name: string;
  readonly count: number;
  readonly pauseMs: number;
  act(target: Target): Promise<Deed>;
}

const KB = 1024;
/** Nothing that a client waits for takes longer. */
const PATIENCE_MS = 30_000;

export const CLIENTS: readonly Client[] = [
  { name: 'GET', count: 12, pauseMs: 40, act: get },
  { name: 'download', count: 4, pauseMs: 200, act: (target) => download(target, 0) },
  { name: 'slow download', count: 6, pauseMs: 500, act: (target) => download(target, 20) },
  { name: 'upload', count: 4, pauseMs: 200, act: upload },
  { name: 'WebSocket', count: 8, pauseMs: 300, act: webSocket },
  { name: 'event stream', count: 6, pauseMs: 300, act: eventStream },
  { name: 'abort', count: 6, pauseMs: 60, act: abort },
  { name: 'slow head', count: 10, pauseMs: 100, act: slowHead },
  { name: 'malformed', count: 1, pauseMs: 200, act: malformed },
];

async function get(target: Target): Promise<Deed> {
  const path = target.random() < 0.1 ? `/later?ms=${Math.floor(target.random() * 300)}` : '/small';
  const answer = await ask(target, { path });
  const body = path === '/small' ? 'small' : 'later';
  if (answer.status === 200 && answer.text === body) return { ending: 'well', responses: 1 };
  return { ending: 'lost', what: answer.what, responses: answer.status === 0 ? 0 : 1 };
}

/** @param restMs between two pieces that are read */
async function download(target: Target, restMs: number): Promise<Deed> {
  const bytes = Math.floor(target.random() * (restMs === 0 ? 4_000 : 1_500) * KB);
  const isChunked = target.random() < 0.3;
  const path = `/download?bytes=${bytes}${isChunked ? '&chunked' : ''}`;
  const answer = await ask(target, { path, restMs, isChecked: true });
  const responses = answer.status === 0 ? 0 : 1;
  if (answer.isBroken) return { ending: 'excused', what: answer.what, responses };
  const isWhole = answer.status === 200 && answer.bytes === bytes && answer.isRight;
  return isWhole
    ? { ending: 'well', responses }
    : { ending: 'lost', what: `${answer.what} ${answer.bytes} of ${bytes} bytes`, responses };
}

async function upload(target: Target): Promise<Deed> {
  const bytes = Math.floor(target.random() * 2_000 * KB);
  const answer = await ask(target, { path: '/upload', method: 'POST', upload: bytes });
  const responses = answer.status === 0 ? 0 : 1;
  if (answer.status === 200 && answer.text === `${bytes} true`)
    return { ending: 'well', responses };
  if (answer.status === 200)
    return { ending: 'lost', what: `${answer.text} of ${bytes}`, responses };
  return { ending: 'excused', what: answer.what, responses };
}

/** Speaks for a while, then closes, or is gone. */
function webSocket({ port, random }: Target): Promise<Deed> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`);
    const message = pattern(0, Math.floor(random() * 64 * KB));
    let left = Math.ceil(random() * 20);
    let responses = 0;
    let what = '';
    const give = (ending: Ending) => {
      clearTimeout(patience);
      resolve({ ending, what, responses });
    };
    const patience = setTimeout(() => {
      what = 'no echo, and no end';
      socket.terminate();
      give('lost');
    }, PATIENCE_MS);
    socket.on('open', () => {
      responses = 1;
      socket.send(message);
    });
    socket.on('message', (data: Buffer) => {
      if (!data.equals(message)) {
        what = 'another echo';
        socket.terminate();
        return give('lost');
      }
      left -= 1;
      if (left > 0) setTimeout(() => socket.send(message), 50);
      else if (random() < 0.3) socket.terminate();
      else socket.close();
    });
    socket.on('unexpected-response', (_request, response) => {
      responses = 1;
      what = `status ${response.statusCode}`;
      response.destroy();
    });
    socket.on('error', (error) => {
      what ||= error.message;
    });
    socket.on('close', () => give(left === 0 ? 'well' : 'excused'));
  });
}

/** Listens for a while and goes away: event streams end no other way. */
async function eventStream(target: Target): Promise<Deed> {
  const leaveAfterMs = target.random() * 4_000;
  const answer = await ask(target, { path: '/events', leaveAfterMs });
  const responses = answer.status === 0 ? 0 : 1;
  return { ending: answer.isBroken ? 'excused' : 'meant', responses };
}

/** Leaves at any moment: in the middle of a head, of a body, of a response, or before it. */
function abort(target: Target): Promise<Deed> {
  const { random } = target;
  const requests = [
    'GET /download?bytes=3000000 HTTP/1.1\r\nHost: soak\r\n\r\n',
    `POST /upload HTTP/1.1\r\nHost: soak\r\nContent-Length: 500000\r\n\r\n${'x'.repeat(300_000)}`,
    'GET /later?ms=500 HTTP/1.1\r\nHost: soak\r\n\r\n',
    'GET /small HTTP/1.1\r\nHost: soak\r\n\r\n'.repeat(5),
    'GET /socket HTTP/1.1\r\nHost: soak\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  ];
  const request = requests[Math.floor(random() * requests.length)]!;
  const upTo = random() < 0.3 ? Math.floor(random() * request.length) : request.length;
  return raw(target, request.slice(0, upTo), random() * 400);
}

/** Holds a connection with half a head. */
function slowHead(target: Target): Promise<Deed> {
  return raw(
    target,
    'GET /small HTTP/1.1\r\nHost: soak\r\nX-Slow: ',
    1_000 + target.random() * 4_000,
  );
}

function malformed(target: Target): Promise<Deed> {
  return raw(
    target,
    'GET / HTTP/1.1\r\nHost: soak\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    200,
  );
}

/** Sends text, waits, and is gone. */
function raw({ port, random }: Target, text: string, forMs: number): Promise<Deed> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    let responses = 0;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      responses += bytes.toString('latin1').split('HTTP/1.1 ').length - 1;
    });
    socket.on('connect', () => socket.write(text, 'latin1'));
    const timer = setTimeout(() => {
      if (random() < 0.5) socket.resetAndDestroy();
      else socket.destroy();
    }, forMs);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ ending: 'meant', responses });
    });
  });
}

interface Question {
  readonly path: string;
  readonly method?: string;
  readonly upload?: number;
  readonly restMs?: number;
  readonly isChecked?: boolean;
  readonly leaveAfterMs?: number;
}

interface Answer {
  status: number;
  text: string;
  bytes: number;
  isRight: boolean;
  /** A response had begun, and broke off. */
  isBroken: boolean;
  what: string;
}

function ask({ port, agent }: Target, question: Question): Promise<Answer> {
  const answer: Answer = {
    status: 0,
    text: '',
    bytes: 0,
    isRight: true,
    isBroken: false,
    what: '',
  };
  return new Promise((resolve) => {
    let hasLeft = false;
    const give = () => {
      clearTimeout(patience);
      resolve(answer);
    };
    const { path, method = 'GET', upload: uploadBytes } = question;
    const headers = uploadBytes === undefined ? {} : { 'content-length': uploadBytes };
    const request = http.request({ port, host: '127.0.0.1', path, method, agent, headers });
    const patience = setTimeout(() => {
      answer.what = 'no answer, and no end';
      request.destroy();
    }, PATIENCE_MS);
    if (question.leaveAfterMs !== undefined) {
      setTimeout(() => {
        hasLeft = true;
        request.destroy();
      }, question.leaveAfterMs);
    }
    request.on('response', (response) => {
      answer.status = response.statusCode!;
      void read(response, question, answer).then(give, (error: Error) => {
        answer.isBroken = !hasLeft;
        answer.what ||= `broken off: ${error.message}`;
        give();
      });
    });
    request.on('error', (error) => {
      answer.what ||= `${error.message}, ${request.reusedSocket ? 'kept-alive' : 'new'} connection`;
      give();
    });
    if (uploadBytes === undefined) request.end();
    else void send(request, uploadBytes);
  });
}

async function read(
  response: http.IncomingMessage,
  { restMs = 0, isChecked = false }: Question,
  answer: Answer,
): Promise<void> {
  for await (const piece of response as AsyncIterable<Buffer>) {
    if (isChecked) answer.isRight &&= piece.equals(pattern(answer.bytes, piece.length));
    else if (answer.text.length < KB) answer.text += piece.toString('latin1');
    answer.bytes += piece.length;
    if (restMs > 0) await sleep(restMs);
  }
  if (answer.status !== 200) answer.what = `status ${answer.status} ${answer.text.split('\n')[1]}`;
}

async function send(request: http.ClientRequest, bytes: number): Promise<void> {
  const over = new Promise<void>((resolve) => request.once('close', resolve));
  for (let sent = 0; sent < bytes && !request.destroyed; ) {
    const piece = pattern(sent, Math.min(16 * KB, bytes - sent));
    sent += piece.length;
    if (request.write(piece)) continue;
    const drained = new Promise<void>((resolve) => request.once('drain', resolve));
    await Promise.race([drained, over]);
  }
  request.end();
}

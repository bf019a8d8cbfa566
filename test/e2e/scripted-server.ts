/** A raw server whose tests say, path by path, which bytes it sends when. */
import { once } from 'node:events';
import net from 'node:net';
import { type Message, Peer } from './peer.ts';

/** Answers one request; the head is read, the body is not. */
export type Script = (peer: Peer, head: Message, nth: number) => Promise<void> | void;

export class ScriptedServer {
  readonly server: net.Server;
  /** All connections that are open, in the order they came. */
  readonly peers: Peer[] = [];
  /** Connections that were ever accepted. */
  accepted = 0;
  /** Request lines, in the order they came. */
  readonly lines: string[] = [];
  readonly #scripts = new Map<string, Script>();
  #failed: unknown;

  private constructor() {
    this.server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
  }

  static async listen(target: net.ListenOptions = {}): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    const where = target.path === undefined ? { host: '127.0.0.1', port: 0, ...target } : target;
    scripted.server.listen(where);
    await once(scripted.server, 'listening');
    return scripted;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Says what happens when a request for a path comes; its query is not looked at. */
  on(path: string, script: Script): void {
    this.#scripts.set(path, script);
  }

  /** Requests that came for a path. */
  requestsFor(path: string): number {
    return this.lines.filter((line) => pathOf(line) === path).length;
  }

  /** Ends; a script that failed makes this fail. */
  async close(): Promise<void> {
    for (const peer of this.peers) peer.close();
    this.server.close();
    await once(this.server, 'close');
    if (this.#failed !== undefined) throw this.#failed;
  }

  #accept(socket: net.Socket): void {
    this.accepted += 1;
    const peer = new Peer(socket);
    this.peers.push(peer);
    socket.once('close', () => this.peers.splice(this.peers.indexOf(peer), 1));
    void this.#serve(peer);
  }

  async #serve(peer: Peer): Promise<void> {
    for (let nth = 1; ; nth++) {
      let head: Message;
      try {
        head = await this.#nextHead(peer);
      } catch {
        // No further request came: openclaw ended the connection, or the test did.
        if (peer.hasEnded) peer.end();
        return;
      }
      this.lines.push(head.line);
      const path = pathOf(head.line);
      try {
        const script = this.#scripts.get(path) ?? answerOk;
        await script(peer, head, nth);
      } catch (error) {
        this.#failed ??= new Error(`the script for ${path} failed: ${(error as Error).message}`);
        peer.close();
        return;
      }
    }
  }

  /** A connection may rest for as long as it likes between two requests. */
  async #nextHead(peer: Peer): Promise<Message> {
    await peer.arrival();
    return peer.head();
  }
}

function pathOf(line: string): string {
  const target = line.split(' ')[1] ?? '';
  return target.split('?')[0]!;
}

/** Reads the request's body and answers 200 with its path. */
export async function answerOk(peer: Peer, head: Message): Promise<void> {
  await peer.withBody(head, false);
  const path = pathOf(head.line);
  const isHead = head.line.startsWith('HEAD ');
  peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${isHead ? '' : path}`);
}

/** A response with a body and its length. */
export function okWith(body: string, lines = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${lines}\r\n${body}`;
}

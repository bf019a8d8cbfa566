import { createServer, type Server, type ServerResponse } from 'node:http';
import { parseAddress } from '../base/address.ts';
import type { Instance } from '../control/instance.ts';

/** The admin API on its TCP address: what the instance is doing, for people and programs. */
export class AdminServer {
  readonly #server: Server;

  private constructor(instance: Instance) {
    this.#server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://admin').pathname;
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        send(response, 405, { error: 'method_not_allowed', help: 'this is read by GET' });
      } else if (path === '/status') send(response, 200, instance.status());
      else if (path === '/livez') send(response, 200, { live: true });
      else send(response, 404, { error: 'not_found', help: 'there are /status and /livez' });
    });
  }

  /** @throws the system's error when the address cannot be opened */
  static async open(address: string, instance: Instance): Promise<AdminServer> {
    const admin = new AdminServer(instance);
    const parsed = parseAddress(address);
    if (!parsed.ok || parsed.value.kind !== 'tcp')
      throw new TypeError(`no TCP address: ${address}`);
    const { host, port } = parsed.value;
    await new Promise<void>((resolve, reject) => {
      admin.#server.once('error', reject);
      admin.#server.listen({ host, port }, resolve);
    });
    return admin;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}

/** A client and a server of one engine, connected in memory. */
import { rethrow } from '../../../base/contain.ts';
import { TimerWheel } from '../../../base/wheel.ts';
import type { ServerTls } from '../../../core/ports/server-address.ts';
import { PLAIN_IDENTITY } from '../../../core/ports/server-address.ts';
import type { TlsPlan } from '../../../plan/tls.ts';
import { Ear } from '../../backend.fixture.ts';
import type { Secured, Security } from '../../backend.ts';
import { realClock } from '../../real-clock.ts';
import { PLAN } from '../../tls.fixture.ts';
import { Arena } from '../arena.ts';
import { TlsEngine } from './engine.ts';
import { LinkEnd } from './link.fixture.ts';
import { TLS_ARENA_BYTES } from './memory.ts';

export class Bench {
  readonly engine: TlsEngine;
  #deferred: (() => void)[] = [];

  constructor() {
    const wheel = new TimerWheel(0, 50);
    const defer = (call: () => void) => void this.#deferred.push(call);
    const context = { clock: realClock, wheel, contain: rethrow, defer, nodeUses() {} };
    this.engine = new TlsEngine(Arena.map(TLS_ARENA_BYTES), context);
  }

  securityOf(plan: Partial<TlsPlan> = {}): Security {
    return this.engine.securityOf({ ...PLAN, curves: 'X25519', ...plan });
  }

  pair(security: Security, key = 'same'): Pair {
    return new Pair(this, security, key);
  }

  /** Calls what was put off. */
  runDeferred(): void {
    for (const call of this.#deferred.splice(0)) call();
  }
}

export class Pair {
  readonly client: Ear = new Ear();
  readonly server: Ear = new Ear();
  readonly clientEnd: LinkEnd = new LinkEnd();
  readonly serverEnd: LinkEnd = new LinkEnd();
  /** What became of the server's handshake; null: it goes on. */
  serverSaid: string | null = null;
  clientSaid: string | null = null;
  secured: Secured | null = null;
  readonly #bench: Bench;

  constructor(bench: Bench, security: Security, key: string) {
    this.#bench = bench;
    const settings: ServerTls = {
      serverName: 'server.example',
      verify: false,
      identity: PLAIN_IDENTITY,
    };
    bench.engine.secure(
      {
        peer: { address: '127.0.0.1', port: 1, localAuthority: () => '' },
        isSecure: false,
        toStream: (own) => {
          this.serverEnd.owner = own(this.serverEnd);
        },
        close: () => {},
      },
      security,
      {
        secured: (secured) => {
          this.serverSaid = 'secured';
          this.secured = secured;
          secured.toStream(this.server.own);
        },
        failed: (reason) => {
          this.serverSaid = reason;
        },
      },
    );
    const stream = bench.engine.streamToServer(this.client);
    this.client.stream = stream;
    bench.engine.secureToServer(this.clientEnd, key, settings, {
      opened: (opened) => {
        this.clientSaid = 'opened';
        stream.takeOver(opened);
      },
      failed: (error) => {
        this.clientSaid = error.code!;
      },
    });
  }

  /** Delivers until nobody says anything more. @param change what becomes of the bytes on their way */
  deliver(change: (bytes: Buffer) => Buffer[] = (bytes) => [bytes]): void {
    for (let rounds = 0; rounds < 100; rounds++) {
      const toServer = this.clientEnd.take();
      const toClient = this.serverEnd.take();
      if (toServer.length + toClient.length === 0) return;
      if (toServer.length > 0) for (const piece of change(toServer)) this.serverEnd.hear(piece);
      if (toClient.length > 0) for (const piece of change(toClient)) this.clientEnd.hear(piece);
      this.#bench.runDeferred();
    }
  }

  destroy(): void {
    this.client.stream.destroy();
    this.server.stream?.destroy();
    this.clientEnd.owner.onClose('closed', 0);
    this.serverEnd.owner.onClose('closed', 0);
  }
}

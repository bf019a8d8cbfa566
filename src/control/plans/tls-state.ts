import { createHash, randomBytes, type X509Certificate } from 'node:crypto';
import { readRegularFile } from '../../base/read-file.ts';
import type { ServerSettings, Settings } from '../../config/schema.ts';
import { PLAIN_IDENTITY, type TlsIdentity } from '../../core/ports/server-address.ts';
import { tryIdentity, tryServing } from '../../io/tls/trial.ts';
import { guarded } from '../../observe/guarded.ts';
import type { Logger } from '../../observe/log.ts';
import type { CertificatePlan, Staple, TlsPlan } from '../../plan/tls.ts';
import { TicketKeys } from '../../table/ticket-keys.ts';
import {
  hostNamesOf,
  inspectPair,
  type Reading,
  readCertificates,
  readKey,
} from '../../x509/certificate.ts';
import { inspectOcsp, readOcsp, statusOf } from '../../x509/ocsp.ts';
import { FileLooks } from './file-looks.ts';

/**
 * Mozilla's intermediate list (Server Side TLS 5.7): every client since about 2014, and nothing
 * that is broken. What TLS 1.3 has is all good, and left to OpenSSL.
 */
const INTERMEDIATE_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'DHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Tickets are read for two to three turns: as long as a session lives (SESSION_SECONDS). */
const TICKET_TURN_MS = 60 * 60 * 1000;
/** Files are looked at this often: links that are moved, as certbot does, tell no watcher. */
const LOOK_EVERY_MS = 2_000;

/** A certificate, key or authority that cannot be used; the message names the file and the fix. */
export class TlsError extends Error {
  constructor(file: string, why: string, help: string) {
    super(`${file}: ${why}. ${help}`);
    this.name = 'TlsError';
  }
}

type TlsSettings = Settings['load_balancing']['security']['tls'];

/** TLS as the control thread keeps it: ticket keys, and files that may change, of servers too. */
export class TlsState {
  readonly #tickets = TicketKeys.create(randomBytes);
  #timers: NodeJS.Timeout[] = [];
  #files = new FileLooks([]);

  /**
   * What the data threads need; null where TLS is off. Reads every file anew.
   *
   * @param servers those that there are, whose files are watched too
   * @throws TlsError
   */
  planOf(
    settings: Settings,
    servers: readonly ServerSettings[] = settings.load_balancing.servers,
  ): TlsPlan | null {
    const { security, timeout } = settings.load_balancing;
    const { tls } = security;
    const files = new FileLooks(filesOf(tls, servers));
    const plan = tls.enabled ? this.#read(tls, timeout.request) : null;
    this.#files = files;
    return plan;
  }

  /** Watches the files of these servers too, which are read next where that was not done yet. */
  watch(servers: readonly ServerSettings[]): void {
    this.#files.add(filesOfServers(servers));
  }

  /** These are all servers that there are. */
  followed(settings: Settings, servers: readonly ServerSettings[]): void {
    this.#files.keep(filesOf(settings.load_balancing.security.tls, servers));
  }

  /** Whether a certificate, key or authority is another one than was read last. */
  get haveFilesChanged(): boolean {
    return this.#files.haveChanged;
  }

  #read(tls: TlsSettings, handshakeMs: number): TlsPlan {
    const clientCa = tls.client_ca_path === undefined ? '' : textOf(tls.client_ca_path);
    if (clientCa !== '') valueFrom(tls.client_ca_path!, readCertificates(Buffer.from(clientCa)));
    const plan: TlsPlan = {
      certificates: pairsOf(tls).map((pair) => certificateOf(...pair)),
      minVersion: tls.protocols.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
      maxVersion: tls.protocols.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
      ciphers: tls.ciphers ?? INTERMEDIATE_CIPHERS,
      curves: tls.curves,
      clientCa,
      clientCertificates: clientCa === '' ? 'none' : tls.client_certificates,
      http2: tls.http2,
      handshakeMs,
      hstsLine:
        tls.hsts === 0
          ? ''
          : `Strict-Transport-Security: max-age=${Math.floor(tls.hsts / 1000)}\r\n`,
      ticketMemory: this.#tickets.memory,
    };
    tryOut(plan);
    return plan;
  }

  /** @param onChange a file that `planOf` read has changed, and come to rest */
  start(log: Logger, onChange: () => void): void {
    const turn = guarded(log, 'session tickets', () => this.#tickets.turn(randomBytes));
    const look = guarded(log, 'certificates', () => {
      if (this.#files.takeChange()) onChange();
    });
    this.#timers = [setInterval(turn, TICKET_TURN_MS), setInterval(look, LOOK_EVERY_MS)];
    for (const timer of this.#timers) timer.unref();
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}

type Pair = [cert: string, key: string, ocsp: string | undefined];

function pairsOf(tls: TlsSettings): Pair[] {
  const others = tls.certificates.map(
    ({ cert_path, key_path, ocsp_path }): Pair => [cert_path, key_path, ocsp_path],
  );
  if (tls.cert_path === undefined || tls.key_path === undefined) return others;
  return [[tls.cert_path, tls.key_path, tls.ocsp_path], ...others];
}

function filesOf(tls: TlsSettings, servers: readonly ServerSettings[]): string[] {
  const own = tls.enabled ? [...pairsOf(tls).flat(), tls.client_ca_path] : [];
  return [...own.filter((file) => file !== undefined), ...filesOfServers(servers)];
}

function filesOfServers(servers: readonly ServerSettings[]): string[] {
  return servers
    .filter(({ tls }) => tls.enabled)
    .flatMap(({ tls }) => [tls.ca_path, tls.cert_path, tls.key_path])
    .filter((file) => file !== undefined);
}

/** What servers are shown and asked for; each set of files is read once. */
export class ServerIdentities {
  readonly #read = new Map<string, TlsIdentity>();
  readonly #known: ReadonlyMap<string, TlsIdentity>;

  /** @param before what they have read is not read again */
  constructor(before?: ServerIdentities) {
    this.#known = before === undefined ? new Map() : before.#read;
  }

  /** @throws TlsError */
  of({ ca_path, cert_path, key_path }: ServerSettings['tls']): TlsIdentity {
    const files = [ca_path, cert_path, key_path];
    if (files.every((file) => file === undefined)) return PLAIN_IDENTITY;
    const name = JSON.stringify(files);
    let identity = this.#read.get(name) ?? this.#known.get(name);
    if (identity === undefined) {
      const [ca, cert, key] = files.map((file) => (file === undefined ? '' : textOf(file))) as [
        string,
        string,
        string,
      ];
      const digest = createHash('sha256')
        .update(JSON.stringify([ca, cert, key]))
        .digest('base64');
      identity = { digest, ca, cert, key };
      try {
        tryIdentity(identity);
      } catch (error) {
        const named = files.filter((file) => file !== undefined).join(', ');
        const why = `OpenSSL refuses it: ${(error as Error).message}`;
        throw new TlsError(named, why, 'Use PEM files that belong together.');
      }
    }
    this.#read.set(name, identity);
    return identity;
  }
}

function certificateOf(...[certFile, keyFile, ocspFile]: Pair): CertificatePlan {
  const cert = textOf(certFile);
  const key = textOf(keyFile);
  const chain = valueFrom(certFile, readCertificates(Buffer.from(cert)));
  const fault = inspectPair(chain, valueFrom(keyFile, readKey(Buffer.from(key)))).find(
    ({ severity }) => severity === 'error',
  );
  if (fault !== undefined) throw new TlsError(keyFile, fault.message, fault.help);
  const ocsp = ocspFile === undefined ? null : stapleOf(ocspFile, chain[0]!);
  return { cert, key, names: hostNamesOf(chain[0]!), ocsp };
}

function stapleOf(file: string, leaf: X509Certificate): Staple | null {
  const response = bytesOf(file);
  const statuses = valueFrom(file, readOcsp(response));
  const fault = inspectOcsp(statuses, leaf, 0).find(({ severity }) => severity === 'error');
  if (fault !== undefined) throw new TlsError(file, fault.message, fault.help);
  const { status, untilMs } = statusOf(statuses, leaf)!;
  return status === 'good' ? { response, untilMs } : null;
}

const textOf = (file: string): string => bytesOf(file).toString('utf8');

function bytesOf(file: string): Buffer {
  try {
    return readRegularFile(file).bytes;
  } catch (error) {
    throw new TlsError(
      file,
      `it cannot be read (${(error as Error).message})`,
      'Make it a regular file that this user may read.',
    );
  }
}

function valueFrom<T>(file: string, reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  const { message, help } = reading.fault;
  throw new TlsError(file, message, help);
}

/** The data threads must not be the first to find out whether OpenSSL accepts it. */
function tryOut(plan: TlsPlan): void {
  try {
    tryServing(plan);
  } catch (error) {
    throw new TlsError(
      'load_balancing.security.tls',
      `OpenSSL refuses it: ${(error as Error).message}`,
      'See: openclaw config validate --section load_balancing.security.tls',
    );
  }
}

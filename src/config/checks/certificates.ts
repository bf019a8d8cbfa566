/** Certificates and keys: of the listeners, and those shown to and asked of servers. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, getCiphers } from 'node:tls';
import {
  type CertificateFault,
  inspectAuthorities,
  inspectCertificate,
  inspectKeyMode,
  inspectNames,
  inspectPair,
  type Reading,
  readCertificates,
  readKey,
} from '../../x509/certificate.ts';
import { inspectOcsp, readOcsp } from '../../x509/ocsp.ts';
import { nearest } from '../nearest.ts';
import type { Path } from '../walk.ts';
import { at, type CheckContext, type Report, reportFile } from './check.ts';

export function tls(context: CheckContext, report: Report): void {
  const chosen = context.settings.load_balancing.security.tls;
  const path = (...keys: (string | number)[]) => at('security', 'tls', ...keys);
  if (!chosen.enabled) {
    if (chosen.redirect_http !== undefined && context.written(path('redirect_http'))) {
      report(
        'warning',
        [path('redirect_http'), path('enabled')],
        'it is not used, because TLS is off',
        'write enabled: true in load_balancing.security.tls',
      );
    }
    return;
  }
  const isNamed = chosen.cert_path !== undefined || chosen.key_path !== undefined;
  if (!isNamed && chosen.certificates.length === 0) {
    report(
      'error',
      [path(), path('cert_path'), path('certificates')],
      'TLS is on, but no certificate is set',
      'add cert_path and key_path',
    );
  }
  if (chosen.ciphers !== undefined) ciphers(chosen.ciphers, chosen.protocols, report);
  const files = new Files(context, report);
  files.pair(chosen, path(), true);
  for (const [index, one] of chosen.certificates.entries()) {
    files.pair(one, path('certificates', index), true);
  }
  files.authorities(chosen.client_ca_path, path('client_ca_path'));
  const asks = context.written(path('client_certificates'));
  if (chosen.client_ca_path === undefined && asks) {
    report(
      'warning',
      [path('client_certificates')],
      'it is not used, because client certificates are not requested',
      'set their authorities: client_ca_path',
    );
  }
}

export function serverTls(context: CheckContext, report: Report): void {
  const files = new Files(context, report);
  for (const [index, { tls: chosen }] of context.settings.load_balancing.servers.entries()) {
    if (!chosen.enabled) continue;
    const path = at('servers', index, 'tls');
    files.authorities(chosen.ca_path, [...path, 'ca_path']);
    files.pair(chosen, path, false);
  }
}

interface PairOfPaths {
  cert_path?: string | undefined;
  key_path?: string | undefined;
  ocsp_path?: string | undefined;
}

/** Reads each file once, however many servers name it. */
class Files {
  readonly #surroundings: CheckContext['surroundings'];
  readonly #report: Report;
  readonly #read = new Map<string, Opened>();

  constructor({ surroundings }: CheckContext, report: Report) {
    this.#surroundings = surroundings;
    this.#report = report;
  }

  /** @param isForClients browsers will look at its names */
  pair(paths: PairOfPaths, section: Path, isForClients: boolean): void {
    const certPath = [...section, 'cert_path'];
    const keyPath = [...section, 'key_path'];
    const { cert_path: certFile, key_path: keyFile } = paths;
    if ((certFile === undefined) !== (keyFile === undefined)) {
      const [lone, other] = keyFile === undefined ? [certPath, 'key_path'] : [keyPath, 'cert_path'];
      this.#report('error', [lone, [...section, other]], `it needs ${other} as well`);
    }
    const chain = this.#chain(certFile, certPath, isForClients);
    if (isForClients) this.#ocsp(paths.ocsp_path, [...section, 'ocsp_path'], chain);
    const key = this.#key(keyFile, keyPath);
    if (chain === undefined || key === undefined) return;
    const faults = inspectPair(chain, key);
    for (const fault of faults) this.#tell(fault, [keyPath, certPath], keyFile!);
    if (faults.length === 0) this.#useTogether(chain, key, [certPath, keyPath], certFile!);
  }

  authorities(file: string | undefined, path: Path): void {
    const opened = this.#open(file, path);
    const read = opened && this.#value(readCertificates(opened.bytes), path, file!);
    if (read === undefined) return;
    for (const fault of inspectAuthorities(read, this.#surroundings!.nowMs)) {
      this.#tell(fault, [path], file!);
    }
  }

  #ocsp(file: string | undefined, path: Path, chain: X509Certificate[] | undefined): void {
    const opened = this.#open(file, path);
    const statuses = opened && this.#value(readOcsp(opened.bytes), path, file!);
    if (statuses === undefined || chain === undefined) return;
    for (const fault of inspectOcsp(statuses, chain[0]!, this.#surroundings!.nowMs)) {
      this.#tell(fault, [path], file!);
    }
  }

  #chain(
    file: string | undefined,
    path: Path,
    isForClients: boolean,
  ): X509Certificate[] | undefined {
    const opened = this.#open(file, path);
    const chain = opened && this.#value(readCertificates(opened.bytes), path, file!);
    if (chain === undefined) return undefined;
    const faults = inspectCertificate(chain, this.#surroundings!.nowMs);
    if (isForClients) faults.push(...inspectNames(chain));
    for (const fault of faults) this.#tell(fault, [path], file!);
    return chain;
  }

  #key(file: string | undefined, path: Path): KeyObject | undefined {
    const opened = this.#open(file, path);
    const key = opened && this.#value(readKey(opened.bytes), path, file!);
    if (opened === undefined || key === undefined) return undefined;
    for (const fault of inspectKeyMode(opened.mode)) this.#tell(fault, [path], file!);
    return key;
  }

  /** What OpenSSL itself would refuse, such as a key that is too short. */
  #useTogether(chain: X509Certificate[], key: KeyObject, looksAt: Path[], file: string): void {
    try {
      createSecureContext({
        cert: chain.map(String).join('\n'),
        key: key.export({ type: 'pkcs8', format: 'pem' }),
      });
    } catch (error) {
      const { reason, message } = error as Error & { reason?: string };
      const help = 'create a new key and certificate; RSA needs 2048 bits or more';
      this.#tell(
        { severity: 'error', message: `OpenSSL refuses it: ${reason ?? message}`, help },
        looksAt,
        file,
      );
    }
  }

  #open(file: string | undefined, path: Path): Extract<Opened, { ok: true }> | undefined {
    if (file === undefined || this.#surroundings === undefined) return undefined;
    let opened = this.#read.get(file);
    if (opened === undefined) {
      opened = this.#surroundings.readFile(file);
      this.#read.set(file, opened);
    }
    if (opened.ok) return opened;
    const { reason, help } = opened;
    reportFile(this.#report, 'error', [path], { fault: `${file}: ${reason}`, help });
    return undefined;
  }

  #value<T>(read: Reading<T>, path: Path, file: string): T | undefined {
    if (read.ok) return read.value;
    this.#tell(read.fault, [path], file);
    return undefined;
  }

  #tell({ severity, message, help }: CertificateFault, looksAt: Path[], file: string): void {
    const whole = { fault: `${file}: ${message}`, help: help.replaceAll('FILE', file) };
    reportFile(this.#report, severity, looksAt, whole);
  }
}

type Opened = ReturnType<NonNullable<CheckContext['surroundings']>['readFile']>;

/** OpenSSL says nothing of a name that it does not know, as long as it knows one of the others. */
function ciphers(list: string, protocols: readonly string[], report: Report): void {
  const path = at('security', 'tls', 'ciphers');
  if (!protocols.includes('TLSv1.2')) {
    report(
      'warning',
      [path, at('security', 'tls', 'protocols')],
      'it is not used, because it applies to TLS 1.2, which protocols does not include',
      'remove it',
    );
  }
  if (!isUsable(list)) {
    report(
      'error',
      [path],
      'OpenSSL knows none of the ciphers in this list',
      'separate names with colons, as "openssl ciphers" does',
    );
    return;
  }
  for (const name of list.split(/[:, ]/)) {
    if (!/^\w/.test(name) || isUsable(name)) continue;
    const near = nearest(
      name,
      getCiphers().map((known) => known.toUpperCase()),
    );
    const help = near === undefined ? '"openssl ciphers" lists those it knows' : `write ${near}`;
    report('warning', [path], `OpenSSL does not know the cipher "${name}" and ignores it`, help);
  }
}

function isUsable(list: string): boolean {
  try {
    createSecureContext({ ciphers: list });
    return true;
  } catch {
    return false;
  }
}

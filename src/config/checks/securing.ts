/** Certificates and access control. */
import { createSecureContext } from 'node:tls';
import type { Path } from '../walk.ts';
import { at, type CheckContext, type Report } from './check.ts';

export function tls({ settings, written, fileProblem }: CheckContext, report: Report): void {
  const chosen = settings.load_balancing.security.tls;
  const path = (...keys: (string | number)[]) => at('security', 'tls', ...keys);
  if (!chosen.enabled) {
    if (chosen.redirect_http !== undefined && written(path('redirect_http'))) {
      report(
        'warning',
        [path('redirect_http'), path('enabled')],
        'it is not used, for TLS is off',
        'write enabled: true in load_balancing.security.tls',
      );
    }
    return;
  }
  pairOfPaths(chosen, path(), report);
  if (chosen.cert_path === undefined && chosen.key_path === undefined) {
    if (chosen.certificates.length === 0) {
      report(
        'error',
        [path(), path('cert_path'), path('certificates')],
        'TLS is on, and no certificate is given',
        'add cert_path and key_path',
      );
    }
  }
  if (chosen.ciphers !== undefined) {
    try {
      createSecureContext({ ciphers: chosen.ciphers });
    } catch {
      report(
        'error',
        [path('ciphers')],
        'OpenSSL knows no cipher in this list',
        'list names between colons, as "openssl ciphers" shows them',
      );
    }
  }
  const files: [Path, string | undefined][] = [
    [path('cert_path'), chosen.cert_path],
    [path('key_path'), chosen.key_path],
    [path('client_ca_path'), chosen.client_ca_path],
  ];
  for (const [index, { cert_path, key_path }] of chosen.certificates.entries()) {
    files.push([path('certificates', index, 'cert_path'), cert_path]);
    files.push([path('certificates', index, 'key_path'), key_path]);
  }
  readableFiles(files, fileProblem, report);
}

export function serverTls({ settings, fileProblem }: CheckContext, report: Report): void {
  for (const [index, { tls: chosen }] of settings.load_balancing.servers.entries()) {
    if (!chosen.enabled) continue;
    const path = at('servers', index, 'tls');
    pairOfPaths(chosen, path, report);
    readableFiles(
      [
        [[...path, 'ca_path'], chosen.ca_path],
        [[...path, 'cert_path'], chosen.cert_path],
        [[...path, 'key_path'], chosen.key_path],
      ],
      fileProblem,
      report,
    );
  }
}

export function accessControl({ settings }: CheckContext, report: Report): void {
  const { enabled, allowlist, denylist } = settings.load_balancing.security.access_control;
  const path = (...keys: (string | number)[]) => at('security', 'access_control', ...keys);
  if (enabled && allowlist.length === 0 && denylist.length === 0) {
    report('warning', [path()], 'both lists are empty, so everybody is let in');
  }
  const denied = new Set(denylist);
  for (const [index, network] of allowlist.entries()) {
    if (!denied.has(network)) continue;
    report(
      'warning',
      [path('allowlist', index), path('denylist')],
      `${network} is on the denylist too, which wins`,
      'take it off one of the two',
    );
  }
}

function pairOfPaths(
  paths: { cert_path?: string | undefined; key_path?: string | undefined },
  section: Path,
  report: Report,
): void {
  const lone =
    paths.cert_path !== undefined && paths.key_path === undefined
      ? 'cert_path'
      : paths.key_path !== undefined && paths.cert_path === undefined
        ? 'key_path'
        : undefined;
  if (lone === undefined) return;
  const other = lone === 'cert_path' ? 'key_path' : 'cert_path';
  report(
    'error',
    [
      [...section, lone],
      [...section, other],
    ],
    `it needs ${other} beside it`,
  );
}

function readableFiles(
  files: readonly [Path, string | undefined][],
  fileProblem: CheckContext['fileProblem'],
  report: Report,
): void {
  for (const [path, file] of files) {
    const reason = file === undefined ? undefined : fileProblem?.(file);
    if (reason !== undefined) report('error', [path], `${file}: ${reason}`);
  }
}

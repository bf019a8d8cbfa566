/**
 * What no single setting can know: combinations that cannot work (errors), and those that work
 * otherwise than they read (warnings). A check names every setting it looked at; it is left out
 * when one of them has a problem of its own.
 */
import { adminApi, listeners, servers } from './checks/addresses.ts';
import { serverTls, tls } from './checks/certificates.ts';
import type { Check, CheckContext, CheckFinding, Report } from './checks/check.ts';
import { sessionPersistence, strategy, weights } from './checks/choosing.ts';
import { failover, healthCheck } from './checks/failing.ts';
import { monitoring, performance } from './checks/running.ts';
import { accessControl, waf } from './checks/securing.ts';
import { formatPath } from './walk.ts';

export type { CheckContext, FileRead, Surroundings } from './checks/check.ts';

/** All checks, in the order of the file. */
const CHECKS: readonly Check[] = [
  listeners,
  servers,
  weights,
  strategy,
  healthCheck,
  sessionPersistence,
  performance,
  failover,
  monitoring,
  tls,
  serverTls,
  accessControl,
  waf,
  adminApi,
];

export function runChecks(context: CheckContext): CheckFinding[] {
  const findings: CheckFinding[] = [];
  const report: Report = (severity, looksAt, message, help, fileFault) => {
    const path = looksAt[0]!;
    const whole = `${formatPath(path)}: ${message}`;
    findings.push({ severity, path, looksAt, message: whole, help, fileFault });
  };
  for (const check of CHECKS) check(context, report);
  return findings;
}

/** Tools that look for weaknesses, by what they call themselves and by the files they ask for. */

import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { DOT_SECRETS } from './path-names.ts';
import { SPELLINGS, SURE } from './scanner-names.ts';
import { BACKUP_ENDS, BACKUP_SURE, PROBES_LIKELY, PROBES_SURE } from './scanner-probes.ts';

export function detectScanner(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  if (subject.place === 'header') {
    if (subject.name === 'user-agent') judgeAgent(subject, findings);
    else if (
      /^(?:x-scan(?:ner)?|x-wipp|acunetix-.*|x-ratproxy-loop|x-scan-memo|x-wapiti.*)$/.test(
        subject.name,
      ) ||
      /acunetix|netsparker/.test(subject.name)
    ) {
      findings.signal('scanner-agent', subject, 0, 80, `the header ${subject.name}`);
    }
    return;
  }
  if (subject.place !== 'path') return;
  const path = `${lower
    .split('\0')[0]!
    .replaceAll('\\', '/')
    .replace(/\/{2,}/g, '/')}`;
  if (SHOWN_SOURCE.test(path)) return;
  const ended = path.endsWith('/') ? path : `${path}/`;
  for (const probe of PROBES_SURE) {
    const at = ended.indexOf(probe);
    if (at < 0) continue;
    if (!boundedProbe(ended, probe, at)) continue;
    findings.signal('scanner-probe', subject, at, at + probe.length + 20, `asks for ${probe}`);
    return;
  }
  const parts = BACKUP_SURE.exec(path);
  if (parts) {
    findings.signal(
      'scanner-probe',
      subject,
      parts.index,
      path.length,
      'asks for a copy of a program or a database',
    );
    return;
  }
  const dotted = path.includes('/.') ? DOT_SECRETS.exec(path) : null;
  if (dotted && !/\.env\.(?:example|sample|template|dist)\b/.test(path)) {
    findings.signal(
      'scanner-probe',
      subject,
      dotted.index,
      path.length,
      `asks for ${dotted[0]}, which belongs to a person's account`,
    );
    return;
  }
  const backup = BACKUP_ENDS.exec(path);
  if (backup)
    findings.signal(
      'scanner-likely',
      subject,
      backup.index,
      path.length,
      'asks for a copy or a key',
    );
  for (const probe of PROBES_LIKELY) {
    if (ended.includes(probe)) {
      findings.signal('scanner-likely', subject, 0, 80, `asks for ${probe}`);
      return;
    }
  }
}

/** A page of a forge that shows a file of somebody's sources: /ann/tool/blob/main/... */
const SHOWN_SOURCE = /^\/[\w.~-]{1,64}\/[\w./-]{1,128}\/(?:blob|tree|raw|blame|edit|commits)\/[^/]/;

/** A probe that ends in a name must end there in the path: /info.php, not /info.phpx; /.env.local. */
function boundedProbe(path: string, probe: string, at: number): boolean {
  const last = probe.charCodeAt(probe.length - 1);
  const named = (last >= 97 && last <= 122) || (last >= 48 && last <= 57);
  if (!named) return true;
  if (probe === '/.env' && /^\.(?:example|sample|template|dist)\b/.test(path.slice(at + 5)))
    return false;
  const next = path.charCodeAt(at + probe.length);
  const letter =
    (next >= 97 && next <= 122) || (next >= 48 && next <= 57) || next === 45 || next === 95;
  return !letter;
}

function judgeAgent(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  let start = -1;
  for (let at = 0; at <= lower.length; at++) {
    const code = at < lower.length ? lower.charCodeAt(at) : 32;
    const part = (code >= 97 && code <= 122) || (code >= 48 && code <= 57);
    if (part && start < 0) start = at;
    else if (!part && start >= 0) {
      const word = lower.slice(start, at);
      if (SURE.has(word)) {
        findings.signal('scanner-agent', subject, start, at + 20, `calls itself ${word}`);
        return;
      }
      start = -1;
    }
  }
  const spelling = SPELLINGS.exec(lower);
  if (spelling)
    findings.signal(
      'scanner-agent',
      subject,
      spelling.index,
      spelling.index + 40,
      `calls itself ${spelling[0]}`,
    );
  else if (
    /^(?:curl|wget|python-requests|python-urllib|go-http-client|libwww-perl|java)\/?/.test(lower) ||
    lower === '-' ||
    lower === ''
  ) {
    findings.signal('scanner-library', subject, 0, 60, 'a bare library');
  }
}

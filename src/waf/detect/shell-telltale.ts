/** Command injection that shows without a separator: spellings only an evader uses, and Windows. */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { namedByWildcards } from './glob.ts';
import { BATCH_LOOP } from './shell-command.ts';
import { isCommandLine, isDisguised } from './shell-line.ts';
import { handsOverShell } from './shell-reverse.ts';

/** Options that hand a program to git, ssh, tar, rsync, zip or find, as an argument slips them in. */
const RUNNING_OPTION =
  /(?:^|\s)(?:--(?:upload-pack|receive-pack|exec|ext-diff|use-compress-program|to-command|rsh|unzip-command|checkpoint-action|use-askpass|config-env)[ =]['"\w/]|-o\s{0,2}(?:proxycommand|queuedirectory)=)/;

/** ;a=i;b=d;$a$b : variables set, and one of them where a command is expected. */
const RUNS_VARIABLE =
  /[;&|\n]\s{0,4}\w{1,12}=(?:\$?'[^'\n]{0,80}'|"[^"\n]{0,80}"|[^\s;&|$'"]{1,40})(?:[;&\s][^\n]{0,200})?[;&|]\s{0,4}(?:\$\{?\w{1,12}\}?){1,8}\s{0,4}(?:$|[\s;|&])/;

/** Spellings that only a shell's evader uses, and the ends of reverse shells. */
export function judgeTelltales(subject: Subject, findings: Findings): void {
  const { text, characters: c, words } = subject;
  const ifs = (c & f.DOLLAR) !== 0 && (text.includes('${IFS') || text.includes('$IFS'));
  if (ifs && !subject.prose && !subject.document) {
    findings.signal(
      'shell-ifs',
      subject,
      text.indexOf('$'),
      text.length,
      'the field separator for a blank',
    );
  }
  if ((c & f.COLON) !== 0 && (c & f.BRACE) !== 0 && !subject.prose && !subject.document) {
    const bomb = text.search(/:\s?\(\)\s?\{\s?:\s?\|/);
    if (bomb >= 0) findings.signal('shell-ifs', subject, bomb, bomb + 20, 'a fork bomb');
  }
  const assigns = (c & f.DOLLAR) !== 0 && (c & f.EQUALS) !== 0 && !subject.document;
  if (assigns && RUNS_VARIABLE.test(text) && !isCommandLine(subject))
    findings.signal('shell-ifs', subject, 0, 80, 'a command put together in variables');
  if ((words & (f.WORD_COMMAND | f.WORD_REMOTE)) === 0 && (c & f.SLASH) === 0) return;
  const option = mayBeOption(text, c) ? subject.lower.search(RUNNING_OPTION) : -1;
  if (option >= 0 && !subject.prose && !subject.document && !isCommandLine(subject))
    findings.signal('shell-command', subject, option, option + 60, 'an option that runs a program');
  const remote = (words & f.WORD_REMOTE) !== 0;
  const reverse = remote ? handsOverShell(subject) : undefined;
  if (reverse)
    findings.signal('shell-reverse', subject, reverse.at - 20, reverse.at + 60, reverse.why);
  if (remote && !subject.prose) windows(subject, findings);
  if ((c & f.PERCENT) !== 0 && !subject.prose) batchLoop(subject, findings);
  if (isFormula(text) && !subject.prose)
    findings.signal('shell-command', subject, 0, 60, 'a formula that runs a program');
  const glob = mayHoldWildcard(text, c) ? namedByWildcards(text) : -1;
  if (glob >= 0 && !subject.prose)
    findings.signal('shell-ifs', subject, glob, glob + 60, 'a file named by wildcards');
  if ((c & JOINED) !== 0 && (c & f.SLASH) !== 0 && isDisguised(subject.lower) && !subject.prose)
    findings.signal('shell-ifs', subject, 0, 80, 'a secret file in pieces that a shell joins');
  const brace = (c & f.BRACE) !== 0 ? text.search(BRACED) : -1;
  if (brace >= 0 && !subject.prose && !subject.document)
    findings.signal('shell-ifs', subject, brace, brace + 60, 'a command in brace expansion');
}

/** `--exec`, `-oProxyCommand` */
function mayBeOption(text: string, c: number): boolean {
  return (c & f.OTHER) !== 0 && (text.includes('--') || text.includes('-o') || text.includes('-O'));
}

function isFormula(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first !== 61 && first !== 43 && first !== 64 && first !== 45) return false;
  return /^[=+@-]\s{0,4}(?:cmd|powershell|rundll32|mshta|msexcel)\|/i.test(text);
}

function mayHoldWildcard(text: string, c: number): boolean {
  if ((c & f.SLASH) === 0) return false;
  return (c & (f.STAR | f.BRACKET)) !== 0 || ((c & f.OTHER) !== 0 && text.includes('?'));
}

/** Characters at which a shell joins the pieces of a word; those beyond ASCII are quotes, too. */
const JOINED = f.SQUOTE | f.DQUOTE | f.BACKSLASH | f.DOLLAR | f.HIGH;

const BRACED = /\{(?:cat|ls|id|nc|curl|wget|echo|bash|sh|ping|uname|rm|head|tail),[^{}\s]{0,80}\}/;

/** What Windows runs, wherever it stands: PowerShell told to hide or to run what it fetches, cmd /c. */
function windows(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  for (const [pattern, why] of WINDOWS) {
    const at = lower.search(pattern);
    if (at < 0 || subject.quotesCode(at)) continue;
    findings.signal('shell-command', subject, at, at + 80, why);
    return;
  }
}

function batchLoop(subject: Subject, findings: Findings): void {
  const typed = subject.trusting && (subject.place === 'json' || subject.place === 'form');
  if (!typed && BATCH_LOOP.test(subject.text.slice(0, 160)))
    findings.signal('shell-command', subject, 0, 80, 'a loop of cmd.exe');
}

const WINDOWS: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:powershell|pwsh)(?:\.exe)?["']?\s[^|]{0,80}[-/](?:e|en|enc|encodedcommand|ec|w|nop|noni|ep|exec)\b/,
    'powershell told to hide',
  ],
  [
    /\b(?:iex|invoke-expression)\s{0,4}[(&]?\s{0,4}\(?(?:new-object|iwr|irm|invoke-webrequest|invoke-restmethod|\$)/,
    'powershell runs what it fetches',
  ],
  [
    /(?:\b(?:iwr|irm|invoke-webrequest|invoke-restmethod)\s|\.downloadstring\()[^\n]{0,200}\|\s{0,4}(?:iex|invoke-expression)\b/,
    'powershell runs what it fetches',
  ],
  [/(?:\b(?:cmd|command)(?:\.exe|\.com)?|%comspec%)["']?\s{1,4}\/(?:c|k|r)\b/, 'cmd /c'],
  [/(?:^|[\s;|&])cmd(?:\.exe)?\/(?:c|k|r)\s/, 'cmd /c'],
  [
    /\bcertutil(?:\.exe)?\s[^\n]{0,80}[-/](?:urlcache|verifyctl|decode|decodehex|encode)\b/,
    'certutil fetches or unpacks',
  ],
  [
    /\b(?:bitsadmin(?:\.exe)?\s[^\n]{0,40}\/transfer|mshta(?:\.exe)?\s{1,4}(?:https?:|javascript:|vbscript:)|regsvr32(?:\.exe)?\s[^\n]{0,40}\/i:http|rundll32(?:\.exe)?\s{1,4}javascript:)/,
    'a program of Windows that runs what it fetches',
  ],
];

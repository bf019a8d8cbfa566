/** `openclaw waf test`: what the rules say about a request that somebody makes up. */
import { wafOptionsOf } from '../config/waf-options.ts';
import {
  type Exclusion,
  exclusionFor,
  type Match,
  type Paranoia,
  SCORES,
  type Verdict,
  WAF_DEFAULTS,
  Waf,
  type WafOptions,
} from '../waf/index.ts';
import { check, readConfig, refuseProblems, requireFile, shown } from './config-file.ts';
import { CommandError, EXIT, type Io } from './io.ts';
import { type MadeUpRequest, madeUpRequest, type RequestOptions } from './waf-request.ts';

export interface TestOptions extends RequestOptions {
  config?: string;
  paranoia?: Paranoia;
  json?: boolean;
}

export function testRequest(io: Io, options: TestOptions): void {
  const { source, ...configured } = optionsOf(io, options);
  const waf = firewall(configured);
  const request = madeUpRequest(io, options);
  const verdict = inspect(waf, request);
  const isTooLarge = waf.refusesLength(request.body?.bytes.length ?? 0);
  const blocked = isTooLarge || waf.blocks(verdict);
  const exclusions = exclusionsFor(verdict, request, isTooLarge);
  const remedy = inspect(
    firewall({ ...configured, exclusions: [...configured.exclusions, ...exclusions] }),
    request,
  );
  const report: Report = { waf, source, request, verdict, blocked, isTooLarge, exclusions, remedy };
  io.out(options.json ? `${JSON.stringify(jsonOf(report), null, 2)}\n` : textOf(report));
  if (blocked) io.exitCode = EXIT.refused;
}

/** The settings of the file, else the defaults. */
function optionsOf(io: Io, { config, paranoia }: TestOptions): WafOptions & { source: string } {
  const level = paranoia === undefined ? {} : { paranoiaLevel: paranoia };
  let file: string;
  try {
    file = requireFile(io, config);
  } catch (error) {
    if (config === undefined) return { ...WAF_DEFAULTS, ...level, source: 'defaults' };
    throw error;
  }
  const loaded = check(io, readConfig(file), file);
  refuseProblems(io, loaded, `${shown(io, file)} has errors`);
  const settings = loaded.settings!;
  const off = settings.load_balancing.security.waf.enabled ? '' : ', where it is switched off';
  return { ...wafOptionsOf(settings), ...level, source: `${shown(io, file)}${off}` };
}

function firewall(options: WafOptions): Waf {
  try {
    return new Waf(options);
  } catch (error) {
    throw new CommandError((error as Error).message, EXIT.refused, 'openclaw waf rules lists them');
  }
}

function inspect(waf: Waf, { head, body }: MadeUpRequest): Verdict {
  const first = waf.inspectHead(head);
  return body === undefined ? first : waf.join(first, waf.inspectBody(body));
}

function exclusionsFor(
  { matches }: Verdict,
  { head }: MadeUpRequest,
  isTooLarge: boolean,
): Exclusion[] {
  const seen = new Map<string, Exclusion>();
  for (const match of matches) {
    if (isTooLarge && match.rule.id === 'bound-body') continue; // no exclusion lets it pass
    const exclusion = exclusionFor(match, head.target);
    seen.set(JSON.stringify(exclusion), exclusion);
  }
  return [...seen.values()];
}

interface Report {
  readonly waf: Waf;
  /** Where the options come from. */
  readonly source: string;
  readonly request: MadeUpRequest;
  readonly verdict: Verdict;
  readonly blocked: boolean;
  /** The body is longer than body_limit, and refused for that. */
  readonly isTooLarge: boolean;
  readonly exclusions: readonly Exclusion[];
  /** The verdict with these exclusions. */
  readonly remedy: Verdict;
}

function textOf(report: Report): string {
  const { waf, source, request, verdict, exclusions, remedy } = report;
  const { mode, paranoiaLevel, anomalyThreshold } = waf.options;
  const lines = [
    `${request.head.method} ${request.head.target}`,
    ...(request.body === undefined
      ? []
      : [`body ${request.body.bytes.length} bytes, read as ${request.body.contentType}`]),
    `mode ${mode}, paranoia level ${paranoiaLevel} (${source})`,
    '',
  ];
  for (const match of verdict.matches) lines.push(...matchText(match));
  if (verdict.matches.length === 0) lines.push('No rule speaks.', '');
  lines.push(`score ${verdict.score}, threshold ${anomalyThreshold}: ${verdictText(report)}`);
  if (report.isTooLarge)
    lines.push('Raise body_limit, or let the rest pass unseen: oversize: pass');
  if (exclusions.length > 0) {
    lines.push('', 'Where this is harmless, under load_balancing.security.waf:', 'exclusions:');
    for (const exclusion of exclusions) lines.push(`  - ${yamlOf(exclusion)}`);
    lines.push(
      remedy.isHit
        ? `# even so the score would be ${remedy.score}: more speaks than is listed here`
        : `# with ${exclusions.length === 1 ? 'it' : 'them'} the score is ${remedy.score} and the request passes`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function verdictText({ waf, verdict: { isHit, score }, blocked, isTooLarge }: Report): string {
  if (isTooLarge && !(isHit && waf.options.mode === 'block'))
    return `refused with 413: the body is larger than body_limit (${waf.options.bodyBytesLimit} bytes)`;
  if (blocked) return 'refused with 403';
  if (isHit) return 'a hit, logged and let through (mode detect)';
  return score > 0 ? 'passes, for the sum is below the threshold' : 'passes';
}

function matchText({ rule, place, name, snippet, why, round }: Match): string[] {
  const decoded = round === 0 ? 'as the application reads it' : `after ${times(round)} of decoding`;
  return [
    `${rule.id}  +${SCORES[rule.severity]} (${rule.severity}, level ${rule.paranoia})`,
    `  detects  ${rule.title}`,
    `  where    ${name === '' ? place : `${place} ${JSON.stringify(name)}`}, ${decoded}`,
    ...(snippet === '' ? [] : [`  matched  ${visible(snippet)}`]),
    `  why      ${visible(why)}`,
    '',
  ];
}

function times(round: number): string {
  return round === 1 ? 'one further round' : `${round} further rounds`;
}

/** Control characters would move the cursor, or worse. */
function visible(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll('\\\\', '\\');
}

/** JSON is YAML, and quotes what needs it; a flow mapping is pasted as one line. */
function yamlOf(exclusion: Exclusion): string {
  const fields = Object.entries(exclusion).map(([key, value]) => {
    const plain = /^[\w/][\w/.-]*$/.test(value as string) && /[a-z/]/i.test((value as string)[0]!);
    return `${key}: ${plain ? value : JSON.stringify(value)}`;
  });
  return `{ ${fields.join(', ')} }`;
}

function jsonOf({ waf, source, verdict, blocked, exclusions, remedy }: Report): object {
  const { mode, paranoiaLevel, anomalyThreshold } = waf.options;
  return {
    blocked,
    hit: verdict.isHit,
    score: verdict.score,
    threshold: anomalyThreshold,
    mode,
    paranoia_level: paranoiaLevel,
    settings: source,
    matches: verdict.matches.map(({ rule, place, name, snippet, why, round }) => ({
      rule: rule.id,
      title: rule.title,
      severity: rule.severity,
      score: SCORES[rule.severity],
      paranoia_level: rule.paranoia,
      place,
      name,
      matched: snippet,
      why,
      rounds: round,
    })),
    exclusions,
    score_with_exclusions: remedy.score,
  };
}

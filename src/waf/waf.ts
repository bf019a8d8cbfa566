/**
 * How the firewall works. A request's head and body are taken apart into values; each value
 * is read as sent and after every further decoding (decode.ts); detectors (detect/) read it in the
 * grammar of an attack and signal what they recognise; rules (rules/) say what a signal counts.
 * docs/waf.md tells the same to operators.
 *
 * Everything is linear in the input, and everything is bounded (bounds.ts, decode.ts).
 */
import { CLEAN, type Findings, type Verdict } from './findings.ts';
import { bodyIsClean } from './first-pass/body.ts';
import { headIsClean } from './first-pass/head.ts';
import { inspectBody } from './inspect-body.ts';
import { inspectHead, inspectHeaders } from './inspect-head.ts';
import { Inspection } from './inspection.ts';
import type { BodyView, HeaderList, HeadView } from './request.ts';
import type { Paranoia, Rule } from './rule.ts';
import { type Exclusion, Ruleset } from './ruleset.ts';

export interface WafOptions {
  /** `block` refuses a hit, `detect` lets it pass and says so. */
  readonly mode: 'block' | 'detect';
  /** 1 trusts prose and markup in bodies; each level asks more rules. */
  readonly paranoiaLevel: Paranoia;
  /** The score from which a request is a hit; one critical rule scores 5. */
  readonly anomalyThreshold: number;
  readonly exclusions: readonly Exclusion[];
  /** How much of a body is looked at, in bytes. */
  readonly bodyBytesLimit: number;
  /** What becomes of a longer body: its rest passes unseen, or with `block` the request is refused. */
  readonly oversize: 'pass' | 'refuse';
}

export const WAF_DEFAULTS: WafOptions = {
  mode: 'block',
  paranoiaLevel: 1,
  anomalyThreshold: 5,
  exclusions: [],
  bodyBytesLimit: 131_072,
  oversize: 'pass',
};

/** The highest paranoia level whose rules all need a character or a word of the first pass. */
export const FIRST_PASS_LEVEL_MAX = 2;

export class Waf {
  readonly options: WafOptions;
  readonly #ruleset: Ruleset;

  /**
   * @param options what is left out is as in `WAF_DEFAULTS`
   * @throws RangeError for a threshold below 1, and for an exclusion that names no rule there is or
   *   a path that no request has
   */
  constructor(options: Partial<WafOptions> = {}) {
    this.options = { ...WAF_DEFAULTS, ...options };
    this.#ruleset = new Ruleset(this.options.paranoiaLevel, this.options.exclusions);
    if (!(this.options.anomalyThreshold >= 1)) {
      throw new RangeError(
        `anomaly_threshold must be 1 or more, not ${this.options.anomalyThreshold}: 0 would block every request`,
      );
    }
  }

  /** Whether a request with that verdict is to be refused: a hit, in `block` mode. */
  blocks(verdict: Verdict): boolean {
    return verdict.isHit && this.options.mode === 'block';
  }

  /** Whether a body of that length is refused unread: `block` mode with `oversize: 'refuse'`. */
  refusesLength(bytes: number): boolean {
    const { mode, oversize, bodyBytesLimit } = this.options;
    return (
      mode === 'block' && oversize === 'refuse' && bodyBytesLimit > 0 && bytes > bodyBytesLimit
    );
  }

  /**
   * Whether one look at the bytes of a head tells that `inspectHead` would say nothing of it: that
   * spares the strings. See `headIsClean` of first-pass/head.ts.
   */
  headIsClean(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#trustsFirstPass && headIsClean(bytes, start, end);
  }

  /** From level 3 on rules speak of plain words too, which the first pass lets by. */
  get #trustsFirstPass(): boolean {
    return this.options.paranoiaLevel <= FIRST_PASS_LEVEL_MAX;
  }

  /** Inspects method, target and headers. */
  inspectHead(head: HeadView): Verdict {
    const inspection = this.#begin(head.target);
    inspectHead(inspection, head);
    return this.#verdict(inspection.findings);
  }

  /** Inspects the fields behind a chunked body. @param target of the request, for exclusions by path */
  inspectTrailers(target: string, fields: HeaderList): Verdict {
    const inspection = this.#begin(target);
    inspectHeaders(inspection, fields);
    return this.#verdict(inspection.findings);
  }

  /** Inspects a body, or its first `bodyBytesLimit` bytes. */
  inspectBody(body: BodyView): Verdict {
    const limit = this.options.bodyBytesLimit;
    const cut = body.isTruncated || body.bytes.length > limit;
    const bytes = body.bytes.length > limit ? body.bytes.subarray(0, limit) : body.bytes;
    if (this.#trustsFirstPass && !cut && !isMultipart(body.contentType) && bodyIsClean(bytes))
      return CLEAN;
    const inspection = this.#begin(body.target);
    if (cut)
      inspection.findings.say(
        'bound-body',
        'request',
        '',
        0,
        `only ${bytes.length} bytes were looked at`,
      );
    inspectBody(inspection, body.contentType, bytes);
    return this.#verdict(inspection.findings);
  }

  /** One verdict from those on a request's head and body: a rule that speaks in both counts once. */
  join(head: Verdict, body: Verdict): Verdict {
    if (body === CLEAN) return head;
    if (head === CLEAN) return body;
    const seen = new Set(head.matches.map((match) => match.rule));
    let again = 0;
    const counted = new Set<Rule>();
    for (const { rule } of body.matches) {
      if (!seen.has(rule) || counted.has(rule)) continue;
      counted.add(rule);
      again += this.#ruleset.scoreOf(rule);
    }
    const score = head.score + body.score - again;
    const matches = [...head.matches, ...body.matches];
    return Object.freeze({ score, matches, isHit: score >= this.options.anomalyThreshold });
  }

  #begin(target: string): Inspection {
    return new Inspection(this.#ruleset.lookupFor(target), this.options.paranoiaLevel);
  }

  #verdict(findings: Findings): Verdict {
    if (findings.score === 0) return CLEAN;
    const { score, matches } = findings;
    return Object.freeze({ score, matches, isHit: score >= this.options.anomalyThreshold });
  }
}

/** Names and file names of parts stand in quotes, and what is harmless in JSON is not in them. */
function isMultipart(contentType: string): boolean {
  return /^\s{0,8}multipart\//i.test(contentType);
}

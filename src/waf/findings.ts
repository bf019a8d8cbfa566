import { type Place, type Rule, SCORES } from './rule.ts';
import type { Subject } from './subject.ts';

/** One rule that spoke, and why. */
export interface Match {
  readonly rule: Rule;
  readonly place: Place;
  /** The parameter, header, cookie or JSON key; empty where there is none. */
  readonly name: string;
  /** The part of the decoded value that gave it away, cut to SNIPPET_MAX characters. */
  readonly snippet: string;
  /** The grammar that was recognised, in a few words. */
  readonly why: string;
  /** Rounds of decoding beyond the application's own that it took to see it. */
  readonly round: number;
}

/** What the WAF says of one request, or of its head or body. Frozen. */
export interface Verdict {
  /** Sum of the scores of the rules that spoke, each counted once. */
  readonly score: number;
  readonly matches: readonly Match[];
  /** Whether the score reached the threshold. What to do then is the mode's business. */
  readonly isHit: boolean;
}

/** The verdict on a request of which no rule speaks. One object for all: compare by identity. */
export const CLEAN: Verdict = Object.freeze({ score: 0, matches: Object.freeze([]), isHit: false });

export const SNIPPET_MAX = 120;
/** Matches kept for one request; rules that speak beyond it still count for the score. */
export const MATCHES_MAX = 32;

/** Which rules are asked, told by the ruleset and the exclusions of the configuration. */
export interface RuleLookup {
  /** The rules that listen to a signal in a place, for the parameter of that name. */
  rulesFor(signal: string, place: Place, name: string): readonly Rule[];
}

/** Collects what detectors signal for one request. */
export class Findings {
  score = 0;
  readonly matches: Match[] = [];
  /** The key whose string holds the JSON that is read: what is excluded for it is excluded within. */
  within = '';
  readonly #lookup: RuleLookup;
  readonly #counted = new Set<Rule>();

  constructor(lookup: RuleLookup) {
    this.#lookup = lookup;
  }

  /** A detector saw its pattern between `from` and `to` of the subject's text. */
  signal(name: string, subject: Subject, from: number, to: number, why: string): void {
    this.say(name, subject.place, subject.name, subject.round, why, subject.text, from, to);
  }

  /** The same for what is no single value: the request as a whole, a bound that was met. */
  say(
    signal: string,
    place: Place,
    name: string,
    round: number,
    why: string,
    text = '',
    from = 0,
    to = text.length,
  ): void {
    for (const rule of this.#lookup.rulesFor(signal, place, name)) {
      if (this.within !== '' && !this.#speaksWithin(rule, signal, place)) continue;
      const known = this.#counted.has(rule);
      if (
        known &&
        this.matches.some((it) => it.rule === rule && it.place === place && it.name === name)
      ) {
        continue;
      }
      if (!known) {
        this.#counted.add(rule);
        this.score += scoreOf(rule);
      }
      if (this.matches.length === MATCHES_MAX) continue;
      const start = Math.max(0, from);
      const snippet = text.slice(start, Math.min(to, start + SNIPPET_MAX));
      this.matches.push({ rule, place, name, snippet, why, round });
    }
  }

  #speaksWithin(rule: Rule, signal: string, place: Place): boolean {
    return this.#lookup.rulesFor(signal, place, this.within).includes(rule);
  }
}

function scoreOf(rule: Rule): number {
  return SCORES[rule.severity];
}

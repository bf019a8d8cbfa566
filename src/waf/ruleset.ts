import type { RuleLookup } from './findings.ts';
import { requestPath } from './request-path.ts';
import { type Paranoia, type Place, type Rule, SCORES } from './rule.ts';
import { RULES } from './rules/rules.ts';

/**
 * What is not asked, and where. Fields that are given must all fit; at least one is given.
 */
export interface Exclusion {
  /** A rule's id, a class, or an id's beginning and `*`. */
  readonly rule?: string | undefined;
  /**
   * The request's path as `requestPath` reads it; with a `*` at its end, all that begin so. A path
   * that servers read differently fits none.
   */
  readonly path?: string | undefined;
  /** The name of a parameter, header, cookie or JSON key. */
  readonly parameter?: string | undefined;
}

/** The rules of one paranoia level, by the signal that they listen to. */
export class Ruleset implements RuleLookup {
  readonly #bySignal = new Map<string, Rule[]>();
  /** Exclusions that need the parameter to be known. */
  readonly #exclusions: readonly Exclusion[];
  readonly #byPath: readonly { readonly paths: Paths; readonly exclusion: Exclusion }[];

  /** @throws RangeError for an exclusion that names nothing, or no rule there is */
  constructor(paranoia: Paranoia, exclusions: readonly Exclusion[]) {
    for (const exclusion of exclusions) checkExclusion(exclusion);
    this.#byPath = exclusions
      .filter((it) => it.path !== undefined)
      .map((exclusion) => ({ paths: pathsOf(exclusion.path!), exclusion }));
    this.#exclusions = exclusions.filter((it) => it.path === undefined);
    for (const rule of RULES) {
      if (rule.paranoia > paranoia) continue;
      const signal = rule.signal ?? rule.id;
      const rules = this.#bySignal.get(signal);
      if (rules) rules.push(rule);
      else this.#bySignal.set(signal, [rule]);
    }
  }

  /** The lookup for a request: most often the ruleset itself. */
  lookupFor(target: string): RuleLookup {
    if (this.#byPath.length === 0) return this;
    const { path, isAmbiguous } = requestPath(target);
    const here = isAmbiguous ? [] : this.#byPath.filter(({ paths }) => fitsPath(paths, path));
    if (here.length === 0) return this;
    const all = [...this.#exclusions, ...here.map(({ exclusion }) => exclusion)];
    return { rulesFor: (signal, place, name) => this.#select(signal, place, name, all) };
  }

  rulesFor(signal: string, place: Place, name: string): readonly Rule[] {
    return this.#select(signal, place, name, this.#exclusions);
  }

  scoreOf(rule: Rule): number {
    return SCORES[rule.severity];
  }

  #select(signal: string, place: Place, name: string, exclusions: readonly Exclusion[]): Rule[] {
    const rules = this.#bySignal.get(signal);
    if (!rules) return [];
    return rules.filter(
      (rule) =>
        rule.where.includes(place) &&
        !exclusions.some((it) => fitsRule(it.rule, rule) && fitsName(it.parameter, name)),
    );
  }
}

/** @throws RangeError for an exclusion that names nothing, no rule there is, or no path there can be */
export function checkExclusion(exclusion: Exclusion): void {
  const { rule, path, parameter } = exclusion;
  if (rule === undefined && path === undefined && parameter === undefined) {
    throw new RangeError(
      'an exclusion needs a rule, a path or a parameter; an empty one would switch everything off',
    );
  }
  if (rule !== undefined && !RULES.some((it) => fitsRule(rule, it))) {
    throw new RangeError(
      `the exclusion names the rule "${rule}", which does not exist; docs/waf.md lists them`,
    );
  }
  if (path !== undefined && !path.startsWith('/')) {
    throw new RangeError(`the exclusion's path "${path}" must begin with a slash`);
  }
  if (path !== undefined && /[?#]/.test(path)) {
    throw new RangeError(
      `the exclusion's path "${path}" has a query, which is no part of a path: name the parameter instead`,
    );
  }
  if (path !== undefined && isAmbiguousPrefix(path)) {
    throw new RangeError(
      `the exclusion's path "${path}" is one that servers read differently, and no request matches it: write it without dot segments, doubled slashes and encoded slashes`,
    );
  }
}

function fitsRule(wanted: string | undefined, rule: Rule): boolean {
  if (wanted === undefined || wanted === rule.id || wanted === rule.class) return true;
  return wanted.endsWith('*') && rule.id.startsWith(wanted.slice(0, -1));
}

/** The paths that an exclusion is for. */
interface Paths {
  readonly start: string;
  /** Whether more may follow. */
  readonly isOpen: boolean;
}

function pathsOf(wanted: string): Paths {
  const isOpen = wanted.endsWith('*');
  return { start: requestPath(startOf(wanted)).path, isOpen };
}

/** What stands before the star, with what no target can hold encoded as clients do. */
function startOf(wanted: string): string {
  const start = wanted.endsWith('*') ? wanted.slice(0, -1) : wanted;
  return start.replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);
}

function isAmbiguousPrefix(wanted: string): boolean {
  return requestPath(startOf(wanted)).isAmbiguous;
}

function fitsPath({ start, isOpen }: Paths, path: string): boolean {
  return isOpen ? path.startsWith(start) : path === start;
}

function fitsName(wanted: string | undefined, name: string): boolean {
  return wanted === undefined || wanted.toLowerCase() === name.toLowerCase();
}

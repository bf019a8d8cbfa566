/**
 * What a rule is. A rule is data: it says which signal of a detector counts, where, and how much.
 * How an attack is recognised is the detector's business (detect/), for that takes a grammar.
 */

/** A place in a request that a value was read from. */
export const PLACES = [
  'method',
  'path',
  'query',
  'header',
  'cookie',
  'form',
  'json',
  'multipart',
  'filename',
  'xml',
  'body',
  'request',
] as const;
export type Place = (typeof PLACES)[number];

/** In the order in which the shared table counts them. */
export const RULE_CLASSES = [
  'sql',
  'nosql',
  'xss',
  'path',
  'command',
  'template',
  'ssrf',
  'xxe',
  'deserialisation',
  'protocol',
  'scanner',
  'bound',
] as const;
export type RuleClass = (typeof RULE_CLASSES)[number];

export type Severity = 'critical' | 'error' | 'warning' | 'notice';
export type Paranoia = 1 | 2 | 3 | 4;

/** Points of each severity, as the OWASP Core Rule Set counts them: one critical rule is enough. */
export const SCORES: Readonly<Record<Severity, number>> = {
  critical: 5,
  error: 4,
  warning: 3,
  notice: 2,
};

export interface Rule {
  /** Stable, in lower case and dashes, its class first: what exclusions and log lines name. */
  readonly id: string;
  /** What it detects, for the operator: one line. */
  readonly title: string;
  readonly class: RuleClass;
  /** The signal of a detector that this rule listens to; its own id when absent. */
  readonly signal?: string;
  /** The places it looks at. */
  readonly where: readonly Place[];
  readonly severity: Severity;
  /** The lowest paranoia level at which it speaks. */
  readonly paranoia: Paranoia;
  /** Specimens (see specimen.ts) in which it must speak, at its own level. */
  readonly match: readonly string[];
  /** Specimens in which it must stay silent, at its own level. */
  readonly pass: readonly string[];
}

/** Every place that holds a value a client chose. */
export const VALUES: readonly Place[] = [
  'path',
  'query',
  'header',
  'cookie',
  'form',
  'json',
  'multipart',
  'filename',
  'xml',
  'body',
];

/** Values that arrive in the head: short, and seldom written by a person as prose. */
export const HEAD_VALUES: readonly Place[] = ['path', 'query', 'header', 'cookie'];

/** Values that arrive in a body, where prose, code and markup are at home. */
export const BODY_VALUES: readonly Place[] = [
  'form',
  'json',
  'multipart',
  'filename',
  'xml',
  'body',
];

/**
 * The web application firewall as a library, and its entry. It imports nothing but itself and
 * Node, does no I/O, keeps nothing between requests and answers at once. The package exports it as
 * `openclaw-lb/waf`; docs/waf.md has the rules, their tuning, and how to use it in a program.
 *
 * ```ts
 * const waf = new Waf({ paranoiaLevel: 1 });
 * const head = waf.inspectHead({ method, target, headers: headerList(pairs) });
 * const body = waf.inspectBody({ target, contentType, bytes, isTruncated: false });
 * const verdict = waf.join(head, body);
 * if (waf.blocks(verdict)) console.log(explain(verdict, waf.options.anomalyThreshold));
 * ```
 */

export * from './catalogue.ts';
export { type BodyView, type HeaderList, type HeadView, headerList } from './request.ts';
export { WAF_DEFAULTS, Waf, type WafOptions } from './waf.ts';

/** XML external entities: what detect/xxe.ts signals. */
import { type Rule, VALUES } from '../rule.ts';

export const XXE_RULES: readonly Rule[] = [
  {
    id: 'xxe-external',
    title: 'An entity or a document type that is fetched',
    class: 'xxe',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: [
      'rawxml <?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
      'rawxml <!DOCTYPE r SYSTEM "http://x.example/a.dtd"><r/>',
      'rawxml <!DOCTYPE r [<!ENTITY % p SYSTEM "http://x.example/a"> %p;]><r/>',
    ],
    pass: [
      'rawxml <!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><html/>',
      'rawxml <!DOCTYPE note SYSTEM "note.dtd"><note/>',
    ],
  },
  {
    id: 'xxe-bomb',
    title: 'Entities made of entities',
    class: 'xxe',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: ['rawxml <!DOCTYPE r [<!ENTITY a "xx"><!ENTITY b "&a;&a;">]><r>&b;</r>'],
    pass: ['rawxml <r>&amp;</r>'],
  },
  {
    id: 'xxe-include',
    title: 'XInclude, a style sheet or a transformation that reaches out',
    class: 'xxe',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: [
      'rawxml <r xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include parse="text" href="file:///etc/passwd"/></r>',
      `rawxml <t:stylesheet><t:copy-of select="document('/a')"/></t:stylesheet>`,
    ],
    pass: [
      'rawxml <r><include>yes</include></r>',
      'rawxml <t:stylesheet><t:value-of select="a/document"/></t:stylesheet>',
    ],
  },
  {
    id: 'xxe-entity',
    title: 'An entity of its own',
    class: 'xxe',
    where: VALUES,
    severity: 'warning',
    paranoia: 1,
    match: ['rawxml <!DOCTYPE r [<!ENTITY me "Ann">]><r>&me;</r>'],
    pass: ['rawxml <r>entity</r>'],
  },
];

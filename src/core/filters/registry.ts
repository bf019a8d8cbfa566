/** All filters, in the order in which a request meets them. */
import type { Filter } from './filter.ts';
import { redirectToHttps } from './redirect-to-https.ts';

export const FILTERS: readonly Filter[] = [redirectToHttps];

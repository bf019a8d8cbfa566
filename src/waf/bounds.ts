/**
 * Every bound of an inspection. Past a bound the rest is not looked at, and a rule of class `bound`
 * says so; its score makes a request that hides behind a bound a suspicious one.
 */

/** Parameters of query and form together. PHP stops at 1000 too (max_input_vars). */
export const PARAMETERS_MAX = 1000;
export const HEADERS_MAX = 256;
export const COOKIES_MAX = 256;
/** Strings and keys of one JSON document, or texts and attributes of one XML document. */
export const JSON_STRINGS_MAX = 20_000;
export const JSON_DEPTH_MAX = 64;
export const XML_VALUES_MAX = 20_000;
export const MULTIPART_PARTS_MAX = 256;
/** Segments of a path that are looked at one by one. */
export const PATH_SEGMENTS_MAX = 64;
/** How much of an uploaded file is looked at: its beginning, for programs and documents. */
export const FILE_BYTES_MAX = 65_536;

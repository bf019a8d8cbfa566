/** Talks to the admin API. The token stays in this tab, and goes out as a header alone. */
const KEY = 'openclaw-token';
const ANSWER_MS_MAX = 5000;

export class TokenNeeded extends Error {}

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

export async function ask(path, method = 'GET') {
  const headers = token.get() === '' ? {} : { authorization: `Bearer ${token.get()}` };
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const response = await fetch(path, { method, headers, signal, cache: 'no-store' });
  if (response.status === 401) throw new TokenNeeded();
  const body = await response.json();
  if (!response.ok) {
    throw Object.assign(new Error(body.help ?? body.error), { code: body.error });
  }
  return body;
}

/** The dashboard: a page of a few files, served as they lie by the admin listener. */
import { readFileSync } from 'node:fs';
import type { AdminRoute } from '../admin/routes.ts';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Files of the page; `/` is the first. */
export const FILES = [
  'index.html',
  'style.css',
  'app.js',
  'api.js',
  'charts.js',
  'protection.js',
  'readable.js',
  'requests.js',
  'servers.js',
  'words.js',
  'icon.svg',
] as const;

/**
 * Routes of the page. They are public: what the page shows comes from the API, which asks for the
 * token.
 *
 * @throws the file system's error when the package lacks one of the files
 */
export function dashboardRoutes(): AdminRoute[] {
  return FILES.map((file) => {
    const text = readFileSync(new URL(`page/${file}`, import.meta.url), 'utf8');
    const type = TYPES[file.slice(file.lastIndexOf('.') + 1)]!;
    return {
      method: 'GET',
      path: file === 'index.html' ? '/' : `/${file}`,
      help: file === 'index.html' ? 'the dashboard' : 'part of the dashboard',
      isPublic: true,
      handle: () => ({ status: 200, type, text }),
    };
  });
}

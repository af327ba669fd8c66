import type { Permission } from '../../schemas/access.ts';

/** Probes carry no key, and answer nothing that anyone could use. Actions are signed instead. */
const PUBLIC: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/v1/alerts/actions']);

/** Reading; OPTIONS says what methods there are. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What only administrators read: it tells who has done what. */
const ADMIN_READS: ReadonlySet<string> = new Set(['/v1/audit-log']);

const PERMISSION_OF_CHANGE: ReadonlyMap<string, Permission> = new Map([
  ['POST /v1/events/:type', 'ingest'],
  ['POST /v1/alerts/:id/acknowledge', 'acknowledge'],
  ['POST /v1/bots/:visitor/clear', 'judge'],
  ['POST /v1/bots/:visitor/confirm', 'judge'],
]);

/**
 * What a request needs, by its method and the pattern of its route: undefined for nothing, `'any'` for
 * a good key where no route matched. A route that changes something and is not listed here is left to
 * administrators.
 */
export function permissionOf(
  method: string,
  route: string | undefined,
): Permission | 'any' | undefined {
  if (route === undefined) return 'any';
  if (PUBLIC.has(route)) return undefined;
  if (ADMIN_READS.has(route)) return 'admin';
  if (READING.has(method)) return 'read';
  return PERMISSION_OF_CHANGE.get(`${method} ${route}`) ?? 'admin';
}

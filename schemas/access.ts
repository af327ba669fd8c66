/** What a key is for. A key has one or more. */
export const ROLES = ['ingest', 'read', 'ops', 'sql', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What a request does. */
export type Permission = 'ingest' | 'read' | 'acknowledge' | 'judge' | 'sql' | 'admin';

const PERMISSIONS_OF_ROLE: Readonly<Record<Role, readonly Permission[]>> = {
  ingest: ['ingest'],
  read: ['read'],
  ops: ['read', 'acknowledge', 'judge'],
  sql: ['sql'],
  admin: ['ingest', 'read', 'acknowledge', 'judge', 'sql', 'admin'],
};

/** Whether one of the roles allows it. */
export function isAllowed(roles: readonly Role[], permission: Permission): boolean {
  return roles.some((role) => PERMISSIONS_OF_ROLE[role].includes(permission));
}

/** Whose key a request carries. */
export interface KeyHolder {
  /** Names the key; it is no secret. */
  readonly id: string;
  readonly roles: readonly Role[];
}

/** How often a key may ask, in the configuration's own words. */
export interface RequestLimits {
  readonly ingest_requests_per_minute: number;
  /** Everything else. */
  readonly requests_per_minute: number;
}

/** Whom a server lets in: who holds one of the keys, as often as the limits say. */
export interface Admission {
  readonly keys: KeyPort;
  readonly limits: RequestLimits;
}

/** The keys that are good at the moment. */
export interface KeyPort {
  /** Who holds `key`; undefined when it is unknown, expired or revoked. Takes microseconds. */
  holderOf(key: string): KeyHolder | undefined;
  /** Whether the key named `id` is still good: a connection may outlive it. */
  isGood(id: string): boolean;
}

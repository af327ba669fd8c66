import { SECOND_MS } from '../../../../schemas/time.ts';
import type { ConnectionStatus, TransportName } from './connection.ts';
import type { Freshness } from './freshness.ts';

/** A loss shorter than this is a hiccup; a longer one is told as a disconnection. */
const HICCUP_MS = 4 * SECOND_MS;

/** What the page says about its own numbers. Instants are the server's, as every other on the page. */
export type Verdict =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live'; readonly transport: TransportName }
  /** Connected, events flow, yet nothing has changed since. */
  | { readonly kind: 'stale'; readonly since: number }
  | { readonly kind: 'reconnecting'; readonly since: number }
  | {
      readonly kind: 'disconnected';
      readonly since: number;
      /** Until the next try; undefined while one is under way. */
      readonly waitMs: number | undefined;
      readonly closeCode: number | undefined;
    };

/** Judges connection and freshness at `nowMs` of the browser's clock. */
export function judge(status: ConnectionStatus, freshness: Freshness, nowMs: number): Verdict {
  switch (status.kind) {
    case 'connecting':
      return { kind: 'connecting' };
    case 'lost': {
      const { lostAt, retryAt, closeCode } = status;
      const waitMs = retryAt === undefined ? undefined : Math.max(0, retryAt - nowMs);
      return nowMs - lostAt < HICCUP_MS
        ? { kind: 'reconnecting', since: freshness.serverNow(lostAt) }
        : { kind: 'disconnected', since: freshness.serverNow(lostAt), waitMs, closeCode };
    }
    case 'open': {
      const since = freshness.staleSince(nowMs);
      return since === undefined
        ? { kind: 'live', transport: status.transport }
        : { kind: 'stale', since: freshness.serverNow(since) };
    }
  }
}

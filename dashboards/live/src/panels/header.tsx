import { DAY_MS } from '../../../../schemas/time.ts';
import type { LiveStore } from '../live/store.ts';
import type { Verdict } from '../live/verdict.ts';
import {
  NO_VALUE,
  formatClock,
  formatCount,
  formatLatency,
  formatLength,
  formatMoment,
} from '../numbers/format.ts';

const LABELS = {
  connecting: 'Connecting',
  live: 'Live',
  stale: 'Stale',
  reconnecting: 'Reconnecting',
  disconnected: 'Disconnected',
} as const satisfies Record<Verdict['kind'], string>;

/** The name, the state of the connection and how old the numbers are. */
export function Header(props: {
  readonly store: LiveStore;
  readonly verdict: Verdict;
  readonly nowMs: number;
}) {
  const { store, verdict, nowMs } = props;
  const serverNow = store.freshness.serverNow(nowMs);
  const { latencyMs } = store.freshness;
  return (
    <header class="top">
      <h1>
        <img src="icon.svg" alt="" width="26" height="26" />
        Weir
      </h1>
      <p class={`connection ${verdict.kind}`} data-connection={verdict.kind}>
        <span class="dot" aria-hidden="true" />
        {LABELS[verdict.kind]}
        {verdict.kind === 'live' && verdict.transport === 'events' && (
          <span
            class="quiet"
            title="WebSocket is blocked on the way; the same numbers come as server-sent events"
          >
            {' '}
            by events
          </span>
        )}
        {'since' in verdict && <span class="quiet"> since {formatClock(verdict.since)}</span>}
      </p>
      <dl class="vitals">
        <div title="How long ago the newest event happened">
          <dt>Newest event</dt>
          <dd>{newestEvent(store, serverNow)}</dd>
        </div>
        <div title="From the log to this page's update, median of the last updates">
          <dt>Pipeline</dt>
          <dd>{latencyMs === undefined ? NO_VALUE : formatLatency(latencyMs)}</dd>
        </div>
        <div>
          <dt>Events</dt>
          <dd>
            {store.pipeline === undefined || verdict.kind === 'disconnected'
              ? NO_VALUE
              : `${formatCount(store.pipeline.events_per_second)}/s`}
          </dd>
        </div>
        <div>
          <dt>UTC</dt>
          <dd>{formatClock(serverNow)}</dd>
        </div>
      </dl>
    </header>
  );
}

/** An age while it is young; the moment itself when history was imported. */
function newestEvent(store: LiveStore, serverNow: number): string {
  const at = store.freshness.newestEventAt;
  if (at === undefined) return NO_VALUE;
  const ageMs = serverNow - at;
  return ageMs < DAY_MS ? `${formatLength(ageMs)} ago` : formatMoment(at, serverNow);
}

import type { ProcessorName } from '../../../schemas/processors.ts';
import type { Acknowledgements } from './live/acknowledgements.ts';
import type { Carts, Economics, Segments } from './live/economics.ts';
import type { LiveFeed } from './live/feed.ts';
import type { LiftCards } from './live/lift.ts';
import type { NodeCapacity } from './live/node-capacity.ts';
import type { Paths } from './live/paths.ts';
import type { Polled } from './live/polled.ts';
import type { TodayHours } from './live/today.ts';
import { type Verdict, judge } from './live/verdict.ts';
import type { VerdictDecisions } from './live/verdicts.ts';
import { Attribution } from './panels/attribution.tsx';
import { Banner } from './panels/banner.tsx';
import { Channels } from './panels/channels.tsx';
import { EconomicsPanel } from './panels/economics.tsx';
import { Fulfilment } from './panels/fulfilment.tsx';
import { Header } from './panels/header.tsx';
import { Incidents } from './panels/incidents.tsx';
import { Lift } from './panels/lift.tsx';
import { Parity } from './panels/parity.tsx';
import { Pipeline } from './panels/pipeline.tsx';
import { Quality } from './panels/quality.tsx';
import { Stock } from './panels/stock.tsx';

/** The processors that find incidents. */
const WATCHED_BY: readonly ProcessorName[] = ['stock', 'fulfilment', 'parity'];

/** The whole page at the browser's instant `nowMs`. */
export function App(props: {
  readonly feed: LiveFeed;
  readonly today: TodayHours;
  readonly lift: Polled<LiftCards>;
  readonly economics: Polled<Economics>;
  readonly carts: Polled<Carts>;
  readonly segments: Polled<Segments>;
  readonly paths: Polled<Paths>;
  readonly capacity: Polled<readonly NodeCapacity[]>;
  readonly decisions: VerdictDecisions;
  readonly acknowledgements: Acknowledgements;
  readonly nowMs: number;
}) {
  const { feed, today, lift, economics, carts, segments, paths, nowMs } = props;
  const { capacity, decisions, acknowledgements } = props;
  const { store } = feed;
  const verdict = judge(feed.status, store.freshness, nowMs);
  const off: readonly string[] = store.pipeline?.processors_off ?? [];
  const isOn = (...names: readonly ProcessorName[]) => names.every((name) => !off.includes(name));
  const isOld = verdict.kind === 'disconnected' || verdict.kind === 'stale';
  return (
    <>
      <Header store={store} verdict={verdict} nowMs={nowMs} />
      <Banner verdict={verdict} onRetry={() => feed.retryNow()} />
      <main class={isOld ? 'old' : ''}>
        {isOn('traffic') && <Channels store={store} today={today} nowMs={nowMs} />}
        {isOn('lift') && <Lift lift={lift} nowMs={nowMs} />}
        {isOn('traffic') && (
          <EconomicsPanel economics={economics} carts={carts} segments={segments} nowMs={nowMs} />
        )}
        {isOn('bots', 'traffic') && <Quality store={store} decisions={decisions} nowMs={nowMs} />}
        <div class="columns">
          <div class="column">
            {isOn('attribution') && <Attribution feed={feed} paths={paths} nowMs={nowMs} />}
            {isOn('stock') && <Stock store={store} nowMs={nowMs} />}
            {isOn('parity') && <Parity store={store} nowMs={nowMs} />}
          </div>
          <div class="column">
            {WATCHED_BY.some((name) => isOn(name)) && (
              <Incidents store={store} acknowledgements={acknowledgements} nowMs={nowMs} />
            )}
            {isOn('fulfilment') && <Fulfilment store={store} capacity={capacity} nowMs={nowMs} />}
            <Pipeline store={store} nowMs={nowMs} />
          </div>
        </div>
      </main>
      <p class="unseen" role="status">
        {announcement(verdict, feed)}
      </p>
    </>
  );
}

/** For those who hear the page: rare changes only, never the stream of numbers. */
function announcement(verdict: Verdict, feed: LiveFeed): string {
  const { newestAlert } = feed.store;
  if (verdict.kind !== 'live') return verdict.kind === 'reconnecting' ? 'Reconnecting' : '';
  return newestAlert === undefined ? 'Live' : `New incident: ${newestAlert.subject}`;
}

import type { PipelineRow } from '../live/rows.ts';
import type { LiveStore } from '../live/store.ts';
import { OUTCOMES, type Outcome, unaccounted } from '../numbers/event-balance.ts';
import {
  NO_VALUE,
  formatClock,
  formatCount,
  formatLatency,
  formatLength,
  formatMoment,
  formatShare,
} from '../numbers/format.ts';
import { Empty } from '../parts/empty.tsx';
import { Figure } from '../parts/figure.tsx';

const NAMES = {
  contributed: 'contributed',
  duplicate: 'duplicate',
  late: 'late',
  dead_lettered: 'dead-lettered',
  quarantined: 'quarantined',
} as const satisfies Record<Outcome, string>;

const MEANINGS = {
  contributed: 'Counted in the numbers above',
  duplicate: 'Its event id was seen before',
  late: 'Came after its window was closed; kept in weir.late_events',
  dead_lettered: 'Could not be used; kept with its reason in weir.dead_letters',
  quarantined: 'Dated further ahead than any clock should be',
} as const satisfies Record<Outcome, string>;

/** Whether the machine behind the numbers is well: lag, watermark, checkpoints, every event accounted for. */
export function Pipeline(props: { readonly store: LiveStore; readonly nowMs: number }) {
  const { store, nowMs } = props;
  const { pipeline } = store;
  return (
    <section class="panel" aria-labelledby="pipeline-title">
      <div class="section-head">
        <h2 id="pipeline-title">Pipeline</h2>
        {pipeline !== undefined && (
          <p class="span">
            <span class={`badge ${pipeline.ready ? 'good' : 'bad'}`}>
              {pipeline.ready ? 'ready' : 'not ready'}
            </span>
          </p>
        )}
      </div>
      {pipeline === undefined ? (
        <Empty>Waiting for the first numbers …</Empty>
      ) : (
        <>
          {pipeline.problems.map((problem) => (
            <p class="problem" key={problem}>
              {problem}
            </p>
          ))}
          {pipeline.processors_off.length > 0 && (
            <p class="quiet" data-off={pipeline.processors_off.join(' ')}>
              Not running, so not shown: {pipeline.processors_off.join(', ')} (processors in
              weir.yaml).
            </p>
          )}
          <Vitals pipeline={pipeline} serverNow={store.freshness.serverNow(nowMs)} />
          <Balance pipeline={pipeline} />
          <Audit pipeline={pipeline} serverNow={store.freshness.serverNow(nowMs)} />
        </>
      )}
      {store.serverErrors.map((error) => (
        <p class="problem" key={`${error.code} ${error.at}`}>
          {formatClock(error.at)} {error.code} {error.message}
        </p>
      ))}
      {store.refusedCount > 0 && (
        <p class="problem">
          {formatCount(store.refusedCount)} rows had an unknown shape and are not shown. Reload the
          page; if it stays, page and server differ in version.
        </p>
      )}
    </section>
  );
}

function Vitals(props: { readonly pipeline: PipelineRow; readonly serverNow: number }) {
  const { pipeline, serverNow } = props;
  const { watermark, checkpoint_age_ms: ageMs, checkpoint_ms: durationMs } = pipeline;
  const vitals = [
    {
      name: 'Lag',
      title: 'Records in the log that no task has taken yet',
      value: `${formatCount(pipeline.lag_records)} records`,
    },
    {
      name: 'Watermark',
      title: 'Events before this are complete, except for late ones',
      value: watermark === undefined ? NO_VALUE : momentWithSeconds(watermark, serverNow),
    },
    {
      name: 'Waiting for ClickHouse',
      title: 'Rows of the outbox that are not delivered yet',
      value: `${formatCount(pipeline.pending_rows)} rows`,
    },
    {
      name: 'Checkpoint',
      title: 'Age of the last one, and how long it took',
      value:
        ageMs === undefined
          ? NO_VALUE
          : `${formatLength(ageMs)} ago${durationMs === undefined ? '' : `, took ${formatLatency(durationMs)}`}`,
    },
  ];
  return (
    <dl class="pairs">
      {vitals.map(({ name, title, value }) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Received events and where they went: nothing is dropped silently, and the page shows the sum. */
function Balance(props: { readonly pipeline: PipelineRow }) {
  const { pipeline } = props;
  const rest = unaccounted(pipeline);
  const shareOf = (value: number) => (pipeline.received === 0 ? 0 : value / pipeline.received);
  return (
    <div class="balance">
      <div class="balance-bar" aria-hidden="true">
        {OUTCOMES.filter((outcome) => pipeline[outcome] > 0).map((outcome) => (
          <i
            key={outcome}
            class={outcome}
            style={{ width: `${100 * shareOf(pipeline[outcome])}%` }}
          />
        ))}
      </div>
      <dl class="pairs">
        <div class="sum">
          <dt>Received</dt>
          <dd data-figure="received">
            <Figure value={pipeline.received} text={formatCount(pipeline.received)} />
          </dd>
        </div>
        {OUTCOMES.map((outcome) => (
          <div key={outcome} title={MEANINGS[outcome]}>
            <dt>
              <i class={`swatch ${outcome}`} aria-hidden="true" /> {NAMES[outcome]}
            </dt>
            <dd>
              <span class="quiet">{formatShare(shareOf(pipeline[outcome]))}</span>{' '}
              <span class="amount">{formatCount(pipeline[outcome])}</span>
            </dd>
          </div>
        ))}
      </dl>
      <p class={rest === 0 ? 'check good' : 'check bad'} data-balanced={rest === 0}>
        {rest === 0
          ? 'Adds up: every received event is accounted for.'
          : `Does not add up: ${formatCount(rest)} of the received events are not accounted for.`}
      </p>
    </div>
  );
}

/** What the continuous recomputation of closed windows has found. */
function Audit(props: { readonly pipeline: PipelineRow; readonly serverNow: number }) {
  const { pipeline, serverNow } = props;
  const { audit_last_at: lastAt, audit_differences: differences } = pipeline;
  if (lastAt === undefined || pipeline.audit_checked_rows === 0)
    return <p class="quiet">Audited: nothing yet.</p>;
  const checked = formatCount(pipeline.audit_checked_rows);
  return (
    <p
      class={differences === 0 ? 'check good' : 'check bad'}
      data-audit={differences}
      title="Closed windows are recomputed from the raw events by independent SQL, one after the other"
    >
      {differences === 0
        ? `Audited: ${checked} rows recomputed, none differs.`
        : `Audited: ${formatCount(differences)} of ${checked} rows recomputed differ; weir audit shows them.`}{' '}
      <span class="quiet">{momentWithSeconds(lastAt, serverNow)}</span>
    </p>
  );
}

function momentWithSeconds(instantMs: number, nowMs: number): string {
  const moment = formatMoment(instantMs, nowMs);
  return moment.length > 5 ? moment : formatClock(instantMs);
}

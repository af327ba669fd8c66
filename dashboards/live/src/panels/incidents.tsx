import { useMemo, useState } from 'preact/hooks';

import type { Acknowledgements } from '../live/acknowledgements.ts';
import type { PostState } from '../live/posts.ts';
import type { AlertRow } from '../live/rows.ts';
import type { LiveStore } from '../live/store.ts';
import { formatCount, formatLength, formatMoment } from '../numbers/format.ts';
import { groupKeyOf } from '../numbers/incident-digest.ts';
import { orderIncidents, spreadOverKinds } from '../numbers/incident-order.ts';
import { Empty } from '../parts/empty.tsx';
import { SeverityBadge } from '../parts/severity-badge.tsx';
import { IncidentDigest } from './incident-digest.tsx';

/** Incidents that are shown one by one; where there are more, a digest stands above a few of them. */
const SHOWN_MAX = 10;
/** Of a group that was chosen in the digest. */
const SHOWN_OF_GROUP = 20;
const SHOWN_BELOW_DIGEST = 8;
/** Of one kind below a digest while there are others. */
const SHOWN_PER_KIND = 3;
const RESOLVED_SHOWN_MAX = 3;

/** What is wrong in the shop now, who has taken it over, and how long it has been open. */
export function Incidents(props: {
  readonly store: LiveStore;
  readonly acknowledgements: Acknowledgements;
  readonly nowMs: number;
}) {
  const { store, acknowledgements, nowMs } = props;
  const { revision, rows } = store.alerts;
  const { open, acknowledged, resolved } = useMemo(() => orderIncidents(rows.values()), [revision]);
  const serverNow = store.freshness.serverNow(nowMs);
  const unresolved = [...open, ...acknowledged];
  const isMany = unresolved.length > SHOWN_MAX;
  const [chosenKey, setChosenKey] = useState<string>();
  const chosen = unresolved.filter((alert) => groupKeyOf(alert) === chosenKey);
  const listed = isMany && chosen.length > 0 ? chosen : unresolved;
  const shownUnresolved =
    !isMany || listed === chosen
      ? listed.slice(0, SHOWN_OF_GROUP)
      : spreadOverKinds(listed, { max: SHOWN_BELOW_DIGEST, perKindMax: SHOWN_PER_KIND });
  const hiddenCount = listed.length - shownUnresolved.length;
  const shown =
    listed === chosen
      ? shownUnresolved
      : [...shownUnresolved, ...resolved.slice(0, RESOLVED_SHOWN_MAX)];
  return (
    <section class="panel" aria-labelledby="incidents-title">
      <div class="section-head">
        <h2 id="incidents-title">Incidents</h2>
        <p class="span">
          {formatCount(open.length)} open, {formatCount(acknowledged.length)} acknowledged
        </p>
      </div>
      {unresolved.length === 0 && (
        <Empty>
          {store.seqOf('alerts') === undefined
            ? 'Waiting for the first numbers …'
            : 'Nothing is open. An incident opens when a SKU runs out at a node, or a price drifts.'}
        </Empty>
      )}
      {isMany && (
        <IncidentDigest
          unresolved={unresolved}
          serverNow={serverNow}
          chosenKey={listed === chosen ? chosenKey : undefined}
          onChoose={setChosenKey}
        />
      )}
      <ul class="incidents">
        {shown.map((alert) => (
          <Incident
            key={alert.alert_id}
            alert={alert}
            state={acknowledgements.stateOf(alert.alert_id)}
            serverNow={serverNow}
            onAcknowledge={() => void acknowledgements.acknowledge(alert.alert_id)}
          />
        ))}
      </ul>
      {hiddenCount > 0 && (
        <p class="footnote">and {formatCount(hiddenCount)} more: GET /v1/alerts</p>
      )}
    </section>
  );
}

function Incident(props: {
  readonly alert: AlertRow;
  readonly state: PostState | undefined;
  readonly serverNow: number;
  readonly onAcknowledge: () => void;
}) {
  const { alert, state, serverNow, onAcknowledge } = props;
  const { resolved_at: resolvedAt, opened_at: openedAt } = alert;
  const lengthMs = (resolvedAt ?? serverNow) - openedAt;
  const phase = phaseOf(alert);
  return (
    <li
      class={`incident ${phase}`}
      title={alert.detail}
      data-alert={alert.alert_id}
      data-phase={phase}
    >
      <div class="incident-what">
        <p>
          <SeverityBadge kind={alert.kind} severity={alert.severity} />{' '}
          <strong>{alert.subject}</strong>
        </p>
        {phase !== 'resolved' && (
          <p class="quiet">
            {[placeOf(alert), alert.detail].filter((part) => part !== '').join(' · ')}
          </p>
        )}
        {state?.kind === 'failed' && (
          <p class="failed" role="alert">
            Not acknowledged: {state.reason}
          </p>
        )}
      </div>
      <p class="incident-time" title={`Opened ${formatMoment(openedAt, serverNow)} UTC`}>
        {resolvedAt === undefined ? 'open ' : 'resolved after '}
        <b>{formatLength(lengthMs)}</b>
      </p>
      <div class="incident-action">
        {phase === 'open' && (
          <AcknowledgeButton alert={alert} state={state} onClick={onAcknowledge} />
        )}
        {phase !== 'open' && alert.acknowledged_at !== undefined && (
          <p class="quiet">
            {alert.acknowledged_by === undefined ? 'taken over' : `by ${alert.acknowledged_by}`},{' '}
            {formatMoment(alert.acknowledged_at, serverNow)}
          </p>
        )}
      </div>
    </li>
  );
}

function AcknowledgeButton(props: {
  readonly alert: AlertRow;
  readonly state: PostState | undefined;
  readonly onClick: () => void;
}) {
  const { alert, state, onClick } = props;
  if (state?.kind === 'sent') return <p class="quiet">Acknowledged, waiting for its update</p>;
  const isSending = state?.kind === 'sending';
  return (
    <button
      type="button"
      disabled={isSending}
      aria-label={`Acknowledge ${alert.subject}`}
      onClick={onClick}
    >
      {isSending ? 'Sending …' : 'Acknowledge'}
    </button>
  );
}

function phaseOf(alert: AlertRow): 'open' | 'acknowledged' | 'resolved' {
  if (alert.resolved_at !== undefined) return 'resolved';
  return alert.acknowledged_at === undefined ? 'open' : 'acknowledged';
}

/** SKU and node, where the subject does not name them already. */
function placeOf(alert: AlertRow): string {
  const parts = [alert.sku, alert.node_id].filter((part) => part !== '');
  return parts.filter((part) => !alert.subject.includes(part)).join(' at ');
}

import { useMemo } from 'preact/hooks';

import type { NodeCapacity } from '../live/node-capacity.ts';
import type { Polled } from '../live/polled.ts';
import type { LiveStore } from '../live/store.ts';
import { NO_VALUE, formatCount, formatLength, formatShare } from '../numbers/format.ts';
import { type BandLevel, type ZoneLevel, serviceLevels } from '../numbers/service-levels.ts';
import { Empty } from '../parts/empty.tsx';
import { NodeCapacityList } from './node-capacity.tsx';

/** Whether promises are kept, zone by zone, how long orders take, and how much room the nodes have. */
export function Fulfilment(props: {
  readonly store: LiveStore;
  readonly capacity: Polled<readonly NodeCapacity[]>;
  readonly nowMs: number;
}) {
  const { store, capacity, nowMs } = props;
  const { revision } = store.fulfilment;
  const { watermark } = store;
  const levels = useMemo(
    () => serviceLevels(store.fulfilment.rows.values(), watermark),
    [revision, watermark],
  );
  return (
    <section class="panel" aria-labelledby="fulfilment-title">
      <div class="section-head">
        <h2 id="fulfilment-title">Delivery promises</h2>
        <p class="span">the last four days, by zone</p>
      </div>
      {levels.length === 0 ? (
        <Empty>
          {store.seqOf('fulfilment') === undefined
            ? 'Waiting for the first numbers …'
            : 'No orders yet. A promise is the due_at of a placed order: POST /v1/events/order.'}
        </Empty>
      ) : (
        <>
          <Zones levels={levels} />
          {levels.some(({ bands }) => bands.some(({ share }) => share === undefined)) && (
            <p class="footnote">
              {NO_VALUE}: no order is that old yet. Median and 90 % are times from placing to
              delivery.
            </p>
          )}
        </>
      )}
      <NodeCapacityList capacity={capacity} nowMs={nowMs} />
    </section>
  );
}

function Zones(props: { readonly levels: readonly ZoneLevel[] }) {
  return (
    <table class="cards fulfilment" role="table" data-table="fulfilment">
      <caption class="unseen">Delivery promises by zone</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            Zone
          </th>
          {['On time', 'Late', 'Pending', 'Delivered within', 'Median', '90 %'].map((name) => (
            <th role="columnheader" scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {props.levels.map((level) => (
          <Zone key={level.zone} level={level} />
        ))}
      </tbody>
    </table>
  );
}

function Zone(props: { readonly level: ZoneLevel }) {
  const { zone, onTime, decided, pending, late, interval, bands, medianMs, slowMs } = props.level;
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {zone}
      </th>
      <td role="cell" data-label="On time" title={`${onTime} of ${decided} that are decided`}>
        {decided === 0 ? NO_VALUE : formatShare(onTime / decided)}
        {interval !== undefined && (
          <p class="quiet" title="Wilson's 95 % interval">
            {formatShare(interval.low)} – {formatShare(interval.high)}
          </p>
        )}
      </td>
      <td role="cell" data-label="Late">
        {formatCount(late)}
      </td>
      <td role="cell" data-label="Pending">
        {formatCount(pending)}
      </td>
      <td role="cell" data-label="Delivered within" class="text">
        {bands.length === 0 ? NO_VALUE : bands.map((level) => <BandBadge level={level} />)}
      </td>
      <td role="cell" data-label="Median">
        {medianMs === undefined ? NO_VALUE : formatLength(medianMs)}
      </td>
      <td role="cell" data-label="90 %">
        {slowMs === undefined ? NO_VALUE : formatLength(slowMs)}
      </td>
    </tr>
  );
}

function BandBadge(props: { readonly level: BandLevel }) {
  const { band, share, place } = props.level;
  const target = `${formatShare(band.low)} – ${formatShare(band.high)}`;
  const title =
    share === undefined
      ? `Target ${target} within ${band.hours} h; no order is that old yet`
      : `${formatShare(share)} within ${band.hours} h, ${place} the target ${target}`;
  return (
    <span class={`badge ${place === 'below' ? 'bad' : 'plain'}`} title={title}>
      {band.hours} h: {share === undefined ? NO_VALUE : formatShare(share)}
    </span>
  );
}

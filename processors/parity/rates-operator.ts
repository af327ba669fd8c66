import { derivedEventId } from '../engine/operator/derived-event-id.ts';
import { type Operator, defineOperator } from '../engine/operator/operator.ts';

/**
 * Sends every exchange rate to all tasks of the sku stage. Keeps no state: a repeated event is a
 * duplicate here, and a repeat of what it sends is one there.
 */
export function createRatesOperator(): Operator {
  return defineOperator<null>({
    name: 'rates',
    stage: 'control',
    stateVersion: 1,
    createState: () => null,
    apply: {
      'weir.reference': (_state, event, output) => {
        const { kind, base, quote, rate } = event;
        if (kind !== 'fx') return;
        if (base === null || quote === null || rate === null || rate <= 0) {
          output.count('PARITY_RATE_INCOMPLETE');
          return;
        }
        output.broadcast('weir.internal.sku', {
          event_id: derivedEventId(`${event.event_id}/rate`, 0),
          occurred_at: event.occurred_at,
          source: event.source,
          sku: `${base}/${quote}`,
          kind: 'rate',
          node_id: null,
          quantity: 0,
          demand: 0,
          order_id: null,
          sales_channel: null,
          alert_id: null,
          actor: null,
          base,
          quote,
          rate,
        });
      },
    },
    expiresAtMs: () => Number.NEGATIVE_INFINITY,
    stateBytes: () => 0,
  });
}

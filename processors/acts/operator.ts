import { type Operator, defineOperator } from '../engine/operator/operator.ts';
import { ACTS_LOG } from './row.ts';

/** Each act is written down by itself, so nothing is kept. */
const STATELESS = {
  name: 'acts',
  stateVersion: 1,
  createState: () => null,
  expiresAtMs: () => Number.NEGATIVE_INFINITY,
  stateBytes: () => 0,
} as const;

/** Writes down who cleared or confirmed the verdict on a visitor, also when it changes nothing. */
export const decisionActs: Operator = defineOperator<null>({
  ...STATELESS,
  stage: 'visitor',
  apply: {
    'weir.internal.visitor': (_state, { kind, actor, visitor_id: visitor }, output, record) => {
      if (actor === null || (kind !== 'cleared' && kind !== 'confirmed')) return;
      output.append(ACTS_LOG, [record.appendedAtMs, actor, `verdict_${kind}`, visitor]);
    },
  },
});

/** Writes down who took an alert over. */
export const alertActs: Operator = defineOperator<null>({
  ...STATELESS,
  stage: 'sku',
  apply: {
    'weir.internal.sku': (_state, { kind, actor, alert_id: alertId }, output, record) => {
      if (kind !== 'acknowledged' || actor === null || alertId === null) return;
      output.append(ACTS_LOG, [record.appendedAtMs, actor, 'alert_acknowledged', alertId]);
    },
  },
});

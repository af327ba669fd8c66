import { type Operator, defineOperator } from '../../processors/engine/operator/operator.ts';
import { HUMAN, type Standing, startOfDay } from '../../processors/engine/operator/standing.ts';
import type { VisitorEvent } from '../../schemas/events/visitor-event.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS } from '../../schemas/time.ts';

interface Script {
  revision: number;
  standing: Standing;
}

/**
 * A judge that does what it is told: the verdict with the highest revision holds. `confirmed` withdraws
 * the UTC day of `about` and all that follow, `marked` that day alone, `cleared` nothing.
 */
export function createScriptedJudge(): Operator {
  return defineOperator<Script>({
    name: 'scripted-judge',
    stage: 'visitor',
    stateVersion: 1,
    createState: () => ({ revision: -1, standing: HUMAN }),
    apply: {
      'weir.internal.visitor': (script, event) => {
        if (event.revision <= script.revision) return;
        script.revision = event.revision;
        script.standing = standingBy(event);
      },
    },
    standingOf: ({ standing }) => standing,
    merge: (script, other) => {
      if (other.revision > script.revision) Object.assign(script, other);
    },
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    stateBytes: () => 100,
  });
}

const END_OF_TIME_MS = Date.UTC(9999, 0);

function standingBy({ kind, about, reason, revision }: VisitorEvent): Standing {
  const fromMs = startOfDay(about);
  const tier = revision % 2 === 0 ? 1 : 2;
  switch (kind) {
    case 'confirmed':
      return [{ fromMs, untilMs: END_OF_TIME_MS, tier, reason }];
    case 'marked':
      return [{ fromMs, untilMs: fromMs + DAY_MS, tier, reason }];
    case 'cleared':
    case 'unmarked':
      return HUMAN;
  }
}

/** A complete verdict about `v1`; give what the test is about. */
export function buildVerdict(fields: Partial<VisitorEvent> = {}): VisitorEvent {
  return {
    event_id: 'verdict-1',
    occurred_at: Date.UTC(2026, 2, 2),
    source: 'test',
    visitor_id: visitorToken('v1'),
    kind: 'confirmed',
    evidence: 'test',
    revision: 1,
    about: Date.UTC(2026, 2, 2),
    reason: 'person',
    actor: null,
    ...fields,
  };
}

import type { SkuEvent } from '../../../schemas/events/sku-event.ts';
import { fingerprintOf } from './fingerprint.ts';

/** A stretch of event time in which something was wrong. */
export interface Spell {
  readonly openedMs: number;
  /** Null while it goes on. */
  readonly resolvedMs: number | null;
}

/** That a person took an incident over, as the log has it. */
export interface Acknowledgement {
  /** Kind of the incident. */
  readonly kind: string;
  readonly eventId: string;
  readonly timeMs: number;
  readonly actor: string;
  /** When the incident had opened that the person saw; late events may have moved it since. */
  readonly openedMs: number;
}

/** A spell with the acknowledgement that holds for it. */
export interface Incident<S extends Spell> {
  readonly spell: S;
  readonly acknowledgement: Acknowledgement | undefined;
}

/** A row to write: the incident, or that there is none with this opening any more. */
export interface IncidentChange<S extends Spell> {
  readonly incident: Incident<S>;
  readonly isWithdrawn: boolean;
}

/** Acknowledgements kept of one thing: each is of an incident that can still change. */
const ACKNOWLEDGEMENTS_MAX = 16;

const ALERT_ID = /^([a-z_]+):([0-9a-f]{16}):(\d{1,16})$/;

/**
 * The id of the incident of `kind` that opened at `openedMs`: `<kind>:<fingerprint of entity>:<opened,
 * UTC milliseconds>`. The opening is readable in it, so that an acknowledgement finds its incident
 * after a late event has moved it.
 *
 * @param entity what it is about, the same for all its incidents, such as SKU and node
 */
export function alertIdOf(kind: string, entity: readonly string[], openedMs: number): string {
  return `${kind}:${fingerprintOf(entity.join('\u0000'))}:${openedMs}`;
}

/** What an alert id says; undefined when it is not the id of an incident of this entity. */
export function parseAlertId(
  alertId: string,
  entity: readonly string[],
): { readonly kind: string; readonly openedMs: number } | undefined {
  const match = ALERT_ID.exec(alertId);
  if (match === null || match[2] !== fingerprintOf(entity.join('\u0000'))) return undefined;
  return { kind: match[1] ?? '', openedMs: Number(match[3]) };
}

/** What an `acknowledged` event says; undefined when it is about an incident of another entity. */
export function acknowledgementOf(
  event: SkuEvent,
  entity: readonly string[],
): Acknowledgement | undefined {
  const named = parseAlertId(event.alert_id ?? '', entity);
  if (named === undefined) return undefined;
  return { ...named, eventId: event.event_id, timeMs: event.occurred_at, actor: event.actor ?? '' };
}

/** The acknowledgements with one more; of more than can change, the newest. */
export function withAcknowledgement(
  acknowledgements: readonly Acknowledgement[] | null,
  taken: Acknowledgement,
): readonly Acknowledgement[] {
  return [...(acknowledgements ?? []), taken].slice(-ACKNOWLEDGEMENTS_MAX);
}

/**
 * Those that can still matter once nothing up to `settledMs` can change: of incidents that opened
 * later, and of the one that went on then. Null when there are none.
 */
export function unsettledAcknowledgements(
  acknowledgements: readonly Acknowledgement[] | null,
  settledMs: number,
  open: Spell | undefined,
): readonly Acknowledgement[] | null {
  const kept = (acknowledgements ?? []).filter(
    ({ openedMs }) => openedMs > settledMs || (open !== undefined && openedMs >= open.openedMs),
  );
  return kept.length === 0 ? null : kept;
}

/**
 * The spells of one kind with their acknowledgements, a function of the two sets: an acknowledgement
 * holds for the spell that covers the opening it names; when there is none any more, for the first
 * that opened after it and before the acknowledgement. The earliest of several holds.
 *
 * @param acknowledgements those of this kind
 */
export function incidentsOf<S extends Spell>(
  spells: readonly S[],
  acknowledgements: readonly Acknowledgement[],
): Incident<S>[] {
  const incidents = spells.map((spell): { spell: S; acknowledgement?: Acknowledgement } => ({
    spell,
  }));
  for (const acknowledgement of acknowledgements) {
    const spell = spellFor(acknowledgement, spells);
    const incident = incidents.find((candidate) => candidate.spell === spell);
    if (incident !== undefined && isEarlier(acknowledgement, incident.acknowledgement)) {
      incident.acknowledgement = acknowledgement;
    }
  }
  return incidents.map(({ spell, acknowledgement }) => ({ spell, acknowledgement }));
}

/** The spell that an acknowledgement is for, undefined when there is none. */
export function spellFor<S extends Spell>(
  acknowledgement: Pick<Acknowledgement, 'openedMs' | 'timeMs'>,
  spells: readonly S[],
): S | undefined {
  const { openedMs, timeMs } = acknowledgement;
  return (
    spellCovering(openedMs, spells) ??
    spells.find((spell) => spell.openedMs > openedMs && spell.openedMs <= timeMs)
  );
}

/** The spell that was going on at an instant, undefined when there was none. */
export function spellCovering<S extends Spell>(
  instantMs: number,
  spells: readonly S[],
): S | undefined {
  return spells.find(
    ({ openedMs, resolvedMs }) =>
      openedMs <= instantMs && (resolvedMs === null || resolvedMs > instantMs),
  );
}

/**
 * The rows to write so that what was written for `before` becomes what holds for `after`.
 *
 * @param isSame whether two spells that opened at one instant would be written alike
 */
export function changedIncidents<S extends Spell>(
  before: readonly Incident<S>[],
  after: readonly Incident<S>[],
  isSame: (a: S, b: S) => boolean,
): IncidentChange<S>[] {
  const changes: IncidentChange<S>[] = [];
  for (const incident of before) {
    if (!after.some(({ spell }) => spell.openedMs === incident.spell.openedMs)) {
      changes.push({ incident, isWithdrawn: true });
    }
  }
  for (const incident of after) {
    const previous = before.find(({ spell }) => spell.openedMs === incident.spell.openedMs);
    if (
      previous?.acknowledgement?.eventId !== incident.acknowledgement?.eventId ||
      previous === undefined ||
      previous.spell.resolvedMs !== incident.spell.resolvedMs ||
      !isSame(previous.spell, incident.spell)
    ) {
      changes.push({ incident, isWithdrawn: false });
    }
  }
  return changes;
}

function isEarlier(a: Acknowledgement, b: Acknowledgement | undefined): boolean {
  if (b === undefined) return true;
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.eventId < b.eventId);
}

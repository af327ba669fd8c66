import { isCurrency, minorUnitsPerUnit } from '../../schemas/money.ts';
import type { Row } from '../../schemas/panel.ts';

export const TRANSITIONS = ['opened', 'acknowledged', 'resolved', 'withdrawn'] as const;
export type Transition = (typeof TRANSITIONS)[number];

/** What has happened to one alert. */
export interface Notice {
  readonly transition: Transition;
  readonly alert: Row;
  /** How often it had come and gone before without being told. */
  readonly flapCount: number;
}

/** What is sent: JSON that Slack shows as text and that a program can read. */
export interface Message {
  /** The same at every attempt, so that a receiver can tell a repeat. */
  readonly deliveryId: string;
  readonly body: string;
}

/** What Slack says is wanted when the button of a message is pressed. */
export const ACKNOWLEDGE_ACTION = 'weir_acknowledge';

/** Alerts that a digest names; the rest is counted, and is in the inbox. */
const DIGEST_NAMED_MAX = 50;

/** The message of one notice. */
export function noticeMessage(
  notice: Notice,
  { publicUrl, hasButton }: { readonly publicUrl: string | undefined; readonly hasButton: boolean },
): Message {
  const { alert, transition } = notice;
  const deliveryId = `${textOf(alert, 'alert_id')}/${transition}`;
  const lines = [
    `*${transition}* · ${escaped(textOf(alert, 'severity'))} · ${escaped(words(textOf(alert, 'kind')))}: ${escaped(textOf(alert, 'subject'))}`,
    escaped(textOf(alert, 'detail')),
    ...costLines(alert),
    ...(notice.flapCount > 0 ? [`It came and went ${notice.flapCount} times before.`] : []),
    ...linkLines(alert, publicUrl),
  ];
  const text = lines.filter((line) => line !== '').join('\n');
  const blocks = hasButton && transition === 'opened' ? { blocks: blocksOf(text, alert) } : {};
  const body = { delivery_id: deliveryId, text, transition, alert, ...blocks };
  return { deliveryId, body: JSON.stringify(body) };
}

/** One message for many notices; `number` tells digests of one run apart. */
export function digestMessage(notices: readonly Notice[], deliveryId: string): Message {
  const counts = new Map<string, number>();
  for (const { transition, alert } of notices) {
    const name = `${words(textOf(alert, 'kind'))} ${transition}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const counted = [...counts].map(([name, count]) => `${count} × ${name}`).join(', ');
  const named = notices.slice(0, DIGEST_NAMED_MAX);
  const more = notices.length - named.length;
  const lines = [
    `*${notices.length} alerts at once*: ${escaped(counted)}`,
    ...named.map(({ transition, alert }) => `${transition}: ${escaped(textOf(alert, 'subject'))}`),
    ...(more > 0 ? [`and ${more} more, see the inbox`] : []),
  ];
  const body = {
    delivery_id: deliveryId,
    text: lines.join('\n'),
    digest: { count: notices.length, counts: Object.fromEntries(counts) },
    alerts: named.map(({ transition, alert }) => ({
      alert_id: alert['alert_id'] ?? '',
      transition,
    })),
  };
  return { deliveryId, body: JSON.stringify(body) };
}

/**
 * The text and a button, as Slack lays messages out.
 *
 * @see https://docs.slack.dev/reference/block-kit/blocks
 */
function blocksOf(text: string, alert: Row): readonly object[] {
  const button = {
    type: 'button',
    action_id: ACKNOWLEDGE_ACTION,
    text: { type: 'plain_text', text: 'Acknowledge' },
    value: textOf(alert, 'alert_id'),
  };
  return [
    { type: 'section', text: { type: 'mrkdwn', text } },
    { type: 'actions', elements: [button] },
  ];
}

/** A column of an alert as text, empty when it has none. */
export function textOf(alert: Row, column: string): string {
  const value = alert[column];
  return value === null || value === undefined ? '' : String(value);
}

function costLines(alert: Row): string[] {
  const cost = alert['cost_minor'];
  if (typeof cost !== 'number' || cost === 0) return [];
  const currency = textOf(alert, 'currency');
  if (!isCurrency(currency)) return [];
  const units = minorUnitsPerUnit(currency);
  return [`Cost so far: ${(cost / units).toFixed(String(units).length - 1)} ${currency}`];
}

function linkLines(alert: Row, publicUrl: string | undefined): string[] {
  const owner = textOf(alert, 'owner');
  const runbook = textOf(alert, 'runbook');
  const id = encodeURIComponent(textOf(alert, 'alert_id'));
  return [
    ...(owner === '' ? [] : [`Owner: ${escaped(owner)}`]),
    ...(runbook === '' ? [] : [`Runbook: ${escaped(runbook)}`]),
    ...(publicUrl === undefined
      ? []
      : [`Acknowledge: POST ${publicUrl}/v1/alerts/${id}/acknowledge`]),
  ];
}

/** Text in which Slack sees no markup. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function words(name: string): string {
  return name.replaceAll('_', ' ');
}

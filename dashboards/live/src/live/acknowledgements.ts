import { isJsonObject, textIn } from './rows.ts';

/** How far the taking over of an incident has come, as far as this page knows. */
export type AcknowledgementState =
  | { readonly kind: 'sending' }
  /** The server has it; the row says so with its next update. */
  | { readonly kind: 'sent' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Posts JSON to the server: `fetch`, or a test's stand-in. */
export type PostJson = (
  path: string,
  body: unknown,
) => Promise<{ readonly isOk: boolean; readonly status: number; readonly body: unknown }>;

/** Takes incidents over, one request for each. */
export class Acknowledgements {
  readonly #postJson: PostJson;
  readonly #changed: () => void;
  readonly #states = new Map<string, AcknowledgementState>();

  constructor(options: { readonly postJson: PostJson; readonly changed: () => void }) {
    this.#postJson = options.postJson;
    this.#changed = options.changed;
  }

  stateOf(alertId: string): AcknowledgementState | undefined {
    return this.#states.get(alertId);
  }

  /** Asks once; a failed request may be asked again. */
  async acknowledge(alertId: string): Promise<void> {
    const before = this.#states.get(alertId);
    if (before !== undefined && before.kind !== 'failed') return;
    this.#set(alertId, { kind: 'sending' });
    try {
      const path = `/v1/alerts/${encodeURIComponent(alertId)}/acknowledge`;
      const answer = await this.#postJson(path, {});
      this.#set(
        alertId,
        answer.isOk
          ? { kind: 'sent' }
          : {
              kind: 'failed',
              reason: reasonIn(answer.body) ?? `The server answered ${answer.status}`,
            },
      );
    } catch {
      this.#set(alertId, { kind: 'failed', reason: 'The server could not be reached' });
    }
  }

  #set(alertId: string, state: AcknowledgementState): void {
    this.#states.set(alertId, state);
    this.#changed();
  }
}

/** What a problem document says. @see RFC 9457 */
function reasonIn(body: unknown): string | undefined {
  if (!isJsonObject(body)) return undefined;
  return textIn(body, 'detail') ?? textIn(body, 'title');
}

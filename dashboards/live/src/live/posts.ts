import { isJsonObject, textIn } from './rows.ts';

/** How far a request has come, as far as this page knows. */
export type PostState =
  | { readonly kind: 'sending' }
  /** The server has it; rows say so with their next update. */
  | { readonly kind: 'sent' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Posts JSON to the server: `fetch`, or a test's stand-in. */
export type PostJson = (
  path: string,
  body: unknown,
) => Promise<{ readonly isOk: boolean; readonly status: number; readonly body: unknown }>;

/** Requests of a person, one for each subject. */
export class Posts {
  readonly #postJson: PostJson;
  readonly #changed: () => void;
  readonly #states = new Map<string, PostState>();

  constructor(options: { readonly postJson: PostJson; readonly changed: () => void }) {
    this.#postJson = options.postJson;
    this.#changed = options.changed;
  }

  stateOf(subject: string): PostState | undefined {
    return this.#states.get(subject);
  }

  /** Asks once for each subject; a failed request may be asked again. */
  async post(subject: string, path: string): Promise<void> {
    const before = this.#states.get(subject);
    if (before !== undefined && before.kind !== 'failed') return;
    this.#set(subject, { kind: 'sending' });
    try {
      const answer = await this.#postJson(path, {});
      this.#set(
        subject,
        answer.isOk
          ? { kind: 'sent' }
          : {
              kind: 'failed',
              reason: reasonIn(answer.body) ?? `The server answered ${answer.status}`,
            },
      );
    } catch {
      this.#set(subject, { kind: 'failed', reason: 'The server could not be reached' });
    }
  }

  #set(subject: string, state: PostState): void {
    this.#states.set(subject, state);
    this.#changed();
  }
}

/** What a problem document says. @see RFC 9457 */
function reasonIn(body: unknown): string | undefined {
  if (!isJsonObject(body)) return undefined;
  return textIn(body, 'detail') ?? textIn(body, 'title');
}

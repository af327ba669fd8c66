import { randomUUID } from 'node:crypto';

/** What a caller's own request id may look like; anything else would end up in log lines unchecked. */
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/;

export const REQUEST_ID_HEADER = 'x-request-id';

/** The id of a request: the caller's own when it is usable, else a new one. */
export function requestIdOf(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : randomUUID();
}

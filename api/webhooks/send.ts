import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

import { SECOND_MS } from '../../schemas/time.ts';
import { checkedAddress } from './address.ts';
import type { Message } from './message.ts';
import { signatureOf } from './signature.ts';

/** How an attempt ended: `refused` will not end otherwise when it is repeated. */
export type Sent =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed' | 'refused'; readonly reason: string };

/** A receiver has this long to answer. */
const ANSWER_MS_MAX = 10 * SECOND_MS;

/**
 * Sends a message to a webhook: one POST, no redirects. The name is looked up once and the connection
 * goes to the address that was checked.
 */
export async function sendMessage(
  url: string,
  message: Message,
  options: {
    readonly secret: string | undefined;
    readonly isPrivateAllowed: boolean;
    readonly nowMs: number;
  },
): Promise<Sent> {
  const target = new URL(url);
  const found = await checkedAddress(target.hostname, options.isPrivateAllowed);
  if (found === 'private') return { kind: 'refused', reason: 'private_address' };
  if (found === 'not_found') return { kind: 'failed', reason: 'name_not_found' };
  const body = Buffer.from(message.body);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'user-agent': 'weir',
    'x-weir-delivery': message.deliveryId,
  };
  if (options.secret !== undefined) {
    headers['x-weir-signature'] = signatureOf(message.body, options.secret, options.nowMs);
  }
  const send = target.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    const request = send(
      target,
      {
        method: 'POST',
        headers,
        timeout: ANSWER_MS_MAX,
        agent: false,
        lookup: (_name, lookupOptions, callback) => {
          if (lookupOptions.all === true) callback(null, [found]);
          else callback(null, found.address, found.family);
        },
      },
      (response) => {
        response.resume();
        resolve(outcomeOf(response.statusCode ?? 0));
      },
    );
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => {
      resolve({ kind: 'failed', reason: error.message === 'timeout' ? 'timeout' : 'unreachable' });
    });
    request.end(body);
  });
}

function outcomeOf(status: number): Sent {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const isForGood = status >= 300 && status < 500 && status !== 408 && status !== 429;
  return { kind: isForGood ? 'refused' : 'failed', reason: `status_${status}` };
}

/**
 * One connection that watches: a WebSocket or an event stream. The hub decides what it gets and when;
 * the viewer only puts messages on the wire and says how much of them is still waiting there.
 */
export interface Viewer {
  /** How messages become bytes; viewers with the same encoding share the encoded frames. */
  readonly encoding: Encoding;
  /** Writes an encoded frame; never waits. */
  write(frame: Buffer): void;
  /** Bytes written that the connection has not taken yet. */
  bufferedBytes(): number;
  /** Ends the connection with a WebSocket close code; called at most once. */
  close(code: number, reason: string): void;
}

export interface Encoding {
  /** `seq` is the change set a topic's message brings its reader to; undefined for other messages. */
  encode(
    message: string,
    seq: { readonly topic: string; readonly value: number } | undefined,
  ): Buffer;
}

/** Close codes that Weir sends beside those of RFC 6455. */
export const CLOSE_KEY_ENDED = 4401;
export const CLOSE_TOO_SLOW = 4008;
export const CLOSE_GOING_AWAY = 1001;
export const CLOSE_POLICY = 1008;

import { type Socket, connect, isIP } from 'node:net';
import { type ConnectionOptions, connect as connectSecurely } from 'node:tls';

const KEEP_ALIVE_MS = 60_000;
const ENDED = 'the client has been disconnected';

/** As kafkajs asks for a connection. */
interface Wanted {
  readonly host: string;
  readonly port: number;
  /** Null for a connection in the clear, whatever the types of kafkajs say. */
  readonly ssl: ConnectionOptions | null;
  readonly onConnect: () => void;
}

/**
 * The connections of one producer, consumer or admin, which end with it. kafkajs by itself connects once
 * more after it was told to disconnect, when a request still waited for its turn: nobody would ever
 * close that, and the process would not end.
 */
export class KafkaSockets {
  readonly #open = new Set<Socket>();
  #hasEnded = false;

  /** For kafkajs, which takes an error as a broker that is away. */
  readonly create = ({ host, port, ssl, onConnect }: Wanted): Socket => {
    if (this.#hasEnded) throw new Error(ENDED);
    const named = isIP(host) === 0 ? { servername: host } : {};
    const socket =
      ssl === null
        ? connect({ host, port }, onConnect)
        : connectSecurely({ host, port, ...named, ...ssl }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Closes what is open; there will be no other. */
  end(): void {
    this.#hasEnded = true;
    for (const socket of this.#open) socket.destroy(new Error(ENDED));
  }
}

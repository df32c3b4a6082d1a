import { inspect } from 'node:util';
import { Redis, type RedisOptions } from 'ioredis';
import { WrongKeyTypeError } from './errors.js';

type Command = Parameters<Redis['sendCommand']>[0];
type Stream = Parameters<Redis['sendCommand']>[1];
type Settings = Omit<RedisOptions, 'replyMapping'>;

/**
 * A connection whose password, and whose commands' arguments, are in no error and in nothing that is printed. ioredis gives
 * its errors the whole command, that of AUTH too, and keeps its options where `inspect` and JSON find them. Of all that a
 * command says, only the name of a key is told, and that where the key has a wrong type: nobody could find it else.
 */
export class DiscreetRedis extends Redis {
  constructor(options: Settings, url?: string) {
    if (url === undefined) super(options);
    else super(url, options);
    const shown = { value: () => shownOf(this) };
    // Pipelines and connectors hold the options as well.
    Object.defineProperties(this.options, { [inspect.custom]: shown, toJSON: shown });
    // For who does not ask `inspect.custom`: `console.dir` and `assert`. Those that a lazy connection has not set yet as well.
    for (const name of ['options', 'connector', 'condition'])
      Object.defineProperty(this, name, { enumerable: false, writable: true });
  }

  // Replies, aborts and ends of the connection: all that reject a command do it by this.
  override sendCommand(command: Command, stream?: Stream): unknown {
    const { reject } = command;
    command.reject = (error) => reject(namingKey(command, withoutArguments(error)));
    return super.sendCommand(command, stream);
  }

  // ioredis listens for the first error of a socket alone. One that is closed within its TLS handshake may have two: that its
  // certificate is refused, and what the server says then. With no listener that would end the process.
  override disconnect(reconnect = false): void {
    if (this.stream && !this.stream.listeners('error').includes(passOver))
      this.stream.on('error', passOver);
    super.disconnect(reconnect);
  }

  override duplicate(override: Partial<Settings> = {}): Redis {
    return new DiscreetRedis({ ...this.options, ...override });
  }

  [inspect.custom](): object {
    return shownOf(this);
  }

  toJSON(): object {
    return shownOf(this);
  }
}

const passOver = (): void => undefined;

const shownOf = ({ options, status }: Redis): { redis: string; status: string } => {
  const { path, host, port, sentinels, name } = options;
  return { redis: sentinels ? `${name} of sentinels` : (path ?? `${host}:${port}`), status };
};

const withoutArguments = (error: Error & { command?: { name: string } }): Error => {
  if (error.command) error.command = { name: error.command.name };
  return error;
};

// Redis says what is wrong, and not where. Which key a script met, and what it had written by then, its names do not tell.
const namingKey = (command: Command, error: Error): Error => {
  if (!error.message.startsWith('WRONGTYPE') || /^(eval|fcall)/i.test(command.name)) return error;
  const keys = command.getKeys().map(String);
  const [first, ...more] = keys;
  // A command that ioredis does not know.
  if (first === undefined) return error;
  const detail = `Key ${keys.join(' or ')} has a wrong type`;
  return new WrongKeyTypeError(detail, more.length === 0 ? first : null, { cause: error });
};

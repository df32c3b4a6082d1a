import { exitCodes } from './exit.js';
import type { Io } from './io.js';
import { logfmt } from './logfmt.js';

/** How a command speaks that goes on until it is stopped. */
export interface Service {
  /** One line: `pretty` on a terminal, else the fields, with the time. */
  print(line: { event: string } & Record<string, unknown>, pretty: string): void;
  /** What the first signal calls, also one that came before; the second one ends the process. */
  stopWith(stop: () => Promise<void>): void;
}

export const serviceOf = (io: Io, isJson: boolean, whenStopping: string): Service => {
  let stop: (() => Promise<void>) | null = null;
  let signals = 0;
  const print: Service['print'] = ({ event, ...fields }, pretty) => {
    const record = { event, at: new Date().toISOString(), ...fields };
    if (isJson) io.json(record);
    else io.out(io.isTerminal ? pretty : logfmt(record));
  };
  io.outliveOutput();
  io.onSignal((signal) => {
    signals += 1;
    print({ event: 'stopping', signal }, io.colors.yellow(`${signal}: ${whenStopping}`));
    if (signals > 1) process.exit(exitCodes.interrupted);
    void stop?.();
  });
  return {
    print,
    stopWith: (given) => {
      stop = given;
      if (signals > 0) void given();
    },
  };
};

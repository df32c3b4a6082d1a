import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const childFile = fileURLToPath(new URL('./participant-child.mjs', import.meta.url));

/**
 * A fresh process that plays one role (producer, worker, listener) with one library. `call` runs
 * one of the role's functions there and rejects with its error, or with how the process ended.
 */
export function startParticipant(library, role) {
  // In a process group of its own: its sandboxed children must end with it.
  const child = fork(childFile, [library, role], {
    detached: true,
    env: cleanEnvironment(),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const waiting = new Map();
  let lastWords = '';
  let nextId = 1;
  let ended;

  child.stderr.setEncoding('utf8').on('data', (text) => {
    lastWords = (lastWords + text).slice(-2000);
  });
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(`${library} ${role}: ${error}`));
  });
  child.on('close', (code, signal) => {
    ended = new Error(
      `${library} ${role} ended (${signal ?? `code ${code}`}): ${lastWords.trim()}`,
    );
    for (const { reject } of waiting.values()) reject(ended);
  });

  return {
    call(name, params) {
      if (ended) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        child.send({ id, name, params }, (error) => error && reject(error));
      });
    },
    throwIfEnded() {
      if (ended) throw ended;
    },
    async kill() {
      if (ended) return;
      const closed = new Promise((resolve) => child.once('close', resolve));
      killGroup(child.pid);
      await closed;
    },
    killNow: () => ended || killGroup(child.pid),
  };
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

// Both variables slow down the start of every Node process, and NODE_OPTIONS may change more.
function cleanEnvironment() {
  const { NODE_OPTIONS: _options, NODE_EXTRA_CA_CERTS: _certificates, ...rest } = process.env;
  return rest;
}

/** What the promise resolves to, or `null` when that takes longer. It goes on; what comes later is dropped. */
export const within = <T>(ms: number, promise: Promise<T>): Promise<T | null> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Math.min(Math.max(ms, 0), 2 ** 31 - 1), null);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });

/** What the promise resolves to, or `null` when that takes longer. It goes on; what comes later is dropped. */
export const within = async <T>(ms: number, promise: Promise<T>): Promise<T | null> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, Math.min(Math.max(ms, 0), 2 ** 31 - 1), null);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

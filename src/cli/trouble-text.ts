/** An error of something that goes on, for a line of output. */
export const troubleText = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // The client's words for a connection that closed speak of an option that nobody here has set.
  return error.name === 'MaxRetriesPerRequestError' ? 'Redis is away; trying again' : error.message;
};

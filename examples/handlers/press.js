// Jobs, and what is called when they have ended.
export const print = (title) => {
  if (title === '') throw new Error('a page without a title');
  return { title, pages: title.length };
};

export const shelve = (job, { title, pages }) => {
  job.meta.shelf = `${title}, ${pages} pages`;
  job.saveMeta();
};

export const complain = (job, error) => {
  job.meta.complaint = error.message;
  job.saveMeta();
};

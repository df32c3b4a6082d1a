// @ts-check

/** A plain exported function is a handler as well: this one is `shop.order`. @param {string} item */
export const order = (item) => {
  if (process.env.SHOP === 'closed') throw new Error('the shop is closed');
  return `${item} ordered`;
};
